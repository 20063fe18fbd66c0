import OrderedCollections

/// One pass over a document: compares values with schema nodes and collects a sentence for every mismatch.
struct SchemaValidation {
    private let schema: Schema
    private let document: Document
    private(set) var problems: [Problem] = []
    /// From the root to the value that is being checked.
    private var path: [Step] = []
    /// Whether only `fails` is wanted, so that nothing has to be said.
    private var isQuiet = false
    private var fails = false

    private enum Step {
        case key(String)
        case index(Int)
    }

    init(schema: Schema, document: Document) {
        self.schema = schema
        self.document = document
    }

    mutating func check(_ value: JSON, against index: Int) {
        if isQuiet, fails { return }
        let node = schema.nodes[index]
        if let types = node.onlyTypes, !types.isDisjoint(with: SchemaTypes(of: value)) { return }
        if let always = node.always {
            if !always { add { "\($0) is not allowed here" } }
            return
        }
        if let types = node.types, types.isDisjoint(with: SchemaTypes(of: value)) {
            add { "\($0) must be \(node.title ?? types.phrase), got \(value.brief)" }
            return
        }
        if let reference = node.reference { check(value, against: reference) }
        checkValues(value, node)
        switch value {
        case .int, .double: checkNumber(value, node)
        case .string(let text): checkString(text, node)
        case .array(let items): checkArray(items, node)
        case .object(let members): checkObject(members, node)
        case .null, .bool: break
        }
        for branch in node.allOf { check(value, against: branch) }
        if !node.oneOf.isEmpty { checkUnion(node.oneOf, node.oneOfTag, exactlyOne: true, value) }
        if !node.anyOf.isEmpty { checkUnion(node.anyOf, node.anyOfTag, exactlyOne: false, value) }
        if let not = node.not, fits(value, not) {
            let form = schema.nodes[not].title ?? "of this form"
            add { "\($0) must not be \(form)" }
        }
        if let condition = node.if {
            let isMet = fits(value, condition)
            if let branch = isMet ? node.then : node.else { check(value, against: branch) }
        }
    }

    private mutating func check(_ value: JSON, against index: Int, at step: @autoclosure () -> Step) {
        if isQuiet { return check(value, against: index) }
        path.append(step())
        check(value, against: index)
        path.removeLast()
    }

    /// Whether a value follows a node; says nothing.
    mutating func fits(_ value: JSON, _ index: Int) -> Bool {
        let before = (isQuiet, fails)
        (isQuiet, fails) = (true, false)
        check(value, against: index)
        defer { (isQuiet, fails) = before }
        return !fails
    }

    // MARK: - By type

    private mutating func checkValues(_ value: JSON, _ node: Schema.Node) {
        guard let values = node.values, !values.contains(where: { $0.isEqual(to: value) }) else { return }
        addUnknown(value, among: values)
    }

    private mutating func addUnknown(_ value: JSON, among values: [JSON]) {
        if isQuiet { return fails = true }
        let names = values.compactMap(\.string)
        if let text = value.string, names.count == values.count, names.count > 1, let last = path.last {
            let what = if case .key(let key) = last { key } else { "item" }
            let place = inside(path.dropLast())
            add { _ in "unknown \(what) \(quoted(text))\(place)" + Nearest.hint(for: text, among: names) }
        } else {
            let allowed = values.map(\.brief).joined(separator: ", ")
            add { "\($0) must be \(values.count == 1 ? "" : "one of ")\(allowed), got \(value.brief)" }
        }
    }

