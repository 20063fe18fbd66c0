import SyzygyKit

/// In the order of the manifest's enum.
private let norms: [Norm] = [.none, .layer, .batch, .rms]

/// A fully connected network: x ↦ head(φ(fcL(… φ(fc1(x))))), `[rows, classes]`, with a normalization before each φ and
/// identities around the layers but the first as asked for. Of the targets `y` only the number of columns matters, which is
/// `classes`.
@c(mlp) public func mlp(
    _ service: UnsafePointer<syzygy_graph>, _ x: syzygy_node, _ y: syzygy_node, _ classes: Int64,
    _ widths: UnsafePointer<Int64>, _ depth: Int64, _ activation: UnsafePointer<CChar>, _ negativeSlope: Double, _ norm: Int32,
    _ isResidual: UInt8, _ hasBias: UInt8, _ biasInit: Int32, _ scheme: Int32, _ gain: Double, _ initStd: Double,
    _ output: UnsafeMutablePointer<syzygy_node>
) -> syzygy_status {
    Graph.build(service, output) { graph in
        guard let scheme = WeightScheme(index: scheme),
            norms.indices.contains(Int(norm))
        else { return graph.failOption() }
        let activation = Activation(activation)
        let weight = scheme.initializer(gain: gain, std: initStd)
        let bias: Graph.Initializer? = hasBias == 0 ? nil : biasInit == 0 ? .init("torch_linear") : .zero
        let widths = UnsafeBufferPointer(start: widths, count: Int(depth)).map { Int($0) }
        guard isResidual == 0 || Set(widths).count <= 1 else {
            return graph.fail("residual layers need equal widths, not \(widths)")
        }

        var h = graph.node(x).flattened()
        for (i, width) in widths.enumerated() {
            var next = graph.dense(h, width, name: "fc\(i + 1)", weight: weight, bias: bias)
            next = graph.normalized(next, norms[Int(norm)], name: "norm\(i + 1)")
                .activated(activation, slope: negativeSlope)
            h = isResidual != 0 && i > 0 ? h + next : next
        }
        return graph.dense(h, Int(classes), name: "head", weight: weight, bias: bias)
    }
}
