import SyzygyKit

/// Schemes in the order of the manifest's enum.
private let schemes = [
    "torch_linear", "lecun_normal", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "orthogonal",
    "normal",
    "uniform",
]

/// A fully connected network: x ↦ head(φ(fcL(… φ(fc1(x))))), `[rows, classes]`. Of the targets `y` only the number of
/// columns matters, which is `classes`.
@c(mlp) public func mlp(
    _ service: UnsafePointer<syzygy_graph>, _ x: syzygy_node, _ y: syzygy_node, _ classes: Int64,
    _ widths: UnsafePointer<Int64>,
    _ depth: Int64, _ activation: UnsafePointer<CChar>, _ negativeSlope: Double, _ hasBias: UInt8, _ biasInit: Int32,
    _ scheme: Int32,
    _ gain: Double, _ initStd: Double, _ output: UnsafeMutablePointer<syzygy_node>
) -> syzygy_status {
    Graph.build(service, output) { graph in
        guard schemes.indices.contains(Int(scheme)) else {
            return graph.fail("init \(scheme) is not in the manifest")
        }
        let function = String(cString: activation)
        let weight = weightInitializer(schemes[Int(scheme)], gain: gain, std: initStd)
        let bias: Graph.Initializer? = hasBias == 0 ? nil : biasInit == 0 ? .init("torch_linear") : .zero

        var h = graph.node(x).flattened()
        for (i, width) in UnsafeBufferPointer(start: widths, count: Int(depth)).enumerated() {
            h = graph.dense(h, Int(width), name: "fc\(i + 1)", weight: weight, bias: bias)
            h = h.apply(function, function == "leaky_relu" ? ["slope": negativeSlope] : [:])
        }
        return graph.dense(h, Int(classes), name: "head", weight: weight, bias: bias)
    }
}

/// `normal` and `uniform` have standard deviation `std`, whatever the fans; the others scale with the fans and `gain`.
private func weightInitializer(_ scheme: String, gain: Double, std: Double) -> Graph.Initializer {
    switch scheme {
    case "normal": .init(scheme, std)
    case "uniform": .init(scheme, std * 3.0.squareRoot())
    default: .init(scheme, gain)
    }
}
