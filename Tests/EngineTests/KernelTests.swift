import Engine
import Glibc
import PluginTesting
import Testing

@Suite struct KernelTests {
    /// Distance of f32 results from f64 ones, in units of the last place of the exact result; 0.5 is correct rounding.
    private func ulps(_ unary: Unary, over range: ClosedRange<Float>, samples: Int = 200_003) throws -> Double {
        let graph = Graph()
        let x = graph.input("x", shape: [samples])
        let y = try graph.apply(.unary(unary), [x])
        var random = SplitMix(seed: 3)
        // Half of them uniform, half spread over the binades down to 1e-30.
        let values = (0..<samples).map { i -> Double in
            let uniform = Float.random(in: range, using: &random)
            return Double(i % 2 == 0 ? uniform : uniform * exp2f(-Float.random(in: 0...100, using: &random)))
        }
        let single = try evaluate(graph, [y], ["x": values], precision: .f32)[0]
        return zip(values, single).map { x, y in
            let exact = Interpreter.unary(unary, x)
            let unit = Double(Float(Swift.abs(exact)).ulp)
            return Swift.abs(y - exact) / Swift.max(unit, Double(Float.leastNonzeroMagnitude))
        }.max() ?? .infinity
    }

    @Test(arguments: [
        (Unary.exp, Float(-103), Float(88.7), 1.5), (.log, 1e-38, 3e38, 1.5), (.tanh, -12, 12, 2.5),
        (.sigmoid, -100, 100, 3), (.softplus, -100, 100, 2.5), (.erf, -6, 6, 2.5), (.normalCDF, -13, 10, 5),
        (.sin, -1e5, 1e5, 2), (.cos, -1e5, 1e5, 2), (.sqrt, 0, 1e30, 0.5), (.reciprocal, 1e-30, 1e30, 0.5),
    ])
    func singlePrecisionFunctions(_ unary: Unary, _ low: Float, _ high: Float, _ bound: Double) throws {
        let error = try ulps(unary, over: low...high)
        #expect(error <= bound, "\(unary) is off by \(error) ulp")
        #expect(error > 0.4)  // f32 it is, not f64 in disguise
    }

    #if arch(x86_64)
        /// The f64 functions are ours too, but for some; the C library's extended precision judges.
        @Test(arguments: [
            (Unary.exp, -745.0, 709.0, 2.0), (.exp, -3, 3, 2), (.log, 0, 1e300, 1), (.log, 0.3, 3, 1),
            (.log1p, -0.9, 1e9, 2),
            (.expm1, -50, 700, 3), (.expm1, -1, 1, 3), (.tanh, -21, 21, 1.5), (.sigmoid, -700, 700, 2.5),
            (.softplus, -700, 700, 2.5),
        ])
        func doublePrecisionFunctions(_ unary: Unary, _ low: Double, _ high: Double, _ bound: Double) throws {
            let graph = Graph()
            let samples = 200_003
            let y = try graph.apply(.unary(unary), [graph.input("x", shape: [samples])])
            var random = SplitMix(seed: 5)
            let values = (0..<samples).map { i -> Double in
                let uniform = Double.random(in: low...high, using: &random)
                return i % 2 == 0 ? uniform : uniform * exp2(-Double.random(in: 0...1000, using: &random))
            }
            let errors = zip(values, try evaluate(graph, [y], ["x": values], precision: .f64)[0]).map { x, y in
                let exact = extended(unary, Float80(x)),
                    unit = Swift.max(Double(exact).ulp, Double.leastNonzeroMagnitude)
                return Double(Swift.abs(Float80(y) - exact) / Float80(unit))
            }
            #expect(errors.max() ?? .infinity <= bound, "\(errors.max() ?? 0) ulp")
            #expect(errors.max() ?? 0 > 0.4)
        }

        private func extended(_ unary: Unary, _ x: Float80) -> Float80 {
            switch unary {
            case .exp: expl(x)
            case .log: logl(x)
            case .log1p: log1pl(x)
            case .expm1: expm1l(x)
            case .tanh: tanhl(x)
            case .sigmoid: 1 / (1 + expl(-x))
            case .softplus: Swift.max(x, 0) + log1pl(expl(-Swift.abs(x)))
            default: .nan
            }
        }
    #endif

