/// Equations z = f(z) as models write them.
extension Graph {
    /// What a fixed point gives.
    package struct FixedPointResult {
        package let solution: Node
        /// How many times the body was applied, `[]`; of all copies together where there are several.
        package let applications: Node
        /// The largest |f(z) - z| / (1 + |z|) at the solution, `[]`; computed only if used. It has no derivative.
        package let residual: Node
    }

    /// A fixed point between its beginning and end: what is built from `value` is the body.
    package struct OpenFixedPoint {
        /// Stands for z.
        package let value: Node
        fileprivate let start: Node
        fileprivate let tolerance: Double
        fileprivate let maximum: Int
        fileprivate let layerCount: Int
    }

    /// z = body(z), by repeated application from `start` until |body(z) - z| <= tolerance · (1 + |z|) for every element.
    ///
    /// If that does not happen within `maximum` applications the last value is the solution all the same: `applications` is then
    /// `maximum`, and `residual` tells how far off it is. Derivatives are those of the exact solution (implicit function
    /// theorem), for which a linear fixed point is solved alike; they exist to every order. The start gets none.
    package func fixedPoint(
        from start: Node, tolerance: Double = 1e-6, maximum: Int = 100, body: (Node) throws -> Node
    ) throws -> FixedPointResult {
        let open = try beginFixedPoint(from: start, tolerance: tolerance, maximum: maximum)
        return try endFixedPoint(open, next: try body(open.value))
    }

    package func beginFixedPoint(
        from start: Node, tolerance: Double = 1e-6, maximum: Int = 100
    ) throws -> OpenFixedPoint {
        try check([start], for: "fixed_point")
        guard tolerance >= 0, tolerance.isFinite else {
            throw GraphError("fixed_point: tolerance is \(tolerance); a finite number of at least 0 is expected")
        }
        guard maximum >= 1 else { throw GraphError("fixed_point: maximum is \(maximum); at least 1 is expected") }
        return OpenFixedPoint(
            value: placeholder(shape(of: start), for: Loop.placeholder), start: start, tolerance: tolerance,
            maximum: maximum, layerCount: layers.count)
    }

    /// `beginFixedPoint` with the attributes `tolerance` and `maximum`.
    package func beginFixedPoint(from start: Node, attributes: [String: Double]) throws -> OpenFixedPoint {
        let options = try Attributes(
            operation: "fixed_point", values: attributes, known: ["tolerance", "maximum"])
        return try beginFixedPoint(
            from: start, tolerance: try options.number("tolerance", default: 1e-6),
            maximum: try options.integer("maximum") ?? 100)
    }

    package func endFixedPoint(_ open: OpenFixedPoint, next: Node) throws -> FixedPointResult {
        try check([next], for: "fixed_point")
        guard shape(of: next) == shape(of: open.value) else {
            throw GraphError(
                "fixed_point: the body gives \(operand(next)) from \(operand(open.start)); equal shapes are expected")
        }
        try check(layersFrom: open.layerCount, areOutside: [open.value], of: "fixed point")
        let (solution, applications) = try solved(
            open.value, from: open.start, next: next, tolerance: open.tolerance, maximum: open.maximum)
        var again = next
        if let (body, shared) = body(of: next, from: open.value) {
            again = try body.applied(in: self, to: [solution] + shared)[0]
        }
        let z = Term(graph: self, node: solution), error = (Term(graph: self, node: again) - z).apply(.abs)
        let residual = (error / (1 + z.apply(.abs))).apply(.max()).apply(.stopGradient)
        return FixedPointResult(solution: solution, applications: applications, residual: residual.node)
    }

    /// The value of `z`, a placeholder, for which `next` equals it.
    func solved(
        _ z: Node, from start: Node, next: Node, tolerance: Double, maximum: Int, copies: Int = 1,
        isLinear: Bool = false
    ) throws -> (solution: Node, applications: Node) {
        guard next != z else { return (start, constant(1)) }
        guard let (body, shared) = body(of: next, from: z) else { return (next, constant(1)) }
        let rule = FixedPoint(
            body: body, tolerance: tolerance, maximum: maximum, isLinear: isLinear, copies: copies)
        let packed = Term(graph: self, node: try apply(Operation(rule), [start] + shared))
        return (rule.solution(packed).node, rule.applications(packed).node)
    }

    /// The function from `z` and what it reads besides to `next`; nil if `next` does not depend on `z`.
    private func body(of next: Node, from z: Node) -> (body: Body, shared: [Node])? {
        let inside = dependents(on: [z], of: [next], known: [:])
        guard inside.contains(next) else { return nil }
        let shared = arguments(of: inside, carries: [z], known: [:]).shared
        return (Body(self, arguments: [z] + shared, results: [next]), shared)
    }
}
