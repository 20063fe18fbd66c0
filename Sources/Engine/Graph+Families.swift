/// Names and attributes of the operations that are not a primitive each.
extension Graph {
    static var functionOperations: [String: NamedOperation] {
        var table: [String: NamedOperation] = [
            "leaky_relu": NamedOperation(attributes: ["slope"]) { graph, x, options in
                try graph.leakyReLU(x[0], slope: try options.number("slope", default: 0.01))
            },
            "elu": NamedOperation(attributes: ["alpha"]) { graph, x, options in
                try graph.elu(x[0], alpha: try options.number("alpha", default: 1))
            },
            "clamp": NamedOperation(attributes: ["low", "high"]) { graph, x, options in
                try graph.clamp(x[0], low: try options.required("low"), high: try options.required("high"))
            },
            "gelu": NamedOperation { graph, x, _ in try graph.gated(x[0], by: .normalCDF) },
            "silu": NamedOperation { graph, x, _ in try graph.gated(x[0], by: .sigmoid) },
            "one_hot": NamedOperation(attributes: ["classes"]) { graph, x, options in
                try graph.oneHot(x[0], classes: try options.requiredInteger("classes"))
            },
        ]
        for (name, function) in functions {
            table[name] = NamedOperation { graph, x, _ in function(Term(graph: graph, node: x[0])).node }
        }
        for (name, function) in functionsOfTwo {
            table[name] = NamedOperation(inputCount: 2) { graph, x, _ in
                // Misfits are reported under the operation's own name.
                _ = try broadcastShape(of: x.map(graph.operand), for: name)
                return function(Term(graph: graph, node: x[0]), Term(graph: graph, node: x[1])).node
            }
        }
        return table
    }

    /// Pieces of tensors, rows by number, cumulative sums and tables of numbers.
    static var pieceOperations: [String: NamedOperation] {
        [
            "slice": NamedOperation(attributes: ["axis", "begin", "end", "step"]) { graph, x, options in
                try graph.slice(
                    x[0], axis: try options.requiredInteger("axis"), begin: try options.integer("begin") ?? 0,
                    end: try options.integer("end"), step: try options.integer("step") ?? 1)
            },
            "pad": NamedOperation(attributes: ["axis", "before", "after"]) { graph, x, options in
                try graph.pad(
                    x[0], axis: try options.requiredInteger("axis"), before: try options.integer("before") ?? 0,
                    after: try options.integer("after") ?? 0)
            },
            "concat": NamedOperation(optionalCount: .max, attributes: ["axis"]) { graph, x, options in
                try graph.concat(x, axis: try options.requiredInteger("axis"))
            },
            "stack": NamedOperation(optionalCount: .max, attributes: ["axis"]) { graph, x, options in
                try graph.stack(x, axis: try options.integer("axis") ?? 0)
            },
            "gather": NamedOperation(inputCount: 2) { graph, x, _ in try graph.gather(x[0], x[1]) },
            "scatter_add": NamedOperation(inputCount: 2, attributes: ["rows"]) { graph, x, options in
                try graph.scatterAdd(x[0], x[1], rows: try options.requiredInteger("rows"))
            },
            "take_along": NamedOperation(inputCount: 2) { graph, x, _ in try graph.takeAlong(x[0], x[1]) },
            "cumsum": NamedOperation(attributes: ["axis", "exclusive", "reverse"]) { graph, x, options in
                try graph.cumulativeSum(
                    x[0], axis: try options.integer("axis") ?? -1, isExclusive: try options.flag("exclusive"),
                    isReverse: try options.flag("reverse"))
            },
            "cumprod": NamedOperation(attributes: ["axis"]) { graph, x, options in
                try graph.cumulativeProduct(x[0], axis: try options.integer("axis") ?? -1)
            },
            "argmax": NamedOperation(attributes: ["axis"]) { graph, x, options in
                try graph.argmax(x[0], axis: try options.integer("axis") ?? -1)
            },
            "iota": NamedOperation(inputCount: 0, attributes: ["count"]) { graph, _, options in
                try graph.iota(try options.requiredInteger("count"))
            },
            "eye": NamedOperation(inputCount: 0, attributes: ["rows", "columns"]) { graph, _, options in
                let rows = try options.requiredInteger("rows")
                return try graph.identity(rows: rows, columns: try options.integer("columns") ?? rows)
            },
            "tri": NamedOperation(inputCount: 0, attributes: ["rows", "columns", "offset"]) { graph, _, options in
                let rows = try options.requiredInteger("rows")
                return try graph.lowerTriangle(
                    rows: rows, columns: try options.integer("columns") ?? rows,
                    offset: try options.integer("offset") ?? 0)
            },
        ]
    }

    static var normalizations: [String: NamedOperation] {
        [
            "layer_norm": NamedOperation(optionalCount: 2, attributes: ["axes", "epsilon"]) { graph, x, options in
                try graph.layerNorm(
                    x[0], x[1...], axes: try options.integer("axes") ?? 1, epsilon: try options.epsilon())
            },
            "rms_norm": NamedOperation(optionalCount: 1, attributes: ["axes", "epsilon"]) { graph, x, options in
                try graph.rmsNorm(
                    x[0], x[1...], axes: try options.integer("axes") ?? 1, epsilon: try options.epsilon())
            },
            "group_norm": NamedOperation(optionalCount: 2, attributes: ["groups", "epsilon"]) { graph, x, options in
                try graph.groupNorm(
                    x[0], x[1...], groups: try options.requiredInteger("groups"), epsilon: try options.epsilon())
            },
            "batch_norm": NamedOperation(
                inputCount: 3, optionalCount: 2, attributes: ["momentum", "epsilon"]
            ) { graph, x, options in
                try graph.batchNorm(
                    x[0], x[3...], runningMean: x[1], runningVariance: x[2],
                    momentum: try options.number("momentum", default: 0.1), epsilon: try options.epsilon())
            },
        ]
    }
}

extension Attributes {
    fileprivate func epsilon() throws -> Double { try number("epsilon", default: 1e-5) }

    fileprivate func required(_ name: String) throws -> Double {
        guard values[name] != nil else { throw GraphError("\(operation): the attribute '\(name)' is missing") }
        return try number(name, default: 0)
    }
}
