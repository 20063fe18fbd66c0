/// Operations that move or repeat elements and compute nothing.

struct Reshape: OperationRule {
    let shape: [Int]
    var name: String { "reshape" }
    var inputCount: Int { 1 }

    func shape(of inputs: [Operand]) throws -> [Int] {
        try Shape.check(shape, for: name)
        let (have, want) = (Shape.elements(inputs[0].shape), Shape.elements(shape))
        guard have == want else { throw GraphError("reshape: \(inputs[0]) has \(have) elements, \(shape) \(want)") }
        return shape
    }

    func vjp(_ inputs: [Term], _ output: Term, _ c: Term) -> [Term?] { [c.reshaped(to: inputs[0].shape)] }

    func simplified(_ inputs: [Term]) throws -> Term? {
        let x = inputs[0]
        if x.shape == shape { return x }
        switch x.definition {
        case .operation(.reshape, let inner):
            return Term(graph: x.graph, node: inner[0]).reshaped(to: shape)
        case .operation(.broadcast, _) where x.withoutBroadcast.shape.isEmpty:
            return x.withoutBroadcast.broadcast(to: shape)
        default: return nil
        }
    }
}

struct Broadcast: OperationRule {
    let shape: [Int]
    var name: String { "broadcast" }
    var inputCount: Int { 1 }

    func shape(of inputs: [Operand]) throws -> [Int] {
        try Shape.check(shape, for: name)
        guard Shape.broadcast(inputs[0].shape, shape) == shape else {
            throw GraphError(
                "broadcast: \(inputs[0]) does not fit \(shape): sizes must be equal or 1, compared from the last axis"
            )
        }
        return shape
    }

    func vjp(_ inputs: [Term], _ output: Term, _ c: Term) -> [Term?] { [c.unbroadcast(to: inputs[0].shape)] }

    func simplified(_ inputs: [Term]) throws -> Term? {
        let x = inputs[0].withoutBroadcast
        if x.shape == shape { return x }
        return x.node == inputs[0].node ? nil : x.broadcast(to: shape)
    }
}

struct Transpose: OperationRule {
    var name: String { "transpose" }
    var inputCount: Int { 1 }

    func shape(of inputs: [Operand]) throws -> [Int] {
        guard inputs[0].shape.count == 2 else { throw GraphError("transpose: \(inputs[0]) is not a matrix") }
        return inputs[0].shape.reversed()
    }

    func vjp(_ inputs: [Term], _ output: Term, _ c: Term) -> [Term?] { [c.apply(.transpose)] }

    func simplified(_ inputs: [Term]) throws -> Term? {
        guard case .operation(.transpose, let inner) = inputs[0].definition else { return nil }
        return Term(graph: inputs[0].graph, node: inner[0])
    }
}

struct StopGradient: OperationRule {
    var name: String { "stop_gradient" }
    var inputCount: Int { 1 }
    func shape(of inputs: [Operand]) -> [Int] { inputs[0].shape }
    func vjp(_ inputs: [Term], _ output: Term, _ cotangent: Term) -> [Term?] { [nil] }
}

extension Term {
    var definition: Graph.Definition { graph.definition(of: node) }

    /// The value of a rank-0 constant.
    var constantValue: Double? {
        guard case .constant(let bits) = definition else { return nil }
        return Double(bitPattern: bits)
    }

    /// What a broadcast node repeats; any other node itself.
    var withoutBroadcast: Term {
        guard case .operation(.broadcast, let inner) = definition else { return self }
        return Term(graph: graph, node: inner[0])
    }
}
