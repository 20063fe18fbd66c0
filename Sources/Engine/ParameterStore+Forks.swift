/// Values as one vector, and stores made of stores.
extension ParameterStore {
    /// Number of trained values: the length of `flat`.
    package var flatCount: Int { blocks.reduce(0) { $0 + ($1.isTrained ? $1.count : 0) } }

    /// θ ∈ R^P: the values of the trained blocks one after another, row-major, without the gaps of the memory, as f64. Statistics
    /// are left out.
    package func copyFlat() -> [Double] { trainedBlocks.flatMap(copy(block:)) }

    /// Where each trained block is in `copyFlat`.
    package var flatRanges: [(block: Int, range: Range<Int>)] {
        var next = 0
        return trainedBlocks.map { block in
            defer { next += blocks[block].count }
            return (block, next..<next + blocks[block].count)
        }
    }

    /// Sets the trained blocks from a vector like that of `copyFlat`; f32 rounds to nearest.
    package func setFlat(_ values: [Double]) {
        precondition(values.count == flatCount, "there are \(flatCount) trained values, not \(values.count)")
        for (block, range) in flatRanges { set(block: block, Array(values[range])) }
    }

    /// A store with the same values, of any precision, its blocks in the order of this one's wherever they are; gradients are 0.
    package func clone(blocks: [ParameterBlock]? = nil, precision: Precision? = nil) -> ParameterStore {
        let clone = ParameterStore(blocks: blocks ?? self.blocks, precision: precision ?? self.precision)
        clone.copyValues(from: self)
        return clone
    }

    /// What a fork took from its origin, by names of blocks.
    package struct Heritage: Hashable, Sendable {
        /// Of the same shape.
        package var taken: [String] = []
        /// Of as many axes but other sizes, with the old shape.
        package var resized: [String: [Int]] = [:]
        /// Of no block there, or of one with another number of axes.
        package var new: [String] = []
        /// Blocks of the origin that the fork has not.
        package var left: [String] = []
    }

    /// A store for other blocks, such as those of a wider or deeper network: each block takes the values of the block of its name.
    ///
    /// Of a block of other sizes it takes what both have, the leading part along every axis (a matrix that grows keeps its rows and
    /// columns and gets new ones behind them); all other values are those of `initialize(seed:)` for the new block, which depend on
    /// its name, its shape and the seed only.
    package func fork(to newBlocks: [ParameterBlock], seed: UInt64) -> (store: ParameterStore, heritage: Heritage) {
        let fork = ParameterStore(blocks: newBlocks, precision: precision)
        var heritage = Heritage()
        let old = Dictionary(blocks.indices.map { (blocks[$0].name, $0) }) { first, _ in first }
        for (index, block) in newBlocks.enumerated() {
            guard let origin = old[block.name], blocks[origin].shape.count == block.shape.count else {
                fork.set(block: index, block.initialValues(seed: seed))
                heritage.new.append(block.name)
                continue
            }
            let values = copy(block: origin), shape = blocks[origin].shape
            if shape == block.shape {
                fork.set(block: index, values)
                heritage.taken.append(block.name)
            } else {
                var grown = block.initialValues(seed: seed)
                ParameterStore.copyCommon(values, shape, to: &grown, block.shape)
                fork.set(block: index, grown)
                heritage.resized[block.name] = shape
            }
        }
        let names = Set(newBlocks.map(\.name))
        heritage.left = blocks.map(\.name).filter { !names.contains($0) }
        return (fork, heritage)
    }

    /// The part that tensors of two shapes of one rank have in common.
    private static func copyCommon(_ source: [Double], _ from: [Int], to target: inout [Double], _ to: [Int]) {
        let common = zip(from, to).map { min($0, $1) }
        guard let run = common.last, !common.contains(0) else { return }
        var index = [Int](repeating: 0, count: common.count)
        while true {
            var a = 0, b = 0
            for axis in common.indices { (a, b) = (a * from[axis] + index[axis], b * to[axis] + index[axis]) }
            target.replaceSubrange(b..<b + run, with: source[a..<a + run])
            var axis = common.count - 2
            while axis >= 0, index[axis] + 1 == common[axis] {
                index[axis] = 0
                axis -= 1
            }
            guard axis >= 0 else { return }
            index[axis] += 1
        }
    }
}
