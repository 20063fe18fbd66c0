import Foundation
import Manifests
import PluginHost
import PluginTesting
import Protocols
import Testing

private func digits(_ options: [String: JSON] = [:], seed: UInt64 = 5) throws -> any Dataset {
    try ShippedPlugins.loader(seed: seed).dataset(Choice(component: "digits", options: options))
}

private struct Rows: Equatable {
    var x: [[Double]]
    var y: [Double]

    init(_ dataset: any Dataset, _ split: String, _ range: Range<Int>? = nil) throws {
        let fields = try readRows(of: dataset, split, range)
        y = fields["y"] ?? []
        let pixels = fields["x"] ?? []
        x = y.indices.map { Array(pixels[$0 * 64..<($0 + 1) * 64]) }
    }

    /// Pixels and label of each row, as the file has them.
    var records: [[UInt8]] { zip(x, y).map { pixels, label in (pixels.map { $0 * 16 } + [label]).map { UInt8($0) } } }
}

private func raw(_ options: [String: JSON]) -> [String: JSON] {
    options.merging(["standardize": .bool(false)]) { $1 }
}

/// The 1797 records of the file, read without the plugin.
private func source() throws -> [[UInt8]] {
    let root = try Installation.root
    let bytes = [UInt8](try #require(FileManager.default.contents(atPath: root + "/Plugins/Digits/digits.bin")))
    return stride(from: 0, to: bytes.count, by: 65).map { Array(bytes[$0..<$0 + 65]) }
}

private func sorted(_ records: [[UInt8]]) -> [[UInt8]] { records.sorted { $0.lexicographicallyPrecedes($1) } }

@Suite struct DigitsTests {
    @Test func declaresImagesAndLabels() throws {
        let dataset = try digits()
        #expect(dataset.fields == [Field(name: "x", shape: [64]), Field(name: "y", shape: [], classes: 10)])
        #expect(dataset.splits == ["train", "test"])
        #expect(try dataset.rows(in: "train") == 1400)
        #expect(try dataset.rows(in: "test") == 397)
        let error = #expect(throws: PluginError.self) { try dataset.rows(in: "valid") }
        #expect(error?.description == "plugin syzygy.digits/digits: has no split 'valid' (it has train, test)")
    }

    /// The counts of scikit-learn's load_digits.
    @Test func hasAllImagesOfEveryClass() throws {
        let dataset = try digits()
        let labels = try Rows(dataset, "train").y + Rows(dataset, "test").y
        let counts = (0..<10).map { digit in labels.count { $0 == Double(digit) } }
        #expect(counts == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
    }

    @Test func withoutShufflingTheOrderIsThatOfTheFile() throws {
        let dataset = try digits(raw(["shuffle": .bool(false), "train_rows": .int(1100), "test_rows": .int(697)]))
        #expect(try Rows(dataset, "train").records + Rows(dataset, "test").records == source())
    }

    /// Together the splits hold every record as often as the file does: disjoint and complete.
    @Test(arguments: [UInt64(0), 5, 1 << 63]) func theSplitsAreDisjointAndComplete(seed: UInt64) throws {
        let dataset = try digits(raw(["train_rows": .int(1000), "test_rows": .int(797)]), seed: seed)
        let records = try Rows(dataset, "train").records + Rows(dataset, "test").records
        #expect(try sorted(records) == sorted(source()))
        #expect(try records != source())
    }

    /// A smaller test split is the begin of the larger one, right behind the training rows.
    @Test func theTestRowsFollowTheTrainingRows() throws {
        let all = try Rows(digits(raw(["train_rows": .int(1797), "test_rows": .int(0)])), "train").records
        let dataset = try digits(raw(["train_rows": .int(900), "test_rows": .int(31)]))
        #expect(try Rows(dataset, "train").records == Array(all[..<900]))
        #expect(try Rows(dataset, "test").records == Array(all[900..<931]))
    }

    /// (pixel − mean) / std with 1/n over the split train; a constant pixel becomes 0. 1e-12: sums of 1 200 terms.
    @Test func bothSplitsAreScaledByTheTrainingRows() throws {
        let sizes: [String: JSON] = ["train_rows": .int(1200), "test_rows": .int(597)]
        let (plain, scaled) = (try digits(raw(sizes)), try digits(sizes))
        let (train, test) = (try Rows(plain, "train").x, try Rows(plain, "test").x)
        let (scaledTrain, scaledTest) = (try Rows(scaled, "train").x, try Rows(scaled, "test").x)
        var constant = 0
        for j in 0..<64 {
            let mean = train.reduce(0) { $0 + $1[j] } / 1200
            let variance = train.reduce(0) { $0 + ($1[j] - mean) * ($1[j] - mean) } / 1200
            let deviation = variance.squareRoot()
            if train.allSatisfy({ $0[j] == train[0][j] }) { constant += 1 }
            func expected(_ pixel: Double) -> Double { variance == 0 ? 0 : (pixel - mean) / deviation }
            #expect(zip(train, scaledTrain).allSatisfy { abs(expected($0[j]) - $1[j]) <= 1e-12 * max(1, abs($1[j])) })
            #expect(zip(test, scaledTest).allSatisfy { abs(expected($0[j]) - $1[j]) <= 1e-12 * max(1, abs($1[j])) })
            let sum = scaledTrain.reduce(0) { $0 + $1[j] }
            let squares = scaledTrain.reduce(0) { $0 + $1[j] * $1[j] }
            #expect(abs(sum) <= 1e-9)
            #expect(variance == 0 ? squares == 0 : abs(squares / 1200 - 1) <= 1e-12)
        }
        #expect(constant >= 1)  // the first pixel is black in every image
    }

    /// Scaling by the test rows instead would be visible: their mean differs.
    @Test func theTestRowsHaveTheirOwnMean() throws {
        let test = try Rows(digits(), "test").x
        let means = (0..<64).map { j in test.reduce(0) { $0 + $1[j] } / 397 }
        #expect(means.contains { abs($0) > 0.01 })
    }

    @Test(arguments: ["train", "test"]) func rowsDoNotDependOnTheChunk(split: String) throws {
        let dataset = try digits(["train_rows": .int(53), "test_rows": .int(29)])
        let whole = try Rows(dataset, split)
        for size in [1, 7, 10] {
            var (x, y): ([[Double]], [Double]) = ([], [])
            for begin in stride(from: 0, to: whole.y.count, by: size) {
                let part = try Rows(dataset, split, begin..<min(begin + size, whole.y.count))
                x += part.x
                y += part.y
            }
            #expect(x == whole.x && y == whole.y)
        }
        #expect(try Rows(dataset, split, 3..<3).y.isEmpty)
    }

    @Test func theOrderFollowsTheSeed() throws {
        let first = try Rows(digits(seed: 11), "train", 0..<97)
        #expect(try Rows(digits(seed: 11), "train", 0..<97) == first)
        #expect(try Rows(digits(seed: 12), "train", 0..<97).y != first.y)
        let fixed = try [11, 12].map { try Rows(digits(["shuffle": .bool(false)], seed: $0), "train", 0..<97) }
        #expect(fixed[0] == fixed[1] && fixed[0] != first)
    }

    @Test func tooManyRowsAreRefused() throws {
        let dataset = try digits(["train_rows": .int(1500), "test_rows": .int(298)])
        let error = #expect(throws: PluginError.self) { try readRows(of: dataset, "train", 0..<2) }
        #expect(
            error?.description == "plugin syzygy.digits/digits: failed (invalid arguments): "
                + "train_rows + test_rows = 1500 + 298 exceeds the 1797 images")
        let all = try digits(["train_rows": .int(1500), "test_rows": .int(297)])
        #expect(try readRows(of: all, "test", 295..<297)["y"]?.count == 2)
    }
}
