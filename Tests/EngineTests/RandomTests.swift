import Engine
import Glibc
import PluginTesting
import Testing

/// Random tensors and dropout: what they are, and what they depend on.
@Suite struct RandomTests {
    private func run(
        _ graph: Graph, _ nodes: [Node], _ precision: Precision = .f64, seed: UInt64 = 3, step: Int = 0,
        threads: Int = 1
    ) throws -> [[Double]] {
        let program = try Program(
            graph, outputs: nodes, precision: precision, parameters: nil, seeds: [seed], threads: threads)
        program.setStep(step)
        program.run()
        return nodes.map(program.copy)
    }

    /// The numbers of the documented streams, in both precisions, on any number of threads.
    @Test(arguments: [[7, 5], [3], [130, 3], [2, 700]])
    func numbersOfStreams(_ shape: [Int]) throws {
        let graph = Graph(isTraining: true)
        let nodes = try [Random.Distribution.uniform, .normal, .bernoulli(0.3), .bernoulli(1.0 / 3)].map {
            try graph.random($0, stream: "noise", shape: shape)
        }
        for step in [0, 1, 1 << 33] {
            let expected = Interpreter(graph: graph, seed: 3, step: UInt64(step)).values(of: nodes)
            for threads in [1, 3] {
                #expect(try run(graph, nodes, step: step, threads: threads) == expected)
                let single = try run(graph, nodes, .f32, step: step, threads: threads)
                #expect(single[0] == expected[0] && single[2] == expected[2] && single[3] == expected[3])
                #expect(single[1] == expected[1].map { Double(Float($0)) })
            }
        }
    }

    /// Another seed, step, name or use of a name: other numbers. Other nodes: the same.
    @Test func addresses() throws {
        func numbers(_ stream: String, use: Int = 0, seed: UInt64 = 3, step: Int = 0, others: Bool = false) throws
            -> [Double]
        {
            let graph = Graph(isTraining: true)
            if others { _ = try graph.random(.normal, stream: "other", shape: [5]) }
            let nodes = try (0...use).map { _ in try graph.random(.uniform, stream: stream, shape: [7]) }
            return try run(graph, [nodes[use]], seed: seed, step: step)[0]
        }
        let first = try numbers("a")
        #expect(try numbers("a", others: true) == first)
        let all = [
            first, try numbers("b"), try numbers("a", use: 1), try numbers("a", seed: 4), try numbers("a", step: 1),
        ]
        #expect(Set(all).count == all.count)
    }

    /// Means within five standard errors; neighbours uncorrelated.
    @Test func moments() throws {
        let n = 40_000
        let graph = Graph(isTraining: true)
        let ones = try graph.broadcast(graph.constant(1), to: [n])
        let nodes = [
            try graph.random(.uniform, stream: "u", shape: [n]), try graph.random(.normal, stream: "n", shape: [n]),
            try graph.dropout(ones, rate: 0.3, stream: "d"),
        ]
        let expected: [(mean: Double, variance: Double)] = [(0.5, 1.0 / 12), (0, 1), (1, 0.3 / 0.7)]
        let count = Double(n)
        for (values, moments) in zip(try run(graph, nodes), expected) {
            let error = (moments.variance / count).squareRoot()
            let centred = values.map { $0 - moments.mean }
            let mean = centred.reduce(0, +) / count
            let variance = centred.reduce(0) { $0 + $1 * $1 } / count
            let neighbours = zip(centred, centred.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 } / count
            #expect(abs(mean) < 5 * error)
            #expect(abs(variance - moments.variance) < 10 * error)
            #expect(abs(neighbours) < 5 * moments.variance / count.squareRoot())
        }
    }

