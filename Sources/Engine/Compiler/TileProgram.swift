import CShims

/// An elementwise step as `sz_tiles` wants it: operands with the way they repeat, and instructions over slots.
struct TileProgram {
    struct Load {
        let node: Int
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
            let (dims, strides) = TileProgram.layout(of: graph.shape(of: Node(id: leaf)), in: shape)
            slotOf[leaf] = slots
            loads.append(Load(node: leaf, mode: 0, slot: slots, dims: dims, strides: strides))
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

    /// Relative cost of a run, in simple vector operations on elements.
    var cost: Int { count * instructions.reduce(0) { $0 + (TileProgram.cheap.contains($1.kernel) ? 1 : 10) } }
    private static let cheap: Set<String> = [
        "identity", "neg", "square", "abs", "sign", "relu", "step", "add", "sub", "mul", "maximum", "minimum",
        "greater",
        "equal", "select",
    ]
}

extension TileProgram.Load {
    var isDirect: Bool { strides == [1] }
    /// A single number for the whole output.
    var isSingle: Bool { strides.allSatisfy { $0 == 0 } }
    /// A block repeated along the leading axes.
    var repeats: Bool { strides == [0, 1] }
}
