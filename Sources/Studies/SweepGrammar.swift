import Manifests
import OrderedCollections

/// A swept key, its values, and where each stands.
struct SweepAxis {
    struct Value {
        var json: JSON
        /// Of an alternative: what tables, names of runs and `where` call it.
        var name: String?
        /// For sentences: `study.yaml:19:36` or `override 'optimizer.lr=[0.1, 0.2]'`.
        var place: String
        /// Where in the file the value stands, if it does.
        var source: DottedKey?

        /// What points say of it.
        var shown: JSON { name.map(JSON.string) ?? json }
    }

    var key: DottedKey
    var values: [Value]
    var place: String
    /// The key is swept only where others have these values.
    var conditions: [SweepCondition] = []

    var hasNames: Bool { values.contains { $0.name != nil } }
}

/// A key and the values that it may have, in `when`, `exclude` and `include`.
struct SweepCondition {
    var key: DottedKey
    var json: JSON
    var place: String
    var keyPlace: String
    /// The values that fulfil it, once the axes are known.
    var allowed: Set<JSON> = []

    /// A list stands for any of its items unless the axis has it as a value.
    func candidates(_ known: [SweepAxis.Value]) -> [JSON] {
        guard let items = json.array, !known.contains(where: { $0.shown.isEqual(to: json) }) else { return [json] }
        return items
    }
}

/// A part of a sweep, in the file or on the command line.
struct SweepPart {
    var json: JSON
    /// nil on the command line.
    var source: DottedKey?
    private let tree: StudyTree?
    private let words: String?

    init(_ tree: StudyTree, _ key: DottedKey) {
        (json, source, self.tree, words) = (tree[key] ?? .null, key, tree, nil)
    }

    init(_ override: Override) {
        (json, source, tree, words) = (override.value, nil, nil, "override '\(override.words)'")
    }

    subscript(name: String) -> SweepPart? {
        guard let child = json[name] ?? Int(name).flatMap({ json[$0] }) else { return nil }
        var part = self
        (part.json, part.source) = (child, source?.appending(name))
        return part
    }

    /// The items of a list or the members of a mapping.
    var children: [(name: String, part: SweepPart)] {
        let names = json.object?.keys.elements ?? json.array?.indices.map(String.init) ?? []
        return names.compactMap { name in self[name].map { (name, $0) } }
    }

    var place: String { words ?? source.flatMap { tree?.place($0) } ?? "" }
    var keyPlace: String { words ?? source.flatMap { tree?.keyPlace($0) } ?? "" }
}

/// Reads axes: lists of values, and `values`, `range`, `linear`, `log` and `alternatives`. What the schema names is left out here.
struct SweepGrammar {
    static let forms = ["values", "range", "linear", "log", "alternatives"]

    private(set) var problems: [String] = []
    /// Whether the values of a key are integers.
    let isInteger: (DottedKey) -> Bool

    init(isInteger: @escaping (DottedKey) -> Bool) { self.isInteger = isInteger }

    /// Whether a value of the command line is an axis: `{log: [1e-3, 1e-1, 5]}`, and not the schedule `{log: 30}`.
    static func isAxis(_ json: JSON) -> Bool {
        guard let members = json.object else { return false }
        return members.contains { forms.contains($0.key) && ($0.value.array != nil || $0.value.object != nil) }
    }

