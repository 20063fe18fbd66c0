import CShims

/// Turns a schedule into steps with resolved pointers.
struct StepEmitter {
    let graph: Graph
    let precision: Precision
    let pointer: (Int) -> UnsafeMutableRawPointer
    let memory: StepMemory
    private(set) var steps: [sz_step] = []
    private(set) var flops = 0.0

    init(graph: Graph, precision: Precision, pointer: @escaping (Int) -> UnsafeMutableRawPointer) {
        self.graph = graph
        self.precision = precision
        self.pointer = pointer
        memory = StepMemory(threads: Int(sz_threads()))
    }

    /// Forgets the steps so far (they ran once); what they point to stays.
    mutating func beginRun() {
        steps = []
        flops = 0
    }

    mutating func emit(_ step: Schedule.Step) throws {
        let output = buffer(step.node)
        switch step.work {
        case .iota: Memory.write((0..<output.count).map(Double.init), to: output.pointer, precision)
        case .elementwise(let members):
            let program = TileProgram(graph, members: members, precision: precision)
            try append(program.call(output, precision, pointer))
        case .operation(let operation):
            try append(operation.rule.call(graph.inputs(step.node).map(buffer), output, precision))
        }
    }

    mutating func emitCopy(from source: UnsafeMutableRawPointer, to target: UnsafeMutableRawPointer, count: Int)
        throws
    {
        try append(
            KernelCall("copy", units: count, flops: 0, reads: [.perUnit(precision.bytes)]) { _ in
                sz_copy(a: UnsafeRawPointer(source), out: target)
            })
    }

    private func buffer(_ id: Int) -> Buffer {
        Buffer(pointer: pointer(id), shape: graph.shape(of: Node(id: id)), precision: precision)
    }

    private mutating func append(_ call: KernelCall) throws {
        guard let kernel = sz_find_kernel(call.kernel, Int32(precision.bytes)) else {
            throw GraphError("no kernel \(call.kernel)")
        }
        flops += call.flops
        steps.append(sz_step(run: kernel, arguments: try call.arguments(memory), units: Int64(call.units)))
    }
}
