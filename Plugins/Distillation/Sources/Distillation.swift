import SyzygyKit

/// (1 − α) H(t, p₁) + α T² KL(q_T ‖ p_T) for each sample, p_T = softmax(z/T) of the model, q_T of the teacher;
/// the mean over positions.
@c(distillation) public func distillation(
    _ service: UnsafePointer<syzygy_graph>, _ output: syzygy_node, _ y: syzygy_node, _ labels: Int64,
    _ teacher: syzygy_node, _ alpha: Double, _ temperature: Double, _ sampleLoss: UnsafeMutablePointer<syzygy_node>
) -> syzygy_status {
    Graph.build(service, sampleLoss) { graph in
        let (logits, y, teacher) = (graph.node(output), graph.node(y), graph.node(teacher))
        guard logits.id >= 0, y.id >= 0, teacher.id >= 0 else { return teacher }
        guard logits.shape == teacher.shape else {
            return graph.fail("distillation: the teacher gives \(teacher.shape), the model \(logits.shape); they must agree")
        }
        guard let targets = y.targets(for: logits, labels: Int(labels)) else {
            let wanted = y.expectedOutputs(labels: Int(labels))
            return graph.fail("distillation needs logits \(wanted), one per class; the model gives \(logits.shape)")
        }
        let hard = (-(targets * logits.apply("log_softmax")).sum(axis: -1)).rowMean()
        let soft = ((1 / temperature) * logits).apply("log_softmax")
        let known = ((1 / temperature) * teacher).apply("log_softmax")
        let divergence = (known.apply("exp") * (known - soft)).sum(axis: -1).rowMean()
        return (1 - alpha) * hard + (alpha * temperature * temperature) * divergence
    }
}
