import Protocols

/// An expression with the components that it names.
package struct ResolvedQuantity {
    /// nil if it is of a plugin that is not at hand.
    package var form: QuantityExpression.Form?
    /// Where it exists.
    package var scopes: [ProbeScope]
    /// All quantities that it is made of, also those that components take by themselves.
    package var basics: [QuantityExpression.Basic]
    /// Those that define it and what it is made of.
    package var components: [Component]
}

/// Finds the components that expressions name, and checks that each gets quantities that look as it wants them.
package struct QuantityResolver {
    private let find: (String) throws(UnknownQuantity) -> Component?

    /// - Parameter find: a quantity by the full id of its component; nil if its plugin is not at hand, so that nothing is known of it.
    package init(find: @escaping (String) throws(UnknownQuantity) -> Component?) { self.find = find }

    package func resolve(_ expression: QuantityExpression) throws(UnknownQuantity) -> ResolvedQuantity {
        try resolve(expression, inside: [])
    }

    private func resolve(
        _ expression: QuantityExpression, inside: [String]
    ) throws(UnknownQuantity) -> ResolvedQuantity {
        guard let definition = expression.definition else {
            return ResolvedQuantity(
                form: expression.form, scopes: expression.scopes, basics: expression.arguments, components: [])
        }
        guard !inside.contains(definition.component), inside.count < 8 else {
            let path = (inside + [definition.component]).joined(separator: " > ")
            throw UnknownQuantity(sentence: "\(quoted(definition.component)) is defined by itself: \(path)")
        }
        let component = try find(definition.component)
        var whole = ResolvedQuantity(
            form: component?.outputs.first?.quantityForm, scopes: expression.scopes, basics: [],
            components: component.map { [$0] } ?? [])
        if let component {
            try check(definition, component)
            if component.needsNetwork { whole.scopes.removeAll { $0 == .runPair } }
        }
        func add(_ part: ResolvedQuantity) {
            whole.scopes.removeAll { !part.scopes.contains($0) }
            whole.basics += part.basics
            whole.components += part.components
        }
        for (index, argument) in definition.arguments.enumerated() {
            let given = try resolve(argument, inside: inside)
            if let component {
                try check(argument, given.form, component.openArguments[index], component)
            }
            add(given)
        }
        for argument in component?.measuringFunctions.flatMap(\.arguments) ?? [] {
            guard case .quantity(let text?, _, _) = argument.source else { continue }
            add(try resolve(try QuantityExpression(text), inside: inside + [definition.component]))
        }
        return whole
    }

    /// The number of quantities, and the options.
    private func check(
        _ definition: QuantityExpression.Definition, _ component: Component
    ) throws(UnknownQuantity) {
        let open = component.openArguments
        guard definition.arguments.count == open.count else {
            let wanted = open.map { "\($0.name), \($0.form?.words ?? "")" }.joined(separator: "; ")
            let noun = open.count == 1 ? "1 quantity" : "\(open.count == 0 ? "no" : "\(open.count)") quantities"
            throw UnknownQuantity(
                sentence: "\(component.fullID) takes \(noun)\(wanted.isEmpty ? "" : " (\(wanted))"), "
                    + "got \(definition.arguments.count)")
        }
        for option in definition.options {
            guard let parameter = component.parameter(option.name) else {
                let hint = Nearest.hint(for: option.name, among: component.parameters.map(\.id), label: "it has")
                throw UnknownQuantity(sentence: "\(component.fullID) has no option '\(option.name)'\(hint)")
            }
            if case .failure(let problem) = parameter.check(option.json) {
                throw UnknownQuantity(sentence: "\(component.fullID): \(problem.sentence)")
            }
        }
        if let missing = component.parameters.first(where: { parameter in
            parameter.defaultValue == nil && !definition.options.contains { $0.name == parameter.id }
        }) {
            throw UnknownQuantity(
                sentence:
                    "\(component.fullID) needs the option '\(missing.id)': \(missing.id)=…, \(missing.type.words)")
        }
    }

    /// What one of the parentheses is.
    private func check(
        _ given: QuantityExpression, _ form: QuantityExpression.Form?, _ argument: Argument, _ component: Component
    ) throws(UnknownQuantity) {
        let wanted = "\(component.fullID) takes \(argument.form?.words ?? "a quantity") as '\(argument.name)'"
        if given.isInteger != (argument.type == .pointer(.i32)) {
            throw UnknownQuantity(sentence: "\(wanted), of type \(argument.type), got '\(given)'")
        }
        if component.add?.argument(argument.name) != nil {
            if argument.isOfRows(given.description), !given.isOfSamples {
                throw UnknownQuantity(
                    sentence: "\(wanted), pass by pass, so only rows of the network itself will do, got '\(given)'")
            }
            if !argument.isOfRows(given.description), given.isOfSamples || form == .samples {
                throw UnknownQuantity(sentence: "\(wanted), finished before the passes, got rows: '\(given)'")
            }
        }
        if let form, let expected = argument.form, !given.isInteger, !expected.includes(form) {
            throw UnknownQuantity(sentence: "\(wanted), got '\(given)', which is \(form.words)")
        }
    }
}

extension OutputDeclaration {
    /// What the output of a quantity looks like.
    package var quantityForm: QuantityExpression.Form { form ?? (shape?.count == 1 ? .vector : .matrix) }
}
