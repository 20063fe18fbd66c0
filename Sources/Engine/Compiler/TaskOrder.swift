import HeapModule

/// An order of tasks with few meetings: whatever needs none goes first, so that tasks that need one gather behind it.
enum TaskOrder {
    /// - Parameters:
    ///   - tasks: in an order that is right; what one reads, an earlier one has written.
    ///   - priorities: of several that can run, the one with the lowest does.
    /// - Returns: positions in `tasks`.
    /// - Complexity: near-linear in the number of tasks and their operands.
    static func gathered(_ tasks: [Task], priorities: [Int], sharing: Sharing) -> [Int] {
        var (missing, followers) = dependences(tasks)
        var sharing = sharing
        let candidates = zip(priorities, tasks.indices).map(Candidate.init)
        var ready = Heap<Candidate>(candidates.filter { missing[$0.task] == 0 })
        var waiting: [Candidate] = []
        var order: [Int] = []
        order.reserveCapacity(tasks.count)
        while order.count < tasks.count {
            guard let next = ready.popMin() else {
                sharing.meet()
                ready.insert(contentsOf: waiting)
                waiting = []
                continue
            }
            guard sharing.take(tasks[next.task]) != nil else {
                waiting.append(next)
                continue
            }
            order.append(next.task)
            for follower in followers[next.task] {
                missing[follower] -= 1
                if missing[follower] == 0 { ready.insert(candidates[follower]) }
            }
        }
        return order
    }

    private struct Candidate: Comparable {
        let priority: Int
        let task: Int
        static func < (a: Candidate, b: Candidate) -> Bool { (a.priority, a.task) < (b.priority, b.task) }
    }

    /// How many tasks each one waits for, and which wait for it. Every operand has memory of its own here: only values
    /// bind, and not what lies where.
    private static func dependences(_ tasks: [Task]) -> (missing: [Int], followers: [[Int]]) {
        var missing = [Int](repeating: 0, count: tasks.count)
        var followers = [[Int]](repeating: [], count: tasks.count)
        let places = Places(tasks.flatMap { $0.touches.map(\.bytes) })
        var writer: [UInt: Int] = [:]
        var readers: [UInt: [Int]] = [:]
        for (i, task) in tasks.enumerated() {
            var before: Set<Int> = []
            for touch in task.touches {
                let place = places.start(of: touch.bytes.lowerBound)
                if let last = writer[place] { before.insert(last) }
                if touch.isWrite { before.formUnion(readers[place] ?? []) }
            }
            before.remove(i)
            missing[i] = before.count
            for other in before { followers[other].append(i) }
            for touch in task.touches where !touch.isWrite {
                readers[places.start(of: touch.bytes.lowerBound), default: []].append(i)
            }
            for touch in task.touches where touch.isWrite {
                let place = places.start(of: touch.bytes.lowerBound)
                writer[place] = i
                readers[place] = nil
            }
        }
        return (missing, followers)
    }
}

/// Ranges of addresses that overlap, taken together.
private struct Places {
    private var starts: [UInt] = []

    init(_ ranges: [Range<UInt>]) {
        var end: UInt = 0
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if starts.isEmpty || range.lowerBound >= end { starts.append(range.lowerBound) }
            end = max(end, range.upperBound)
        }
    }

    /// Where the overlapping ranges around an address begin.
    func start(of address: UInt) -> UInt {
        var low = 0, high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= address { low = middle } else { high = middle }
        }
        return starts[low]
    }
}
