/// Operations by name and numeric attributes, as plugins apply them. docs/plugins/graph.md lists them.
struct NamedOperation {
    var inputCount = 1
    var attributes: [String] = []
    let build: (Graph, [Node], Attributes) throws -> Node
}

/// Numeric attributes of one application.
struct Attributes {
    let operation: String
    let values: [String: Double]

    func integer(_ name: String) throws -> Int? {
        guard let value = values[name] else { return nil }
        guard let integer = Int(exactly: value) else {
            throw GraphError("\(operation): \(name) is \(value); an integer is expected")
        }
        return integer
    }

    func flag(_ name: String) throws -> Bool {
        switch values[name] ?? 0 {
        case 0: return false
        case 1: return true
        case let value: throw GraphError("\(operation): \(name) is \(value); 0 or 1 is expected")
        }
    }

    func number(_ name: String, default value: Double) throws -> Double {
        let value = values[name] ?? value
        guard value.isFinite else {
            throw GraphError("\(operation): \(name) is \(value); a finite number is expected")
        }
        return value
    }
}

extension Graph {
    /// The names `apply(named:)` knows, sorted.
    package static var operationNames: [String] { named.keys.sorted() }

    /// The operation `name` of docs/plugins/graph.md. Throws a sentence for unknown names, attributes and misfits.
    package func apply(named name: String, _ inputs: [Node], attributes: [String: Double] = [:]) throws -> Node {
        guard let operation = Graph.named[name] else {
            throw GraphError.unknown("operation", name, among: Graph.named.keys)
        }
        try check(inputs, for: name)
        guard inputs.count == operation.inputCount else {
            throw GraphError("\(name): \(inputs.count) inputs; \(operation.inputCount) expected")
        }
        for key in attributes.keys.sorted() where !operation.attributes.contains(key) {
            guard !operation.attributes.isEmpty else {
                throw GraphError("\(name): has no attribute '\(key)'; it takes none")
            }
            let error = GraphError.unknown("attribute", key, among: operation.attributes)
            throw GraphError("\(name): \(error.message)")
        }
        return try operation.build(self, inputs, Attributes(operation: name, values: attributes))
    }

    // Immutable after its first use; the closures capture nothing.
    nonisolated(unsafe) private static let named: [String: NamedOperation] = {
        var table: [String: NamedOperation] = [
            "identity": NamedOperation { _, x, _ in x[0] },
            "matmul": NamedOperation(inputCount: 2, attributes: ["transpose_a", "transpose_b"]) { graph, x, options in
                let (a, b) = (try options.flag("transpose_a"), try options.flag("transpose_b"))
                return try graph.apply(.matmul(transposeA: a, transposeB: b), x)
            },
            "select": NamedOperation(inputCount: 3) { graph, x, _ in try graph.apply(.select, x) },
            "transpose": NamedOperation { graph, x, _ in try graph.apply(.transpose, x) },
            "softmax": NamedOperation { graph, x, _ in try graph.apply(.softmax(Softmax()), x) },
            "log_softmax": NamedOperation { graph, x, _ in try graph.apply(.softmax(Softmax(isLog: true)), x) },
            "stop_gradient": NamedOperation { graph, x, _ in try graph.apply(.stopGradient, x) },
            "leaky_relu": NamedOperation(attributes: ["slope"]) { graph, x, options in
                try graph.leakyReLU(x[0], slope: try options.number("slope", default: 0.01))
            },
            "gelu": NamedOperation { graph, x, _ in try graph.gated(x[0], by: .normalCDF) },
            "silu": NamedOperation { graph, x, _ in try graph.gated(x[0], by: .sigmoid) },
            "one_hot": NamedOperation(attributes: ["classes"]) { graph, x, options in
                guard let classes = try options.integer("classes") else {
                    throw GraphError("one_hot: the attribute 'classes' is missing")
                }
                return try graph.oneHot(x[0], classes: classes)
            },
        ]
        table.merge(windowOperations) { a, _ in a }
        for unary in Unary.allCases {
            table[unary.rawValue] = NamedOperation { graph, x, _ in try graph.apply(.unary(unary), x) }
        }
        for binary in Binary.allCases {
            table[binary.rawValue] = NamedOperation(inputCount: 2) { graph, x, _ in
                try graph.apply(.binary(binary), x)
            }
        }
        for kind in [Reduction.Kind.sum, .mean, .max] {
            table[kind.rawValue] = NamedOperation(attributes: ["axis", "keep"]) { graph, x, options in
                let axes = try options.integer("axis").map { [$0] }
                return try graph.apply(.reduce(Reduction(kind: kind, axes: axes, keep: options.flag("keep"))), x)
            }
        }
        return table
    }()

    /// x where x > 0, else slope · x.
    package func leakyReLU(_ x: Node, slope: Double) throws -> Node {
        let falling = try apply(.binary(.mul), [constant(slope), x])
        return try apply(.select, [try apply(.unary(.step), [x]), x, falling])
    }

    /// x · f(x): GELU for Φ (Hendrycks and Gimpel, 2016, exact form), SiLU for the sigmoid.
    package func gated(_ x: Node, by function: Unary) throws -> Node {
        try apply(.binary(.mul), [x, try apply(.unary(function), [x])])
    }

    /// `[…] -> […, classes]`: 1 where the label is the class, else 0. A label that is no class gives a row of zeros.
    package func oneHot(_ labels: Node, classes: Int) throws -> Node {
        guard classes > 0 else { throw GraphError("one_hot: classes is \(classes); at least 1 is expected") }
        let column = try reshape(labels, to: shape(of: labels) + [1])
        return try apply(.binary(.equal), [column, try iota(classes)])
    }
}
