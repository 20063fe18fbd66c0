import Engine
import PluginTesting
import Testing

/// Networks together against each network alone.
@Suite struct ReplicaTests {
    @Test(arguments: 0..<40)
    func copiesEqualNetworksAlone(_ seed: Int) throws {
        let random = try RandomGraph(seed: UInt64(7000 + seed)), copies = 3
        let graph = random.graph, nodes = random.outputs + random.gradients
        var generator = SplitMix(seed: UInt64(seed))
        let shared = Set(
            random.inputs.keys.filter { $0.last.flatMap(\.wholeNumberValue).map { $0 % 2 == 0 } ?? false })
        let (together, all) = try graph.replicated(nodes, copies: copies, sharing: shared)
        #expect(together.blocks.map(\.name) == graph.blocks.map(\.name))
        let store = ParameterStore(blocks: together.blocks, precision: .f64)
        let stores = (0..<copies).map { store.copies($0..<$0 + 1, of: graph.blocks) }
        for copy in 0..<copies { stores[copy].initialize(seed: UInt64(10 * seed + copy)) }
        let seeds = (0..<copies).map { UInt64(10 * seed + $0) }
        let program = try Program(together, outputs: all, precision: .f64, parameters: store, seeds: seeds)
        program.setStep(5)
        var own = [[String: [Double]]](repeating: random.inputs, count: copies)
        let scalars = [0.3, -0.4, 0.9]
        program.setInput("s", scalars)
        for (name, values) in random.inputs.sorted(by: { $0.key < $1.key }) {
            if shared.contains(name) {
                program.setInput(name, values)
            } else {
                for copy in 0..<copies { own[copy][name] = generator.values(values.count) }
                program.setInput(name, own.flatMap { $0[name] ?? [] })
            }
        }
        program.run()
        let results = all.map(program.copy)
        for copy in 0..<copies {
            let alone = ParameterStore(blocks: graph.blocks, precision: .f64)
            alone.initialize(seed: UInt64(10 * seed + copy))
            #expect(
                graph.blocks.indices.map(alone.copy(block:)) == graph.blocks.indices.map(stores[copy].copy(block:)))
            let expected = try evaluate(
                graph, nodes, own[copy], scalars: ["s": scalars[copy]], parameters: alone, seed: seeds[copy], step: 5)
            for (i, values) in expected.enumerated() {
                let part = Array(results[i][copy * values.count..<(copy + 1) * values.count])
                #expect(agree(part, values, relative: 1e-11), "seed \(seed), copy \(copy), value \(i)")
            }
        }
    }

    /// Tensors of 8 axes, the most that plugins make, have one more in replicas, and another in gradients of samples.
    @Test func copiesOfManyAxes() throws {
        let graph = Graph(), shape = [2, 1, 3, 1, 2, 1, 1, 5]
        let w = try graph.parameter("w", role: .weight, shape: shape, initializer: Initializer(scheme: .normal))
        let x = graph.input("x", shape: shape)
        let swapped = try graph.apply(.permute([4, 1, 7, 3, 0, 5, 6, 2]), [try graph.apply(named: "mul", [x, w])])
        let loss = try graph.reduce("sum", try graph.apply(named: "tanh", [swapped]), axes: nil)
        let gradient = try graph.gradient(of: loss, withRespectTo: [w])[0]
        let each = try graph.batched(
            [gradient], copies: 2, replacing: [x: graph.input("all", shape: [2] + shape)])[0]
        let (together, nodes) = try graph.replicated([each, swapped], copies: 3, sharing: ["all", "x"])
        let store = ParameterStore(blocks: together.blocks, precision: .f64)
        var random = SplitMix(seed: 2)
        let inputs = ["all": random.values(120), "x": random.values(60)]
        for copy in 0..<3 { store.copies(copy..<copy + 1, of: graph.blocks).initialize(seed: UInt64(copy)) }
        let all = try evaluate(together, nodes, inputs, parameters: store)
        for copy in 0..<3 {
            let alone = ParameterStore(blocks: graph.blocks, precision: .f64)
            alone.initialize(seed: UInt64(copy))
            let expected = try evaluate(graph, [each, swapped], inputs, parameters: alone)
            for (a, b) in zip(all, expected) {
                #expect(agree(Array(a[copy * b.count..<(copy + 1) * b.count]), b, relative: 1e-13))
            }
        }
    }

    /// Views of a store: same memory, a network's own blocks, gradients too, copying in and out of precisions.
    @Test func viewsOfCopies() throws {
        let graph = Graph()
        for (name, shape) in [("a", [5, 3]), ("b", [7])] {
            _ = try graph.parameter(name, role: .weight, shape: shape, initializer: Initializer(scheme: .normal))
        }
        let together = try graph.replicated([], copies: 4).graph
        let store = ParameterStore(blocks: together.blocks, precision: .f32)
        let third = store.copies(2..<3, of: graph.blocks), last = store.copies(2..<4, of: graph.blocks)
        third.initialize(seed: 5)
        #expect(third.blocks.map(\.shape) == [[5, 3], [7]] && last.blocks.map(\.shape) == [[2, 5, 3], [2, 7]])
        let alone = ParameterStore(blocks: graph.blocks, precision: .f32)
        alone.initialize(seed: 5)
        #expect(alone.copy(block: 1) == third.copy(block: 1))
        #expect(Array(last.copy(block: 0).prefix(15)) == alone.copy(block: 0))
        #expect(store.copy(block: 0).filter { $0 != 0 }.count == 15)
        let wide = ParameterStore(blocks: graph.blocks, precision: .f64)
        wide.copyValues(from: third)
        #expect(wide.copy(block: 1) == third.copy(block: 1))
        #expect(graph.computesTheSame(as: graph) && !graph.computesTheSame(as: together))
    }

    @Test func firstValuesDoNotMakeAnotherComputation() throws {
        func network(_ scale: Double, _ slope: Double) throws -> Graph {
            let graph = Graph()
            let w = try graph.parameter(
                "w", role: .weight, shape: [3], initializer: Initializer(scheme: .normal, scale: scale))
            _ = try graph.apply(named: "leaky_relu", [w], attributes: ["slope": slope])
            return graph
        }
        #expect(try network(1, 0.1).computesTheSame(as: network(2, 0.1)))
        #expect(try !network(1, 0.1).computesTheSame(as: network(1, 0.2)))
    }
}
