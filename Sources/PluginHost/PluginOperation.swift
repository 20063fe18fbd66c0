import CShims
import Engine
import Manifests

/// A plugin's operation or activation: plain functions on tensors, for graphs.
final class PluginOperation: CustomOperation, @unchecked Sendable {
    // Functions keep no state and what they share is read only, so threads may call them at once.
    private let loaded: LoadedComponent
    private let inputs: [String]
    /// Set by no function: operations return nothing.
    private let failed = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    let id: String

    init(_ loaded: LoadedComponent) {
        self.loaded = loaded
        inputs = loaded.component.inputs
        failed.initialize(to: 0)
        let options = loaded.context.options.sorted { $0.key < $1.key }.map {
            "\($0.key)=\($0.value.text(pretty: false))"
        }
        id = "\(loaded.component.fullID)(\(options.joined(separator: ",")))"
    }

    deinit { failed.deallocate() }

    var name: String { loaded.component.id }
    var inputCount: Int { inputs.count }
    var isElementwise: Bool { loaded.component.isElementwise }

    func shape(of shapes: [[Int]]) throws -> [Int] {
        let operands = Dictionary(
            uniqueKeysWithValues: arguments(shapes.map { Operand(.memory(nil), shape: $0) }, output: nil))
        let sizes = Sizes(operands: operands, context: loaded.context)
        let shape =
            try loaded.component.outputs.first.map { output throws(PluginError) in try sizes.shape(of: output) } ?? []
        guard shape.allSatisfy({ $0 > 0 }) else {
            throw PluginError(loaded.context.place, "gives \(shape) for \(shapes); sizes of at least 1 are expected")
        }
        return shape
    }

    func derivative(byInput i: Int) throws -> (any CustomOperation)? {
        let component = loaded.component
        switch component.derivatives.first(where: { $0.input == inputs[i] })?.operation {
        case .zero: return nil
        case .component(let id):
            return try loaded.loader.operation(plugin: component.plugin, id: id, options: loaded.context.options)
        case nil:
            let key = component.isElementwise ? "derivatives" : "vjp"
            throw PluginError(
                loaded.context.place,
                "has no derivative by '\(inputs[i])', which this computation needs; its manifest can name one under '\(key)'"
            )
        }
    }

    func call(
        _ inputs: [CustomOperand], _ output: CustomOperand, _ precision: Precision, _ parts: Update.Parts
    ) throws -> (arguments: sz_parts, owner: AnyObject) {
        guard loaded.component.precisions.contains(precision) else {
            let known = loaded.component.precisions.map(\.rawValue).sorted().joined(separator: ", ")
            throw PluginError(loaded.context.place, "has functions for \(known) only, not for \(precision.rawValue)")
        }
        let frame = try loaded.frame(loaded.component.call, precision)
        let operands = Dictionary(
            uniqueKeysWithValues: arguments(
                inputs.map { Operand(.memory($0.pointer), shape: $0.shape) },
                output: Operand(.memory(output.pointer), shape: output.shape)))
        try frame.bind(operands)
        let call = PartedCall(
            frame, loaded.component.call, operands: operands, precision: precision, output: nil, failed: failed)
        let arguments = call.arguments(parts, isParted: isElementwise).load(as: sz_parts.self)
        return (arguments, Owner(operation: self, call: call))
    }

    private final class Owner {
        let operation: PluginOperation, call: PartedCall
        init(operation: PluginOperation, call: PartedCall) { (self.operation, self.call) = (operation, call) }
    }

    /// Operands by the names of arguments.
    private func arguments(_ operands: [Operand], output: Operand?) -> [(String, Operand)] {
        loaded.component.call.arguments.compactMap { argument in
            switch argument.source {
            case .input(let name): inputs.firstIndex(of: name).map { (argument.name, operands[$0]) }
            case .output: output.map { (argument.name, $0) }
            default: nil
            }
        }
    }
}

extension ComponentLoader {
    /// The activation or operation that a study or plugin means: `squared_relu`, `swish_beta(beta=2)`.
    package func operation(_ reference: OperationReference) throws -> any CustomOperation {
        let (_, component) = try registry.operation(reference.name)
        var options: [String: JSON] = [:]
        for (name, number) in reference.attributes.sorted(by: { $0.key < $1.key }) {
            guard let parameter = component.parameter(name) else {
                let known = component.parameters.map(\.id)
                throw PluginError(
                    "plugin \(component.fullID)",
                    known.isEmpty
                        ? "has no option '\(name)'; it takes none"
                        : "has no option '\(name)'\(Nearest.hint(for: name, among: known))")
            }
            let value: JSON = parameter.type == .bool ? .bool(number != 0) : .double(number)
            options[name] = try parameter.check(value).get()
        }
        return try operation(component.kind, component.fullID, options)
    }

    /// An activation or operation with checked options.
    package func operation(_ choice: Choice) throws -> any CustomOperation {
        let (_, component) = try registry.operation(choice.component)
        return try operation(component.kind, component.fullID, choice.options)
    }

    /// A derivative: it gets those of the options that it has too.
    func operation(plugin: String, id: String, options: [String: JSON]) throws -> any CustomOperation {
        let (_, component) = try registry.operation("\(plugin)/\(id)")
        let own = options.filter { component.parameter($0.key) != nil }
        return try operation(component.kind, component.fullID, own)
    }

    private func operation(
        _ kind: Component.Kind, _ id: String, _ options: [String: JSON]
    ) throws -> any CustomOperation {
        PluginOperation(try component(Choice(component: id, options: options), kind))
    }
}

extension Registry {
    /// The activation or operation of that name.
    package func operation(_ name: String) throws(PluginError) -> (Manifest, Component) {
        let all = manifests.flatMap { manifest in manifest.components.map { (manifest, $0) } }
        let operations = all.filter { $0.1.kind.isOperation }
        if let found = operations.first(where: { $0.1.id == name || $0.1.fullID == name }) {
            return try component(name, kind: found.1.kind)
        }
        throw PluginError(
            "operation '\(name)'",
            "no plugin has an activation or operation '\(name)'\(Nearest.hint(for: name, among: operations.map(\.1.id)))"
        )
    }
}
