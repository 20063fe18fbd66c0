import Glibc

/// An open file, closed at the end of its life.
package struct FileDescriptor: ~Copyable {
    package let handle: Int32
    package let path: String

    package init(reading path: String) throws {
        self.path = path
        handle = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)  // a pipe without a writer must not block
        if handle < 0 { throw FileError(.system, path, "cannot be opened: \(systemMessage())") }
    }

    /// A descriptor that is open already, and what errors call it.
    package init(handle: Int32, path: String) { (self.handle, self.path) = (handle, path) }

    /// A new file named `temporary`; errors speak of `path`, the name it will have.
    init(creating temporary: String, for path: String) throws {
        self.path = path
        handle = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        if handle < 0 { throw FileError(.system, path, "cannot create a file in this folder: \(systemMessage())") }
    }

    deinit { if handle >= 0 { close(handle) } }

    /// Reads up to `buffer.count` bytes; 0 at the end.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
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

    /// The size of a regular file; devices and pipes are refused, so that nothing blocks and nothing is endless.
    package func size() throws -> Int {
        var status = stat()
        guard fstat(handle, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw FileError(.system, path, "is not a regular file")
        }
        return Int(status.st_size)
    }

    /// The whole content of a regular file.
    package static func contents(of path: String, limit: Int = .max) throws -> [UInt8] {
        try FileDescriptor(reading: path).contents(limit: limit)
    }

    package func contents(limit: Int = .max) throws -> [UInt8] {
        let size = try size()
        guard size <= limit else {
            throw FileError(.system, path, "the file has \(size) bytes; at most \(limit) are read")
        }
        return try [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            while filled < size {
                let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
                let count = try read(into: rest)
                if count == 0 { break }
                filled += count
            }
        }
    }
}

/// The last system error in words.
package func systemMessage() -> String { String(cString: strerror(errno)) }
