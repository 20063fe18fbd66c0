import Engine
import Testing

/// SplitMix64, so that tests draw the same numbers everywhere.
struct TestRandom: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func values(_ count: Int, in range: ClosedRange<Double> = -2...2) -> [Double] {
        (0..<count).map { _ in Double.random(in: range, using: &self) }
    }
}

func elements(_ shape: [Int]) -> Int { shape.reduce(1, *) }

/// The values of nodes for given inputs, through a compiled program.
func evaluate(
    _ graph: Graph, _ nodes: [Node], _ inputs: [String: [Double]], scalars: [String: Double] = [:],
    precision: Precision = .f64, parameters: ParameterStore? = nil
) throws -> [[Double]] {
    let program = try Program(graph, outputs: nodes, precision: precision, parameters: parameters)
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
