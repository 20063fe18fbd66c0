import CShims

/// An elementwise step as `sz_tiles` wants it: operands with the way they repeat, and instructions over slots.
struct TileProgram {
    struct Load {
        let node: Int
        let shape: [Int]
        var mode: Int
        let slot: Int
        /// The output's dimensions with sizes of 1 dropped and neighbours merged, and the operand's strides in elements.
        let dims: [Int]
        let strides: [Int]
    }
    struct Instruction {
        let kernel: String
        let out: Int
        let operands: [Int]
    }

    private(set) var loads: [Load] = []
    private(set) var instructions: [Instruction] = []
    private(set) var slots = 1  // slot 0 is the output
    private(set) var tile: Int
    private(set) var period = 0
    let count: Int

    init(_ graph: Graph, members: [Int], precision: Precision) {
        let shape = graph.shape(of: Node(id: members[members.count - 1]))
        count = Shape.elements(shape)
        tile = Int(SZ_TILE_BYTES) / precision.bytes
        var slotOf: [Int: Int] = [:]

        // A broadcast in the chain is only another way to read its input.
        func resolved(_ id: Int) -> Int {
            members.contains(id) && graph.isBroadcast(id) ? graph.inputs(id)[0] : id
        }
        let chain = members.filter { !graph.isBroadcast($0) }
        let leaves = Set(members.flatMap { graph.inputs($0) }.map(resolved)).subtracting(chain)
        for leaf in leaves.sorted() {
            let own = graph.shape(of: Node(id: leaf))
            let (dims, strides) = TileProgram.layout(of: own, in: shape)
            slotOf[leaf] = slots
            loads.append(Load(node: leaf, shape: own, mode: 0, slot: slots, dims: dims, strides: strides))
            slots += 1
        }
        chooseModes()

        // Slots of values inside the chain are reused after their last reader.
        var lastUse: [Int: Int] = [:]
        for (i, id) in chain.enumerated() { for input in graph.inputs(id) { lastUse[resolved(input)] = i } }
        var free: [Int] = []
        for (i, id) in chain.enumerated() {
            let inputs = graph.inputs(id).map(resolved)
            let operands = inputs.map { slotOf[$0] ?? 0 }
            for input in Set(inputs).sorted() where chain.contains(input) && lastUse[input] == i {
                slotOf[input].map { free.append($0) }
            }
            var slot = 0
            if i < chain.count - 1 {
                slot = free.popLast() ?? slots
                slots = max(slots, slot + 1)
            }
            slotOf[id] = slot
            instructions.append(Instruction(kernel: graph.kernelName(id) ?? "", out: slot, operands: operands))
        }
        if chain.isEmpty { instructions = [Instruction(kernel: "identity", out: 0, operands: [1])] }
    }

    private mutating func chooseModes() {
        // Operands that repeat as a whole ([k] in [m, k]); their periods divide each other, being products of last sizes.
        let longest = loads.filter(\.repeats).map { $0.dims[1] }.max() ?? 1
        let hoistable = longest <= tile
        if hoistable { tile = tile / longest * longest } else { period = longest }
        for i in loads.indices {
            let load = loads[i]
            if load.isDirect {
                loads[i].mode = SZ_DIRECT
            } else if load.isSingle || (load.repeats && hoistable) {
                loads[i].mode = SZ_HOISTED
            } else {
                loads[i].mode = load.repeats && load.dims[1] == period ? SZ_PERIODIC : SZ_EXPANDED
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

    /// A unit is a slab of the first axes, enough of them for threads to share.
    static func units(of shape: [Int]) -> Int {
        var units = 1
        for size in shape where units < smallestUnits { units *= size }
        return units
    }
    private static let smallestUnits = 8

    /// What units of an operand of shape `shape` read, when units are the first axes of `output`.
    static func access(_ shape: [Int], output: [Int], units: Int, bytes: Int) -> Access {
        let padded = [Int](repeating: 1, count: output.count - shape.count) + shape
        var product = 1, axis = 0
        while product < units, axis < output.count {
            guard padded[axis] == output[axis] else { return .all }
            product *= output[axis]
            axis += 1
        }
        return .perUnit(Shape.elements(Array(padded[axis...])) * bytes)
    }

    /// - Parameter inputs: what `loads` load.
    func call(_ inputs: [Buffer], _ output: Buffer, _ precision: Precision) -> KernelCall {
        let units = TileProgram.units(of: output.shape)
        return KernelCall(
            "tiles", units: units, flops: Double(count * instructions.count),
            reads: loads.map {
                TileProgram.access($0.shape, output: output.shape, units: units, bytes: precision.bytes)
            }
        ) { memory in
            let loads = zip(loads, inputs).map { load, input in
                sz_load(
                    source: input.pointer, mode: Int32(load.mode), slot: Int32(load.slot),
                    rank: Int32(load.dims.count), dims: memory.keep(load.dims.map(Int64.init)),
                    strides: memory.keep(load.strides.map(Int64.init)))
            }
            let instructions = try instructions.map { instruction in
                guard let map = sz_find_map(instruction.kernel, Int32(precision.bytes)) else {
                    throw GraphError("no kernel \(instruction.kernel)")
                }
                let slots = (instruction.operands + [0, 0]).map(Int32.init)
                return sz_instruction(map: map, out: Int32(instruction.out), a: slots[0], b: slots[1], c: slots[2])
            }
            let stride = slots * Int(SZ_TILE_BYTES)
            return sz_tiles(
                unit: Int64(count / units), count: Int64(count), tile: Int64(tile), period: Int64(period),
                out: output.pointer, slots: Int32(slots), loads: Int32(loads.count),
                instructions: Int32(instructions.count), load: memory.keep(loads),
                instruction: memory.keep(instructions), scratch: memory.scratch(bytesPerThread: stride),
                scratch_stride: Int64(stride))
        }
    }
}

extension TileProgram.Load {
    var isDirect: Bool { strides == [1] }
    /// A single number for the whole output.
    var isSingle: Bool { strides.allSatisfy { $0 == 0 } }
    /// A block repeated along the leading axes.
    var repeats: Bool { strides == [0, 1] }
}