    @Test(arguments: Precision.allCases)
    func specialValues(_ precision: Precision) throws {
        let inputs: [Double] = [.nan, .infinity, -.infinity, 0, -800, 800, 1e-40]
        let tiny = precision == .f32 ? Double(Float(1e-40)) : 1e-40
        let huge = Double.infinity
        let expected: [(Unary, [Double])] = [
            (.exp, [.nan, huge, 0, 1, 0, huge, 1]), (.relu, [.nan, huge, 0, 0, 0, 800, tiny]),
            (.tanh, [.nan, 1, -1, 0, -1, 1, tiny]), (.sigmoid, [.nan, 1, 0, 0.5, 0, 1, 0.5]),
            (.softplus, [.nan, huge, 0, 0.6931471805599453, 0, 800, 0.6931471805599453]),
            (.sign, [.nan, 1, -1, 0, -1, 1, 1]), (.step, [0, 1, 0, 0, 0, 1, 1]),
            (.normalCDF, [.nan, 1, 0, 0.5, 0, 1, 0.5]), (.erf, [.nan, 1, -1, 0, -1, 1, 1.1283791670955126 * tiny]),
            (.abs, [.nan, huge, huge, 0, 800, 800, tiny]),
            (.sqrt, [.nan, huge, .nan, 0, .nan, 28.284271247461902, tiny.squareRoot()]),
        ]
        for (unary, values) in expected {
            let graph = Graph()
            let y = try graph.apply(.unary(unary), [graph.input("x", shape: [7])])
            let result = try evaluate(graph, [y], ["x": inputs], precision: precision)[0]
            let close = zip(result, values).allSatisfy { a, b in
                a == b || (a.isNaN && b.isNaN)
                    || Swift.abs(a - b) <= (precision == .f32 ? 2e-7 : 1e-15) * Swift.abs(b) + 1e-44
            }
            #expect(close || (precision == .f64 && unary == .exp), "\(unary): \(result)")
        }
        let graph = Graph()
        let y = try graph.apply(.unary(.log), [graph.input("x", shape: [4])])
        let logs = try evaluate(graph, [y], ["x": [0, -1, .infinity, .nan]], precision: precision)[0]
        #expect(logs[0] == -.infinity && logs[1].isNaN && logs[2] == .infinity && logs[3].isNaN)
    }

    @Test func missingValuesAreNotLost() throws {
        // NaN goes through maximum, minimum, max, sum and softmax.
        let graph = Graph()
        let x = graph.input("x", shape: [3]), y = graph.input("y", shape: [3])
        let nodes = [
            try graph.apply(.binary(.maximum), [x, y]), try graph.apply(.binary(.minimum), [x, y]),
            try graph.apply(.max(), [x]), try graph.apply(.sum(), [x]), try graph.apply(.softmax(Softmax()), [x]),
        ]
        for precision in Precision.allCases {
            let values = try evaluate(graph, nodes, ["x": [1, .nan, 2], "y": [.nan, 0, 5]], precision: precision)
            #expect(values[0][0].isNaN && values[0][1].isNaN && values[0][2] == 5)
            #expect(values[1][0].isNaN && values[1][1].isNaN && values[1][2] == 2)
            #expect(values[2][0].isNaN && values[3][0].isNaN && values[4].allSatisfy(\.isNaN))
        }
    }

    /// What becomes of a small angle does not depend on whether a large one is in its tile or its thread's share.
    @Test(arguments: Precision.allCases) func anglesAreByThemselves(_ precision: Precision) throws {
        let graph = Graph()
        let x = graph.input("x", shape: [700])
        let nodes = [try graph.apply(.unary(.sin), [x]), try graph.apply(.unary(.cos), [x])]
        var random = SplitMix(seed: 6)
        var values = random.values(700, in: -80...80)
        let small = try evaluate(graph, nodes, ["x": values], precision: precision, threads: 1)
        (values[600], values[690]) = (3e6, .infinity)
        let functions: [(Double) -> Double] = [sin, cos]
        for threads in [1, 2, 3] {
            let mixed = try evaluate(graph, nodes, ["x": values], precision: precision, threads: threads)
            for (node, function) in functions.enumerated() {
                #expect(abs(mixed[node][600] - function(3e6)) < 1e-7 && mixed[node][690].isNaN)
                let changed = (0..<700).filter { mixed[node][$0] != small[node][$0] }
                #expect(changed == [600, 690], "\(threads) threads")
            }
        }
    }

