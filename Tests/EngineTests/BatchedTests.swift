import Engine
import PluginTesting
import Testing

/// Copies made by `Graph.batched` against one evaluation for each copy.
@Suite struct BatchedTests {
    /// Some inputs and parameters differ between copies, the others are shared.
    @Test(arguments: 0..<60)
    func copiesAreIndependent(_ seed: Int) throws {
        let random = try RandomGraph(seed: UInt64(3000 + seed)), copies = 3
        let graph = random.graph, nodes = random.outputs + random.gradients
        var generator = SplitMix(seed: UInt64(seed))
        let store = ParameterStore(blocks: graph.blocks, precision: .f64)
        store.initialize(seed: UInt64(seed))
        var replaced: [Node: Node] = [:], inputs = random.inputs
        var own: [(name: String, values: [Double])] = []
        for name in random.inputs.keys.sorted() where Bool.random(using: &generator) {
            let one = graph.input(name, shape: try #require(random.shapes[name]))
            replaced[one] = graph.input("all.\(name)", shape: [copies] + graph.shape(of: one))
            let values = generator.values(copies * elements(graph.shape(of: one)))
            inputs["all.\(name)"] = values
            own.append((name, values))
        }
        let parameter = random.parameters[1]
        replaced[parameter] = graph.input("all.p", shape: [copies] + graph.shape(of: parameter))
        let weights = generator.values(copies * elements(graph.shape(of: parameter)))
        inputs["all.p"] = weights
        let all = try graph.batched(nodes, copies: copies, replacing: replaced)
        for (one, batched) in zip(nodes, all) {
            #expect(graph.shape(of: batched) == [copies] + graph.shape(of: one))
        }
        let together = try evaluate(graph, all, inputs, scalars: ["s": 0.3], parameters: store)
        for copy in 0..<copies {
            var mine = random.inputs
            for (name, values) in own { mine[name] = slice(values, copy, of: copies) }
            store.set(block: 1, slice(weights, copy, of: copies))
            let alone = try evaluate(graph, nodes, mine, scalars: ["s": 0.3], parameters: store)
            for (a, b) in zip(together, alone) {
                #expect(agree(slice(a, copy, of: copies), b, relative: 1e-11), "seed \(seed), copy \(copy)")
            }
        }
    }

    /// Per-sample gradients: the gradient of one sample's loss, batched over the samples; their mean is the gradient.
    @Test func gradientsOfSamples() throws {
        let graph = Graph()
        let x = graph.input("x", shape: [1, 5]), target = graph.input("t", shape: [1, 3])
        let w = try graph.parameter(
            "w", role: .weight, shape: [3, 5], initializer: Initializer(scheme: .lecun_normal))
        func loss(_ x: Node, _ target: Node) throws -> Node {
            let y = try graph.apply(.unary(.tanh), [try graph.apply(.matmul(transposeB: true), [x, w])])
            let difference = try graph.apply(.binary(.sub), [y, target])
            return try graph.apply(.sum(), [try graph.apply(.unary(.square), [difference])])
        }
        let one = try graph.gradient(of: try loss(x, target), withRespectTo: [w])[0]
        let rows = 7
        let xs = graph.input("xs", shape: [rows, 1, 5]), targets = graph.input("ts", shape: [rows, 1, 3])
        let each = try graph.batched([one], copies: rows, replacing: [x: xs, target: targets])[0]
        let total = try loss(try graph.reshape(xs, to: [rows, 5]), try graph.reshape(targets, to: [rows, 3]))
        let sum = try graph.gradient(of: total, withRespectTo: [w])[0]
        let store = ParameterStore(blocks: graph.blocks, precision: .f64)
        store.initialize(seed: 3)
        var random = SplitMix(seed: 4)
        let results = try evaluate(
            graph, [each, sum], ["xs": random.values(rows * 5), "ts": random.values(rows * 3)], parameters: store)
        let added = (0..<15).map { i in (0..<rows).reduce(0) { $0 + results[0][$1 * 15 + i] } }
        #expect(agree(added, results[1], relative: 1e-13))
        #expect(results[0][0] != results[0][15])
    }

    @Test func whatIsSharedIsRepeated() throws {
        let graph = Graph()
        let x = graph.input("x", shape: [2]), y = graph.input("y", shape: [3])
        let all = try graph.batched([y], copies: 2, replacing: [x: graph.input("xs", shape: [2, 2])])[0]
        #expect(try evaluate(graph, [all], ["y": [1, 2, 3]])[0] == [1, 2, 3, 1, 2, 3])
        #expect(
            message { _ = try graph.batched([y], copies: 2, replacing: [x: y]) }
                == "batched: y [3] is not [2, 2], 2 copies of x [2]")
    }

    private func slice(_ values: [Double], _ copy: Int, of copies: Int) -> [Double] {
        let size = values.count / copies
        return Array(values[copy * size..<(copy + 1) * size])
    }
}
