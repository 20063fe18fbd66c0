import Engine
import PluginTesting
import Testing

/// An operation at one set of shapes, with inputs away from its kinks.
struct DerivativeCase: CustomStringConvertible, Sendable {
    var name: String
    var shapes: [[Int]]
    var range: ClosedRange<Double> = -2...2
    /// The second derivative is 0 everywhere.
    var flat = false
    /// The first one too.
    var constant = false
    /// The graph is that of a training step.
    var isTraining = false
    var function: @Sendable (Graph, [Node]) throws -> Node
    var description: String { "\(name) \(shapes)" }

    /// Distinct values on a shuffled grid, and how far apart they are: more than four steps of the stencil from each other and
    /// from the kink at 0.
    var values: (values: [[Double]], width: Double) {
        var random = SplitMix(seed: 11)
        let total = shapes.reduce(0) { $0 + elements($1) }
        let width = (range.upperBound - range.lowerBound) / Double(total + 1)
        var grid = (0..<total).map { range.lowerBound + (Double($0) + 0.77) * width }.shuffled(using: &random)
        let values = shapes.map { shape in
            defer { grid.removeFirst(elements(shape)) }
            return Array(grid.prefix(elements(shape)))
        }
        return (values, width)
    }

    static func named(
        _ name: String, _ shapes: [[Int]], _ attributes: [String: Double] = [:],
        in range: ClosedRange<Double> = -2...2,
        flat: Bool = false, constant: Bool = false
    ) -> DerivativeCase {
        DerivativeCase(name: name, shapes: shapes, range: range, flat: flat || constant, constant: constant) {
            try $0.apply(named: name, $1, attributes: attributes)
        }
    }

    static let all = basic + pieces + functions + normalizations

    private static let basic: [DerivativeCase] = [
        .named("identity", [[3, 5]], flat: true), .named("neg", [[3, 5]], flat: true), .named("exp", [[3, 5]]),
        .named("log", [[3, 5]], in: 0.5...3), .named("sqrt", [[3, 5]], in: 0.5...3),
        .named("reciprocal", [[3, 5]], in: 0.5...3), .named("square", [[7]]), .named("abs", [[3, 5]], flat: true),
        .named("sign", [[3, 5]], constant: true), .named("step", [[3, 5]], constant: true),
        .named("tanh", [[3, 5]]), .named("sigmoid", [[3, 5]]), .named("relu", [[3, 5]], flat: true),
        .named("leaky_relu", [[3, 5]], ["slope": 0.2], flat: true), .named("gelu", [[3, 5]]),
        .named("silu", [[3, 5]]),
        .named("softplus", [[3, 5]]), .named("sin", [[3, 5]]), .named("cos", [[3, 5]]),
        .named("normal_cdf", [[3, 5]]),
        .named("erf", [[3, 5]]),
        .named("add", [[3, 5], [5]], flat: true), .named("sub", [[4, 1], [3, 1, 5]], flat: true),
        .named("mul", [[3, 5], [3, 1]]), .named("mul", [[2, 3, 5], []]), .named("div", [[5], [3, 5]], in: 0.5...3),
        .named("maximum", [[3, 5], [5]], flat: true), .named("minimum", [[3, 5], [3, 1]], flat: true),
        .named("greater", [[3, 5], [5]], constant: true), .named("equal", [[3, 5], [5]], constant: true),
        .named("select", [[3, 1], [5], [3, 5]], flat: true),
        .named("sum", [[3, 5]], flat: true), .named("sum", [[3, 4, 5]], ["axis": 1], flat: true),
        .named("sum", [[3, 5]], ["axis": -1, "keep": 1], flat: true),
        .named("mean", [[3, 5]], ["axis": 0], flat: true),
        .named("max", [[3, 5]], ["axis": -1], flat: true), .named("max", [[3, 5]], flat: true),
        .named("matmul", [[3, 4], [4, 5]]), .named("matmul", [[4, 3], [4, 5]], ["transpose_a": 1]),
        .named("matmul", [[3, 4], [5, 4]], ["transpose_b": 1]),
        .named("matmul", [[4, 3], [5, 4]], ["transpose_a": 1, "transpose_b": 1]),
        .named("matmul", [[2, 3, 4], [2, 4, 5]]), .named("matmul", [[2, 4, 3], [4, 5]], ["transpose_a": 1]),
        .named("matmul", [[3, 4], [2, 5, 4]], ["transpose_b": 1]), .named("matmul", [[2, 6, 3, 4], [4, 5]]),
        .named("matmul", [[2, 4, 3], [2, 5, 4]], ["transpose_a": 1, "transpose_b": 1]),
        .named("transpose", [[2, 3, 5]], flat: true),
        DerivativeCase(name: "permute", shapes: [[2, 3, 4, 5]], flat: true) { graph, x in
            try graph.apply(.permute([2, 0, 3, 1]), x)
        },
        .named("transpose", [[3, 5]], flat: true), .named("softmax", [[3, 5]]), .named("log_softmax", [[3, 5]]),
        .named("softmax", [[2, 3, 4]]), .named("stop_gradient", [[3, 5]], constant: true),
        .named("one_hot", [[7]], ["classes": 3], constant: true),
        DerivativeCase(name: "reshape", shapes: [[3, 4]], flat: true) { try $0.reshape($1[0], to: [2, 6]) },
        DerivativeCase(name: "broadcast", shapes: [[3, 1]], flat: true) { try $0.broadcast($1[0], to: [2, 3, 5]) },
        DerivativeCase(name: "sum of axes 0 and 2", shapes: [[3, 4, 5]], flat: true) { graph, x in
            try graph.apply(.sum(axes: [0, -1]), x)
        },
        DerivativeCase(name: "max of axes 0 and 2 of a square", shapes: [[3, 4, 5]]) { graph, x in
            try graph.apply(.max(axes: [0, 2], keep: true), [try graph.apply(.unary(.square), x)])
        },
        .named("conv2d", [[2, 5, 4, 3], [4, 3, 2, 3]], ["padding": 1]),
        .named(
            "conv2d", [[1, 5, 7, 4], [6, 2, 3, 2]],
            ["stride_h": 2, "stride_w": 3, "dilation": 2, "groups": 2, "padding_top": 3], in: 1...4),
        .named("conv2d", [[3, 4, 5, 2], [2, 3, 2, 1]], ["groups": 2, "stride": 2]),
        .named("max_pool", [[2, 5, 4, 3]], ["size": 3, "stride": 2, "padding": 1], flat: true),
        .named("average_pool", [[2, 5, 4, 3]], ["size": 2, "stride": 1], flat: true),
        .named("patches", [[2, 3, 4, 1]], ["size_h": 3, "size_w": 2, "padding": 1], flat: true),
        DerivativeCase(name: "max_pool of squares", shapes: [[2, 4, 5, 3]]) { graph, x in
            let square = try graph.apply(named: "square", x)
            return try graph.apply(named: "max_pool", [square], attributes: ["size": 2, "stride": 1])
        },
        DerivativeCase(name: "tanh network", shapes: [[7, 5], [4, 5], [4], [3, 4]]) { graph, x in
            let z = try graph.apply(.matmul(transposeB: true), [x[0], x[1]])
            let h = try graph.apply(named: "tanh", [try graph.apply(named: "add", [z, x[2]])])
            let y = try graph.apply(.matmul(transposeB: true), [h, x[3]])
            return try graph.apply(named: "log_softmax", [y])
        },
    ]
}

