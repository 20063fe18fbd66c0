/// Dense derivatives, whole or in blocks of rows. Elements of several nodes are numbered one after the other.
extension Graph {
    /// ∂y/∂x of shape `y.shape + x.shape`: vector-Jacobian products for each element of y or Jacobian-vector products for each
    /// of x, whichever is fewer, all at once.
    package func jacobian(of output: Node, withRespectTo node: Node) throws -> Node {
        try check([output, node], for: "jacobian")
        let (y, x) = (shape(of: output), shape(of: node))
        if Shape.elements(y) <= Shape.elements(x) {
            let rows = try jacobianRows(of: output, withRespectTo: [node], count: Shape.elements(y))[0]
            return try reshape(rows, to: y + x)
        }
        let columns = try jacobianColumns(of: [output], withRespectTo: [node], count: Shape.elements(x))[0]
        let axes = y.indices.map { $0 + 1 } + [0]
        return try reshape(try apply(.permute(axes), [columns]), to: y + x)
    }

    /// Rows `begin ..< begin + count` of ∂y/∂x for each node x, `[count] + x.shape`; rows beyond y's last element are 0.
    /// With `begin`, a number that can be set before a run, one program serves all blocks of a large Jacobian.
    package func jacobianRows(
        of output: Node, withRespectTo nodes: [Node], count: Int, from begin: Node? = nil
    ) throws -> [Node] {
        let cotangent = placeholder(shape(of: output), for: "cotangent")
        let products = try vjp(of: output, cotangent: cotangent, withRespectTo: nodes)
        return try batched(
            products, copies: count, replacing: unitVectors(of: [cotangent], count: count, from: begin))
    }

    /// Columns `begin ..< begin + count` of the Jacobian of each output y with respect to all nodes together, `[count] + y.shape`.
    package func jacobianColumns(
        of outputs: [Node], withRespectTo nodes: [Node], count: Int, from begin: Node? = nil
    ) throws -> [Node] {
        let tangents = nodes.map { placeholder(shape(of: $0), for: "tangent") }
        let products = try jvp(of: outputs, along: zip(nodes, tangents).map { ($0, $1) })
        return try batched(products, copies: count, replacing: unitVectors(of: tangents, count: count, from: begin))
    }

    /// Rows `begin ..< begin + count` of the Hessian of a number with respect to all nodes together, for each node `[count] + shape`.
    /// Hessian-vector products with unit vectors, so rounding leaves the matrix symmetric only approximately.
    package func hessianRows(
        of scalar: Node, withRespectTo nodes: [Node], count: Int, from begin: Node? = nil
    ) throws -> [Node] {
        let vectors = nodes.map { ($0, placeholder(shape(of: $0), for: "tangent")) }
        let products = try hessianVectorProduct(of: scalar, along: vectors)
        return try batched(
            products, copies: count, replacing: unitVectors(of: vectors.map(\.1), count: count, from: begin))
    }

    /// For placeholders numbered one after the other: in copy k all are 0 but for element begin + k, which is 1.
    private func unitVectors(of placeholders: [Node], count: Int, from begin: Node?) throws -> [Node: Node] {
        for node in placeholders { try Shape.check([count, Shape.elements(shape(of: node))], for: "jacobian") }
        var rows = Term(graph: self, node: try iota(count))
        if let begin { rows = rows + Term(graph: self, node: begin) }
        rows = rows.reshaped(to: [count, 1])
        var units: [Node: Node] = [:]
        var offset = 0
        for node in placeholders {
            let size = Shape.elements(shape(of: node))
            let columns = Term(graph: self, node: try iota(size)) + rows.constant(Double(offset))
            units[node] = rows.apply(.binary(.equal), columns).reshaped(to: [count] + shape(of: node)).node
            offset += size
        }
        return units
    }
}
