/// y_i = x_i / |x_i| for the rows of x [n, d].
func unit<T: BinaryFloatingPoint>(_ x: UnsafePointer<T>, _ n: Int64, _ d: Int64, _ y: UnsafeMutablePointer<T>) {
    let d = Int(d)
    for row in stride(from: 0, to: Int(n) * d, by: d) {
        let length = length(x + row, d)
        for k in row..<row + d { y[k] = length > 0 ? T(Double(x[k]) / length) : 0 }
    }
}

/// (c_i - y_i (y_i . c_i)) / |x_i| for the cotangent c of y.
func unitVJP<T: BinaryFloatingPoint>(
    _ x: UnsafePointer<T>, _ c: UnsafePointer<T>, _ n: Int64, _ d: Int64, _ out: UnsafeMutablePointer<T>
) {
    let d = Int(d)
    for row in stride(from: 0, to: Int(n) * d, by: d) {
        let length = length(x + row, d)
        var along = 0.0  // x . c / |x|^2
        for k in row..<row + d where length > 0 { along += Double(x[k]) / length * (Double(c[k]) / length) }
        for k in row..<row + d { out[k] = length > 0 ? T((Double(c[k]) - along * Double(x[k])) / length) : 0 }
    }
}

func length<T: BinaryFloatingPoint>(_ x: UnsafePointer<T>, _ d: Int) -> Double {
    (0..<d).reduce(0) { $0 + Double(x[$1]) * Double(x[$1]) }.squareRoot()
}

@c @implementation
public func newname_f32(_ x: UnsafePointer<Float>!, _ n: Int64, _ d: Int64, _ y: UnsafeMutablePointer<Float>!) {
    unit(x, n, d, y)
}

@c @implementation
public func newname_f64(_ x: UnsafePointer<Double>!, _ n: Int64, _ d: Int64, _ y: UnsafeMutablePointer<Double>!) {
    unit(x, n, d, y)
}

@c @implementation
public func newname_vjp_f32(
    _ x: UnsafePointer<Float>!, _ c: UnsafePointer<Float>!, _ n: Int64, _ d: Int64,
    _ out: UnsafeMutablePointer<Float>!
) { unitVJP(x, c, n, d, out) }

@c @implementation
public func newname_vjp_f64(
    _ x: UnsafePointer<Double>!, _ c: UnsafePointer<Double>!, _ n: Int64, _ d: Int64,
    _ out: UnsafeMutablePointer<Double>!
) { unitVJP(x, c, n, d, out) }

/// output = V newname(W x).
@c @implementation
public func newname_net(
    _ service: UnsafePointer<syzygy_graph>!, _ x: syzygy_node, _ d_in: Int64, _ d_out: Int64, _ width: Int64,
    _ output: UnsafeMutablePointer<syzygy_node>!
) -> Int32 {
    let graph = Graph(service)
    let h = graph.apply("newname", [linear(graph, "fc", x, d_in, width)])
    return graph.finish(linear(graph, "head", h, width, d_out), output)
}

/// x Wᵀ, observed by probes as the layer `name`.
func linear(_ graph: Graph, _ name: String, _ x: syzygy_node, _ d_in: Int64, _ d_out: Int64) -> syzygy_node {
    let weight = graph.parameter("\(name).weight", "weight", [d_out, d_in])
    let h = graph.apply("matmul", [x, weight], ("transpose_b", 1))
    graph.layer(name, x, weight, -1, h)
    return h
}
