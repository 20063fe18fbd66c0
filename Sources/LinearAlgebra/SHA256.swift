import ArrayFiles
import CShims
import Glibc

/// SHA-256 digests through Nettle, as 64 lowercase hexadecimal digits.
package enum SHA256 {
    /// Of bytes in memory: `[UInt8]`, `Data`, `String.utf8`, `UnsafeRawBufferPointer`.
    package static func hex(of bytes: some Sequence<UInt8>) -> String {
        hex(digest: digest(of: bytes))
    }

    /// Of a file, read in pieces.
    ///
    /// - Throws: `FileError` when the file cannot be opened or read.
    package static func hex(ofFile path: String) throws -> String {
        try hex(of: FileDescriptor(reading: path))
    }

    /// Of an open file, from where it stands to its end.
    package static func hex(of file: borrowing FileDescriptor) throws -> String {
        var running = Running()
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { piece.deallocate() }
        while true {
            let count = try file.read(into: piece)
            if count == 0 { break }
            running.add(UnsafeRawBufferPointer(rebasing: piece[..<count]))
        }
        return running.hex
    }

    /// Of bytes that come one after the other.
    package struct Running {
        private var state = sha256_ctx()

        package init() { nettle_sha256_init(&state) }

        package mutating func add(_ bytes: UnsafeRawBufferPointer) {
            nettle_sha256_update(&state, bytes.count, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        }

        /// The 32 bytes of all so far; more may follow.
        var digest: [UInt8] {
            var copy = state
            var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_SIZE))
            nettle_sha256_digest(&copy, digest.count, &digest)
            return digest
        }

        package var hex: String { SHA256.hex(digest: digest) }
    }

    /// The 32 bytes.
    package static func digest(of bytes: some Sequence<UInt8>) -> [UInt8] {
        let digest = bytes.withContiguousStorageIfAvailable {
            var running = Running()
            running.add(UnsafeRawBufferPointer($0))
            return running.digest
        }
        return digest ?? self.digest(of: Array(bytes))
    }

    private static func hex(digest: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
