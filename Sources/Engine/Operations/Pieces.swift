import CShims

/// Elements begin, begin + step, … of one axis, `count` of them.
package struct Slice: Hashable, Sendable {
    package let axis, begin, count, step: Int
    /// Elements of the axis from the first to the last one taken.
    fileprivate var span: Int { (count - 1) * step + 1 }
}

/// Zeros before, between and after the elements of one axis, which are `step` apart in the result: the transpose of `Slice`.
package struct Pad: Hashable, Sendable {
    package let axis, before, after, step: Int
}

/// Tensors one after the other along one axis.
package struct Concat: Hashable, Sendable {
    package let axis: Int
    let parts: Int
}

/// An axis in the middle of two others, as the kernels of pieces see a tensor.
private struct MiddleAxis {
    let outer, size, inner: Int

    init(_ shape: [Int], axis: Int) {
        outer = Shape.elements(Array(shape[..<axis]))
        size = shape[axis]
        inner = Shape.elements(Array(shape[(axis + 1)...]))
    }

    /// Rows of the outer axis, or elements of this one if there is only one row.
    var units: Int { outer == 1 ? size : outer }

    /// What units of a result read of an operand of this shape.
    func access(_ precision: Precision) -> Access {
        outer == 1 ? .all : .perUnit(size * inner * precision.bytes)
    }
}

extension Slice: OperationRule {
    var name: String { "slice" }
    var inputCount: Int { 1 }
    var work: Work { .kernel }

    func shape(of inputs: [Operand]) throws -> [Int] {
        var shape = inputs[0].shape
        guard shape.indices.contains(axis) else { throw GraphError("slice: \(inputs[0]) has no axis \(axis)") }
        guard begin >= 0, step > 0, count > 0, begin + span <= shape[axis] else {
            throw GraphError(
                "slice: \(count) elements from \(begin) on, \(step) apart, are not in axis \(axis) of \(inputs[0])")
        }
        shape[axis] = count
        return shape
    }

    func vjp(_ inputs: [Term], _ output: Term, _ c: Term) -> [Term?] {
        [c.padded(axis: axis, before: begin, after: inputs[0].shape[axis] - begin - span, step: step)]
    }

    func batched(_ inputs: [BatchedTerm], copies: Int) -> Term {
        inputs[0].term.sliced(axis: axis + 1, begin: begin, count: count, step: step)
    }

    func simplified(_ inputs: [Term]) throws -> Term? {
        let x = inputs[0]
        if count == x.shape[axis] { return x }
        if let inner = x.rule as? Slice, inner.axis == axis {
            return x.inputs[0].sliced(
                axis: axis, begin: inner.begin + begin * inner.step, count: count, step: step * inner.step)
        }
        if x.rule is Broadcast {
            let single = x.inputs[0], own = axis - (x.shape.count - single.shape.count)
            var shape = x.shape
            shape[axis] = count
            let isRepeated = own < 0 || single.shape[own] == 1
            let part = isRepeated ? single : single.sliced(axis: own, begin: begin, count: count, step: step)
            return part.broadcast(to: shape)
        }
        if let concat = x.rule as? Concat, concat.axis == axis { return sliced(parts: x.inputs) }
        if let pad = x.rule as? Pad, pad.axis == axis, pad.step == 1 {
            let inner = x.inputs[0], end = pad.before + inner.shape[axis]
            if begin + span <= pad.before || begin >= end {
                var shape = x.shape
                shape[axis] = count
                return x.constant(0).broadcast(to: shape)
            }
            guard begin >= pad.before, begin + span <= end else { return nil }
            return inner.sliced(axis: axis, begin: begin - pad.before, count: count, step: step)
        }
        if x.rule as? Binary == .add, x.inputs.allSatisfy({ $0.shape == x.shape }),
            x.inputs.contains(where: { ($0.rule as? Pad)?.axis == axis })
        {
            let parts = x.inputs.map { $0.sliced(axis: axis, begin: begin, count: count, step: step) }
            return parts[0] + parts[1]
        }
        return nil
    }

    /// The piece of joined parts that lies in one of them, or consists of whole ones.
    private func sliced(parts: [Term]) -> Term? {
        var offset = 0
        var inside: [Term] = []
        for part in parts {
            let size = part.shape[axis]
            if begin >= offset, begin + span <= offset + size {
                return part.sliced(axis: axis, begin: begin - offset, count: count, step: step)
            }
            if step == 1, begin <= offset, offset + size <= begin + count { inside.append(part) }
            offset += size
        }
        guard inside.reduce(0, { $0 + $1.shape[axis] }) == count, step == 1 else { return nil }
        return Term.concat(inside, axis: axis)
    }

