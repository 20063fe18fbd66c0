extension Graph {
    /// The node of each block, in the order of `blocks`.
    package var parameterNodes: [Node] {
        var nodes = [Node?](repeating: nil, count: blocks.count)
        for id in 0..<nodeCount {
            if case .parameter(let block) = definition(of: Node(id: id)) { nodes[block] = Node(id: id) }
        }
        return nodes.compactMap(\.self)
    }
}
