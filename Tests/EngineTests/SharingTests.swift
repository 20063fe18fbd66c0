import Engine
import Glibc
import PluginTesting
import Testing

@Suite struct SharingTests {
    /// Outputs and gradients after `run`, as bits.
    private func bits(_ random: RandomGraph, _ program: Program, _ store: ParameterStore) -> [[UInt64]] {
        let values = random.outputs.map(program.copy) + store.blocks.indices.map(store.copyGradient(block:))
        return values.map { $0.map(\.bitPattern) }
    }

    private func compiled(_ random: RandomGraph, _ seed: Int, threads: Int, _ precision: Precision)
        throws -> (Program, ParameterStore)
    {
        let store = ParameterStore(blocks: random.graph.blocks, precision: precision)
        store.initialize(seed: UInt64(seed))
        let program = try Program(
            random.graph, outputs: random.outputs,
            gradients: Array(zip(random.parameters, random.gradients)).map { ($0, $1) }, precision: precision,
            parameters: store, threads: threads,
            unrolledOperations: seed % 3 == 0 ? 0 : Graph.unrolledOperations)
        fill(program, random)
        return (program, store)
    }

    private func fill(_ program: Program, _ random: RandomGraph, scale: Double = 1) {
        for (name, values) in random.inputs { program.setInput(name, values.map { scale * $0 }) }
        program.setScalar("s", 0.3)
    }

    /// Leaves wrong values everywhere, so that one read too early is seen.
    private func stale(_ program: Program, _ random: RandomGraph) {
        fill(program, random, scale: -0.7)
        program.run()
        fill(program, random)
    }

    @Test(arguments: 0..<120)
    func everyNumberOfThreadsGivesTheSameBits(_ seed: Int) throws {
        let random = try RandomGraph(seed: UInt64(seed))
        let precision: Precision = seed % 2 == 0 ? .f64 : .f32
        let (one, store) = try compiled(random, seed, threads: 1, precision)
        one.run()
        let expected = bits(random, one, store)
        var order = SplitMix(seed: UInt64(seed))
        for threads in [2, 3, 5] {
            let (program, store) = try compiled(random, seed, threads: threads, precision)
            #expect(program.conflicts() == [], "seed \(seed), \(threads) threads")
            #expect(program.unevenSteps() == [], "seed \(seed), \(threads) threads")
            program.run()
            #expect(bits(random, program, store) == expected, "seed \(seed), \(threads) threads")
            for _ in 0..<3 {
                stale(program, random)
                program.runInterleaved(&order)
                #expect(bits(random, program, store) == expected, "seed \(seed), \(threads) threads, interleaved")
            }
        }
    }

    /// The interleavings above can fail: without barriers they do.
    @Test func withoutBarriersValuesDiffer() throws {
        var differing = 0
        for seed in 0..<20 {
            let random = try RandomGraph(seed: UInt64(seed))
            let (program, store) = try compiled(random, seed, threads: 3, .f64)
            program.run()
            let expected = bits(random, program, store)
            var order = SplitMix(seed: UInt64(seed))
            stale(program, random)
            program.runInterleaved(&order, ignoringBarriers: true)
            if bits(random, program, store) != expected { differing += 1 }
        }
        #expect(differing > 5, "only \(differing) of 20 graphs")
    }

    /// Every kernel touches no more than it says: a share is computed from its declared reads alone, everything else being
    /// NaN, and writes nothing but its part.
    @Test(arguments: 0..<60)
    func kernelsTouchWhatTheyDeclare(_ seed: Int) throws {
        let random = try RandomGraph(seed: UInt64(seed))
        let (program, _) = try compiled(random, seed, threads: 1, seed % 2 == 0 ? .f64 : .f32)
        var order = SplitMix(seed: UInt64(seed))
        for step in program.steps {
            let units = step.task.units
            let ends = (0..<2).map { _ in Int.random(in: 0...units, using: &order) }.sorted()
            #expect(undeclaredAccess(of: step, ends[0]..<ends[1]) == nil, "\(step.name), seed \(seed)")
        }
    }

    /// The check above can fail: a product of [7, 5] by [5, 3] that claims to read b row by row, or to write less.
    @Test func wrongDeclarationsAreSeen() throws {
        let graph = Graph()
        let (a, b) = (graph.input("a", shape: [7, 5]), graph.input("b", shape: [7, 3]))
        let product = try graph.apply(.matmul(transposeA: true), [a, b])
        let program = try Program(graph, outputs: [product], precision: .f64, parameters: nil, threads: 1)
        program.setInput("a", (0..<35).map { Double($0 + 1) })
        program.setInput("b", (0..<21).map { Double($0 + 2) })
        let step = program.steps[0], touches = step.task.touches
        #expect(undeclaredAccess(of: step, 1..<3) == nil)
        for wrong in 0..<2 {
            var claimed = touches
            claimed[wrong] = Touch(
                bytes: touches[wrong].bytes, access: .perUnit(touches[wrong].bytes.count / 5), isWrite: false)
            #expect(
                undeclaredAccess(of: step, 1..<3, touches: claimed)
                    == "what it computes depends on more than it reads")
        }
        var claimed = touches
        claimed[2] = Touch(bytes: touches[2].bytes, access: .perUnit(16), isWrite: true)
        #expect(undeclaredAccess(of: step, 1..<3, touches: claimed) != nil)
    }
}

/// Runs a share of a step with everything but its declared reads set to NaN; nil if its part of the result is that of the
/// whole step and nothing else has changed. Then runs the whole step.
func undeclaredAccess(of step: Step, _ units: Range<Int>, touches: [Touch]? = nil) -> String? {
    let touches = touches ?? step.task.touches
    func run(_ units: Range<Int>) { step.kernel(step.arguments, Int64(units.lowerBound), Int64(units.upperBound), 0) }
    let before = Bytes(touches)
    run(0..<step.task.units)
    let after = Bytes(touches)
    let poison: UInt8 = 0xff  // NaN in any precision
    var given = Bytes(touches, filledWith: poison)
    for touch in touches where !touch.isWrite { given.copy(touch.bytes(of: units), from: before) }
    given.restore()
    run(units)
    let result = Bytes(touches)
    var expected = given
    for touch in touches where touch.isWrite { expected.copy(touch.bytes(of: units), from: after) }
    let isInside = touches.filter(\.isWrite).map { $0.bytes(of: units) }
    let differing = expected.differences(result)
    before.restore()
    run(0..<step.task.units)
    guard let first = differing.first else { return nil }
    return isInside.contains { $0.contains(first) }
        ? "what it computes depends on more than it reads" : "it writes outside its part"
}

/// A copy of operands in memory, by address.
private struct Bytes {
    private var values: [UInt: UInt8] = [:]

    init(_ touches: [Touch], filledWith value: UInt8? = nil) {
        for address in Set(touches.flatMap { Array($0.bytes) }) {
            values[address] = value ?? UnsafePointer<UInt8>(bitPattern: address)?.pointee
        }
    }

    mutating func copy(_ range: Range<UInt>, from other: Bytes) {
        for address in range { values[address] = other.values[address] }
    }

    func restore() {
        for (address, value) in values { UnsafeMutablePointer<UInt8>(bitPattern: address)?.pointee = value }
    }

    func differences(_ other: Bytes) -> [UInt] { values.keys.filter { values[$0] != other.values[$0] }.sorted() }
}
