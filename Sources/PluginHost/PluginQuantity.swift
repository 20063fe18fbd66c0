import Manifests
import OrderedCollections
import Protocols

/// A quantity that a component's functions make of others.
final class PluginQuantity: DefinedQuantity {
    private let component: Component
    private let binding: Binding
    private let calls: MeasuringCalls

    /// - Parameter given: the expressions of the open arguments, by name.
    init(
        _ loaded: LoadedComponent, given: [String: String], note: @escaping (String) -> Void
    ) throws(PluginError) {
        component = loaded.component
        binding = component.binding(given: given)
        calls = try MeasuringCalls(loaded, note: note)
    }

    var needs: [Need] { component.needs(component.call, binding) }
    var streamed: [Need] { component.needs(component.add, binding) }

    func add(layer: String, rows: any QuantitySource, memory: ProbeMemory) {
        calls.add(binding, layer: layer, rows, memory)
    }

    func value(
        step: Int, layer: String, quantities: any QuantitySource, memory: ProbeMemory
    ) throws -> (value: Quantity, owner: AnyObject) {
        let (outputs, _) = try calls.call(binding, layer: layer, step: step, quantities, memory)
        guard let output = outputs.first else { throw Undefined("no_value") }
        for i in 0..<output.count {
            if case .missing(let reason) = output.declaration.checked(output.value(i), reason: "") {
                throw Undefined(reason)
            }
        }
        return (
            Quantity(
                data: .real(output.numbers), shape: output.shape,
                isOfSamples: output.declaration.quantityForm == .samples), output
        )
    }
}

extension Component {
    func needs(_ function: Function?, _ binding: Binding) -> [Need] {
        binding.quantities.compactMap { name, expression in
            function?.argument(name).map { Need(expression, optional: $0.isOptional) }
        }
    }
}

extension Registry {
    /// Reads expressions with the quantities of all plugins.
    package var quantities: QuantityResolver {
        QuantityResolver { [self] name throws(UnknownQuantity) in
            do throws(PluginError) {
                return try component(name, kind: .quantity).1
            } catch {
                throw UnknownQuantity(sentence: error.sentence)
            }
        }
    }
}

extension ComponentLoader: QuantityDefinitions {
    /// Each expression is one object, whoever asks for it.
    package func definition(of expression: String) throws -> any DefinedQuantity {
        if let known = definitions[expression] { return known }
        guard let definition = try QuantityExpression(expression).definition else {
            throw PluginError("quantity '\(expression)'", "is defined by no plugin")
        }
        let component = try registry.component(definition.component, kind: .quantity).1
        var choice = Choice(component: definition.component)
        for option in definition.options {
            if case .success(let value)? = component.parameter(option.name)?.check(option.json) {
                choice.options[option.name] = value
            }
        }
        let made = try quantity(choice, given: definition.arguments.map(\.description))
        definitions[expression] = made
        return made
    }

    /// - Parameter given: for the open arguments, in order; nil: their own names, which a source then has instead of expressions.
    package func quantity(_ choice: Choice, given: [String]? = nil) throws -> any DefinedQuantity {
        let open = try registry.component(choice.component, kind: .quantity).1.openArguments.map(\.name)
        let names = Dictionary(zip(open, given ?? open)) { first, _ in first }
        if let isolated = try isolated(choice, .quantity) {
            return try IsolatedQuantity(isolated, given: names, note: note)
        }
        return try PluginQuantity(try component(choice, .quantity), given: names, note: note)
    }
}
