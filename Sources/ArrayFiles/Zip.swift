// Zip archives, written stored (uncompressed). Source: PKWARE APPNOTE.TXT 6.3.10, sections 4.3 to 4.5.

/// CRC-32 of zip files (reflected polynomial 0xEDB88320), eight bytes at a time.
struct CRC32 {
    /// Entry [i][b]: the checksum of byte b followed by i zero bytes.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            tables[byte] = (0..<8).reduce(UInt32(byte)) { crc, _ in crc >> 1 ^ (crc & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
        for i in 256..<tables.count {
            let shorter = tables[i - 256]
            tables[i] = shorter >> 8 ^ tables[Int(shorter & 255)]
        }
        return tables
    }()

    private var state = UInt32.max

    var value: UInt32 { ~state }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var crc = state
        Self.tables.withUnsafeBufferPointer { tables in
            var i = 0
            while i + 8 <= bytes.count {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self)) ^ UInt64(crc)
                crc = 0
                for j in 0..<8 {
                    crc ^= tables[(7 - j) * 256 + Int(truncatingIfNeeded: word >> (8 * UInt64(j)) & 255)]
                }
                i += 8
            }
            while i < bytes.count {
                crc = crc >> 8 ^ tables[Int((crc ^ UInt32(bytes[i])) & 255)]
                i += 1
            }
        }
        state = crc
    }
}

/// Makes the headers of an archive whose entries are written one after the other.
struct ZipWriter {
    let path: String
    private var position = 0
    private var count = 0
    private var directory: [UInt8] = []

    init(path: String) { self.path = path }

    /// The local header of an entry; its `size` bytes follow.
    mutating func begin(_ name: String, size: Int, crc: UInt32) throws -> [UInt8] {
        let nameBytes = Array(name.utf8)
        let next = position + 30 + nameBytes.count + size
        guard nameBytes.count < 0xFFFF, count < 0xFFFE, next + directory.count < 0xFFFF_0000 else {
            throw FileError(
                .invalid, path, key: String(name.dropLast(4)),
                "does not fit into a zip archive (4 GiB and 65 534 arrays in all, names of 64 KiB); "
                    + "use several files or safetensors.")
        }
        var common: [UInt8] = []  // what the local header and the directory share
        common.append(20, as: UInt16.self)  // version needed
        common.append(name.utf8.allSatisfy { $0 < 128 } ? 0 : 1 << 11, as: UInt16.self)  // UTF-8 name
        common.append(0, as: UInt16.self)  // stored
        common.append(0, as: UInt16.self)  // 00:00
        common.append(1 << 5 | 1, as: UInt16.self)  // 1980-01-01
        common.append(Int(crc), as: UInt32.self)
        common.append(size, as: UInt32.self)
        common.append(size, as: UInt32.self)
        common.append(nameBytes.count, as: UInt16.self)
        common.append(0, as: UInt16.self)  // no extra field

        directory.append(ZipReader.entrySignature, as: UInt32.self)
        directory.append(3 << 8 | 20, as: UInt16.self)  // made on Unix, so that the mode below counts
        directory += common
        directory += [0, 0, 0, 0, 0, 0]  // no comment, disk 0, binary
        directory.append(0o100644 << 16, as: UInt32.self)
        directory.append(position, as: UInt32.self)
        directory += nameBytes

        var header: [UInt8] = []
        header.append(ZipReader.localSignature, as: UInt32.self)
        position = next
        count += 1
        return header + common + nameBytes
    }

    /// What follows the last entry.
    func end() -> [UInt8] {
        var bytes = directory
        bytes.append(ZipReader.endSignature, as: UInt32.self)
        bytes += [0, 0, 0, 0]
        bytes.append(count, as: UInt16.self)
        bytes.append(count, as: UInt16.self)
        bytes.append(directory.count, as: UInt32.self)
        bytes.append(position, as: UInt32.self)
        return bytes + [0, 0]
    }
}

extension [UInt8] {
    fileprivate mutating func append<Value: FixedWidthInteger>(_ value: Int, as type: Value.Type) {
        Swift.withUnsafeBytes(of: Value(truncatingIfNeeded: value).littleEndian) { append(contentsOf: $0) }
    }
}

/// Reads archives through their central directory, with the 64-bit sizes that NumPy writes.
struct ZipReader {
    struct Entry {
        var name: String
        var flags, method, crc, storedSize, size, offset: Int
    }

