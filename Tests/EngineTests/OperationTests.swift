import Engine
import PluginTesting
import Testing

/// Every operation with its first and second derivatives: copies, precisions, threads, and the interpreter.
@Suite struct OperationTests {
    /// The value of a case, the gradients of its weighted sum and the gradients of their weighted sum.
    private struct Derived {
        let graph: Graph
        let variables: [Node]
        var nodes: [Node]
        var inputs: [String: [Double]]

        init(_ test: DerivativeCase) throws {
            let graph = Graph(isTraining: test.isTraining)
            var random = SplitMix(seed: 5), inputs: [String: [Double]] = [:]
            let variables = test.shapes.enumerated().map { graph.input("x\($0)", shape: $1) }
            for (i, values) in test.values.values.enumerated() { inputs["x\(i)"] = values }
            func weighted(_ node: Node, _ name: String) throws -> Node {
                inputs[name] = random.values(elements(graph.shape(of: node)), in: 0.5...1.5)
                let weights = graph.input(name, shape: graph.shape(of: node))
                return try graph.apply(.sum(), [try graph.apply(.binary(.mul), [node, weights])])
            }
            let value = try test.function(graph, variables)
            let gradients = try graph.gradient(of: try weighted(value, "w"), withRespectTo: variables)
            let products = try gradients.enumerated().map { try weighted($1, "v\($0)") }
            let sum = try products.reduce(graph.constant(0)) { try graph.apply(.binary(.add), [$0, $1]) }
            nodes = [value] + gradients + (try graph.gradient(of: sum, withRespectTo: variables))
            (self.graph, self.variables, self.inputs) = (graph, variables, inputs)
        }
    }

    /// Each subset of the variables (of more than three: each one, all but it, and all) that differs between three copies.
    @Test(arguments: DerivativeCase.all)
    func copiesEqualOneAfterTheOther(_ test: DerivativeCase) throws {
        let derived = try Derived(test), graph = derived.graph, copies = 3
        let count = derived.variables.count, all = (1 << count) - 1
        let subsets = count <= 3 ? Array(1...all) : (0..<count).flatMap { [1 << $0, all ^ (1 << $0)] } + [all]
        var random = SplitMix(seed: 9)
        for subset in subsets {
            var inputs = derived.inputs, replaced: [Node: Node] = [:]
            var own = [[String: [Double]]](repeating: derived.inputs, count: copies)
            for (i, variable) in derived.variables.enumerated() where subset & (1 << i) != 0 {
                let values = derived.inputs["x\(i)"] ?? []
                replaced[variable] = graph.input("all\(i)", shape: [copies] + test.shapes[i])
                for copy in 0..<copies { own[copy]["x\(i)"] = copy == 0 ? values : values.shuffled(using: &random) }
                inputs["all\(i)"] = own.flatMap { $0["x\(i)"] ?? [] }
            }
            let together = try evaluate(
                graph, try graph.batched(derived.nodes, copies: copies, replacing: replaced), inputs)
            for copy in 0..<copies {
                let alone = try evaluate(graph, derived.nodes, own[copy])
                for (i, (a, b)) in zip(together, alone).enumerated() {
                    let part = Array(a[copy * b.count..<(copy + 1) * b.count])
                    let size = max(1, b.map { abs($0) }.max() ?? 1)
                    #expect(
                        agree(part, b, relative: 1e-11, floor: size),
                        "\(test), value \(i), copy \(copy), subset \(subset)")
                }
            }
        }
    }

    /// The same bits on three threads; f32 within 2e-5 of the largest value of a tensor.
    @Test(arguments: DerivativeCase.all)
    func threadsAndPrecisions(_ test: DerivativeCase) throws {
        let derived = try Derived(test)
        var exact: [[Double]] = []
        for precision in [Precision.f64, .f32] {
            var results: [[[Double]]] = []
            for threads in [1, 3] {
                let program = try Program(
                    derived.graph, outputs: derived.nodes, precision: precision, parameters: nil, threads: threads)
                for (name, values) in derived.inputs { program.setInput(name, values) }
                program.run()
                results.append(derived.nodes.map(program.copy))
            }
            #expect(results[0].map { $0.map(\.bitPattern) } == results[1].map { $0.map(\.bitPattern) }, "\(test)")
            if precision == .f64 { exact = results[0] }
            for (i, (a, b)) in zip(results[0], exact).enumerated() {
                let size = max(1, b.map { abs($0) }.max() ?? 1)
                #expect(agree(a, b, relative: 2e-5, floor: size), "\(test), value \(i) in \(precision)")
            }
        }
    }
}