    /// The gradient passes where the value did, in both precisions; every second derivative through it sees the same mask.
    @Test(arguments: Precision.allCases)
    func dropoutKeepsItsMask(_ precision: Precision) throws {
        let graph = Graph(isTraining: true)
        let x = graph.input("x", shape: [7, 5])
        let y = try graph.dropout(x, rate: 0.25, stream: "drop")
        let gradient = try graph.vjp(
            of: y, cotangent: try graph.broadcast(graph.constant(1), to: [7, 5]), withRespectTo: [x])[0]
        let values = try evaluate(
            graph, [y, gradient], ["x": [Double](repeating: 1, count: 35)], precision: precision, seed: 5, step: 2)
        #expect(values[0] == values[1])
        let kept = 1 / 0.75
        #expect(values[0].allSatisfy { $0 == 0 || abs($0 - kept) < 1e-6 })
        #expect(Set(values[0]).count == 2)
    }

    @Test func evaluationsDropNothing() throws {
        let graph = Graph()
        let x = graph.input("x", shape: [7])
        #expect(try graph.dropout(x, rate: 0.5, stream: "drop") == x)
        #expect(
            message { _ = try graph.random(.normal, stream: "noise", shape: [7]) }
                == "random noise: an evaluation draws no random numbers; ask whether the graph is training")
        let training = Graph(isTraining: true)
        let y = training.input("x", shape: [7])
        #expect(try training.dropout(y, rate: 0, stream: "drop") == y)
        #expect(
            message { _ = try training.dropout(y, rate: 1, stream: "drop") }
                == "dropout drop: rate is 1.0; at least 0 and less than 1 is expected")
        #expect(
            message { _ = try training.random(.normal, stream: "", shape: [7]) }
                == "random: the name of the stream is empty")
        #expect(
            message { _ = try training.random(.normal, stream: "noise", shape: [7, 0]) }
                == "random random/noise/0: [7, 0] has a size below 1")
        #expect(
            message { _ = try Random.Distribution(named: "gauss", probability: 0) }
                .hasPrefix("unknown distribution 'gauss'"))
        #expect(
            message { _ = try Random.Distribution(named: "bernoulli", probability: 1.5) }
                == "random: the probability is 1.5; 0 to 1 is expected")
    }
}

/// Blocks that are kept and not trained.
@Suite struct StatisticsTests {
    private struct Net {
        let graph = Graph(isTraining: true)
        let statistic, weight, x: Node

        init() throws {
            statistic = try graph.parameter(
                "count", role: .statistic, shape: [5], initializer: Initializer(scheme: .constant, scale: 2))
            weight = try graph.parameter(
                "w", role: .weight, shape: [5], initializer: Initializer(scheme: .constant, scale: 1))
            x = graph.input("x", shape: [5])
        }

        func apply(_ name: String, _ inputs: Node...) throws -> Node { try graph.apply(named: name, inputs) }
    }

    /// Everything reads the old value, whatever the order and the number of threads.
    @Test(arguments: [1, 3], Precision.allCases)
    func assignmentsComeLast(_ threads: Int, _ precision: Precision) throws {
        let net = try Net(), graph = net.graph
        let next = try net.apply("add", net.statistic, net.x)
        try graph.assign(net.statistic, next)
        let product = try net.apply("mul", net.statistic, net.weight)
        let again = try net.apply("mul", try net.apply("tanh", product), try net.apply("exp", net.statistic))
        let loss = try net.apply("sum", product)
        let gradient = try graph.gradient(of: loss, withRespectTo: [net.weight])[0]
        let store = ParameterStore(blocks: graph.blocks, precision: precision)
        store.initialize(seed: 1)
        let program = try Program(
            graph, outputs: [next, loss, again], gradients: [(net.weight, gradient)], precision: precision,
            parameters: store, assignments: graph.assignments, threads: threads)
        program.setInput("x", [1, 2, 3, 4, 5])
        for step in 0..<3 {
            let old = (1...5).map { 2 + Double(step * $0) }
            program.run()
            #expect(program.scalar(loss) == old.reduce(0, +))
            #expect(store.copyGradient(block: 1) == old)
            #expect(store.copy(block: 0) == (1...5).map { 2 + Double((step + 1) * $0) })
            #expect(program.copy(next) == store.copy(block: 0))
        }
        #expect(store.copy(block: 1) == [1, 1, 1, 1, 1])
    }

