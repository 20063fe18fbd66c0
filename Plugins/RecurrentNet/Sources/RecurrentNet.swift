import SyzygyKit

private enum Cell: CaseIterable {
    case tanh, gru, lstm

    /// Blocks of rows of the weights.
    var gates: Int {
        switch self {
        case .tanh: 1
        case .gru: 3
        case .lstm: 4
        }
    }
}

/// Recurrent layers on sequences of tokens `[rows, length]` or vectors `[rows, length, d]` and a dense head: outputs
/// `[rows, length, K]` or `[rows, K]`. See ../README.md.
@c(recurrent_net) public func recurrentNet(
    _ service: UnsafePointer<syzygy_graph>, _ x: syzygy_node, _ vocabulary: Int64, _ y: syzygy_node, _ labels: Int64,
    _ cell: Int32, _ hidden: Int64, _ layers: Int64, _ embedding: Int64, _ truncate: Int64, _ position: Int32,
    _ hasBias: UInt8, _ scheme: Int32, _ gain: Double, _ initStd: Double,
    _ output: UnsafeMutablePointer<syzygy_node>
) -> syzygy_status {
    Graph.build(service, output) { graph in
        guard let cell = Cell(index: cell), let scheme = WeightScheme(index: scheme),
            let position = SequenceOutput(index: position)
        else { return graph.failOption() }
        let (y, hidden) = (graph.node(y), Int(hidden))
        let weight = scheme.initializer(gain: gain, std: initStd)
        var h = graph.node(x)
        guard let areTokens = graph.areTokens(h, vocabulary: Int(vocabulary), model: "recurrent_net"),
            let outputs = graph.outputs(for: y, labels: Int(labels), at: position)
        else { return graph.node(-1) }
        if areTokens {
            h = graph.embedding(
                h, count: Int(vocabulary), width: embedding > 0 ? Int(embedding) : hidden, name: "embedding")
        }
        for layer in 1...max(Int(layers), 1) {
            let net = Recurrence(
                graph: graph, cell: cell, hidden: hidden, truncate: Int(truncate), hasBias: hasBias != 0,
                weight: weight, name: "rnn\(layer)")
            h = net.states(h)
        }
        return graph.dense(
            h.positions(position), outputs, name: "head", weight: weight,
            bias: hasBias != 0 ? Graph.Initializer("torch_linear") : nil)
    }
}

/// One recurrent layer, with the gates and their order of PyTorch.
private struct Recurrence {
    let graph: Graph
    let cell: Cell
    let hidden: Int
    /// Gradients flow through at most so many steps in a row; 0 for all.
    let truncate: Int
    let hasBias: Bool
    let weight: Graph.Initializer
    let name: String

    /// `[rows, length, d]` -> `[rows, length, hidden]`.
    func states(_ input: Node) -> Node {
        let sizes = input.shape
        guard sizes.count == 3 else { return input }
        let units = cell.gates * hidden
        // Of all steps at once.
        let inputs = graph.dense(
            input, weight: parameter("input.weight", [units, sizes[2]]),
            bias: hasBias ? parameter("input.bias", [units]) : nil, name: "\(name).input")
        let recurrent = parameter("hidden.weight", [units, hidden])
        let recurrentBias = hasBias ? parameter("hidden.bias", [units]) : nil

        let zeros = graph.constant(0).broadcast(to: [sizes[0], hidden])
        let states = graph.scan(
            over: [inputs.permuted([1, 0, 2])], initial: cell == .lstm ? [zeros, zeros] : [zeros],
            truncate: truncate > 0 ? truncate : nil
        ) { state, elements in
            var product = state[0].matmul(recurrent, transposedOther: true)
            if let recurrentBias { product = product + recurrentBias }
            let next = step(elements[0], product, state)
            return (next, [next[0]])
        }
        return states.outputs[0].permuted([1, 0, 2])
    }

    /// All fans are the hidden units, whatever the width of the inputs and the number of gates.
    private func parameter(_ name: String, _ shape: [Int]) -> Node {
        let isBias = shape.count == 1
        return graph.parameter(
            "\(self.name).\(name)", role: isBias ? .bias : .weight, shape: shape,
            initializer: isBias ? Graph.Initializer("torch_linear") : weight, fanIn: hidden, fanOut: hidden)
    }

    /// The next state (of an LSTM: and its memory) from W x + b and U h + b'.
    private func step(_ input: Node, _ recurrent: Node, _ state: [Node]) -> [Node] {
        func gate(_ node: Node, _ index: Int) -> Node {
            node.sliced(axis: 1, from: index * hidden, to: (index + 1) * hidden)
        }
        switch cell {
        case .tanh: return [(input + recurrent).apply("tanh")]
        case .gru:
            let reset = (gate(input, 0) + gate(recurrent, 0)).apply("sigmoid")
            let update = (gate(input, 1) + gate(recurrent, 1)).apply("sigmoid")
            let new = (gate(input, 2) + reset * gate(recurrent, 2)).apply("tanh")
            return [(1 - update) * new + update * state[0]]
        case .lstm:
            let sum = input + recurrent
            let (admit, forget, emit) = (
                gate(sum, 0).apply("sigmoid"), gate(sum, 1).apply("sigmoid"), gate(sum, 3).apply("sigmoid")
            )
            let memory = forget * state[1] + admit * gate(sum, 2).apply("tanh")
            return [emit * memory.apply("tanh"), memory]
        }
    }
}
