import ArrayFiles
import PluginTesting
import Testing

@Suite struct SafetensorsTests {
    private let arrays = [
        NamedArray("layer \"1\"\\w", shape: [2, 3], .f32([0, 0.25, -1, .infinity, .leastNonzeroMagnitude, -0.0])),
        NamedArray("moment", shape: [2], .f64([1e300, -2])),
        NamedArray("labels", shape: [1, 3], .i64([.min, .max, 0])),
        NamedArray("step", shape: [], .i32([-7])),
        NamedArray("mask é", shape: [5], .u8([0, 1, 2, 254, 255])),
        NamedArray("none", shape: [0, 4], .f32([])),
    ]

    /// `x` [2] f32 = [1, -2] and `y` [] i32 = 9 with metadata, put together by hand.
    private let small: [UInt8] = {
        let header = """
            {"__metadata__":{"format":"pt"},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},\
            "y":{"dtype":"I32","shape":[],"data_offsets":[8,12]}}
            """
        return file(header.padded, [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 9, 0, 0, 0])
    }()

    private let smallArrays = [NamedArray("x", shape: [2], .f32([1, -2])), NamedArray("y", shape: [], .i32([9]))]

    @Test func bytes() throws {
        let result = try read(small)
        #expect(result.arrays == smallArrays && result.metadata == ["format": "pt"])
        try withTemporaryFolder { folder in
            let path = folder + "/a.safetensors"
            try Safetensors.write(smallArrays.reversed(), metadata: ["format": "pt"], to: path)
            #expect(try contents(path) == small)
        }
    }

