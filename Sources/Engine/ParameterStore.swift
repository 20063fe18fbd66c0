import LinearAlgebra

/// Values and gradients of all parameters of a network, each in one contiguous buffer with named blocks.
///
/// Buffers start on a cache line; the gaps between blocks are 0 and stay so. Programs of one graph can share a store.
package final class ParameterStore {
    package let precision: Precision
    package let blocks: [ParameterBlock]
    package let values: UnsafeMutableRawPointer
    package let gradients: UnsafeMutableRawPointer
    /// Elements of either buffer, gaps included; a multiple of 16.
    package let count: Int
    /// Whose memory this is, if it is not our own.
    private let owner: ParameterStore?

    package init(blocks: [ParameterBlock], precision: Precision) {
        self.precision = precision
        self.blocks = blocks
        owner = nil
        count = blocks.last?.end ?? 0
        values = Memory.zeroed(bytes: count * precision.bytes)
        gradients = Memory.zeroed(bytes: count * precision.bytes)
    }

    /// Other blocks in the memory of a store.
    init(viewing store: ParameterStore, blocks: [ParameterBlock]) {
        (precision, self.blocks, owner, count) = (store.precision, blocks, store, store.count)
        (values, gradients) = (store.values, store.gradients)
    }

    deinit {
        guard owner == nil else { return }
        values.deallocate()
        gradients.deallocate()
    }

    /// Indices of the blocks that optimizers and regularizers may be given.
    package var trainedBlocks: [Int] { blocks.indices.filter { blocks[$0].isTrained } }

    /// Values of a block as f64, row-major.
    package func copy(block index: Int) -> [Double] {
        let block = blocks[index]
        return Memory.read(values + block.offset * precision.bytes, count: block.count, precision)
    }

    /// The last gradient of a block as f64, row-major.
    package func copyGradient(block index: Int) -> [Double] {
        let block = blocks[index]
        return Memory.read(gradients + block.offset * precision.bytes, count: block.count, precision)
    }

    /// Whether all values are, statistics included.
    package var isFinite: Bool {
        blocks.allSatisfy {
            Memory.isFinite(values + $0.offset * precision.bytes, count: $0.count, precision)
        }
    }

    /// Sets the values of a block; f32 rounds to nearest.
    package func set(block index: Int, _ newValues: [Double]) {
        let block = blocks[index]
        precondition(
            newValues.count == block.count, "\(block.name) has \(block.count) values, not \(newValues.count)")
        Memory.write(newValues, to: values + block.offset * precision.bytes, precision)
    }

    /// Takes the values of a store with the same blocks, whatever its precision and wherever they are in it.
    package func copyValues(from other: ParameterStore) {
        precondition(
            blocks.elementsEqual(other.blocks) { $0.shape == $1.shape }, "the stores have different blocks")
        for (block, source) in zip(blocks, other.blocks) {
            let (target, from) = (
                values + block.offset * precision.bytes, other.values + source.offset * other.precision.bytes
            )
            if other.precision == precision {
                target.copyMemory(from: from, byteCount: block.count * precision.bytes)
            } else {
                Memory.write(Memory.read(from, count: block.count, other.precision), to: target, precision)
            }
        }
    }
}

extension ParameterStore {
    /// Sets every block to its first values. Block b draws from the stream (seed, "initial/<b>"), in f64: its values depend
    /// on the seed, its name and its shape only, and f32 values are the rounded f64 ones.
    package func initialize(seed: UInt64) {
        for block in blocks {
            Memory.fill(
                values + block.offset * precision.bytes, count: block.count, precision,
                block.drawing(Stream(seed: seed, name: "initial/\(block.name)")))
        }
    }
}

extension ParameterBlock {
    /// What `ParameterStore.initialize` gives the block.
    package func initialValues(seed: UInt64) -> [Double] {
        [Double](unsafeUninitializedCapacity: count) { buffer, initialized in
            let draw = drawing(Stream(seed: seed, name: "initial/\(name)"))
            draw(0, UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            initialized = count
        }
    }

    /// Makes any piece of the first values, from an index on.
    fileprivate func drawing(_ stream: Stream) -> (Int, UnsafeMutableBufferPointer<Double>) -> Void {
        let scale = initializer.scale, fanIn = Double(fanIn), fanOut = Double(fanOut)
        switch initializer.scheme {
        case .constant: return { $1.update(repeating: scale) }
        case .normal: return normal(scale, stream)
        case .uniform: return uniform(scale, stream)
        case .glorot_normal: return normal(scale * (2 / (fanIn + fanOut)).squareRoot(), stream)
        case .glorot_uniform: return uniform(scale * (6 / (fanIn + fanOut)).squareRoot(), stream)
        case .he_normal: return normal(scale * (2 / fanIn).squareRoot(), stream)
        case .he_uniform: return uniform(scale * (6 / fanIn).squareRoot(), stream)
        case .lecun_normal: return normal(scale * (1 / fanIn).squareRoot(), stream)
        case .torch_linear: return uniform(scale / fanIn.squareRoot(), stream)
        case .orthogonal:
            let values = orthogonal(stream)
            return { first, piece in for i in piece.indices { piece[i] = scale * values[first + i] } }
        }
    }

    private func normal(
        _ deviation: Double, _ stream: Stream
    ) -> (Int, UnsafeMutableBufferPointer<Double>) -> Void {
        { first, piece in
            stream.normal(from: first, into: piece)
            for i in piece.indices { piece[i] *= deviation }
        }
    }

    private func uniform(
        _ halfWidth: Double, _ stream: Stream
    ) -> (Int, UnsafeMutableBufferPointer<Double>) -> Void {
        { first, piece in
            stream.uniform(from: first, into: piece)
            for i in piece.indices { piece[i] = halfWidth * (2 * piece[i] - 1) }
        }
    }

    /// Q of the QR decomposition (diagonal of R ≥ 0) of a normal matrix: uniform among orthogonal matrices.
    private func orthogonal(_ stream: Stream) -> [Double] {
        let rows = shape.first ?? 1, columns = count / rows
        var elements = [Double](repeating: 0, count: count)
        elements.withUnsafeMutableBufferPointer { stream.normal(into: $0) }
        let gaussian = Matrix(rows: max(rows, columns), columns: min(rows, columns), elements: elements)
        // Fails only without memory.
        guard let q = try? gaussian.qr().q else { return [Double](repeating: .nan, count: count) }
        return (rows < columns ? q.transposed : q).elements
    }
}
