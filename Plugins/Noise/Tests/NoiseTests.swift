import Manifests
import PluginHost
import PluginTesting
import Protocols
import Testing

private func dataset(_ component: String, _ options: [String: JSON], seed: UInt64 = 5) throws -> any Dataset {
    try ShippedPlugins.loader(seed: seed).dataset(Choice(component: component, options: options))
}

private let images: [String: JSON] = [
    "train_rows": .int(23), "test_rows": .int(11), "height": .int(5), "width": .int(7), "channels": .int(3),
    "classes": .int(4),
]

@Suite struct NoiseTests {
    @Test func declaresShapesAndClasses() throws {
        let vectors = try dataset("noise", ["d_in": .int(9), "classes": .int(6)])
        #expect(vectors.fields == [Field(name: "x", shape: [9]), Field(name: "y", shape: [], classes: 6)])
        let pictures = try dataset("noise_images", images)
        #expect(pictures.fields == [Field(name: "x", shape: [5, 7, 3]), Field(name: "y", shape: [], classes: 4)])
        #expect(try pictures.rows(in: "train") == 23)
        #expect(try pictures.rows(in: "test") == 11)
    }

    /// 30,000 numbers: mean and variance within five standard errors of 0 and 1; labels likewise.
    @Test func inputsAreNormalAndLabelsUniform() throws {
        let rows = 6000
        let data = try readRows(
            of: dataset("noise", ["train_rows": .int(rows), "d_in": .int(5), "classes": .int(3)]), "train")
        let x = try #require(data["x"]), y = try #require(data["y"])
        let count = Double(x.count)
        let mean = x.reduce(0, +) / count
        let variance = x.reduce(0) { $0 + $1 * $1 } / count - mean * mean
        #expect(abs(mean) < 5 / count.squareRoot())
        #expect(abs(variance - 1) < 5 * (2 / count).squareRoot())
        for label in 0..<3 {
            let share = Double(y.count { $0 == Double(label) }) / Double(rows)
            #expect(abs(share - 1.0 / 3) < 5 * (2.0 / 9 / Double(rows)).squareRoot())
        }
    }

    /// A row is the same whichever rows are read with it; the splits and seeds differ.
    @Test(arguments: [("noise", [:]), ("noise_images", images)])
    func rowsDependOnSeedSplitAndIndexOnly(component: String, options: [String: JSON]) throws {
        let data = try dataset(component, options)
        let all = try readRows(of: data, "train", 0..<11)
        let part = try readRows(of: data, "train", 3..<8)
        let test = try readRows(of: data, "test", 0..<11)
        let other = try readRows(of: dataset(component, options, seed: 6), "train", 0..<11)
        for field in data.fields {
            let values = try #require(all[field.name])
            #expect(part[field.name] == Array(values[3 * field.elements..<8 * field.elements]))
            #expect(test[field.name] != values)
            #expect(other[field.name] != values)
        }
    }
}