    @Test func readsWhatItWrites() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a.safetensors"
            let metadata = ["b": "two\nlines\t\u{1}", "a": "é \"quoted\" \\ /", "": ""]
            try Safetensors.write(arrays, metadata: metadata, to: path)
            let (read, readMetadata) = try Safetensors.read(path)
            #expect(readMetadata == metadata)
            // By falling size of the type, then by name: everything is aligned.
            #expect(read.map(\.name) == ["labels", "moment", "layer \"1\"\\w", "none", "step", "mask é"])
            #expect(read.allSatisfy(arrays.contains) && read.count == arrays.count)
            #expect(try Safetensors.read(path) { $0 == "step" }.arrays == [arrays[3]])
            let bytes = try contents(path)
            #expect(bytes[0] % 8 == 0)
            try Safetensors.write(arrays.shuffled(), metadata: metadata, to: path)
            #expect(try contents(path) == bytes)
            try Safetensors.write([], to: path)
            #expect(try Safetensors.read(path).arrays == [])
        }
    }

    @Test func halfPrecisionAndBooleans() throws {
        let header = """
            {"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},
            "z":{"dtype":"BOOL","shape":[3],"data_offsets":[8,11]},
            "b":{"dtype":"BF16","shape":[1,2],"data_offsets":[4,8]}}
            """
        let values: [UInt8] = [0, 0x3e, 0xff, 0x7b, 0xc0, 0x3f, 0x49, 0xc0, 0, 1, 7]
        #expect(
            try read(file(header, values)).arrays == [
                NamedArray("h", shape: [2], .f32([1.5, 65504])),
                NamedArray("b", shape: [1, 2], .f32([1.5, -3.140625])),
                NamedArray("z", shape: [3], .u8([0, 1, 1])),
            ])
    }

    @Test(arguments: [
        (#"{"x":{"dtype":"F8_E4M3","shape":[12],"data_offsets":[0,12]}}"#, "array 'x': type 'F8_E4M3' is not read"),
        (#"{"x":{"dtype":"F32","shape":[4],"data_offsets":[0,12]}}"#, "shape [4] and type F32 has 12 bytes"),
        (#"{"x":{"dtype":"F32","shape":[-3],"data_offsets":[0,12]}}"#, "shape [-3] and type F32"),
        (
            #"{"x":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,12]}}"#,
            "and type F32 has 12 bytes"
        ),
        (#"{"x":{"dtype":"U8","shape":[11],"data_offsets":[1,12]}}"#, "offsets [1, 12]; expected [0, end]"),
        (#"{"x":{"dtype":"U8","shape":[11],"data_offsets":[0,11]}}"#, "1 bytes belong to no array"),
        (#"{"x":{"dtype":"U8","shape":[13],"data_offsets":[0,13]}}"#, "the file ends at"),
        (#"{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,9223372036854775807]}}"#, "the file ends at"),
        (#"{"x":{"dtype":"U8","shape":[0],"data_offsets":[0,-4]}}"#, "offsets [0, -4]"),
        (#"{"x":{"dtype":"U8","shape":[12],"data_offsets":[0]}}"#, "offsets [0]"),
        (
            #"""
            {"x":{"dtype":"U8","shape":[12],"data_offsets":[0,12]},
            "y":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}
            """#,
            "array 'y' has the offsets [4, 8]; expected [12, end]"
        ),
        (
            #"""
            {"x":{"dtype":"U8","shape":[6],"data_offsets":[0,6]},
            "x":{"dtype":"U8","shape":[6],"data_offsets":[6,12]}}
            """#,
            "damaged or incomplete file"
        ),
        (#"{"x":{"dtype":"U8","shape":[12],"data_offsets":[0.5,12]}}"#, "the header is not the JSON"),
        (#"{"__metadata__":{"step":7},"x":{"dtype":"U8","shape":[12],"data_offsets":[0,12]}}"#, "is not the JSON"),
        (#"["x"]"#, "the header is not the JSON of a safetensors file"),
        (#"{"x":"#, "the header is not the JSON of a safetensors file"),
        ("", "the header is not the JSON of a safetensors file"),
        (String(repeating: "[", count: 100_000), "the header is not the JSON of a safetensors file"),
    ])
    func damagedHeaders(header: String, sentence: String) throws {
        let error = #expect(throws: FileError.self) { try read(file(header, Array(repeating: 0, count: 12))) }
        #expect(error?.description.hasPrefix("file.safetensors: ") == true)
        #expect(error?.description.contains(sentence) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [UInt64.max, 1 << 63, 1 << 62, 100_000_001, 153])
    func headerLengthBeyondTheFile(length: UInt64) throws {
        let bytes = withUnsafeBytes(of: length.littleEndian) { Array($0) } + small.dropFirst(8)
        let error = #expect(throws: FileError.self) { try read(bytes) }
        #expect(error?.code == .damaged)
    }

    @Test func truncatedAnywhere() throws {
        for count in 0..<small.count {
            let error = #expect(throws: FileError.self, "\(count) bytes") { try read(Array(small[..<count])) }
            #expect(error?.code == .damaged)
        }
        #expect(throws: FileError.self) { try read(small + [0]) }
    }

    /// The format has no checksums; a wrong byte may give other values, never a crash.
    @Test func anyByteWrong() {
        var refused = 0
        for index in small.indices {
            for value in UInt8.min...UInt8.max {
                var damaged = small
                damaged[index] = value
                if (try? read(damaged)) == nil { refused += 1 }
            }
        }
        #expect(refused > 20_000)
    }

    @Test func refusedArrays() {
        for (array, sentence) in [
            (NamedArray("__metadata__", shape: [1], .f64([1])), "safetensors reserve this name; choose another."),
            (NamedArray("w", shape: [2], .f64([1])), "shape [2] does not match its 1 values."),
        ] {
            let error = #expect(throws: FileError.self) { try Safetensors.write([array], to: "/nowhere/a") }
            #expect(error?.code == .invalid && error?.message == sentence)
        }
    }

    private func read(_ bytes: [UInt8]) throws -> (arrays: [NamedArray], metadata: [String: String]) {
        try bytes.withUnsafeBytes { try Safetensors.read($0, path: "file.safetensors") }
    }
}

private func file(_ header: String, _ values: [UInt8]) -> [UInt8] {
    withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + header.utf8 + values
}

extension String {
    fileprivate var padded: String { self + String(repeating: " ", count: (8 - utf8.count % 8) % 8) }
}
