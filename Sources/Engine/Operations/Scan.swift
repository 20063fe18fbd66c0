import CShims

/// A recurrence: the body, applied to the carries of the step before and the step's elements of stacks, gives the carries of the
/// step and further values.
///
/// Inputs: the first carries, stacks `[length] + shape` of elements, and what all steps share. The body takes carries, elements
/// and shared values in this order and gives the next carries and further results. The output is one row of numbers: for each
/// result of the body, the carries first, the values of all steps, `[length] + shape` (`stacks` takes it apart).
///
/// `Graph.scanned` builds it, with what does not depend on the carries left out: that is computed for all steps at once.
package struct Scan: Hashable, Sendable {
    package let body: Body
    package let length: Int
    package let carryCount, elementCount: Int
    /// From the last step to the first.
    package let isReverse: Bool

    /// Of all steps together.
    var operationCount: Int {
        let (count, overflow) = length.multipliedReportingOverflow(by: max(body.operationCount, 1))
        return overflow ? Shape.limit : min(count, Shape.limit)
    }

    /// Where the values of each result are in the output.
    var parts: [(begin: Int, count: Int, shape: [Int])] {
        var begin = 0
        return body.resultShapes.map { shape in
            let count = length * Shape.elements(shape)
            defer { begin += count }
            return (begin, count, [length] + shape)
        }
    }

    func stacks(_ packed: Term) -> [Term] {
        parts.map { packed.sliced(axis: 0, begin: $0.begin, count: $0.count).reshaped(to: $0.shape) }
    }

    /// What `stacks` takes apart.
    private func packed(_ stacks: [Term]) -> Term {
        Term.concat(stacks.map { $0.reshaped(to: [Shape.elements($0.shape)]) }, axis: 0)
    }

    private func split<T>(_ inputs: [T]) -> (initial: [T], elements: [T], shared: [T]) {
        (
            Array(inputs[..<carryCount]), Array(inputs[carryCount..<carryCount + elementCount]),
            Array(inputs[(carryCount + elementCount)...])
        )
    }
}

extension Scan: OperationRule {
    var name: String { "scan" }
    var inputCount: Int { body.argumentCount }
    var work: Work { .kernel }
    var isCostly: Bool { true }

    /// Built by `Graph.scanned` only, from shapes that fit.
    func shape(of inputs: [Operand]) throws -> [Int] {
        var count = 0
        for shape in body.resultShapes {
            try Shape.check([length] + shape, for: name)
            count += length * Shape.elements(shape)
        }
        try Shape.check([count], for: name)
        return [count]
    }

    /// Back-propagation through time: a scan the other way, whose carries are the cotangents of the carries. What a step's
    /// derivative is made of is known beforehand from the saved stacks.
    func vjp(_ inputs: [Term], _ output: Term, _ cotangent: Term, wanted: [Bool]) throws -> [Term?] {
        let graph = output.graph
        let (initial, elements, shared) = split(inputs)
        let (values, cotangents) = (stacks(output), stacks(cotangent))
        var loop = Loop(length: length, isReverse: !isReverse)
        let carried = initial.indices.map { i in
            let previous = graph.previous(values[i], initial[i], isReverse: isReverse)
            return loop.element(of: previous.node, in: graph)
        }
        let own = elements.map { loop.element(of: $0.node, in: graph) }
        var incoming: [Node] = []
        for (k, stack) in cotangents.enumerated() {
            let shape = body.resultShapes[k]
            let direct: Term =
                if stack.withoutBroadcast.shape.isEmpty {
                    stack.withoutBroadcast.broadcast(to: shape)
                } else {
                    Term(graph: graph, node: loop.element(of: stack.node, in: graph))
                }
            guard k < carryCount else {
                incoming.append(direct.node)
                continue
            }
            let later = loop.carry(from: initial[k].constant(0).broadcast(to: shape).node, in: graph)
            incoming.append((direct + Term(graph: graph, node: later)).node)
        }
        let arguments = carried + own + shared.map(\.node)
        let isCarry = initial.map { _ in true }
        let all = try body.vjp(isCarry + wanted[carryCount...]).applied(in: graph, to: arguments + incoming)
        for i in 0..<carryCount { loop.carries[i].next = all[i] }
        // The forward values are there already.
        for (node, stack) in zip(all[body.argumentCount...], values)
        where loop.known[node] == nil && !shared.contains(where: { $0.node == node }) {
            loop.known[node] = stack.node
        }
        let (earlier, rest) = try graph.scanned(loop, outputs: Array(all[carryCount..<body.argumentCount]))
        let first = isReverse ? length - 1 : 0
        let ofInitial = earlier.map { stack in
            let stack = Term(graph: graph, node: stack)
            return stack.sliced(axis: 0, begin: first, count: 1).reshaped(to: Array(stack.shape.dropFirst()))
        }
        let ofRest = rest.enumerated().map { i, stack in
            let stack = Term(graph: graph, node: stack)
            return i < elementCount ? stack : stack.sum(axes: [0])
        }
        return ofInitial + ofRest
    }

