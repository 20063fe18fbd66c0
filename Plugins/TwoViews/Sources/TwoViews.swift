import SyzygyKit

/// Σ_i (C_ii − 1)² + λ Σ_{i≠j} C_ij², C = Z₁ᵀ Z₂ / n, with the columns of Z₁, Z₂ `[rows, d]` of mean 0 and variance v/(v + ε).
@c(barlow_twins) public func barlowTwins(
    _ service: UnsafePointer<syzygy_graph>, _ first: syzygy_node, _ second: syzygy_node, _ redundancy: Double,
    _ eps: Double, _ loss: UnsafeMutablePointer<syzygy_node>
) -> syzygy_status {
    Graph.build(service, loss) { graph in
        let outputs = [graph.node(first), graph.node(second)]
        guard outputs.allSatisfy({ $0.id >= 0 }) else { return outputs[0] }
        let shape = outputs[0].shape
        guard shape.count == 2 else {
            return graph.fail("barlow_twins needs outputs [rows, width]; the model gives \(shape)")
        }
        let z = outputs.map { output in
            (output - output.mean([0], keep: true)) / (output.variance([0], keep: true) + eps).apply("sqrt")
        }
        let rows = Double(shape[0])
        let correlation = (1 / rows) * z[0].matmul(z[1], transposed: true)
        let diagonal = (z[0] * z[1]).mean([0])
        let redundant = correlation.apply("square").sum([0, 1]) - diagonal.apply("square").sum([0])
        return (diagonal - 1).apply("square").sum([0]) + redundancy * redundant
    }
}

/// Rows begin ..< end: y = z ~ N(0, I) `[latents]`; x = A z + noise ε₁, x2 = A z + noise ε₂ `[d_in]`; A_ij ~ N(0, 1/latents).
@c(noisy_pairs) public func noisyPairs(
    _ random: UnsafePointer<syzygy_random>, _ split: Int32, _ begin: Int64, _ end: Int64, _ width: Int64,
    _ latents: Int64, _ noise: Double, _ mixing: UnsafeMutablePointer<Double>, _ x: UnsafeMutablePointer<Double>,
    _ x2: UnsafeMutablePointer<Double>, _ y: UnsafeMutablePointer<Double>
) {
    func normal(_ stream: String, _ begin: Int64, _ count: Int64, _ out: UnsafeMutablePointer<Double>) {
        random.pointee.normal(random.pointee.context, stream, begin, count, out)
    }
    let part = split == 0 ? "train" : "test", count = end - begin
    normal("mixing", 0, width * latents, mixing)
    normal("latents.\(part)", begin * latents, count * latents, y)
    normal("first.\(part)", begin * width, count * width, x)
    normal("second.\(part)", begin * width, count * width, x2)
    let (d, k) = (Int(width), Int(latents)), scale = 1 / Double(latents).squareRoot()
    for row in 0..<Int(count) {
        for i in 0..<d {
            var signal = 0.0
            for j in 0..<k { signal += mixing[i * k + j] * y[row * k + j] }
            signal *= scale
            x[row * d + i] = signal + noise * x[row * d + i]
            x2[row * d + i] = signal + noise * x2[row * d + i]
        }
    }
}
