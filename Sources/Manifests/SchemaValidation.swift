import Foundation

/// One pass over a document: compares values with schema nodes and collects a sentence for every mismatch.
struct SchemaValidation {
    let schema: Schema
    let document: Document
    private(set) var problems: [Problem] = []

    init(schema: Schema, document: Document) {
        self.schema = schema
        self.document = document
    }

    mutating func check(_ value: JSON, against index: Int, at pointer: String) {
        let node = schema.nodes[index]
        if let always = node.always {
            if !always { add(pointer, "\(name(pointer)) is not allowed here") }
            return
        }
        if let types = node.types, !types.contains(where: { Self.matches(value, $0) }) {
            let expected = node.title ?? Self.phrase(types)
            add(pointer, "\(name(pointer)) must be \(expected), got \(value.brief)")
            return
        }
        if let reference = node.reference { check(value, against: reference, at: pointer) }
        checkValues(value, node, pointer)
        switch value {
        case .int, .double: checkNumber(value, node, pointer)
        case .string(let text): checkString(text, node, pointer)
        case .array(let items): checkArray(items, node, pointer)
        case .object: checkObject(value, node, pointer)
        case .null, .bool: break
        }
        for branch in node.allOf { check(value, against: branch, at: pointer) }
        if !node.oneOf.isEmpty { checkUnion(node.oneOf, node.oneOfTag, exactlyOne: true, value, pointer) }
        if !node.anyOf.isEmpty { checkUnion(node.anyOf, node.anyOfTag, exactlyOne: false, value, pointer) }
        if let not = node.not, problems(value, not, pointer).isEmpty {
            add(pointer, "\(name(pointer)) must not be \(schema.nodes[not].title ?? "of this form")")
        }
        if let condition = node.if {
            let branch = problems(value, condition, pointer).isEmpty ? node.then : node.else
            if let branch { check(value, against: branch, at: pointer) }
        }
    }

    // MARK: - By type

    private mutating func checkValues(_ value: JSON, _ node: Schema.Node, _ pointer: String) {
        guard let values = node.values, !values.contains(where: { $0.isEqual(to: value) }) else { return }
        addUnknown(value, among: values, pointer)
    }

    private mutating func addUnknown(_ value: JSON, among values: [JSON], _ pointer: String) {
        let names = values.compactMap(\.string)
        if let text = value.string, names.count == values.count, names.count > 1,
            let key = Pointer.tokens(pointer).last
        {
            let what = Int(key) == nil ? key : "item"
            let place = pointer.lastIndex(of: "/").map { String(pointer[..<$0]) } ?? ""
            add(pointer, "unknown \(what) \(quoted(text))\(inside(place))" + Nearest.hint(for: text, among: names))
        } else {
            let allowed = values.map(\.brief).joined(separator: ", ")
            add(
                pointer,
                "\(name(pointer)) must be \(values.count == 1 ? "" : "one of ")\(allowed), got \(value.brief)")
        }
    }

    private mutating func checkNumber(_ value: JSON, _ node: Schema.Node, _ pointer: String) {
        func fails(_ bound: JSON?, _ isWrong: (JSON) -> Bool?) -> JSON? {
            bound.flatMap { isWrong($0) == true ? $0 : nil }
        }
        let wrong: [(JSON?, String)] = [
            (fails(node.minimum) { value.isLess(than: $0) }, ">="),
            (fails(node.maximum) { $0.isLess(than: value) }, "<="),
            (fails(node.exclusiveMinimum) { $0.isLess(than: value).map(!) }, ">"),
            (fails(node.exclusiveMaximum) { value.isLess(than: $0).map(!) }, "<"),
        ]
        for case (let bound?, let relation) in wrong {
            add(pointer, "\(name(pointer)) must be \(relation) \(bound.brief), got \(value.brief)")
        }
    }

    private mutating func checkString(_ text: String, _ node: Schema.Node, _ pointer: String) {
        let length = text.unicodeScalars.count
        if text.isEmpty, node.bounds["minLength"] ?? 0 > 0 {
            add(pointer, "\(name(pointer)) must not be empty")
        } else if !checkCount(length, "Length", "character", node, pointer) {
            return
        } else if let pattern = node.pattern, !Self.matches(text, pattern) {
            let expected = node.title ?? "of the form \(node.patternText ?? "")"
            add(pointer, "\(name(pointer)) must be \(expected), got \(JSON.string(text).brief)")
        }
    }

    private mutating func checkArray(_ items: [JSON], _ node: Schema.Node, _ pointer: String) {
        guard checkCount(items.count, "Items", "item", node, pointer) else { return }
        for (index, item) in items.enumerated() {
            let here = Pointer.child(pointer, index)
            if index < node.prefixItems.count {
                check(item, against: node.prefixItems[index], at: here)
            } else if let rest = node.items {
                if schema.nodes[rest].always == false {
                    add(
                        here, "\(name(pointer)) must have at most \(node.prefixItems.count) items, got \(items.count)"
                    )
                    break
                }
                check(item, against: rest, at: here)
            }
        }
        if node.uniqueItems {
            for (index, item) in items.enumerated() {
                guard let first = items[..<index].firstIndex(where: { $0.isEqual(to: item) }) else { continue }
                add(
                    Pointer.child(pointer, index),
                    "\(name(pointer)) has \(item.brief) twice, as items \(first) and \(index)")
            }
        }
    }

