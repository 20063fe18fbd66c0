import Foundation
import Manifests
import OrderedCollections
import Yams

/// Reads YAML (and JSON, which is YAML) into the same `Document` that manifests use.
///
/// Plain scalars follow the YAML 1.2 core schema: `null`, `true`, `false`, integers and floats such as `1e-3`; everything else,
/// `yes` and `no` included, is text. Anchors and aliases work; tags other than `!!str` do not.
package enum YAMLDocument {
    private static let maximumBytes = 1 << 20
    /// Below that of `StrictJSON`, which reads the study again from the records of its runs, one level deeper.
    private static let maximumDepth = 14
    /// Aliases may repeat a value, not multiply it without bound.
    private static let maximumValues = 100_000

    package static func read(file: String) throws(StudyError) -> Document {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw StudyError("\(file): cannot be read; expected a study file in YAML or JSON")
        }
        guard data.count <= maximumBytes else {
            throw StudyError("\(file): \(data.count) bytes; a study file has at most \(maximumBytes)")
        }
        guard let text = String(bytes: data, encoding: .utf8) else {
            throw StudyError("\(file): not UTF-8 text")
        }
        return try parse(text, file: file)
    }

    /// Parses text; `file` is for error messages.
    package static func parse(_ text: String, file: String) throws(StudyError) -> Document {
        let place: Place = { "\(file):\($0.line):\($0.column)" }
        guard let node = try compose(text, place), case .mapping = node else {
            throw StudyError("\(file):1:1: expected keys and values, such as 'study: my-study'")
        }
        var reader = Reader(place: place)
        let root = try reader.value(node, pointer: "", depth: 1)
        return Document(file: file, root: root, positions: reader.positions, keyPositions: reader.keyPositions)
    }

    /// A value on a command line: a scalar, list or mapping in flow style. `what` stands for the place in sentences.
    package static func value(_ text: String, of what: String) throws(StudyError) -> JSON {
        guard let node = try compose(text, { _ in what }) else { return .null }
        var reader = Reader(place: { _ in what })
        return try reader.value(node, pointer: "", depth: 1)
    }

    /// How a sentence names a position.
    private typealias Place = (Position) -> String

    private static func compose(_ text: String, _ place: Place) throws(StudyError) -> Node? {
        do {
            return try Yams.compose(yaml: text, .basic)
        } catch let error as YamlError {
            throw StudyError(sentence(of: error, place))
        } catch {
            throw StudyError("\(place(Position(line: 1, column: 1))): \(error)")
        }
    }

    private struct Reader {
        let place: Place
        var positions: [String: Position] = [:]
        var keyPositions: [String: Position] = [:]
        private var values = 0

        init(place: @escaping Place) { self.place = place }

        mutating func value(_ node: Node, pointer: String, depth: Int) throws(StudyError) -> JSON {
            let position = Position(node.mark)
            positions[pointer] = position
            values += 1
            guard depth <= maximumDepth else { throw error(position, "values nested deeper than \(maximumDepth)") }
            guard values <= maximumValues else { throw error(position, "more than \(maximumValues) values") }
            switch node {
            case .scalar(let scalar):
                return try self.scalar(scalar, position)
            case .sequence(let sequence):
                var items: [JSON] = []
                for (index, item) in sequence.enumerated() {
                    items.append(try value(item, pointer: Pointer.child(pointer, index), depth: depth + 1))
                }
                return .array(items)
            case .mapping(let mapping):
                var object: OrderedDictionary<String, JSON> = [:]
                for (keyNode, valueNode) in mapping {
                    let keyPosition = Position(keyNode.mark)
                    guard case .scalar(let key) = keyNode else { throw error(keyPosition, "a key must be text") }
                    guard object[key.string] == nil else {
                        throw error(keyPosition, "key '\(key.string)' appears twice")
                    }
                    let child = Pointer.child(pointer, key.string)
                    keyPositions[child] = keyPosition
                    object[key.string] = try value(valueNode, pointer: child, depth: depth + 1)
                }
                return .object(object)
            case .alias:
                throw error(position, "an alias without its anchor")
            }
        }

        private func scalar(_ scalar: Node.Scalar, _ position: Position) throws(StudyError) -> JSON {
            let tag = scalar.tag.description
            let isText = scalar.style != .plain || tag.hasSuffix(":str")
            if !tag.isEmpty, tag != "!", !tag.hasSuffix(":str") {
                throw error(position, "tag '\(tag)' is not supported; write the value without it")
            }
            // C strings end there: neither plugins nor the files of a run could hold it.
            if scalar.string.unicodeScalars.contains("\0") { throw error(position, "U+0000 is not allowed in text") }
            if isText { return .string(scalar.string) }
            switch PlainScalar(scalar.string) {
            case .null: return .null
            case .bool(let value): return .bool(value)
            case .int(let value): return .int(value)
            case .float(let value): return .double(value)
            case .text: return .string(scalar.string)
            case .outOfRange: throw error(position, "number \(scalar.string) is out of range")
            }
        }

        private func error(_ position: Position, _ sentence: String) -> StudyError {
            StudyError("\(place(position)): \(sentence)")
        }
    }

    private static func sentence(of error: YamlError, _ place: Place) -> String {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let about = context.map { " (\($0.text))" } ?? ""
            return "\(place(Position(mark))): not valid YAML: \(problem)\(about)"
        case .reader(let problem, let offset, _, let text):
            let before = text.unicodeScalars.prefix(offset ?? 0)
            let line = before.count { $0 == "\n" } + 1
            let column = before.reversed().prefix { $0 != "\n" }.count + 1
            return "\(place(Position(line: line, column: column))): not valid YAML: \(problem)"
        case .duplicatedKeysInMapping(let keys, let context):
            let key = keys.first ?? ""
            let second = secondPlace(of: key, after: context.mark, in: context.text)
            return "\(place(second)): key '\(key)' appears twice (first in line \(context.mark.line))"
        default:
            return "\(place(Position(line: 1, column: 1))): not valid YAML: \(error)"
        }
    }

    /// Yams names the first place of a repeated key; the second is what the user has to look at.
    private static func secondPlace(of key: String, after first: Mark, in text: String) -> Position {
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        func matches(_ rest: Substring) -> Bool {
            let name = rest.first == "\"" || rest.first == "'" ? rest.dropFirst() : rest
            guard name.hasPrefix(key) else { return false }
            return name.dropFirst(key.count).drop { "\"' ".contains($0) }.first == ":"
        }
        // In a block all keys stand in one column; in a flow mapping they follow a brace or a comma.
        let isBlock =
            first.line <= lines.count
            && lines[first.line - 1].prefix(first.column - 1).allSatisfy { " -".contains($0) }
        for line in first.line...max(first.line, lines.count) where line <= lines.count {
            let content = lines[line - 1]
            let start = line == first.line ? first.column : 0
            for column in start..<max(start, content.count) where !isBlock || column == first.column - 1 {
                let isStart = column == 0 || " {,".contains(content.dropFirst(column - 1).first ?? " ")
                if isStart, matches(content.dropFirst(column)) { return Position(line: line, column: column + 1) }
            }
        }
        return Position(first)
    }
}

