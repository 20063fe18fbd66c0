import CSyzygy
import Engine
import PluginHost
import SyzygyKit
import Testing

/// What plugins build through the service, against the engine's own operations and plain loops.
@Suite struct GraphTests {
    private struct Built {
        let graph: Engine.Graph
        let outputs: [Engine.Node]
        let failure: String?
    }

    /// Builds with inputs `x0`, `x1`, … of the given shapes.
    private func build(
        _ shapes: [[Int]], isTraining: Bool = false, _ body: (SyzygyKit.Graph, [SyzygyKit.Node]) -> [SyzygyKit.Node]
    ) throws -> Built {
        let graph = Engine.Graph(isTraining: isTraining)
        let service = GraphService(graph)
        let numbers = shapes.enumerated().map { service.number(graph.input("x\($0)", shape: $1)) }
        let nodes = withUnsafePointer(to: service.table) { table in
            let kit = SyzygyKit.Graph(table)
            return body(kit, numbers.map(kit.node)).map(\.id)
        }
        return Built(
            graph: graph, outputs: try service.failure == nil ? nodes.map(service.node) : [], failure: service.failure
        )
    }

    private func numbers(_ shape: [Int], _ tensor: Int) -> [Double] {
        (0..<shape.reduce(1, *)).map { Double((13 * $0 + 7 * $0 * $0 + 5 * tensor) % 19 - 9) / 8 }
    }

    private func values(_ built: Built, _ nodes: [Engine.Node], _ shapes: [[Int]]) throws -> [[Double]] {
        let store = ParameterStore(blocks: built.graph.blocks, precision: .f64)
        store.initialize(seed: 3)
        let program = try Program(built.graph, outputs: nodes, precision: .f64, parameters: store)
        for (i, shape) in shapes.enumerated() { program.setInput("x\(i)", numbers(shape, i)) }
        program.run()
        return nodes.map(program.copy)
    }

    /// The same nodes as the engine makes under the operations' names.
    private func expectSame(
        _ shapes: [[Int]], _ kit: (SyzygyKit.Graph, [SyzygyKit.Node]) -> [SyzygyKit.Node],
        _ engine: (Engine.Graph, [Engine.Node]) throws -> [Engine.Node],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let built = try build(shapes, kit)
        #expect(built.failure == nil, sourceLocation: sourceLocation)
        let nodes = shapes.enumerated().map { built.graph.input("x\($0)", shape: $1) }
        #expect(built.outputs == (try engine(built.graph, nodes)), sourceLocation: sourceLocation)
    }

    @Test func reductions() throws {
        let names = ["sum", "mean", "max", "min", "prod", "var", "logsumexp"]
        try expectSame(
            [[2, 3, 5]],
            { _, x in
                [
                    x[0].sum([0, -1]), x[0].mean([0, -1]), x[0].max([0, -1]), x[0].min([0, -1]),
                    x[0].product([0, -1]),
                    x[0].variance([0, -1]), x[0].logSumExp([0, -1]), x[0].sum(axis: 1), x[0].mean([-2], keep: true),
                ]
            },
            { graph, x in
                try names.map { try graph.reduce($0, x[0], axes: [0, 2]) }
                    + [
                        try graph.reduce("sum", x[0], axes: [1]),
                        try graph.reduce("mean", x[0], axes: [1], keep: true),
                    ]
            })
    }

    @Test func pieces() throws {
        try expectSame(
            [[2, 3, 5], [2, 3, 5], [4]],
            { graph, x in
                [
                    x[0].permuted([2, 0, 1]), x[0].transposed, x[0].sliced(axis: -1, from: 1, to: 4, step: 2),
                    x[0].sliced(axis: 1, from: -2), x[0].element(-1, axis: 2), x[0].element(1, axis: 0),
                    x[0].padded(axis: 1, before: 2), graph.concat([x[0], x[1]], axis: 1),
                    graph.stack([x[0], x[1]], axis: -1),
                    x[0].rows(at: x[2]), x[0].taken(at: x[1]), x[0].matmul(x[1], transposedOther: true),
                    x[0].softmax(mask: graph.constant([1, 0, 1, 1, 0], shape: [5])), graph.iota(7),
                    graph.causalMask(3),
                    x[0] - 2, 1 - x[0],
                ]
            },
            { graph, x in
                func call(_ name: String, _ inputs: [Engine.Node], _ attributes: [String: Double] = [:]) throws
                    -> Engine.Node
                {
                    try graph.apply(named: name, inputs, attributes: attributes)
                }
                let last = try graph.slice(x[0], axis: 2, begin: 4), second = try graph.slice(x[0], axis: 0, begin: 1)
                return [
                    try graph.apply(.permute([2, 0, 1]), [x[0]]), try call("transpose", [x[0]]),
                    try graph.slice(x[0], axis: 2, begin: 1, end: 4, step: 2),
                    try graph.slice(x[0], axis: 1, begin: 1),
                    try graph.reshape(last, to: [2, 3]), try graph.reshape(second, to: [3, 5]),
                    try graph.pad(x[0], axis: 1, before: 2), try graph.concat([x[0], x[1]], axis: 1),
                    try graph.stack([x[0], x[1]], axis: 3), try graph.gather(x[0], x[2]),
                    try graph.takeAlong(x[0], x[1]),
                    try call("matmul", [x[0], x[1]], ["transpose_b": 1]),
                    try call("softmax", [x[0], try graph.constant([1, 0, 1, 1, 0], shape: [5])]), try graph.iota(7),
                    try graph.lowerTriangle(rows: 3, columns: 3), try call("sub", [x[0], graph.constant(2)]),
                    try call("sub", [graph.constant(1), x[0]]),
                ]
            })
    }

