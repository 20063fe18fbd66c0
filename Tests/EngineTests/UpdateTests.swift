import Engine
import PluginTesting
import Testing

/// w ← w − lr · g for each part, and the sum of the squares of g over each part: an optimizer and a penalty in one.
final class Descent {
    struct Arguments {
        var values, gradients: UnsafeMutablePointer<Float>
        var sums: UnsafeMutablePointer<Double>
        var count, unit, grain: Int
    }

    let store: ParameterStore
    private(set) var updates: [Update] = []
    private var memory: [UnsafeMutableRawPointer] = []
    /// By gradient: the order of the calls is the planner's.
    private var sums: [UnsafeMutableRawPointer: UnsafeMutableBufferPointer<Double>] = [:]

    init(_ store: ParameterStore) {
        self.store = store
        for block in store.blocks where block.isTrained {
            let (values, gradients) = (store.values + 4 * block.offset, store.gradients + 4 * block.offset)
            updates.append(
                Update(
                    gradient: gradients, count: block.count, isElementwise: true,
                    operands: [
                        Update.Operand(gradients, bytes: 4 * block.count, isWrite: false),
                        Update.Operand(values, bytes: 4 * block.count, isWrite: true),
                    ],
                    kernel: { arguments, begin, end, _ in
                        guard let a = arguments?.load(as: Arguments.self) else { return }
                        var part = Int(begin) / a.grain
                        while part * a.grain < Int(end) {
                            let last = min((part + 1) * a.grain, Int(end)) * a.unit
                            var sum = 0.0
                            for i in max(part * a.grain, Int(begin)) * a.unit..<min(last, a.count) {
                                sum += Double(a.gradients[i]) * Double(a.gradients[i])
                                a.values[i] -= 0.05 * a.gradients[i]
                            }
                            a.sums[part] = sum
                            part += 1
                        }
                    },
                    arguments: { [unowned self] parts in arguments(parts, values, gradients) }))
        }
    }

    private func arguments(
        _ parts: Update.Parts, _ values: UnsafeMutableRawPointer, _ gradients: UnsafeMutableRawPointer
    ) -> UnsafeRawPointer {
        let pointer = UnsafeMutablePointer<Double>.allocate(capacity: parts.parts)
        pointer.initialize(repeating: .nan, count: parts.parts)
        sums[gradients]?.deallocate()
        sums[gradients] = UnsafeMutableBufferPointer(start: pointer, count: parts.parts)
        let arguments = UnsafeMutablePointer<Arguments>.allocate(capacity: 1)
        arguments.initialize(
            to: Arguments(
                values: values.assumingMemoryBound(to: Float.self),
                gradients: gradients.assumingMemoryBound(to: Float.self), sums: pointer,
                count: parts.count, unit: parts.elementsPerUnit, grain: parts.unitsPerPart))
        memory.append(UnsafeMutableRawPointer(arguments))
        return UnsafeRawPointer(arguments)
    }

    deinit {
        for pointer in memory { pointer.deallocate() }
        for sum in sums.values { sum.deallocate() }
    }

    var sum: Double { sums.sorted { $0.key < $1.key }.flatMap(\.value).reduce(0, +) }
}

/// g ← g + w/2, w ← w − g/4: a regularizer and an optimizer in one, in f64.
private final class Decay {
    let values, gradients: UnsafeMutablePointer<Double>
    let count: Int
    private var unit = 1

    init(_ store: ParameterStore, _ block: ParameterBlock) {
        values = (store.values + 8 * block.offset).assumingMemoryBound(to: Double.self)
        gradients = (store.gradients + 8 * block.offset).assumingMemoryBound(to: Double.self)
        count = block.count
    }

    func apply(_ elements: Range<Int>) {
        for i in elements {
            gradients[i] += 0.5 * values[i]
            values[i] -= 0.25 * gradients[i]
        }
    }

    func update(isElementwise: Bool) -> Update {
        Update(
            gradient: gradients, count: count, isElementwise: isElementwise,
            operands: [
                Update.Operand(gradients, bytes: 8 * count, isWrite: true),
                Update.Operand(values, bytes: 8 * count, isWrite: true),
            ],
            kernel: { arguments, begin, end, _ in
                guard let arguments else { return }
                let decay = Unmanaged<Decay>.fromOpaque(arguments).takeUnretainedValue()
                decay.apply(Int(begin) * decay.unit..<Int(end) * decay.unit)
            },
            arguments: { [self] parts in
                unit = parts.elementsPerUnit
                return UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque())
            })
    }
}

@Suite struct UpdateTests {
    /// x → 130 → 90 → 3 with tanh and a mean-square loss; the second weight is read by the backward pass too. `factored`: each
    /// weight is u ⊙ v, so that the gradients of u and v read v and u.
    private struct Net {
        let graph = Graph()
        let loss: Node
        let gradients: [(parameter: Node, gradient: Node)]