extension Position {
    fileprivate init(_ mark: Mark?) { self.init(line: mark?.line ?? 1, column: mark?.column ?? 1) }
}

/// A plain scalar in the YAML 1.2 core schema (section 10.3.2).
enum PlainScalar: Equatable {
    case null, bool(Bool), int(Int), float(Double), text
    /// An integer outside int64, or a float that is not finite.
    case outOfRange

    init(_ text: String) {
        switch text {
        case "", "~", "null", "Null", "NULL": self = .null
        case "true", "True", "TRUE": self = .bool(true)
        case "false", "False", "FALSE": self = .bool(false)
        case ".inf", ".Inf", ".INF", "+.inf", "-.inf", ".nan", ".NaN", ".NAN": self = .outOfRange
        default: self = Self.number(text)
        }
    }

    private static func number(_ text: String) -> PlainScalar {
        for (prefix, radix) in [("0x", 16), ("0o", 8)] where text.hasPrefix(prefix) {
            let digits = text.dropFirst(2)
            guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && Int(String($0), radix: radix) != nil }) else {
                return .text
            }
            return Int(digits, radix: radix).map { .int($0) } ?? .outOfRange
        }
        var rest = Substring(text)
        if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
        let whole = rest.prefix { $0.isASCIIDigit }
        rest = rest.dropFirst(whole.count)
        if rest.isEmpty, !whole.isEmpty { return Int(text).map { .int($0) } ?? .outOfRange }
        var fraction: Substring = ""
        if rest.first == "." {
            fraction = rest.dropFirst().prefix { $0.isASCIIDigit }
            rest = rest.dropFirst(1 + fraction.count)
        }
        guard !whole.isEmpty || !fraction.isEmpty else { return .text }
        if rest.first == "e" || rest.first == "E" {
            rest.removeFirst()
            if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
            guard !rest.isEmpty, rest.allSatisfy(\.isASCIIDigit) else { return .text }
            rest = ""
        }
        guard rest.isEmpty else { return .text }
        guard let value = Double(text.last == "." ? text + "0" : text), value.isFinite else { return .outOfRange }
        return .float(value)
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) && isASCII }
}
