import Manifests
import OrderedCollections

/// Where a value of a resolved study comes from.
package enum Origin: Hashable, Sendable, CustomStringConvertible {
    case `default`
    case file
    /// The words of the command line, `optimizer.lr=0.1`.
    case override(String)
    /// The places of the value and of its key in the sweep.
    case sweep(String, key: String)

    /// `default`, `file`, `override optimizer.lr=0.1`, `sweep study.yaml:19:36`.
    package var description: String {
        switch self {
        case .default, .file: word
        case .override(let words): "override \(words)"
        case .sweep(let place, _): "sweep \(place)"
        }
    }

    /// As in `run.json`.
    package var word: String {
        switch self {
        case .default: "default"
        case .file: "file"
        case .override: "override"
        case .sweep: "sweep"
        }
    }
}

/// A key of a study, `regularizers.l2.weight_decay`.
package struct DottedKey: Hashable, Sendable, CustomStringConvertible {
    package var parts: [String]

    package init(_ parts: [String]) { self.parts = parts }
    package init(_ text: String) {
        parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    }

    package var description: String { parts.joined(separator: ".") }
    package var last: String { parts.last ?? "" }
    package var parent: DottedKey { DottedKey(Array(parts.dropLast())) }
    package func appending(_ part: String) -> DottedKey { DottedKey(parts + [part]) }
}

/// The values of a study, each with its place in the file, on the command line or in the sweep.
struct StudyTree {
    private(set) var root: JSON
    let document: Document
    /// Origins of what does not come from the file.
    private var origins: [DottedKey: Origin] = [:]
    /// Where in the file a section stands that has been put in another place: an alternative of a sweep.
    private var sources: [DottedKey: DottedKey] = [:]

    init(_ document: Document) {
        self.document = document
        root = document.root
    }

    subscript(key: DottedKey) -> JSON? {
        var value: JSON? = root
        for part in key.parts { value = value?[part] ?? Int(part).flatMap { value?[$0] } }
        return value
    }

    /// Sets a value; missing objects on the way are made. `source` is where the value stands in the file.
    mutating func set(_ key: DottedKey, _ value: JSON?, _ origin: Origin, from source: DottedKey? = nil) {
        root = Self.setting(root, key.parts[...], value)
        origins = origins.filter { !$0.key.parts.starts(with: key.parts) }
        if origin != .file { origins[key] = origin }
        if !sources.isEmpty { sources = sources.filter { !$0.key.parts.starts(with: key.parts) } }
        if let source { sources[key] = source }
    }

    /// Replaces a value by what it stands for.
    mutating func resolve(_ key: DottedKey, _ value: JSON) { root = Self.setting(root, key.parts[...], value) }

    func origin(_ key: DottedKey) -> Origin {
        for count in stride(from: key.parts.count, through: 1, by: -1) {
            if let origin = origins[DottedKey(Array(key.parts.prefix(count)))] { return origin }
        }
        return .file
    }

    /// `study.yaml:7:12` of the value, for sentences.
    func place(_ key: DottedKey) -> String {
        if let place = moved(key, document.position) { return place }
        if case .sweep(let place, _) = origin(key) { return place }
        return place(key) { document.position(of: $0) }
    }

    /// The place of the key itself.
    func keyPlace(_ key: DottedKey) -> String {
        if let place = moved(key, document.keyPosition) { return place }
        if case .sweep(_, let place) = origin(key) { return place }
        return place(key) { document.keyPosition(of: $0) }
    }

    /// The place of a value inside a section that stands elsewhere in the file.
    private func moved(_ key: DottedKey, _ position: (String) -> Position?) -> String? {
        for count in stride(from: sources.isEmpty ? 0 : key.parts.count, through: 1, by: -1) {
            let prefix = DottedKey(Array(key.parts.prefix(count)))
            guard let source = sources[prefix] else {
                // What has been set inside since then has a place of its own.
                if origins[prefix] != nil { return nil }
                continue
            }
            guard count < key.parts.count else { return nil }
            let there = DottedKey(source.parts + key.parts.dropFirst(count))
            return position(there.pointer).map { "\(document.file):\($0.line):\($0.column)" }
        }
        return nil
    }

    private func place(_ key: DottedKey, _ position: (String) -> Position?) -> String {
        if case .override(let words) = origin(key) { return "override '\(words)'" }
        guard let found = position(key.pointer) else { return document.file }
        return "\(document.file):\(found.line):\(found.column)"
    }

    static func setting(_ json: JSON, _ path: ArraySlice<String>, _ value: JSON?) -> JSON {
        guard let part = path.first else { return value ?? .null }
        var members = json.object ?? [:]
        if path.count == 1 {
            members[part] = value
        } else {
            members[part] = setting(members[part] ?? .object([:]), path.dropFirst(), value)
        }
        return .object(members)
    }
}

extension DottedKey {
    /// The JSON pointer (RFC 6901).
    var pointer: String { parts.reduce("") { Pointer.child($0, $1) } }
}
