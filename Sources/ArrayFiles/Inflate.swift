import CZlib
import Glibc

/// Decompressed bytes on 64-byte aligned memory of their own.
package final class InflatedBytes {
    package let bytes: UnsafeRawBufferPointer

    fileprivate init(_ bytes: UnsafeMutableRawBufferPointer) { self.bytes = UnsafeRawBufferPointer(bytes) }

    deinit { bytes.deallocate() }

    /// Of a gzip file (RFC 1952), of several members too. At most `limit` bytes, by default those of this machine's memory.
    ///
    /// - Throws: `FileError.damaged`.
    package static func gzip(
        _ bytes: UnsafeRawBufferPointer, path: String, limit: Int = physicalMemory
    ) throws -> InflatedBytes {
        let reader = ByteReader(bytes: bytes, path: path)
        guard bytes.count >= 18, bytes[0] == 0x1F, bytes[1] == 0x8B else {
            throw reader.damaged("it does not begin as a .gz file does, with the bytes 1f 8b")
        }
        // The end states the size, modulo 2^32, of the last member.
        let stated = try reader.load(bytes.count - 4, as: UInt32.self, "the size")
        return try inflate(reader, window: 16 + MAX_WBITS, count: max(stated, 1 << 10), limit: limit)
    }

    /// Of an entry of a zip archive (RFC 1951), which states its `count`.
    static func deflated(_ bytes: UnsafeRawBufferPointer, count: Int, path: String) throws -> InflatedBytes {
        let inflated = try inflate(
            ByteReader(bytes: bytes, path: path), window: -MAX_WBITS, count: count, limit: count)
        guard inflated.bytes.count == count else {
            throw FileError(
                .damaged, path,
                "damaged or incomplete file: an entry has \(inflated.bytes.count) bytes, the directory says \(count)."
            )
        }
        return inflated
    }

    /// Makes room for `count` bytes at first, but never for more than deflate can make of the input.
    private static func inflate(_ reader: ByteReader, window: Int32, count: Int, limit: Int) throws -> InflatedBytes {
        var stream = z_stream()
        guard inflateInit2_(&stream, window, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw FileError(.system, reader.path, "zlib cannot be started")
        }
        defer { inflateEnd(&stream) }
        let most = min(limit, reader.bytes.count.multipliedReportingOverflow(by: 1040).partialValue + 64)
        var memory = allocate(min(count, most))
        var (read, written) = (0, 0)
        func damaged(_ message: String) -> FileError {
            memory.deallocate()
            return reader.damaged("\(message), after \(read) of \(reader.bytes.count) compressed bytes")
        }
        while true {
            if written == memory.count, written < most {
                let larger = allocate(min(2 * written + 64, most))
                larger.copyMemory(from: UnsafeRawBufferPointer(memory))
                memory.deallocate()
                memory = larger
            }
            // zlib counts in 32 bits.
            let (input, room) = (min(reader.bytes.count - read, 1 << 30), min(memory.count - written, 1 << 30))
            stream.next_in = UnsafeMutablePointer(
                mutating: reader.bytes.baseAddress?.advanced(by: read).assumingMemoryBound(to: UInt8.self))
            stream.avail_in = UInt32(input)
            stream.next_out = memory.baseAddress?.advanced(by: written).assumingMemoryBound(to: UInt8.self)
            stream.avail_out = UInt32(room)
            let status = CZlib.inflate(&stream, Z_NO_FLUSH)
            read += input - Int(stream.avail_in)
            written += room - Int(stream.avail_out)
            switch status {
            case Z_OK: continue  // with no room left too: the end of the data needs none
            case Z_STREAM_END:
                if window > 0, read < reader.bytes.count, reader.bytes[read] == 0x1F {
                    inflateReset(&stream)
                    continue
                }
                guard read == reader.bytes.count else { throw damaged("something follows the compressed data") }
                return InflatedBytes(UnsafeMutableRawBufferPointer(rebasing: memory[..<written]))
            case Z_BUF_ERROR where written == most && read < reader.bytes.count:
                throw damaged("the decompressed data has more than \(most) bytes")
            case Z_BUF_ERROR: throw damaged("the compressed data ends too early")
            default:
                throw damaged("the compressed data is wrong (\(stream.msg.map { String(cString: $0) } ?? "zlib"))")
            }
        }
    }

    private static func allocate(_ count: Int) -> UnsafeMutableRawBufferPointer {
        .allocate(byteCount: max(count, 1), alignment: 64)
    }

    package static var physicalMemory: Int { sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) }
}
