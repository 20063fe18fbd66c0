import Engine

/// A recurrence at one set of shapes, built with a scan or step by step.
struct ScanCase: CustomStringConvertible, Sendable {
    typealias Body = ([Node], [Node]) throws -> (next: [Node], outputs: [Node])
    struct Options: Sendable {
        var length: Int?
        var truncate: Int?
        var isReverse = false
    }

    let name: String
    let shapes: [[Int]]
    let build: @Sendable (Graph, [Node], Form) throws -> [Node]
    var description: String { name }

    enum Form {
        case scan
        /// Without any scan.
        case steps

        /// Carries after the last step, and outputs of all steps.
        func callAsFunction(
            _ graph: Graph, _ sequences: [Node], _ initial: [Node], _ options: Options, _ body: Body
        ) throws -> (last: [Node], outputs: [Node]) {
            if self == .scan {
                let result = try graph.scan(
                    over: sequences, initial: initial, length: options.length, truncate: options.truncate,
                    isReverse: options.isReverse, body: body)
                return (result.last, result.outputs)
            }
            let length = sequences.first.map { graph.shape(of: $0)[0] } ?? options.length ?? 0
            var carries = initial
            var outputs: [[Node]] = []
            for i in 0..<length {
                let step = options.isReverse ? length - 1 - i : i
                let elements = try sequences.map { stack in
                    let piece = try graph.slice(stack, axis: 0, begin: step, end: step + 1)
                    return try graph.reshape(piece, to: Array(graph.shape(of: stack).dropFirst()))
                }
                if let truncate = options.truncate, i > 0, i % truncate == 0 {
                    carries = try carries.map { try graph.apply(.stopGradient, [$0]) }
                }
                let (next, own) = try body(carries, elements)
                carries = next
                outputs.append(own)
            }
            if options.isReverse { outputs.reverse() }
            let stacks = try (outputs.first ?? []).indices.map { k in
                try graph.stack(outputs.map { $0[k] }, axis: 0)
            }
            return (carries, stacks)
        }
    }

    /// All elements of several nodes in a row.
    static func joined(_ graph: Graph, _ nodes: [Node]) throws -> Node {
        try graph.concat(try nodes.map { try graph.reshape($0, to: [elements(graph.shape(of: $0))]) }, axis: 0)
    }

    private static func call(_ graph: Graph, _ name: String, _ nodes: Node...) throws -> Node {
        try graph.apply(named: name, nodes)
    }

    private static func truncated(_ name: String, _ options: Options) -> ScanCase {
        ScanCase(name: name, shapes: [[7, 2], [2], [2]]) { graph, x, form in
            let result = try form(graph, [x[0]], [x[1]], options) { h, e in
                let next = try call(graph, "tanh", try call(graph, "add", try call(graph, "mul", h[0], x[2]), e[0]))
                return ([next], [try call(graph, "mul", h[0], e[0])])
            }
            return result.last + result.outputs
        }
    }

