import CShims

/// Along the last axis: p_i = exp(x_i) / Σ_j exp(x_j), or log p_i. The maximum is subtracted first, so nothing overflows.
package struct Softmax: Hashable, Sendable {
    package var isLog: Bool
    package init(isLog: Bool = false) { self.isLog = isLog }
}

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

    func call(_ inputs: [Buffer], _ output: Buffer, _ precision: Precision) -> KernelCall {
        let a = inputs[0], n = a.shape[a.shape.count - 1], rows = a.count / n
        return KernelCall(
            name, units: rows, flops: 4 * Double(a.count), reads: [.perUnit(n * precision.bytes)]
        ) { _ in
            sz_reduce(a: a.pointer, out: output.pointer, outer: Int64(rows), n: Int64(n), inner: 1)
        }
    }
}