    private mutating func checkNumber(_ value: JSON, _ node: Schema.Node) {
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
            add { "\($0) must be \(relation) \(bound.brief), got \(value.brief)" }
        }
    }

    private mutating func checkString(_ text: String, _ node: Schema.Node) {
        let bound = node.bounds.length
        if text.isEmpty, bound.least ?? 0 > 0 {
            add { "\($0) must not be empty" }
        } else if bound.least != nil || bound.most != nil, !check(count: text.unicodeScalars.count, bound) {
            return
        } else if let pattern = node.pattern, !pattern.matches(text) {
            let expected = node.title ?? "of the form \(pattern.text)"
            add { "\($0) must be \(expected), got \(JSON.string(text).brief)" }
        }
    }

    private mutating func checkArray(_ items: [JSON], _ node: Schema.Node) {
        guard check(count: items.count, node.bounds.items) else { return }
        for (index, item) in items.enumerated() {
            if index < node.prefixItems.count {
                check(item, against: node.prefixItems[index], at: .index(index))
            } else if let rest = node.items {
                if schema.nodes[rest].always == false {
                    let place = name
                    add(at: .index(index)) { _ in
                        "\(place) must have at most \(node.prefixItems.count) items, got \(items.count)"
                    }
                    break
                }
                check(item, against: rest, at: .index(index))
            }
        }
        if node.uniqueItems {
            for (index, item) in items.enumerated() {
                guard let first = items[..<index].firstIndex(where: { $0.isEqual(to: item) }) else { continue }
                let place = name
                add(at: .index(index)) { _ in
                    "\(place) has \(item.brief) twice, as items \(first) and \(index)"
                }
            }
        }
    }

    private mutating func checkObject(_ members: OrderedDictionary<String, JSON>, _ node: Schema.Node) {
        _ = check(count: members.count, node.bounds.properties)
        var meant: Set<String> = []
        for (key, member) in members {
            if let names = node.propertyNames, !fits(.string(key), names) {
                let place = inside(path[...]), expected = title(names) ?? "of the allowed form"
                add(at: .key(key), key: true) { _ in "key \(quoted(key))\(place) must be \(expected)" }
            }
            var known = false
            if let property = node.properties[key] {
                known = true
                check(member, against: property, at: .key(key))
            }
            for (pattern, child) in node.patternProperties where pattern.matches(key) {
                known = true
                check(member, against: child, at: .key(key))
            }
            guard !known, let additional = node.additionalProperties else { continue }
            if schema.nodes[additional].always == false {
                let place = inside(path[...]), known = Array(node.properties.keys)
                if let nearest = Nearest.name(to: key, among: known) { meant.insert(nearest) }
                add(at: .key(key), key: true) { _ in
                    "unknown key \(quoted(key))\(place)" + Nearest.hint(for: key, among: known)
                }
            } else {
                check(member, against: additional, at: .key(key))
            }
        }
        // A misspelt key is one mistake, not a second one about the key it should have been.
        for key in node.required where members.index(forKey: key) == nil && !meant.contains(key) { addMissing(key) }
    }

    private mutating func check(count: Int, _ bound: Schema.Bound) -> Bool {
        let isTooSmall = bound.least.map { count < $0 } ?? false, isTooLarge = bound.most.map { count > $0 } ?? false
        guard isTooSmall || isTooLarge else { return true }
        let limit = (isTooSmall ? bound.least : bound.most) ?? 0
        let what = "at \(isTooSmall ? "least" : "most") \(limit) \(bound.noun)\(limit == 1 ? "" : "s")"
        add { "\($0) must have \(what), got \(count)" }
        return false
    }

    // MARK: - Unions

    /// `oneOf` and `anyOf`. If no branch fits, reports the problems of the branch that was probably meant.
    private mutating func checkUnion(_ branches: [Int], _ tag: Schema.Tag?, exactlyOne: Bool, _ value: JSON) {
        if let tag, let members = value.object {
            guard let chosen = members[tag.key] else { return addMissing(tag.key) }
            guard let branch = tag.branches[chosen] else {
                if isQuiet { return fails = true }
                path.append(.key(tag.key))
                addUnknown(chosen, among: tag.values)
                path.removeLast()
                return
            }
            return check(value, against: branch)
        }
        var matches = 0
        for branch in branches where fits(value, branch) {
            matches += 1
            if !exactlyOne { return }
        }
        if matches > 0 {
            if matches > 1 { add { "\($0) has \(matches) of the possible forms; only one may fit" } }
            return
        }
        if isQuiet { return fails = true }
        // A branch whose type does not fit was not meant.
        let own = SchemaTypes(of: value)
        let possible = branches.filter { branch in types(branch).map { !$0.isDisjoint(with: own) } ?? true }
        if possible.isEmpty {
            let expected = branches.map { title($0) ?? types($0)?.phrase ?? "" }
            add { "\($0) must be \(expected.joined(separator: " or ")), got \(value.brief)" }
        } else if let best = possible.map({ problems(value, $0) }).min(by: { $0.count < $1.count }) {
            problems += best
        }
    }

    private func types(_ index: Int) -> SchemaTypes? {
        let node = schema.resolved(index)
        return node.types
            ?? node.values.map { $0.reduce(into: []) { $0.formUnion(SchemaTypes(of: $1).subtracting(.integer)) } }
    }

    private func title(_ index: Int) -> String? { schema.nodes[index].title ?? schema.resolved(index).title }

    private func problems(_ value: JSON, _ node: Int) -> [Problem] {
        var inner = self
        inner.problems = []
        inner.check(value, against: node)
        return inner.problems
    }

    // MARK: - Words

    private mutating func addMissing(_ key: String) {
        let place = inside(path[...])
        add { _ in "missing key '\(key)'\(place)" }
    }

    /// Adds a sentence, made from the name of the place, about the value that is being checked or one inside it.
    private mutating func add(at step: Step? = nil, key: Bool = false, _ sentence: (String) -> String) {
        fails = true
        if isQuiet { return }
        let steps = step.map { path + [$0] } ?? path
        let problem = document.problem(at: Self.pointer(steps[...]), key: key, sentence(Self.name(steps[...])))
        if !problems.contains(problem) { problems.append(problem) }
    }

    private static func pointer(_ steps: ArraySlice<Step>) -> String {
        steps.reduce("") { pointer, step in
            switch step {
            case .key(let key): Pointer.child(pointer, key)
            case .index(let index): Pointer.child(pointer, index)
            }
        }
    }

    private static func name(_ steps: ArraySlice<Step>) -> String {
        steps.isEmpty ? "the document" : Pointer.path(pointer(steps))
    }

    /// Nothing if nothing will be said.
    private var name: String { isQuiet ? "" : Self.name(path[...]) }

    private func inside(_ steps: ArraySlice<Step>) -> String {
        if isQuiet { return "" }
        return steps.isEmpty ? " at the top level" : " in \(Self.name(steps))"
    }
}
