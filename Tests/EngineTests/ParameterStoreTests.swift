import Engine
import Testing

@Suite struct ParameterStoreTests {
    private func store(
        _ scheme: Initializer.Scheme, scale: Double = 1, shape: [Int] = [300, 200], name: String = "w",
        seed: UInt64 = 7
    ) throws
        -> ParameterStore
    {
        let graph = Graph()
        _ = try graph.parameter(
            name, role: .weight, shape: shape, initializer: Initializer(scheme: scheme, scale: scale))
        let store = ParameterStore(blocks: graph.blocks, precision: .f64)
        store.initialize(seed: seed)
        return store
    }

    /// Scale and variance for fan_in 200 and fan_out 300.
    private static let variances: [(Initializer.Scheme, Double, Double)] = [
        (.normal, 0.5, 0.25), (.uniform, 0.3, 0.03), (.glorot_normal, 1, 0.004), (.glorot_uniform, 2, 0.016),
        (.he_normal, 1, 0.01), (.he_uniform, 1, 0.01), (.lecun_normal, 1, 0.005), (.torch_linear, 1, 1 / 600.0),
    ]

    /// 60,000 draws: 5 standard errors of a deviation are below 1.5 %.
    @Test(arguments: variances)
    func moments(_ scheme: Initializer.Scheme, _ scale: Double, _ expected: Double) throws {
        let deviation = expected.squareRoot()
        let values = try store(scheme, scale: scale).copy(block: 0)
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
        #expect(abs(mean) < 5 * deviation / Double(values.count).squareRoot())
        #expect(abs(variance.squareRoot() / deviation - 1) < 0.015)
        if scheme.rawValue.contains("uniform") || scheme == .torch_linear {
            let bound = deviation * 3.0.squareRoot()
            #expect(values.allSatisfy { abs($0) < bound } && values.contains { abs($0) > 0.999 * bound })
        } else {
            #expect(values.contains { abs($0) > 3 * deviation })
        }
    }

    @Test(arguments: [[5, 3], [3, 5], [4, 2, 3], [1]])
    func orthogonalRowsOrColumns(_ shape: [Int]) throws {
        let rows = shape[0], columns = elements(shape) / rows
        let q = try store(.orthogonal, scale: 2, shape: shape).copy(block: 0)
        for i in 0..<min(rows, columns) {
            for j in 0..<min(rows, columns) {
                let dot =
                    rows < columns
                    ? (0..<columns).reduce(0) { $0 + q[i * columns + $1] * q[j * columns + $1] }
                    : (0..<rows).reduce(0) { $0 + q[$1 * columns + i] * q[$1 * columns + j] }
                #expect(abs(dot - (i == j ? 4 : 0)) < 1e-13)
            }
        }
    }

    @Test func valuesDependOnSeedAndNameOnly() throws {
        let a = try store(.normal).copy(block: 0)
        #expect(try store(.normal).copy(block: 0) == a)
        #expect(try store(.normal, name: "v").copy(block: 0) != a)
        #expect(try store(.normal, seed: 8).copy(block: 0) != a)
        // Another block before it, and another precision, change nothing but the rounding.
        let graph = Graph()
        _ = try graph.parameter(
            "first", role: .bias, shape: [3], initializer: Initializer(scheme: .constant, scale: 2.5))
        _ = try graph.parameter("w", role: .weight, shape: [300, 200], initializer: Initializer(scheme: .normal))
        let single = ParameterStore(blocks: graph.blocks, precision: .f32)
        single.initialize(seed: 7)
        #expect(single.copy(block: 1) == a.map { Double(Float($0)) })
        #expect(single.copy(block: 0) == [2.5, 2.5, 2.5])
    }

    @Test func layout() throws {
        let graph = Graph()
        let initializer = Initializer(scheme: .constant)
        _ = try graph.parameter("a", role: .weight, shape: [7, 5], initializer: initializer)
        _ = try graph.parameter("b", role: .bias, shape: [3], initializer: initializer, fanIn: 5, fanOut: 9)
        _ = try graph.parameter("c", role: .weight, shape: [4, 3, 2], initializer: initializer)
        _ = try graph.parameter("d", role: .other, shape: [], initializer: initializer)
        #expect(graph.blocks.map(\.offset) == [0, 48, 64, 96])
        #expect(graph.blocks.map(\.fanIn) == [5, 5, 6, 1] && graph.blocks.map(\.fanOut) == [7, 9, 12, 1])
        let store = ParameterStore(blocks: graph.blocks, precision: .f32)
        #expect(store.count == 112 && store.blocks.map(\.count).reduce(0, +) == 63)
        #expect(Int(bitPattern: store.values) % 64 == 0 && Int(bitPattern: store.gradients) % 64 == 0)
        store.initialize(seed: 3)
        let values = store.values.assumingMemoryBound(to: Float.self)
        #expect((0..<112).filter { values[$0] != 0 }.count == 63)
    }

