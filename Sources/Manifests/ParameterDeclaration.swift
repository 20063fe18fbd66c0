/// An option of a component as its manifest declares it.
package struct ParameterDeclaration: Hashable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case bool, int, float, `enum`, string
        /// A graph operation of `values`, or an activation of a plugin.
        case activation
        /// The path of a file, relative to the study; functions get its bytes.
        case file
        case intList = "int_list"
        case floatList = "float_list"
        case enumList = "enum_list"
        case stringList = "string_list"
        case fileList = "file_list"

        package var isList: Bool { item != nil }

        /// The type of a list's items.
        package var item: Kind? {
            switch self {
            case .intList: .int
            case .floatList: .float
            case .enumList: .enum
            case .stringList: .string
            case .fileList: .file
            default: nil
            }
        }

        /// `a number`, `a list of files`.
        package var words: String {
            switch self {
            case .bool: "true or false"
            case .int: "an integer"
            case .float: "a number"
            case .enum: "a name"
            case .string: "a text"
            case .activation: "an activation"
            case .file: "a file"
            default: "a list of \(item.map(ParameterDeclaration.plural) ?? "values")"
            }
        }

        package var isFile: Bool { self == .file || self == .fileList }

        package var isNumeric: Bool { [.int, .float, .intList, .floatList].contains(self) }
    }

    package enum Scale: String, Sendable { case linear, log, symlog }

    package var id: String
    package var type: Kind
    /// In the form `check` gives; nil: a study must give the value.
    package var defaultValue: JSON?
    package var help: String?
    package var unit: String?
    package var minimum: JSON?
    package var maximum: JSON?
    package var excludesMinimum: Bool
    package var excludesMaximum: Bool
    /// Of an enum, in the order of their indices.
    package var values: [String]
    package var minimumCount: Int?
    package var maximumCount: Int?
    package var scale: Scale?
    /// As the manifest gives them.
    package var keys: [String]
    package var pointer: String

    /// The value in its declared type (`1` for a float becomes `1.0`, `2.0` for an int becomes `2`), or a sentence that
    /// says what is wrong: `lr must be > 0, got -0.1`.
    package func check(_ value: JSON) -> Result<JSON, InvalidOption> {
        guard let item = type.item else { return check(value, as: type, name: id, path: "") }
        guard let items = value.array else {
            let example = check(value, as: item, name: id, path: "")
            let hint = if case .success = example { "; write [\(value.text(pretty: false))]" } else { "" }
            return .failure(InvalidOption("\(id) must be a list of \(Self.plural(item)), got \(value.brief)\(hint)"))
        }
        let lowest = minimumCount ?? (type == .enumList ? 1 : 0)
        if items.count < lowest || items.count > maximumCount ?? .max {
            let (word, bound) = items.count < lowest ? ("least", lowest) : ("most", maximumCount ?? .max)
            let noun = bound == 1 ? "item" : "items"
            return .failure(InvalidOption("\(id) must have at \(word) \(bound) \(noun), got \(items.count)"))
        }
        var checked: [JSON] = []
        for (index, element) in items.enumerated() {
            switch check(element, as: item, name: "\(id)[\(index)]", path: "/\(index)") {
            case .success(let value):
                if type == .enumList, checked.contains(value) {
                    return .failure(InvalidOption("\(id) lists \(value.brief) twice", path: "/\(index)"))
                }
                checked.append(value)
            case .failure(let problem): return .failure(problem)
            }
        }
        return .success(.array(checked))
    }

    private func check(_ value: JSON, as type: Kind, name: String, path: String) -> Result<JSON, InvalidOption> {
        func wrong(_ expected: String) -> Result<JSON, InvalidOption> {
            .failure(InvalidOption("\(name) must be \(expected), got \(value.brief)", path: path))
        }
        switch type {
        case .bool: return value.bool != nil ? .success(value) : wrong("true or false")
        case .string: return value.string != nil ? .success(value) : wrong("a string")
        case .activation:
            let isReference = value.string.flatMap { OperationReference($0) } != nil
            return isReference ? .success(value) : wrong("an activation such as tanh or elu(alpha=0.5)")
        case .file:
            guard let path = value.string else { return wrong("the path of a file") }
            let isOptional = self.type == .file && defaultValue != nil
            return path.isEmpty && !isOptional ? wrong("the path of a file") : .success(value)
        case .enum:
            guard let text = value.string else { return wrong("one of \(values.joined(separator: ", "))") }
            if values.contains(text) { return .success(value) }
            return .failure(
                InvalidOption("unknown \(id) \(quoted(text))" + Nearest.hint(for: text, among: values), path: path))
        case .int:
            guard let int = value.int else { return wrong("an integer") }
            return isInside(.int(int)) ? .success(.int(int)) : wrong(bounds)
        default:
            guard let double = value.double else { return wrong("a number") }
            guard double.isFinite else { return wrong("finite") }
            return isInside(value) ? .success(.double(double)) : wrong(bounds)
        }
    }

    private func isInside(_ value: JSON) -> Bool {
        if let minimum, value.isLess(than: minimum) == true || excludesMinimum && value.isEqual(to: minimum) {
            return false
        }
        if let maximum, maximum.isLess(than: value) == true || excludesMaximum && value.isEqual(to: maximum) {
            return false
        }
        return true
    }

    /// `> 0 and <= 1`; empty if unbounded.
    package var bounds: String {
        [
            minimum.map { (excludesMinimum ? "> " : ">= ") + $0.brief },
            maximum.map { (excludesMaximum ? "< " : "<= ") + $0.brief },
        ].compactMap(\.self).joined(separator: " and ")
    }

    /// One line for `plugin show`: `lr: float > 0, default 0.1, log scale. Learning rate.`
    package var summary: String {
        var form = type.item.map { "list of \(Self.plural($0))" } ?? (type == .enum ? "one of" : type.rawValue)
        if !values.isEmpty { form += " " + values.joined(separator: ", ") }
        if !bounds.isEmpty { form += " \(bounds)" }
        if let unit { form += " (\(unit))" }
        let scale = scale.map { $0 == .linear ? "" : ", \($0.rawValue) scale" } ?? ""
        let end = help.map { ". \($0)" } ?? ""
        let value = defaultValue.map { "default \($0.text(pretty: false))" } ?? "required"
        return "\(id): \(form), \(value)\(scale)\(end)"
    }

    fileprivate static func plural(_ type: Kind) -> String {
        switch type {
        case .int: "integers"
        case .enum: "names"
        case .string: "texts"
        case .file: "files"
        default: "numbers"
        }
    }
}

/// A value that an option cannot have.
package struct InvalidOption: Error, Hashable, Sendable, CustomStringConvertible {
    package var sentence: String
    /// Pointer inside the value: `/2` for the third item of a list.
    package var path: String

    package init(_ sentence: String, path: String = "") {
        self.sentence = sentence
        self.path = path
    }

    package var description: String { sentence }
}