    static let localSignature = 0x0403_4B50
    static let entrySignature = 0x0201_4B50
    static let endSignature = 0x0605_4B50
    private static let end64Signature = 0x0606_4B50
    private static let locatorSignature = 0x0706_4B50

    private let reader: ByteReader

    init(_ reader: ByteReader) { self.reader = reader }

    func entries() throws -> [Entry] {
        var (position, count) = try directory()
        var entries: [Entry] = []
        for _ in 0..<count {
            guard try u32(position) == Self.entrySignature else {
                throw reader.damaged("no directory entry at byte \(position)")
            }
            let (nameLength, extraLength) = try (u16(position + 28), u16(position + 30))
            let name = try reader.slice(position + 46, nameLength, "an entry's name")
            var entry = Entry(
                name: String(decoding: name, as: UTF8.self), flags: try u16(position + 8),
                method: try u16(position + 10), crc: try u32(position + 16), storedSize: try u32(position + 20),
                size: try u32(position + 24), offset: try u32(position + 42))
            try widen(&entry, extra: position + 46 + nameLength, count: extraLength)
            entries.append(entry)
            position += 46 + nameLength + extraLength + (try u16(position + 32))
        }
        return entries
    }

    /// Gives `body` the bytes of an entry, decompressed, after their checksum was found right.
    func withContent<Result>(of entry: Entry, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        func refuse(_ message: String) -> FileError { FileError(.unsupported, reader.path, key: entry.name, message) }
        if entry.flags & 1 != 0 { throw refuse("the entry is encrypted; write the archive without a password.") }
        guard try u32(entry.offset) == Self.localSignature else {
            throw reader.damaged("no entry '\(entry.name)' at byte \(entry.offset)")
        }
        let start = entry.offset + 30 + (try u16(entry.offset + 26)) + (try u16(entry.offset + 28))
        let stored = try reader.slice(start, entry.storedSize, "entry '\(entry.name)'")
        switch entry.method {
        case 0: return try body(checked(stored, entry))
        case 8:
            let content = try InflatedBytes.deflated(stored, count: entry.size, path: reader.path)
            return try withExtendedLifetime(content) { try body(checked(content.bytes, entry)) }
        default:
            throw refuse("the entry is compressed by method \(entry.method); write the archive with numpy.savez.")
        }
    }

    private func checked(_ bytes: UnsafeRawBufferPointer, _ entry: Entry) throws -> UnsafeRawBufferPointer {
        var crc = CRC32()
        crc.update(bytes)
        guard entry.size == bytes.count, crc.value == entry.crc else {
            throw reader.damaged("the checksum of entry '\(entry.name)' does not match its bytes")
        }
        return bytes
    }

    /// Where the directory begins, and its number of entries.
    private func directory() throws -> (position: Int, count: Int) {
        // The end record is last, but for a comment of at most 64 KiB whose length it states.
        let last = reader.bytes.count - 22
        for end in stride(from: last, through: max(0, last - 0xFFFF), by: -1) {
            guard try u32(end) == Self.endSignature, try u16(end + 20) == last - end else { continue }
            let (count, position) = try (u16(end + 10), u32(end + 16))
            guard count == 0xFFFF || position == 0xFFFF_FFFF,
                end >= 20, try u32(end - 20) == Self.locatorSignature
            else { return (position, count) }
            let wide = try u64(end - 12)
            guard try u32(wide) == Self.end64Signature else { throw reader.damaged("no 64-bit end record") }
            return (try u64(wide + 48), try u64(wide + 32))
        }
        throw reader.damaged("the end record of a zip archive is missing; .npz files are zip archives")
    }

    /// Replaces sizes of 2³² - 1 by the 64-bit ones of the extra field 1.
    private func widen(_ entry: inout Entry, extra: Int, count: Int) throws {
        var position = extra
        while position + 4 <= extra + count {
            let (kind, length) = try (u16(position), u16(position + 2))
            position += 4
            if kind == 1 {
                for field in [\Entry.size, \.storedSize, \.offset] where entry[keyPath: field] == 0xFFFF_FFFF {
                    entry[keyPath: field] = try u64(position)
                    position += 8
                }
                return
            }
            position += length
        }
    }

    private func u16(_ offset: Int) throws -> Int { try reader.load(offset, as: UInt16.self, "a zip record") }
    private func u32(_ offset: Int) throws -> Int { try reader.load(offset, as: UInt32.self, "a zip record") }
    private func u64(_ offset: Int) throws -> Int { try reader.load(offset, as: UInt64.self, "a zip record") }
}
