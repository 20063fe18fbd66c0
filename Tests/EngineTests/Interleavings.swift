import Engine
import Glibc
import PluginTesting
import Testing

/// What a program's threads could do to each other, found without threads.
extension Program {
    /// Runs the threads' lists on this thread, one share at a time, in a random order that any timing could lead to.
    func runInterleaved(_ random: inout SplitMix, ignoringBarriers: Bool = false) {
        let lists = threadLists.shares
        let epochs =
            ignoringBarriers ? [lists.map { Array($0.joined()) }] : lists[0].indices.map { e in lists.map { $0[e] } }
        for epoch in epochs {
            var next = [Int](repeating: 0, count: epoch.count)
            while let thread = epoch.indices.filter({ next[$0] < epoch[$0].count }).randomElement(using: &random) {
                // Bursts of one thread, so that threads drift far apart.
                for share in epoch[thread][next[thread]...].prefix(Int.random(in: 1...12, using: &random)) {
                    share.run(share.arguments, share.begin, share.end, Int32(thread))
                    next[thread] += 1
                }
            }
        }
    }

    /// Shares of different threads, not separated by a barrier, one of which writes what the other touches: none, if the
    /// planner is right. Compares every pair.
    func conflicts() -> [String] {
        let stepOf = Dictionary(uniqueKeysWithValues: steps.map { ($0.arguments, $0) })
        let lists = threadLists.shares
        var found: [String] = []
        guard Set(lists.map(\.count)).count == 1 else { return ["threads meet different numbers of times"] }
        for epoch in lists[0].indices {
            let ranges = lists.map { list in
                list[epoch].flatMap { share in
                    let units = Int(share.begin)..<Int(share.end)
                    return (stepOf[share.arguments]?.task.touches ?? []).map { ($0.bytes(of: units), $0.isWrite) }
                }
            }
            for a in ranges.indices {
                for b in ranges.indices where b > a {
                    for (x, xWrites) in ranges[a] {
                        for (y, yWrites) in ranges[b] where (xWrites || yWrites) && x.overlaps(y) {
                            found.append("threads \(a) and \(b) in epoch \(epoch)")
                        }
                    }
                }
            }
        }
        return found
    }

    /// Units of each step that no thread does, or that are done twice.
    func unevenSteps() -> [String] {
        steps.filter { step in
            var done = [Int](repeating: 0, count: step.task.units)
            for share in threadLists.shares.joined().joined() where share.arguments == step.arguments {
                for unit in Int(share.begin)..<Int(share.end) { done[unit] += 1 }
            }
            return done.contains { $0 != 1 }
        }.map(\.name)
    }

    /// How often threads meet in a run.
    var meetings: Int { threadLists.shares[0].count - 1 }
}