    private mutating func checkObject(_ value: JSON, _ node: Schema.Node, _ pointer: String) {
        guard let members = value.object else { return }
        _ = checkCount(members.count, "Properties", "key", node, pointer)
        var meant: Set<String> = []
        for (key, member) in members {
            let here = Pointer.child(pointer, key)
            if let names = node.propertyNames, !problems(.string(key), names, here).isEmpty {
                let expected = title(names) ?? "of the allowed form"
                add(here, key: true, "key \(quoted(key))\(inside(pointer)) must be \(expected)")
            }
            var known = false
            if let property = node.properties[key] {
                known = true
                check(member, against: property, at: here)
            }
            for (pattern, child) in node.patternProperties where Self.matches(key, pattern) {
                known = true
                check(member, against: child, at: here)
            }
            guard !known, let additional = node.additionalProperties else { continue }
            if schema.nodes[additional].always == false {
                let known = Array(node.properties.keys)
                if let nearest = Nearest.name(to: key, among: known) { meant.insert(nearest) }
                add(
                    here, key: true,
                    "unknown key \(quoted(key))\(inside(pointer))" + Nearest.hint(for: key, among: known))
            } else {
                check(member, against: additional, at: here)
            }
        }
        // A misspelt key is one mistake, not a second one about the key it should have been.
        for key in node.required where members[key] == nil && !meant.contains(key) {
            add(pointer, "missing key '\(key)'\(inside(pointer))")
        }
    }

    /// Checks `min…` and `max…` of a count.
    private mutating func checkCount(
        _ count: Int, _ suffix: String, _ noun: String, _ node: Schema.Node, _ pointer: String
    ) -> Bool {
        for (bound, word) in [(node.bounds["min" + suffix], "least"), (node.bounds["max" + suffix], "most")] {
            guard let bound, word == "least" ? count < bound : count > bound else { continue }
            let what = "at \(word) \(bound) \(noun)\(bound == 1 ? "" : "s")"
            add(pointer, "\(name(pointer)) must have \(what), got \(count)")
            return false
        }
        return true
    }

    // MARK: - Unions

    /// `oneOf` and `anyOf`. If no branch fits, reports the problems of the branch that was probably meant.
    private mutating func checkUnion(
        _ branches: [Int], _ tag: Schema.Tag?, exactlyOne: Bool, _ value: JSON, _ pointer: String
    ) {
        if let tag, let members = value.object {
            guard let chosen = members[tag.key] else {
                return add(pointer, "missing key '\(tag.key)'\(inside(pointer))")
            }
            guard let branch = tag.branches[chosen] else {
                return addUnknown(chosen, among: tag.values, Pointer.child(pointer, tag.key))
            }
            return check(value, against: branch, at: pointer)
        }
        let results = branches.map { problems(value, $0, pointer) }
        let matches = results.filter(\.isEmpty).count
        if matches > 0 {
            if exactlyOne, matches > 1 {
                add(pointer, "\(name(pointer)) has \(matches) of the possible forms; only one may fit")
            }
            return
        }
        // A branch whose type does not fit was not meant.
        let possible = zip(branches, results).filter { branch, _ in
            types(branch)?.contains { Self.matches(value, $0) } ?? true
        }
        if possible.isEmpty {
            let expected = branches.map { title($0) ?? Self.phrase(types($0) ?? []) }
            add(pointer, "\(name(pointer)) must be \(expected.joined(separator: " or ")), got \(value.brief)")
        } else if let best = possible.map(\.1).min(by: { $0.count < $1.count }) {
            problems += best
        }
    }

    private func types(_ index: Int) -> Set<String>? {
        let node = schema.resolved(index)
        return node.types ?? node.values.map { Set($0.map(Self.typeName)) }
    }

    private func title(_ index: Int) -> String? { schema.nodes[index].title ?? schema.resolved(index).title }

    private func problems(_ value: JSON, _ node: Int, _ pointer: String) -> [Problem] {
        var inner = SchemaValidation(schema: schema, document: document)
        inner.check(value, against: node, at: pointer)
        return inner.problems
    }

    // MARK: - Words

    private mutating func add(_ pointer: String, key: Bool = false, _ sentence: String) {
        let problem = document.problem(at: pointer, key: key, sentence)
        if !problems.contains(problem) { problems.append(problem) }
    }

    private func name(_ pointer: String) -> String { pointer.isEmpty ? "the document" : Pointer.path(pointer) }
    private func inside(_ pointer: String) -> String {
        pointer.isEmpty ? " at the top level" : " in \(Pointer.path(pointer))"
    }

    private static func matches(_ text: String, _ pattern: NSRegularExpression) -> Bool {
        pattern.firstMatch(in: text, range: NSRange(location: 0, length: text.utf16.count)) != nil
    }

    private static func matches(_ value: JSON, _ type: String) -> Bool {
        type == "number" ? value.isNumber : type == "integer" ? value.isIntegral : typeName(value) == type
    }

    private static func typeName(_ value: JSON) -> String {
        switch value {
        case .null: "null"
        case .bool: "boolean"
        case .int, .double: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }

    private static func phrase(_ types: Set<String>) -> String {
        let phrases = [
            "null": "null", "boolean": "true or false", "object": "an object", "array": "a list",
            "number": "a number",
            "integer": "an integer", "string": "a string",
        ]
        return types.sorted().compactMap { phrases[$0] }.joined(separator: " or ")
    }
}