    func batched(_ inputs: [BatchedTerm], copies: Int) throws -> Term {
        let graph = inputs[0].term.graph
        let (initial, elements, shared) = split(inputs)
        var loop = Loop(length: length, isReverse: isReverse)
        let carried = initial.map { loop.carry(from: $0.all(copies).node, in: graph) }
        let own = elements.map { element in
            let order = [1, 0] + element.term.shape.indices.dropFirst(2)
            return loop.element(
                of: element.isBatched ? element.term.permuted(order).node : element.term.node, in: graph)
        }
        let isBatched = initial.map { _ in true } + (elements + shared).map(\.isBatched)
        let all = try body.batched(isBatched, copies: copies).applied(
            in: graph, to: carried + own + shared.map(\.term.node))
        for i in 0..<carryCount { loop.carries[i].next = all[i] }
        let (stacks, rest) = try graph.scanned(loop, outputs: Array(all[carryCount...]))
        let rows = (stacks + rest).map { stack in
            let stack = Term(graph: graph, node: stack)
            let order = [1, 0] + stack.shape.indices.dropFirst(2)
            return stack.permuted(order).reshaped(to: [copies, Shape.elements(stack.shape) / copies])
        }
        return Term.concat(rows, axis: 1)
    }

    func call(_ inputs: [Buffer], _ output: Buffer, _ precision: Precision) throws -> KernelCall {
        KernelCall(
            name, units: 1, flops: Double(length) * body.flops, reads: inputs.map { _ in .all }
        ) { memory in
            let inner = try body.program(precision)
            memory.atEnd { withExtendedLifetime(inner.program) {} }
            func moves(_ range: Range<Int>, bytes: (Int) -> Int) -> [sz_move] {
                range.compactMap { i in
                    inner.arguments[i].map { sz_move(from: inputs[i].pointer, to: $0, bytes: Int64(bytes(i))) }
                }
            }
            let elements = carryCount..<carryCount + elementCount
            let starts =
                moves(0..<carryCount) { inputs[$0].bytes.count }
                + moves(elements.upperBound..<inputs.count) { inputs[$0].bytes.count }
            let pieces = moves(elements) { inputs[$0].bytes.count / length }
            let results = zip(parts, inner.results).map { part, result in
                sz_move(
                    from: result, to: output.pointer + part.begin * precision.bytes,
                    bytes: Int64(part.count / length * precision.bytes))
            }
            let carries = (0..<carryCount).compactMap { i in
                inner.arguments[i].map { sz_move(from: results[i].to, to: $0, bytes: results[i].bytes) }
            }
            return sz_scan(
                body: inner.program.region, length: Int64(length), reverse: isReverse ? 1 : 0,
                starts: Int32(starts.count), elements: Int32(pieces.count), results: Int32(results.count),
                carries: Int32(carries.count), start: UnsafePointer(memory.keep(starts)),
                element: UnsafePointer(memory.keep(pieces)), result: UnsafePointer(memory.keep(results)),
                carry: UnsafePointer(memory.keep(carries)))
        }
    }
}
