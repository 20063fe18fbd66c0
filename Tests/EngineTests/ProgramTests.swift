import Engine
import PluginTesting
import Testing

@Suite struct ProgramTests {
    /// y = x Wᵀ + b with a mean-square loss: 7 rows, 5 features, 3 outputs.
    private struct Linear {
        let graph = Graph()
        let x, target, weight, bias, output, loss: Node
        let gradients: [(parameter: Node, gradient: Node)]

        init(rows: Int = 7) throws {
            x = graph.input("x", shape: [rows, 5])
            target = graph.input("t", shape: [rows, 3])
            weight = try graph.parameter(
                "w", role: .weight, shape: [3, 5], initializer: Initializer(scheme: .lecun_normal))
            bias = try graph.parameter(
                "b", role: .bias, shape: [3], initializer: Initializer(scheme: .constant, scale: 0.1))
            let product = try graph.apply(.matmul(transposeB: true), [x, weight])
            output = try graph.apply(.binary(.add), [product, bias])
            try graph.layer("fc", input: x, weight: weight, bias: bias, output: product)
            let difference = try graph.apply(.binary(.sub), [output, target])
            loss = try graph.apply(.mean(), [try graph.apply(.unary(.square), [difference])])
            let nodes = try graph.gradient(of: loss, withRespectTo: [weight, bias])
            gradients = [(weight, nodes[0]), (bias, nodes[1])]
        }
    }

    private func fill(_ program: Program, rows: Int = 7) {
        var random = SplitMix(seed: 2)
        program.setInput("x", random.values(rows * 5))
        program.setInput("t", random.values(rows * 3))
    }

    @Test(arguments: Precision.allCases)
    func gradientsGoStraightToTheStore(_ precision: Precision) throws {
        let net = try Linear()
        let store = ParameterStore(blocks: net.graph.blocks, precision: precision)
        store.initialize(seed: 4)
        let program = try Program(
            net.graph, outputs: [net.loss], gradients: net.gradients, precision: precision, parameters: store)
        fill(program)
        program.run()
        let outputs = try Program(
            net.graph, outputs: net.gradients.map(\.gradient), precision: precision, parameters: store)
        fill(outputs)
        outputs.run()
        #expect(store.copyGradient(block: 0) == outputs.copy(net.gradients[0].gradient))
        #expect(store.copyGradient(block: 1) == outputs.copy(net.gradients[1].gradient))
        #expect(store.copyGradient(block: 0).contains { $0 != 0 })
        // A step against the gradient lowers the loss, through the same store and without a new program.
        let before = program.scalar(net.loss)
        for index in 0..<2 {
            store.set(
                block: index, zip(store.copy(block: index), store.copyGradient(block: index)).map { $0 - 0.01 * $1 })
        }
        program.run()
        #expect(program.scalar(net.loss) < before)
    }

    @Test func programsOfOtherBatchesShareAStore() throws {
        let training = try Linear(rows: 7), evaluation = try Linear(rows: 2)
        let store = ParameterStore(blocks: training.graph.blocks, precision: .f64)
        store.initialize(seed: 1)
        let a = try Program(training.graph, outputs: [training.output], precision: .f64, parameters: store)
        let b = try Program(evaluation.graph, outputs: [evaluation.output], precision: .f64, parameters: store)
        fill(a)
        a.run()
        b.setInput(
            "x",
            Array(UnsafeBufferPointer(start: a.inputBuffer("x")?.assumingMemoryBound(to: Double.self), count: 10)))
        b.run()
        #expect(agree(b.copy(evaluation.output), Array(a.copy(training.output).prefix(6)), relative: 1e-14))
        store.set(block: 1, [10, 20, 30])
        b.run()
        #expect(b.copy(evaluation.output)[2] - a.copy(training.output)[2] > 29)
    }

