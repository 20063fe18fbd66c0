import CShims

/// Along the last axis: p_i = exp(x_i) / Σ_j exp(x_j), or log p_i. The maximum is subtracted first, so nothing overflows.
package struct Softmax: Hashable, Sendable {
    package var isLog: Bool
    package init(isLog: Bool = false) { self.isLog = isLog }
}

/// Softmax over the elements of the last axis whose mask is not 0; the mask broadcasts to x. The others get exactly 0, whatever
/// x is there, and so does a whole row without any such element (or with none above -∞).
package struct MaskedSoftmax: Hashable, Sendable {}

extension Operation {
    /// Over the last axis.
    package static func softmax(_ softmax: Softmax = Softmax()) -> Operation { Operation(softmax) }
}

extension Softmax: OperationRule {
    var name: String { isLog ? "log_softmax" : "softmax" }
    var inputCount: Int { 1 }

    func shape(of inputs: [Operand]) throws -> [Int] {
        guard !inputs[0].shape.isEmpty else { throw GraphError("\(name): \(inputs[0]) has no axis") }
        return inputs[0].shape
    }

    func vjp(_ inputs: [Term], _ y: Term, _ c: Term) -> [Term?] {
        isLog
            ? [c - y.apply(.exp) * c.sum(axes: [-1], keep: true)]
            : [y * (c - (y * c).sum(axes: [-1], keep: true))]
    }

    func batched(_ inputs: [BatchedTerm], copies: Int) -> Term { inputs[0].term.apply(.softmax(self)) }

    var work: Work { .kernel }

    func rowFunction(of shapes: [[Int]]) -> RowFunction? { RowFunction(kernel: name, width: shapes[0].last ?? 1) }

    func call(_ inputs: [Buffer], _ output: Buffer, _ precision: Precision) -> KernelCall {
        let a = inputs[0], n = a.shape[a.shape.count - 1], rows = a.count / n
        return KernelCall(
            name, units: rows, flops: 4 * Double(a.count), reads: [.perUnit(n * precision.bytes)]
        ) { _ in
            sz_reduce(a: a.pointer, out: output.pointer, outer: Int64(rows), n: Int64(n), inner: 1)
        }
    }
}

extension MaskedSoftmax: OperationRule {
    var name: String { "softmax" }
    var inputCount: Int { 2 }
    var work: Work { .kernel }

    func rowFunction(of shapes: [[Int]]) -> RowFunction? {
        RowFunction(kernel: "masked_softmax", width: shapes[0].last ?? 1)
    }

    func shape(of inputs: [Operand]) throws -> [Int] {
        let (x, mask) = (inputs[0], inputs[1])
        guard !x.shape.isEmpty else { throw GraphError("softmax: \(x) has no axis") }
        guard Shape.broadcast(x.shape, mask.shape) == x.shape else {
            throw GraphError(
                "softmax: mask \(mask) does not fit \(x): sizes must be equal or 1, compared from the last axis")
        }
        return x.shape
    }

    /// As without a mask: where y is 0 nothing passes.
    func vjp(_ inputs: [Term], _ y: Term, _ c: Term) -> [Term?] {
        [y * (c - (y * c).sum(axes: [-1], keep: true)), nil]
    }

    func batched(_ inputs: [BatchedTerm], copies: Int) -> Term {
        inputs[0].all(copies).apply(Operation(self), inputs[1].aligned(rank: inputs[0].shape.count))
    }

    func simplified(_ inputs: [Term]) throws -> Term? {
        let narrow = inputs[1].withoutBroadcast
        return narrow.node == inputs[1].node ? nil : inputs[0].apply(Operation(self), narrow)
    }

    func call(_ inputs: [Buffer], _ output: Buffer, _ precision: Precision) -> KernelCall {
        let (a, mask) = (inputs[0], inputs[1])
        let n = a.shape[a.shape.count - 1], rows = a.count / n
        let leading = Array(a.shape.dropLast()), step = mask.shape.last ?? 1
        let (dims, strides) = TileProgram.layout(of: Array(mask.shape.dropLast()), in: leading)
        return KernelCall(
            "masked_softmax", units: rows, flops: 4 * Double(a.count),
            reads: [
                .perUnit(n * precision.bytes), mask.shape == a.shape ? .perUnit(n * precision.bytes) : .all,
            ]
        ) { memory in
            sz_masked(
                a: UnsafeRawPointer(a.pointer), mask: UnsafeRawPointer(mask.pointer), out: output.pointer,
                n: Int64(n), step: step == 1 ? 0 : 1, rank: Int32(dims.count),
                dims: UnsafePointer(memory.keep(dims.map(Int64.init))),
                strides: UnsafePointer(memory.keep(strides.map { Int64($0 * step) })))
        }
    }
}

extension Operation {
    /// Over the elements of the last axis of the first input whose mask, the second one, is not 0.
    package static let maskedSoftmax = Operation(MaskedSoftmax())
}
