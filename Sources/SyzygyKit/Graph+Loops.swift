import CSyzygy

/// Recurrences and equations.
extension Graph {
    /// A recurrence over the first axis of sequences: (carries, elements) ↦ (next carries, outputs), step by step.
    ///
    /// - Parameters:
    ///   - sequences: `[length] + shape`; a step gets one element of each, of shape `shape`.
    ///   - initial: the carries that the first step starts from; the next ones have their shapes.
    ///   - length: needed only without sequences.
    ///   - truncate: cuts the gradient that flows back through the carries every so many steps.
    ///   - isReverse: from the last element to the first.
    ///   - step: is called once; may use any node of the graph.
    /// - Returns: the carries after the last step, and the outputs of all steps, `[length] + shape`.
    public func scan(
        over sequences: [Node] = [], initial: [Node], length: Int? = nil, truncate: Int? = nil,
        isReverse: Bool = false,
        _ step: (_ carries: [Node], _ elements: [Node]) -> (next: [Node], outputs: [Node])
    ) -> (last: [Node], outputs: [Node]) {
        var values = [isReverse ? 1.0 : 0]
        var names: [StaticString] = ["reverse"]
        if let length { (names, values) = (names + ["length"], values + [Double(length)]) }
        if let truncate { (names, values) = (names + ["truncate"], values + [Double(truncate)]) }
        let attributes = zip(names, values).map { attribute($0, $1) }
        var elements = [syzygy_node](repeating: -1, count: sequences.count)
        var carries = [syzygy_node](repeating: -1, count: initial.count)
        _ = service.pointee.begin_scan(
            service.pointee.context, sequences.map(\.id), Int32(sequences.count), initial.map(\.id),
            Int32(initial.count), attributes, Int32(attributes.count), &elements, &carries)
        let (next, outputs) = step(carries.map(node), elements.map(node))
        var last = [syzygy_node](repeating: -1, count: next.count)
        var stacks = [syzygy_node](repeating: -1, count: outputs.count)
        _ = service.pointee.end_scan(
            service.pointee.context, next.map(\.id), Int32(next.count), outputs.map(\.id), Int32(outputs.count),
            &last,
            &stacks)
        return (last.map(node), stacks.map(node))
    }

    /// z = f(z), by repeated application of f from `start` until |f(z) - z| <= tolerance · (1 + |z|) everywhere, or `maximum` times.
    /// Gradients are those of the exact solution; the start gets none.
    ///
    /// - Returns: the solution, the number of applications, and the largest |f(z) - z| / (1 + |z|), which tells whether it is one.
    public func fixedPoint(
        from start: Node, tolerance: Double = 1e-6, maximum: Int = 100, _ f: (Node) -> Node
    ) -> (solution: Node, applications: Node, residual: Node) {
        let attributes = [attribute("tolerance", tolerance), attribute("maximum", Double(maximum))]
        let z = node(
            service.pointee.begin_fixed_point(
                service.pointee.context, start.id, attributes, Int32(attributes.count)))
        var results: [syzygy_node] = [-1, -1, -1]
        _ = service.pointee.end_fixed_point(service.pointee.context, f(z).id, &results)
        return (node(results[0]), node(results[1]), node(results[2]))
    }
}
