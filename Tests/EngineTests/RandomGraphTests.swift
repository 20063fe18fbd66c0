import Engine
import PluginTesting
import Testing

/// Graphs drawn at random from every operation, whose values stay moderate.
struct RandomGraph {
    let graph = Graph(isTraining: true)
    var inputs: [String: [Double]] = [:]
    var shapes: [String: [Int]] = [:]
    var outputs: [Node] = []
    var parameters: [Node] = []
    var gradients: [Node] = []

    init(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        let sizes = [[3, 5], [5], [3, 1], [5, 4], [3, 4], [], [2, 3, 5], [700], [1, 5]]
        var pool: [Node] = []
        for (i, shape) in sizes.enumerated() {
            pool.append(graph.input("x\(i)", shape: shape))
            inputs["x\(i)"] = random.values(elements(shape))
            shapes["x\(i)"] = shape
        }
        for shape in [[4, 5], [5], [3, 5]] {
            let parameter = try graph.parameter(
                "p\(parameters.count)", role: .weight, shape: shape, initializer: Initializer(scheme: .normal))
            parameters.append(parameter)
            pool.append(parameter)
        }
        pool.append(graph.constant(0.7))
        pool.append(graph.scalar("s"))
        for _ in 0..<36 {
            let a = pool.randomElement(using: &random) ?? pool[0]
            if let node = try draw(a, pool, &random) { pool.append(node) }
        }
        for parameter in parameters { pool.append(parameter) }
        outputs = (0..<3).map { _ in pool.randomElement(using: &random) ?? pool[0] } + [pool[pool.count - 4]]
        // A loss that reaches all of it, and its gradients.
        var loss = graph.constant(0)
        for node in outputs + parameters {
            let mean = try graph.apply(named: "mean", [try graph.apply(named: "tanh", [node])])
            loss = try graph.apply(named: "add", [loss, mean])
        }
        gradients = try graph.gradient(of: loss, withRespectTo: parameters)
        outputs.append(loss)
        if Bool.random(using: &random) { outputs.append(gradients[1]) }
    }

    /// Has comparisons, whose values jump.
    var hasSteps: Bool {
        (0..<graph.nodeCount).contains { id in
            guard case .operation(let operation, _) = graph.definition(of: Node(id: id)) else { return false }
            return [
                .unary(.step), .unary(.sign), .unary(.floor), .binary(.greater), .binary(.greaterEqual),
                .binary(.equal),
            ].contains(operation)
        }
    }

    /// An operation on `a` and other nodes that fit; values are kept away from poles and overflow.
    private func draw(_ a: Node, _ pool: [Node], _ random: inout SplitMix) throws -> Node? {
        let shape = graph.shape(of: a)
        func apply(_ name: String, _ inputs: Node..., attributes: [String: Double] = [:]) throws -> Node {
            try graph.apply(named: name, inputs, attributes: attributes)
        }
        let b = pool.randomElement(using: &random) ?? a, c = pool.randomElement(using: &random) ?? a
        switch Int.random(in: 0..<28, using: &random) {
        case 0, 1, 2:
            let names = [
                "tanh", "sigmoid", "relu", "sin", "cos", "neg", "abs", "sign", "step", "softplus", "erf",
                "normal_cdf",
                "gelu", "silu", "leaky_relu", "stop_gradient", "softsign", "mish", "hard_tanh", "gelu_tanh",
                "selu", "elu",
            ]
            return try apply(names.randomElement(using: &random) ?? "tanh", a)
        case 3: return try apply("sqrt", try apply("add", try apply("square", a), graph.constant(1)))
        case 4: return try apply("exp", try apply("tanh", a))
        case 5: return try apply("log", try apply("add", try apply("abs", a), graph.constant(0.5)))
        case 6, 7, 8:
            let names = [
                "add", "sub", "mul", "maximum", "minimum", "greater", "add", "sub", "mul", "maximum", "less_equal",
            ]
            let name = names.randomElement(using: &random) ?? "add"
            guard elements(graph.shape(of: b)) < 800, elements(shape) * elements(graph.shape(of: b)) < 40_000 else {
                return nil
            }
            guard let node = try? apply(name, try apply("tanh", a), b) else { return nil }
            return elements(graph.shape(of: node)) < 4_000 ? node : nil
        case 9:
            guard let node = try? apply("div", a, try apply("add", try apply("square", b), graph.constant(0.8)))
            else { return nil }
            return elements(graph.shape(of: node)) < 4_000 ? node : nil
        case 10:
            guard let node = try? apply("select", try apply("step", a), b, c) else { return nil }
            return elements(graph.shape(of: node)) < 4_000 ? node : nil
        case 11:
            let flags = [
                "transpose_a": Double(Int.random(in: 0...1, using: &random)),
                "transpose_b": Double(Int.random(in: 0...1, using: &random)),
            ]
            return try? apply("matmul", try apply("tanh", a), try apply("tanh", b), attributes: flags)
        case 12:
            guard !shape.isEmpty else { return nil }
            let name = ["sum", "mean", "max", "min", "var", "logsumexp"].randomElement(using: &random) ?? "sum"
            let axis = Int.random(in: 0..<shape.count, using: &random)
            return try apply(
                name, a, attributes: ["axis": Double(axis), "keep": Double(Int.random(in: 0...1, using: &random))])
        case 13:
            guard shape.count == 2 else { return try graph.reshape(a, to: [elements(shape)]) }
            return Bool.random(using: &random)
                ? try apply("transpose", a) : try graph.reshape(a, to: [shape[1], shape[0]])
        case 14:
            guard !shape.isEmpty else { return try graph.broadcast(a, to: [3, 5]) }
            return try apply(Bool.random(using: &random) ? "softmax" : "log_softmax", a)
        case 15:
            let x = try apply("tanh", a)
            return try apply(["expm1", "log1p"].randomElement(using: &random) ?? "", try apply("abs", x))
        case 16:
            let x = try apply("add", try apply("abs", a), graph.constant(0.5))
            let exponent: Double = [-1.5, 0.5, 3.0, 0.7].randomElement(using: &random) ?? 1.0
            return Bool.random(using: &random)
                ? try apply("rsqrt", x) : try apply("pow", try apply("tanh", x), graph.constant(exponent))
        default: return try drawPieces(a, b, &random)
        }
    }

