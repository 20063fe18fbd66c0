import CShims

/// Operations that move or repeat elements and compute nothing.

extension Operation {
    /// Same elements in the same order, other shape.
    package static func reshape(_ shape: [Int]) -> Operation { Operation(Reshape(shape: shape)) }
    package static func broadcast(_ shape: [Int]) -> Operation { Operation(Broadcast(shape: shape)) }
    /// Axis i of the result is axis `axes[i]` of the input.
    package static func permute(_ axes: [Int]) -> Operation { Operation(Permute(axes: axes)) }
    /// Exchanges the last two axes.
    package static let transpose = Operation(Permute(axes: nil))
    /// The value itself, with derivative 0.
    package static let stopGradient = Operation(StopGradient())
}

package struct Reshape: OperationRule {
    package let shape: [Int]
    var name: String { "reshape" }
    var inputCount: Int { 1 }
    var work: Work { .alias }

    func shape(of inputs: [Operand]) throws -> [Int] {
        try Shape.check(shape, for: name)
        let (have, want) = (Shape.elements(inputs[0].shape), Shape.elements(shape))
        guard have == want else { throw GraphError("reshape: \(inputs[0]) has \(have) elements, \(shape) \(want)") }
        return shape
    }

    func vjp(_ inputs: [Term], _ output: Term, _ c: Term) -> [Term?] { [c.reshaped(to: inputs[0].shape)] }

    func batched(_ inputs: [BatchedTerm], copies: Int) -> Term { inputs[0].term.reshaped(to: [copies] + shape) }

    func simplified(_ inputs: [Term]) throws -> Term? {
        let x = inputs[0]
        if x.shape == shape { return x }
        if x.rule is Reshape { return x.inputs[0].reshaped(to: shape) }
        let single = x.withoutBroadcast
        return x.rule is Broadcast && single.shape.isEmpty ? single.broadcast(to: shape) : nil
    }
}

package struct Broadcast: OperationRule {
    package let shape: [Int]
    var name: String { "broadcast" }
    var inputCount: Int { 1 }
    var work: Work { .broadcast }

    func shape(of inputs: [Operand]) throws -> [Int] {
        try Shape.check(shape, for: name)
        guard Shape.broadcast(inputs[0].shape, shape) == shape else {
            throw GraphError(
                "broadcast: \(inputs[0]) does not fit \(shape): sizes must be equal or 1, compared from the last axis"
            )
        }
        return shape
    }

    func vjp(_ inputs: [Term], _ output: Term, _ c: Term) -> [Term?] { [c.unbroadcast(to: inputs[0].shape)] }

    func batched(_ inputs: [BatchedTerm], copies: Int) -> Term {
        inputs[0].aligned(rank: shape.count).broadcast(to: [copies] + shape)
    }

    func simplified(_ inputs: [Term]) throws -> Term? {
        let x = inputs[0].withoutBroadcast
        if x.shape == shape { return x }
        return x.node == inputs[0].node ? nil : x.broadcast(to: shape)
    }
}

package struct Permute: OperationRule {
    /// Nil: the last two are exchanged.
    package let axes: [Int]?
    var name: String { axes == nil ? "transpose" : "permute" }
    var inputCount: Int { 1 }
    var work: Work { .kernel }

    static func lastTwo(of rank: Int) -> [Int] { Array(0..<rank - 2) + [rank - 1, rank - 2] }

    private func resolved(_ rank: Int) -> [Int] { axes ?? Permute.lastTwo(of: rank) }

    func shape(of inputs: [Operand]) throws -> [Int] {
        let x = inputs[0], rank = x.shape.count
        if axes == nil, rank < 2 { throw GraphError("transpose: \(x) is not a matrix") }
        let axes = resolved(rank)
        guard axes.sorted() == Array(0..<rank) else {
            throw GraphError("permute: \(axes) is no order of the \(rank) axes of \(x)")
        }
        return axes.map { x.shape[$0] }
    }

    func vjp(_ inputs: [Term], _ output: Term, _ c: Term) -> [Term?] {
        let axes = resolved(inputs[0].shape.count)
        return [c.permuted(axes.indices.map { axis in axes.firstIndex(of: axis) ?? axis })]
    }

    func batched(_ inputs: [BatchedTerm], copies: Int) -> Term {
        inputs[0].term.permuted([0] + resolved(inputs[0].shape.count).map { $0 + 1 })
    }

    func simplified(_ inputs: [Term]) throws -> Term? {
        let x = inputs[0], axes = resolved(x.shape.count)
        if self.axes == nil { return x.permuted(axes) }
        if axes == Array(axes.indices) { return x }
        // Only sizes of 1 move: the elements stay where they are.
        let moved = axes.filter { x.shape[$0] != 1 }
        if moved == moved.sorted() { return x.reshaped(to: axes.map { x.shape[$0] }) }
        if let inner = x.rule as? Permute, let first = inner.axes {
            return x.inputs[0].permuted(axes.map { first[$0] })
        }
        return nil
    }

    func call(_ inputs: [Buffer], _ output: Buffer, _ precision: Precision) -> KernelCall {
        let x = inputs[0]
        let (dims, strides) = layout(of: x.shape)
        // A unit is an element of the first axis, or of the first ones if that has few; `transpose` needs the axis whose
        // elements are neighbours in x among those within a unit, or as the one that counts them.
        var lead = 1
        while dims[..<lead].reduce(1, *) < Permute.smallestUnits, lead < dims.count - 1, strides[lead - 1] != 1 {
            lead += 1
        }
        let isRowWise = strides[0] * dims[0] == x.count
        if isRowWise { lead = 1 }
        let units = dims[..<lead].reduce(1, *)
        return KernelCall(
            "permute", units: units, flops: 0, reads: [isRowWise ? .perUnit(x.count / units * precision.bytes) : .all]
        ) { memory in
            sz_permute(
                a: UnsafeRawPointer(x.pointer), out: output.pointer, rank: Int32(dims.count), lead: Int32(lead),
                dims: UnsafePointer(memory.keep(dims.map(Int64.init))),
                strides: UnsafePointer(memory.keep(strides.map(Int64.init))))
        }
    }

    private static let smallestUnits = 8

    /// The result's axes with those of size 1 left out and those that stay neighbours merged, and how far apart their
    /// elements are in an input of the given shape.
    private func layout(of shape: [Int]) -> (dims: [Int], strides: [Int]) {
        var all = [Int](repeating: 1, count: shape.count)
        for i in all.indices.dropLast().reversed() { all[i] = all[i + 1] * shape[i + 1] }
        var dims: [Int] = [], strides: [Int] = []
        for axis in resolved(shape.count) where shape[axis] != 1 {
            if let last = strides.last, last == all[axis] * shape[axis] {
                dims[dims.count - 1] *= shape[axis]
                strides[strides.count - 1] = all[axis]
            } else {
                dims.append(shape[axis])
                strides.append(all[axis])
            }
        }
        return (dims, strides)
    }
}

package struct StopGradient: OperationRule {
    var name: String { "stop_gradient" }
    var inputCount: Int { 1 }
    var work: Work { .alias }
    func shape(of inputs: [Operand]) -> [Int] { inputs[0].shape }
    func vjp(_ inputs: [Term], _ output: Term, _ cotangent: Term) -> [Term?] { [nil] }
    func batched(_ inputs: [BatchedTerm], copies: Int) -> Term { inputs[0].term.apply(.stopGradient) }
}
