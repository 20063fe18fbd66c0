import CShims

/// Sums along an axis up to each element, that element included or not, from its beginning or from its end.
package struct CumulativeSum: Hashable, Sendable {
    package let axis: Int
    /// Without the element itself: the first sum is 0.
    package var isExclusive = false
    /// From the last element on.
    package var isReverse = false
}

extension CumulativeSum: OperationRule {
    var name: String { "cumsum" }
    var inputCount: Int { 1 }
    var work: Work { .kernel }

    func shape(of inputs: [Operand]) throws -> [Int] {
        guard inputs[0].shape.indices.contains(axis) else {
            throw GraphError("cumsum: \(inputs[0]) has no axis \(axis)")
        }
        return inputs[0].shape
    }

    func vjp(_ inputs: [Term], _ output: Term, _ c: Term) -> [Term?] {
        var rule = self
        rule.isReverse.toggle()
        return [c.apply(Operation(rule))]
    }

    func batched(_ inputs: [BatchedTerm], copies: Int) -> Term {
        inputs[0].term.apply(
            Operation(CumulativeSum(axis: axis + 1, isExclusive: isExclusive, isReverse: isReverse)))
    }

    func call(_ inputs: [Buffer], _ output: Buffer, _ precision: Precision) -> KernelCall {
        let a = inputs[0], outer = Shape.elements(Array(a.shape[..<axis]))
        return KernelCall(
            name, units: outer, flops: Double(a.count), reads: [.perUnit(a.count / outer * precision.bytes)]
        ) { _ in
            sz_cumsum(
                a: UnsafeRawPointer(a.pointer), out: output.pointer, outer: Int64(outer), n: Int64(a.shape[axis]),
                inner: Int64(Shape.elements(Array(a.shape[(axis + 1)...]))), exclusive: isExclusive ? 1 : 0,
                reverse: isReverse ? 1 : 0)
        }
    }
}
