import SyzygyKit

/// c Σ_k (f_k − y_k)² for each sample, `[rows]`; c is ½ with `half`, else 1, divided by the number of outputs K if
/// `over` is `mean`. Class labels become one-hot targets.
@c(mean_squared_error) public func meanSquaredError(
    _ service: UnsafePointer<syzygy_graph>, _ output: syzygy_node, _ y: syzygy_node, _ columns: Int64, _ half: UInt8,
    _ over: Int32, _ sampleLoss: UnsafeMutablePointer<syzygy_node>
) -> syzygy_status {
    Graph.build(service, sampleLoss) { graph in
        let predictions = graph.node(output).flattened()
        guard predictions.id >= 0 else { return predictions }
        guard predictions.shape.count == 2, predictions.shape[1] == columns else {
            return graph.fail(
                "mean_squared_error needs outputs [rows, \(columns)], as many as targets; the model gives \(predictions.shape)"
            )
        }
        let difference = predictions - graph.node(y).targets(columns: Int(columns))
        let factor = (half != 0 ? 0.5 : 1) / (over == 0 ? 1 : Double(columns))
        let sum = (difference * difference).sum(axis: 1)
        return factor == 1 ? sum : factor * sum
    }
}