    func call(_ inputs: [Buffer], _ output: Buffer, _ precision: Precision) -> KernelCall {
        let a = inputs[0], whole = MiddleAxis(a.shape, axis: axis)
        return KernelCall(
            name, units: MiddleAxis(output.shape, axis: axis).units, flops: 0, reads: [whole.access(precision)]
        ) { _ in
            sz_slice(
                a: UnsafeRawPointer(a.pointer), out: output.pointer, outer: Int64(whole.outer),
                size: Int64(whole.size), count: Int64(count), inner: Int64(whole.inner), begin: Int64(begin),
                step: Int64(step))
        }
    }
}

extension Pad: OperationRule {
    var name: String { "pad" }
    var inputCount: Int { 1 }
    var work: Work { .kernel }

    func shape(of inputs: [Operand]) throws -> [Int] {
        var shape = inputs[0].shape
        guard shape.indices.contains(axis) else { throw GraphError("pad: \(inputs[0]) has no axis \(axis)") }
        guard before >= 0, after >= 0, step > 0 else {
            throw GraphError("pad: \(before) before and \(after) after \(inputs[0]); at least 0 is expected")
        }
        let (size, overflow) = before.addingReportingOverflow(after)
        guard !overflow, size <= Shape.limit else {
            throw GraphError("pad: \(before) before and \(after) after \(inputs[0]) are too many")
        }
        shape[axis] = size + (shape[axis] - 1) * step + 1
        try Shape.check(shape, for: name)
        return shape
    }

    func vjp(_ inputs: [Term], _ output: Term, _ c: Term) -> [Term?] {
        [c.sliced(axis: axis, begin: before, count: inputs[0].shape[axis], step: step)]
    }

    func batched(_ inputs: [BatchedTerm], copies: Int) -> Term {
        inputs[0].term.padded(axis: axis + 1, before: before, after: after, step: step)
    }

    func simplified(_ inputs: [Term]) throws -> Term? {
        before == 0 && after == 0 && (step == 1 || inputs[0].shape[axis] == 1) ? inputs[0] : nil
    }

    func call(_ inputs: [Buffer], _ output: Buffer, _ precision: Precision) -> KernelCall {
        let a = inputs[0], part = MiddleAxis(a.shape, axis: axis), whole = MiddleAxis(output.shape, axis: axis)
        return KernelCall(name, units: whole.units, flops: 0, reads: [part.access(precision)]) { _ in
            sz_slice(
                a: UnsafeRawPointer(a.pointer), out: output.pointer, outer: Int64(whole.outer),
                size: Int64(whole.size), count: Int64(part.size), inner: Int64(whole.inner), begin: Int64(before),
                step: Int64(step))
        }
    }
}

extension Concat: OperationRule {
    var name: String { "concat" }
    var inputCount: Int { parts }
    var work: Work { .kernel }

    func shape(of inputs: [Operand]) throws -> [Int] {
        var shape = inputs[0].shape
        guard shape.indices.contains(axis) else { throw GraphError("concat: \(inputs[0]) has no axis \(axis)") }
        for input in inputs.dropFirst() {
            var expected = input.shape
            if expected.indices.contains(axis) { expected[axis] = shape[axis] }
            guard expected == shape else {
                throw GraphError(
                    "concat: \(inputs[0]) and \(input) do not fit: sizes must be equal but along axis \(axis)")
            }
        }
        shape[axis] = inputs.reduce(0) { $0 + $1.shape[axis] }
        try Shape.check(shape, for: name)
        return shape
    }

    func vjp(_ inputs: [Term], _ output: Term, _ c: Term) -> [Term?] {
        var begin = 0
        return inputs.map { input in
            let count = input.shape[axis]
            defer { begin += count }
            return c.sliced(axis: axis, begin: begin, count: count)
        }
    }

    func batched(_ inputs: [BatchedTerm], copies: Int) -> Term {
        Term.concat(inputs.map { $0.all(copies) }, axis: axis + 1)
    }

    func simplified(_ inputs: [Term]) throws -> Term? {
        if parts == 1 { return inputs[0] }
        guard inputs.contains(where: { ($0.rule as? Concat)?.axis == axis }) else { return nil }
        return Term.concat(inputs.flatMap { ($0.rule as? Concat)?.axis == axis ? $0.inputs : [$0] }, axis: axis)
    }

