import SyzygyKit

/// The loss of each sample without penalty, `[rows]`: cross entropy (base 0), or ½ Σ_k (f_k − y_k)² (base 1); the mean over positions.
private func dataLoss(_ base: Int32, _ graph: Graph, _ output: Node, _ y: Node, _ labels: Int64) -> Node {
    let output = output.shape.count == 1 ? output.flattened() : output
    guard let targets = y.targets(for: output, labels: Int(labels)) else {
        let wanted = y.expectedOutputs(labels: Int(labels))
        return graph.fail("the loss needs outputs \(wanted), as many as targets; the model gives \(output.shape)")
    }
    if base == 0 { return (-(targets * output.apply("log_softmax")).sum(axis: -1)).rowMean() }
    return 0.5 * (output - targets).apply("square").sum(axis: -1).rowMean()
}

/// The loss of each sample plus strength · mean |h| (norm 0) or strength · mean h² (norm 1) over all elements of its activation.
@c(activity) public func activity(
    _ service: UnsafePointer<syzygy_graph>, _ output: syzygy_node, _ y: syzygy_node, _ labels: Int64,
    _ h: syzygy_node,
    _ base: Int32, _ strength: Double, _ norm: Int32, _ sampleLoss: UnsafeMutablePointer<syzygy_node>
) -> syzygy_status {
    Graph.build(service, sampleLoss) { graph in
        let (output, y, h) = (graph.node(output), graph.node(y), graph.node(h))
        guard output.id >= 0, y.id >= 0, h.id >= 0 else { return h }
        let penalty = h.apply(norm == 0 ? "abs" : "square").rowMean()
        return dataLoss(base, graph, output, y, labels) + strength * penalty
    }
}

/// The mean of the losses plus strength · ½ (|C|² − |diag C|²), C = (1/n) Σ_s (h_s − h̄)(h_s − h̄)ᵀ over rows and positions.
@c(decov) public func decov(
    _ service: UnsafePointer<syzygy_graph>, _ output: syzygy_node, _ y: syzygy_node, _ labels: Int64,
    _ h: syzygy_node,
    _ base: Int32, _ strength: Double, _ loss: UnsafeMutablePointer<syzygy_node>
) -> syzygy_status {
    Graph.build(service, loss) { graph in
        let (output, y, h) = (graph.node(output), graph.node(y), graph.node(h))
        guard output.id >= 0, y.id >= 0, h.id >= 0 else { return h }
        let width = h.shape.last ?? 1, rows = h.shape.reduce(1, *) / max(width, 1)
        let flat = h.reshaped(to: [rows, width])
        let centred = flat - flat.mean([0], keep: true)
        let covariance = (1 / Double(rows)) * centred.matmul(centred, transposed: true)
        let redundant = covariance.apply("square").sum([0, 1]) - flat.variance([0]).apply("square").sum([0])
        return dataLoss(base, graph, output, y, labels).mean([0]) + (0.5 * strength) * redundant
    }
}
