import LinearAlgebra
import Manifests
import Protocols

/// The bootstrap over samples (Efron 1979), of one observation.
///
/// The n samples are divided at random into 32 groups of equal size (fewer samples: one each), and what accumulates over
/// samples does so for each group by itself. A replicate draws as many groups, with replacement, and combines what they have:
/// a moment of n rows costs 32 additions instead of n products. Positions of a sample stay together. All probes of an observation, and all
/// steps, see the same draws.
final class Resampling {
    private static let groups = 32
    private static let stream = Stream(seed: 0, name: "bootstrap")

    let samples: Int
    let observer: Observer
    /// What the observation has measured, which owns this.
    unowned let whole: Measurement
    /// Group of each sample, and the samples of each group.
    private let group: [Int]
    private let members: [[Int]]
    private(set) var parts: [Measurement.Key: Grouped] = [:]
    /// For each replicate, how often each group is in it.
    private let times: [[Int]]
    /// For each replicate, of what takes rows as they come.
    private let memories: [[TakerKey: ProbeMemory]]

    /// What takes rows, and what it is about.
    struct TakerKey: Hashable {
        private let taker: ObjectIdentifier
        private let subject: String

        init(_ taker: any QuantityTaker, _ subject: String) {
            (self.taker, self.subject) = (ObjectIdentifier(taker), subject)
        }
    }

    init(
        _ observer: Observer, _ whole: Measurement, samples: Int, replicates: Int, passes: [[Observer.Visit]]
    ) {
        (self.observer, self.whole, self.samples) = (observer, whole, samples)
        let count = min(Self.groups, samples)
        var group = Array(repeating: 0, count: samples), members = Array(repeating: [Int](), count: count)
        let order = Stream(seed: 0, name: "bootstrap groups").permutation(of: samples)
        for (place, sample) in order.enumerated() { group[sample] = place % count }
        for sample in 0..<samples { members[group[sample]].append(sample) }
        (self.group, self.members) = (group, members)
        times = (0..<replicates).map { Self.draws($0, of: count) }
        let keys = passes.joined().map { TakerKey($0.taker, $0.subject) }
        memories = (0..<replicates).map { _ in
            Dictionary(keys.map { ($0, ProbeMemory()) }) { first, _ in first }
        }
    }

    // MARK: Collecting

    /// - Parameter numbers: memory of one group.
    func collect(
        _ key: Measurement.Key, widths: [Int], numbers: Double, _ make: @escaping () -> any Accumulator
    ) throws -> Grouped {
        try whole.reserve(key, numbers: numbers * Double(members.count))
        let grouped = Grouped(widths: widths, groups: members.count, make)
        parts[key] = grouped
        return grouped
    }

    /// The rows of a chunk, group by group.
    func order(_ range: Range<Int>) -> ChunkOrder {
        var sizes = Array(repeating: 0, count: members.count)
        for sample in range { sizes[group[sample]] += 1 }
        var next = sizes.indices.map { sizes[..<$0].reduce(0, +) }
        var rows = Array(repeating: 0, count: range.count)
        for sample in range {
            rows[next[group[sample]]] = sample - range.lowerBound
            next[group[sample]] += 1
        }
        return ChunkOrder(rows: rows, sizes: sizes)
    }

    /// Gives the rows of a chunk to those who take them in this pass, as often as each replicate has them, and what they take
    /// finished as it is in `replicates`.
    func add(
        _ rows: any QuantitySource, _ range: Range<Int>, to visits: [Observer.Visit], _ replicates: [Replicate]
    ) {
        guard !visits.isEmpty else { return }
        for (replicate, memories) in memories.enumerated() {
            let times = times[replicate]
            let drawn = range.flatMap { Array(repeating: $0 - range.lowerBound, count: times[group[$0]]) }
            guard !drawn.isEmpty else { continue }
            let source = DrawnRows(of: rows, drawn, among: range.count, finished: replicates[replicate])
            for visit in visits {
                guard let memory = memories[TakerKey(visit.taker, visit.subject)] else { continue }
                visit.taker.add(layer: visit.subject, rows: source, memory: memory)
            }
        }
    }

    // MARK: Drawing

    /// As many draws as there are groups, counted.
    private static func draws(_ replicate: Int, of count: Int) -> [Int] {
        let draws = [Double](unsafeUninitializedCapacity: count) { buffer, filled in
            stream.uniform(step: UInt64(replicate), into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            filled = count
        }
        return draws.reduce(into: Array(repeating: 0, count: count)) { times, draw in
            times[min(Int(draw * Double(count)), count - 1)] += 1
        }
    }

    func memory(_ replicate: Int, _ taker: any QuantityTaker, _ subject: String) -> ProbeMemory {
        memories[replicate][TakerKey(taker, subject)] ?? ProbeMemory()
    }

    func replicate(_ number: Int, step: Int) -> Replicate {
        Replicate(self, number, step: step, times: times[number])
    }

    /// All of them, for a pass: what they form for it stays there until it ends.
    func replicates(step: Int) -> [Replicate] { memories.indices.map { replicate($0, step: step) } }

    /// The samples of the groups, each so many times.
    func samples(_ times: [Int]) -> [Int] {
        members.indices.flatMap { group in (0..<times[group]).flatMap { _ in members[group] } }
    }
}

/// The rows of a chunk in another order: those of group 0 first.
struct ChunkOrder {
    var rows: [Int]
    /// Of each group.
    var sizes: [Int]
}

/// One quantity, for each group of samples.
final class Grouped {
    private let widths: [Int]
    private let make: () -> any Accumulator
    private let parts: [any Accumulator]
    private var work: [Buffer]

    init(widths: [Int], groups: Int, _ make: @escaping () -> any Accumulator) {
        (self.widths, self.make) = (widths, make)
        parts = (0..<groups).map { _ in make() }
        work = widths.map { _ in Buffer(0) }
    }

    func add(_ chunks: [UnsafePointer<Double>], positions: Int, _ order: ChunkOrder) {
        each(chunks, positions, order) { part, rows, count in part.add(rows, rows: count) }
    }

    func add(output: Int, jacobian: UnsafePointer<Double>, positions: Int, _ order: ChunkOrder) {
        each([jacobian], positions, order) { part, rows, count in
            (part as? any JacobianAccumulator)?.add(output: output, jacobian: rows[0], rows: count)
        }
    }

    private func each(
        _ chunks: [UnsafePointer<Double>], _ positions: Int, _ order: ChunkOrder,
        _ add: (any Accumulator, [UnsafePointer<Double>], Int) -> Void
    ) {
        for (index, (chunk, width)) in zip(chunks, widths).enumerated() {
            let size = positions * width
            if work[index].count < order.rows.count * size {
                work[index] = Buffer(order.rows.count * size, unset: true)
            }
            for (place, row) in order.rows.enumerated() {
                (work[index].pointer + place * size).update(from: chunk + row * size, count: size)
            }
        }
        var first = 0
        for (group, count) in order.sizes.enumerated() where count > 0 {
            let rows = zip(work, widths).map { UnsafePointer($0.pointer + first * positions * $1) }
            add(parts[group], rows, count * positions)
            first += count
        }
    }

    /// Each group so many times.
    func combined(_ times: [Int]) -> any Accumulator {
        let result = make()
        for (part, times) in zip(parts, times) where times > 0 { result.absorb(part, times: times) }
        return result
    }
}
