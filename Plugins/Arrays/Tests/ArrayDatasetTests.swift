import ArrayFiles
import Manifests
import PluginHost
import PluginTesting
import Protocols
import Testing

func dataset(
    _ component: String, in folder: String, _ options: [String: JSON], seed: UInt64 = 5
) throws -> any Dataset {
    try ShippedPlugins.loader(seed: seed, dataFolder: folder).dataset(Choice(component: component, options: options))
}

/// What the run would say, without the plugin's name.
func sentence(_ body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch {
        return "\(error)".split(separator: ": ", maxSplits: 1).last.map(String.init)
    }
}

private let plain: [String: JSON] = ["path": "a", "shuffle": .bool(false)]

@Suite struct ArrayDatasetTests {
    private static let x = (0..<7 * 6).map { (i: Int) -> Float in Float(i * i % 17) / 4 - 1 }
    private static let arrays = [
        NamedArray("x", shape: [7, 3, 2], .f32(x)), NamedArray("y", shape: [7], .i64([2, 0, 1, 0, 4, 1, 2])),
        NamedArray("real", shape: [7, 2], .f64((0..<14).map { Double($0) / 3 })),
        NamedArray("column", shape: [7], .f32([1, 0.5, 2, 3, 4, 5, 6])),
        NamedArray("x_test", shape: [3, 3, 2], .u8((0..<18).map { UInt8($0) })),
        NamedArray("y_test", shape: [3], .u8([5, 0, 1])),
    ]

    private func write(_ format: String, _ arrays: [NamedArray] = arrays, to path: String) throws {
        if format == "npz" { try NPZ.write(arrays, to: path) } else { try Safetensors.write(arrays, to: path) }
    }

    @Test(arguments: ["npz", "safetensors"]) func inputsAndTargets(format: String) throws {
        try withTemporaryFolder { folder in
            try write(format, to: folder + "/a")
            func open(_ options: [String: JSON] = [:]) throws -> any Dataset {
                try dataset(format, in: folder, plain.merging(options) { $1 })
            }
            let labels = try open()
            #expect(labels.fields == [Field(name: "x", shape: [3, 2]), Field(name: "y", shape: [], classes: 5)])
            #expect(try labels.rows(in: "train") == 7)
            #expect(try readRows(of: labels, "train", 2..<4)["x"] == Self.x[12..<24].map { Double($0) })
            #expect(try readRows(of: labels, "train")["y"] == [2, 0, 1, 0, 4, 1, 2])
            #expect(try open(["classes": .int(9)]).fields[1].classes == 9)
            #expect(try open(["flatten": .bool(true)]).fields[0].shape == [6])

            #expect(try open(["y": "real"]).fields[1] == Field(name: "y", shape: [2]))
            #expect(try readRows(of: open(["y": "real"]), "train", 3..<4)["y"] == [2, 7.0 / 3])
            #expect(try open(["y": "column"]).fields[1] == Field(name: "y", shape: [1]))
            #expect(try open(["target": "number"]).fields[1] == Field(name: "y", shape: [1]))
            #expect(try open(["x": "column", "y": "x"]).fields[0].shape == [1])

            let own = try open(["test_x": "x_test", "test_y": "y_test"])
            #expect(own.fields[1].classes == 6)
            #expect(try own.rows(in: "test") == 3)
            #expect(try readRows(of: own, "test")["x"] == (0..<18).map { Double($0) })
            try write(format, Array(Self.arrays[..<2]), to: folder + "/b")
            #expect(try open(["test_path": "b", "test_rows": .int(4)]).rows(in: "test") == 4)
        }
    }

