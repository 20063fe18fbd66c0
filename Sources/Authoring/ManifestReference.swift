import Manifests
import OrderedCollections

/// The manual page of all keys of a manifest, made from its schema: a key, kind or source that the schema knows is on the page.
///
/// What a key means is its `description`, else that of what it refers to, else that of the same key beside the union that the object is
/// a branch of: the keys that all components share are described once.
package struct ManifestReference {
    private let root: JSON
    private var lines: [String] = []
    /// Keys without a description, as `probe.per`.
    package private(set) var undescribed: [String] = []

    package init(schema: JSON) {
        root = schema
        write()
    }

    package var text: String { lines.joined(separator: "\n") + "\n" }

    private var definitions: [(key: String, value: JSON)] {
        root["$defs"]?.object?.elements.map { ($0.key, $0.value) } ?? []
    }

    private mutating func write() {
        lines = [
            "# Manifest reference", "",
            "Made from `Schemas/plugin.schema.json` by `syzygy docs manifest`: every key of a `plugin.json`, what it may be and what it means. "
                + "[The manifest](manifest.md) explains how they work together. Keys in bold are required; objects that describe something may "
                + "hold further keys that begin with `x-`.",
        ]
        section("The plugin", root, inherited: [:])
        var shared: [String: [String: String]] = [:]
        for (name, definition) in definitions where isSection(definition) {
            let common = descriptions(definition)
            for branch in branches(definition) {
                if let target = referenced(branch) { shared[target] = common }
            }
            section(name, definition, inherited: shared[name] ?? [:])
        }
    }

    // MARK: - Sections

    private mutating func section(_ name: String, _ schema: JSON, inherited: [String: String]) {
        lines += ["", "## \(name)", ""]
        if let text = schema["description"]?.string, name != "The plugin" { lines += [text, ""] }
        let places = uses(of: name)
        if !places.isEmpty { lines += ["Stands in: \(places.joined(separator: ", ")).", ""] }
        let branches = branches(schema)
        if let tag = tag(of: branches) {
            table(of: schema, in: name, inherited: [:])
            lines += ["| `\(tag)` | further keys | meaning |", "| --- | --- | --- |"]
            for branch in branches { write(branch, tag: tag, of: schema, in: name) }
        } else if !branches.isEmpty {
            lines +=
                ["One of:", ""]
                + branches.map { "- \(form($0))" + ($0["description"]?.string.map { ": \($0)" } ?? "") } + [""]
            table(of: merged(branches.flatMap(inlined).map(\.0)), in: name, inherited: inherited)
        } else {
            table(of: schema, in: name, inherited: inherited)
        }
        if lines.last == "" { lines.removeLast() }
    }

    /// A line for a branch of a union, with the keys that are not common to all.
    private mutating func write(_ branch: JSON, tag: String, of union: JSON, in section: String) {
        let target = resolved(branch)
        let values = self.values(target["properties"]?[tag] ?? .null)
        let names = values.map(code).joined(separator: ", ")
        if let name = referenced(branch) {
            lines.append("| \(names) | [\(name)](#\(name)) | \(target["description"]?.string ?? "") |")
            return
        }
        let common = Set(union["properties"]?.object?.keys.elements ?? []).union([tag])
        let required = Set((target["required"]?.array ?? []).compactMap(\.string))
        let keys = (target["properties"]?.object ?? [:]).filter { !common.contains($0.key) }.map { key, value in
            let meaning = value["description"]?.string ?? resolved(value)["description"]?.string
            return (required.contains(key) ? "**\(code(key))**" : code(key)) + ": \(form(value))"
                + (meaning.map { ". \($0)" } ?? "")
        }
        if target["description"]?.string == nil { undescribed.append("\(section).\(names)") }
        lines.append("| \(names) | \(keys.joined(separator: "<br>")) | \(target["description"]?.string ?? "") |")
    }

    /// The keys of several objects, of which one is meant; required are those that all require.
    private func merged(_ objects: [JSON]) -> JSON {
        let properties = objects.reduce(into: OrderedDictionary<String, JSON>()) { all, object in
            all.merge(object["properties"]?.object ?? [:]) { first, _ in first }
        }
        let required = objects.map { $0["required"]?.array ?? [] }
        let common = (required.first ?? []).filter { key in required.allSatisfy { $0.contains(key) } }
        return .object(["properties": .object(properties), "required": .array(common)])
    }

    private mutating func table(of schema: JSON, in section: String, inherited: [String: String]) {
        guard let properties = schema["properties"]?.object, !properties.isEmpty else { return }
        lines += ["| key | value | default | meaning |", "| --- | --- | --- | --- |"]
        rows(of: schema, prefix: "", in: section, inherited: inherited)
        lines.append("")
    }

    /// Rows of an object's keys, those of objects inside it behind a dot.
    private mutating func rows(of schema: JSON, prefix: String, in section: String, inherited: [String: String]) {
        let required = Set((schema["required"]?.array ?? []).compactMap(\.string))
        for (key, value) in schema["properties"]?.object ?? [:] {
            let meaning = value["description"]?.string ?? inherited[key] ?? resolved(value)["description"]?.string
            if meaning == nil { undescribed.append("\(section).\(prefix)\(key)") }
            let name = code(prefix + key)
            let initial = value["default"].map { code($0.text(pretty: false)) } ?? ""
            lines.append(
                "| \(required.contains(key) ? "**\(name)**" : name) | \(form(value)) | \(initial) | \(meaning ?? "") |"
            )
            for (inner, suffix) in inlined(value) {
                rows(of: inner, prefix: prefix + key + suffix + ".", in: section, inherited: [:])
            }
        }
    }

    /// Objects with keys of their own that are written where they are used.
    private func inlined(_ schema: JSON) -> [(JSON, suffix: String)] {
        if referenced(schema) != nil { return [] }
        if schema["properties"] != nil { return [(schema, "")] }
        if let items = schema["items"] { return inlined(items).map { ($0.0, "[]" + $0.suffix) } }
        return branches(schema).flatMap(inlined)
    }

    // MARK: - What a value may be

    private func form(_ schema: JSON) -> String {
        if let title = schema["title"]?.string { return limits(title, schema) }
        if let name = referenced(schema) {
            let target = definition(name)
            return isSection(target) ? "[\(name)](#\(name))" : form(target)
        }
        let values = values(schema)
        if !values.isEmpty { return values.map(code).joined(separator: ", ") }
        let branches = branches(schema)
        if !branches.isEmpty { return branches.map(form).joined(separator: " or ") }
        switch schema["type"]?.string {
        case "array": return limits("a list of " + (schema["items"].map(form) ?? "values"), schema)
        case "object":
            guard let values = schema["additionalProperties"], values.bool == nil else { return "an object" }
            return limits("an object of names, each with " + form(values), schema)
        case "boolean": return "`true` or `false`"
        case let type?: return limits(type == "integer" ? "an integer" : "a \(type)", schema)
        case nil: return ""
        }
    }

    /// The numbers of items or keys that are allowed.
    private func limits(_ text: String, _ schema: JSON) -> String {
        let least = schema["minItems"]?.int ?? schema["minProperties"]?.int
        guard let most = schema["maxItems"]?.int ?? schema["maxProperties"]?.int else { return text }
        if least == most { return text + (most == 1 ? " (one)" : " (\(most))") }
        return text + (least.map { " (\($0) to \(most))" } ?? " (at most \(most))")
    }

    private func values(_ schema: JSON) -> [String] {
        (schema["enum"]?.array ?? schema["const"].map { [$0] } ?? []).map { $0.string ?? $0.text(pretty: false) }
    }

    private func code(_ text: String) -> String { "`\(text)`" }

    // MARK: - The schema

    private func referenced(_ schema: JSON) -> String? {
        schema["$ref"]?.string.flatMap { $0.hasPrefix("#/$defs/") ? String($0.dropFirst(8)) : nil }
    }

    private func definition(_ name: String) -> JSON { root["$defs"]?[name] ?? .null }

    private func resolved(_ schema: JSON) -> JSON { referenced(schema).map(definition) ?? schema }

    private func branches(_ schema: JSON) -> [JSON] {
        schema["oneOf"]?.array ?? schema["anyOf"]?.array ?? [schema["then"], schema["else"]].compactMap(\.self)
    }

    /// Whether a definition has keys of its own.
    private func isSection(_ schema: JSON) -> Bool {
        schema["properties"] != nil || branches(schema).contains { isSection(resolved($0)) }
    }

    private func descriptions(_ schema: JSON) -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: (schema["properties"]?.object ?? [:]).compactMap { key, value in
                value["description"]?.string.map { (key, $0) }
            })
    }

    /// The key whose values tell the branches apart.
    private func tag(of branches: [JSON]) -> String? {
        let objects = branches.map(resolved)
        guard let first = objects.first else { return nil }
        return (first["required"]?.array ?? []).compactMap(\.string).first { key in
            let all = objects.map { object in
                object["required"]?.array?.contains(.string(key)) == true
                    ? values(object["properties"]?[key] ?? .null) : []
            }
            let names = all.flatMap(\.self)
            return all.allSatisfy { !$0.isEmpty } && Set(names).count == names.count
        }
    }

    /// Where a definition may stand, as links to sections.
    private func uses(of name: String) -> [String] {
        guard root["$defs"]?[name] != nil else { return [] }
        var places: [String] = []
        for (place, schema) in [("The plugin", root)] + definitions.map({ ($0.key, $0.value) }) where place != name {
            var body = schema
            if place == "The plugin", case .object(var members) = root {
                members["$defs"] = nil
                body = .object(members)
            }
            guard refers(body, to: name) else { continue }
            if isSection(schema) {
                let anchor = place == "The plugin" ? "the-plugin" : place
                places.append("[\(place)](#\(anchor))")
            } else {
                places += uses(of: place)
            }
        }
        var seen: Set<String> = []
        return places.filter { seen.insert($0).inserted }
    }

    private func refers(_ schema: JSON, to name: String) -> Bool {
        switch schema {
        case .object(let members): referenced(schema) == name || members.values.contains { refers($0, to: name) }
        case .array(let items): items.contains { refers($0, to: name) }
        default: false
        }
    }
}
