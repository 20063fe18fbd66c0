import Engine
import LinearAlgebra
import Manifests
import PluginHost
import PluginTesting
import Protocols
import Testing

/// A model in plain C that uses all of `syzygy_graph`: built for training and as an evaluation.
@Suite struct GraphServiceTests {
    private static let source = """
        #include <syzygy.h>
        /* out = permute(x + table) of [rows, 2, 3] to [rows, 3, 2], summed over axes {1, 2} after dropout, plus a count of steps */
        syzygy_status model(const syzygy_graph *g, syzygy_node x, int32_t mistake, syzygy_node *out) {
            void *c = g->context;
            const double values[] = {1, 2, 3, 4, 5, 6};
            const int64_t two_three[] = {2, 3}, order[] = {0, 2, 1}, last[] = {1, -1}, one[] = {1};
            if (g->struct_size < sizeof *g) return g->fail(c, "the host is older"), SYZYGY_INVALID;
            syzygy_initializer zero = {"constant", 0};
            syzygy_node count = g->parameter(c, "count", "statistic", one, 1, zero, 0, 0);
            syzygy_node next = g->apply(c, "add", (syzygy_node[]){count, g->constant(c, 1)}, 2, 0, 0);
            if (g->assign(c, mistake == 1 ? x : count, next) != SYZYGY_OK) return SYZYGY_INVALID;
            if (mistake == 2) g->tensor(c, 0, two_three, 2);
            if (mistake == 3) g->random(c, "cauchy", 0, "noise", one, 1);
            if (mistake == 4) g->dropout(c, 99, 0.5, "drop");
            if (mistake == 5) g->shaped(c, "median", x, last, 2);
            syzygy_node h = g->apply(c, "add", (syzygy_node[]){x, g->tensor(c, values, two_three, 2)}, 2, 0, 0);
            h = g->shaped(c, "permute", h, order, 3);
            if (g->is_training(c)) {
                int64_t shape[SYZYGY_MAX_RANK];
                int32_t rank = g->shape(c, h, shape);
                syzygy_node noise = g->random(c, "bernoulli", 0.5, "noise", shape, rank);
                h = g->apply(c, "mul", (syzygy_node[]){h, noise}, 2, 0, 0);
            }
            h = g->dropout(c, h, 0.25, "drop");
            h = g->shaped(c, "sum", h, last, 2);
            *out = g->apply(c, "add", (syzygy_node[]){h, count}, 2, 0, 0);
            return *out < 0 ? SYZYGY_INVALID : SYZYGY_OK;
        }
        """

    private static let component = """
        {"kind": "model", "id": "model", "outputs": [{"id": "output"}],
         "params": [{"id": "mistake", "type": "int", "default": 0, "min": 0, "max": 5}],
         "call": {"symbol": "model", "returns": "status", "args": [
            {"name": "g", "type": "service", "from": "service", "service": "syzygy.graph/1"},
            {"name": "x", "type": "i32", "from": "input"}, {"name": "mistake", "type": "i32", "from": "param"},
            {"name": "out", "type": "i32*", "from": "output", "output": "output"}]},
         "examples": [{"name": "a sum", "given": {"x": {"shape": [1, 2, 3], "data": [1, 0, 0, 0, 0, 2]}},
            "expect": {"output": {"shape": [1], "data": [24]}}}]}
        """

    private static let plugin = Result {
        try TemporaryPlugin(
            source: source, manifest: TemporaryPlugin.manifest(component),
            flags: ["-I\(try Installation.root)/Sources/CSyzygy/include"])
    }

    private func build(isTraining: Bool, mistake: Int = 0) throws -> (graph: Graph, output: Node) {
        let graph = Graph(isTraining: isTraining), shape = [5, 2, 3]
        let field = Field(name: "x", shape: [2, 3])
        let batch = ["x": BatchNode(field: field, node: graph.input("x", shape: shape))]
        let model = try Self.plugin.get().loader.model(
            Choice(component: "model", options: ["mistake": .int(mistake)]))
        return (graph, try #require(try model.build(in: graph, batch: batch)["output"]))
    }

    private let x = (0..<30).map { Double($0 * $0 % 11) - 4 }

    @Test func evaluation() throws {
        let (graph, output) = try build(isTraining: false)
        #expect(graph.assignments.isEmpty && graph.shape(of: output) == [5])
        let store = ParameterStore(blocks: graph.blocks, precision: .f64)
        store.set(block: 0, [10])
        let program = try Program(graph, outputs: [output], precision: .f64, parameters: store)
        program.setInput("x", x)
        program.run()
        #expect(program.copy(output) == (0..<5).map { x[6 * $0..<6 * $0 + 6].reduce(31, +) })
    }

    @Test func training() throws {
        let (graph, output) = try build(isTraining: true)
        let evaluation = try build(isTraining: false).graph
        #expect(graph.blocks.map(\.role) == [.statistic] && graph.blocks == evaluation.blocks)
        let store = ParameterStore(blocks: graph.blocks, precision: .f64)
        let program = try Program(
            graph, outputs: [output], precision: .f64, parameters: store, assignments: graph.assignments, seeds: [8])
        program.setInput("x", x)
        for step in 0..<3 {
            program.setStep(step)
            program.run()
            #expect(store.copy(block: 0) == [Double(step + 1)])
            // The documented streams, by the position in the permuted tensor.
            let noise = bernoulli(0.5, "random/noise/0", step), kept = bernoulli(0.75, "random/drop/0", step)
            let expected = (0..<5).map { row in
                (0..<6).reduce(Double(step)) { sum, k in
                    let (column, line) = (k / 2, k % 2), from = 3 * line + column
                    return sum + (x[6 * row + from] + Double(from + 1)) * noise[6 * row + k] * kept[6 * row + k]
                        / 0.75
                }
            }
            #expect(zip(program.copy(output), expected).allSatisfy { abs($0 - $1) < 1e-12 })
        }
    }

    /// 30 numbers: the upper 24 bits of each 32-bit word of the stream, below the probability or not.
    private func bernoulli(_ probability: Double, _ stream: String, _ step: Int) -> [Double] {
        let stream = Stream(seed: 8, name: stream)
        return (0..<30).map { i in
            let word = stream.bits(step: UInt64(step), index: i / 2) >> (i % 2 == 0 ? 0 : 32) & 0xffff_ffff
            return Double(word >> 8) < probability * 16_777_216 ? 1 : 0
        }
    }

    @Test(arguments: [
        (1, "assign: x [5, 2, 3] is no statistic; only parameters of that role are assigned"),
        (2, "tensor: [2, 3] without values"), (3, "unknown distribution 'cauchy'; known: bernoulli, normal, uniform"),
        (4, "uses node 99, which does not exist"),
        (5, "unknown operation on a list 'median'; did you mean 'mean'?"),
    ])
    func mistakes(_ mistake: Int, sentence: String) {
        #expect(
            performing: { _ = try build(isTraining: true, mistake: mistake) },
            throws: { "\($0)".contains(sentence) })
    }
}
