import Foundation

/// Safetensors files, as PyTorch, JAX and the `safetensors` package read and write them.
///
/// Layout: the header's length (8 bytes, little-endian), a JSON header, the values without gaps.
/// Source: github.com/huggingface/safetensors, README, section "Format".
package enum Safetensors {
    private static let metadataKey = "__metadata__"
    /// The reference implementation's limit.
    private static let headerLimit = 100_000_000

    /// Header keys are sorted and the header is padded to 8 bytes; values lie by falling size of their type, then by
    /// name, so that all are aligned. Equal arrays and metadata give equal bytes.
    ///
    /// - Throws: `FileError`: `invalid` (duplicate, empty or reserved names, shapes that do not match), `system`.
    package static func write(_ arrays: [NamedArray], metadata: [String: String] = [:], to path: String) throws {
        try arrays.requireWritable(to: path)
        if arrays.contains(where: { $0.name == metadataKey }) {
            throw FileError(.invalid, path, key: metadataKey, "safetensors reserve this name; choose another.")
        }
        let ordered = arrays.sorted {
            ($1.data.storage.size, $0.name) < ($0.data.storage.size, $1.name)
        }
        var entries: [String: String] = [:]
        if !metadata.isEmpty {
            let pairs = try metadata.sorted { $0.key < $1.key }.map {
                "\(try quoted($0.key)):\(try quoted($0.value))"
            }
            entries[metadataKey] = "{\(pairs.joined(separator: ","))}"
        }
        var position = 0
        for array in ordered {
            let storage = array.data.storage
            let end = position + array.data.count * storage.size
            let shape = array.shape.map(String.init).joined(separator: ",")
            entries[array.name] = """
                {"dtype":"\(storage.safetensors)","shape":[\(shape)],"data_offsets":[\(position),\(end)]}
                """
            position = end
        }
        let fields = try entries.sorted { $0.key < $1.key }.map { "\(try quoted($0.key)):\($0.value)" }
        var header = Array("{\(fields.joined(separator: ","))}".utf8)
        header += Array(repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
        let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
        try AtomicFile.write(to: path) { file in
            try file.write(length + header)
            for array in ordered { try array.data.withBytes { try file.write($0) } }
        }
    }

    /// The arrays in the order of their values, those whose name `isWanted`; the offsets of all are checked.
    ///
    /// Reads F64, F32, I64, I32 and U8; F16 and BF16 as f32, BOOL as u8, I16, I8 and U16 as i32, U64 and U32 as i64.
    /// - Complexity: the file and the arrays are in memory together.
    /// - Throws: `FileError`: `damaged`, `unsupported` (other types), `system`.
    package static func read(
        _ path: String, where isWanted: (String) -> Bool = { _ in true }
    ) throws -> (arrays: [NamedArray], metadata: [String: String]) {
        try FileDescriptor.contents(of: path).withUnsafeBytes { try read($0, path: path, where: isWanted) }
    }

    /// The same for a file in memory; `path` is for errors.
    package static func read(
        _ bytes: UnsafeRawBufferPointer, path: String, where isWanted: (String) -> Bool = { _ in true }
    ) throws -> (arrays: [NamedArray], metadata: [String: String]) {
        let reader = ByteReader(bytes: bytes, path: path)
        let length = try reader.load(0, as: UInt64.self, "the header's length")
        guard length <= headerLimit else { throw reader.damaged("a header of \(length) bytes is beyond any header") }
        let header = try header(reader.slice(8, length, "the header"), reader)
        var end = 8 + length
        var arrays: [NamedArray] = []
        let byPosition = header.arrays.sorted {
            $0.1.data_offsets == $1.1.data_offsets  // empty arrays
                ? $0.0 < $1.0 : $0.1.data_offsets.lexicographicallyPrecedes($1.1.data_offsets)
        }
        for (name, entry) in byPosition {
            let array = try array(name, entry, reader, data: 8 + length, end: &end, isWanted: isWanted(name))
            if let array { arrays.append(array) }
        }
        guard end == bytes.count else {
            throw reader.damaged("\(bytes.count - end) bytes belong to no array")
        }
        return (arrays, header.metadata)
    }

    /// Checks one entry and reads it if wanted; `end` is where the values so far end, and then where these end.
    private static func array(
        _ name: String, _ entry: Header.Entry, _ reader: ByteReader, data: Int, end: inout Int, isWanted: Bool
    ) throws -> NamedArray? {
        let offsets = entry.data_offsets
        guard offsets.count == 2, offsets[0] == end - data, offsets[1] >= offsets[0] else {
            throw reader.damaged("array '\(name)' has the offsets \(offsets); expected [\(end - data), end]")
        }
        let values = try reader.slice(end, offsets[1] - offsets[0], "array '\(name)'")
        end += values.count
        guard isWanted else { return nil }
        guard let storage = Storage.allCases.first(where: { $0.safetensors == entry.dtype }) else {
            let known = Storage.allCases.map(\.safetensors).joined(separator: " ")
            throw FileError(
                .unsupported, reader.path, key: name, "type '\(entry.dtype)' is not read, only \(known); convert it.")
        }
        guard let count = elementCount(of: entry.shape), count <= values.count / storage.size,
            count * storage.size == values.count
        else {
            throw reader.damaged(
                "array '\(name)' of shape \(entry.shape) and type \(entry.dtype) has \(values.count) bytes")
        }
        guard let data = storage.decode(values) else {
            throw FileError(.unsupported, reader.path, key: name, "holds a number of 2^63 or more.")
        }
        return NamedArray(name, shape: entry.shape, data)
    }

    private static func header(_ bytes: UnsafeRawBufferPointer, _ reader: ByteReader) throws -> Header {
        do {
            return try JSONDecoder().decode(Header.self, from: Data(bytes))
        } catch {
            throw reader.damaged("the header is not the JSON of a safetensors file")
        }
    }

    /// The JSON header. Of repeated keys one would be lost, which the check for gaps then finds.
    private struct Header: Decodable {
        struct Entry: Decodable {
            var dtype: String
            var shape: [Int]
            var data_offsets: [Int]
        }

        var arrays: [(String, Entry)] = []
        var metadata: [String: String] = [:]

        private struct Key: CodingKey {
            var stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            for key in container.allKeys {
                if key.stringValue == metadataKey {
                    metadata = try container.decode([String: String].self, forKey: key)
                } else {
                    arrays.append((key.stringValue, try container.decode(Entry.self, forKey: key)))
                }
            }
        }
    }

    /// `text` as a JSON string.
    private static func quoted(_ text: String) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return String(decoding: try encoder.encode(text), as: UTF8.self)
    }
}
