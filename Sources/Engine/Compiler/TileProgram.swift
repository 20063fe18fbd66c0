import CShims

/// A pass as `sz_tiles` wants it: operands with the way they repeat, and instructions over slots.
struct TileProgram {
    struct Load {
        let node: Int
        let shape: [Int]
        /// Of the operation that reads it.
        let output: [Int]
        /// One number for each row.
        let isPerRow: Bool
        var mode: Int
        let slot: Int
        /// The output's dimensions with sizes of 1 dropped and neighbours merged, and the operand's strides in elements.
        let dims: [Int]
        let strides: [Int]
    }
    struct Instruction {
        enum Kernel {
            case map(String)
            case rows(String)
        }
        let kernel: Kernel
        /// Makes, and reads, one number for each row.
        let isPerRow: Bool
        let out: Int
        let operands: [Int]

        func flops(_ pass: Pass) -> Int {
            switch kernel {
            case .map: isPerRow ? pass.rows : pass.count
            case .rows("spread"): 0
            case .rows: isPerRow ? pass.count : 4 * pass.count
            }
        }
    }

    private(set) var loads: [Load] = []
    private(set) var instructions: [Instruction] = []
    /// The first slots are the outputs.
    private(set) var slots: Int
    private(set) var tile: Int
    private(set) var period = 0
    /// For each output, whether it has one number for each row.
    private let arePerRow: [Bool]
    private let pass: Pass
    private let shape: [Int]
    private let precision: Precision

    /// - Parameter owner: the node whose memory a node's value lives in.
    init(_ graph: Graph, _ pass: Pass, _ owner: [Int: Int], precision: Precision) {
        self.pass = pass
        self.precision = precision
        func shape(_ id: Int) -> [Int] { graph.shape(of: Node(id: id)) }
        func isPerRow(_ shape: [Int]) -> Bool { pass.isRowWise && Shape.elements(shape) != pass.count }
        self.shape = shape(pass.outputs[0])
        arePerRow = pass.outputs.map { isPerRow(shape($0)) }
        slots = pass.outputs.count
        tile = 0
        let inside = Set(pass.members)

        // What each member reads: the slot of a member, with whether it must be spread over rows, or a load.
        enum Operand {
            case member(Int, isSpread: Bool)
            case load(Int)
        }
        var operands: [[Operand]] = []
        for id in pass.members {
            let function = graph.rowFunction(id)
            operands.append(
                graph.operands(id).map { input in
                    let target = function == nil ? shape(id) : shape(graph.inputs(id)[0])
                    let source = owner[input] ?? input
                    if inside.contains(source) {
                        return .member(source, isSpread: isPerRow(shape(source)) && !isPerRow(target))
                    }
                    let (dims, strides) = TileProgram.layout(of: shape(input), in: target)
                    let known = loads.firstIndex {
                        $0.node == input && $0.dims == dims && $0.strides == strides
                            && $0.isPerRow == isPerRow(target)
                    }
                    if let known { return .load(loads[known].slot) }
                    loads.append(
                        Load(
                            node: input, shape: shape(input), output: target, isPerRow: isPerRow(target), mode: 0,
                            slot: slots, dims: dims, strides: strides))
                    slots += 1
                    return .load(slots - 1)
                })
        }
        // What all slots have of a tile should fit the first-level cache.
        let perTile = Int(SZ_TILE_BYTES) / (slots > 8 ? 2 : 1) / precision.bytes
        tile = pass.isRowWise ? max(perTile / pass.width, 1) * pass.width : perTile
        chooseModes()

        // Slots of values inside the pass are reused after their last reader.
        var lastUse: [Int: Int] = [:]
        for (i, operands) in operands.enumerated() {
            for case .member(let member, _) in operands { lastUse[member] = i }
        }
        var slotOf = Dictionary(uniqueKeysWithValues: zip(pass.outputs, 0...))
        var spread: [Int: Int] = [:]
        var free: [Int] = []
        var count = slots
        func take() -> Int {
            if let slot = free.popLast() { return slot }
            count += 1
            return count - 1
        }
        for (i, id) in pass.members.enumerated() {
            var dying: [Int] = []
            let sources = operands[i].map { operand in
                switch operand {
                case .load(let slot): return slot
                case .member(let member, let isSpread):
                    let own = slotOf[member] ?? 0
                    if lastUse[member] == i, own >= pass.outputs.count { dying.append(own) }
                    guard isSpread else { return own }
                    let slot = spread[member] ?? take()
                    if spread[member] == nil {
                        instructions.append(
                            Instruction(kernel: .rows("spread"), isPerRow: false, out: slot, operands: [own]))
                    }
                    spread[member] = slot
                    if lastUse[member] == i { dying.append(slot) }
                    return slot
                }
            }
            free += Set(dying).sorted()
            let slot = slotOf[id] ?? take()
            slotOf[id] = slot
            let kernel: Instruction.Kernel =
                graph.rowFunction(id).map { .rows($0.kernel) } ?? .map(graph.kernelName(id) ?? "identity")
            instructions.append(
                Instruction(kernel: kernel, isPerRow: isPerRow(shape(id)), out: slot, operands: sources))
        }
        slots = count
    }

