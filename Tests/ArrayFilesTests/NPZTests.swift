import ArrayFiles
import PluginTesting
import Testing

@Suite struct NPZTests {
    private let arrays = [
        NamedArray(
            "fc1/layer.input", shape: [2, 3], .f64([0, 0.25, -1e300, .infinity, .leastNonzeroMagnitude, -0.0])),
        NamedArray("b", shape: [5], .f32([1.5, -2, 0.1, .greatestFiniteMagnitude, 0])),
        NamedArray("labels", shape: [2, 1, 2], .i64([.min, .max, 0, -1])),
        NamedArray("step", shape: [], .i32([-7])),
        NamedArray("mask é", shape: [7], .u8([0, 1, 2, 127, 128, 254, 255])),
        NamedArray("none", shape: [0, 4], .f64([])),
    ]

    @Test func readsWhatItWrites() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a.npz"
            try NPZ.write(arrays, to: path)
            #expect(try NPZ.read(path) == arrays)
            #expect(try NPZ.read(path) { $0 == "step" } == [arrays[3]])
            let first = try contents(path)
            try NPZ.write(arrays, to: path)
            #expect(try contents(path) == first)
            try NPZ.write([], to: path)
            #expect(try NPZ.read(path) == [])
            #expect(try contents(path) == Array("PK\u{5}\u{6}".utf8) + Array(repeating: 0, count: 18))
        }
    }

    /// One byte-exact archive, written by hand from the zip and .npy formats.
    @Test func bytes() throws {
        let npy =
            Array("\u{0}NUMPY\u{1}\u{0}v\u{0}{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }".utf8)
            + Array(repeating: 32, count: 60) + [10, 5, 6]
        let size: [UInt8] = [130, 0, 0, 0]
        let common: [UInt8] = [20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0, 0x7f, 0x3, 0x64, 0x3c] + size + size + [5, 0, 0, 0]
        let name = Array("x.npy".utf8)
        let expected: [UInt8] =
            [0x50, 0x4b, 3, 4] + common + name + [0x93] + npy.dropFirst()
            + [0x50, 0x4b, 1, 2, 20, 3] + common + [0, 0, 0, 0, 0, 0, 0, 0, 0xa4, 0x81, 0, 0, 0, 0] + name
            + [0x50, 0x4b, 5, 6, 0, 0, 0, 0, 1, 0, 1, 0, 51, 0, 0, 0, 165, 0, 0, 0, 0, 0]
        try withTemporaryFolder { folder in
            try NPZ.write([NamedArray("x", shape: [2], .u8([5, 6]))], to: folder + "/x.npz")
            #expect(try contents(folder + "/x.npz") == expected)
        }
    }

    /// The entry of an archive equals what np.save writes.
    @Test func entriesAreNumPysBytes() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a.npz"
            try NPZ.write([NamedArray("a", shape: [2, 1, 3], .f32([0, 1, 2, 3, 4, 5]))], to: path)
            let written = try contents(path)
            #expect(Fixtures.npy.count == 152 && Array(written[35..<35 + 152]) == Fixtures.npy)
        }
    }

    @Test(.enabled(if: hasNumPy, "needs python3 with NumPy"))
    func numPyReadsIt() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a.npz"
            try NPZ.write(arrays, to: path)
            let script = """
                import sys, zipfile, numpy as np
                assert zipfile.ZipFile(sys.argv[1]).testzip() is None
                for key, x in np.load(sys.argv[1]).items():
                    print(key.encode().hex(), x.dtype.str, x.shape, x.tobytes().hex())
                """
            #expect(
                python(script, path) == """
                    6663312f6c617965722e696e707574 <f8 (2, 3) \
                    0000000000000000000000000000d03f9c7500883ce437fe000000000000f07f01000000000000000000000000000080
                    62 <f4 (5,) 0000c03f000000c0cdcccc3dffff7f7f00000000
                    6c6162656c73 <i8 (2, 1, 2) \
                    0000000000000080ffffffffffffff7f0000000000000000ffffffffffffffff
                    73746570 <i4 () f9ffffff
                    6d61736b20c3a9 |u1 (7,) 0001027f80feff
                    6e6f6e65 <f8 (0, 4)
                    """)
        }
    }

    @Test func readsNumPysFiles() throws {
        #expect(
            try read(Fixtures.plain) == [
                NamedArray("fc1/layer.input", shape: [2, 3], .f64([0, 0.25, 0.5, 0.75, 1, 1.25])),
                NamedArray("half", shape: [3], .f32([1.5, -2, 65504])),
                NamedArray("labels", shape: [3], .i64([3, -1, 1 << 40])),
                NamedArray("columns", shape: [2, 3, 4], .f32((0..<24).map(Float.init))),
                NamedArray("mask", shape: [2], .u8([1, 0])),
                NamedArray("scalar", shape: [], .i32([7])),
                NamedArray("empty", shape: [0, 5], .u8([])),
                NamedArray("bytes", shape: [2, 1], .u8([1, 255])),
            ])
        #expect(try read(Fixtures.compressed) == [NamedArray("x", shape: [3], .f64([0, 1, 2]))])
        #expect(
            try read(Fixtures.wide) == [
                NamedArray("first", shape: [2], .f64([0, 1])), NamedArray("second", shape: [4], .i32([5, 6, 7, 8])),
            ])
    }

    @Test func sentencesForWhatIsNotRead() throws {
        let strings = #expect(throws: FileError.self) { try read(Fixtures.strings) }
        #expect(strings?.key == "words")
        #expect(strings?.message.contains("NumPy type '<U2' is not read, only f8 f4") == true)
        #expect(try read(Fixtures.strings) { $0 == "x" } == [NamedArray("x", shape: [3], .f64([0, 1, 2]))])
        let text = #expect(throws: FileError.self) { try read(Array("step,loss\n1,0.5\n".utf8)) }
        #expect(text?.message.contains("the end record of a zip archive is missing") == true)
    }

    @Test func refusedArrays() throws {
        for (array, sentence) in [
            (NamedArray("w", shape: [2, 3], .f64([1])), "array 'w': shape [2, 3] does not match its 1 values."),
            (NamedArray("w", shape: [-1, -1], .f64([1])), "array 'w': shape [-1, -1] does not match its 1 values."),
            (NamedArray("w", shape: [.max, 4], .f64([1])), "does not match its 1 values."),
            (NamedArray("", shape: [1], .f64([1])), "an array without a name cannot be written; give each a name."),
            (NamedArray("b", shape: [1], .f64([1])), "array 'b': two arrays have this name; give each its own."),
        ] {
            let error = #expect(throws: FileError.self) {
                try NPZ.write([NamedArray("b", shape: [1], .u8([1])), array], to: "/nowhere/a.npz")
            }
            #expect(error?.code == .invalid && error?.description.hasSuffix(sentence) == true, "\(sentence)")
        }
    }

    /// Every type of numbers, in both orders of bytes, row- and column-major.
    @Test(.enabled(if: hasNumPy, "needs python3 with NumPy"))
    func readsEveryTypeThatNumPyWrites() throws {
        let script = """
            import sys, numpy as np
            arrays = {}
            for order in "<>":
                for kind in "f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1".split():
                    values = np.array([[0, 1, 2], [3, 100, 27]]) * (1 if kind[0] == "u" or kind[0] == "b" else -1)
                    arrays[order + kind] = values.astype(kind[0] + kind[1]).astype(order + kind)
                    arrays[order + kind + "F"] = np.asfortranarray(arrays[order + kind])
            (np.savez_compressed if sys.argv[2] == "z" else np.savez)(sys.argv[1], **arrays)
            """
        try withTemporaryFolder { folder in
            for form in ["z", "stored"] {
                let path = "\(folder)/\(form).npz"
                #expect(python(script, path, form) != nil)
                let arrays = try NPZ.read(path)
                #expect(arrays.count == 48)
                for array in arrays {
                    #expect(array.shape == [2, 3])
                    let kind = array.name.dropFirst().first
                    let values: [Double] = kind == "b" ? [0, 1, 1, 1, 1, 1] : [0, 1, 2, 3, 100, 27]
                    #expect(
                        array.data.numbers == values.map { kind == "u" || kind == "b" ? $0 : -$0 }, "\(array.name)")
                }
            }
        }
    }

    @Test(.enabled(if: hasNumPy, "needs python3 with NumPy"))
    func numbersBeyondInt64AreRefused() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a.npz"
            let script = "import sys, numpy as np; np.savez(sys.argv[1], a=np.array([1, 2**63], np.uint64))"
            #expect(python(script, path) != nil)
            let error = #expect(throws: FileError.self) { try NPZ.read(path) }
            #expect(error?.description == "\(path): array 'a': holds a number of 2^63 or more.")
        }
    }

    /// No prefix of a file is taken for a file.
    @Test func truncatedAnywhere() throws {
        for file in [Fixtures.plain, Fixtures.wide, Fixtures.compressed] {
            for count in 0..<file.count {
                let error = #expect(throws: FileError.self, "\(count) bytes") { try read(Array(file[..<count])) }
                #expect(error?.code == .damaged)
            }
        }
    }

    /// A wrong byte is found, or changes what no reader looks at, but never the numbers of an array.
    @Test func anyByteWrong() throws {
        for file in [Fixtures.plain, Fixtures.wide, Fixtures.compressed] {
            let intact = try read(file)
            var found = 0
            for index in file.indices {
                for change in [0x01, 0x80, 0xff] as [UInt8] {
                    var damaged = file
                    damaged[index] ^= change
                    guard let arrays = try? read(damaged) else {
                        found += 1
                        continue
                    }
                    #expect(arrays.allSatisfy { array in intact.contains { $0.data == array.data } }, "byte \(index)")
                }
            }
            // Dates, modes, versions and names are not covered by checksums.
            #expect(found > (file == Fixtures.compressed ? 0 : file.count))
        }
    }

    private func read(_ bytes: [UInt8], where isWanted: (String) -> Bool = { _ in true }) throws -> [NamedArray] {
        try bytes.withUnsafeBytes { try NPZ.read($0, path: "file.npz", where: isWanted) }
    }
}

extension NamedArray.Element {
    fileprivate var numbers: [Double] {
        switch self {
        case .f64(let values): values
        case .f32(let values): values.map { Double($0) }
        case .i32(let values): values.map { Double($0) }
        case .i64(let values): values.map { Double($0) }
        case .u8(let values): values.map { Double($0) }
        }
    }
}
