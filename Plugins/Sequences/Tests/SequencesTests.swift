import Manifests
import PluginHost
import PluginTesting
import Protocols
import Testing

private func dataset(_ component: String, _ options: [String: JSON], seed: UInt64 = 5) throws -> any Dataset {
    try ShippedPlugins.loader(seed: seed).dataset(Choice(component: component, options: options))
}

private let kinds: [(component: String, options: [String: JSON])] = [
    ("random_tokens", ["train_rows": .int(23), "test_rows": .int(11), "length": .int(7), "vocabulary": .int(5)]),
    (
        "copy_memory",
        ["train_rows": .int(23), "test_rows": .int(11), "symbols": .int(4), "count": .int(3), "delay": .int(6)]
    ),
    ("modular_arithmetic", ["p": .int(7), "fraction": .double(0.4)]),
]

@Suite struct SequencesTests {
    @Test func declaresShapesAndClasses() throws {
        let shapes = try kinds.map { try dataset($0.component, $0.options).fields }
        #expect(shapes[0] == [Field(name: "x", shape: [7], classes: 5), Field(name: "y", shape: [7], classes: 5)])
        #expect(shapes[1] == [Field(name: "x", shape: [12], classes: 6), Field(name: "y", shape: [12], classes: 6)])
        #expect(shapes[2] == [Field(name: "x", shape: [3], classes: 8), Field(name: "y", shape: [], classes: 7)])
    }

    @Test func targetsOfRandomTokensAreTheNextTokens() throws {
        let data = try readRows(of: dataset(kinds[0].component, kinds[0].options), "train")
        let x = try #require(data["x"]), y = try #require(data["y"])
        for row in 0..<23 {
            for t in 0..<6 { #expect(y[7 * row + t] == x[7 * row + t + 1]) }
        }
        #expect(Set(x) == [0, 1, 2, 3, 4])
        // The last target is no copy of a token of the row.
        #expect((0..<23).contains { y[7 * $0 + 6] != x[7 * $0] })
    }

    @Test func symbolsAreAskedForAfterTheDelay() throws {
        let data = try readRows(of: dataset(kinds[1].component, kinds[1].options), "test")
        let x = try #require(data["x"]), y = try #require(data["y"])
        for row in 0..<11 {
            let (given, asked) = (Array(x[12 * row..<12 * (row + 1)]), Array(y[12 * row..<12 * (row + 1)]))
            #expect(given[0..<3].allSatisfy { (0..<4).contains($0) })
            #expect(Array(given[3...]) == [4, 4, 4, 4, 4, 5, 4, 4, 4])
            #expect(asked == Array(repeating: 4, count: 9) + given[0..<3])
        }
    }

    @Test(arguments: ["add", "subtract", "multiply"]) func allPairsAreInOneOfTheSplits(operation: String) throws {
        let data = try dataset(
            "modular_arithmetic", kinds[2].options.merging(["operation": .string(operation)]) { $1 })
        #expect(try data.rows(in: "train") == 20 && data.rows(in: "test") == 29)
        var pairs: [Int] = []
        for split in data.splits {
            let rows = try readRows(of: data, split)
            let x = try #require(rows["x"]), y = try #require(rows["y"])
            for row in y.indices {
                let (a, b) = (Int(x[3 * row]), Int(x[3 * row + 1]))
                #expect(x[3 * row + 2] == 7)
                #expect(Int(y[row]) == (operation == "add" ? a + b : operation == "subtract" ? a + 7 - b : a * b) % 7)
                pairs.append(7 * a + b)
            }
        }
        #expect(pairs.sorted() == Array(0..<49))
    }

    @Test func nothingToTrainOnIsRefused() throws {
        let error = #expect(throws: (any Error).self) {
            try dataset("modular_arithmetic", ["p": .int(3), "fraction": .double(0.05)])
        }
        #expect(
            error.map { "\($0)" }?.contains("0.05 of 9 pairs leaves none") ?? false, "\(String(describing: error))")
    }

    /// A row is the same whichever rows are read with it; splits and seeds differ.
    @Test(arguments: kinds)
    func rowsDependOnSeedSplitAndIndexOnly(kind: (component: String, options: [String: JSON])) throws {
        let data = try dataset(kind.component, kind.options)
        let all = try readRows(of: data, "train", 0..<11), part = try readRows(of: data, "train", 3..<8)
        let test = try readRows(of: data, "test", 0..<11)
        let other = try readRows(of: dataset(kind.component, kind.options, seed: 6), "train", 0..<11)
        for field in data.fields {
            let values = try #require(all[field.name])
            #expect(part[field.name] == Array(values[3 * field.elements..<8 * field.elements]))
            #expect(test[field.name] != values && other[field.name] != values)
        }
    }
}
