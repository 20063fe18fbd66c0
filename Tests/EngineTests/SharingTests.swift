import Engine
import Glibc
import PluginTesting
import Testing

@Suite struct SharingTests {
    private struct Values: Equatable {
        var bits: [[UInt64]]
    }

    /// Outputs and gradients after `run`, as bits.
    private func bits(_ random: RandomGraph, _ program: Program, _ store: ParameterStore) -> [[UInt64]] {
        let values = random.outputs.map(program.copy) + store.blocks.indices.map(store.copyGradient(block:))
        return values.map { $0.map(\.bitPattern) }
    }

    private func compiled(_ random: RandomGraph, _ seed: Int, threads: Int, _ precision: Precision)
        throws -> (Program, ParameterStore)
    {
        let store = ParameterStore(blocks: random.graph.blocks, precision: precision)
        store.initialize(seed: UInt64(seed))
        let program = try Program(
            random.graph, outputs: random.outputs,
            gradients: Array(zip(random.parameters, random.gradients)).map { ($0, $1) }, precision: precision,
            parameters: store, threads: threads)
        for (name, values) in random.inputs { program.setInput(name, values) }
        program.setScalar("s", 0.3)
        return (program, store)
    }

    @Test(arguments: 0..<120)
    func everyNumberOfThreadsGivesTheSameBits(_ seed: Int) throws {
        let random = try RandomGraph(seed: UInt64(seed))
        let precision: Precision = seed % 2 == 0 ? .f64 : .f32
        let (one, store) = try compiled(random, seed, threads: 1, precision)
        one.run()
        let expected = bits(random, one, store)
        var order = SplitMix(seed: UInt64(seed))
        for threads in [2, 3, 5] {
            let (program, store) = try compiled(random, seed, threads: threads, precision)
            #expect(program.conflicts() == [], "seed \(seed), \(threads) threads")
            #expect(program.unevenSteps() == [], "seed \(seed), \(threads) threads")
            program.run()
            #expect(bits(random, program, store) == expected, "seed \(seed), \(threads) threads")
            for _ in 0..<3 {
                program.runInterleaved(&order)
                #expect(bits(random, program, store) == expected, "seed \(seed), \(threads) threads, interleaved")
            }
        }
    }
}
