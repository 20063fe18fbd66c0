import SyzygyKit

/// A residual network for small images: a 3 × 3 stem, stages of basic blocks with widths doubling and, from the second stage on,
/// half the size, the mean over positions and a dense head: `[rows, height, width, channels]` -> `[rows, classes]`.
@c(resnet) public func resnet(
    _ service: UnsafePointer<syzygy_graph>, _ x: syzygy_node, _ y: syzygy_node, _ classes: Int64,
    _ image: UnsafePointer<Int64>, _ imageSizes: Int64, _ width: Int64,
    _ blocks: UnsafePointer<Int64>, _ stages: Int64, _ norm: Int32, _ groups: Int64,
    _ output: UnsafeMutablePointer<syzygy_node>
) -> syzygy_status {
    Graph.build(service, output) { graph in
        let norms: [Norm] = [.batch, .group(Int(groups)), .none]
        guard norms.indices.contains(Int(norm)) else { return graph.failOption() }
        let net = ResNet(graph: graph, norm: norms[Int(norm)])
        let x = graph.node(x).images(UnsafeBufferPointer(start: image, count: Int(imageSizes)).map { Int($0) })
        var h = net.conv(x, Int(width), name: "stem", norm: "stem_norm").apply("relu")
        for (stage, count) in UnsafeBufferPointer(start: blocks, count: Int(stages)).enumerated() {
            for block in 0..<Int(count) {
                h = net.block(
                    h, Int(width) << stage, stride: stage > 0 && block == 0 ? 2 : 1,
                    name: "stage\(stage + 1).block\(block + 1)")
            }
        }
        return graph.dense(h.positionMean(), Int(classes), name: "head", bias: Graph.Initializer("torch_linear"))
    }
}

private struct ResNet {
    let graph: Graph
    let norm: Norm

    /// A convolution with its normalization; without one, with a bias.
    func conv(_ input: Node, _ width: Int, kernel: Int = 3, stride: Int = 1, name: String, norm normName: String)
        -> Node
    {
        let bias: Graph.Initializer? = if case .none = norm { .zero } else { nil }
        // N(0, 2/fan_out), as torchvision; no scheme of ours takes the fan_out alone.
        let output = graph.conv(
            input, width, kernel: kernel, stride: stride, padding: kernel / 2, name: name,
            weight: Graph.Initializer("normal", (2 / Double(width * kernel * kernel)).squareRoot()), bias: bias)
        return graph.normalized(output, norm, name: normName)
    }

    /// relu(norm2(conv2(relu(norm1(conv1(x))))) + shortcut(x)); the shortcut is the identity where shapes allow it.
    func block(_ input: Node, _ width: Int, stride: Int, name: String) -> Node {
        var h = conv(input, width, stride: stride, name: "\(name).conv1", norm: "\(name).norm1").apply("relu")
        h = conv(h, width, name: "\(name).conv2", norm: "\(name).norm2")
        guard stride > 1 || input.shape.last != width else { return (h + input).apply("relu") }
        let shortcut = conv(
            input, width, kernel: 1, stride: stride, name: "\(name).shortcut", norm: "\(name).shortcut_norm")
        return (h + shortcut).apply("relu")
    }
}
