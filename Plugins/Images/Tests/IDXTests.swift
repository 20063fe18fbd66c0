import Manifests
import PluginTesting
import Protocols
import Testing

private let plain: [String: JSON] = [
    "images": "x", "labels": "y", "shuffle": .bool(false), "standardize": .bool(false),
]

/// Seven images of 5 x 3 and their labels.
private let pixels = (0..<7 * 15).map { UInt8(truncatingIfNeeded: $0 * 37 + $0 / 15) }
private let labels: [UInt8] = [2, 0, 3, 1, 3, 0, 2]

private func writePair(_ images: [UInt8]? = nil, _ y: [UInt8]? = nil, in folder: String) throws {
    try write(images ?? idx([7, 5, 3], pixels), to: folder + "/x")
    try write(y ?? idx([7], labels), to: folder + "/y")
}

@Suite struct IDXTests {
    @Test func shapesRowsAndClasses() throws {
        try withTemporaryFolder { folder in
            try writePair(in: folder)
            let dataset = try images("idx", in: folder, plain)
            #expect(dataset.fields == [Field(name: "x", shape: [5, 3, 1]), Field(name: "y", shape: [], classes: 4)])
            #expect(try dataset.rows(in: "train") == 7)
            #expect(try dataset.rows(in: "test") == 0)
            let rows = try readRows(of: dataset, "train")
            #expect(rows["x"] == pixels.map { Double($0) / 255 })
            #expect(rows["y"] == labels.map { Double($0) })
            #expect(
                try images("idx", in: folder, plain.merging(["flatten": .bool(true)]) { $1 }).fields[0].shape == [15])
            #expect(
                try images("idx", in: folder, plain.merging(["classes": .int(11)]) { $1 }).fields[1].classes == 11)
        }
    }

    /// Signed and real elements are as they are; every rank has its shape.
    @Test func elementTypesAndRanks() throws {
        try withTemporaryFolder { folder in
            let values: [Double] = [-3, 0, 100, 7, -1, 5]
            let types: [(UInt8, Int, (Double) -> UInt64)] = [
                (9, 1, { UInt64(UInt8(bitPattern: Int8($0))) }),
                (11, 2, { UInt64(UInt16(bitPattern: Int16($0 * 300))) }),
                (12, 4, { UInt64(UInt32(bitPattern: Int32($0 * 70_000))) }),
                (13, 4, { UInt64(Float($0 / 8).bitPattern) }),
                (14, 8, { ($0 / 3).bitPattern }),
            ]
            let factors: [UInt8: Double] = [9: 1, 11: 300, 12: 70_000, 13: 1.0 / 8]
            for (type, width, bits) in types {
                for (shape, row) in [
                    ([6], [1]), ([2, 3], [3]), ([1, 2, 3], [2, 3, 1]), ([3, 1, 2, 1], [1, 2, 1]),
                ] {
                    let rows = shape[0]
                    try writePair(
                        idx(type, shape, values.map(bits), width: width),
                        idx(12, [rows], Array(repeating: 2, count: rows), width: 4),
                        in: folder)
                    let dataset = try images("idx", in: folder, plain)
                    #expect(dataset.fields[0].shape == row)
                    #expect(dataset.fields[1].classes == 3)
                    let x = try readRows(of: dataset, "train")["x"]
                    #expect(x == values.map { type == 14 ? $0 / 3 : $0 * (factors[type] ?? 0) }, "\(type)")
                }
            }
        }
    }

    /// MNIST's own form: compressed files, and a test set of its own, which keeps its order.
    @Test func ownTestFiles() throws {
        let tests = (0..<4 * 15).map { UInt8(truncatingIfNeeded: $0 * 11) }
        try withTemporaryFolder { folder in
            try writePair(in: folder)
            try write(idx([4, 5, 3], tests), to: folder + "/tx")
            try write(idx([4], [1, 5, 0, 2]), to: folder + "/ty")
            let own: [String: JSON] = [
                "images": "x", "labels": "y", "test_images": "tx", "test_labels": "ty", "train_rows": .int(5),
                "standardize": .bool(false),
            ]
            let dataset = try images("idx", in: folder, own)
            #expect(dataset.fields[1].classes == 6)
            #expect(try dataset.rows(in: "train") == 5)
            #expect(try dataset.rows(in: "test") == 4)
            #expect(try readRows(of: dataset, "test")["x"] == tests.map { Double($0) / 255 })
            #expect(try readRows(of: dataset, "test", 1..<3)["y"] == [5, 0])
            let some = try images("idx", in: folder, own.merging(["test_rows": .int(3)]) { $1 })
            #expect(try some.rows(in: "test") == 3)
        }
    }

    /// The test rows are the last of the order, whatever is trained on: with all of both, every image once.
    @Test func splitOfOneFile() throws {
        try withTemporaryFolder { folder in
            try writePair(in: folder)
            let base: [String: JSON] = ["images": "x", "labels": "y", "standardize": .bool(false)]
            func rows(_ options: [String: JSON], _ split: String, seed: UInt64 = 5) throws -> [[Double]] {
                let dataset = try images("idx", in: folder, base.merging(options) { $1 }, seed: seed)
                let x = try readRows(of: dataset, split)["x"] ?? []
                return stride(from: 0, to: x.count, by: 15).map { Array(x[$0..<$0 + 15]) }
            }
            let all = try rows([:], "train")
            #expect(Set(all).count == 7)
            #expect(all != (0..<7).map { i in pixels[i * 15..<(i + 1) * 15].map { Double($0) / 255 } })
            #expect(try rows(["test_rows": .int(2)], "train") == Array(all[..<5]))
            #expect(try rows(["test_rows": .int(2)], "test") == Array(all[5...]))
            #expect(try rows(["test_rows": .int(2), "train_rows": .int(3)], "train") == Array(all[..<3]))
            #expect(try rows(["test_rows": .int(2), "train_rows": .int(3)], "test") == Array(all[5...]))
            #expect(try rows(["test_fraction": .double(0.4)], "test") == Array(all[4...]))  // 2.8, rounded
            #expect(try rows([:], "train", seed: 6) != all)
            #expect(try Set(rows([:], "train", seed: 6)) == Set(all))
        }
    }

    /// (x − mean) / deviation with 1/n over the training images only; a constant pixel becomes 0.
    @Test(arguments: ["channel", "pixel"]) func standardized(per: String) throws {
        try withTemporaryFolder { folder in
            var pixels = pixels
            for image in 0..<7 { pixels[image * 15 + 4] = 200 }
            try writePair(idx([7, 5, 3], pixels), in: folder)
            let dataset = try images(
                "idx", in: folder,
                [
                    "images": "x", "labels": "y", "shuffle": .bool(false), "train_rows": .int(6),
                    "test_rows": .int(1), "per": .string(per),
                ])
            let x = pixels.map { Double($0) }
            func moments(_ values: [Double]) -> (Double, Double) {
                let mean = values.reduce(0, +) / Double(values.count)
                return (
                    mean, (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
                )
            }
            for (split, first, count) in [("train", 0, 6), ("test", 6, 1)] {
                let found = try #require(try readRows(of: dataset, split)["x"])
                #expect(found.count == count * 15)
                for (i, value) in found.enumerated() {
                    let group = per == "channel" ? Array(x[..<90]) : (0..<6).map { x[$0 * 15 + i % 15] }
                    let (mean, deviation) = moments(group)
                    let expected = deviation == 0 ? 0 : (x[first * 15 + i] - mean) / deviation
                    #expect(abs(value - expected) <= 1e-13 * max(1, abs(expected)))
                    if per == "pixel", i % 15 == 4 { #expect(value == 0) }
                }
            }
        }
    }

    /// A channel of a rank-4 file has its own moments.
    @Test func channelsAreTheLastAxis() throws {
        try withTemporaryFolder { folder in
            try writePair(idx([2, 1, 2, 2], [0, 10, 4, 30, 8, 50, 12, 70]), idx([2], [0, 1]), in: folder)
            let dataset = try images("idx", in: folder, ["images": "x", "labels": "y", "shuffle": .bool(false)])
            let x = try #require(try readRows(of: dataset, "train")["x"])
            let a = 6 / 20.0.squareRoot(), b = 30 / 500.0.squareRoot()
            let expected = [-a, -b, -a / 3, -b / 3, a / 3, b / 3, a, b]
            #expect(zip(x, expected).allSatisfy { abs($0 - $1) < 1e-14 })
        }
    }

    @Test func rowsDoNotDependOnTheChunk() throws {
        try withTemporaryFolder { folder in
            try writePair(in: folder)
            let dataset = try images("idx", in: folder, ["images": "x", "labels": "y", "test_rows": .int(2)])
            let whole = try readRows(of: dataset, "train")
            let parts = try [0..<1, 1..<1, 1..<4, 4..<5].map { try readRows(of: dataset, "train", $0) }
            #expect(parts.flatMap { $0["x"] ?? [] } == whole["x"])
            #expect(parts.flatMap { $0["y"] ?? [] } == whole["y"])
        }
    }

    @Test func sentences() throws {
        let x = idx([7, 5, 3], pixels), y = idx([7], labels)
        let cases: [([UInt8]?, [UInt8]?, String)] = [
            (Array(x[..<3]), nil, "x: ends after 3 bytes; an IDX file begins with 4: 0, 0, type, rank"),
            ([], nil, "x: ends after 0 bytes; an IDX file begins with 4: 0, 0, type, rank"),
            ([1] + x.dropFirst(), nil, "x: begins with the bytes 01 00, but an IDX file with 00 00"),
            (
                [0x1f, 0x8b] + x.dropFirst(2), nil,
                "x: begins with the bytes 1f 8b, but an IDX file with 00 00; a compressed file must have a name that ends in .gz"
            ),
            (
                [0, 0, 10] + x.dropFirst(3), nil,
                "x: byte 2, the element type, is 0a; known are 08 u8, 09 i8, 0b i16, 0c i32, 0d f32, 0e f64"
            ),
            ([0, 0, 8, 5] + x.dropFirst(4), nil, "x: byte 3, the number of axes, is 5; expected 1 to 4"),
            (Array(x[..<15]), nil, "x: ends after 15 bytes, within the sizes of its 3 axes"),
            (
                Array(x.dropLast(4)), nil,
                "x: 7 x 5 x 3 elements of 1 bytes need 105 bytes behind the header of 16, there are 101"
            ),
            (
                [0, 0, 8, 3] + Array(repeating: 255, count: 12), nil,
                "x: 4294967295 x 4294967295 x 4294967295 elements of 1 bytes need 9223372036854775807 bytes behind the header of 16, there are 0"
            ),
            (idx([7, 0, 3], []), nil, "x: byte 8, the size of axis 1, is 0"),
            (nil, idx([6], Array(labels.dropLast())), "y has 6 labels, but x has 7 images"),
            (nil, idx([7, 1], labels), "y: labels must be integers on one axis, found integers on 2"),
            (
                nil, idx(13, [7], Array(repeating: 0, count: 7), width: 4),
                "y: labels must be integers on one axis, found real numbers on 1"
            ),
            (
                nil, idx(9, [7], [0, 1, 255, 0, 0, 0, 0], width: 1),
                "y: label -1 of image 2 (byte 10) is outside 0..<1000000"
            ),
            (
                idx(13, [7, 2], (0..<14).map { UInt64(($0 == 9 ? Float.nan : 1).bitPattern) }, width: 4), nil,
                "x: image 4 has an infinite or NaN element (byte 48)"
            ),
        ]
        for (pixels, labels, text) in cases {
            try withTemporaryFolder { folder in
                try writePair(pixels ?? x, labels ?? y, in: folder)
                let found = sentence { _ = try images("idx", in: folder, plain) }
                #expect(found == "failed (input/output error): \(text)")
            }
        }
        let options: [([String: JSON], String)] = [
            (["classes": .int(3)], "(input/output error): y: label 3 of image 2 (byte 10) is outside 0..<3"),
            (
                ["train_rows": .int(8)],
                "(invalid arguments): train_rows 8 exceeds the 7 images that are left for train"
            ),
            (["test_rows": .int(9)], "(invalid arguments): test_rows 9 exceeds the 7 images of the files"),
            (["test_rows": .int(7)], "(invalid arguments): test takes all 7 images; none is left for train"),
            (
                ["test_rows": .int(3), "train_rows": .int(5)],
                "(invalid arguments): train_rows 5 exceeds the 4 images that are left for train"
            ),
            (
                ["test_rows": .int(1), "test_fraction": .double(0.5)],
                "(invalid arguments): test_rows and test_fraction are both given; one of them is enough"
            ),
            (
                ["test_images": "x"], "(invalid arguments): x has no labels; give test_images and test_labels both"
            ),
            (
                ["test_images": "x", "test_labels": "y", "test_fraction": .double(0.5)],
                "(invalid arguments): test_fraction takes rows from the files of train, but there are files of test"
            ),
            (
                ["test_images": "wide", "test_labels": "y"],
                "(input/output error): the images of wide are 3 x 5 of type 08, those of x are 5 x 3 of type 08"
            ),
        ]
        try withTemporaryFolder { folder in
            try writePair(x, y, in: folder)
            try write(idx([7, 3, 5], pixels), to: folder + "/wide")
            for (given, text) in options {
                let found = sentence { _ = try images("idx", in: folder, plain.merging(given) { $1 }) }
                #expect(found == "failed \(text)")
            }
        }
    }

    /// Cut and changed files: a sentence or rows, never a crash, and no rows that were not asked for.
    @Test func damagedFiles() throws {
        var generator = SplitMix(seed: 12)
        try withTemporaryFolder { folder in
            var refused = 0
            for _ in 0..<600 {
                var files = [idx([7, 5, 3], pixels), idx([7], labels)]
                let which = Int.random(in: 0...1, using: &generator)
                if Bool.random(using: &generator) {
                    files[which] = Array(
                        files[which].prefix(Int.random(in: 0...files[which].count, using: &generator)))
                }
                for _ in 0..<Int.random(in: 1...3, using: &generator) where !files[which].isEmpty {
                    let near = min(files[which].count, 24)
                    files[which][Int.random(in: 0..<near, using: &generator)] = UInt8.random(
                        in: 0...255, using: &generator)
                }
                try writePair(files[0], files[1], in: folder)
                do {
                    let dataset = try images(
                        "idx", in: folder, ["images": "x", "labels": "y", "test_rows": .int(2), "per": "pixel"])
                    _ = try readRows(of: dataset, "train")
                    _ = try readRows(of: dataset, "test")
                } catch {
                    refused += 1
                }
            }
            #expect((300..<600).contains(refused))
        }
    }
}
