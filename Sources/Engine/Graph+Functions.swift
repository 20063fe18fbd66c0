/// Functions that are made of other operations, and so have all their derivatives.
extension Graph {
    private func term(_ node: Node) -> Term { Term(graph: self, node: node) }

    /// Elementwise functions of one tensor, by name.
    static let functions: [String: @Sendable (Term) -> Term] = [
        "rsqrt": { $0.inverseRoot },
        "softsign": { $0 / (1 + $0.apply(.abs)) },
        "mish": { $0 * $0.apply(.softplus).apply(.tanh) },
        "hard_tanh": { $0.clamped(from: -1, to: 1) },
        "gelu_tanh": { x in
            let inner = 0.797_884_560_802_865_4 * (x + 0.044_715 * (x * x.apply(.square)))  // √(2/π)
            return 0.5 * (x * (1 + inner.apply(.tanh)))
        },
        "selu": { 1.050_700_987_355_480_5 * $0.elu(1.673_263_242_354_377_2) },
        "logical_not": { $0.apply(.binary(.equal), $0.constant(0)) },
    ]

    /// Elementwise functions of two tensors, by name. Numbers other than 0 are true.
    static let functionsOfTwo: [String: @Sendable (Term, Term) -> Term] = [
        "less": { $1.apply(.binary(.greater), $0) },
        "less_equal": { $1.apply(.binary(.greaterEqual), $0) },
        "not_equal": { 1 - $0.apply(.binary(.equal), $1) },
        "logical_and": { $0.select($1.isNotZero, $0.constant(0)) },
        "logical_or": { $0.select($0.constant(1), $1.isNotZero) },
    ]

    /// min(max(x, low), high); the derivative at the bounds is 1.
    package func clamp(_ x: Node, low: Double, high: Double) throws -> Node {
        try check([x], for: "clamp")
        guard low <= high else { throw GraphError("clamp: low is \(low), high \(high); low <= high is expected") }
        return term(x).clamped(from: low, to: high).node
    }

    /// x where x > 0, else alpha (exp(x) - 1).
    package func elu(_ x: Node, alpha: Double) throws -> Node {
        try check([x], for: "elu")
        return term(x).elu(alpha).node
    }

    /// x where x > 0, else slope · x.
    package func leakyReLU(_ x: Node, slope: Double) throws -> Node {
        let falling = try apply(.binary(.mul), [constant(slope), x])
        return try apply(.select, [try apply(.unary(.step), [x]), x, falling])
    }

    /// x · f(x): GELU for Φ (Hendrycks and Gimpel, 2016, exact form), SiLU for the sigmoid.
    package func gated(_ x: Node, by function: Unary) throws -> Node {
        try apply(.binary(.mul), [x, try apply(.unary(function), [x])])
    }

    // MARK: Tables of numbers

    /// `[…] -> […, classes]`: 1 where the label is the class, else 0. A label that is no class gives a row of zeros.
    package func oneHot(_ labels: Node, classes: Int) throws -> Node {
        guard classes > 0 else { throw GraphError("one_hot: classes is \(classes); at least 1 is expected") }
        let column = try reshape(labels, to: shape(of: labels) + [1])
        return try apply(.binary(.equal), [column, try iota(classes)])
    }

    /// `[rows, columns]`: 1 where column <= row + offset, else 0. With offset 0 the mask of causal attention.
    package func lowerTriangle(rows: Int, columns: Int, offset: Int = 0) throws -> Node {
        let limit = term(try reshape(try iota(rows), to: [rows, 1])) + term(constant(Double(offset)))
        return limit.apply(.binary(.greaterEqual), term(try iota(columns))).node
    }

    /// `[rows, columns]`: 1 where row = column, else 0.
    package func identity(rows: Int, columns: Int) throws -> Node {
        try apply(.binary(.equal), [try reshape(try iota(rows), to: [rows, 1]), try iota(columns)])
    }
}

extension Term {
    var isNotZero: Term { 1 - apply(.binary(.equal), constant(0)) }

    func clamped(from low: Double, to high: Double) -> Term {
        let (low, high) = (constant(low), constant(high))
        return low.apply(.binary(.greater), self).select(low, apply(.binary(.greater), high).select(high, self))
    }

    /// The exponential only sees what is not positive: it cannot overflow, nor spoil the derivative.
    func elu(_ alpha: Double) -> Term {
        apply(.relu) + alpha * apply(.step).select(constant(0), self).apply(.expm1)
    }
}