        init(factored: Bool = false) throws {
            var parameters: [Node] = []
            var h = graph.input("x", shape: [37, 70])
            let graph = graph
            func weight(_ name: String, _ shape: [Int]) throws -> Node {
                let node = try graph.parameter(
                    name, role: .weight, shape: shape, initializer: Initializer(scheme: .lecun_normal))
                parameters.append(node)
                return node
            }
            for (i, (inputs, outputs)) in [(70, 130), (130, 90), (90, 3)].enumerated() {
                let shape = [outputs, inputs]
                let w =
                    factored
                    ? try graph.apply(.binary(.mul), [weight("u\(i)", shape), weight("v\(i)", shape)])
                    : try weight("w\(i)", shape)
                let b = try graph.parameter(
                    "b\(i)", role: .bias, shape: [outputs], initializer: Initializer(scheme: .normal, scale: 0.1))
                h = try graph.apply(.binary(.add), [try graph.apply(.matmul(transposeB: true), [h, w]), b])
                if i < 2 { h = try graph.apply(.unary(.tanh), [h]) }
                parameters.append(b)
            }
            let error = try graph.apply(.binary(.sub), [h, graph.input("y", shape: [37, 3])])
            loss = try graph.apply(.mean(), [try graph.apply(.unary(.square), [error])])
            gradients = Array(
                zip(parameters, try graph.gradient(of: loss, withRespectTo: parameters))
            ).map { ($0, $1) }
        }

        func fill(_ program: Program) {
            var random = SplitMix(seed: 3)
            program.setInput("x", random.values(37 * 70))
            program.setInput("y", random.values(37 * 3))
        }

        func store() -> ParameterStore {
            let store = ParameterStore(blocks: graph.blocks, precision: .f32)
            store.initialize(seed: 6)
            return store
        }
    }