    static let all: [ScanCase] = [
        ScanCase(name: "dense", shapes: [[4, 2, 3], [2, 5], [5, 3], [5, 5], [5]]) { graph, x, form in
            let result = try form(graph, [x[0]], [x[1]], Options()) { h, e in
                let input = try graph.apply(.matmul(transposeB: true), [e[0], x[2]])
                let z = try call(graph, "add", input, try graph.apply(.matmul(transposeB: true), [h[0], x[3]]))
                let next = try call(graph, "tanh", try call(graph, "add", z, x[4]))
                return ([next], [next, try call(graph, "mul", h[0], z)])
            }
            return result.last + result.outputs
        },
        ScanCase(name: "final only, backwards", shapes: [[5, 3], [3], [3, 3]]) { graph, x, form in
            try form(graph, [x[0]], [x[1]], Options(isReverse: true)) { h, e in
                let row = try graph.reshape(h[0], to: [1, 3])
                let z = try graph.reshape(try graph.apply(.matmul(), [row, x[2]]), to: [3])
                return ([try call(graph, "sin", try call(graph, "add", z, e[0]))], [])
            }.last
        },
        truncated("truncated", Options(truncate: 3)),
        truncated("truncated backwards", Options(truncate: 3, isReverse: true)),
        truncated("truncated at every step", Options(truncate: 1)),
        truncated("truncated after the end", Options(truncate: 7)),
        // The second carry is the first one a step later, the third a running product, the fourth depends on elements only.
        ScanCase(name: "delays", shapes: [[4, 3], [3], [3], [3], [3]]) { graph, x, form in
            let result = try form(graph, [x[0]], Array(x[1...]), Options()) { h, e in
                let mixed = try call(graph, "add", try call(graph, "mul", h[0], h[1]), h[3])
                let next = try call(graph, "sin", try call(graph, "add", mixed, e[0]))
                return (
                    [next, h[0], try call(graph, "mul", h[2], h[1]), try call(graph, "square", e[0])],
                    [try call(graph, "mul", h[3], h[2])]
                )
            }
            return result.last + result.outputs
        },
        // Carries exchanged; a shared value and one made of it; softmax, a reduction, pieces.
        ScanCase(name: "exchange", shapes: [[3, 2, 4], [2, 4], [2, 4], [4, 4]]) { graph, x, form in
            let doubled = try call(graph, "sin", x[3])
            let result = try form(graph, [x[0]], [x[1], x[2]], Options()) { h, e in
                let a = try graph.apply(.matmul(), [h[0], x[3]]), b = try graph.apply(.matmul(), [h[1], doubled])
                let left = try graph.slice(try call(graph, "softmax", a), axis: 1, begin: 0, end: 1)
                let sum = try graph.apply(.sum(axes: [1], keep: true), [try call(graph, "mul", b, e[0])])
                let mixed = try graph.concat([left, try graph.slice(b, axis: 1, begin: 1)], axis: 1)
                return ([h[1], try call(graph, "tanh", try call(graph, "add", mixed, sum))], [left])
            }
            return result.last + result.outputs
        },
        // No carries: every step by itself. No sequences: a number of steps. One step.
        ScanCase(name: "map", shapes: [[4, 2, 3], [3, 5]]) { graph, x, form in
            try form(graph, [x[0]], [], Options()) { _, e in
                ([], [try call(graph, "tanh", try graph.apply(.matmul(), [e[0], x[1]]))])
            }.outputs
        },
        ScanCase(name: "iterations", shapes: [[3], [3]]) { graph, x, form in
            let result = try form(graph, [], [x[0]], Options(length: 5)) { h, _ in
                ([try call(graph, "cos", try call(graph, "mul", h[0], x[1]))], h)
            }
            return result.last + result.outputs
        },
        ScanCase(name: "one step", shapes: [[1, 3], [3]]) { graph, x, form in
            let result = try form(graph, [x[0]], [x[1]], Options()) { h, e in
                ([try call(graph, "mul", h[0], e[0])], [try call(graph, "sin", h[0])])
            }
            return result.last + result.outputs
        },
        // A scan in each step of a scan, which reads the outer carry.
        ScanCase(name: "nested", shapes: [[3, 4, 2], [2], [2]]) { graph, x, form in
            let result = try form(graph, [x[0]], [x[1]], Options()) { h, e in
                let inner = try form(graph, [e[0]], [h[0]], Options(isReverse: true)) { g, e in
                    let sum = try call(graph, "add", try call(graph, "mul", g[0], x[2]), e[0])
                    return ([try call(graph, "sin", try call(graph, "add", sum, h[0]))], [sum])
                }
                return (inner.last, [try graph.apply(.sum(), inner.outputs)])
            }
            return result.last + result.outputs
        },
        // Carries that begin and go on as one; the same sequence twice, and multiplied with itself.
        ScanCase(name: "repeated", shapes: [[4, 3], [3]]) { graph, x, form in
            let result = try form(graph, [x[0], x[0]], [x[1], x[1]], Options(isReverse: true)) { h, e in
                let square = try call(graph, "mul", h[0], h[0])
                let next = try call(graph, "sin", try call(graph, "add", square, try call(graph, "mul", e[0], e[1])))
                return ([next, next], [try call(graph, "mul", h[1], next), h[0], h[0]])
            }
            return result.last + result.outputs
        },
        // A fixed point in every step, and a fixed point of all steps.
        ScanCase(name: "fixed points", shapes: [[3, 2], [2], [2]]) { graph, x, form in
            let damping = graph.constant(0.4)
            let inside = try form(graph, [x[0]], [x[1]], Options()) { h, e in
                let z = try graph.fixedPoint(from: h[0], tolerance: 1e-15, maximum: 300) { z in
                    let product = try call(graph, "mul", try call(graph, "mul", z, x[2]), damping)
                    return try call(
                        graph, "tanh", try call(graph, "add", try call(graph, "add", product, e[0]), h[0]))
                }.solution
                return ([z], [try call(graph, "mul", z, h[0])])
            }
            let outside = try graph.fixedPoint(from: x[1], tolerance: 1e-15, maximum: 300) { z in
                try form(graph, [x[0]], [z], Options()) { h, e in
                    let product = try call(graph, "mul", try call(graph, "mul", h[0], x[2]), damping)
                    return ([try call(graph, "tanh", try call(graph, "add", product, e[0]))], [])
                }.last[0]
            }.solution
            return inside.last + inside.outputs + [outside]
        },
        // What a loop learns from a constant: a carry that stays, and one that becomes a constant.
        ScanCase(name: "constants", shapes: [[3, 2], [2], [2]]) { graph, x, form in
            let one = try graph.broadcast(graph.constant(1.5), to: [2])
            let result = try form(graph, [x[0]], [x[1], x[2]], Options()) { h, e in
                ([one, try call(graph, "mul", h[1], e[0])], [try call(graph, "mul", h[0], h[1]), x[2]])
            }
            return result.last + result.outputs
        },
    ]
}
