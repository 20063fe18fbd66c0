import Engine
import PluginTesting
import Testing

/// Gradients of samples: PyTorch's, sums, norms and Gram matrices without forming them, costs.
@Suite struct SampleGradientTests {
    private typealias Reference = DerivativeReference

    /// The reference's samples by the graph of one.
    private func samples() throws -> (reference: DerivativeReference, gradients: [Node]) {
        var one = try Reference(rows: 1)
        let all = [
            one.x: one.graph.input("all.x", shape: [6, 1, 5]), one.labels: one.graph.input("all.y", shape: [6, 1]),
        ]
        one.inputs["all.x"] = Reference.batch
        one.inputs["all.y"] = Reference.labelsOfBatch
        let gradients = try one.graph.sampleGradients(
            of: one.losses, withRespectTo: one.parameters, samples: 6, batch: all)
        return (one, gradients)
    }

    @Test func theyEqualPyTorch() throws {
        let (one, gradients) = try samples(), g = one.graph
        let values = try one.values(gradients)
        let fourth = zip(values, Reference.counts).flatMap { $0[4 * $1..<5 * $1] }
        #expect(agree(fourth, try #require(Reference.values["sample_gradient_4"]), relative: 1e-11))
        let norms = try one.values([g.squaredNorms(ofSamples: gradients), g.gram(ofSamples: gradients)])
        #expect(agree(norms[0], try #require(Reference.values["sample_norms"]), relative: 1e-11))
        #expect(agree(norms[1], try #require(Reference.values["gram"]), relative: 1e-11))
    }

    /// Squared norms and the Gram matrix form no outer product: nothing of `samples` times a weight's size is computed.
    @Test func normsDoNotFormOuterProducts() throws {
        let (one, gradients) = try samples(), g = one.graph
        let largest = 6 * 35
        for node in [try g.squaredNorms(ofSamples: gradients), try g.gram(ofSamples: gradients)] {
            #expect(g.sizes([node]).allSatisfy { $0 < largest })
        }
        #expect(g.sizes(gradients).contains(largest))
    }