    /// Steps whose gradients updates follow at once come last, but before assignments.
    @Test(arguments: [1, 2, 3])
    func gradientsReadOldValues(_ threads: Int) throws {
        let graph = Graph(isTraining: true), shape = [37, 70], count = 37 * 70
        func parameter(_ name: String, _ role: ParameterRole) throws -> Node {
            try graph.parameter(name, role: role, shape: shape, initializer: Initializer(scheme: .constant, scale: 2))
        }
        let statistic = try parameter("s", .statistic), weight = try parameter("w", .weight)
        func apply(_ name: String, _ inputs: Node...) throws -> Node { try graph.apply(named: name, inputs) }
        try graph.assign(statistic, try apply("add", statistic, graph.constant(1)))
        let x = graph.input("x", shape: shape)
        let loss = try apply("sum", try apply("mul", try apply("mul", weight, statistic), x))
        let gradient = try graph.gradient(of: loss, withRespectTo: [weight])[0]
        let store = ParameterStore(blocks: graph.blocks, precision: .f32)
        store.initialize(seed: 1)
        let descent = Descent(store)
        let program = try Program(
            graph, outputs: [loss], gradients: [(weight, gradient)], precision: .f32, parameters: store,
            updates: descent.updates, assignments: graph.assignments, threads: threads)
        program.setInput("x", [Double](repeating: 0.5, count: count))
        for step in 0..<3 {
            program.run()
            #expect(store.copyGradient(block: 1) == [Double](repeating: (2 + Double(step)) / 2, count: count))
            #expect(store.copy(block: 0) == [Double](repeating: 3 + Double(step), count: count))
        }
    }

    @Test func whatCannotBeAssigned() throws {
        let net = try Net(), graph = net.graph
        let value = try net.apply("exp", net.x)
        #expect(
            message { try graph.assign(net.weight, value) }
                == "assign: w [5] is no statistic; only parameters of that role are assigned")
        #expect(
            message { try graph.assign(net.statistic, try net.apply("sum", net.x)) }
                == "assign: the value [] does not have the shape of count [5]")
        #expect(
            message { try graph.assign(net.statistic, net.weight) }
                == "assign: the value of count [5] is a parameter, w [5]; compute one")
        try graph.assign(net.statistic, value)
        #expect(message { try graph.assign(net.statistic, value) } == "assign: count [5] is assigned twice")
    }

    /// A step of a scan has no value of its own; what scans give has one.
    @Test func assignmentsFromScans() throws {
        let net = try Net(), graph = net.graph
        let sequence = graph.input("sequence", shape: [3, 5])
        let start = try graph.broadcast(graph.constant(0), to: [5])
        let open = try graph.beginScan(over: [sequence], initial: [start])
        let next = try net.apply("add", open.carries[0], open.elements[0])
        let result = try graph.endScan(open, next: [next], outputs: [])
        try graph.assign(net.statistic, result.last[0])
        let store = ParameterStore(blocks: graph.blocks, precision: .f64)
        let program = try Program(
            graph, outputs: [], precision: .f64, parameters: store, assignments: graph.assignments)
        program.setInput("sequence", (0..<15).map(Double.init))
        program.run()
        #expect(store.copy(block: 0) == [15, 18, 21, 24, 27])
        let other = try Net()
        #expect(
            message {
                _ = try other.graph.scan(over: [other.graph.input("sequence", shape: [3, 5])], initial: []) {
                    _, elements in
                    try other.graph.assign(other.statistic, try other.apply("exp", elements[0]))
                    return ([], elements)
                }
            }
                == "assign: the value of count is inside a scan, where there is one for each step; assign one from outside"
        )
    }

    @Test func statisticsAreNotTrained() throws {
        let net = try Net()
        #expect(net.graph.trainedNodes == [net.weight] && net.graph.parameterNodes == [net.statistic, net.weight])
        #expect(net.graph.blocks.map(\.isTrained) == [false, true])
    }
}
