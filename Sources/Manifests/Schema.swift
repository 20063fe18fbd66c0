import OrderedCollections

/// A JSON Schema (draft 2020-12) for the keywords that our schemas use.
///
/// Any other keyword is refused on loading, so that no rule of a schema is ever silently ignored. `title` names the
/// expected form as a noun phrase ("a name of lower-case letters"), which error messages quote; `$ref` points inside
/// the same schema.
package struct Schema: Sendable {
    /// One schema object or boolean; subschemas are indices into `Schema.nodes`, since `$ref` makes cycles. Written only while
    /// the schema is read.
    final class Node: @unchecked Sendable {
        var always: Bool?
        var title: String?
        var types: SchemaTypes?
        var values: [JSON]?
        var isConst = false
        var reference: Int?
        /// If a type is all that is asked: most values of a manifest are numbers of examples.
        var onlyTypes: SchemaTypes?
        fileprivate var asksForTypeOnly = false

        var properties: OrderedDictionary<String, Int> = [:]
        var patternProperties: [(pattern: SchemaPattern, node: Int)] = []
        var additionalProperties: Int?
        var propertyNames: Int?
        var required: [String] = []
        var prefixItems: [Int] = []
        var items: Int?
        var uniqueItems = false
        var bounds = Bounds()
        var minimum: JSON?
        var maximum: JSON?
        var exclusiveMinimum: JSON?
        var exclusiveMaximum: JSON?
        var pattern: SchemaPattern?

        var oneOf: [Int] = []
        var anyOf: [Int] = []
        var allOf: [Int] = []
        var oneOfTag: Tag?
        var anyOfTag: Tag?
        var not: Int?
        var `if`: Int?
        var then: Int?
        var `else`: Int?
    }

    /// `minItems`, `maxLength`, …
    struct Bounds {
        var length = Bound(noun: "character"), items = Bound(noun: "item"), properties = Bound(noun: "key")
    }

    struct Bound {
        let noun: String
        var least: Int?
        var most: Int?
    }

    /// The key that tells the branches of a union apart (`kind`, `from`): required in all, with values of its own in
    /// each. Then only the branch that was meant is checked, and its sentence is the useful one.
    struct Tag: Sendable {
        var key: String
        var values: [JSON]
        var branches: [JSON: Int]
    }

    private(set) var nodes: [Node] = []
    private var compiled: [String: Int] = [:]
    private let document: Document

    package init(_ document: Document) throws(Problem) {
        self.document = document
        _ = try compile("", document.root)
        for node in nodes where node.asksForTypeOnly {
            node.onlyTypes = node.reference.map { nodes[$0].asksForTypeOnly ? nodes[$0].types : nil } ?? node.types
        }
        for index in nodes.indices {
            nodes[index].oneOfTag = tag(of: nodes[index].oneOf)
            nodes[index].anyOfTag = tag(of: nodes[index].anyOf)
        }
    }

    /// The schema a chain of bare `$ref` leads to.
    func resolved(_ index: Int) -> Node {
        var node = nodes[index]
        for _ in 0..<16 {
            guard let reference = node.reference, node.properties.isEmpty, node.values == nil else { break }
            node = nodes[reference]
        }
        return node
    }

    private func tag(of branches: [Int]) -> Tag? {
        guard branches.count > 1, let first = branches.first else { return nil }
        for key in resolved(first).required {
            let values = branches.map { branch -> [JSON] in
                let node = resolved(branch)
                guard node.required.contains(key), let property = node.properties[key] else { return [] }
                return resolved(property).values ?? []
            }
            let all = Array(values.joined())
            // Numbers are left out: 1 and 1.0 are the same value but not the same key.
            guard values.allSatisfy({ !$0.isEmpty }), all.allSatisfy({ $0.string != nil }),
                Set(all).count == all.count
            else { continue }
            let pairs = zip(branches, values).flatMap { branch, values in values.map { ($0, branch) } }
            return Tag(key: key, values: all, branches: Dictionary(uniqueKeysWithValues: pairs))
        }
        return nil
    }

    /// Reads and compiles a schema file.
    package init(path: String) throws(Problem) {
        try self.init(try StrictJSON.read(path))
    }

    /// What is wrong with a document, in no particular order; empty if it follows the schema.
    package func problems(in document: Document) -> [Problem] {
        var validation = SchemaValidation(schema: self, document: document)
        // Most documents have no mistake, and to know that takes no places and no sentences.
        if validation.fits(document.root, 0) { return [] }
        validation.check(document.root, against: 0)
        return validation.problems
    }

    // MARK: - Loading

    private mutating func compile(_ pointer: String, _ json: JSON) throws(Problem) -> Int {
        if let known = compiled[pointer] { return known }
        let index = nodes.count
        compiled[pointer] = index
        nodes.append(Node())
        if let bool = json.bool {
            nodes[index].always = bool
            return index
        }
        guard let members = json.object else {
            throw document.problem(at: pointer, "a schema must be an object, true or false, got \(json.brief)")
        }
        for (key, value) in members {
            try read(key, value, Pointer.child(pointer, key), into: nodes[index])
        }
        let silent: Set = ["title", "description", "default", "type"],
            bare: Set = ["title", "description", "default", "$ref"]
        nodes[index].asksForTypeOnly =
            members.keys.allSatisfy(silent.contains) || members.keys.allSatisfy(bare.contains)
        return index
    }

    private mutating func read(_ key: String, _ value: JSON, _ at: String, into node: Node) throws(Problem) {
        switch key {
        case "$schema", "$id", "$comment", "description", "examples", "default": break
        case "$defs":
            for (name, definition) in try object(value, at) { _ = try compile(Pointer.child(at, name), definition) }
        case "title": node.title = try string(value, at)
        case "type":
            let names = if let name = value.string { [name] } else { try strings(value, at) }
            var types: SchemaTypes = []
            for name in names {
                guard let type = SchemaTypes(name: name) else {
                    let known = SchemaTypes.names.map(\.name)
                    throw document.problem(at: at, "unknown type '\(name)'" + Nearest.hint(for: name, among: known))
                }
                types.insert(type)
            }
            node.types = types
        case "enum": node.values = try array(value, at)
        case "const": (node.values, node.isConst) = ([value], true)
        case "$ref": node.reference = try resolve(try string(value, at), at)
        case "properties":
            for (name, child) in try object(value, at) {
                node.properties[name] = try compile(Pointer.child(at, name), child)
            }
        case "patternProperties":
            for (pattern, child) in try object(value, at) {
                let here = Pointer.child(at, pattern)
                node.patternProperties.append((try self.pattern(pattern, here), try compile(here, child)))
            }
        case "additionalProperties": node.additionalProperties = try compile(at, value)
        case "propertyNames": node.propertyNames = try compile(at, value)
        case "required": node.required = try strings(value, at)
        case "prefixItems": node.prefixItems = try list(value, at)
        case "items": node.items = try compile(at, value)
        case "uniqueItems":
            guard let bool = value.bool else { throw document.problem(at: at, "uniqueItems must be true or false") }
            node.uniqueItems = bool
        case "minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties":
            guard let bound = value.int, bound >= 0 else {
                throw document.problem(at: at, "\(key) must be an integer >= 0, got \(value.brief)")
            }
            switch key {
            case "minItems": node.bounds.items.least = bound
            case "maxItems": node.bounds.items.most = bound
            case "minLength": node.bounds.length.least = bound
            case "maxLength": node.bounds.length.most = bound
            case "minProperties": node.bounds.properties.least = bound
            default: node.bounds.properties.most = bound
            }
        case "minimum": node.minimum = try number(value, at)
        case "maximum": node.maximum = try number(value, at)
        case "exclusiveMinimum": node.exclusiveMinimum = try number(value, at)
        case "exclusiveMaximum": node.exclusiveMaximum = try number(value, at)
        case "pattern":
            node.pattern = try pattern(try string(value, at), at)
        case "oneOf": node.oneOf = try list(value, at)
        case "anyOf": node.anyOf = try list(value, at)
        case "allOf": node.allOf = try list(value, at)
        case "not": node.not = try compile(at, value)
        case "if": node.if = try compile(at, value)
        case "then": node.then = try compile(at, value)
        case "else": node.else = try compile(at, value)
        default:
            throw document.problem(at: at, key: true, "this validator does not know the keyword '\(key)'")
        }
    }

    private mutating func resolve(_ reference: String, _ at: String) throws(Problem) -> Int {
        guard reference == "#" || reference.hasPrefix("#/") else {
            throw document.problem(at: at, "$ref must point inside this schema ('#/$defs/…'), got '\(reference)'")
        }
        let decoded = reference.removingPercentEncoding ?? reference
        var target = document.root
        for token in Pointer.tokens(String(decoded.dropFirst())) {
            guard let next = target[token] ?? Int(token).flatMap({ target[$0] }) else {
                throw document.problem(at: at, "$ref '\(reference)' points to nothing")
            }
            target = next
        }
        return try compile(String(decoded.dropFirst()), target)
    }

    private func pattern(_ text: String, _ at: String) throws(Problem) -> SchemaPattern {
        guard let pattern = SchemaPattern(text) else {
            throw document.problem(at: at, "'\(text)' is not a regular expression")
        }
        return pattern
    }

    private mutating func list(_ value: JSON, _ at: String) throws(Problem) -> [Int] {
        var indices: [Int] = []
        for (index, child) in try array(value, at).enumerated() {
            indices.append(try compile(Pointer.child(at, index), child))
        }
        return indices
    }

    private func object(_ value: JSON, _ at: String) throws(Problem) -> OrderedDictionary<String, JSON> {
        guard let object = value.object else { throw expected("an object", value, at) }
        return object
    }

    private func array(_ value: JSON, _ at: String) throws(Problem) -> [JSON] {
        guard let array = value.array else { throw expected("a list", value, at) }
        return array
    }

    private func string(_ value: JSON, _ at: String) throws(Problem) -> String {
        guard let string = value.string else { throw expected("a string", value, at) }
        return string
    }

    private func strings(_ value: JSON, _ at: String) throws(Problem) -> [String] {
        let strings = try array(value, at).compactMap(\.string)
        guard strings.count == value.array?.count else { throw expected("a list of strings", value, at) }
        return strings
    }

    private func number(_ value: JSON, _ at: String) throws(Problem) -> JSON {
        guard value.isNumber else { throw expected("a number", value, at) }
        return value
    }

    private func expected(_ what: String, _ value: JSON, _ at: String) -> Problem {
        document.problem(at: at, "\(Pointer.path(at)) must be \(what), got \(value.brief)")
    }
}
