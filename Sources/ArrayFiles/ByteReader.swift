/// Little-endian numbers at checked positions of a file in memory.
struct ByteReader {
    let bytes: UnsafeRawBufferPointer
    let path: String

    /// The number at `offset`.
    func load<Value: FixedWidthInteger>(_ offset: Int, as type: Value.Type, _ what: String) throws -> Int {
        let value = try slice(offset, MemoryLayout<Value>.size, what).loadUnaligned(as: Value.self)
        guard let result = Int(exactly: Value(littleEndian: value)) else {
            throw damaged("\(what) is \(value), beyond any file")
        }
        return result
    }

    /// `count` bytes from `offset`.
    func slice(_ offset: Int, _ count: Int, _ what: String) throws -> UnsafeRawBufferPointer {
        guard offset >= 0, count >= 0, count <= bytes.count, offset <= bytes.count - count else {
            throw damaged("\(what) would be \(count) bytes from byte \(offset), the file ends at \(bytes.count)")
        }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }

    func damaged(_ message: String) -> FileError {
        FileError(.damaged, path, "damaged or incomplete file: \(message).")
    }
}
