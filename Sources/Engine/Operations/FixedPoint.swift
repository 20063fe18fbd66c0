import CShims

/// The value z = f(z, shared) to which the body f leads when it is applied again and again.
///
/// Inputs: where z starts, and what all applications share. The output is one row: the elements of z, then how many times the body
/// was applied. It stops when |f(z) - z| <= tolerance · (1 + |z|) for every element, tolerance being at least 4 units of rounding
/// of the program's precision, or after `maximum` applications; z is the last f(z).
package struct FixedPoint: Hashable, Sendable {
    let body: Body
    let tolerance: Double
    let maximum: Int

    private var count: Int { Shape.elements(body.resultShapes[0]) }

    func solution(_ packed: Term) -> Term {
        packed.sliced(axis: 0, begin: 0, count: count).reshaped(to: body.resultShapes[0])
    }

    func applications(_ packed: Term) -> Term { packed.sliced(axis: 0, begin: count, count: 1).reshaped(to: []) }
}

extension FixedPoint: OperationRule {
    var name: String { "fixed_point" }
    var inputCount: Int { body.argumentCount }
    var work: Work { .kernel }
    var isCostly: Bool { true }

    /// Built by `Graph.solved` only, from shapes that fit.
    func shape(of inputs: [Operand]) throws -> [Int] {
        try Shape.check([count + 1], for: name)
        return [count + 1]
    }

    /// The implicit function theorem: with c the cotangent of z, w = c + (∂f/∂z)ᵀ w, a fixed point again, solved to the same
    /// tolerance; what is shared gets (∂f/∂shared)ᵀ w. Where z starts does not matter.
    ///
    /// Source: Bai, Kolter and Koltun, NeurIPS 2019, theorem 1.
    func vjp(_ inputs: [Term], _ output: Term, _ cotangent: Term) -> [Term?] {
        let graph = output.graph
        func built() throws -> [Term?] {
            let transposed = try body.vjp()
            let values = [solution(output).node] + inputs[1...].map(\.node)
            let c = solution(cotangent)
            let w = graph.placeholder(c.shape, for: Loop.placeholder)
            let pulled = try transposed.applied(in: graph, to: values + [w])[0]
            let next = (c + Term(graph: graph, node: pulled)).node
            let solved = try graph.solved(w, from: c.node, next: next, tolerance: tolerance, maximum: maximum)
            let all = try transposed.applied(in: graph, to: values + [solved.solution])
            return [nil] + all[1..<body.argumentCount].map { Term(graph: graph, node: $0) }
        }
        return Term.fitting(built)
    }

    /// All copies go on until the last one has arrived.
    func batched(_ inputs: [BatchedTerm], copies: Int) -> Term {
        let graph = inputs[0].term.graph
        func built() throws -> Term {
            let start = inputs[0].all(copies)
            let z = graph.placeholder(start.shape, for: Loop.placeholder)
            let isBatched = [true] + inputs[1...].map(\.isBatched)
            let next = try body.batched(isBatched, copies: copies)
                .applied(in: graph, to: [z] + inputs[1...].map(\.term.node))[0]
            let solved = try graph.solved(z, from: start.node, next: next, tolerance: tolerance, maximum: maximum)
            let solution = Term(graph: graph, node: solved.solution).reshaped(to: [copies, count])
            let applications = Term(graph: graph, node: solved.applications).broadcast(to: [copies, 1])
            return Term.concat([solution, applications], axis: 1)
        }
        return Term.fitting(built)
    }

    /// The operations of one application are counted.
    func call(_ inputs: [Buffer], _ output: Buffer, _ precision: Precision) throws -> KernelCall {
        KernelCall(name, units: 1, flops: body.flops, reads: inputs.map { _ in .all }) { memory in
            let inner = try body.program(precision)
            memory.atEnd { withExtendedLifetime(inner.program) {} }
            let starts = inputs.indices.compactMap { i in
                inner.arguments[i].map {
                    sz_move(from: inputs[i].pointer, to: $0, bytes: Int64(inputs[i].bytes.count))
                }
            }
            guard let z = inner.arguments[0] else {
                throw GraphError("fixed_point: the body does not depend on its value")
            }
            let rounding = precision == .f32 ? Double(Float.ulpOfOne) : Double.ulpOfOne
            return sz_fixed_point(
                body: inner.program.region, starts: Int32(starts.count), start: UnsafePointer(memory.keep(starts)),
                z: z, next: inner.results[0], out: output.pointer, count: Int64(count), maximum: Int64(maximum),
                tolerance: max(tolerance, 4 * rounding))
        }
    }
}

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
        _ z: Node, from start: Node, next: Node, tolerance: Double, maximum: Int
    ) throws -> (solution: Node, applications: Node) {
        guard next != z else { return (start, constant(1)) }
        guard let (body, shared) = body(of: next, from: z) else { return (next, constant(1)) }
        let rule = FixedPoint(body: body, tolerance: tolerance, maximum: maximum)
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
