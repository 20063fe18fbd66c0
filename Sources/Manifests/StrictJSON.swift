import ArrayFiles

/// Reads JSON that means the same to every reader.
package enum StrictJSON {
    /// The largest file that is read: 1 MiB, far beyond any manifest.
    package static let usualLimit = 1 << 20

    /// Reads a regular file of at most `limit` bytes.
    package static func read(_ path: String, limit: Int = usualLimit) throws(Problem) -> Document {
        let bytes: [UInt8]
        do {
            bytes = try FileDescriptor.contents(of: path, limit: limit)
        } catch {
            throw Problem(file: path, sentence: (error as? FileError)?.message ?? "\(error)")
        }
        return try parse(bytes, file: path, limit: limit)
    }

    /// The same for a file of a plugin's folder, which nobody else may be able to write.
    static func read(_ name: String, in folder: String) throws(Problem) -> Document {
        let bytes: [UInt8]
        do {
            bytes = try PluginFolder(folder).open(name).contents(limit: usualLimit)
        } catch {
            let failure = error as? FileError
            throw Problem(file: failure?.path ?? "\(folder)/\(name)", sentence: failure?.message ?? "\(error)")
        }
        return try parse(bytes, file: "\(folder)/\(name)")
    }

    package static func parse(_ text: String, file: String) throws(Problem) -> Document {
        try parse(Array(text.utf8), file: file)
    }

    package static func parse(
        _ bytes: [UInt8], file: String, limit: Int = usualLimit
    ) throws(Problem) -> Document {
        if bytes.count > limit {
            throw Problem(file: file, sentence: "the file has \(bytes.count) bytes; at most \(limit) are read")
        }
        let result = bytes.withUnsafeBufferPointer { buffer in
            Result { () throws(Problem) in
                var scanner = JSONScanner(buffer, file: file)
                return try scanner.scan()
            }
        }
        return Document(file: file, root: try result.get(), json: bytes)
    }
}
