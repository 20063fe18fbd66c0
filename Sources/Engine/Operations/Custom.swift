import CShims

/// An operation whose function lies outside of the engine. It keeps no state: equal ids compute the same.
package protocol CustomOperation: AnyObject, Sendable {
    /// Names the function with all its options.
    var id: String { get }
    /// As errors call it.
    var name: String { get }
    var inputCount: Int { get }
    /// An element of the result depends on that element of the inputs only; all have one shape.
    var isElementwise: Bool { get }
    /// Of an operation that is not elementwise; throws a sentence if the inputs do not fit.
    func shape(of inputs: [[Int]]) throws -> [Int]
    /// Of an elementwise operation: that of the same inputs which gives ∂y/∂x_i, nil if it is 0. Of others: that of the inputs and,
    /// last, the cotangent of the result, which gives the cotangent of input i. Throws a sentence if there is none.
    func derivative(byInput i: Int) throws -> (any CustomOperation)?
    /// The call for given memory, whose arguments live as long as the owner: `sz_parts`, by elements if it is elementwise, else as
    /// one part.
    func call(
        _ inputs: [CustomOperand], _ output: CustomOperand, _ precision: Precision, _ parts: Update.Parts
    ) throws -> (arguments: sz_parts, owner: AnyObject)
}

/// A tensor in memory, as functions outside of the engine get it.
package struct CustomOperand {
    package let pointer: UnsafeMutableRawPointer
    package let shape: [Int]
}

/// A custom operation as a rule.
package struct Custom: Hashable, Sendable {
    let operation: any CustomOperation

    package static func == (a: Custom, b: Custom) -> Bool { a.operation.id == b.operation.id }
    package func hash(into hasher: inout Hasher) { hasher.combine(operation.id) }
}

extension Custom: OperationRule {
    var name: String { operation.name }
    var inputCount: Int { operation.inputCount }
    var work: Work { .kernel }
    var isCostly: Bool { !operation.isElementwise }

    func shape(of inputs: [Operand]) throws -> [Int] {
        if operation.isElementwise { return try broadcastShape(of: inputs, for: name) }
        let shape = try operation.shape(of: inputs.map(\.shape))
        try Shape.check(shape, for: name)
        return shape
    }

    func simplified(_ inputs: [Term]) throws -> Term? {
        guard operation.isElementwise else { return nil }
        let shape = inputs.reduce([]) { Shape.broadcast($0, $1.shape) ?? $0 }
        guard inputs.contains(where: { $0.shape != shape }) else { return nil }
        let wide = inputs.map { $0.broadcast(to: shape) }
        return wide[0].applied(Operation(self), wide.dropFirst())
    }

    func vjp(_ inputs: [Term], _ output: Term, _ cotangent: Term, wanted: [Bool]) throws -> [Term?] {
        try inputs.indices.map { i in
            guard wanted[i], let derivative = try operation.derivative(byInput: i) else { return nil }
            let rule = Operation(Custom(operation: derivative))
            if operation.isElementwise { return cotangent * inputs[0].applied(rule, inputs.dropFirst()) }
            let result = try output.graph.apply(rule, (inputs + [cotangent]).map(\.node))
            guard output.graph.shape(of: result) == inputs[i].shape else {
                throw GraphError(
                    "\(name): its derivative \(derivative.name) gives \(output.graph.shape(of: result)) for an input "
                        + "\(inputs[i].shape)")
            }
            return Term(graph: output.graph, node: result)
        }
    }

    /// Elementwise at once, others copy by copy.
    func batched(_ inputs: [BatchedTerm], copies: Int) -> Term {
        if operation.isElementwise {
            let rank = inputs.map(\.shape.count).max() ?? 0
            let aligned = inputs.map { $0.aligned(rank: rank) }
            return aligned[0].applied(Operation(self), aligned.dropFirst())
        }
        let results = (0..<copies).map { copy in
            let own = inputs.map { input in
                input.isBatched
                    ? input.term.sliced(axis: 0, begin: copy, count: 1).reshaped(to: input.shape) : input.term
            }
            let result = own[0].applied(Operation(self), own.dropFirst())
            return result.reshaped(to: [1] + result.shape)
        }
        return Term.concat(results, axis: 0)
    }

    func call(_ inputs: [Buffer], _ output: Buffer, _ precision: Precision) throws -> KernelCall {
        let isElementwise = operation.isElementwise
        let units = isElementwise ? output.count : 1
        return KernelCall(
            "call_parts", units: units, flops: Double(output.count * inputCount),
            reads: inputs.map { _ in isElementwise ? .perUnit(precision.bytes) : .all }
        ) { memory in
            let parts = Update.Parts(
                count: output.count, elementsPerUnit: output.count / units, threads: memory.threads)
            let (arguments, owner) = try operation.call(
                inputs.map { CustomOperand(pointer: $0.pointer, shape: $0.shape) },
                CustomOperand(pointer: output.pointer, shape: output.shape), precision, parts)
            memory.atEnd { withExtendedLifetime(owner) {} }
            return arguments
        }
    }
}

extension Graph {
    package func apply(_ operation: any CustomOperation, _ inputs: [Node]) throws -> Node {
        try apply(Operation(Custom(operation: operation)), inputs)
    }
}
