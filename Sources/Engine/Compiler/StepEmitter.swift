import CShims

/// Turns a schedule into steps with resolved pointers.
struct StepEmitter {
    let graph: Graph
    let precision: Precision
    let pointer: (Int) -> UnsafeMutableRawPointer
    private(set) var steps: [sz_step] = []
    private(set) var flops = 0.0
    let details: StepDetails

    init(graph: Graph, precision: Precision, pointer: @escaping (Int) -> UnsafeMutableRawPointer) {
        self.graph = graph
        self.precision = precision
        self.pointer = pointer
        details = StepDetails(threads: Int(sz_threads()))
    }

    /// Forgets the steps so far (they ran once); what they point to stays.
    mutating func beginRun() {
        steps = []
        flops = 0
    }

    mutating func emit(_ step: Schedule.Step) throws {
        let out = pointer(step.node), shape = graph.shape(of: Node(id: step.node))
        switch step.work {
        case .iota:
            Memory.write((0..<shape[0]).map(Double.init), to: out, precision)
        case .elementwise(let members):
            let program = TileProgram(graph, members: members, precision: precision)
            flops += Double(program.count * program.instructions.count)
            append(try kernel("tiles"), out: out, detail: try details.tiles(program, out: out, precision, pointer))
        case .operation(let operation):
            let inputs = graph.inputs(step.node)
            let a = pointer(inputs[0]), source = graph.shape(of: Node(id: inputs[0]))
            switch operation {
            case .matmul(let rule):
                let (m, n, k) = rule.sizes(source, graph.shape(of: Node(id: inputs[1])))
                flops += 2 * Double(m) * Double(n) * Double(k)
                try appendProduct(rule, a, pointer(inputs[1]), out, m, n, k)
            case .reduce(let reduction):
                let range = reduction.range(in: source)
                flops += Double(Shape.elements(source))
                append(
                    try kernel(reduction.kind.rawValue), a: a, out: out,
                    outer: Shape.elements(Array(source[..<range.lowerBound])),
                    n: Shape.elements(Array(source[range])),
                    inner: Shape.elements(Array(source[range.upperBound...])))
            case .softmax(let softmax):
                let n = source[source.count - 1]
                flops += 4 * Double(Shape.elements(source))
                append(try kernel(softmax.name), a: a, out: out, outer: Shape.elements(source) / n, n: n)
            case .transpose:
                append(try kernel("transpose"), a: a, out: out, outer: source[0], n: source[1])
            case .unary, .binary, .select, .reshape, .broadcast, .stopGradient:
                preconditionFailure("\(operation) is no step of its own")
            }
        }
    }

    mutating func emitCopy(from source: UnsafeMutableRawPointer, to target: UnsafeMutableRawPointer, count: Int)
        throws
    {
        append(try kernel("copy"), a: source, out: target, n: count)
    }

    private mutating func appendProduct(
        _ rule: MatMul, _ a: UnsafeMutableRawPointer, _ b: UnsafeMutableRawPointer, _ out: UnsafeMutableRawPointer,
        _ m: Int, _ n: Int, _ k: Int
    ) throws {
        guard max(m, n, k) <= Int(Int32.max) else {
            throw GraphError("matmul: [\(m), \(k)] by [\(k), \(n)] is too large")
        }
        let detail = precision == .f32 ? try details.product(rule, a, b, out, m, n, k) : nil
        append(try kernel("matmul"), a: a, b: b, out: out, outer: m, n: n, inner: k, detail: detail)
        steps[steps.count - 1].transpose_a = rule.transposeA ? 1 : 0
        steps[steps.count - 1].transpose_b = rule.transposeB ? 1 : 0
    }

