import Engine
import Manifests
import Protocols

extension Network {
    /// What a loss may ask for by name: the model's outputs, `<layer>.input`, `<layer>.output`, and for each view the same names
    /// with `@<view>`, of the model applied to that field in place of `x`.
    func activations(
        _ outputs: [String: Node], _ batch: [String: BatchNode], in graph: Graph
    ) throws -> [String: Node] {
        func named(_ outputs: [String: Node], _ layers: [Layer]) -> [String: Node] {
            var nodes = outputs
            for layer in layers {
                nodes["\(layer.name).input"] = layer.input
                nodes["\(layer.name).output"] = layer.output
            }
            return nodes
        }
        var activations = named(outputs, graph.layers)
        for view in loss.views {
            let seen = try self.batch(batch, through: view, in: graph)
            let (outputs, layers) = try graph.repeating { try apply(to: seen, in: graph) }
            for (name, node) in named(outputs, layers) { activations["\(name)@\(view)"] = node }
        }
        return activations
    }

    /// The outputs of all models; the last layer is one of the model's own.
    func apply(to batch: [String: BatchNode], in graph: Graph) throws -> [String: Node] {
        var outputs: [String: Node] = [:]
        for other in others {
            graph.namespace = "\(other.key)."
            defer { graph.namespace = "" }
            for (name, node) in try other.model.build(in: graph, batch: batch) { outputs["\(other.key).\(name)"] = node }
        }
        return try outputs.merging(model.build(in: graph, batch: batch)) { _, own in own }
    }

    /// The batch with a field in the place of `x`.
    private func batch(
        _ batch: [String: BatchNode], through view: String, in graph: Graph
    ) throws -> [String: BatchNode] {
        guard let x = batch["x"], var other = batch[view] else {
            let missing = batch["x"] == nil ? "x" : view
            let hint = Nearest.hint(for: missing, among: fields.map(\.name), label: "it has")
            throw GraphError(
                "the loss wants the model applied to '\(view)' in place of 'x'; the dataset has no field '\(missing)'\(hint)"
            )
        }
        guard other.field.shape == x.field.shape, other.field.classes == x.field.classes else {
            throw GraphError(
                "the loss wants the model applied to '\(view)' in place of 'x'; rows of '\(view)' have the shape "
                    + "\(other.field.shape), rows of 'x' \(x.field.shape)")
        }
        other.field.name = "x"
        var seen = batch
        seen["x"] = other
        return seen
    }
}