    func call(_ inputs: [Buffer], _ output: Buffer, _ precision: Precision) -> KernelCall {
        let whole = MiddleAxis(output.shape, axis: axis)
        return KernelCall(
            name, units: whole.units, flops: 0,
            reads: inputs.map { MiddleAxis($0.shape, axis: axis).access(precision) }
        ) { memory in
            let parts = inputs.map { input in
                sz_part(a: UnsafeRawPointer(input.pointer), size: Int64(input.shape[axis] * whole.inner))
            }
            return sz_concat(
                part: UnsafePointer(memory.keep(parts)), parts: Int32(parts.count), out: output.pointer,
                row: Int64(whole.size * whole.inner), unit: Int64(output.count / whole.units))
        }
    }
}

extension Term {
    func sliced(axis: Int, begin: Int, count: Int, step: Int = 1) -> Term {
        apply(Operation(Slice(axis: axis, begin: begin, count: count, step: step)))
    }

    func padded(axis: Int, before: Int, after: Int, step: Int = 1) -> Term {
        apply(Operation(Pad(axis: axis, before: before, after: after, step: step)))
    }

    static func concat(_ parts: [Term], axis: Int) -> Term {
        parts[0].applied(Operation(Concat(axis: axis, parts: parts.count)), parts.dropFirst())
    }

    /// The sum of two padded pieces that lie side by side: one piece, so that the gradients of all pieces of a tensor are
    /// joined, not added up among zeros.
    func joined(with other: Term) -> Term? {
        guard let a = rule as? Pad, let b = other.rule as? Pad, a.axis == b.axis, a.step == 1, b.step == 1,
            shape == other.shape
        else { return nil }
        let (x, y) = (inputs[0], other.inputs[0])
        if a.before + x.shape[a.axis] == b.before {
            return Term.concat([x, y], axis: a.axis).padded(axis: a.axis, before: a.before, after: b.after)
        }
        return b.before + y.shape[b.axis] == a.before ? other.joined(with: self) : nil
    }
}

extension Graph {
    /// An axis counted from the front, for one that may be counted from the back.
    func axis(_ axis: Int, of node: Node, for what: String) throws -> Int {
        try check([node], for: what)
        guard let resolved = Shape.axis(axis, rank: shape(of: node).count) else {
            throw GraphError("\(what): \(operand(node)) has no axis \(axis)")
        }
        return resolved
    }

    /// Elements begin, begin + step, … before `end` of an axis; negative numbers count from the end.
    package func slice(_ x: Node, axis: Int, begin: Int = 0, end: Int? = nil, step: Int = 1) throws -> Node {
        let axis = try self.axis(axis, of: x, for: "slice")
        let size = shape(of: x)[axis]
        let (first, last) = (begin < 0 ? begin + size : begin, end.map { $0 < 0 ? $0 + size : $0 } ?? size)
        guard first >= 0, last <= size, first < last else {
            throw GraphError(
                "slice: \(begin) ..< \(end ?? size) is no part of axis \(axis) of \(operand(x)), which has \(size) elements"
            )
        }
        guard step > 0 else { throw GraphError("slice: step is \(step); at least 1 is expected") }
        let count = (last - first - 1) / step + 1
        return try apply(Operation(Slice(axis: axis, begin: first, count: count, step: step)), [x])
    }

    /// Zeros before and after an axis.
    package func pad(_ x: Node, axis: Int, before: Int = 0, after: Int = 0) throws -> Node {
        let axis = try self.axis(axis, of: x, for: "pad")
        return try apply(Operation(Pad(axis: axis, before: before, after: after, step: 1)), [x])
    }

    /// Tensors of equal sizes but along one axis, one after the other along it.
    package func concat(_ parts: [Node], axis: Int) throws -> Node {
        guard let first = parts.first else { throw GraphError("concat: no inputs; at least 1 expected") }
        let axis = try self.axis(axis, of: first, for: "concat")
        return try apply(Operation(Concat(axis: axis, parts: parts.count)), parts)
    }

    /// Tensors of equal shapes along a new axis.
    package func stack(_ parts: [Node], axis: Int) throws -> Node {
        guard let first = parts.first else { throw GraphError("stack: no inputs; at least 1 expected") }
        try check(parts, for: "stack")
        let shape = shape(of: first)
        guard let axis = Shape.axis(axis, rank: shape.count + 1) else {
            throw GraphError("stack: \(operand(first)) gets no axis \(axis)")
        }
        for part in parts where self.shape(of: part) != shape {
            throw GraphError("stack: \(operand(first)) and \(operand(part)) do not have the same shape")
        }
        var single = shape
        single.insert(1, at: axis)
        return try concat(try parts.map { try reshape($0, to: single) }, axis: axis)
    }
}
