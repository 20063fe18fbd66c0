import Engine

/// Pieces of tensors, rows by number and tables.
extension DerivativeCase {
    /// With numbers of rows as the last input, or at the given place.
    private static func indexed(
        _ name: String, _ shapes: [[Int]], _ indices: [Double], _ shape: [Int], at place: Int = 1,
        _ attributes: [String: Double] = [:], squared: Bool = false
    ) -> DerivativeCase {
        DerivativeCase(name: name, shapes: shapes, flat: !squared) { graph, x in
            var inputs = x
            inputs.insert(try graph.constant(indices, shape: shape), at: place)
            let result = try graph.apply(named: name, inputs, attributes: attributes)
            return squared ? try graph.apply(named: "square", [result]) : result
        }
    }

    /// Times a table of numbers, made by the operation.
    private static func table(_ name: String, _ attributes: [String: Double], _ shape: [Int]) -> DerivativeCase {
        DerivativeCase(name: name, shapes: [shape], flat: true) { graph, x in
            try graph.apply(named: "mul", [x[0], try graph.apply(named: name, [], attributes: attributes)])
        }
    }

    static let pieces: [DerivativeCase] = [
        .named("slice", [[7, 5]], ["axis": 0, "begin": 1, "end": -1, "step": 2], flat: true),
        .named("slice", [[3, 7, 2]], ["axis": 1, "begin": -3], flat: true),
        .named("pad", [[3, 5, 2]], ["axis": 1, "before": 2, "after": 1], flat: true),
        .named("pad", [[3, 5]], ["axis": -1, "after": 4], flat: true),
        .named("concat", [[3, 2], [3, 5], [3, 1]], ["axis": 1], flat: true),
        .named("concat", [[2, 1, 5], [2, 4, 5]], ["axis": -2], flat: true),
        .named("stack", [[3, 5], [3, 5], [3, 5]], ["axis": 1], flat: true),
        .named("stack", [[4], [4]], ["axis": -1], flat: true),
        DerivativeCase(name: "products of pieces", shapes: [[7, 5]]) { graph, x in
            // Gradients of neighbours are joined, those of pieces that overlap added up.
            let a = try graph.slice(x[0], axis: 0, begin: 0, end: 3), b = try graph.slice(x[0], axis: 0, begin: 3)
            let c = try graph.slice(x[0], axis: 0, begin: 2, end: 5)
            let all = try graph.apply(named: "mul", [try graph.concat([a, b], axis: 0), x[0]])
            return try graph.concat([all, try graph.apply(named: "mul", [a, c])], axis: 0)
        },
        indexed("gather", [[7, 3]], [2, 0, 2, 6, 5], [5]),
        indexed("gather", [[4, 2, 3]], [3, 1, 1, 0, 2, 3], [2, 3], squared: true),
        indexed("scatter_add", [[5, 3]], [2, 0, 2, 6, 2], [5], at: 0, ["rows": 7]),
        indexed("scatter_add", [[2, 3, 2]], [1, 1, 0, 3, 1, 0], [2, 3], at: 0, ["rows": 4], squared: true),
        indexed("take_along", [[3, 5]], [4, 0, 4], [3]),
        indexed("take_along", [[2, 3, 5]], [4, 0, 4, 1, 1, 1, 3, 2, 0, 0, 4, 2], [2, 3, 2], squared: true),
        .named("cumsum", [[3, 5]], flat: true),
        .named("cumsum", [[3, 4, 2]], ["axis": 1, "exclusive": 1, "reverse": 1], flat: true),
        .named("cumsum", [[7, 3]], ["axis": 0, "reverse": 1], flat: true),
        .named("cumprod", [[3, 5]]), .named("cumprod", [[4, 3]], ["axis": 0]),
        .named("argmax", [[3, 5]], constant: true),
        table("iota", ["count": 5], [3, 5]), table("eye", ["rows": 3, "columns": 5], [3, 5]),
        table("tri", ["rows": 3, "columns": 5, "offset": 1], [3, 5]),
    ]
}

