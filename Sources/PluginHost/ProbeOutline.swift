import Manifests
import Protocols

/// What the manifest and the options of a study say of a probe.
struct ProbeOutline {
    let scope: ProbeScope
    let bindings: [Binding]
    /// Those of every binding.
    let needs: [Need]
    /// Those with rows that `add` takes.
    let streamed: [Need]
    private let outputs: [OutputDeclaration]

    init(_ component: Component, _ options: [String: JSON]) {
        scope = component.scope ?? .run
        bindings = component.expandedBindings(options)
        outputs = component.outputs
        // A state may be like the parameter, or begin as a copy of it.
        let copied = component.state.contains { $0.shape == nil } ? [Need("parameter.value")] : []
        needs = bindings.flatMap { component.needs(component.call, $0) } + copied
        streamed = bindings.flatMap { component.needs(component.add, $0) }
    }

    /// An observation of one output, without the probe's key.
    static func observation(
        _ binding: Binding, _ output: OutputDeclaration, step: Int, layer: String, index: Int? = nil,
        _ value: Observation.Value
    ) -> Observation {
        Observation(
            step: step, probe: "", output: binding.recordedName(output), layer: layer, index: index, value: value)
    }

    /// Every output of a binding, for one reason without a value.
    func missing(_ binding: Binding, step: Int, layer: String, _ reason: String) -> [Observation] {
        outputs.map {
            ProbeOutline.observation(binding, $0, step: step, layer: layer, .missing(reason: reason))
        }
    }
}

extension Argument {
    var isOptional: Bool {
        if case .quantity(_, _, let isOptional) = source { return isOptional }
        return false
    }
}
