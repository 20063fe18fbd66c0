/// Divides tasks among threads so that they seldom wait for each other.
///
/// Threads meet (at a barrier) only where one of them touches what another one wrote, or writes what another one touched,
/// since they last met. Rows of a batch stay with their thread, so that passes over rows need no meeting.
struct Sharing {
    let threads: Int
    /// Sizes of leading axes along which tasks are divided alike, the preferred one first.
    let grids: [Int]
    private var footprint = Footprint()
    /// Work of each thread since the last meeting.
    private var load: [Double]

    /// Tasks of fewer cycles may run on one thread if that spares a meeting.
    static let smallCost = 3000.0

    init(threads: Int, grids: [Int] = []) {
        self.threads = threads
        self.grids = grids
        load = [Double](repeating: 0, count: threads)
    }

    mutating func meet() {
        footprint = Footprint()
        load = [Double](repeating: 0, count: threads)
    }

    /// The bounds between threads, `threads + 1` numbers of units, of a task that runs next; nil if threads must meet first.
    /// Right after a meeting every task can run.
    mutating func take(_ task: Task) -> [Int]? {
        guard let bounds = candidates(task).first(where: { isFree(task, $0) }) else { return nil }
        for thread in 0..<threads {
            let units = bounds[thread]..<bounds[thread + 1]
            for touch in task.touches {
                footprint.record(touch.bytes(of: units), thread: thread, isWrite: touch.isWrite)
            }
            load[thread] += task.cost * Double(units.count) / Double(task.units)
        }
        return bounds
    }

    private func isFree(_ task: Task, _ bounds: [Int]) -> Bool {
        (0..<threads).allSatisfy { thread in
            let units = bounds[thread]..<bounds[thread + 1]
            return task.touches.allSatisfy {
                !footprint.conflicts($0.bytes(of: units), thread: thread, isWrite: $0.isWrite)
            }
        }
    }

    private func candidates(_ task: Task) -> [[Int]] {
        if threads == 1 { return [[0, task.units]] }
        var candidates: [[Int]] = []
        if task.isShareable {
            let fitting = grids.filter { $0 >= threads && task.units % $0 == 0 && $0 != task.units }
            for grid in fitting + [task.units] {
                let perRow = task.units / grid
                let inner = (1..<threads).map { grid * $0 / threads * perRow / task.grain * task.grain }
                candidates.append([0] + inner + [task.units])
            }
        }
        if !task.isShareable || task.cost < Sharing.smallCost {
            for thread in (0..<threads).sorted(by: { (load[$0], $0) < (load[$1], $1) }) {
                candidates.append((0...threads).map { $0 <= thread ? 0 : task.units })
            }
        }
        return candidates
    }
}
