import OrderedCollections

/// A JSON value; a YAML study file becomes the same. Objects keep the order of the file.
///
/// `==` compares as written: `1` and `1.0` differ, and so do two orders of keys. `isEqual(to:)` compares the meaning.
package enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case array([JSON])
    case object(OrderedDictionary<String, JSON>)
}

extension JSON {
    package subscript(key: String) -> JSON? { object?[key] }

    package subscript(_ index: Int) -> JSON? {
        guard let array, array.indices.contains(index) else { return nil }
        return array[index]
    }

    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var string: String? { if case .string(let value) = self { value } else { nil } }
    package var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
    package var object: OrderedDictionary<String, JSON>? { if case .object(let value) = self { value } else { nil } }

    /// A mathematical integer: `3` and `3.0`, if it fits.
    package var int: Int? {
        switch self {
        case .int(let value): value
        case .double(let value): Int(exactly: value)
        default: nil
        }
    }

    /// Any number.
    package var double: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }

    package var isNumber: Bool { double != nil }

    /// Without a fractional part, of any size.
    package var isIntegral: Bool { double.map { $0.isFinite && $0 == $0.rounded(.towardZero) } ?? false }

    /// The order of two numbers, exact for two integers; nil if one is not a number.
    package func isLess(than other: JSON) -> Bool? {
        if case .int(let a) = self, case .int(let b) = other { return a < b }
        guard let a = double, let b = other.double else { return nil }
        return a < b
    }

    /// Equality of meaning: `1` equals `1.0`, and the order of keys does not matter.
    package func isEqual(to other: JSON) -> Bool {
        switch (self, other) {
        case (.array(let a), .array(let b)):
            return a.count == b.count && zip(a, b).allSatisfy { $0.isEqual(to: $1) }
        case (.object(let a), .object(let b)):
            return a.count == b.count && a.allSatisfy { key, value in b[key].map(value.isEqual(to:)) ?? false }
        case (.int, .double), (.double, .int):
            return double == other.double
        default:
            return self == other
        }
    }

    /// How error messages show a value: short, strings in single quotes.
    package var brief: String {
        switch self {
        case .string(let text): quoted(text)
        case .array(let items): items.isEmpty ? "an empty list" : "a list"
        case .object: "an object"
        default: text(pretty: false)
        }
    }
}

/// Text of a file inside an error message: in single quotes, short, on one line, without control characters.
package func quoted(_ text: String) -> String {
    let short =
        text.unicodeScalars.count <= 60
        ? text : String(String.UnicodeScalarView(text.unicodeScalars.prefix(57))) + "…"
    let parts = short.unicodeScalars.map { scalar in
        scalar.properties.generalCategory == .control ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
    }
    return "'\(parts.joined())'"
}

// MARK: - Writing

extension JSON {
    /// The value as JSON text: keys in their order, doubles in the shortest form that reads back to the same bits.
    /// Infinities and NaN, which JSON cannot hold, become `null`.
    package func text(pretty: Bool) -> String {
        var out = ""
        write(to: &out, indent: pretty ? "" : nil)
        return out
    }

    private func write(to out: inout String, indent: String?) {
        switch self {
        case .null: out += "null"
        case .bool(let value): out += value ? "true" : "false"
        case .int(let value): out += String(value)
        case .double(let value): out += value.isFinite ? value.description : "null"
        case .string(let value): JSON.write(value, to: &out)
        case .array(let items):
            // Lists of scalars stay on one line.
            let inner = items.contains { $0.array != nil || $0.object != nil } ? indent.map { $0 + "  " } : nil
            JSON.write(items, "[", "]", inner: inner, outer: indent, to: &out) { item, out in
                item.write(to: &out, indent: inner)
            }
        case .object(let members):
            let inner = indent.map { $0 + "  " }
            JSON.write(members.elements, "{", "}", inner: inner, outer: indent, to: &out) { member, out in
                JSON.write(member.key, to: &out)
                out += inner == nil ? ":" : ": "
                member.value.write(to: &out, indent: inner)
            }
        }
    }

    private static func write<Items: Collection>(
        _ items: Items, _ open: String, _ close: String, inner: String?, outer: String?, to out: inout String,
        each: (Items.Element, inout String) -> Void
    ) {
        out += open
        var first = true
        for item in items {
            if !first { out += inner == nil && outer != nil ? ", " : "," }
            first = false
            if let inner { out += "\n" + inner }
            each(item, &out)
        }
        if inner != nil, let outer, !items.isEmpty { out += "\n" + outer }
        out += close
    }

    private static func write(_ text: String, to out: inout String) {
        out += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\t": out += "\\t"
            case "\r": out += "\\r"
            case let control where control.value < 0x20:
                let hex = String(control.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        out += "\""
    }
}
