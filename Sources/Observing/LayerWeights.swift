import Engine

/// Weights and biases of layers, in f64: parameters, or what parametrizations make of them.
final class LayerWeights {
    private let parameters: ParameterStore
    private let blocks: [Node: Int]
    /// Computes those that are not parameters.
    private let program: Program?

    /// - Parameter parameters: the store of the network, f64, read at each call.
    init(_ built: Network.Built, parameters: ParameterStore) throws {
        self.parameters = parameters
        let graph = built.graph
        let blocks = Dictionary(uniqueKeysWithValues: zip(graph.parameterNodes, graph.blocks.indices))
        self.blocks = blocks
        var made: [Node] = []
        for layer in graph.layers {
            let nodes = [layer.weight] + (layer.bias.map { [$0] } ?? [])
            made += nodes.filter { blocks[$0] == nil && !made.contains($0) }
        }
        program = try made.isEmpty ? nil : Program(graph, outputs: made, precision: .f64, parameters: parameters)
        guard built.batch.keys.contains(where: { program?.inputBuffer($0) != nil }) else { return }
        for layer in graph.layers where blocks[layer.weight] == nil {
            throw GraphError("layer \(layer.name): its weight depends on the batch, so it cannot be observed")
        }
    }

    /// Computes what is not a parameter, once the values of the store have changed.
    func update() { program?.run() }

    /// nil: no parameter of the network.
    func block(_ node: Node) -> Int? { blocks[node] }

    func values(_ node: Node) -> [Double] {
        if let block = blocks[node] { return parameters.copy(block: block) }
        return program?.copy(node) ?? []
    }
}
