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
    /// Of a derivative: the equation is linear, and the largest |z| of a copy stands for the 1, so that half of a cotangent
    /// gives half of the solution, however small.
    let isLinear: Bool
    /// z is so many solutions one after the other.
    let copies: Int

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
    /// tolerance, of the largest |w|; what is shared gets (∂f/∂shared)ᵀ w. Where z starts does not matter.
    ///
    /// Source: Bai, Kolter and Koltun, NeurIPS 2019, theorem 1.
    func vjp(_ inputs: [Term], _ output: Term, _ cotangent: Term, wanted: [Bool]) throws -> [Term?] {
        let graph = output.graph
        let transposed = try body.vjp([true] + wanted[1...])
        let values = [solution(output).node] + inputs[1...].map(\.node)
        let c = solution(cotangent)
        let w = graph.placeholder(c.shape, for: Loop.placeholder)
        let pulled = try transposed.applied(in: graph, to: values + [w])[0]
        let next = (c + Term(graph: graph, node: pulled)).node
        let solved = try graph.solved(
            w, from: c.node, next: next, tolerance: tolerance, maximum: maximum, copies: copies, isLinear: true)
        let all = try transposed.applied(in: graph, to: values + [solved.solution])
        return [nil] + all[1..<body.argumentCount].map { Term(graph: graph, node: $0) }
    }

    /// All copies go on until the last one has arrived.
    func batched(_ inputs: [BatchedTerm], copies: Int) throws -> Term {
        let graph = inputs[0].term.graph
        let start = inputs[0].all(copies)
        let z = graph.placeholder(start.shape, for: Loop.placeholder)
        let isBatched = [true] + inputs[1...].map(\.isBatched)
        let next = try body.batched(isBatched, copies: copies)
            .applied(in: graph, to: [z] + inputs[1...].map(\.term.node))[0]
        let solved = try graph.solved(
            z, from: start.node, next: next, tolerance: tolerance, maximum: maximum, copies: copies * self.copies,
            isLinear: isLinear)
        let solution = Term(graph: graph, node: solved.solution).reshaped(to: [copies, count])
        let applications = Term(graph: graph, node: solved.applications).broadcast(to: [copies, 1])
        return Term.concat([solution, applications], axis: 1)
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
                z: z, next: inner.results[0], out: output.pointer, copies: Int64(copies),
                count: Int64(count / copies), maximum: Int64(maximum), linear: isLinear ? 1 : 0,
                tolerance: max(tolerance, 4 * rounding))
        }
    }
}
