extension ParameterStore {
    /// Copies `range` of a store whose blocks have a first axis that counts copies, seen through the blocks of one network (the ones
    /// this store was replicated from; first values may be their own). One copy has the blocks' shapes and is used like the store of
    /// an ordinary network; several have `[copies] + shape`. The memory stays that of this store.
    package func copies(_ range: Range<Int>, of network: [ParameterBlock]) -> ParameterStore {
        precondition(network.count == blocks.count, "the network has other blocks")
        let views = zip(blocks, network).map { all, one in
            precondition(
                all.shape.dropFirst().elementsEqual(one.shape) && range.upperBound <= all.shape[0],
                "\(all.name) \(all.shape) holds no copies \(range) of \(one.shape)")
            return ParameterBlock(
                name: one.name, shape: range.count == 1 ? one.shape : [range.count] + one.shape, role: one.role,
                initializer: one.initializer, fanIn: one.fanIn, fanOut: one.fanOut,
                offset: all.offset + range.lowerBound * one.count)
        }
        return ParameterStore(viewing: self, blocks: views)
    }
}