    /// An operation that moves, chooses or normalizes elements.
    private func drawPieces(_ a: Node, _ b: Node, _ random: inout SplitMix) throws -> Node? {
        let shape = graph.shape(of: a)
        guard !shape.isEmpty else {
            return try graph.stack([a, a, b].filter { graph.shape(of: $0).isEmpty }, axis: 0)
        }
        let axis = Int.random(in: 0..<shape.count, using: &random), size = shape[axis], last = shape[shape.count - 1]
        func apply(_ name: String, _ inputs: Node..., attributes: [String: Double] = [:]) throws -> Node {
            try graph.apply(named: name, inputs, attributes: attributes)
        }
        func numbers(_ shape: [Int], below n: Int) throws -> Node {
            let values = (0..<elements(shape)).map { _ in Double(Int.random(in: 0..<n, using: &random)) }
            return try graph.constant(values, shape: shape)
        }
        let isFlagged = Bool.random(using: &random), isSmall = elements(shape) < 300
        switch Int.random(in: 0..<11, using: &random) {
        case 0:
            let begin = Int.random(in: 0..<size, using: &random), step = Int.random(in: 1...3, using: &random)
            return try graph.slice(a, axis: axis, begin: begin, step: step)
        case 1:
            guard isSmall else { return nil }
            return try graph.pad(a, axis: axis, before: isFlagged ? 2 : 0, after: 1)
        case 2:
            guard isSmall, let joined = try? graph.concat(isFlagged ? [a, b] : [b, a, a], axis: axis) else {
                return isSmall ? try graph.concat([a, a], axis: axis) : nil
            }
            return elements(graph.shape(of: joined)) < 2000 ? joined : nil
        case 3:
            let chosen = try numbers(isFlagged ? [4] : [2, 2], below: shape[0])
            return shape.count < 4 && isSmall ? try graph.gather(a, chosen) : nil
        case 4:
            let leading = Array(shape.dropLast())
            return try graph.takeAlong(a, try numbers(isFlagged ? leading : leading + [3], below: last))
        case 5:
            return try graph.scatterAdd(try numbers([shape[0]], below: 4), a, rows: 4)
        case 6 where Bool.random(using: &random):
            let name = isFlagged ? "cumprod" : "prod"
            return size < 10 ? try apply(name, try apply("tanh", a), attributes: ["axis": Double(axis)]) : nil
        case 6:
            return try graph.cumulativeSum(
                try apply("tanh", a), axis: axis, isExclusive: isFlagged, isReverse: Bool.random(using: &random))
        case 7:
            let rows = shape.count > 1 ? shape[shape.count - 2] : 1
            let offset = Int.random(in: -1...2, using: &random)
            let mask = try graph.lowerTriangle(rows: rows, columns: last, offset: offset)
            return try apply("softmax", a, shape.count > 1 ? mask : try graph.reshape(mask, to: [last]))
        case 8:
            return try apply(isFlagged ? "layer_norm" : "rms_norm", a, attributes: ["epsilon": 0.1])
        case 9:
            return try graph.apply(.permute(shape.indices.shuffled(using: &random)), [a])
        default:
            return try graph.dropout(a, rate: isFlagged ? 0.3 : 0.7, stream: "test")
        }
    }
}

@Suite struct RandomGraphTests {
    /// Fusion, reuse of memory and overwriting of operands must not change a value: against an interpreter that has none.
    /// Sums run in another order, hence 1e-10.
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
            precision: .f64, parameters: store, seeds: [UInt64(seed)])
        for (name, values) in random.inputs { program.setInput(name, values) }
        program.setScalar("s", 0.3)
        program.setStep(7)
        program.run()
        let first = random.outputs.map(program.copy) + graph.blocks.indices.map(store.copyGradient(block:))
        let expected = interpreter.values(of: random.outputs + random.gradients)
        for (i, values) in first.enumerated() {
            #expect(agree(values, expected[i], relative: 1e-10), "seed \(seed), value \(i) of \(first.count)")
        }
        // Once more with stale memory: the same bits.
        program.run()
        let second = random.outputs.map(program.copy) + graph.blocks.indices.map(store.copyGradient(block:))
        #expect(
            zip(first, second).allSatisfy { $0.map(\.bitPattern) == $1.map(\.bitPattern) }, "seed \(seed), second run"
        )
        // Parameters and the gaps between blocks are untouched.
        #expect(graph.blocks.indices.map(store.copy(block:)) == interpreter.parameters)
        let gaps = store.gradients.assumingMemoryBound(to: Double.self)
        for block in graph.blocks {
            #expect((block.offset + block.count..<block.end).allSatisfy { gaps[$0] == 0 })
        }
    }

    /// f32 follows f64 within 2e-5 of the largest value of a tensor: these graphs are up to about 30 operations deep.
    @Test(arguments: 0..<60)
    func singleFollowsDoublePrecision(_ seed: Int) throws {
        let random = try RandomGraph(seed: UInt64(1000 + seed))
        let graph = random.graph
        // Comparisons and kinks may fall on either side: such graphs are left to the test above.
        if random.hasSteps { return }
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
