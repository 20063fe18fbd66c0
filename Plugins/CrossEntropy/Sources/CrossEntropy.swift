import SyzygyKit

/// −Σ_k t_k log softmax(z)_k for each sample, `[rows]`, in nats, with t the one-hot label smoothed to (1 − ε) t + ε/K; the mean
/// over positions where the logits are `[rows, …, K]`.
@c(cross_entropy) public func crossEntropy(
    _ service: UnsafePointer<syzygy_graph>, _ output: syzygy_node, _ y: syzygy_node, _ labels: Int64,
    _ smoothing: Double, _ sampleLoss: UnsafeMutablePointer<syzygy_node>
) -> syzygy_status {
    Graph.build(service, sampleLoss) { graph in
        let (logits, y) = (graph.node(output), graph.node(y))
        guard logits.id >= 0, y.id >= 0 else { return logits }
        guard var targets = y.targets(for: logits, labels: Int(labels)) else {
            let wanted = y.expectedOutputs(labels: Int(labels))
            return graph.fail("cross_entropy needs logits \(wanted), one per class; the model gives \(logits.shape)")
        }
        let count = logits.shape.last ?? 1
        guard count > 1 else {
            return graph.fail("cross_entropy needs at least 2 classes, got \(count); of one class the softmax is 1")
        }
        if smoothing > 0 {
            targets = (1 - smoothing) * targets + smoothing / Double(count)
        }
        return (-(targets * logits.apply("log_softmax")).sum(axis: -1)).rowMean()
    }
}