    /// Layers that act on k rows of a sample: 3 at most cost less than the product, 40 more.
    @Test(arguments: [2, 3, 40]) func layersOfSeveralRows(rows k: Int) throws {
        let n = 7
        var random = SplitMix(seed: 2)
        let g = Graph()
        let x = g.input("x", shape: [k, 13]), w = g.input("w", shape: [11, 13]),
            all = g.input("all", shape: [n, k, 13])
        let y = try g.apply(named: "tanh", [g.apply(.matmul(transposeB: true), [x, w])])
        let loss = try g.apply(.sum(), [g.apply(named: "square", [y])])
        let gradients = try g.sampleGradients(of: loss, withRespectTo: [w], samples: n, batch: [x: all])
        let nodes = try [gradients[0], g.squaredNorms(ofSamples: gradients), g.gram(ofSamples: gradients)]
        let values = try evaluate(g, nodes, ["all": random.values(n * k * 13), "w": random.values(143)])
        let forms = g.sizes([nodes[1]]).contains(n * 143)
        #expect(forms == (k == 40))
        for s in 0..<n {
            for t in 0..<n {
                let dot = (0..<143).reduce(0.0) { $0 + values[0][s * 143 + $1] * values[0][t * 143 + $1] }
                #expect(abs(values[2][s * n + t] - dot) <= 1e-11 * max(1, abs(dot)))
                if s == t { #expect(abs(values[1][s] - dot) <= 1e-11 * dot) }
            }
        }
    }

    /// All squared norms cost about one backward pass of the batch.
    @Test func costs() throws {
        let n = 96, widths = [64, 80, 72, 10]
        func network(rows: Int) throws -> (graph: Graph, x: Node, loss: Node, weights: [Node]) {
            let g = Graph()
            let x = g.input("x", shape: [rows, widths[0]])
            var h = x, weights: [Node] = []
            for layer in 1..<widths.count {
                let w = try g.parameter(
                    "w\(layer)", role: .weight, shape: [widths[layer], widths[layer - 1]],
                    initializer: Initializer(scheme: .lecun_normal))
                h = try g.apply(named: "tanh", [g.apply(.matmul(transposeB: true), [h, w])])
                weights.append(w)
            }
            let loss = try g.apply(named: "mean", [g.apply(.sum(axes: [1]), [g.apply(named: "square", [h])])])
            return (g, x, loss, weights)
        }
        func flops(_ g: Graph, _ nodes: [Node]) throws -> Double {
            let store = ParameterStore(blocks: g.blocks, precision: .f32)
            return try Program(g, outputs: nodes, precision: .f32, parameters: store).flops
        }
        let whole = try network(rows: n), one = try network(rows: 1)
        let gradient = try flops(whole.graph, whole.graph.gradient(of: whole.loss, withRespectTo: whole.weights))
        let all = one.graph.input("all", shape: [n, 1, widths[0]])
        let each = try one.graph.sampleGradients(
            of: one.loss, withRespectTo: one.weights, samples: n, batch: [one.x: all])
        let norms = try flops(one.graph, [one.graph.squaredNorms(ofSamples: each)])
        #expect(norms < 0.8 * gradient, "\(norms / gradient) gradients")
        // The matrix itself is an outer product for each sample: as many operations as the gradient's last products.
        #expect(try flops(one.graph, each) < 1.05 * gradient)
    }

    /// Σ of squares of scattered rows for several copies: equal indices add up, what is no row is left out.
    @Test(arguments: [1, 4]) func squaresOfScatteredRows(_ n: Int) throws {
        let g = Graph()
        let i = g.input("i", shape: [n]), v = g.input("v", shape: [n, 3])
        let loss = try g.apply(.sum(), [g.apply(named: "square", [g.scatterAdd(i, v, rows: 9)])])
        let gradient = try g.gradient(of: loss, withRespectTo: [v])[0]
        let copies = 5
        let all = [i: g.input("all.i", shape: [copies, n]), v: g.input("all.v", shape: [copies, n, 3])]
        let batched = try g.batched([loss, gradient], copies: copies, replacing: all)
        #expect(!g.sizes([batched[0]]).contains(copies * 9 * 3))
        let indices: [[Double]] = [
            [2, 8, 2, 2], [-1, -1, 3, 9], [0.5, 0.5, 0.5, 0], [.nan, 1, 1, .nan], [9, 0, 9, 0],
        ]
        var random = SplitMix(seed: 12)
        let values = indices.map { row in row.prefix(n).flatMap { _ in random.values(3) } }
        let together = try evaluate(
            g, batched, ["all.i": indices.flatMap { $0.prefix(n) }, "all.v": values.flatMap { $0 }])
        for copy in 0..<copies {
            let alone = try evaluate(g, [loss, gradient], ["i": Array(indices[copy].prefix(n)), "v": values[copy]])
            #expect(agree([together[0][copy]], alone[0], relative: 1e-13), "copy \(copy)")
            let part = Array(together[1][copy * 3 * n..<(copy + 1) * 3 * n])
            #expect(agree(part, alone[1], relative: 1e-13), "copy \(copy)")
            for (k, index) in indices[copy].prefix(n).enumerated() where !(0..<9).map(Double.init).contains(index) {
                #expect(alone[1][3 * k..<3 * k + 3].allSatisfy { $0 == 0 })
            }
        }
    }

    @Test func sumsOfProductsAreSeparated() throws {
        let g = Graph()
        let a = g.input("a", shape: [3, 5, 1]), b = g.input("b", shape: [3, 1, 4]), c = g.input("c", shape: [5, 4])
        func sum(_ name: String?, _ x: Node, _ y: Node, _ axes: [Int]) throws -> Node {
            let product = try g.apply(named: "mul", [x, y])
            return try g.apply(.sum(axes: axes), [name.map { try g.apply(named: $0, [product]) } ?? product])
        }
        // Separable over 1 and 2; over 1 only; not over all (a and b share axis 0), nor a with c over axis 1.
        let nodes = try [
            sum("square", a, b, [1, 2]), sum(nil, a, b, [1]), sum(nil, a, b, [0, 1, 2]), sum("square", a, c, [1]),
            sum(nil, a, c, [2]), sum("square", c, g.constant(-0.5), [0, 1]),
        ]
        var random = SplitMix(seed: 6)
        let inputs = ["a": random.values(15), "b": random.values(12), "c": random.values(20)]
        let interpreter = Interpreter(graph: g, inputs: inputs)
        let values = try evaluate(g, nodes, inputs)
        func value(_ name: String, _ i: Int) -> Double { inputs[name]?[i] ?? .nan }
        var expected = [[Double]](repeating: [], count: 6)
        for s in 0..<3 {
            var total = 0.0
            for j in 0..<4 {
                total += (0..<5).reduce(0) { $0 + value("a", s * 5 + $1) } * value("b", s * 4 + j)
                expected[1].append((0..<5).reduce(0) { $0 + value("a", s * 5 + $1) * value("b", s * 4 + j) })
                expected[3].append(
                    (0..<5).reduce(0) {
                        $0 + value("a", s * 5 + $1) * value("a", s * 5 + $1) * value("c", $1 * 4 + j)
                            * value("c", $1 * 4 + j)
                    })
            }
            let squares = { (name: String, n: Int) in
                (0..<n).reduce(0) { $0 + value(name, s * n + $1) * value(name, s * n + $1) }
            }
            expected[0].append(squares("a", 5) * squares("b", 4))
            expected[2] = [(expected[2].first ?? 0) + total]
            for i in 0..<5 {
                expected[4].append((0..<4).reduce(0) { $0 + value("a", s * 5 + i) * value("c", i * 4 + $1) })
            }
        }
        expected[5] = [(0..<20).reduce(0) { $0 + 0.25 * value("c", $1) * value("c", $1) }]
        for i in nodes.indices { #expect(agree(values[i], expected[i], relative: 1e-13), "\(i)") }
        #expect(interpreter.values(of: nodes).indices.allSatisfy { agree(values[$0], expected[$0], relative: 1e-13) })
        #expect(g.sizes([nodes[0]]).max() == 15 && g.sizes([nodes[1]]).max() == 12 && g.sizes([nodes[2]]).max() == 60)
    }
}

extension Graph {
    /// Elements of what the operations that the nodes depend on compute, views excepted.
    func sizes(_ nodes: [Node]) -> [Int] {
        ancestors(nodes).compactMap { node in
            guard case .operation(let operation, _) = definition(of: node),
                !(operation.description is Reshape || operation.description is Broadcast)
            else { return nil }
            return elements(shape(of: node))
        }
    }
}
