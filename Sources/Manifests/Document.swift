import Synchronization

/// A place in a text file, both 1-based; the column counts Unicode characters (scalars), not bytes.
package struct Position: Hashable, Sendable {
    package var line: Int
    package var column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}

/// A parsed file and where each of its values and keys stands.
package struct Document: Sendable {
    /// The path as error messages show it.
    package var file: String
    package var root: JSON
    /// The text that `root` was read from, if it was JSON.
    package private(set) var json: [UInt8] = []
    private let places: Places

    /// JSON pointer (`/components/0/id`, the root is empty) to the begin of the value.
    package var positions: [String: Position] { places.table.values }
    /// JSON pointer of a member to the begin of its key.
    package var keyPositions: [String: Position] { places.table.keys }

    package init(
        file: String, root: JSON, positions: [String: Position] = [:], keyPositions: [String: Position] = [:]
    ) {
        (self.file, self.root) = (file, root)
        places = Places { Places.Table(values: positions, keys: keyPositions) }
    }

    /// - Parameter json: the text that `root` was read from.
    init(file: String, root: JSON, json: [UInt8]) {
        (self.file, self.root, self.json) = (file, root, json)
        places = Places {
            json.withUnsafeBufferPointer { bytes in
                var scanner = JSONScanner(bytes, file: file, notesPositions: true)
                _ = try? scanner.scan()  // it has been read before
                return Places.Table(values: scanner.positions, keys: scanner.keyPositions)
            }
        }
    }

    /// Where a value begins; for a pointer that names nothing, where its nearest parent begins.
    package func position(of pointer: String) -> Position? {
        var pointer = pointer[...]
        while true {
            if let found = positions[String(pointer)] { return found }
            guard let slash = pointer.lastIndex(of: "/") else { return nil }
            pointer = pointer[..<slash]
        }
    }

    /// Where the key of a member begins; an item of a list has none, so its own place.
    package func keyPosition(of pointer: String) -> Position? {
        keyPositions[pointer] ?? position(of: pointer)
    }

    /// A sentence about a value, or about a key.
    package func problem(at pointer: String, key: Bool = false, _ sentence: String) -> Problem {
        Problem(
            file: file, position: key ? keyPosition(of: pointer) : position(of: pointer), pointer: pointer,
            sentence: sentence)
    }
}

/// Positions, found when they are first asked for: files without mistakes need none.
private final class Places: Sendable {
    struct Table {
        var values: [String: Position]
        var keys: [String: Position]
    }

    private let find: @Sendable () -> Table
    private let found = Mutex<Table?>(nil)

    init(_ find: @escaping @Sendable () -> Table) { self.find = find }

    var table: Table {
        found.withLock { table in
            if let table { return table }
            let new = find()
            table = new
            return new
        }
    }
}

/// What is wrong, and where: `plugin.json:31:21: unknown key 'symbl' in components[0].call; did you mean 'symbol'?`.
package struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
    package var file: String
    /// None if the file could not be read at all.
    package var position: Position?
    package var pointer: String
    package var sentence: String

    package init(file: String, position: Position? = nil, pointer: String = "", sentence: String) {
        self.file = file
        self.position = position
        self.pointer = pointer
        self.sentence = sentence
    }

    package var description: String {
        guard let position else { return "\(file): \(sentence)" }
        return "\(file):\(position.line):\(position.column): \(sentence)"
    }
}

/// Everything that is wrong with a file, in the order of the file.
package struct ManifestError: Error, Sendable, CustomStringConvertible {
    package var problems: [Problem]

    package init(_ problems: [Problem]) {
        self.problems = problems.sorted {
            ($0.position?.line ?? 0, $0.position?.column ?? 0) < ($1.position?.line ?? 0, $1.position?.column ?? 0)
        }
    }

    package var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// JSON pointers (RFC 6901) as strings.
package enum Pointer {
    package static func child(_ parent: String, _ key: String) -> String {
        guard key.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else {
            return "\(parent)/\(key)"
        }
        return parent + "/"
            + key.map { $0 == "~" ? "~0" : $0 == "/" ? "~1" : String($0) }.joined()
    }

    package static func child(_ parent: String, _ index: Int) -> String { "\(parent)/\(index)" }

    /// The keys and indices of a pointer.
    package static func tokens(_ pointer: String) -> [String] {
        pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map { token in
            token.contains("~")
                ? token.split(separator: "~1", omittingEmptySubsequences: false)
                    .map { $0.split(separator: "~0", omittingEmptySubsequences: false).joined(separator: "~") }
                    .joined(separator: "/")
                : String(token)
        }
    }

    /// `/components/0/call` as people read it: `components[0].call`.
    package static func path(_ pointer: String) -> String {
        var path = ""
        for token in tokens(pointer) {
            if Int(token) != nil {
                path += "[\(token)]"
            } else {
                path += path.isEmpty ? token : ".\(token)"
            }
        }
        return path
    }
}
