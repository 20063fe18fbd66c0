import Engine
import PluginTesting
import Testing

/// Jacobians and their products against each other and against differences.
@Suite struct JacobianTests {
    /// Dense by rows (fewer outputs), by columns (fewer inputs), and PyTorch's for one row of the reference.
    @Test func denseJacobians() throws {
        let r = try DerivativeReference(rows: 1), g = r.graph
        let byRows = try g.jacobian(of: r.logits, withRespectTo: r.x)
        #expect(g.shape(of: byRows) == [1, 3, 1, 5])
        let row = Array(DerivativeReference.batch[10..<15])
        let values = try evaluate(g, [byRows], ["x": row], scalars: DerivativeReference.scalars, parameters: r.store)[
            0]
        #expect(agree(values, try #require(DerivativeReference.values["jacobian_of_input_2"]), relative: 1e-11))

        // y = f(x) with 2 inputs and 7 x 3 outputs: columns, against rows of the same.
        let graph = Graph()
        let x = graph.input("x", shape: [2]), w = graph.input("w", shape: [7, 3, 2])
        let y = try graph.apply(named: "tanh", [graph.apply(.sum(axes: [2]), [graph.apply(named: "mul", [w, x])])])
        let dense = try graph.jacobian(of: y, withRespectTo: x)
        #expect(graph.shape(of: dense) == [7, 3, 2])
        let rows = try graph.jacobianRows(of: y, withRespectTo: [x], count: 21)[0]
        var random = SplitMix(seed: 1)
        let both = try evaluate(graph, [dense, rows], ["x": [0.3, -0.8], "w": random.values(42)])
        #expect(agree(both[0], both[1], relative: 1e-14) && both[0].map(abs).max() ?? 0 > 0.1)
        // Of a number, of itself, of what it does not depend on.
        let sum = try graph.apply(.sum(), [y]), z = graph.input("z", shape: [5])
        let special = try [
            graph.jacobian(of: sum, withRespectTo: x), graph.gradient(of: sum, withRespectTo: [x])[0],
            graph.jacobian(of: x, withRespectTo: x), graph.jacobian(of: x, withRespectTo: z),
        ]
        let results = try evaluate(graph, special, ["x": [0.3, -0.8], "w": random.values(42)])
        #expect(agree(results[0], results[1], relative: 1e-14))
        #expect(results[2] == [1, 0, 0, 1] && results[3] == [Double](repeating: 0, count: 10))
    }

