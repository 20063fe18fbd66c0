import Glibc

/// The bytes of a file, read-only: mapped, so that processes share them and only what is used is read. A file whose name
/// ends in `.gz` is given decompressed, in memory.
///
/// A file that is cut while it is mapped ends the process that reads on (SIGBUS).
package final class FileContents {
    /// Aligned to 64 bytes at least.
    package let bytes: UnsafeRawBufferPointer
    private let inflated: InflatedBytes?

    /// - Throws: `FileError`: `system` (missing, not a regular file, not readable), `damaged` (`.gz`).
    package convenience init(path: String) throws { try self.init(FileDescriptor(reading: path)) }

    package init(_ file: borrowing FileDescriptor) throws {
        let path = file.path
        let mapped = try Self.map(file)
        guard path.hasSuffix(".gz") else {
            (bytes, inflated) = (mapped, nil)
            return
        }
        defer { Self.unmap(mapped) }
        let inflated = try InflatedBytes.gzip(mapped, path: path)
        (bytes, self.inflated) = (inflated.bytes, inflated)
    }

    deinit { if inflated == nil { Self.unmap(bytes) } }

    /// Where an empty file begins: functions tell "no file" by a null pointer.
    nonisolated(unsafe) private static let empty = UnsafeRawBufferPointer(
        start: UnsafeRawPointer(UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)), count: 0)

    private static func map(_ file: borrowing FileDescriptor) throws -> UnsafeRawBufferPointer {
        let size = try file.size()
        guard size > 0 else { return empty }
        guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, file.handle, 0), start != MAP_FAILED else {
            throw FileError(.system, file.path, "cannot be mapped into memory: \(systemMessage())")
        }
        return UnsafeRawBufferPointer(start: start, count: size)
    }

    private static func unmap(_ bytes: UnsafeRawBufferPointer) {
        if bytes.count > 0 { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }
    }
}