    /// Every way an operand can repeat, in tiles shorter and longer than its period, on one and several threads.
    @Test(arguments: [
        ([[7, 5], [5]]), ([[7, 5], [7, 1]]), ([[7, 5], []]), ([[], []]), ([[1], [1, 1]]), ([[3, 4, 5], [4, 1]]),
        ([[3, 1, 5], [4, 1]]), ([[2, 3, 4, 5], [3, 1, 5]]), ([[2, 3, 4, 5], [3, 4, 5]]), ([[9, 3000], [3000]]),
        ([[9, 3000], [9, 1]]), ([[3, 5, 700], [5, 700]]), ([[3, 5, 700], [700]]), ([[700, 333], [333]]),
        ([[5, 1, 3000], [2, 1]]), ([[1, 2500], [1, 1]]), ([[4, 1], [1, 5000]]),
    ])
    func broadcasting(_ shapes: [[Int]]) throws {
        let graph = Graph()
        let a = graph.input("a", shape: shapes[0]), b = graph.input("b", shape: shapes[1])
        // tanh(a b) - b a b: both operands twice, and a chain of several slots.
        let product = try graph.apply(named: "mul", [a, b])
        let chain = try graph.apply(
            named: "sub", [try graph.apply(named: "tanh", [product]), try graph.apply(named: "mul", [b, product])])
        let swapped = try graph.apply(
            named: "div",
            [b, try graph.apply(named: "add", [try graph.apply(named: "square", [a]), graph.constant(1)])])
        var random = SplitMix(seed: 9)
        let inputs = ["a": random.values(elements(shapes[0])), "b": random.values(elements(shapes[1]))]
        let expected = Interpreter(graph: graph, inputs: inputs).values(of: [chain, swapped])
        let double = try evaluate(graph, [chain, swapped], inputs)
        let single = try evaluate(graph, [chain, swapped], inputs, precision: .f32)
        for i in 0..<2 {
            #expect(agree(double[i], expected[i], relative: 1e-14))
            #expect(agree(single[i], expected[i], relative: 1e-6))
        }
    }

    @Test(arguments: [[7, 5, 3], [1, 2000, 4], [6, 33, 1], [2, 300, 513], [1, 1, 5], [40, 1500, 1]])
    func reductions(_ shape: [Int]) throws {
        let graph = Graph()
        let x = graph.input("x", shape: shape)
        var operations: [Operation] = [.softmax(Softmax()), .softmax(Softmax(isLog: true))]
        for axes in [[0], [1], [2], [0, 1], [1, 2], [0, 2], [0, 1, 2]] {
            operations += [.sum(axes: axes), .max(axes: axes), .mean(axes: axes, keep: true)]
        }
        let nodes = try operations.map { try graph.apply($0, [x]) }
        var random = SplitMix(seed: 4)
        let inputs = ["x": random.values(elements(shape)).map { Double(Float($0)) }]
        let expected = Interpreter(graph: graph, inputs: inputs).values(of: nodes)
        for (precision, tolerance) in [(Precision.f64, 1e-12), (.f32, 1e-6)] {
            let values = try evaluate(graph, nodes, inputs, precision: precision)
            for i in nodes.indices {
                // Sums over axes 0 and 2 round to f32 in between: relative to the size of such parts.
                let isClose = agree(values[i], expected[i], relative: tolerance, floor: 10)
                #expect(isClose, "node \(i)")
            }
        }
    }

    /// f32 sums accumulate in f64: 1 + 2^-24 · 2^20 is not 1.
    @Test func sumsAccumulateInDouble() throws {
        let graph = Graph()
        let x = graph.input("x", shape: [1 << 20])
        let y = try graph.apply(.sum(), [x])
        let columns = try graph.apply(.sum(axes: [0]), [try graph.reshape(x, to: [1 << 19, 2])])
        var values = [Double](repeating: 0x1p-24, count: 1 << 20)
        values[0] = 1
        let sums = try evaluate(graph, [y, columns], ["x": values], precision: .f32)
        #expect(sums[0] == [Double(Float(1 + 0x1p-4))])
        #expect(sums[1] == [Double(Float(1 + 0x1p-5)), 0x1p-5])
    }

    @Test(arguments: [(7, 5, 3), (1, 1, 1), (33, 65, 17), (64, 10, 128), (1, 300, 7), (130, 1, 70)])
    func products(_ m: Int, _ n: Int, _ k: Int) throws {
        var random = SplitMix(seed: 21)
        for (ta, tb) in [(false, false), (false, true), (true, false), (true, true)] {
            let graph = Graph()
            let a = graph.input("a", shape: ta ? [k, m] : [m, k]), b = graph.input("b", shape: tb ? [n, k] : [k, n])
            let c = try graph.apply(.matmul(transposeA: ta, transposeB: tb), [a, b])
            let inputs = ["a": random.values(m * k), "b": random.values(k * n)]
            let expected = Interpreter(graph: graph, inputs: inputs).values(of: [c])[0]
            #expect(agree(try evaluate(graph, [c], inputs)[0], expected, relative: 1e-13))
            // Rounding of inputs and products: k terms of size up to 4.
            #expect(
                agree(
                    try evaluate(graph, [c], inputs, precision: .f32)[0], expected, relative: 1e-6,
                    floor: 4 * Double(k).squareRoot()))
        }
    }

    @Test func publishedNumbers() throws {
        let graph = Graph()
        let x = graph.input("x", shape: [2, 3])
        let inputs = ["x": [-1.5, 0.25, 2.0, 3.0, -0.75, 1.0]]
        let expected: [(String, [Double])] = PublishedNumbers.all
        for (name, values) in expected {
            let y = try graph.apply(named: name, [x])
            #expect(agree(try evaluate(graph, [y], inputs)[0], values, relative: 2e-15), "\(name)")
        }
    }
}
