/// Where every value of a schedule lives.
struct Placement {
    enum Location {
        /// Byte offset in the program's memory.
        case memory(Int)
        /// Byte offsets in the store's values and gradients.
        case value(Int), gradient(Int)
    }

    private(set) var locations: [Int: Location] = [:]
    /// Bytes of the program's memory: what outlives a run, then the arena.
    private(set) var bytes = 0
    private(set) var arenaBytes = 0

    /// - Parameters:
    ///   - kept: owners of values that must survive the run (outputs).
    ///   - gradients: owners to be computed straight into the store's gradients, with the offset there.
    ///   - reuses: whether values that live at different times share memory.
    init(
        _ graph: Graph, _ schedule: Schedule, kept: Set<Int>, gradients: [Int: Int], precision: Precision,
        reuses: Bool
    ) {
        func size(_ id: Int) -> Int { Shape.elements(graph.shape(of: Node(id: id))) * precision.bytes }

        // Inputs, numbers and constant results stay for the life of the program.
        for id in schedule.sources {
            if case .parameter(let index) = graph.definition(of: Node(id: id)) {
                locations[id] = .value(graph.blocks[index].offset * precision.bytes)
            } else {
                keep(id, size(id))
            }
        }
        for id in schedule.constantSteps.flatMap(\.outputs) { keep(id, size(id)) }

        var lastUse: [Int: Int] = [:]
        for (time, step) in schedule.steps.enumerated() {
            for id in step.reads { lastUse[schedule.owner[id] ?? id] = time }
        }
        var arena = Arena()
        var ranges: [Int: Range<Int>] = [:]
        for (time, step) in schedule.steps.enumerated() {
            let reads = Set(step.reads.map { schedule.owner[$0] ?? $0 })
            var dying = reads.filter { reuses && ranges[$0] != nil && lastUse[$0] == time && !kept.contains($0) }
            for id in step.outputs {
                if let offset = gradients[id] {
                    locations[id] = .gradient(offset)
                } else if let donor = Placement.donor(graph, schedule, step, for: id, among: dying) {
                    ranges[id] = ranges.removeValue(forKey: donor)
                    dying.remove(donor)
                } else {
                    ranges[id] = arena.allocate(size(id))
                }
                if let range = ranges[id] { locations[id] = .memory(bytes + range.lowerBound) }
            }
            for id in dying {
                if let range = ranges.removeValue(forKey: id) { arena.release(range) }
            }
        }
        arenaBytes = arena.size
        bytes += arena.size
    }

    private mutating func keep(_ id: Int, _ size: Int) {
        locations[id] = .memory(bytes)
        bytes += Arena.rounded(size)
    }

    /// A dying operand that a pass may overwrite with an output: read element by element in step with it, nowhere repeated,
    /// and by no operation that comes after it in the pass.
    private static func donor(
        _ graph: Graph, _ schedule: Schedule, _ step: Schedule.Step, for output: Int, among dying: Set<Int>
    ) -> Int? {
        let shape = graph.shape(of: Node(id: output))
        guard case .pass(let pass) = step.work, Shape.elements(shape) == pass.count else { return nil }
        let later = pass.members.filter { $0 > output }.flatMap(graph.operands)
        let taken = step.reads.filter { graph.shape(of: Node(id: $0)) != shape } + later
        let excluded = Set(taken.map { schedule.owner[$0] ?? $0 })
        return step.reads.lazy.map { schedule.owner[$0] ?? $0 }.first { dying.contains($0) && !excluded.contains($0) }
    }
}
