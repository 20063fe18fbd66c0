import CShims

/// Sum, mean or largest element along axes.
package struct Reduction: Hashable, Sendable {
    package enum Kind: String, Sendable { case sum, mean, max }
    package var kind: Kind
    /// -1 is the last axis; nil means all.
    package var axes: [Int]?
    /// Reduced axes stay, with size 1.
    package var keep: Bool

    package init(kind: Kind, axes: [Int]? = nil, keep: Bool = false) {
        self.kind = kind
        self.axes = axes
        self.keep = keep
    }

    /// What the kernels do, and all that a graph contains: sum or max over adjacent axes, which disappear.
    func range(in shape: [Int]) -> Range<Int> {
        let axes = axes ?? []
        return (axes.first ?? 0)..<((axes.last ?? -1) + 1)
    }
}

extension Operation {
    package static func reduce(_ reduction: Reduction) -> Operation { Operation(reduction) }
    package static func sum(axes: [Int]? = nil, keep: Bool = false) -> Operation {
        .reduce(Reduction(kind: .sum, axes: axes, keep: keep))
    }
    package static func mean(axes: [Int]? = nil, keep: Bool = false) -> Operation {
        .reduce(Reduction(kind: .mean, axes: axes, keep: keep))
    }
    package static func max(axes: [Int]? = nil, keep: Bool = false) -> Operation {
        .reduce(Reduction(kind: .max, axes: axes, keep: keep))
    }
}

extension Reduction: OperationRule {
    var name: String { kind.rawValue }
    var inputCount: Int { 1 }

    func shape(of inputs: [Operand]) throws -> [Int] {
        let shape = inputs[0].shape
        let axes = Set(try Reduction.resolved(axes, of: inputs[0], for: name))
        return shape.indices.compactMap { axes.contains($0) ? (keep ? 1 : nil) : shape[$0] }
    }

    /// Axes counted from the front, ascending.
    static func resolved(_ axes: [Int]?, of input: Operand, for name: String) throws -> [Int] {
        guard let axes else { return Array(input.shape.indices) }
        let resolved = try axes.map { axis in
            guard let result = Shape.axis(axis, rank: input.shape.count) else {
                throw GraphError("\(name): \(input) has no axis \(axis)")
            }
            return result
        }
        guard Set(resolved).count == resolved.count else {
            throw GraphError("\(name): \(axes) names an axis of \(input) twice")
        }
        return resolved.sorted()
    }

    func vjp(_ inputs: [Term], _ output: Term, _ cotangent: Term) -> [Term?] {
        let x = inputs[0]
        var kept = x.shape
        for axis in range(in: kept) { kept[axis] = 1 }
        let c = cotangent.reshaped(to: kept)
        guard kind == .max else { return [c.broadcast(to: x.shape)] }
        // Elements that share the maximum share its cotangent.
        let largest = x.apply(.binary(.equal), output.reshaped(to: kept))
        let count = largest.sum(axes: Array(range(in: kept)), keep: true)
        return [c / count * largest]
    }

    func batched(_ inputs: [BatchedTerm], copies: Int) -> Term {
        let axes = range(in: inputs[0].shape).map { $0 + 1 }
        return inputs[0].term.apply(.reduce(Reduction(kind: kind, axes: axes)))
    }

    var work: Work { .kernel }

    func rowFunction(of shapes: [[Int]]) -> RowFunction? {
        let shape = shapes[0], range = range(in: shape)
        guard range.upperBound == shape.count else { return nil }
        return RowFunction(kernel: kind.rawValue, width: Shape.elements(Array(shape[range])))
    }

    func call(_ inputs: [Buffer], _ output: Buffer, _ precision: Precision) -> KernelCall {
        let a = inputs[0], range = range(in: a.shape)
        let outer = Shape.elements(Array(a.shape[..<range.lowerBound]))
        let n = Shape.elements(Array(a.shape[range]))
        let inner = Shape.elements(Array(a.shape[range.upperBound...]))
        // A unit is a slab of `inner` results, or one of them if there is only one slab.
        let isOneSlab = outer == 1
        return KernelCall(
            kind.rawValue, units: isOneSlab ? inner : outer, flops: Double(a.count),
            reads: [isOneSlab ? .all : .perUnit(n * inner * precision.bytes)]
        ) { _ in
            sz_reduce(
                a: a.pointer, out: output.pointer, outer: Int64(outer), n: Int64(n), inner: Int64(inner))
        }
    }

    func simplified(_ inputs: [Term]) throws -> Term? {
        let x = inputs[0], shape = x.shape
        let axes = try Reduction.resolved(axes, of: Operand(name: nil, shape: shape), for: name)
        let isCanonical =
            kind != .mean && !keep && self.axes == axes && axes.last.map { $0 - axes[0] + 1 } == axes.count
        if isCanonical { return kind == .sum ? x.sumOfProduct(over: range(in: shape)) : nil }
        if kind == .max, axes.count > 1, axes[axes.count - 1] - axes[0] >= axes.count {
            // One maximum of all, since equal elements share its cotangent alike.
            let rest = shape.indices.filter { !axes.contains($0) }
            let largest = x.permuted(rest + axes).apply(.max(axes: Array(rest.count..<shape.count)))
            return keep ? largest.reshaped(to: shape.indices.map { axes.contains($0) ? 1 : shape[$0] }) : largest
        }
        var result = x
        var end = axes.count
        while end > 0 {  // runs of adjacent axes, the last first: the earlier ones keep their numbers
            var begin = end - 1
            while begin > 0 && axes[begin - 1] == axes[begin] - 1 { begin -= 1 }
            result = result.apply(
                .reduce(Reduction(kind: kind == .max ? .max : .sum, axes: Array(axes[begin..<end]))))
            end = begin
        }
        if kind == .mean { result = (1 / Double(Shape.elements(axes.map { shape[$0] }))) * result }
        return keep ? result.reshaped(to: shape.indices.map { axes.contains($0) ? 1 : shape[$0] }) : result
    }
}