    /// Causal attention of two heads against loops.
    @Test func attention() throws {
        let (rows, length, heads, width) = (2, 3, 2, 5)
        let shape = [rows, length, heads * width], shapes = [shape, shape, shape]
        let built = try build(shapes) { graph, x in
            let parts = x.map { $0.splitHeads(heads) }
            return [graph.attention(parts[0], parts[1], parts[2], mask: graph.causalMask(length)).mergedHeads()]
        }
        #expect(built.failure == nil && built.graph.shape(of: built.outputs[0]) == shape)
        let result = try values(built, built.outputs, shapes)[0]
        let (q, k, v) = (numbers(shape, 0), numbers(shape, 1), numbers(shape, 2))
        for row in 0..<rows {
            for head in 0..<heads {
                func at(_ position: Int, _ i: Int) -> Int {
                    (row * length + position) * heads * width + head * width + i
                }
                for i in 0..<length {
                    let scores = (0...i).map { j in
                        (0..<width).reduce(0) { $0 + q[at(i, $1)] * k[at(j, $1)] } / Double(width).squareRoot()
                    }
                    let weights = scores.map { exponential($0 - (scores.max() ?? 0)) }, total = weights.reduce(0, +)
                    for e in 0..<width {
                        let expected = (0...i).reduce(0) { $0 + weights[$1] / total * v[at($1, e)] }
                        #expect(abs(result[at(i, e)] - expected) < 1e-13)
                    }
                }
            }
        }
    }

    /// eˣ by its series, for moderate x.
    private func exponential(_ x: Double) -> Double {
        var (sum, term) = (1.0, 1.0)
        for n in 1..<80 {
            term *= x / Double(n)
            sum += term
        }
        return sum
    }