    @Test func tooLargeJacobians() throws {
        let graph = Graph(), n = 1 << 21
        let x = graph.input("x", shape: [n])
        let y = try graph.apply(named: "tanh", [x])
        #expect(
            message { _ = try graph.jacobian(of: y, withRespectTo: x) }
                == "jacobian: [\(n), \(n)] has more than 2^40 elements")
        // The result would fit; what is between does not.
        let total = try graph.apply(.sum(), [y])
        #expect(
            message { _ = try graph.batched([total], copies: n, replacing: [x: graph.input("all", shape: [n, n])]) }
                == "\(n) copies of tanh: [\(n), \(n)] has more than 2^40 elements")
    }

    /// Blocks of rows and of columns by programs that are told where to begin.
    @Test func blocks() throws {
        let r = try DerivativeReference(), g = r.graph, begin = g.scalar("begin")
        let whole = try r.values(g.jacobianRows(of: r.logits, withRespectTo: [r.parameters[2]], count: 18))[0]
        let rows = try g.jacobianRows(of: r.logits, withRespectTo: [r.parameters[2]], count: 5, from: begin)[0]
        let columns = try g.jacobianColumns(of: [r.logits], withRespectTo: [r.parameters[2]], count: 4, from: begin)[
            0]
        let program = try Program(g, outputs: [rows, columns], precision: .f64, parameters: r.store)
        for (name, values) in r.inputs { program.setInput(name, values) }
        program.setScalar("s", 0.3)
        program.setScalar("begin", 7)
        program.run()
        #expect(agree(program.copy(rows), Array(whole[7 * 28..<12 * 28]), relative: 1e-13))
        let transposed = (7..<11).flatMap { column in (0..<18).map { whole[$0 * 28 + column] } }
        #expect(agree(program.copy(columns), transposed, relative: 1e-13))
    }

    /// On graphs of any operations: u · (J v) = v · (Jᵀ u), J v by differences, and products with dense rows.
    @Test(arguments: 0..<60)
    func randomGraphs(_ seed: Int) throws {
        let random = try RandomGraph(seed: UInt64(5000 + seed), isSmooth: seed % 2 == 0), graph = random.graph
        var generator = SplitMix(seed: UInt64(seed))
        let store = ParameterStore(blocks: graph.blocks, precision: .f64)
        store.initialize(seed: UInt64(seed))
        var inputs = random.inputs
        func vector(_ name: String, like node: Node) -> Node {
            inputs[name] = generator.values(elements(graph.shape(of: node)))
            return graph.input(name, shape: graph.shape(of: node))
        }
        let tangents = random.parameters.enumerated().map { ($1, vector("v\($0)", like: $1)) }
        // Not the gradients: their differences need third derivatives at kinks.
        let outputs = Array(Set(random.outputs.prefix(5))).sorted { $0.id < $1.id }
        let cotangents = outputs.enumerated().map { ($1, vector("u\($0)", like: $1)) }
        let forward = try graph.jvp(of: outputs, along: tangents)
        let backward = try graph.vjp(of: cotangents, withRespectTo: random.parameters)
        let count = min(4, elements(graph.shape(of: outputs[0])))
        let rows = try graph.jacobianRows(of: outputs[0], withRespectTo: random.parameters, count: count)
        #expect(graph.names(forward).filter { $0.hasPrefix("cotangent") } == [])
        let nodes = forward + backward + rows
        let values = try evaluate(graph, nodes, inputs, scalars: ["s": 0.3], parameters: store)
        func dot(_ a: [Double], _ b: [Double]?) -> Double { zip(a, b ?? []).reduce(0) { $0 + $1.0 * $1.1 } }
        let left = outputs.indices.reduce(0.0) { $0 + dot(values[$1], inputs["u\($1)"]) }
        let right = tangents.indices.reduce(0.0) { $0 + dot(values[outputs.count + $1], inputs["v\($1)"]) }
        #expect(abs(left - right) <= 1e-10 * max(1, abs(left)), "seed \(seed): \(left), \(right)")
        for row in 0..<count {
            var product = 0.0
            for (i, parameter) in random.parameters.enumerated() {
                let size = elements(graph.shape(of: parameter))
                let rows = values[outputs.count + tangents.count + i]
                product += dot(Array(rows[row * size..<(row + 1) * size]), inputs["v\(i)"])
            }
            #expect(abs(product - values[0][row]) <= 1e-10 * max(1, abs(product)), "seed \(seed), row \(row)")
        }

        guard random.isSmooth else { return }
        let program = try Program(graph, outputs: outputs, precision: .f64, parameters: store)
        for (name, values) in random.inputs { program.setInput(name, values) }
        program.setScalar("s", 0.3)
        let start = random.parameters.indices.map(store.copy(block:)), step = 1e-4
        func at(_ offset: Double) -> [[Double]] {
            for (block, values) in start.enumerated() {
                store.set(block: block, zip(values, inputs["v\(block)"] ?? []).map { $0 + offset * step * $1 })
            }
            program.run()
            return outputs.map(program.copy)
        }
        let (a, b, c, d) = (at(-2), at(-1), at(1), at(2))
        for k in outputs.indices {
            let scale = max(1, values[k].map(abs).max() ?? 0)
            for i in values[k].indices {
                let numeric = (a[k][i] - 8 * b[k][i] + 8 * c[k][i] - d[k][i]) / (12 * step)
                #expect(abs(numeric - values[k][i]) <= 1e-6 * scale, "seed \(seed), output \(k)[\(i)]")
            }
        }
    }
}
