import Manifests
import OrderedCollections

/// Resolves `${dotted.key}`: alone it stands for the value of the key, inside a text for its words.
struct ReferenceResolver {
    let tree: StudyTree
    private(set) var problems: [String] = []

    init(_ tree: StudyTree) { self.tree = tree }

    static func isReference(_ json: JSON?) -> Bool { json?.string?.contains("${") ?? false }

    /// The value at `key` without references.
    mutating func value(_ json: JSON, at key: DottedKey) -> JSON {
        var chain: [DottedKey] = [key]
        return value(json, key, &chain)
    }

    private mutating func value(_ json: JSON, _ key: DottedKey, _ chain: inout [DottedKey]) -> JSON {
        switch json {
        case .string(let text) where text.contains("${"): return expand(text, key, &chain)
        case .array(let items):
            var expanded: [JSON] = []
            for (index, item) in items.enumerated() {
                expanded.append(value(item, key.appending("\(index)"), &chain))
            }
            return .array(expanded)
        case .object(let members):
            var expanded: OrderedDictionary<String, JSON> = [:]
            for (name, member) in members { expanded[name] = value(member, key.appending(name), &chain) }
            return .object(expanded)
        default: return json
        }
    }

    private mutating func expand(_ text: String, _ key: DottedKey, _ chain: inout [DottedKey]) -> JSON {
        var result = ""
        var rest = text[...]
        while let open = rest.range(of: "${") {
            guard let close = rest[open.upperBound...].firstIndex(of: "}") else {
                return problem(key, "'\(text)' has a '${' without its '}'")
            }
            let name = String(rest[open.upperBound..<close])
            guard let target = target(DottedKey(name), from: key, &chain) else { return .null }
            let isWhole = open.lowerBound == text.startIndex && rest.index(after: close) == text.endIndex
            if isWhole { return target }
            guard target.array == nil, target.object == nil else {
                return problem(key, "'${\(name)}' is \(target.brief), which does not fit inside a text")
            }
            result += rest[..<open.lowerBound] + SweepNames.text(target)
            rest = rest[rest.index(after: close)...]
        }
        return .string(result + rest)
    }

    private mutating func target(_ name: DottedKey, from key: DottedKey, _ chain: inout [DottedKey]) -> JSON? {
        if let start = chain.firstIndex(of: name) {
            let loop = (chain[start...] + [name]).map(\.description).joined(separator: " → ")
            _ = problem(key, "'${\(name)}' leads back to itself (\(loop))")
            return nil
        }
        guard let raw = tree[name] else {
            let names = tree.knownKeys.filter { tree[$0]?.object == nil }.map(\.description)
            let hint = Nearest.question(for: name.description, among: names) { "${\($0)}" }
            _ = problem(key, "'${\(name)}' names nothing in this study\(hint)")
            return nil
        }
        chain.append(name)
        defer { chain.removeLast() }
        return value(raw, name, &chain)
    }

    private mutating func problem(_ key: DottedKey, _ sentence: String) -> JSON {
        let line = "\(tree.place(key)): \(sentence)"
        if !problems.contains(line) { problems.append(line) }
        return .null
    }
}
