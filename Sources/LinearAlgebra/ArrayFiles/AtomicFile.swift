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

/// An open file, closed at the end of its life.
struct FileDescriptor: ~Copyable {
    private let handle: Int32
    private let path: String

    init(reading path: String) throws {
        self.path = path
        handle = open(path, O_RDONLY | O_CLOEXEC)
        if handle < 0 { throw FileError(.system, path, "cannot open: \(systemMessage())") }
    }

    /// A new file named `temporary`; errors speak of `path`, the name it will have.
    init(creating temporary: String, for path: String) throws {
        self.path = path
        handle = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        if handle < 0 { throw FileError(.system, path, "cannot create a file in this folder: \(systemMessage())") }
    }

    deinit { if handle >= 0 { close(handle) } }

    /// Reads up to `buffer.count` bytes; 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        while true {
            let count = Glibc.read(handle, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            if errno != EINTR { throw FileError(.system, path, "cannot read: \(systemMessage())") }
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(handle, bytes.baseAddress?.advanced(by: done), bytes.count - done)
            if count >= 0 {
                done += count
            } else if errno != EINTR {
                throw FileError(.system, path, "cannot write: \(systemMessage())")
            }
        }
    }

    func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

    func sync() throws {
        if fsync(handle) != 0 { throw FileError(.system, path, "cannot sync: \(systemMessage())") }
    }

    /// The whole content.
    static func contents(of path: String) throws -> [UInt8] {
        let file = try FileDescriptor(reading: path)
        var status = stat()
        guard fstat(file.handle, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw FileError(.system, path, "is not a file")
        }
        let size = Int(status.st_size)
        return try [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            while filled < size {
                let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
                let count = try file.read(into: rest)
                if count == 0 { break }
                filled += count
            }
        }
    }
}

/// The last system error in words.
private func systemMessage() -> String { String(cString: strerror(errno)) }
