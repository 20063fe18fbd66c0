import SyzygyKit

private enum Head: CaseIterable { case average, flatten }
private enum Pool: CaseIterable { case max, average }

/// Convolutions conv1, conv2, …, each with its normalization and φ and, where asked for, pooling; then the mean over positions
/// (or all of them side by side) and a dense head: images `[rows, height, width, channels]` -> `[rows, classes]`.
@c(conv_net) public func convNet(
    _ service: UnsafePointer<syzygy_graph>, _ x: syzygy_node, _ y: syzygy_node, _ classes: Int64,
    _ image: UnsafePointer<Int64>, _ imageSizes: Int64, _ channels: UnsafePointer<Int64>, _ depth: Int64,
    _ kernel: Int64, _ stride: Int64, _ isSame: UInt8,
    _ poolAfter: UnsafePointer<Int64>, _ pools: Int64, _ pool: Int32, _ poolSize: Int64, _ activation: UnsafePointer<CChar>,
    _ negativeSlope: Double, _ norm: Int32, _ groups: Int64, _ head: Int32, _ hasBias: UInt8, _ biasInit: Int32,
    _ scheme: Int32, _ gain: Double, _ initStd: Double, _ output: UnsafeMutablePointer<syzygy_node>
) -> syzygy_status {
    Graph.build(service, output) { graph in
        let norms: [Norm] = [.none, .batch, .group(Int(groups))]
        guard let scheme = WeightScheme(index: scheme),
            let pool = Pool(index: pool), let head = Head(index: head), norms.indices.contains(Int(norm))
        else { return graph.failOption() }
        let activation = Activation(activation)
        let weight = scheme.initializer(gain: gain, std: initStd)
        let bias: Graph.Initializer? = hasBias == 0 ? nil : biasInit == 0 ? .init("torch_linear") : .zero
        let pooled = UnsafeBufferPointer(start: poolAfter, count: Int(pools)).map { Int($0) }
        if let beyond = pooled.first(where: { $0 > depth }) {
            return graph.fail("pool_after names layer \(beyond); there are \(depth)")
        }

        var h = graph.node(x).images(UnsafeBufferPointer(start: image, count: Int(imageSizes)).map { Int($0) })
        for (i, width) in UnsafeBufferPointer(start: channels, count: Int(depth)).enumerated() {
            h = graph.conv(
                h, Int(width), kernel: Int(kernel), stride: Int(stride), padding: isSame != 0 ? nil : 0,
                name: "conv\(i + 1)", weight: weight, bias: bias)
            h = graph.normalized(h, norms[Int(norm)], name: "norm\(i + 1)").activated(
                activation, slope: negativeSlope)
            guard pooled.contains(i + 1) else { continue }
            h = pool == .max ? h.maxPooled(Int(poolSize)) : h.averagePooled(Int(poolSize))
        }
        h = head == .average ? h.positionMean() : h.flattened()
        return graph.dense(h, Int(classes), name: "head", weight: weight, bias: bias)
    }
}
