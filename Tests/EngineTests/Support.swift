import Engine
import Testing

func elements(_ shape: [Int]) -> Int { shape.reduce(1, *) }

/// The values of nodes for given inputs, through a compiled program.
func evaluate(
    _ graph: Graph, _ nodes: [Node], _ inputs: [String: [Double]], scalars: [String: Double] = [:],
    precision: Precision = .f64, parameters: ParameterStore? = nil, seed: UInt64 = 0, step: Int = 0,
    threads: Int? = nil, limit: Int = Graph.unrolledOperations
) throws -> [[Double]] {
    let program = try Program(
        graph, outputs: nodes, precision: precision, parameters: parameters, seeds: [seed], threads: threads,
        unrolledOperations: limit)
    program.setStep(step)
    for (name, values) in inputs { program.setInput(name, values) }
    for (name, value) in scalars { program.setScalar(name, value) }
    program.run()
    return nodes.map(program.copy)
}

/// |a - b| <= relative * max(|b|, floor), and NaN equals NaN.
func agree(_ a: [Double], _ b: [Double], relative: Double, floor: Double = 1) -> Bool {
    a.count == b.count
        && zip(a, b).allSatisfy { x, y in
            x == y || (x.isNaN && y.isNaN) || abs(x - y) <= relative * max(abs(y), floor)
        }
}

/// The sentence of the `GraphError` that `body` throws.
func message(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "no error"
    } catch {
        return "\(error)"
    }
}
