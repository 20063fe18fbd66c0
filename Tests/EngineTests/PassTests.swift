import Engine
import PluginTesting
import Testing

/// Elementwise operations and functions of rows in one pass.
@Suite struct PassTests {
    /// Values of nodes on 1 to 3 threads against the interpreter; all threads give the same bits.
    private func check(
        _ graph: Graph, _ nodes: [Node], _ inputs: [String: [Double]],
        sourceLocation: SourceLocation = #_sourceLocation
    )
        throws
    {
        let expected = Interpreter(graph: graph, inputs: inputs).values(of: nodes)
        for (precision, tolerance) in [(Precision.f64, 1e-12), (.f32, 2e-5)] {
            var bits: Set<[[UInt64]]> = []
            var order = SplitMix(seed: 8)
            for threads in 1...3 {
                let program = try Program(
                    graph, outputs: nodes, precision: precision, parameters: nil, threads: threads)
                for (name, values) in inputs { program.setInput(name, values) }
                #expect(program.conflicts() == [] && program.unevenSteps() == [], sourceLocation: sourceLocation)
                for _ in 0..<2 { program.runInterleaved(&order) }
                let values = nodes.map(program.copy)
                for (node, pair) in zip(nodes, zip(values, expected)) {
                    #expect(
                        agree(pair.0, pair.1, relative: tolerance), "\(graph.shape(of: node)) in \(precision)",
                        sourceLocation: sourceLocation)
                }
                bits.insert(values.map { $0.map(\.bitPattern) })
            }
            #expect(bits.count == 1, sourceLocation: sourceLocation)
        }
    }

    private func steps(_ graph: Graph, _ nodes: [Node]) throws -> [String] {
        try Program(graph, outputs: nodes, precision: .f32, parameters: nil, threads: 1).steps.map(\.name)
    }

    /// Layer norm and its gradients, with rows shorter and longer than a tile, and rows of two axes.
    @Test(arguments: [
        ([7, 5], 1), ([3, 4, 50], 1), ([5, 1100], 1), ([3, 7, 6], 2), ([2, 3000], 1), ([1, 9], 1),
    ])
    func layerNorm(_ shape: [Int], _ axes: Int) throws {
        let graph = Graph()
        let own = Array(shape.suffix(axes))
        let x = graph.input("x", shape: shape), c = graph.input("c", shape: shape)
        let scale = graph.input("scale", shape: own), shift = graph.input("shift", shape: own)
        let y = try graph.layerNorm(x, [scale, shift][...], axes: axes, epsilon: 1e-5)
        let nodes = [y] + (try graph.vjp(of: y, cotangent: c, withRespectTo: [x, scale, shift]))
        var random = SplitMix(seed: 5)
        let inputs = [
            "x": random.values(elements(shape)), "c": random.values(elements(shape)),
            "scale": random.values(elements(own)), "shift": random.values(elements(own)),
        ].mapValues { $0.map { Double(Float($0)) } }
        try check(graph, nodes, inputs)
        if shape == [3, 4, 50] { #expect(try steps(graph, [y]) == ["tiles"]) }
    }

    /// Scores with a causal mask, softmax, and what comes back; a residual that both sides of a matrix product read.
    @Test func attentionRows() throws {
        let graph = Graph()
        let shape = [3, 2, 7, 7]
        let s = graph.input("s", shape: shape), c = graph.input("c", shape: shape),
            w = graph.input("w", shape: [7, 7])
        let mask = try graph.lowerTriangle(rows: 7, columns: 7)
        let scaled = try graph.apply(.binary(.mul), [s, graph.constant(0.35)])
        let p = try graph.apply(.maskedSoftmax, [scaled, mask])
        let product = try graph.apply(.matmul(), [p, w])
        let sum = try graph.apply(.binary(.add), [product, p])
        let log = try graph.apply(.softmax(Softmax(isLog: true)), [sum])
        let nodes = [p, log] + (try graph.vjp(of: log, cotangent: c, withRespectTo: [s, w]))
        var random = SplitMix(seed: 6)
        let inputs = ["s": random.values(294), "c": random.values(294), "w": random.values(49)]
            .mapValues { $0.map { Double(Float($0)) } }
        try check(graph, nodes, inputs)
        #expect(try steps(graph, [p]) == ["tiles"])
        #expect(try steps(graph, [log]) == ["tiles", "matmul", "tiles"])
    }

    /// A pass and a product that read each other's results in turn are not one pass: a value used before and after a product.
    @Test func passesDoNotWaitForEachOther() throws {
        let graph = Graph()
        let x = graph.input("x", shape: [9, 6]), w = graph.input("w", shape: [6, 6])
        var h = try graph.apply(.unary(.tanh), [x])
        for _ in 0..<3 {
            let sum = try graph.apply(.sum(axes: [1], keep: true), [h])
            let centred = try graph.apply(.binary(.sub), [h, sum])
            let product = try graph.apply(.matmul(), [centred, w])
            let mixed = try graph.apply(.binary(.mul), [product, centred])
            h = try graph.apply(.binary(.add), [try graph.apply(.unary(.tanh), [mixed]), h])
        }
        var random = SplitMix(seed: 7)
        let inputs = ["x": random.values(54), "w": random.values(36)].mapValues { $0.map { Double(Float($0)) } }
        try check(graph, [h] + (try graph.vjp(of: h, cotangent: x, withRespectTo: [x, w])), inputs)
        #expect(try steps(graph, [h]) == ["tiles", "matmul", "tiles", "matmul", "tiles", "matmul", "tiles"])
    }

    /// One number for each row as a result of its own, beside full values; views of both; rows of one number are none.
    @Test func numbersOfRows() throws {
        let graph = Graph()
        let x = graph.input("x", shape: [4, 3, 5])
        let square = try graph.apply(.unary(.square), [x])
        let sums = try graph.apply(.sum(axes: [2]), [square])
        let roots = try graph.apply(.unary(.sqrt), [sums])
        let flat = try graph.reshape(roots, to: [12])
        let unit = try graph.apply(.binary(.div), [x, try graph.reshape(roots, to: [4, 3, 1])])
        let rows = try graph.apply(
            .binary(.mul), [flat, try graph.reshape(try graph.apply(.max(axes: [2]), [unit]), to: [12])])
        let total = try graph.apply(.sum(), [rows])
        let one = try graph.apply(.sum(axes: [3]), [try graph.reshape(unit, to: [4, 3, 5, 1])])
        var random = SplitMix(seed: 9)
        try check(
            graph, [square, roots, flat, unit, rows, total, one],
            ["x": random.values(60).map { Double(Float($0)) }])
    }

    /// What the backward pass can compute again from what is kept anyway is not kept: of layer norm, x, the mean and 1/deviation.
    @Test func cheapValuesAreComputedAgain() throws {
        let graph = Graph()
        let x = graph.input("x", shape: [40, 64]), w = graph.input("w", shape: [64, 64])
        let scale = graph.input("scale", shape: [64])
        let y = try graph.layerNorm(x, [scale][...], epsilon: 1e-5)
        let z = try graph.apply(.matmul(), [y, w])
        let back = try graph.vjp(of: z, cotangent: z, withRespectTo: [x, scale])
        let program = try Program(graph, outputs: back, precision: .f32, parameters: nil, threads: 1)
        let full = 40 * 64 * 4
        // y, z and its cotangent, and what the scale's gradient sums; not the centred and the normalized x.
        #expect(program.arenaBytes < 4 * full, "\(Double(program.arenaBytes) / Double(full)) tensors")
    }
}
