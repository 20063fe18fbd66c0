/// Operations by name and numeric attributes, as plugins apply them. docs/plugins/graph.md lists them.
struct NamedOperation {
    var inputCount = 1
    /// Inputs that may follow those.
    var optionalCount = 0
    var attributes: [String] = []
    let build: (Graph, [Node], Attributes) throws -> Node
}

/// Numeric attributes of one application.
struct Attributes {
    let operation: String
    let values: [String: Double]

    init(operation: String, values: [String: Double], known: [String]) throws {
        (self.operation, self.values) = (operation, values)
        for key in values.keys.sorted() where !known.contains(key) {
            guard !known.isEmpty else { throw GraphError("\(operation): has no attribute '\(key)'; it takes none") }
            let error = GraphError.unknown("attribute", key, among: known)
            throw GraphError("\(operation): \(error.message)")
        }
    }

    func integer(_ name: String) throws -> Int? {
        guard let value = values[name] else { return nil }
        guard let integer = Int(exactly: value) else {
            throw GraphError("\(operation): \(name) is \(value); an integer is expected")
        }
        return integer
    }

    func requiredInteger(_ name: String) throws -> Int {
        guard let value = try integer(name) else {
            throw GraphError("\(operation): the attribute '\(name)' is missing")
        }
        return value
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
    /// The attributes that an operation takes.
    package static func attributeNames(of operation: String) -> [String] { named[operation]?.attributes ?? [] }

    /// The operation `name` of docs/plugins/graph.md. Throws a sentence for unknown names, attributes and misfits.
    package func apply(named name: String, _ inputs: [Node], attributes: [String: Double] = [:]) throws -> Node {
        guard let operation = Graph.named[name] else {
            throw GraphError.unknown("operation", name, among: Graph.named.keys)
        }
        try check(inputs, for: name)
        let (least, more) = (operation.inputCount, operation.optionalCount)
        guard inputs.count >= least, inputs.count - least <= more else {
            let expected = more == 0 ? "\(least)" : more == .max ? "at least \(least)" : "\(least) to \(least + more)"
            throw GraphError("\(name): \(inputs.count) inputs; \(expected) expected")
        }
        return try operation.build(
            self, inputs, try Attributes(operation: name, values: attributes, known: operation.attributes))
    }

    /// Operations that take a list of sizes or axes, for `apply(named:_:list:)`.
    package static var listOperationNames: [String] {
        ["broadcast", "permute", "reshape"] + reductions.keys.sorted()
    }

    /// The operation `name` with a list of sizes (reshape, broadcast) or of axes (permute, reductions, whose axes disappear).
    package func apply(named name: String, _ input: Node, list: [Int]) throws -> Node {
        try check([input], for: name)
        switch name {
        case "reshape": return try reshape(input, to: list)
        case "broadcast": return try broadcast(input, to: list)
        case "permute":
            let rank = shape(of: input).count
            return try apply(.permute(list.map { Shape.axis($0, rank: rank) ?? $0 }), [input])
        default:
            guard Graph.reductions[name] != nil else {
                throw GraphError.unknown("operation on a list", name, among: Graph.listOperationNames)
            }
            return try reduce(name, input, axes: list)
        }
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
            "softmax": NamedOperation(optionalCount: 1) { graph, x, _ in
                try graph.apply(x.count == 1 ? .softmax() : .maskedSoftmax, x)
            },
            "log_softmax": NamedOperation { graph, x, _ in try graph.apply(.softmax(Softmax(isLog: true)), x) },
            "stop_gradient": NamedOperation { graph, x, _ in try graph.apply(.stopGradient, x) },
        ]
        for family in [functionOperations, pieceOperations, normalizations, windowOperations] {
            table.merge(family) { a, _ in a }
        }
        for unary in Unary.allCases {
            table[unary.rawValue] = NamedOperation { graph, x, _ in try graph.apply(.unary(unary), x) }
        }
        for binary in Binary.allCases {
            table[binary.rawValue] = NamedOperation(inputCount: 2) { graph, x, _ in
                try graph.apply(.binary(binary), x)
            }
        }
        for name in reductions.keys {
            table[name] = NamedOperation(attributes: ["axis", "keep"]) { graph, x, options in
                try graph.reduce(name, x[0], axes: options.integer("axis").map { [$0] }, keep: options.flag("keep"))
            }
        }
        table["var"] = NamedOperation(attributes: ["axis", "keep", "ddof"]) { graph, x, options in
            try graph.variance(
                x[0], axes: options.integer("axis").map { [$0] }, keep: options.flag("keep"),
                ddof: options.integer("ddof") ?? 0)
        }
        return table
    }()
}