    /// nil after a mistake.
    mutating func axis(_ key: DottedKey, _ part: SweepPart) -> SweepAxis? {
        let values: [SweepAxis.Value]?
        var conditions: [SweepCondition] = []
        if part.json.array != nil {
            values = list(key, part)
        } else {
            let found = part.children.filter { Self.forms.contains($0.name) }
            for (name, child) in part.children where !(Self.forms + ["when"]).contains(name) {
                let hint = Nearest.hint(for: name, among: Self.forms + ["when"])
                add(child.keyPlace, "unknown key '\(name)' in the sweep of \(key)\(hint)")
            }
            guard found.count == 1, let (form, child) = found.first else {
                let names = found.map(\.name).joined(separator: ", ")
                add(
                    part.place,
                    "the sweep of \(key) has exactly one of \(Self.forms.joined(separator: ", ")); found \(names.isEmpty ? "none" : names)"
                )
                return nil
            }
            switch form {
            case "values": values = list(key, child)
            case "alternatives": values = alternatives(key, child)
            default: values = numbers(form, key, child)
            }
            if let when = part["when"] {
                conditions = self.conditions(when)
                if conditions.isEmpty {
                    add(when.place, "when says which other swept keys have which values; it is empty")
                }
            }
        }
        guard let values, !values.isEmpty else { return nil }
        return SweepAxis(
            key: key, values: values, place: part.source == nil ? part.place : part.keyPlace, conditions: conditions)
    }

    /// Axes that advance together have no combination twice.
    mutating func checkRepetitions(_ axes: [SweepAxis]) {
        let length = axes.map(\.values.count).min() ?? 0
        var known: [[JSON]: Int] = [:]
        for index in 0..<length {
            let values = axes.map { $0.values[index] }
            guard let first = known.updateValue(index, forKey: values.map(\.json.meaning)) else { continue }
            let keys = axes.map(\.key.description).joined(separator: ", ")
            if axes.count == 1, let name = values[0].name, let other = axes[0].values[first].name {
                add(values[0].place, "'\(name)' is the same as '\(other)' in the sweep of \(keys)")
            } else {
                let words = values.map { SweepNames.text($0.json) }.joined(separator: ", ")
                add(values[0].place, "\(words) appears twice in the sweep of \(keys)")
            }
        }
    }

    /// The members of a mapping of keys and values.
    func conditions(_ part: SweepPart) -> [SweepCondition] {
        (part.json.object == nil ? [] : part.children).map { name, child in
            SweepCondition(key: DottedKey(name), json: child.json, place: child.place, keyPlace: child.keyPlace)
        }
    }

    private mutating func list(_ key: DottedKey, _ part: SweepPart) -> [SweepAxis.Value]? {
        guard part.json.array?.isEmpty == false else {
            add(part.place, "the sweep of \(key) is an empty list of values")
            return nil
        }
        return part.children.map { .init(json: $0.part.json, place: $0.part.place, source: $0.part.source) }
    }

    private mutating func alternatives(_ key: DottedKey, _ part: SweepPart) -> [SweepAxis.Value]? {
        guard let members = part.json.object, !members.isEmpty else {
            add(
                part.place,
                "the alternatives of \(key) are \(part.json.object == nil ? part.json.brief : "none"); expected names and what they stand for, such as {small: {plugin: mlp}, large: …}"
            )
            return nil
        }
        for (name, child) in part.children
        where name.isEmpty || !name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "_.-".contains($0)) }) {
            add(
                child.keyPlace,
                "the name of an alternative has letters, digits, '_', '.' and '-' only, got \(quoted(name))"
            )
        }
        return part.children.map { name, child in
            .init(json: child.json, name: name, place: child.place, source: child.source)
        }
    }

    private mutating func numbers(_ form: String, _ key: DottedKey, _ part: SweepPart) -> [SweepAxis.Value]? {
        do throws(SweepNumbers.Mistake) {
            return try SweepNumbers.values(form, part.json, isInteger: isInteger(key)).map {
                .init(json: $0, place: part.place)
            }
        } catch {
            add(part.place, "the sweep of \(key): \(error.sentence)")
            return nil
        }
    }

    mutating func add(_ place: String, _ sentence: String) {
        let line = "\(place): \(sentence)"
        if !problems.contains(line) { problems.append(line) }
    }
}

extension JSON {
    /// Equal for values that are `isEqual(to:)`.
    var meaning: JSON {
        switch self {
        case .double(let value): Int(exactly: value).map(JSON.int) ?? self
        case .array(let items): .array(items.map(\.meaning))
        case .object: Identity.canonical(.object((object ?? [:]).mapValues(\.meaning)))
        default: self
        }
    }
}
