import CShims

/// A graph compiled for one precision: nodes in use only, one arena, resolved pointers.
///
/// Parameters are read from the store where they are; the gradients asked for are written into its gradient buffer.
/// A program is used by one thread at a time; it may run on several through the OpenMP pool of oneDNN and OpenBLAS,
/// whose size when the program was made it keeps.
package final class Program {
    package let precision: Precision
    /// Memory for values that live and die within a run.
    package let arenaBytes: Int
    /// Floating-point operations of a run: 2mnk for a product, one for each element an operation makes or reduces.
    package let flops: Double

    private let parameters: ParameterStore?
    private let memory: UnsafeMutableRawPointer
    private let steps: UnsafeMutablePointer<sz_step>
    private let stepCount: Int
    private let stepMemory: StepMemory
    private let inputs: [String: UnsafeMutableRawPointer]
    private let scalars: [String: UnsafeMutableRawPointer]
    private let results: [Node: (pointer: UnsafeMutableRawPointer, count: Int)]

    /// - Parameters:
    ///   - outputs: nodes whose values can be read after a run.
    ///   - gradients: nodes whose values go to the gradient of a parameter, overwriting it.
    ///   - parameters: a store with the graph's blocks; may be nil if nothing depends on a parameter.
    package init(
        _ graph: Graph, outputs: [Node], gradients: [(parameter: Node, gradient: Node)] = [], precision: Precision,
        parameters: ParameterStore?
    ) throws {
        try graph.check(outputs + gradients.flatMap { [$0.parameter, $0.gradient] }, for: "program")
        let targets = try Program.targets(graph, gradients, precision)
        let schedule = Schedule(graph, results: outputs + gradients.map(\.gradient))
        try Program.check(parameters, graph, schedule, targets, precision)

        // A gradient is computed in place unless its value is also an output, a source, a constant, or goes to two parameters.
        var kept = Set(outputs.map { schedule.owner[$0.id] ?? $0.id })
        let computed = Set(schedule.steps.lazy.filter { !$0.isConstant }.map(\.node))
        var inPlace: [Int: Int] = [:]
        var copies: [(node: Int, offset: Int, count: Int)] = []
        for target in targets {
            let owner = schedule.owner[target.gradient.id] ?? target.gradient.id
            if computed.contains(owner), !kept.contains(owner), inPlace[owner] == nil {
                inPlace[owner] = target.offset
            } else {
                copies.append((owner, target.offset, target.count))
                if inPlace[owner] == nil { kept.insert(owner) }
            }
        }
        let placement = Placement(graph, schedule, kept: kept, gradients: inPlace, precision: precision)
        try Memory.check(bytes: placement.bytes, for: "program: needs")
        let memory = Memory.zeroed(bytes: placement.bytes)
        func pointer(_ id: Int) -> UnsafeMutableRawPointer {
            switch placement.locations[schedule.owner[id] ?? id] {
            case .memory(let offset): return memory + offset
            case .value(let offset): return (parameters?.values ?? memory) + offset
            case .gradient(let offset): return (parameters?.gradients ?? memory) + offset
            case nil: preconditionFailure("node \(id) has no place")
            }
        }

        var emitter = StepEmitter(graph: graph, precision: precision, pointer: pointer)
        do {
            for step in schedule.steps where step.isConstant { try emitter.emit(step) }
            for id in schedule.sources {
                guard case .constant(let bits) = graph.definition(of: Node(id: id)) else { continue }
                Memory.write([Double(bitPattern: bits)], to: pointer(id), precision)
            }
            sz_run(emitter.steps, Int64(emitter.steps.count))
            emitter.beginRun()
            for step in schedule.steps where !step.isConstant { try emitter.emit(step) }
            for copy in copies {
                let target = (parameters?.gradients ?? memory) + copy.offset
                try emitter.emitCopy(from: pointer(copy.node), to: target, count: copy.count)
            }
        } catch {
            memory.deallocate()
            throw error
        }

        var inputs: [String: UnsafeMutableRawPointer] = [:], scalars: [String: UnsafeMutableRawPointer] = [:]
        for id in schedule.sources {
            switch graph.definition(of: Node(id: id)) {
            case .input(let name): inputs[name] = pointer(id)
            case .scalar(let name): scalars[name] = pointer(id)
            default: break
            }
        }
        self.precision = precision
        self.parameters = parameters
        self.memory = memory
        self.inputs = inputs
        self.scalars = scalars
        arenaBytes = placement.arenaBytes
        flops = emitter.flops
        stepMemory = emitter.memory
        stepCount = emitter.steps.count
        steps = .allocate(capacity: max(stepCount, 1))
        steps.initialize(from: emitter.steps, count: stepCount)
        results = Dictionary(
            outputs.map { ($0, (pointer($0.id), Shape.elements(graph.shape(of: $0)))) },
            uniquingKeysWith: { a, _ in a })
    }

    deinit {
        steps.deallocate()
        memory.deallocate()
    }

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

    /// Computes the outputs and gradients.
    package func run() { sz_run(steps, Int64(stepCount)) }

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