    /// Four steps with updates inside the program equal gradients first, updates after; the same bits for every number of
    /// threads, in any interleaving, sums over parts included.
    @Test(arguments: [false, true]) func updatesFollowTheirGradientsAndTheLastReaders(factored: Bool) throws {
        let net = try Net(factored: factored)
        let plain = net.store()
        let gradients = try Program(
            net.graph, outputs: [net.loss], gradients: net.gradients, precision: .f32, parameters: plain, threads: 1)
        net.fill(gradients)
        for _ in 0..<4 {
            gradients.run()
            for (index, block) in plain.blocks.enumerated() {
                let values = (plain.values + 4 * block.offset).assumingMemoryBound(to: Float.self)
                let slopes = (plain.gradients + 4 * block.offset).assumingMemoryBound(to: Float.self)
                for i in 0..<plain.blocks[index].count { values[i] -= 0.05 * slopes[i] }
            }
        }
        let squares = plain.blocks.indices.flatMap(plain.copyGradient(block:)).reduce(0) { $0 + $1 * $1 }
        let expected = plain.blocks.indices.map(plain.copy(block:))
        var sums: Set<Double> = []
        var order = SplitMix(seed: 4)
        for threads in [1, 2, 3, 5] {
            for isInterleaved in [false, true] {
                let store = net.store(), descent = Descent(store)
                let program = try Program(
                    net.graph, outputs: [net.loss], gradients: net.gradients, precision: .f32, parameters: store,
                    updates: descent.updates, threads: threads)
                net.fill(program)
                #expect(program.conflicts() == [] && program.unevenSteps() == [])
                for _ in 0..<4 { isInterleaved ? program.runInterleaved(&order) : program.run() }
                #expect(store.blocks.indices.map(store.copy(block:)) == expected, "\(threads) threads")
                #expect(abs(descent.sum - squares) <= 1e-12 * squares)
                sums.insert(descent.sum)
                #expect(
                    factored || threads == 1 || program.meetings <= 2,
                    "\(program.meetings) meetings: rows need none but those around the gradients")
            }
        }
        #expect(sums.count == 1)
    }

    /// A function for the whole block, called once the gradient is complete, by one thread.
    @Test func functionsOfWholeBlocksRunOnce() throws {
        let net = try Net()
        let store = net.store()
        nonisolated(unsafe) var seen: [[Double]] = [[], [], [], [], [], []]
        let updates = store.blocks.indices.map { index in
            let block = store.blocks[index], gradient = store.gradients + 4 * block.offset
            return Update(
                gradient: gradient, count: block.count,
                operands: [
                    Update.Operand(gradient, bytes: 4 * block.count, isWrite: false),
                    Update.Operand(store.values + 4 * block.offset, bytes: 4 * block.count, isWrite: true),
                ]
            ) {
                seen[index] += store.copyGradient(block: index)
                store.set(block: index, [Double](repeating: 0.25, count: block.count))
            }
        }
        let program = try Program(
            net.graph, outputs: [net.loss], gradients: net.gradients, precision: .f32, parameters: store,
            updates: updates, threads: 3)
        net.fill(program)
        #expect(program.conflicts() == [])
        program.run()
        #expect(seen == store.blocks.indices.map(store.copyGradient(block:)))
        #expect(store.blocks.indices.allSatisfy { store.copy(block: $0).allSatisfy { $0 == 0.25 } })
    }

    /// Two biases of one sum have one gradient. An update that adds to the gradient of the first does not change that
    /// of the second, whose updates may run by parts or as a whole.
    @Test(arguments: [false, true], [1, 3]) func oneGradientOfTwoParametersIsNotShared(isWhole: Bool, threads: Int)
        throws
    {
        let graph = Graph()
        let x = graph.input("x", shape: [37, 70])
        let parameters = try ["p", "q"].map {
            try graph.parameter($0, role: .bias, shape: [70], initializer: Initializer(scheme: .constant, scale: 0.5))
        }
        let sum = try graph.apply(named: "add", [try graph.apply(named: "add", [x, parameters[0]]), parameters[1]])
        let loss = try graph.apply(.mean(), [try graph.apply(.unary(.square), [sum])])
        let gradients = try graph.gradient(of: loss, withRespectTo: parameters)
        #expect(gradients[0] == gradients[1])
        let store = ParameterStore(blocks: graph.blocks, precision: .f64)
        store.initialize(seed: 1)
        let updates = store.blocks.enumerated().map { index, block in
            Decay(store, block).update(isElementwise: index == 0 || !isWhole)
        }
        let program = try Program(
            graph, outputs: [loss], gradients: zip(parameters, gradients).map { ($0, $1) }, precision: .f64,
            parameters: store, updates: updates, threads: threads)
        var random = SplitMix(seed: 3)
        program.setInput("x", random.values(37 * 70))
        for step in 0..<3 {
            program.run()
            #expect(store.copy(block: 0) == store.copy(block: 1), "step \(step)")
        }
        #expect(program.conflicts() == [])
    }

    /// Graphs drawn at random, with updates that change gradients and parameters: the same as gradients first and
    /// updates after.
    @Test(arguments: 0..<40) func updatesOfAnyGraph(_ seed: Int) throws {
        let random = try RandomGraph(seed: UInt64(seed))
        let graph = random.graph
        var pairs = zip(random.parameters, random.gradients).map { (parameter: $0, gradient: $1) }
        // Sometimes a parameter has the gradient of another one of its size.
        if seed % 3 == 0 {
            let twin = try graph.parameter(
                "twin", role: .weight, shape: graph.shape(of: random.parameters[0]),
                initializer: Initializer(scheme: .normal))
            pairs.append((twin, random.gradients[0]))
        }
        func store() -> ParameterStore {
            let store = ParameterStore(blocks: graph.blocks, precision: .f64)
            store.initialize(seed: 9)
            return store
        }
        func fill(_ program: Program) {
            for (name, values) in random.inputs { program.setInput(name, values) }
            program.setScalar("s", 0.3)
        }
        let plain = store(), decays = plain.blocks.map { Decay(plain, $0) }
        let gradients = try Program(
            graph, outputs: random.outputs, gradients: pairs, precision: .f64, parameters: plain, threads: 1)
        fill(gradients)
        for _ in 0..<2 {
            gradients.run()
            for decay in decays { decay.apply(0..<decay.count) }
        }
        for threads in [1, 3] {
            let own = store()
            let updates = own.blocks.enumerated().map { index, block in
                Decay(own, block).update(isElementwise: (seed >> index) % 2 == 0)
            }
            let program = try Program(
                graph, outputs: random.outputs, gradients: pairs, precision: .f64, parameters: own,
                updates: updates, threads: threads)
            fill(program)
            #expect(program.conflicts() == [])
            for _ in 0..<2 { program.run() }
            for block in plain.blocks.indices {
                #expect(
                    own.copy(block: block).map(\.bitPattern) == plain.copy(block: block).map(\.bitPattern),
                    "\(plain.blocks[block].name), \(threads) threads")
            }
            for node in random.outputs {
                #expect(program.copy(node).map(\.bitPattern) == gradients.copy(node).map(\.bitPattern))
            }
        }
    }

    /// Inputs are gathered in the run, in the order that holds then.
    @Test func rowsComeFromATable() throws {
        let graph = Graph()
        let x = graph.input("x", shape: [5, 3]), y = try graph.apply(.unary(.neg), [x])
        let table = UnsafeMutablePointer<Double>.allocate(capacity: 33)
        let order = UnsafeMutablePointer<Int64>.allocate(capacity: 9)
        let cell = UnsafeMutablePointer<UnsafePointer<Int64>?>.allocate(capacity: 1)
        defer {
            table.deallocate()
            order.deallocate()
            cell.deallocate()
        }
        for i in 0..<33 { table[i] = Double(i) }
        for (i, row) in [10, 0, 3, 3, 7, 1, 9, 2, 10].enumerated() { order[i] = Int64(row) }
        let program = try Program(
            graph, outputs: [y], precision: .f64, parameters: nil,
            rows: ["x": RowSource(rows: table, order: cell), "other": RowSource(rows: table, order: cell)], threads: 2
        )
        for offset in [0, 4] {
            cell.pointee = UnsafePointer(order) + offset
            program.run()
            let rows = (0..<5).flatMap { i in (0..<3).map { -Double(order[offset + i]) * 3 - Double($0) } }
            #expect(program.copy(y) == rows)
        }
    }
}