    @Test func equalGradientsGoToBothParameters() throws {
        // loss = Σ (p + q) c: both gradients are c, one of them an input itself; and p's is an output too.
        let graph = Graph()
        let p = try graph.parameter("p", role: .other, shape: [5], initializer: Initializer(scheme: .constant))
        let q = try graph.parameter("q", role: .other, shape: [5], initializer: Initializer(scheme: .constant))
        let r = try graph.parameter("r", role: .other, shape: [5], initializer: Initializer(scheme: .constant))
        let c = graph.input("c", shape: [5])
        let loss = try graph.apply(
            .sum(), [try graph.apply(named: "mul", [try graph.apply(named: "add", [p, q]), c])])
        let gradients = try graph.gradient(of: loss, withRespectTo: [p, q, r])
        let scaled = try graph.apply(named: "mul", [gradients[0], graph.scalar("s")])
        let store = ParameterStore(blocks: graph.blocks, precision: .f32)
        let program = try Program(
            graph, outputs: [scaled], gradients: [(p, scaled), (q, scaled), (r, gradients[2])], precision: .f32,
            parameters: store)
        program.setInput("c", [1, 2, 3, 4, 5])
        program.setScalar("s", 2)
        for _ in 0..<2 {
            program.run()
            #expect(
                store.copyGradient(block: 0) == [2, 4, 6, 8, 10] && store.copyGradient(block: 1) == [2, 4, 6, 8, 10])
            #expect(store.copyGradient(block: 2) == [0, 0, 0, 0, 0])
            #expect(program.copy(scaled) == [2, 4, 6, 8, 10])
            // Whoever adds to the gradient buffer (a regularizer) changes neither outputs nor the next run.
            for i in 0..<3 { store.gradients.assumingMemoryBound(to: Float.self)[i * 16] += 7 }
        }
    }

    @Test func outputsOfEveryKind() throws {
        let graph = Graph()
        let x = graph.input("x", shape: [2, 3])
        let p = try graph.parameter(
            "p", role: .other, shape: [2], initializer: Initializer(scheme: .constant, scale: 3))
        let flat = try graph.reshape(x, to: [6]), constant = try graph.broadcast(graph.constant(0.5), to: [2, 2])
        let y = try graph.apply(.unary(.exp), [x]), z = try graph.apply(.unary(.neg), [y])
        let s = graph.scalar("s"), hot = try graph.oneHot(p, classes: 4)
        let store = ParameterStore(blocks: graph.blocks, precision: .f64)
        store.initialize(seed: 0)
        let program = try Program(
            graph, outputs: [x, p, flat, constant, y, z, s, hot], precision: .f64, parameters: store)
        program.setInput("x", [0, 1, 0, 0, 0, 0])
        program.setScalar("s", -4)
        program.run()
        #expect(program.copy(x) == [0, 1, 0, 0, 0, 0] && program.copy(flat) == program.copy(x))
        #expect(program.copy(p) == [3, 3] && program.copy(constant) == [0.5, 0.5, 0.5, 0.5])
        #expect(program.copy(y)[0] == 1 && program.copy(z)[0] == -1 && program.scalar(s) == -4)
        #expect(program.copy(hot) == [0, 0, 0, 1, 0, 0, 0, 1])
        #expect(program.inputBuffer("unused") == nil)
    }

    @Test func memoryIsReused() throws {
        // 40 layers in a row need two buffers of [64, 32] f32 (a product cannot overwrite its operand; tanh can).
        let graph = Graph()
        let w = graph.input("w", shape: [32, 32])
        var h = graph.input("x", shape: [64, 32])
        for _ in 0..<40 { h = try graph.apply(.unary(.tanh), [try graph.apply(.matmul(), [h, w])]) }
        let program = try Program(graph, outputs: [h], precision: .f32, parameters: nil)
        #expect(program.arenaBytes == 2 * 64 * 32 * 4)
        #expect(program.flops == 40 * Double(2 * 64 * 32 * 32 + 64 * 32))
    }

    @Test func deadAndRepeatedWorkIsDropped() throws {
        let graph = Graph()
        let x = graph.input("x", shape: [7, 5]), unused = graph.input("unused", shape: [900, 900])
        _ = try graph.apply(.matmul(), [unused, unused])
        let once = try graph.apply(.unary(.tanh), [x]), twice = try graph.apply(.unary(.tanh), [x])
        #expect(once == twice)
        let constant = try graph.apply(.unary(.exp), [try graph.broadcast(graph.constant(1), to: [7, 5])])
        let y = try graph.apply(.binary(.add), [try graph.apply(.binary(.add), [once, twice]), constant])
        let program = try Program(graph, outputs: [y], precision: .f64, parameters: nil)
        #expect(program.inputBuffer("unused") == nil)
        #expect(program.flops == 35 * 3)  // tanh, add, add; exp(1) was computed once
    }

    @Test func sameBitsEveryTime() throws {
        let net = try Linear()
        let results = try (0..<2).map { _ in
            let store = ParameterStore(blocks: net.graph.blocks, precision: .f32)
            store.initialize(seed: 8)
            let program = try Program(
                net.graph, outputs: [net.loss], gradients: net.gradients, precision: .f32, parameters: store)
            fill(program)
            program.run()
            return store.copyGradient(block: 0) + [program.scalar(net.loss)]
        }
        #expect(results[0] == results[1])
    }
}
