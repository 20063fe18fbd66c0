import CShims

/// A graph compiled for one precision: nodes in use only, one arena, resolved pointers.
///
/// Parameters are read from the store where they are; the gradients asked for are written into its gradient buffer.
/// A program is used by one thread at a time; a run is one parallel region (`sz_run`).
package final class Program {
    package let precision: Precision
    /// Memory for values that live and die within a run.
    package let arenaBytes: Int
    /// Floating-point operations of a run: 2mnk for a product, one for each element an operation makes or reduces.
    package let flops: Double

    /// What a run does, in the order of one thread.
    package let steps: [Step]
    /// What each thread does of it.
    package let threadLists: ThreadLists

    private let parameters: ParameterStore?
    private let updates: [Update]
    private let memory: StepMemory
    let region: OpaquePointer
    private let inputs: [String: UnsafeMutableRawPointer]
    private let scalars: [String: UnsafeMutableRawPointer]
    private let step: UnsafeMutablePointer<Int64>
    private let results: [Node: (pointer: UnsafeMutableRawPointer, count: Int)]

    /// - Parameters:
    ///   - outputs: nodes whose values can be read after a run.
    ///   - gradients: nodes whose values go to the gradient of a parameter, overwriting it.
    ///   - parameters: a store with the graph's blocks; may be nil if nothing depends on a parameter.
    ///   - updates: what is done with the gradients, in this order for each parameter; their memory must live as long as the
    ///     program.
    ///   - rows: inputs that each run takes from a table.
    ///   - assignments: new values of statistics, written when everything has read the old ones.
    ///   - seeds: of each network in the graph, for random numbers.
    ///   - threads: how many a run uses; results do not depend on it. Nil: as many as OpenBLAS.
    ///   - unrolledOperations: of the largest scan that is compiled step by step.
    package init(
        _ graph: Graph, outputs: [Node], gradients: [(parameter: Node, gradient: Node)] = [], precision: Precision,
        parameters: ParameterStore?, updates: [Update] = [], rows: [String: RowSource] = [:],
        assignments: [Graph.Assignment] = [], seeds: [UInt64] = [0], threads: Int? = nil,
        unrolledOperations: Int = Graph.unrolledOperations
    ) throws {
        try graph.check(outputs + gradients.flatMap { [$0.parameter, $0.gradient] }, for: "program")
        let asked = outputs
        let unrolled = try graph.unrolled(
            outputs + gradients.map(\.gradient) + assignments.map(\.value), limit: unrolledOperations)
        func resolved(_ node: Node) -> Node { unrolled?.nodes[node] ?? node }
        let graph = unrolled?.graph ?? graph
        let outputs = outputs.map(resolved)
        let gradients = gradients.map { (parameter: resolved($0.parameter), gradient: resolved($0.gradient)) }
        let assignments = assignments.map { Graph.Assignment(block: $0.block, value: resolved($0.value)) }
        let targets = try Program.targets(graph, gradients, precision)
        let schedule = Schedule(graph, results: outputs + gradients.map(\.gradient) + assignments.map(\.value))
        try Program.check(parameters, graph, schedule, targets, precision)

        var extras = Plan.Extras(updates: updates, kept: Set(outputs.map { schedule.owner[$0.id] ?? $0.id }))
        for assignment in assignments {
            let owner = schedule.owner[assignment.value.id] ?? assignment.value.id
            extras.assignments.append(
                .assign(source: owner, offset: graph.blocks[assignment.block].offset * precision.bytes))
            extras.kept.insert(owner)
        }
        // A gradient is computed in place unless its value is also an output, a source, a constant, or goes to two
        // parameters: updates of one of them may change it before the other has it.
        let computed = Set(schedule.steps.lazy.flatMap(\.outputs))
        let owners = targets.map { schedule.owner[$0.gradient.id] ?? $0.gradient.id }
        let uses = Dictionary(owners.map { ($0, 1) }, uniquingKeysWith: +)
        for (target, owner) in zip(targets, owners) {
            if computed.contains(owner), !extras.kept.contains(owner), uses[owner] == 1 {
                extras.gradients[owner] = target.offset
            } else {
                extras.copies.append(.copy(source: owner, offset: target.offset))
                extras.kept.insert(owner)
            }
        }
        let threads = max(threads ?? Int(sz_threads()), 1)
        let batches = Set(
            schedule.sources.compactMap { id in
                if case .input = graph.definition(of: Node(id: id)) {
                    graph.shape(of: Node(id: id)).first
                } else {
                    nil
                }
            })
        let sharing = Sharing(threads: threads, grids: batches.sorted(by: >))
        // What libraries prepare for a step is to run on the thread that does the step.
        let outside = sz_threads()
        sz_set_threads(1)
        defer { sz_set_threads(outside) }
        var emitter = StepEmitter(graph: graph, precision: precision)
        for id in schedule.sources {
            guard case .input(let name) = graph.definition(of: Node(id: id)), let rows = rows[name] else { continue }
            extras.gathers.append(.gather(node: id, rows))
        }
        let plan = try Plan(schedule, extras, sharing: sharing, emitter: &emitter, parameters: parameters)
        try Memory.check(bytes: plan.placement.bytes, for: "program: needs")

        let memory = StepMemory(threads: threads, seeds: seeds)
        let addresses = Addresses(
            schedule: schedule, placement: plan.placement, memory: memory.scratch(bytes: plan.placement.bytes),
            parameters: parameters)
        for id in schedule.sources {
            switch graph.definition(of: Node(id: id)) {
            case .constant(let bits): Memory.write([Double(bitPattern: bits)], to: addresses.value(id), precision)
            case .iota(let count): Memory.write((0..<count).map(Double.init), to: addresses.value(id), precision)
            case .table(let bits):
                Memory.write(bits.map(Double.init(bitPattern:)), to: addresses.value(id), precision)
            default: break
            }
        }
        for step in schedule.constantSteps {
            let step = try emitter.place(step, addresses).step(memory)
            step.kernel(step.arguments, 0, Int64(step.task.units), 0)
        }
        let groups = try plan.groups.map { try $0.map { try emitter.place($0, addresses).step(memory) } }
        steps = Array(groups.joined())
        flops = steps.reduce(0) { $0 + $1.task.flops }
        threadLists = ThreadLists(groups, sharing)
        let epochs = threadLists.shares[0].count
        guard let region = sz_region_create(threadLists.lists(memory), Int32(threads), Int32(epochs)) else {
            throw GraphError("program: no memory for \(threads) threads")
        }
        self.region = region

        var inputs: [String: UnsafeMutableRawPointer] = [:], scalars: [String: UnsafeMutableRawPointer] = [:]
        for id in schedule.sources {
            switch graph.definition(of: Node(id: id)) {
            case .input(let name): inputs[name] = addresses.value(id)
            case .scalar(let name): scalars[name] = addresses.value(id)
            default: break
            }
        }
        self.memory = memory
        step = memory.step
        self.precision = precision
        self.parameters = parameters
        self.updates = updates
        self.inputs = inputs
        self.scalars = scalars
        arenaBytes = plan.placement.arenaBytes
        results = Dictionary(
            zip(asked, outputs).map { ($0, (addresses.value($1.id), Shape.elements(graph.shape(of: $1)))) },
            uniquingKeysWith: { a, _ in a })
    }

    deinit { sz_region_destroy(region) }

    // MARK: Running

    /// Where to put the values of an input, row-major and of the program's precision; nil if no output depends on it.
    package func inputBuffer(_ name: String) -> UnsafeMutableRawPointer? { inputs[name] }

    /// Sets the values of an input from f64; does nothing if no output depends on it.
    package func setInput(_ name: String, _ values: [Double]) {
        if let buffer = inputs[name] { Memory.write(values, to: buffer, precision) }
    }

    /// Sets a number for the next runs; does nothing if no output depends on it.
    package func setScalar(_ name: String, _ value: Double) {
        guard let target = scalars[name] else { return }
        switch precision {
        case .f32: target.storeBytes(of: Float(value), as: Float.self)
        case .f64: target.storeBytes(of: value, as: Double.self)
        }
    }

    /// Sets the number of the step, which random numbers depend on, for the next runs.
    package func setStep(_ value: Int) { step.pointee = Int64(value) }

    /// Computes the outputs and gradients.
    package func run() { sz_run(region) }

    /// An output's values, valid until the next run.
    package func output(_ node: Node) -> UnsafeRawPointer { UnsafeRawPointer(result(node).pointer) }

    /// An output's values as f64, row-major.
    package func copy(_ node: Node) -> [Double] {
        let (pointer, count) = result(node)
        return Memory.read(pointer, count: count, precision)
    }

    /// The first (usually only) element of an output.
    package func scalar(_ node: Node) -> Double {
        let pointer = result(node).pointer
        return precision == .f32 ? Double(pointer.load(as: Float.self)) : pointer.load(as: Double.self)
    }

    private func result(_ node: Node) -> (pointer: UnsafeMutableRawPointer, count: Int) {
        guard let result = results[node] else {
            preconditionFailure("node \(node.id) is not an output of the program")
        }
        return result
    }

    // MARK: Checks

    private struct Target {
        let gradient: Node
        let offset, count: Int
    }

    private static func targets(
        _ graph: Graph, _ gradients: [(parameter: Node, gradient: Node)], _ precision: Precision
    ) throws -> [Target] {
        var seen: Set<Node> = []
        return try gradients.map { pair in
            let name = graph.operand(pair.parameter), gradient = graph.operand(pair.gradient)
            guard case .parameter(let index) = graph.definition(of: pair.parameter) else {
                throw GraphError("program: \(name) gets a gradient but is not a parameter")
            }
            guard seen.insert(pair.parameter).inserted else {
                throw GraphError("program: \(name) gets two gradients")
            }
            guard gradient.shape == name.shape else {
                throw GraphError("program: gradient \(gradient) does not have the shape of \(name)")
            }
            let block = graph.blocks[index]
            return Target(gradient: pair.gradient, offset: block.offset * precision.bytes, count: block.count)
        }
    }

    private static func check(
        _ store: ParameterStore?, _ graph: Graph, _ schedule: Schedule, _ targets: [Target], _ precision: Precision
    ) throws {
        for id in schedule.sources {
            if case .input(let name) = graph.definition(of: Node(id: id)), name.hasPrefix(Loop.placeholder) {
                throw GraphError(
                    "program: something outside a scan or fixed point reads a value from inside; make it a result")
            }
        }
        guard let store else {
            let parameter = schedule.sources.lazy.map(Node.init(id:)).first {
                if case .parameter = graph.definition(of: $0) { true } else { false }
            }
            if let parameter { throw GraphError("program: needs a parameter store for \(graph.operand(parameter))") }
            if !targets.isEmpty { throw GraphError("program: needs a parameter store for gradients") }
            return
        }
        guard store.precision == precision else {
            throw GraphError("program: is \(precision), its parameter store \(store.precision)")
        }
        guard store.blocks == graph.blocks else {
            let (a, b) = (graph.blocks.map(\.name), store.blocks.map(\.name))
            throw GraphError("program: the parameter store was made for another graph: \(b) against \(a)")
        }
    }
}
