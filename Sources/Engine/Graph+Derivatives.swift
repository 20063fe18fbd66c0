extension Graph {
    /// The gradient of a number (shape `[]`) with respect to each node, of the node's shape; zeros if it does not depend on it.
    package func gradient(of scalar: Node, withRespectTo nodes: [Node]) throws -> [Node] {
        try check(isNumber: scalar, for: "gradient")
        return try vjp(of: scalar, cotangent: constant(1), withRespectTo: nodes)
    }

    /// Vector-Jacobian products: for output y, cotangent c of y's shape and each node x, Σ_i c_i ∂y_i/∂x.
    ///
    /// A node inside the computation is treated as if it were free, whatever it is computed from.
    /// - Complexity: one sweep over the nodes of y; adds at most a few nodes for each.
    package func vjp(of output: Node, cotangent: Node, withRespectTo nodes: [Node]) throws -> [Node] {
        try vjp(of: [(output, cotangent)], withRespectTo: nodes)
    }

    /// What takes the place of a node's own derivative: from its cotangent, parts of the cotangents of nodes it is computed from.
    package typealias Pullback = (_ cotangent: Node) throws -> [(node: Node, part: Node)]

    /// The sum over several outputs y of their vector-Jacobian products, in one sweep.
    /// - Parameter pullbacks: of nodes that pass their cotangents on in another way.
    package func vjp(
        of outputs: [(output: Node, cotangent: Node)], withRespectTo nodes: [Node], pullbacks: [Node: Pullback] = [:]
    ) throws -> [Node] {
        try check(outputs.flatMap { [$0.output, $0.cotangent] } + nodes, for: "vjp")
        for (output, cotangent) in outputs where shape(of: cotangent) != shape(of: output) {
            throw GraphError("vjp: cotangent \(operand(cotangent)) does not have the shape of \(operand(output))")
        }
        // Only nodes between a variable and an output matter. Inputs have smaller ids than what uses them.
        let end = (outputs.map(\.output.id).max() ?? -1) + 1
        var matters = [Bool](repeating: false, count: end)
        for node in nodes where node.id < end { matters[node.id] = true }
        for id in matters.indices where inputs(id).contains(where: { matters[$0] }) { matters[id] = true }
        var cotangents: [Int: Term] = [:]
        func add(_ part: Term, to id: Int) { cotangents[id] = cotangents[id].map { $0 + part } ?? part }
        for (output, cotangent) in outputs { add(Term(graph: self, node: cotangent), to: output.id) }
        for id in matters.indices.reversed() where matters[id] {
            guard let cotangent = cotangents[id],
                case .operation(let operation, let inputs) = definition(of: Node(id: id)),
                inputs.contains(where: { matters[$0.id] })
            else { continue }
            if let pullback = pullbacks[Node(id: id)] {
                for (node, part) in try pullback(cotangent.node) where matters[node.id] {
                    guard shape(of: part) == shape(of: node) else {
                        throw GraphError("a part of \(operand(node))'s cotangent is \(shape(of: part))")
                    }
                    add(Term(graph: self, node: part), to: node.id)
                }
                continue
            }
            let terms = inputs.map { Term(graph: self, node: $0) }
            let parts = try operation.rule.vjp(
                terms, Term(graph: self, node: Node(id: id)), cotangent, wanted: inputs.map { matters[$0.id] })
            for (input, part) in zip(inputs, parts) where matters[input.id] {
                if let part { add(part, to: input.id) }
            }
        }
        return try nodes.map { try cotangents[$0.id]?.node ?? broadcast(constant(0), to: shape(of: $0)) }
    }

    /// Jacobian-vector products: for each output y and tangents t of nodes x, Σ_x Σ_j ∂y/∂x_j t_j, of y's shape.
    ///
    /// The vector-Jacobian product is linear in its cotangent; its own transpose carries tangents forward. What is left of the
    /// graph is the forward tangent pass alone: the cotangent drops out, and with it all that only it needed.
    /// - Complexity: two sweeps over the nodes of y; a run costs about as much as the nodes between x and y.
    package func jvp(of outputs: [Node], along tangents: [(node: Node, tangent: Node)]) throws -> [Node] {
        try check(outputs + tangents.flatMap { [$0.node, $0.tangent] }, for: "jvp")
        for (node, tangent) in tangents where shape(of: tangent) != shape(of: node) {
            throw GraphError("jvp: tangent \(operand(tangent)) does not have the shape of \(operand(node))")
        }
        let cotangents = outputs.map { placeholder(shape(of: $0), for: "cotangent") }
        let products = try vjp(of: zip(outputs, cotangents).map { ($0, $1) }, withRespectTo: tangents.map(\.node))
        return try vjp(of: zip(products, tangents).map { ($0, $1.tangent) }, withRespectTo: cotangents)
    }

    /// An input that stands for a value until a transformation removes or replaces it.
    func placeholder(_ shape: [Int], for what: String) -> Node { input("\(what) #\(nodeCount)", shape: shape) }

    func check(isNumber scalar: Node, for what: String) throws {
        try check([scalar], for: what)
        guard shape(of: scalar).isEmpty else {
            throw GraphError("\(what): \(operand(scalar)) is not a single number; reduce it first, or use vjp")
        }
    }
}