    private mutating func append(
        _ kernel: sz_kernel, a: UnsafeMutableRawPointer? = nil, b: UnsafeMutableRawPointer? = nil,
        out: UnsafeMutableRawPointer, outer: Int = 1, n: Int = 1, inner: Int = 1,
        detail: UnsafeMutableRawPointer? = nil
    ) {
        steps.append(
            sz_step(
                run: kernel, a: a, b: b, out: out, outer: Int64(outer), n: Int64(n), inner: Int64(inner),
                transpose_a: 0,
                transpose_b: 0, detail: detail))
    }

    private func kernel(_ name: String) throws -> sz_kernel {
        guard let kernel = sz_find_kernel(name, Int32(precision.bytes)) else { throw GraphError("no kernel \(name)") }
        return kernel
    }
}

/// Owner of what steps point to besides values.
final class StepDetails {
    private let threads: Int
    private var memory: [UnsafeMutableRawPointer] = []
    private var products: [OpaquePointer] = []

    init(threads: Int) { self.threads = threads }

    deinit {
        for pointer in memory { pointer.deallocate() }
        for product in products { sz_product_destroy(product) }
    }

    private func copied<T>(_ values: [T]) -> UnsafeMutablePointer<T> {
        let target = UnsafeMutablePointer<T>.allocate(capacity: max(values.count, 1))
        target.initialize(from: values, count: values.count)
        memory.append(UnsafeMutableRawPointer(target))
        return target
    }

    func product(
        _ rule: MatMul, _ a: UnsafeMutableRawPointer, _ b: UnsafeMutableRawPointer, _ out: UnsafeMutableRawPointer,
        _ m: Int, _ n: Int, _ k: Int
    ) throws -> UnsafeMutableRawPointer {
        var product: OpaquePointer?
        let status = sz_product_create(
            Int64(m), Int64(n), Int64(k), rule.transposeA ? 1 : 0, rule.transposeB ? 1 : 0,
            a.assumingMemoryBound(to: Float.self), b.assumingMemoryBound(to: Float.self),
            out.assumingMemoryBound(to: Float.self), &product)
        guard status == 0, let product else {
            throw GraphError("matmul: oneDNN cannot prepare [\(m), \(k)] by [\(k), \(n)] (status \(status))")
        }
        products.append(product)
        return UnsafeMutableRawPointer(product)
    }

    /// Below this cost, in element operations, waking other threads takes longer than it saves.
    private static let parallelCost = 200_000

    func tiles(
        _ program: TileProgram, out: UnsafeMutableRawPointer, _ precision: Precision,
        _ pointer: (Int) -> UnsafeMutableRawPointer
    ) throws -> UnsafeMutableRawPointer {
        let loads = program.loads.map { load in
            sz_load(
                source: pointer(load.node), mode: Int32(load.mode), slot: Int32(load.slot),
                rank: Int32(load.dims.count),
                dims: copied(load.dims.map(Int64.init)), strides: copied(load.strides.map(Int64.init)))
        }
        let instructions = try program.instructions.map { instruction in
            guard let map = sz_find_map(instruction.kernel, Int32(precision.bytes)) else {
                throw GraphError("no kernel \(instruction.kernel)")
            }
            let slots = (instruction.operands + [0, 0]).map(Int32.init)
            return sz_instruction(map: map, out: Int32(instruction.out), a: slots[0], b: slots[1], c: slots[2])
        }
        let unit = max(program.tile, program.period)
        let team = program.cost < StepDetails.parallelCost ? 1 : min(threads, (program.count + unit - 1) / unit)
        let stride = program.slots * Int(SZ_TILE_BYTES)
        let scratch = Memory.zeroed(bytes: stride * team)
        memory.append(scratch)
        let tiles = sz_tiles(
            count: Int64(program.count), tile: Int64(program.tile), period: Int64(program.period), out: out,
            slots: Int32(program.slots), loads: Int32(loads.count), instructions: Int32(instructions.count),
            threads: Int32(team), load: copied(loads), instruction: copied(instructions), scratch: scratch,
            scratch_stride: Int64(stride))
        return UnsafeMutableRawPointer(copied([tiles]))
    }
}
