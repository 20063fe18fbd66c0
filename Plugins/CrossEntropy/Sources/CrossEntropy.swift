import SyzygyKit

/// −Σ_k t_k log softmax(z)_k for each sample, `[rows]`, in nats, with t the one-hot label smoothed to (1 − ε) t + ε/K.
@c(cross_entropy) public func crossEntropy(
    _ service: UnsafePointer<syzygy_graph>, _ output: syzygy_node, _ y: syzygy_node, _ classes: Int64,
    _ smoothing: Double,
    _ sampleLoss: UnsafeMutablePointer<syzygy_node>
) -> syzygy_status {
    Graph.build(service, sampleLoss) { graph in
        let logits = graph.node(output)
        guard logits.id >= 0 else { return logits }
        guard logits.shape.count == 2, logits.shape[1] == classes else {
            return graph.fail(
                "cross_entropy needs logits [rows, \(classes)], one per class; the model gives \(logits.shape)")
        }
        guard classes > 1 else {
            return graph.fail("cross_entropy needs at least 2 classes, got \(classes); of one class the softmax is 1")
        }
        var targets = graph.node(y).targets(columns: Int(classes))
        if smoothing > 0 {
            targets = (1 - smoothing) * targets + smoothing / Double(classes)
        }
        return -(targets * logits.apply("log_softmax")).sum(axis: 1)
    }
}
