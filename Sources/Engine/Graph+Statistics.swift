/// Statistics: blocks that a network keeps but does not train, such as running means. They live in the store and in checkpoints with
/// the parameters and are observed like them; nothing is differentiated with respect to them, and no optimizer or regularizer
/// sees them. A training step gives them new values by assignment.
extension Graph {
    /// What a training step writes to a statistic.
    package struct Assignment: Hashable, Sendable {
        /// Index of the statistic in `blocks`.
        package let block: Int
        package let value: Node
    }

    /// Sets a statistic to a value at the end of every training step, after everything has read the old one. Derivatives do not
    /// see it.
    package func assign(_ statistic: Node, _ value: Node) throws {
        try check([statistic, value], for: "assign")
        let (target, new) = (operand(statistic), operand(value))
        guard case .parameter(let block) = definition(of: statistic), blocks[block].role == .statistic else {
            throw GraphError("assign: \(target) is no statistic; only parameters of that role are assigned")
        }
        guard new.shape == target.shape else {
            throw GraphError("assign: the value \(new) does not have the shape of \(target)")
        }
        guard !assignments.contains(where: { $0.block == block }) else {
            throw GraphError("assign: \(target) is assigned twice")
        }
        var source = value
        while isAlias(source.id) { source = Node(id: inputs(source.id)[0]) }
        if case .parameter = definition(of: source) {
            throw GraphError("assign: the value of \(target) is a parameter, \(operand(source)); compute one")
        }
        assignments.append(Assignment(block: block, value: value))
    }

    /// The node of each block, in the order of `blocks`.
    package var parameterNodes: [Node] {
        var nodes = [Node?](repeating: nil, count: blocks.count)
        for id in 0..<nodeCount {
            if case .parameter(let block) = definition(of: Node(id: id)) { nodes[block] = Node(id: id) }
        }
        return nodes.compactMap(\.self)
    }

    /// Those of blocks that are trained.
    package var trainedNodes: [Node] { zip(parameterNodes, blocks).filter(\.1.isTrained).map(\.0) }

    /// The blocks that are trained.
    package var trainedBlocks: [ParameterBlock] { blocks.filter(\.isTrained) }
}