    @Test func normLayersDeclareTheirParameters() throws {
        let shape = [7, 4, 6]
        let built = try build([shape], isTraining: true) { graph, x in
            [
                graph.layerNorm(x[0], name: "a", axes: 2), graph.rmsNorm(x[0], name: "b"),
                graph.groupNorm(x[0], groups: 3, name: "c"), graph.batchNorm(x[0], name: "d", momentum: 0.3),
                graph.embedding(graph.constant([1, 0], shape: [2]), count: 5, width: 3, name: "e"),
            ]
        }
        #expect(built.failure == nil)
        let blocks = built.graph.blocks
        #expect(
            blocks.map(\.name) == [
                "a.scale", "a.shift", "b.scale", "c.scale", "c.shift", "d.scale", "d.shift", "d.mean", "d.variance",
                "e.weight",
            ])
        #expect(blocks.map(\.shape) == [[4, 6], [4, 6], [6], [6], [6], [6], [6], [6], [6], [5, 3]])
        #expect(
            blocks.map(\.role) == [
                .scale, .bias, .scale, .scale, .bias, .scale, .bias, .statistic, .statistic, .weight,
            ])
        #expect(blocks.dropLast().map(\.initializer.scale) == [1, 0, 1, 1, 0, 1, 0, 0, 1])
        #expect(built.graph.assignments.map(\.block) == [7, 8])
        #expect(built.outputs.map(built.graph.shape(of:)) == [shape, shape, shape, shape, [2, 3]])
        // Each has mean 0 and variance 1 where it normalizes; its first scale and shift change nothing.
        let results = try values(built, Array(built.outputs.prefix(4)), [shape])
        func moments(_ values: [Double]) -> (mean: Double, square: Double) {
            let n = Double(values.count)
            return (values.reduce(0, +) / n, values.reduce(0) { $0 + $1 * $1 } / n)
        }
        let parts = [
            Array(results[0][24..<48]), Array(results[1][6..<12]),
            results[2].enumerated().filter { $0.offset < 24 && $0.offset % 6 / 2 == 1 }.map(\.element),
            results[3].enumerated().filter { $0.offset % 6 == 2 }.map(\.element),
        ]
        for (i, part) in parts.enumerated() {
            let (mean, square) = moments(part)
            #expect(abs(square - 1) < 1e-3 && (i == 1 || abs(mean) < 1e-12), "part \(i)")
        }
    }

    @Test func modes() throws {
        func net(_ graph: SyzygyKit.Graph, _ x: [SyzygyKit.Node]) -> [SyzygyKit.Node] {
            let count = graph.statistic("count", shape: [])
            graph.assign(count, count + 1)
            let noise = graph.isTraining ? graph.random(.normal, stream: "noise", shape: [7]) : graph.constant(0)
            return [x[0].dropout(0.5, stream: "drop"), x[0] + noise]
        }
        let training = try build([[7]], isTraining: true, net), evaluation = try build([[7]], net)
        #expect(training.failure == nil && evaluation.failure == nil)
        #expect(training.graph.blocks == evaluation.graph.blocks)
        #expect(training.graph.assignments.count == 1 && evaluation.graph.assignments.isEmpty)
        #expect(evaluation.outputs == [Engine.Node(id: 0), Engine.Node(id: 0)])
        #expect(!training.outputs.contains(Engine.Node(id: 0)))
    }

    @Test func mistakesAreSentences() throws {
        func failure(_ body: (SyzygyKit.Graph, SyzygyKit.Node) -> SyzygyKit.Node) throws -> String? {
            try build([[2, 3, 5]]) { [body($0, $1[0])] }.failure
        }
        #expect(
            try failure { _, x in x.permuted([0, 0, 1]) }
                == "permute: [0, 0, 1] is no order of the 3 axes of x0 [2, 3, 5]")
        #expect(try failure { _, x in x.mean([3]) } == "mean: x0 [2, 3, 5] has no axis 3")
        #expect(
            try failure { _, x in x.element(5, axis: -1) }?.hasPrefix("slice: 5 ..< 6 is no part of axis 2") == true)
        #expect(
            try failure { _, x in x.splitHeads(2) }
                == "[2, 3, 5] is not [rows, length, features] with features for 2 heads")
        #expect(try failure { _, x in x.mergedHeads() } == "[2, 3, 5] is not [rows, heads, length, features]")
        #expect(try failure { graph, _ in graph.constant([1, 2, 3], shape: [2]) } == "3 values for [2]")
        #expect(
            try failure { graph, _ in graph.random(.uniform, stream: "a", shape: [2]) }
                == "random a: an evaluation draws no random numbers; ask whether the graph is training")
        #expect(
            try failure { graph, x in graph.stack([x.reshaped(to: [1, 1, 1, 1, 1, 2, 3, 5])]) }
                == "[1, 1, 1, 1, 1, 1, 2, 3, 5] has more than 8 axes")
        #expect(try failure { graph, _ in graph.concat([], axis: 0) } == "concat: 0 inputs; at least 1 expected")
        #expect(
            try build([[3]], isTraining: true) { graph, x in
                graph.assign(x[0], x[0])
                return x
            }.failure == "assign: x0 [3] is no statistic; only parameters of that role are assigned")
    }

    /// The first sentence wins; whatever follows an error neither crashes nor hides it.
    @Test func errorsPassThrough() throws {
        for isTraining in [false, true] {
            let built = try build([[2, 3, 5]], isTraining: isTraining) { graph, x in
                let bad = graph.fail("first")
                graph.assign(graph.statistic("s", shape: [2]), bad)
                return [
                    bad.sum([0]), bad.mean([0], keep: true), bad.permuted([1, 0]), bad.transposed,
                    bad.sliced(axis: 0),
                    bad.element(0, axis: 0), bad.padded(axis: 0), bad.rows(at: x[0]), x[0].taken(at: bad),
                    bad.matmul(x[0]), bad.softmax(mask: x[0]), bad.dropout(0.5, stream: "d"), bad.splitHeads(2),
                    bad.mergedHeads(), graph.attention(bad, bad, bad), graph.concat([x[0], bad], axis: 0),
                    graph.stack([bad]), graph.layerNorm(bad, name: "a"), graph.rmsNorm(bad, name: "b"),
                    graph.groupNorm(bad, groups: 2, name: "c"), graph.batchNorm(bad, name: "d"),
                    graph.embedding(bad, count: 3, width: 2, name: "e"), graph.dense(bad, 3, name: "f"), bad + x[0],
                ].map { node in
                    #expect(node.id < 0)
                    return node
                }
            }
            #expect(built.failure == "first")
        }
    }
}