    private mutating func chooseModes() {
        // Operands that repeat as a whole ([k] in [m, k]): tiles hold whole repetitions of those that are read from a slot.
        var longest = pass.isRowWise ? pass.width : 1
        let periods = loads.filter { $0.repeats && !$0.isPerRow }.map { $0.dims[1] }
        for size in Set(periods).sorted() where size % longest == 0 { longest = size }
        let isHoistable = longest <= tile
        if isHoistable { tile = tile / longest * longest } else { period = longest }
        for i in loads.indices {
            let load = loads[i]
            if load.isDirect {
                loads[i].mode = SZ_DIRECT
            } else if load.isSingle {
                loads[i].mode = SZ_HOISTED
            } else if load.repeats, !load.isPerRow, isHoistable ? longest % load.dims[1] == 0 : load.dims[1] == period
            {
                loads[i].mode = isHoistable ? SZ_HOISTED : SZ_PERIODIC
            } else {
                loads[i].mode = SZ_EXPANDED
            }
        }
    }

    /// How a tensor of `shape` is read for an output of shape `output`.
    static func layout(of shape: [Int], in output: [Int]) -> (dims: [Int], strides: [Int]) {
        var dims: [Int] = [], strides: [Int] = []
        var stride = Shape.elements(shape)
        for (axis, size) in output.enumerated() {
            let own = axis - (output.count - shape.count)
            let ownSize = own < 0 ? 1 : shape[own]
            stride /= ownSize
            if size == 1 { continue }
            let step = ownSize == 1 ? 0 : stride
            if let last = strides.last, last == step * size {  // also 0 and 0
                dims[dims.count - 1] *= size
                strides[strides.count - 1] = step
            } else {
                dims.append(size)
                strides.append(step)
            }
        }
        return (dims, strides)
    }

    private var units: Int {
        pass.isRowWise || pass.rows >= TileProgram.smallestUnits ? pass.rows : TileProgram.units(of: shape)
    }

    /// A unit is a slab of the first axes, enough of them for threads to share.
    static func units(of shape: [Int]) -> Int {
        var units = 1
        for size in shape where units < TileProgram.smallestUnits { units *= size }
        return units
    }
    private static let smallestUnits = 8

    /// What units of an operand of shape `shape` read, when units are the first axes of `output`.
    static func access(_ shape: [Int], output: [Int], units: Int, bytes: Int) -> Access {
        if Shape.elements(shape) == Shape.elements(output) { return .perUnit(Shape.elements(shape) / units * bytes) }
        let padded = [Int](repeating: 1, count: output.count - shape.count) + shape
        var product = 1, axis = 0
        while product < units, axis < output.count {
            guard padded[axis] == output[axis] else { return .all }
            product *= output[axis]
            axis += 1
        }
        return product == units ? .perUnit(Shape.elements(Array(padded[axis...])) * bytes) : .all
    }

    /// - Parameter inputs: what `loads` load.
    func call(_ inputs: [Buffer], _ targets: [Buffer]) -> KernelCall {
        let units = units, bytes = precision.bytes
        let flops = instructions.reduce(0) { $0 + $1.flops(pass) }
        return KernelCall(
            "tiles", units: units, flops: Double(flops),
            reads: loads.map { TileProgram.access($0.shape, output: $0.output, units: units, bytes: bytes) }
        ) { memory in
            let loads = zip(loads, inputs).map { load, input in
                sz_load(
                    source: input.pointer, mode: Int32(load.mode), slot: Int32(load.slot),
                    rank: Int32(load.dims.count), per_row: load.isPerRow ? 1 : 0,
                    dims: memory.keep(load.dims.map(Int64.init)),
                    strides: memory.keep(load.strides.map(Int64.init)))
            }
            let outputs = zip(arePerRow, targets).map { sz_output(out: $1.pointer, per_row: $0 ? 1 : 0) }
            let slotBytes = (tile * bytes + 63) / 64 * 64
            let stride = slots * slotBytes
            precondition(slots <= Int(SZ_MAX_SLOTS), "a pass needs \(slots) slots")
            return sz_tiles(
                unit: Int64(pass.count / units), count: Int64(pass.count), tile: Int64(tile), period: Int64(period),
                width: Int64(pass.isRowWise ? pass.width : 1), slots: Int32(slots), outputs: Int32(outputs.count),
                loads: Int32(loads.count), instructions: Int32(instructions.count), output: memory.keep(outputs),
                load: memory.keep(loads), instruction: memory.keep(try instructions.map(resolved)),
                slot_bytes: Int64(slotBytes), scratch: memory.scratch(bytesPerThread: stride),
                scratch_stride: Int64(stride))
        }
    }

    private func resolved(_ instruction: Instruction) throws -> sz_instruction {
        let slots = (instruction.operands + [0, 0]).map(Int32.init)
        var result = sz_instruction()
        (result.out, result.a, result.b, result.c) = (Int32(instruction.out), slots[0], slots[1], slots[2])
        result.per_row = instruction.isPerRow ? 1 : 0
        switch instruction.kernel {
        case .map(let name): result.map = sz_find_map(name, Int32(precision.bytes))
        case .rows(let name): result.rows = sz_find_row_map(name, Int32(precision.bytes))
        }
        guard result.map != nil || result.rows != nil else { throw GraphError("no kernel \(instruction.kernel)") }
        return result
    }
}

extension TileProgram.Load {
    var isDirect: Bool { strides == [1] }
    /// A single number for the whole output.
    var isSingle: Bool { strides.allSatisfy { $0 == 0 } }
    /// A block repeated along the leading axes.
    var repeats: Bool { strides == [0, 1] }
}
