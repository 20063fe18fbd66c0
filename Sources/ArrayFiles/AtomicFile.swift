import Glibc

/// Whole files that appear at once: written under a temporary name in the same folder, synced, renamed.
///
/// Readers see the old file or the new one, never a part, also after a power failure.
package enum AtomicFile {
    /// Writes `bytes` to `path`, replacing what is there.
    ///
    /// - Throws: `FileError`; nothing is left behind.
    package static func write(_ bytes: [UInt8], to path: String) throws {
        try write(to: path) { file in try bytes.withUnsafeBytes { try file.write($0) } }
    }

    /// The same of pieces, which `body` hands to its argument one after the other.
    package static func write(to path: String, _ body: (([UInt8]) throws -> Void) throws -> Void) throws {
        try write(to: path) { (file: borrowing FileDescriptor) in
            try body { bytes in try bytes.withUnsafeBytes { try file.write($0) } }
        }
    }

    /// Writes what `body` writes piece by piece, for content that should not be in memory twice.
    static func write(to path: String, _ body: (borrowing FileDescriptor) throws -> Void) throws {
        let (folder, name) = split(path)
        let temporary = "\(folder)/.\(name).\(getpid()).\(UInt32.random(in: 0...UInt32.max)).tmp"
        do {
            let file = try FileDescriptor(creating: temporary, for: path)
            try body(file)
            try file.sync()
        } catch {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            let reason = systemMessage()
            unlink(temporary)
            throw FileError(.system, path, "cannot rename the finished file to this name: \(reason)")
        }
        // The rename itself is durable once the folder is; a file system that refuses this has nothing to sync.
        let handle = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if handle >= 0 {
            fsync(handle)
            close(handle)
        }
    }

    private static func split(_ path: String) -> (folder: String, name: Substring) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path[...]) }
        let folder = String(path[..<slash])
        return (folder.isEmpty ? "/" : folder, path[path.index(after: slash)...])
    }
}
