import Engine
import Manifests
import Observing
import PluginHost
import Protocols
@_exported import Validating

/// Calls a probe on given arrays: `fc1/layer.input` (rows), `labels`, `head.weight`; derived quantities are formed from
/// them. Returns values by `binding.output`, with `[i]` for elements of arrays.
package func measure(
    _ probe: String, _ options: [String: JSON] = [:], layer: String = "", arrays: [String: RecordedQuantities.Array],
    loader: ComponentLoader = ShippedPlugins.loader()
) throws -> [String: Observation.Value] {
    let probe = try loader.probe(Choice(component: probe, options: options))
    var values: [String: Observation.Value] = [:]
    let quantities = RecordedQuantities(arrays, definitions: loader), memory = ProbeMemory()
    if !probe.streamed.isEmpty { probe.add(layer: layer, rows: quantities, memory: memory) }
    try probe.measure(step: 0, layer: layer, quantities: quantities, memory: memory) { observation in
        values[observation.output + (observation.index.map { "[\($0)]" } ?? "")] = observation.value
    }
    return values
}

/// Runs the golden examples of a plugin's manifest through the loaded library. Returns one sentence per disagreement.
package func exampleFailures(
    ofPlugin id: String, registry: Registry = ShippedPlugins.registry
) throws -> (count: Int, failures: [String]) {
    guard let manifest = registry.manifests.first(where: { $0.id == id }) else {
        let why = registry.rejected.map { "\($0.error)" }.joined(separator: "\n")
        throw PluginError("plugin '\(id)'", "not found. \(why)")
    }
    var count = 0
    var failures: [String] = []
    for component in manifest.components {
        for example in component.examples {
            count += 1
            let place = "\(component.fullID), example '\(example.name)'"
            do {
                let run = try ExampleRun(component, example, registry)
                failures += try run.disagreements().map { "\(place): \($0)" }
            } catch {
                failures.append("\(place): \(error)")
            }
        }
    }
    return (count, failures)
}

// MARK: - The benches of Validating, with the first-party plugins

extension UpdateBench {
    package convenience init(
        _ choice: Choice, kind: Component.Kind, values: [(name: String, shape: [Int], values: [Double])],
        precision: Precision = .f64, role: ParameterRole = .weight, fanIn: Int? = nil, threads: Int = 1
    ) throws {
        try self.init(
            choice, kind: kind, values: values, precision: precision, role: role, fanIn: fanIn,
            loader: ShippedPlugins.loader(), threads: threads)
    }
}

package func evaluateParametrization(
    _ choice: Choice, shape: [Int], values: [Double], role: ParameterRole = .weight
) throws -> [String: [Double]] {
    try evaluateParametrization(
        choice, shape: shape, values: values, role: role, loader: ShippedPlugins.loader())
}

package func evaluateLoss(
    _ choice: Choice, output: (shape: [Int], data: [Double]), targets: [String: (field: Field, data: [Double])],
    precision: Precision = .f64
) throws -> (loss: [Double], gradient: [Double]) {
    try evaluateLoss(
        choice, output: output, targets: targets, precision: precision, loader: ShippedPlugins.loader())
}

package func evaluateOperation(
    _ choice: Choice, inputs: [(shape: [Int], data: [Double])], precision: Precision = .f64
) throws -> [Double] {
    try evaluateOperation(choice, inputs: inputs, precision: precision, loader: ShippedPlugins.loader())
}

package func evaluateModel(
    _ choice: Choice, batch: [String: (field: Field, rows: Int, data: [Double])],
    parameters: [String: [Double]] = [:], precision: Precision = .f64, seed: UInt64 = 0
) throws -> (outputs: [String: (shape: [Int], data: [Double])], blocks: [ParameterBlock]) {
    try evaluateModel(
        choice, batch: batch, parameters: parameters, precision: precision, loader: ShippedPlugins.loader(),
        seed: seed)
}
