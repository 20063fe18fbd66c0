extension ManifestChecks {
    mutating func checkBindings(of component: Component) {
        guard !component.bindings.isEmpty else { return }
        let before = problems.count
        let arguments = component.measuringFunctions.flatMap(\.arguments)
        let quantities = arguments.compactMap { argument -> (name: String, isOpen: Bool)? in
            guard case .quantity(let text, _, _) = argument.source else { return nil }
            return (argument.name, text == nil)
        }
        let open = quantities.filter(\.isOpen).map(\.name)
        for binding in component.bindings {
            for name in binding.quantities.keys where !open.contains(name) {
                let here = Pointer.child(binding.pointer, name)
                if quantities.contains(where: { $0.name == name }) {
                    add(here, key: true, "binding '\(binding.name)' gives '\(name)', which has a quantity of its own")
                } else {
                    add(
                        here, key: true,
                        "unknown argument '\(name)' in binding '\(binding.name)'"
                            + Nearest.hint(for: name, among: open, label: "open"))
                }
            }
            for name in open where binding.quantities[name] == nil {
                add(binding.pointer, "binding '\(binding.name)' does not give the quantity of argument '\(name)'")
            }
            checkPlaceholders(of: binding, component)
        }
        guard problems.count == before else { return }
        var names: [String: Binding] = [:]
        for binding in bindings {
            if let other = names.updateValue(binding, forKey: binding.name) {
                let isSame = other.pointer == binding.pointer
                if isSame, hasOneValue(atATime: binding.pointer, component) { continue }
                add(
                    binding.pointer, key: true,
                    isSame
                        ? "binding '\(binding.name)' has one name for several values; write the {param} into the name"
                        : "two bindings give the name '\(binding.name)'")
                return
            }
            for (argument, text) in binding.quantities {
                let here = Pointer.child(binding.pointer, argument)
                guard checkExpression(text, of: component, at: here) != nil else { return }
            }
        }
    }

    /// What the name of a binding leaves out has one value in a study.
    private func hasOneValue(atATime pointer: String, _ component: Component) -> Bool {
        guard let template = component.bindings.first(where: { $0.pointer == pointer }) else { return false }
        let named = Binding.placeholders(in: template.name)
        return template.placeholders.allSatisfy { named.contains($0) || component.parameter($0)?.type == .enum }
    }

    /// Each value of each param in a binding is a use of its own; a few lines of JSON can ask for more than any machine can hold.
    mutating func checkNumberOfBindings(_ component: Component) -> Bool {
        let most = 4096
        var all = 0
        for binding in component.bindings {
            all += min(Self.product(binding.placeholders.map { component.allValues($0).count }) ?? .max, most + 1)
            guard all > most else { continue }
            add(binding.pointer, key: true, "the bindings have more than \(most) combinations of values")
            return false
        }
        return true
    }

    private mutating func checkPlaceholders(of binding: Binding, _ component: Component) {
        let enums = component.parameters.filter { $0.type == .enum || $0.type == .enumList }
        for (text, here, isKey) in [(binding.name, binding.pointer, true)]
            + binding.quantities.map({ ($1, Pointer.child(binding.pointer, $0), false) })
        {
            for name in Binding.placeholders(in: text) {
                if let parameter = component.parameter(name), !enums.contains(parameter) {
                    add(
                        here, key: isKey,
                        "'{\(name)}' must be an enum or enum_list param, but '\(name)' is of type \(parameter.type.rawValue)"
                    )
                } else if !enums.contains(where: { $0.id == name }) {
                    add(
                        here, key: isKey,
                        "unknown param '\(name)' in '\(text)'"
                            + Nearest.hint(for: name, among: enums.map(\.id), label: "enums"))
                }
            }
        }
    }
}