    @Test func copiesConvert() throws {
        let double = try store(.normal, shape: [7, 5])
        let single = ParameterStore(blocks: double.blocks, precision: .f32)
        single.copyValues(from: double)
        #expect(single.copy(block: 0) == double.copy(block: 0).map { Double(Float($0)) })
        let back = ParameterStore(blocks: double.blocks, precision: .f64)
        back.copyValues(from: single)
        #expect(back.copy(block: 0) == single.copy(block: 0))
    }

    /// Any value of any block counts, the last ones and statistics too.
    @Test(arguments: Precision.allCases) func finiteOrNot(_ precision: Precision) throws {
        let store = ParameterStore(
            blocks: try blocks([("a", [7, 5], .weight), ("mean", [3], .statistic)]), precision: precision)
        store.initialize(seed: 4)
        #expect(store.isFinite)
        for (block, place, value) in [(0, 0, Double.nan), (0, 34, .infinity), (1, 2, -.infinity), (1, 0, 1e39)] {
            let values = store.copy(block: block)
            var changed = values
            changed[place] = value
            store.set(block: block, changed)
            #expect(store.isFinite == (value == 1e39 && precision == .f64))
            store.set(block: block, values)
        }
        #expect(store.isFinite)
    }

    private func blocks(_ shapes: [(String, [Int], ParameterRole)]) throws -> [ParameterBlock] {
        let graph = Graph()
        for (name, shape, role) in shapes {
            _ = try graph.parameter(name, role: role, shape: shape, initializer: Initializer(scheme: .normal))
        }
        return graph.blocks
    }

    /// One vector without gaps and statistics, there and back; a clone shares nothing.
    @Test func flatVectorsAndClones() throws {
        let store = ParameterStore(
            blocks: try blocks([
                ("a", [7, 5], .weight), ("mean", [3], .statistic), ("b", [2], .bias), ("c", [], .other),
            ]),
            precision: .f64)
        store.initialize(seed: 4)
        let flat = store.copyFlat()
        #expect(flat == store.copy(block: 0) + store.copy(block: 2) + store.copy(block: 3) && store.flatCount == 38)
        #expect(
            store.flatRanges.map(\.block) == [0, 2, 3] && store.flatRanges.map(\.range) == [0..<35, 35..<37, 37..<38])
        let clone = store.clone(), single = store.clone(precision: .f32)
        store.setFlat(flat.map { 2 * $0 })
        #expect(store.copyFlat() == flat.map { 2 * $0 } && store.copy(block: 1) == clone.copy(block: 1))
        #expect(clone.copyFlat() == flat && single.copyFlat() == flat.map { Double(Float($0)) })
        // The gaps between blocks stay 0: whole buffers are summed.
        let values = store.values.assumingMemoryBound(to: Double.self)
        #expect((0..<store.count).filter { values[$0] != 0 }.count == 41)
    }

    /// A network that grows: what both have is kept in its place, the rest begins as in a network of its own.
    @Test func forksKeepWhatFits() throws {
        let old = ParameterStore(
            blocks: try blocks([
                ("same", [3, 4], .weight), ("wider", [3, 4], .weight), ("narrower", [6], .bias), ("gone", [2], .bias),
                ("kernel", [2, 3, 3, 5], .weight), ("rank", [8], .bias), ("mixed", [4, 3], .weight),
            ]), precision: .f64)
        old.initialize(seed: 1)
        let new = try blocks([
            ("first", [5], .bias), ("wider", [5, 7], .weight), ("same", [3, 4], .weight), ("narrower", [4], .bias),
            ("kernel", [3, 3, 3, 6], .weight), ("rank", [8, 1], .weight), ("mixed", [2, 6], .weight),
        ])
        let (fork, heritage) = old.fork(to: new, seed: 9)
        #expect(heritage.taken == ["same"] && heritage.new == ["first", "rank"] && heritage.left == ["gone"])
        #expect(heritage.resized == ["wider": [3, 4], "narrower": [6], "kernel": [2, 3, 3, 5], "mixed": [4, 3]])
        for (index, block) in new.enumerated() {
            let values = fork.copy(block: index), fresh = block.initialValues(seed: 9)
            let origin = old.blocks.firstIndex { $0.name == block.name && $0.shape.count == block.shape.count }
            for i in values.indices {
                var place: [Int] = [], rest = i
                for size in block.shape.reversed() {
                    place.insert(rest % size, at: 0)
                    rest /= size
                }
                if let origin, zip(place, old.blocks[origin].shape).allSatisfy({ $0 < $1 }) {
                    let from = zip(place, old.blocks[origin].shape).reduce(0) { $0 * $1.1 + $1.0 }
                    #expect(values[i] == old.copy(block: origin)[from], "\(block.name) \(place)")
                } else {
                    #expect(values[i] == fresh[i], "\(block.name) \(place)")
                }
            }
        }
    }
}
