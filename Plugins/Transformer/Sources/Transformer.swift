import SyzygyKit

/// In the order of the manifest's enum.
private let norms: [Norm] = [.layer, .rms, .none]

/// Blocks of self-attention and a two-layer network on sequences of tokens `[rows, length]` or vectors `[rows, length, d]`:
/// outputs `[rows, length, K]` or `[rows, K]`. See ../README.md.
@c(transformer) public func transformer(
    _ service: UnsafePointer<syzygy_graph>, _ x: syzygy_node, _ vocabulary: Int64, _ y: syzygy_node, _ labels: Int64,
    _ width: Int64, _ heads: Int64, _ layers: Int64, _ mlpRatio: Int64, _ isCausal: UInt8, _ isAttentionOnly: UInt8,
    _ norm: Int32, _ isPostNorm: Int32, _ activation: UnsafePointer<CChar>, _ hasNoPositions: Int32, _ isTied: Int32,
    _ position: Int32, _ dropout: Double, _ hasBias: UInt8, _ scheme: Int32, _ gain: Double, _ initStd: Double,
    _ embeddingStd: Double, _ positionStd: Double, _ output: UnsafeMutablePointer<syzygy_node>
) -> syzygy_status {
    Graph.build(service, output) { graph in
        guard let scheme = WeightScheme(index: scheme),
            let position = SequenceOutput(index: position), norms.indices.contains(Int(norm))
        else { return graph.failOption() }
        let (x, y, width) = (graph.node(x), graph.node(y), Int(width))
        let sizes = x.shape
        guard width % Int(heads) == 0 else {
            return graph.fail("d_model \(width) is not a multiple of heads, \(heads)")
        }
        guard let areTokens = graph.areTokens(x, vocabulary: Int(vocabulary), model: "transformer"),
            let outputs = graph.outputs(for: y, labels: Int(labels), at: position)
        else { return graph.node(-1) }
        let net = Transformer(
            graph: graph, width: width, heads: Int(heads), hidden: isAttentionOnly != 0 ? nil : width * Int(mlpRatio),
            mask: isCausal != 0 ? graph.causalMask(sizes[1]) : nil, norm: norms[Int(norm)],
            isPostNorm: isPostNorm != 0,
            activation: Activation(activation), dropout: dropout,
            weight: scheme.initializer(gain: gain, std: initStd),
            bias: hasBias != 0 ? Graph.Initializer("torch_linear") : nil)

        var table: Node?
        var h: Node
        if areTokens {
            let tokens = graph.parameter(
                "embedding.weight", role: .weight, shape: [Int(vocabulary), width],
                initializer: Graph.Initializer("normal", embeddingStd))
            (table, h) = (tokens, tokens.rows(at: x))
        } else {
            h = graph.dense(x, width, name: "embedding", weight: net.weight, bias: net.bias)
        }
        if hasNoPositions == 0 {
            h =
                h
                + graph.parameter(
                    "positions.weight", role: .other, shape: [sizes[1], width],
                    initializer: Graph.Initializer("normal", positionStd))
        }
        h = h.dropout(dropout, stream: "dropout")
        for i in 0..<Int(layers) { h = net.block(h, name: "block\(i + 1)") }
        if isPostNorm == 0 { h = graph.normalized(h, net.norm, name: "norm") }
        h = h.positions(position)
        guard isTied != 0 else {
            return graph.dense(h, outputs, name: "head", weight: net.weight, bias: net.bias)
        }
        guard let table, outputs == Int(vocabulary) else {
            return graph.fail(
                "a tied unembedding needs tokens and outputs of one vocabulary; there are \(outputs) outputs, x is \(sizes)"
            )
        }
        return graph.dense(h, weight: table, name: "head")
    }
}

private struct Transformer {
    let graph: Graph
    let width: Int
    let heads: Int
    /// Units of the network between attentions; nil for attention only.
    let hidden: Int?
    let mask: Node?
    let norm: Norm
    let isPostNorm: Bool
    let activation: Activation
    let dropout: Double
    let weight: Graph.Initializer
    let bias: Graph.Initializer?

    func block(_ input: Node, name: String) -> Node {
        let h = residual(input, norm: "\(name).norm1") { attention($0, name: name) }
        guard let hidden else { return h }
        return residual(h, norm: "\(name).norm2") {
            let inner = dense($0, hidden, "\(name).fc1").activated(activation)
            return dense(inner, width, "\(name).fc2")
        }
    }

    /// h + f(norm(h)), or norm(h + f(h)).
    private func residual(_ h: Node, norm name: String, _ f: (Node) -> Node) -> Node {
        let change = f(isPostNorm ? h : graph.normalized(h, norm, name: name)).dropout(dropout, stream: "dropout")
        return isPostNorm ? graph.normalized(h + change, norm, name: name) : h + change
    }

    private func attention(_ h: Node, name: String) -> Node {
        let (q, k, v) = (
            dense(h, width, "\(name).query"), dense(h, width, "\(name).key"), dense(h, width, "\(name).value")
        )
        let result = graph.attention(q.splitHeads(heads), k.splitHeads(heads), v.splitHeads(heads), mask: mask)
        return dense(result.mergedHeads(), width, "\(name).out")
    }

    private func dense(_ h: Node, _ units: Int, _ name: String) -> Node {
        graph.dense(h, units, name: name, weight: weight, bias: bias)
    }
}
