import Manifests
import PluginTesting
import Protocols
import Testing

/// A record of CIFAR-10 (one label byte) or CIFAR-100 (two): pixel i of plane c is f(i, c).
private func record(_ labels: [UInt8], _ key: Int) -> [UInt8] {
    labels + (0..<3 * 1024).map { value(key, plane: $0 / 1024, $0 % 1024) }
}

private func value(_ key: Int, plane: Int, _ i: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: i * 7 + plane * 101 + key * 13)
}

private let plain: [String: JSON] = ["shuffle": .bool(false), "standardize": .bool(false)]

@Suite struct CIFARTests {
    private func writeAll(_ folder: String) throws {
        try write(record([9], 0) + record([0], 1) + record([4], 2), to: folder + "/one.bin")
        try write(record([7], 3), to: folder + "/two.bin")
        try write(record([3], 4) + record([1], 5), to: folder + "/test.bin")
        try write(record([19, 99], 0) + record([2, 41], 1), to: folder + "/hundred.bin")
    }

    private func ten(_ folder: String, _ options: [String: JSON] = [:]) throws -> any Dataset {
        let files: [String: JSON] = ["files": .array(["one.bin", "two.bin"]), "test_files": .array(["test.bin"])]
        return try images("cifar10", in: folder, plain.merging(files) { $1 }.merging(options) { $1 })
    }

    /// Channels come out last; batches are read one after the other.
    @Test func planesBecomeChannels() throws {
        try withTemporaryFolder { folder in
            try writeAll(folder)
            let dataset = try ten(folder)
            #expect(
                dataset.fields == [Field(name: "x", shape: [32, 32, 3]), Field(name: "y", shape: [], classes: 10)])
            #expect(try dataset.rows(in: "train") == 4)
            #expect(try dataset.rows(in: "test") == 2)
            for (split, keys, labels) in [("train", [0, 1, 2, 3], [9.0, 0, 4, 7]), ("test", [4, 5], [3, 1])] {
                let rows = try readRows(of: dataset, split)
                let expected = keys.flatMap { key in
                    (0..<1024).flatMap { i in (0..<3).map { Double(value(key, plane: $0, i)) / 255 } }
                }
                #expect(rows["x"] == expected)
                #expect(rows["y"] == labels)
            }
            #expect(try ten(folder, ["flatten": .bool(true)]).fields[0].shape == [3072])
        }
    }

    @Test func eachChannelIsStandardized() throws {
        try withTemporaryFolder { folder in
            try writeAll(folder)
            let plain = try #require(try readRows(of: ten(folder), "train")["x"])
            let scaled = try #require(try readRows(of: ten(folder, ["standardize": .bool(true)]), "train")["x"])
            for channel in 0..<3 {
                let values = stride(from: channel, to: plain.count, by: 3).map { plain[$0] }
                let mean = values.reduce(0, +) / 4096
                let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 4096).squareRoot()
                for i in stride(from: channel, to: plain.count, by: 3) {
                    #expect(abs(scaled[i] - (plain[i] - mean) / deviation) < 1e-12)
                }
            }
        }
    }

    @Test func bothLabelsOfOneHundred() throws {
        try withTemporaryFolder { folder in
            try writeAll(folder)
            for (labels, classes, expected) in [("fine", 100, [99.0, 41]), ("coarse", 20, [19, 2])] {
                let dataset = try images(
                    "cifar100", in: folder,
                    plain.merging(["files": .array(["hundred.bin"]), "labels": .string(labels)]) { $1 })
                #expect(dataset.fields[1].classes == classes)
                let rows = try readRows(of: dataset, "train")
                #expect(rows["y"] == expected)
                #expect(rows["x"]?[3] == Double(value(0, plane: 0, 1)) / 255)
            }
        }
    }

    @Test func sentences() throws {
        try withTemporaryFolder { folder in
            try writeAll(folder)
            try write(Array(record([1], 0).dropLast()), to: folder + "/short.bin")
            try write([], to: folder + "/empty.bin")
            try write(record([1], 0) + record([10], 1), to: folder + "/wrong.bin")
            for (name, text) in [
                ("short.bin", "short.bin: 3072 bytes are no whole number of records of 3073 bytes"),
                ("empty.bin", "empty.bin: 0 bytes are no whole number of records of 3073 bytes"),
                ("wrong.bin", "wrong.bin: label 10 at byte 3073 is outside 0..<10"),
                ("hundred.bin", "hundred.bin: 6148 bytes are no whole number of records of 3073 bytes"),
            ] {
                let found = sentence { _ = try ten(folder, ["test_files": .array([.string(name)])]) }
                #expect(found == "failed (input/output error): \(text)")
            }
            let few = sentence { _ = try ten(folder, ["train_rows": .int(5)]) }
            #expect(few == "failed (invalid arguments): train_rows 5 exceeds the 4 images that are left for train")
        }
    }

    @Test func damagedFiles() throws {
        var generator = SplitMix(seed: 4)
        try withTemporaryFolder { folder in
            try writeAll(folder)
            let whole = record([9], 0) + record([0], 1)
            var refused = 0
            for round in 0..<200 {
                var bytes = whole
                if round % 2 == 0 { bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &generator))) }
                if round % 3 > 0, !bytes.isEmpty {
                    bytes[bytes.count > 3073 ? 3073 : 0] = .random(in: 0...255, using: &generator)
                }
                try write(bytes, to: folder + "/one.bin")
                do {
                    _ = try readRows(of: ten(folder, ["test_files": .array([]), "test_rows": .int(1)]), "test")
                } catch {
                    refused += 1
                }
            }
            #expect((100..<200).contains(refused))
        }
    }
}
