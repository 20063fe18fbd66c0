import Glibc

/// An open file, closed at the end of its life.
package struct FileDescriptor: ~Copyable {
    private let handle: Int32
    private let path: String

    init(reading path: String) throws {
        self.path = path
        handle = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)  // a pipe without a writer must not block
        if handle < 0 { throw FileError(.system, path, "cannot be opened: \(systemMessage())") }
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
            if errno != EINTR { throw FileError(.system, path, "cannot be read: \(systemMessage())") }
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(handle, bytes.baseAddress?.advanced(by: done), bytes.count - done)
            if count >= 0 {
                done += count
            } else if errno != EINTR {
                throw FileError(.system, path, "cannot be written: \(systemMessage())")
            }
        }
    }

    func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

    func sync() throws {
        if fsync(handle) != 0 { throw FileError(.system, path, "cannot be synced: \(systemMessage())") }
    }

    /// The whole content of a regular file; devices and pipes are refused, so that nothing blocks and nothing is endless.
    package static func contents(of path: String, limit: Int = .max) throws -> [UInt8] {
        let file = try FileDescriptor(reading: path)
        var status = stat()
        guard fstat(file.handle, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw FileError(.system, path, "is not a regular file")
        }
        let size = Int(status.st_size)
        guard size <= limit else {
            throw FileError(.system, path, "the file has \(size) bytes; at most \(limit) are read")
        }
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
func systemMessage() -> String { String(cString: strerror(errno)) }
