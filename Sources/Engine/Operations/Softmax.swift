/// Along the last axis: p_i = exp(x_i) / Σ_j exp(x_j), or log p_i. The maximum is subtracted first, so nothing overflows.
package struct Softmax: Hashable, Sendable {
    package var isLog: Bool
    package init(isLog: Bool = false) { self.isLog = isLog }
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
}
