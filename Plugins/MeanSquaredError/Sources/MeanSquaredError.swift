import SyzygyKit

/// c Σ_k (f_k − y_k)² for each sample, `[rows]`; c is ½ with `half`, else 1, divided by the number of outputs K if
/// `over` is `mean`; the mean over positions where the outputs are `[rows, …, K]`. Class labels become one-hot targets.
@c(mean_squared_error) public func meanSquaredError(
    _ service: UnsafePointer<syzygy_graph>, _ output: syzygy_node, _ y: syzygy_node, _ labels: Int64, _ half: UInt8,
    _ over: Int32, _ sampleLoss: UnsafeMutablePointer<syzygy_node>
) -> syzygy_status {
    Graph.build(service, sampleLoss) { graph in
        var (predictions, y) = (graph.node(output), graph.node(y))
        guard predictions.id >= 0, y.id >= 0 else { return predictions }
        if predictions.shape.count == 1 { predictions = predictions.flattened() }
        guard let targets = y.targets(for: predictions, labels: Int(labels)) else {
            let wanted = y.expectedOutputs(labels: Int(labels))
            return graph.fail(
                "mean_squared_error needs outputs \(wanted), as many as targets; the model gives \(predictions.shape)"
            )
        }
        let difference = predictions - targets
        let factor = (half != 0 ? 0.5 : 1) / (over == 0 ? 1 : Double(predictions.shape.last ?? 1))
        let sum = (difference * difference).sum(axis: -1).rowMean()
        return factor == 1 ? sum : factor * sum
    }
}
