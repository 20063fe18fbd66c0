import HeapModule

/// An order of tasks with few meetings: whatever needs none goes first, so that tasks that need one gather behind it.
enum TaskOrder {
    /// - Parameter tasks: in an order that is right; what one reads, an earlier one has written.
    /// - Returns: positions in `tasks`.
    /// - Complexity: near-linear in the number of tasks and their operands.
    static func gathered(_ tasks: [Task], sharing: Sharing) -> [Int] {
        var (missing, followers) = dependences(tasks)
        var sharing = sharing
        var ready = Heap<Int>(tasks.indices.filter { missing[$0] == 0 })
        var waiting: [Int] = []
        var order: [Int] = []
        order.reserveCapacity(tasks.count)
        while order.count < tasks.count {
            guard let next = ready.popMin() else {
                sharing.meet()
                ready.insert(contentsOf: waiting)
                waiting = []
                continue
            }
            guard sharing.take(tasks[next]) != nil else {
                waiting.append(next)
                continue
            }
            order.append(next)
            for follower in followers[next] {
                missing[follower] -= 1
                if missing[follower] == 0 { ready.insert(follower) }
            }
        }
        return order
    }

    /// How many tasks each one waits for, and which wait for it. Every operand has memory of its own here: only values
    /// bind, and not what lies where.
    private static func dependences(_ tasks: [Task]) -> (missing: [Int], followers: [[Int]]) {
        var missing = [Int](repeating: 0, count: tasks.count)
        var followers = [[Int]](repeating: [], count: tasks.count)
        var writer: [UInt: Int] = [:]
        var readers: [UInt: [Int]] = [:]
        for (i, task) in tasks.enumerated() {
            var before: Set<Int> = []
            for touch in task.touches {
                let place = touch.bytes.lowerBound
                if let last = writer[place] { before.insert(last) }
                if touch.isWrite { before.formUnion(readers[place] ?? []) }
            }
            before.remove(i)
            missing[i] = before.count
            for other in before { followers[other].append(i) }
            for touch in task.touches where !touch.isWrite { readers[touch.bytes.lowerBound, default: []].append(i) }
            for touch in task.touches where touch.isWrite {
                writer[touch.bytes.lowerBound] = i
                readers[touch.bytes.lowerBound] = nil
            }
        }
        return (missing, followers)
    }
}