extension DerivativeCase {
    static let functions: [DerivativeCase] = [
        .named("log1p", [[3, 5]], in: -0.8...2), .named("expm1", [[3, 5]]),
        .named("floor", [[3, 5]], constant: true),
        .named("rsqrt", [[3, 5]], in: 0.5...3), .named("softsign", [[3, 5]]), .named("mish", [[3, 5]]),
        .named("hard_tanh", [[3, 5]], flat: true), .named("gelu_tanh", [[3, 5]]), .named("selu", [[3, 5]]),
        .named("elu", [[3, 5]], ["alpha": 1.5]),
        .named("clamp", [[3, 5]], ["low": -0.5, "high": 1.25], flat: true),
        .named("pow", [[3, 5], [5]], in: 0.5...3), .named("pow", [[3, 1], [2, 1, 5]], in: 0.5...2),
        DerivativeCase(name: "pow", shapes: [[3, 5]]) { try $0.apply(named: "pow", [$1[0], $0.constant(4)]) },
        DerivativeCase(name: "pow", shapes: [[3, 5]], range: 0.5...3) {
            try $0.apply(named: "pow", [$1[0], $0.constant(-1.5)])
        },
        .named("greater_equal", [[3, 5], [5]], constant: true), .named("less", [[3, 5], [3, 1]], constant: true),
        .named("less_equal", [[3, 5], [5]], constant: true), .named("not_equal", [[3, 5], [5]], constant: true),
        .named("logical_not", [[3, 5]], constant: true), .named("logical_and", [[3, 5], [5]], constant: true),
        .named("logical_or", [[3, 1], [2, 1, 5]], constant: true),
        .named("min", [[3, 5]], ["axis": 0], flat: true), .named("prod", [[3, 5]], ["axis": 1]),
        .named("prod", [[2, 3]]), .named("prod", [[7, 2]], ["axis": 0, "keep": 1]),
        .named("var", [[3, 5]], ["axis": -1, "ddof": 1]), .named("var", [[3, 4, 2]], ["axis": 1, "keep": 1]),
        .named("logsumexp", [[3, 5]], ["axis": 0]), .named("logsumexp", [[3, 5]]),
        DerivativeCase(name: "var of axes 0 and 2", shapes: [[3, 4, 5]]) {
            try $0.apply(named: "var", $1[0], list: [0, 2])
        },
        DerivativeCase(name: "logsumexp of axes 0 and 2", shapes: [[3, 4, 5]]) {
            try $0.apply(named: "logsumexp", $1[0], list: [2, 0])
        },
        DerivativeCase(name: "prod of axes 0 and 2", shapes: [[3, 2, 2]]) {
            try $0.apply(named: "prod", $1[0], list: [0, -1])
        },
        DerivativeCase(name: "masked softmax", shapes: [[2, 4, 5]]) { graph, x in
            // Row 0 sees nothing, row 3 three of five.
            let mask = try graph.lowerTriangle(rows: 4, columns: 5, offset: -1)
            return try graph.apply(named: "softmax", [x[0], mask])
        },
        .named("softmax", [[3, 5], [5]]),
        .named("matmul", [[2, 1, 3, 4], [5, 4, 6]]), .named("matmul", [[2, 1, 3, 4], [2, 5, 4, 3]]),
        .named("matmul", [[3, 4], [2, 5, 4, 3]]), .named("matmul", [[2, 5, 3, 4], [2, 1, 4, 3]]),
        .named("matmul", [[1, 2, 4, 3], [5, 1, 6, 4]], ["transpose_a": 1, "transpose_b": 1]),
        .named("matmul", [[3, 2, 5, 1], [2, 1, 4]]),
    ]

    static let normalizations: [DerivativeCase] = [
        .named("layer_norm", [[3, 5]]), .named("layer_norm", [[3, 4, 5], [5], [5]], ["epsilon": 0.01]),
        .named("layer_norm", [[3, 4, 5], [4, 5], [4, 5]], ["axes": 2]),
        .named("rms_norm", [[3, 5]]), .named("rms_norm", [[2, 4, 5], [4, 5]], ["axes": 2, "epsilon": 0.1]),
        .named("group_norm", [[2, 3, 2, 6], [6], [6]], ["groups": 3]), .named("group_norm", [[3, 6]], ["groups": 2]),
        .named("batch_norm", [[7, 3], [3], [3], [3], [3]], in: 0.5...3),
        .named("batch_norm", [[2, 3, 2, 5], [5], [5]], ["epsilon": 0.1], in: 0.5...3),
        batchNorm("batch norm of a training step", [[7, 3], [3], [3]]),
        batchNorm("batch norm of positions in a training step", [[2, 3, 2, 4], [4], [4]]),
        DerivativeCase(name: "dropout", shapes: [[7, 5]], isTraining: true) { graph, x in
            try graph.apply(named: "square", [try graph.dropout(x[0], rate: 0.3, stream: "test")])
        },
    ]

    /// By the batch's own mean and variance; the statistics only receive.
    private static func batchNorm(_ name: String, _ shapes: [[Int]]) -> DerivativeCase {
        DerivativeCase(name: name, shapes: shapes, isTraining: true) { graph, x in
            let statistics = try ["mean", "variance"].map {
                try graph.parameter(
                    $0, role: .statistic, shape: shapes[1], initializer: Initializer(scheme: .constant))
            }
            return try graph.apply(
                named: "batch_norm", [x[0]] + statistics + x[1...], attributes: ["epsilon": 0.1])
        }
    }
}
