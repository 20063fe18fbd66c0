import SyzygyKit

/// Activations in the order of the manifest's enum; each is the graph operation of that name.
private let activations = [
    "identity", "relu", "leaky_relu", "tanh", "sigmoid", "gelu", "silu", "softplus", "sin",
]

/// Schemes in the order of the manifest's enum.
private let schemes = [
    "torch_linear", "lecun_normal", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "orthogonal", "normal",
    "uniform",
]

/// A fully connected network: x ↦ head(φ(fcL(… φ(fc1(x))))), `[rows, classes]`.
@c(mlp) public func mlp(
    _ service: UnsafePointer<syzygy_graph>, _ x: syzygy_node, _ classes: Int64, _ widths: UnsafePointer<Int64>,
    _ depth: Int64, _ activation: Int32, _ hasBias: UInt8, _ scheme: Int32, _ gain: Double, _ initStd: Double,
    _ biasInit: Int32, _ output: UnsafeMutablePointer<syzygy_node>
) -> syzygy_status {
    Graph.build(service, output) { graph in
        func layer(_ input: Node, _ units: Int64, _ name: String) -> Node {
            let fanIn = input.shape.last ?? 1
            return graph.dense(
                input, Int(units), name: name, weight: weightInitializer(scheme, gain: gain, std: initStd),
                bias: hasBias == 0 ? nil : biasInitializer(biasInit, fanIn: fanIn))
        }
        var h = graph.node(x).flattened()
        for (i, width) in UnsafeBufferPointer(start: widths, count: Int(depth)).enumerated() {
            h = layer(h, width, "fc\(i + 1)")
            if activation != 0 { h = h.apply(activations[Int(activation)]) }
        }
        return layer(h, classes, "head")
    }
}

/// `normal` and `uniform` have standard deviation `std`, whatever the fans; the others scale with the fans and `gain`.
private func weightInitializer(_ scheme: Int32, gain: Double, std: Double) -> Graph.Initializer {
    let name = schemes[Int(scheme)]
    return switch name {
    case "normal": .init(name, std)
    case "uniform": .init(name, std * 3.0.squareRoot())
    default: .init(name, gain)
    }
}

/// 0: zero; 1: uniform in ±1/√fan_in, as `torch.nn.Linear`.
private func biasInitializer(_ choice: Int32, fanIn: Int) -> Graph.Initializer {
    choice == 0 ? .zero : .init("uniform", 1 / Double(max(fanIn, 1)).squareRoot())
}
