/// A file that could not be read or written, or whose content is not what it should be.
package struct FileError: Error, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// The system refused: missing file, permissions, full disk.
        case system
        /// The content contradicts the format, for instance a truncated file.
        case damaged
        /// Valid, but of a kind that is not read, for instance a compressed archive.
        case unsupported
        /// The values to write do not fit the format, for instance two arrays of one name.
        case invalid
    }

    package let code: Code
    package let path: String
    /// The array concerned, if any.
    package let key: String?
    /// What happened, what was expected, and what to do.
    package let message: String

    package init(_ code: Code, _ path: String, key: String? = nil, _ message: String) {
        self.code = code
        self.path = path
        self.key = key
        self.message = message
    }

    package var description: String {
        "\(path): " + (key.map { "array '\($0)': " } ?? "") + message
    }
}