@Suite struct DerivativeTests {
    @Test(arguments: DerivativeCase.all)
    func derivativesEqualDifferences(_ test: DerivativeCase) throws {
        let (values, width) = test.values
        #expect(
            values.joined().allSatisfy { abs($0) > 4 * DerivativeChecker.step } && width > 8 * DerivativeChecker.step)
        let checker = DerivativeChecker(
            shapes: test.shapes, values: values, isTraining: test.isTraining, function: test.function)
        if test.name == "stop_gradient" {
            // The one operation whose derivative is not that of its value.
            let graph = Graph()
            let x = graph.input("x", shape: [3, 5])
            let y = try graph.apply(.sum(), [try graph.apply(.stopGradient, [x])])
            #expect(try evaluate(graph, try graph.gradient(of: y, withRespectTo: [x]), [:])[0].allSatisfy { $0 == 0 })
            return
        }
        let errors = try checker.errors(seed: 5)
        #expect(errors.first <= DerivativeChecker.tolerance, "first derivative of \(test)")
        #expect(errors.second <= DerivativeChecker.tolerance, "second derivative of \(test)")
        #expect(errors.forward <= 1e-10, "tangents of \(test)")
        #expect((errors.firstScale > 1e-3) == !test.constant, "first derivative of \(test) is \(errors.firstScale)")
        #expect((errors.secondScale > 1e-3) == !test.flat, "second derivative of \(test) is \(errors.secondScale)")
    }

    @Test func everyNamedOperationIsChecked() {
        let checked = Set(DerivativeCase.all.map(\.name))
        #expect(Graph.operationNames.filter { !checked.contains($0) } == [])
    }

    /// The checker must see a wrong rule: one factor of a product held fixed, and a slope wrong by 1e-6.
    @Test func wrongDerivativesAreCaught() throws {
        let values = [[0.3, -0.7, 1.1]]
        let half = DerivativeChecker(shapes: [[3]], values: values) { graph, x in
            try graph.apply(named: "mul", [x[0], try graph.apply(.stopGradient, [x[0]])])
        }
        #expect(try half.errors(seed: 1).first > 0.4)
        // sin(x) whose derivative misses a millionth of itself: value and gradient from different nodes.
        let slightly = DerivativeChecker(shapes: [[3]], values: values) { graph, x in
            let sin = try graph.apply(named: "sin", x)
            let part = try graph.apply(named: "mul", [sin, graph.constant(1e-6)])
            let rest = try graph.apply(named: "sub", [sin, part])
            return try graph.apply(named: "add", [rest, try graph.apply(.stopGradient, [part])])
        }
        #expect(try slightly.errors(seed: 1).first > DerivativeChecker.tolerance)
        // Right gradient, wrong second derivative: x² + (x - stop(x))³ has gradient 2x, but its sixth … stays unseen;
        // exp(stop(x)) (x - stop(x)) + exp(stop(x)) has the value and gradient of exp, and gradient's gradient 0.
        let second = DerivativeChecker(shapes: [[3]], values: values) { graph, x in
            let fixed = try graph.apply(.stopGradient, [x[0]])
            let slope = try graph.apply(named: "exp", [fixed])
            let line = try graph.apply(named: "mul", [slope, try graph.apply(named: "sub", [x[0], fixed])])
            return try graph.apply(named: "add", [line, slope])
        }
        let errors = try second.errors(seed: 1)
        #expect(errors.first <= DerivativeChecker.tolerance && errors.second > 0.5)
    }

    @Test func sharedExpressionsAddUp() throws {
        // f = Σ h · h + h with h = x y and x = y: ∂f/∂x = 4x³ + 2x, with both factors of h the same node.
        let graph = Graph()
        let x = graph.input("x", shape: [3])
        let h = try graph.apply(.binary(.mul), [x, x])
        let f = try graph.apply(
            .sum(), [try graph.apply(.binary(.add), [try graph.apply(.binary(.mul), [h, h]), h])])
        let gradients = try graph.gradient(of: f, withRespectTo: [x, h])
        let values = try evaluate(graph, gradients, ["x": [1, -2, 0.5]])
        #expect(values[0] == [6, -36, 1.5])
        #expect(values[1] == [3, 9, 1.5])  // with respect to the inner node: 2h + 1
    }

    @Test func tiesShareTheMaximum() throws {
        let graph = Graph()
        let x = graph.input("x", shape: [2, 3]), y = graph.input("y", shape: [3])
        let largest = try graph.apply(.sum(), [try graph.apply(.max(axes: [1]), [x])])
        let larger = try graph.apply(.sum(), [try graph.apply(.binary(.maximum), [x, y])])
        let nodes =
            try graph.gradient(of: largest, withRespectTo: [x]) + graph.gradient(of: larger, withRespectTo: [x, y])
        let values = try evaluate(graph, nodes, ["x": [1, 4, 4, 2, 0, -1], "y": [1, 5, 0]])
        #expect(values[0] == [0, 0.5, 0.5, 1, 0, 0])
        #expect(values[1] == [0.5, 0, 1, 1, 0, 0])
        #expect(values[2] == [0.5, 2, 1])
    }

    /// Over axes that are not neighbours too.
    @Test func tiesOfSeveralAxesShareTheMaximum() throws {
        let graph = Graph()
        let x = graph.input("x", shape: [2, 3, 2])
        for keep in [false, true] {
            let largest = try graph.apply(.max(axes: [0, 2], keep: keep), [x])
            #expect(graph.shape(of: largest) == (keep ? [1, 3, 1] : [3]))
            let total = try graph.apply(.sum(), [largest])
            let nodes = [largest] + (try graph.gradient(of: total, withRespectTo: [x]))
            let values = try evaluate(graph, nodes, ["x": [5, 5, 0, 1, 7, 2, 5, 1, 3, 3, 4, 7]])
            let third = 1.0 / 3
            #expect(values[0] == [5, 3, 7])
            #expect(values[1] == [third, third, 0, 0, 0.5, 0, third, 0, 0.5, 0.5, 0, 0.5])
        }
    }

    @Test func independentNodesGetZeros() throws {
        let graph = Graph()
        let x = graph.input("x", shape: [3]), z = graph.input("z", shape: [2, 5])
        let y = try graph.apply(.sum(), [x])
        let later = try graph.apply(.unary(.exp), [z])
        let gradients = try graph.gradient(of: y, withRespectTo: [z, later, y])
        let values = try evaluate(graph, gradients, [:])
        #expect(values == [[Double](repeating: 0, count: 10), [Double](repeating: 0, count: 10), [1]])
    }

    @Test func vectorJacobianProduct() throws {
        // y = A x (as a column), c arbitrary: the product is Aᵀ c.
        let graph = Graph()
        let a = graph.input("a", shape: [2, 3]), x = graph.input("x", shape: [3, 1]),
            c = graph.input("c", shape: [2, 1])
        let y = try graph.apply(.matmul(), [a, x])
        let product = try graph.vjp(of: y, cotangent: c, withRespectTo: [x])
        #expect(try evaluate(graph, product, ["a": [1, 2, 3, 4, 5, 6], "c": [10, -1]])[0] == [6, 15, 24])
    }
}
