import CShims
import Glibc

/// The shares of steps that each thread runs, in order, from one meeting of all threads to the next.
///
/// Consecutive steps whose units correspond run block by block, all steps on one block and then on the next: what they hand
/// over stays in the cache.
package struct ThreadLists {
    /// `[thread][epoch]`; threads meet between epochs.
    package private(set) var shares: [[[sz_share]]]

    private static let cacheBytes = max(sysconf(Int32(_SC_LEVEL2_CACHE_SIZE)), 1 << 18)

    /// - Parameter groups: steps of a group are divided alike.
    init(_ groups: [[Step]], _ sharing: Sharing) {
        var sharing = sharing
        var chain = Chain()
        var shares = [[[sz_share]]](repeating: [[]], count: sharing.threads)
        func endChain() {
            for thread in shares.indices where !chain.members.isEmpty {
                chain.forEachShare(of: thread, cacheBytes: ThreadLists.cacheBytes) {
                    shares[thread][shares[thread].count - 1].append($0)
                }
            }
            chain = Chain()
        }
        for group in groups {
            let task = Task(together: group.map(\.task))
            var bounds = sharing.take(task)
            if bounds == nil {
                endChain()
                sharing.meet()
                for thread in shares.indices { shares[thread].append([]) }
                bounds = sharing.take(task)
            }
            guard let bounds else { preconditionFailure("a step cannot run alone") }
            for step in group where !chain.joined(step, bounds) {
                endChain()
                chain = Chain(step, bounds)
            }
        }
        endChain()
        self.shares = shares
    }

    /// As the C kernels want them.
    func lists(_ memory: StepMemory) -> UnsafePointer<sz_list> {
        UnsafePointer(
            memory.keep(
                shares.map { epochs in
                    var end: Int64 = 0
                    let ends = epochs.map { epoch in
                        end += Int64(epoch.count)
                        return end
                    }
                    return sz_list(
                        shares: UnsafePointer(memory.keep(Array(epochs.joined()))),
                        ends: UnsafePointer(memory.keep(ends)))
                }))
    }
}

/// Steps that run block by block.
private struct Chain {
    private(set) var members: [(step: Step, unitsPerRow: Int)] = []
    /// What a block counts: each member has the same number of units per row.
    private var rows = 1
    /// Between threads, in rows.
    private var bounds: [Int] = []
    /// What the members touch, each once; nil for what every block may touch.
    private var touches: [(touch: Touch, bytesPerRow: Int?)] = []

    private static let longest = 64

    init() {}

    init(_ step: Step, _ bounds: [Int]) {
        members = [(step, 1)]
        rows = step.task.units
        self.bounds = bounds
        remember(step.task, unitsPerRow: 1)
    }

    /// Appends a step if all of it can run block by block with the others: they touch what another one writes row by row.
    mutating func joined(_ step: Step, _ shares: [Int]) -> Bool {
        guard !members.isEmpty, members.count < Chain.longest, step.task.units % rows == 0 else { return false }
        let factor = step.task.units / rows
        guard step.task.grain == 1 || factor == 1, shares == bounds.map({ $0 * factor }) else { return false }
        for touch in step.task.touches {
            let size = Chain.bytesPerRow(touch, factor)
            for known in touches where known.touch.meets(touch) {
                let isSame = known.touch.bytes.lowerBound == touch.bytes.lowerBound
                guard isSame, size != nil, known.bytesPerRow == size else { return false }
            }
        }
        members.append((step, factor))
        remember(step.task, unitsPerRow: factor)
        return true
    }

    private mutating func remember(_ task: Task, unitsPerRow: Int) {
        for touch in task.touches {
            let item = (touch, Chain.bytesPerRow(touch, unitsPerRow))
            if !touches.contains(where: { $0 == item }) { touches.append(item) }
        }
    }

    private static func bytesPerRow(_ touch: Touch, _ unitsPerRow: Int) -> Int? {
        if case .perUnit(let size) = touch.access { size * unitsPerRow } else { nil }
    }

    /// Rows of a block: what they touch fits half the cache, but enough of them to pay for what every block reads again, and
    /// for a product transposes.
    private func block(cacheBytes: Int) -> Int {
        guard members.count > 1 else { return rows }
        var sizes: [UInt: Int] = [:]
        for (touch, size) in touches { sizes[touch.bytes.lowerBound] = size ?? 0 }
        let perRow = max(sizes.values.reduce(0, +), 1)
        var block = max(cacheBytes / 2 / perRow, 1)
        for (step, unitsPerRow) in members {
            var again = 0, own = 1
            for touch in step.task.touches {
                if let size = Chain.bytesPerRow(touch, unitsPerRow) {
                    own += size
                } else {
                    again += touch.bytes.count
                }
            }
            block = max(block, 2 * again / own)
        }
        let grain = members.map(\.step.task.grain).max() ?? 1
        return (block + grain - 1) / grain * grain
    }

    func forEachShare(of thread: Int, cacheBytes: Int, _ body: (sz_share) -> Void) {
        let block = block(cacheBytes: cacheBytes)
        var begin = bounds[thread]
        while begin < bounds[thread + 1] {
            let end = min(begin + block, bounds[thread + 1])
            for (step, unitsPerRow) in members { body(step.share(begin * unitsPerRow..<end * unitsPerRow)) }
            begin = end
        }
    }
}