    /// Tokens and classes at each position, for models of sequences.
    @Test(arguments: ["npz", "safetensors"]) func sequences(format: String) throws {
        try withTemporaryFolder { folder in
            let tokens = (0..<7 * 5).map { UInt8($0 * 4 % 6) }
            let arrays = [
                NamedArray("x", shape: [7, 5], .u8(tokens)),
                NamedArray("y", shape: [7, 5], .i32(tokens.map { 5 - Int32($0) })),
            ]
            try write(format, arrays, to: folder + "/a")
            let options: [String: JSON] = ["vocabulary": .int(9), "target": "class"]
            func open(_ more: [String: JSON] = [:]) throws -> any Dataset {
                try dataset(format, in: folder, plain.merging(options) { $1 }.merging(more) { $1 })
            }
            #expect(
                try open().fields == [
                    Field(name: "x", shape: [5], classes: 9), Field(name: "y", shape: [5], classes: 6),
                ])
            #expect(try readRows(of: open(), "train", 3..<4)["y"] == tokens[15..<20].map { 5 - Double($0) })
            let found = sentence { _ = try readRows(of: open(["standardize": .bool(true)]), "train") }
            #expect(found == "failed (invalid arguments): tokens are not standardized")
        }
    }

    /// Own test rows keep their order; others are the last of the shuffled order. Scaling is that of the training rows.
    @Test func splitsAndScaling() throws {
        try withTemporaryFolder { folder in
            try write("npz", to: folder + "/a")
            func rows(_ options: [String: JSON], _ split: String) throws -> [[Double]] {
                let dataset = try dataset("npz", in: folder, ["path": "a"].merging(options) { $1 })
                let x = try readRows(of: dataset, split)["x"] ?? []
                return stride(from: 0, to: x.count, by: 6).map { Array(x[$0..<$0 + 6]) }
            }
            let all = try rows([:], "train")
            let stored = (0..<7).map { i in Self.x[i * 6..<(i + 1) * 6].map { Double($0) } }
            #expect(Set(all) == Set(stored) && all != stored)
            #expect(try rows(["test_rows": .int(2)], "test") == Array(all[5...]))
            #expect(try rows(["test_fraction": .double(0.3), "train_rows": .int(4)], "train") == Array(all[..<4]))

            for per in ["element", "channel"] {
                let options: [String: JSON] = ["test_rows": .int(2), "standardize": .bool(true), "per": .string(per)]
                let (train, test) = (try rows(options, "train"), try rows(options, "test"))
                for (found, raw) in zip(train + test, all) {
                    for j in 0..<6 {
                        let group = all[..<5].flatMap { row in
                            per == "element" ? [row[j]] : stride(from: j % 2, to: 6, by: 2).map { row[$0] }
                        }
                        let mean = group.reduce(0, +) / Double(group.count)
                        let variance = group.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(group.count)
                        let expected = variance > 0 ? (raw[j] - mean) / variance.squareRoot() : 0
                        #expect(abs(found[j] - expected) <= 1e-13 * max(1, abs(expected)))
                    }
                }
            }
        }
    }

    /// A constant column is 0, also where its mean is not representable.
    @Test func aConstantColumn() throws {
        try withTemporaryFolder { folder in
            let x = (0..<5).flatMap { [0.1, Double($0)] }
            try NPZ.write(
                [NamedArray("x", shape: [5, 2], .f64(x)), NamedArray("y", shape: [5], .i32([0, 0, 0, 0, 0]))],
                to: folder + "/a")
            let dataset = try dataset("npz", in: folder, plain.merging(["standardize": .bool(true)]) { $1 })
            let rows = try #require(try readRows(of: dataset, "train")["x"])
            #expect(stride(from: 0, to: 10, by: 2).allSatisfy { rows[$0] == 0 })
            #expect(abs(rows[9] - 2.0.squareRoot()) < 1e-15)
        }
    }

    @Test func sentences() throws {
        let cases: [([String: JSON], String)] = [
            (["x": "X"], "a: no array 'X' (it has: column, real, x, x_test, y, y_test)"),
            (["x": "x_test"], "a: array 'x_test' has 3 rows, but 'y' has 7"),
            (["classes": .int(4)], "array 'y': label 4.0 of row 4 is not one of 0..<4"),
            (["y": "column", "target": "class"], "array 'column': label 0.5 of row 1 is not one of 0..<1000000"),
            (
                ["y": "real", "target": "class"],
                "array 'real': label 0.3333333333333333 of row 0 is not one of 0..<1000000"
            ),
            (
                ["x": "x_test", "y": "y_test", "vocabulary": .int(17)],
                "array 'x_test': token 17.0 of row 2 is not one of 0..<17"
            ),
            (["path": "holes"], "holes: array 'x' is infinite or NaN in row 4, element 1 of 2"),
            (["path": "holes", "x": "y", "y": "z"], "holes: array 'z' is infinite or NaN in row 1"),
            (
                ["x": "real", "test_x": "x_test", "test_y": "y_test"],
                "array 'x_test' of test has the shape [3, 3, 2], 'real' of train [7, 2]"
            ),
            (
                ["path": "scalar", "x": "s"],
                "scalar: array 's' has the shape []; expected rows and at most 8 axes, none of size 0"
            ),
            (
                ["path": "text"],
                "text: damaged or incomplete file: the end record of a zip archive is missing; .npz files are zip archives."
            ),
        ]
        let options: [([String: JSON], String)] = [
            (["test_x": "x_test"], "test_x and test_y, names of arrays in one file, must be given both"),
            (["train_rows": .int(8)], "train_rows 8 exceeds the 7 rows that are left for train"),
            (["test_rows": .int(8)], "test_rows 8 exceeds the 7 rows there are"),
            (["test_rows": .int(7), "standardize": .bool(true)], "test takes all 7 rows; none is left for train"),
            (["test_fraction": .double(0.95)], "test takes all 7 rows; none is left for train"),
        ]
        try withTemporaryFolder { folder in
            try write("npz", to: folder + "/a")
            try NPZ.write([NamedArray("s", shape: [], .f64([1])), Self.arrays[1]], to: folder + "/scalar")
            try PluginTesting.write(Array("x,y\n1,2\n".utf8), to: folder + "/text")
            var numbers = (0..<10).map { Float($0) }
            numbers[9] = .nan
            try NPZ.write(
                [
                    NamedArray("x", shape: [5, 2], .f32(numbers)), NamedArray("y", shape: [5], .u8([0, 1, 1, 0, 1])),
                    NamedArray("z", shape: [5], .f64([1, -.infinity, 1, 1, 1])),
                ], to: folder + "/holes")
            for (given, text) in cases {
                let found = sentence { _ = try dataset("npz", in: folder, plain.merging(given) { $1 }) }
                #expect(found == "failed (input/output error): \(text)")
            }
            for (given, text) in options {
                let found = sentence { _ = try dataset("npz", in: folder, plain.merging(given) { $1 }) }
                #expect(found == "failed (invalid arguments): \(text)")
            }
        }
    }

    @Test(arguments: ["npz", "safetensors"]) func damagedFiles(format: String) throws {
        var generator = SplitMix(seed: 8)
        try withTemporaryFolder { folder in
            try write(format, to: folder + "/a")
            let whole = try contents(folder + "/a")
            var refused = 0
            for round in 0..<400 {
                var bytes = whole
                if round % 3 == 0 { bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &generator))) }
                for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
                    let place = Int.random(in: 0..<min(bytes.count, round % 2 == 0 ? 400 : .max), using: &generator)
                    bytes[place] = UInt8.random(in: 0...255, using: &generator)
                }
                try PluginTesting.write(bytes, to: folder + "/b")
                do {
                    let dataset = try dataset(format, in: folder, ["path": "b", "test_rows": .int(2)])
                    _ = try readRows(of: dataset, "train")
                    _ = try readRows(of: dataset, "test")
                } catch {
                    refused += 1
                }
            }
            #expect((150..<400).contains(refused))
        }
    }
}
