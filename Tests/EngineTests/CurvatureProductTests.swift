import Engine
import LinearAlgebra
import PluginTesting
import Testing

/// Products with curvature matrices: closed forms, PyTorch's numbers, agreement with each other.
@Suite struct CurvatureProductTests {
    private typealias Reference = DerivativeReference

    private func expect(
        _ actual: [Double], _ name: String, tolerance: Double = 1e-10, location: SourceLocation = #_sourceLocation
    ) throws {
        let expected = try #require(Reference.values[name], sourceLocation: location)
        let scale = expected.map(abs).max() ?? 0
        let error = zip(actual, expected).map { abs($0 - $1) }.max() ?? .infinity
        #expect(
            actual.count == expected.count && error <= tolerance * scale, "\(name): \(error) of \(scale)",
            sourceLocation: location)
    }

    @Test func productsEqualPyTorch() throws {
        let r = try Reference(), g = r.graph
        try expect(r.values([r.loss])[0], "loss")
        try expect(r.values(g.gradient(of: r.loss, withRespectTo: r.parameters)).flatMap { $0 }, "gradient")
        func check(_ name: String, _ nodes: [Node]) throws { try expect(r.values(nodes).flatMap { $0 }, name) }
        try check("hvp", g.hessianVectorProduct(of: r.loss, along: r.vectors))
        try check("hvp", g.jvp(of: g.gradient(of: r.loss, withRespectTo: r.parameters), along: r.vectors))
        try check("ggnvp", g.gaussNewtonVectorProduct(of: r.loss, outputs: r.logits, along: r.vectors))
        try check("ggnvp", g.fisherVectorProduct(of: r.logits, .categorical, along: r.vectors))
        try check("gaussian_fisher", g.fisherVectorProduct(of: r.logits, .gaussian(variance: 0.7), along: r.vectors))
        try check("empirical_fisher", g.empiricalFisherVectorProduct(of: r.losses, along: r.vectors))
        try check("jvp", g.jvp(of: [r.logits], along: r.vectors))
        let u = g.input("u", shape: [6, 3])
        try check("vjp", g.vjp(of: r.logits, cotangent: u, withRespectTo: r.parameters))
    }

    /// ∂/∂s of the gradient with respect to the parameters, from either side.
    @Test func mixedDerivativesEqualPyTorch() throws {
        let r = try Reference(), g = r.graph, s = g.scalar("s")
        let gradients = try g.gradient(of: r.loss, withRespectTo: r.parameters)
        let forward = try g.jvp(of: gradients, along: [(s, g.constant(1))])
        try expect(r.values(forward).flatMap { $0 }, "mixed_gradient")
        let reverse = try g.gradient(of: g.gradient(of: r.loss, withRespectTo: [s])[0], withRespectTo: r.parameters)
        try expect(r.values(reverse).flatMap { $0 }, "mixed_gradient")
        let alongV = try g.vjp(of: zip(gradients, r.tangents).map { ($0, $1) }, withRespectTo: [s])
        try expect(r.values(alongV)[0], "mixed")
    }

    @Test func hessianEqualsPyTorch() throws {
        let r = try Reference(), g = r.graph, p = Reference.count
        let whole = try r.values(g.hessianRows(of: r.loss, withRespectTo: r.parameters, count: p))
        func row(_ blocks: [[Double]], _ i: Int) -> [Double] {
            zip(blocks, Reference.counts).flatMap { $0[i * $1..<(i + 1) * $1] }
        }
        let hessian = (0..<p).map { row(whole, $0) }
        try expect(hessian[11], "hessian_row_11")
        try expect([(0..<p).reduce(0) { $0 + hessian[$1][$1] }], "hessian_trace")
        for i in 0..<p { for j in 0..<i { #expect(abs(hessian[i][j] - hessian[j][i]) < 1e-13) } }

        // In blocks, by one program; the last block reaches beyond the end.
        let begin = g.scalar("begin"), size = 20
        let nodes = try g.hessianRows(of: r.loss, withRespectTo: r.parameters, count: size, from: begin)
        let program = try Program(g, outputs: nodes, precision: .f64, parameters: r.store)
        for (name, values) in r.inputs { program.setInput(name, values) }
        program.setScalar("s", 0.3)
        for first in stride(from: 0, to: p, by: size) {
            program.setScalar("begin", Double(first))
            program.run()
            let block = nodes.map(program.copy)
            for i in 0..<size {
                let expected = first + i < p ? hessian[first + i] : [Double](repeating: 0, count: p)
                #expect(agree(row(block, i), expected, relative: 1e-13))
            }
        }
    }

    /// y = X wᵀ, f = (1/2n) |y - t|²: H = Gauss-Newton = Fisher (variance 1) = Xᵀ X / n, for any w.
    @Test func linearRegression() throws {
        let n = 7, d = 5
        var random = SplitMix(seed: 8)
        let g = Graph()
        let x = g.input("x", shape: [n, d]), t = g.input("t", shape: [n, 1]), v = g.input("v", shape: [1, d])
        let w = g.input("w", shape: [1, d])
        let y = try g.apply(.matmul(transposeB: true), [x, w])
        let square = try g.apply(.sum(), [g.apply(.unary(.square), [g.apply(.binary(.sub), [y, t])])])
        let loss = try g.apply(.binary(.mul), [square, g.constant(0.5 / Double(n))])
        let products =
            try g.hessianVectorProduct(of: loss, along: [(w, v)])
            + g.gaussNewtonVectorProduct(of: loss, outputs: y, along: [(w, v)])
            + g.fisherVectorProduct(of: y, .gaussian(variance: 1), along: [(w, v)])
        let hessian = try g.hessianRows(of: loss, withRespectTo: [w], count: d)[0]
        let values = ["x": random.values(n * d), "t": random.values(n), "v": random.values(d), "w": random.values(d)]
        let results = try evaluate(g, products + [hessian], values)
        let design = Matrix(rows: n, columns: d, elements: try #require(values["x"]))
        let exact = (1 / Double(n)) * (design.transposed * design)
        let product = exact * Matrix(rows: d, columns: 1, elements: try #require(values["v"]))
        for result in results.prefix(3) { #expect(agree(result, product.elements, relative: 1e-14)) }
        #expect(agree(results[3], exact.elements, relative: 1e-14))
    }

    /// Softmax regression: H = (1/n) Σ (diag p - p pᵀ) ⊗ x xᵀ, by hand for one sample and two classes: p (1 - p) x xᵀ [1 -1; -1 1].
    @Test func softmaxRegression() throws {
        let g = Graph()
        let x = g.input("x", shape: [1, 3]), w = g.input("w", shape: [2, 3])
        let logits = try g.apply(.matmul(transposeB: true), [x, w])
        let log = try g.apply(named: "log_softmax", [logits])
        let loss = try g.apply(
            named: "neg", [g.apply(.sum(), [g.apply(named: "mul", [log, g.input("y", shape: [1, 2])])])])
        let v = g.input("v", shape: [2, 3])
        let products =
            try g.hessianVectorProduct(of: loss, along: [(w, v)])
            + g.gaussNewtonVectorProduct(of: loss, outputs: logits, along: [(w, v)])
            + g.fisherVectorProduct(of: logits, .categorical, along: [(w, v)])
        // Logits 0.5 and -1: p = 1/(1 + exp(-1.5)); v·x = 1 and 3, so x p (1 - p) (1 - 3) and its negative.
        let results = try evaluate(
            g, products, ["x": [1, 2, -1], "w": [0.5, 0, 0, 0, 0, 1], "y": [1, 0], "v": [1, 0, 0, 0, 1, -1]])
        let slope = -2 * 0.8175744761936437 * 0.18242552380635635
        let expected = [1, 2, -1, -1, -2, 1].map { $0 * slope }
        for result in results { #expect(agree(result, expected, relative: 1e-14)) }
    }

    /// Nothing of the cotangent that jvp introduces is left, and a run has about the operations of a forward pass with tangents.
    @Test func jvpIsTheForwardPass() throws {
        let r = try Reference(), g = r.graph
        let forward = try Program(g, outputs: [r.logits], precision: .f64, parameters: r.store)
        let jvp = try g.jvp(of: [r.logits], along: r.vectors)
        let program = try Program(g, outputs: jvp, precision: .f64, parameters: r.store)
        #expect(g.names(jvp).filter { $0.hasPrefix("cotangent") } == [])
        // Two products for each layer's tangent but one for the first (x has none), one for its value but none for the last
        // (linear): 5 + 2 of 3; the rest is elementwise.
        #expect(products(g, jvp) == 7 && products(g, [r.logits]) == 3)
        #expect(program.flops < 3.2 * forward.flops)
    }

    /// Costs in gradients, by counted operations, on a network wide enough for products to dominate.
    @Test func costs() throws {
        let g = Graph(), rows = 64, width = 48
        let x = g.input("x", shape: [rows, width])
        var h = x
        var weights: [Node] = [], tangents: [(node: Node, tangent: Node)] = []
        for layer in 0..<4 {
            let w = try g.parameter(
                "w\(layer)", role: .weight, shape: [width + layer, width + max(layer - 1, 0)],
                initializer: Initializer(scheme: .lecun_normal))
            h = try g.apply(.matmul(transposeB: true), [h, w])
            if layer < 3 { h = try g.apply(named: "tanh", [h]) }
            weights.append(w)
            tangents.append((w, g.input("v\(layer)", shape: g.shape(of: w))))
        }
        let losses = try g.apply(.sum(axes: [1]), [g.apply(named: "square", [h])])
        let loss = try g.apply(named: "mean", [losses])
        func flops(_ nodes: [Node]) throws -> Double {
            let store = ParameterStore(blocks: g.blocks, precision: .f64)
            return try Program(g, outputs: nodes, precision: .f64, parameters: store).flops
        }
        let gradient = try flops(g.gradient(of: loss, withRespectTo: weights))
        let hvp = try flops(g.hessianVectorProduct(of: loss, along: tangents)) / gradient
        let ggnvp = try flops(g.gaussNewtonVectorProduct(of: loss, outputs: h, along: tangents)) / gradient
        let jvp = try flops(g.jvp(of: [h], along: tangents)) / gradient
        let fisher = try flops(g.empiricalFisherVectorProduct(of: losses, along: tangents)) / gradient
        #expect(hvp > 2 && hvp < 2.8, "Hessian-vector product: \(hvp) gradients")
        #expect(ggnvp > 1.2 && ggnvp < 1.9, "Gauss-Newton-vector product: \(ggnvp) gradients")
        #expect(jvp < 1.1, "Jacobian-vector product: \(jvp) gradients")
        #expect(fisher < 2, "empirical Fisher: \(fisher) gradients")
    }

    @Test func misfitsAreNamed() throws {
        let g = Graph()
        let x = g.input("x", shape: [3]), y = g.input("y", shape: [5])
        #expect(
            message { _ = try g.hessianVectorProduct(of: x, along: [(x, x)]) }
                == "hessian-vector product: x [3] is not a single number; reduce it first, or use vjp")
        #expect(
            message { _ = try g.jvp(of: [x], along: [(x, y)]) }
                == "jvp: tangent y [5] does not have the shape of x [3]")
        #expect(
            message { _ = try g.empiricalFisherVectorProduct(of: g.constant(1), along: [(x, x)]) }
                == "empirical Fisher: [] is not one loss for each sample")
    }

    private func products(_ g: Graph, _ nodes: [Node]) -> Int {
        g.operations(nodes).filter { $0.description is MatMul }.count
    }
}

extension Graph {
    /// What the nodes depend on.
    func ancestors(_ nodes: [Node]) -> [Node] {
        var seen: Set<Node> = [], stack = nodes
        while let node = stack.popLast() {
            guard seen.insert(node).inserted, case .operation(_, let inputs) = definition(of: node) else { continue }
            stack += inputs
        }
        return Array(seen)
    }

    func operations(_ nodes: [Node]) -> [Operation] {
        ancestors(nodes).compactMap {
            if case .operation(let operation, _) = definition(of: $0) { operation } else { nil }
        }
    }

    /// Names of the inputs that the nodes depend on.
    func names(_ nodes: [Node]) -> [String] {
        ancestors(nodes).compactMap { if case .input(let name) = definition(of: $0) { name } else { nil } }.sorted()
    }
}
