import OrderedCollections

/// One use of a probe's function: a name and the quantities that arguments take. In a manifest both may hold
/// `{param}`, which stands for the value of an enum or enum_list param.
package struct Binding: Hashable, Sendable {
    /// Empty if the probe has no bindings.
    package var name: String
    /// Quantity by name of the argument.
    package var quantities: OrderedDictionary<String, String>
    package var pointer: String

    /// The name under which the value of an output is recorded, without the probe's key: `binding.output`, or `output`.
    package func recordedName(_ output: OutputDeclaration) -> String {
        name.isEmpty ? output.id : "\(name).\(output.id)"
    }

    /// The params in `{}`, in order of appearance.
    package var placeholders: [String] {
        OrderedSet(([name] + quantities.values).flatMap(Binding.placeholders)).elements
    }

    static func placeholders(in text: String) -> [String] {
        guard text.utf8.contains(UInt8(ascii: "{")) else { return [] }
        return text.split(separator: "{", omittingEmptySubsequences: false).dropFirst().compactMap { piece in
            piece.firstIndex(of: "}").map { String(piece[..<$0]) }
        }
    }

    fileprivate func taking(_ argument: String, from split: String) -> Binding {
        var result = self
        result.quantities[argument]? += "@\(split)"
        return result
    }

    /// The binding with every placeholder replaced; without those that name nothing.
    func replacing(_ values: [(parameter: String, value: String)]) -> Binding {
        func filled(_ text: String) -> String {
            guard text.utf8.contains(UInt8(ascii: "{")) else { return text }
            var result = "", rest = text[...]
            while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
                let name = rest[open...].dropFirst().prefix { $0 != "}" }
                let value = values.first { $0.parameter == name }?.value
                result += rest[..<open] + (value ?? String(rest[open...close]))
                rest = rest[close...].dropFirst()
            }
            return result + rest
        }
        var result = self
        result.name = filled(name)
        for (argument, quantity) in quantities {
            let text = filled(quantity)
            result.quantities[argument] = (try? QuantityExpression(text))?.description ?? text
        }
        return result
    }
}

extension Component {
    /// What a quantity takes: its own quantities, and for its open arguments, by name, those that an expression gives.
    package func binding(given: [String: String]) -> Binding {
        var binding = expandedBindings().first ?? Binding(name: "", quantities: [:], pointer: pointer)
        for argument in openArguments { binding.quantities[argument.name] = given[argument.name] }
        return binding
    }

    /// All uses of a probe's function under the given options, one per value of each list that a binding names; each
    /// with the quantities of all its arguments, in canonical form. A probe without bindings has one use without a name.
    package func expandedBindings(_ options: [String: JSON] = [:]) -> [Binding] {
        let options = self.options(options)
        let bindings = expandedBindings { parameter in
            switch options[parameter] {
            case .array(let items): items.compactMap(\.string)
            case .string(let value): [value]
            default: []
            }
        }
        let splits = measuringFunctions.flatMap(\.arguments).compactMap { argument in
            argument.split.flatMap { options[$0]?.string }.map { (argument: argument.name, split: $0) }
        }
        return splits.reduce(bindings) { bindings, other in
            bindings.map { $0.taking(other.argument, from: other.split) }
        }
    }

    func expandedBindings(values: (String) -> [String]) -> [Binding] {
        var fixed: OrderedDictionary<String, String> = [:]
        for argument in measuringFunctions.flatMap(\.arguments) {
            if case .quantity(let quantity?, _, _) = argument.source { fixed[argument.name] = quantity }
        }
        if bindings.isEmpty { return [Binding(name: "", quantities: fixed, pointer: pointer)] }
        return bindings.flatMap { template in
            var template = template
            template.quantities.merge(fixed) { own, _ in own }
            var combinations: [[(parameter: String, value: String)]] = [[]]
            for parameter in template.placeholders {
                combinations = combinations.flatMap { chosen in values(parameter).map { chosen + [(parameter, $0)] } }
            }
            return combinations.map(template.replacing)
        }
    }
}
