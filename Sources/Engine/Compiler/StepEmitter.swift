import CShims

/// Turns a schedule into calls, which the planner shares out, and calls into steps with resolved pointers.
struct StepEmitter {
    let graph: Graph
    let precision: Precision
    private var passes: [Int: TileProgram] = [:]

    init(graph: Graph, precision: Precision) {
        self.graph = graph
        self.precision = precision
    }

    /// An item with values at the given addresses.
    mutating func place(_ item: Plan.Item, _ addresses: Addresses) throws -> PlacedCall {
        switch item {
        case .step(let step): return try place(step, addresses)
        case .copy(let source, let offset): return copy(source, to: addresses.gradient(offset), addresses)
        case .assign(let source, let offset): return copy(source, to: addresses.parameter(offset), addresses)
        case .gather(let node, let rows):
            let target = buffer(node, addresses)
            let bytes = target.bytes.count / target.shape[0]
            let call = KernelCall("gather", units: target.shape[0], flops: 0, reads: []) { _ in
                sz_gather(rows: rows.rows, order: rows.order, out: target.pointer, bytes: Int64(bytes))
            }
            return placed(call, [], [target])
        case .update(let update, let parts):
            return PlacedCall(task: update.task(parts)) { _ in update.step(parts) }
        }
    }

    mutating func place(_ step: Schedule.Step, _ addresses: Addresses) throws -> PlacedCall {
        let outputs = step.outputs.map { buffer($0, addresses) }
        switch step.work {
        case .pass(let pass):
            let program = passes[step.outputs[0]] ?? TileProgram(graph, pass, addresses.owner, precision: precision)
            passes[step.outputs[0]] = program
            let inputs = program.loads.map { buffer($0.node, addresses) }
            return placed(program.call(inputs, outputs), inputs, outputs)
        case .operation(let operation):
            let inputs = graph.inputs(step.outputs[0]).map { buffer($0, addresses) }
            return placed(try operation.rule.call(inputs, outputs[0], precision), inputs, outputs)
        }
    }

    private func copy(_ source: Int, to target: UnsafeMutableRawPointer, _ addresses: Addresses) -> PlacedCall {
        let from = buffer(source, addresses)
        let to = Buffer(pointer: target, shape: from.shape, precision: precision)
        let call = KernelCall("copy", units: from.count, flops: 0, reads: [.perUnit(precision.bytes)]) { _ in
            sz_copy(a: UnsafeRawPointer(from.pointer), out: to.pointer)
        }
        return placed(call, [from], [to])
    }

    private func buffer(_ id: Int, _ addresses: Addresses) -> Buffer {
        Buffer(pointer: addresses.value(id), shape: graph.shape(of: Node(id: id)), precision: precision)
    }

    private func placed(_ call: KernelCall, _ inputs: [Buffer], _ outputs: [Buffer]) -> PlacedCall {
        let reads = zip(inputs, call.reads).map { Touch(bytes: $0.bytes, access: $1, isWrite: false) }
        let writes = outputs.map {
            Touch(bytes: $0.bytes, access: .perUnit($0.bytes.count / call.units), isWrite: true)
        }
        let task = Task(units: call.units, touches: reads + writes, flops: call.flops)
        return PlacedCall(task: task) { [precision] memory in
            guard let kernel = sz_find_kernel(call.kernel, Int32(precision.bytes)) else {
                throw GraphError("no kernel \(call.kernel)")
            }
            return Step(
                name: call.kernel, task: task, kernel: kernel,
                arguments: UnsafeRawPointer(try call.arguments(memory)))
        }
    }
}

/// A call with the memory it touches.
struct PlacedCall {
    let task: Task
    /// The step, with arguments in memory that lives as long as the program.
    let step: (StepMemory) throws -> Step
}
