import Engine
import PluginTesting
import Testing

@Suite struct RandomGraphTests {
    /// Fusion, reuse of memory and overwriting of operands must not change a value, nor do scans that are written out or run
    /// as loops: against an interpreter that has none of it. Sums run in another order, hence 1e-10.
    @Test(arguments: 0..<250)
    func programsEqualTheInterpreter(_ seed: Int) throws {
        let random = try RandomGraph(seed: UInt64(seed))
        let graph = random.graph
        let store = ParameterStore(blocks: graph.blocks, precision: .f64)
        store.initialize(seed: UInt64(seed))
        var interpreter = Interpreter(
            graph: graph, inputs: random.inputs, scalars: ["s": 0.3], seed: UInt64(seed), step: 7)
        interpreter.parameters = graph.blocks.indices.map(store.copy(block:))

        let program = try Program(
            graph, outputs: random.outputs,
            gradients: Array(zip(random.parameters, random.gradients)).map { ($0, $1) },
            precision: .f64, parameters: store, assignments: graph.assignments, seeds: [UInt64(seed)],
            unrolledOperations: seed % 2 == 0 ? Graph.unrolledOperations : 0)
        for (name, values) in random.inputs { program.setInput(name, values) }
        program.setScalar("s", 0.3)
        program.setStep(7)
        program.run()
        let trained = random.parameters.indices
        let first = random.outputs.map(program.copy) + trained.map(store.copyGradient(block:))
        let expected = interpreter.values(of: random.outputs + random.gradients)
        for (i, values) in first.enumerated() {
            #expect(agree(values, expected[i], relative: 1e-10), "seed \(seed), value \(i) of \(first.count)")
        }
        // Statistics have their new values, which nothing but the next ones reads.
        for (assigned, value) in zip(graph.assignments, interpreter.values(of: graph.assignments.map(\.value))) {
            #expect(agree(store.copy(block: assigned.block), value, relative: 1e-10), "seed \(seed)")
        }
        // Once more with stale memory: the same bits.
        program.run()
        let second = random.outputs.map(program.copy) + trained.map(store.copyGradient(block:))
        #expect(
            zip(first, second).allSatisfy { $0.map(\.bitPattern) == $1.map(\.bitPattern) }, "seed \(seed), second run"
        )
        // Parameters and the gaps between blocks are untouched.
        #expect(trained.map(store.copy(block:)) == Array(interpreter.parameters.prefix(trained.count)))
        let gaps = store.gradients.assumingMemoryBound(to: Double.self)
        for block in graph.blocks {
            #expect((block.offset + block.count..<block.end).allSatisfy { gaps[$0] == 0 })
        }
    }

    /// f32 follows f64 within 2e-5 of the largest value of a tensor: these graphs are up to about 30 operations deep.
    @Test(arguments: 0..<60)
    func singleFollowsDoublePrecision(_ seed: Int) throws {
        let random = try RandomGraph(seed: UInt64(1000 + seed), isSmooth: true)
        let graph = random.graph
        let wide = ParameterStore(blocks: graph.blocks, precision: .f64)
        wide.initialize(seed: UInt64(seed))
        let narrow = ParameterStore(blocks: graph.blocks, precision: .f32)
        narrow.copyValues(from: wide)
        let nodes = random.outputs + random.gradients
        let exact = try evaluate(graph, nodes, random.inputs, scalars: ["s": 0.3], parameters: wide)
        let single = try evaluate(
            graph, nodes, random.inputs, scalars: ["s": 0.3], precision: .f32, parameters: narrow)
        for (a, b) in zip(single, exact) {
            #expect(agree(a, b, relative: 2e-5, floor: max(1, b.map { abs($0) }.max() ?? 1)), "seed \(seed)")
        }
    }
}
