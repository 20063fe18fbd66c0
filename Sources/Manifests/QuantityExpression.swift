import OrderedCollections

/// A name of the quantity catalogue (`docs/quantities.md`): `layer.input`, `moment.raw(layer.input)`,
/// `cross.raw(layer.output, layer.output_grad)`. Functions do not nest.
package struct QuantityExpression: Hashable, Sendable, CustomStringConvertible {
    /// What a quantity looks like.
    package enum Form: Sendable {
        /// n × d, a row per sample.
        case samples
        /// d_out × d_in
        case weight
        /// One axis.
        case vector

        package var rank: Int { self == .vector ? 1 : 2 }
    }

    package var function: String?
    package var arguments: [String]

    package var description: String {
        let list = arguments.joined(separator: ", ")
        return function.map { "\($0)(\(list))" } ?? list
    }

    package var rank: Int {
        if let function { return function == "mean" ? 1 : 2 }
        return arguments.first.flatMap { Self.basic[$0]?.rank } ?? 0
    }

    /// Class indices, the only quantity that is not f64.
    package var isInteger: Bool { function == nil && arguments == ["labels"] }

    /// The scope a probe must have: `layer.…` and `parameter.…` exist only for one of them.
    package var scope: Component.Scope? {
        for argument in arguments {
            if argument.hasPrefix("layer.") { return .layer }
            if argument.hasPrefix("parameter.") { return .parameter }
        }
        return nil
    }

    package static let basic: OrderedDictionary<String, Form> = {
        var forms: OrderedDictionary<String, Form> = [:]
        for owner in ["layer", "head"] {
            for name in ["input", "output", "output_grad", "input_grad"] { forms["\(owner).\(name)"] = .samples }
            for name in ["weight", "weight_initial"] { forms["\(owner).\(name)"] = .weight }
            forms["\(owner).bias"] = .vector
        }
        for name in ["model.output", "targets"] { forms[name] = .samples }
        for name in ["sample.loss", "labels", "parameter.value", "parameter.grad"] { forms[name] = .vector }
        return forms
    }()

    /// The forms of the arguments of each function.
    package static let functions: OrderedDictionary<String, [Form]> = [
        "moment.raw": [.samples], "moment.centred": [.samples], "moment.normalized": [.samples],
        "cross.raw": [.samples, .samples], "mean": [.samples], "wtw": [.weight], "wwt": [.weight],
    ]

    package init(_ text: String) throws(UnknownQuantity) {
        let compact = String(text.filter { $0 != " " })
        guard let open = compact.firstIndex(of: "(") else {
            guard Self.basic[compact] != nil else {
                throw UnknownQuantity(
                    sentence: "unknown quantity '\(text)'" + Nearest.hint(for: compact, among: Array(Self.basic.keys)))
            }
            self.init(function: nil, arguments: [compact])
            return
        }
        let name = String(compact[..<open])
        guard compact.hasSuffix(")") else { throw UnknownQuantity(sentence: "'\(text)' has no ')' at its end") }
        guard let forms = Self.functions[name] else {
            throw UnknownQuantity(
                sentence: "unknown function '\(name)' in '\(text)'"
                    + Nearest.hint(for: name, among: Array(Self.functions.keys)))
        }
        let inner = compact[compact.index(after: open)...].dropLast()
        let arguments = inner.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard arguments.count == forms.count else {
            let noun = forms.count == 1 ? "1 quantity" : "\(forms.count) quantities"
            throw UnknownQuantity(sentence: "\(name) takes \(noun), got \(arguments.count) in '\(text)'")
        }
        for (argument, form) in zip(arguments, forms) where Self.basic[argument] != form {
            let allowed = Self.basic.keys.elements.filter { Self.basic[$0] == form }
            let what = form == .weight ? "a weight" : "a quantity with a row per sample"
            throw UnknownQuantity(
                sentence: "\(name) takes \(what), got '\(argument)'" + Nearest.hint(for: argument, among: allowed))
        }
        self.init(function: name, arguments: arguments)
    }

    private init(function: String?, arguments: [String]) {
        self.function = function
        self.arguments = arguments
    }
}

/// A text that is no expression of the catalogue.
package struct UnknownQuantity: Error, Hashable, Sendable {
    package var sentence: String
}
