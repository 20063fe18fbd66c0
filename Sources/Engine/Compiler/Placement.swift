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
        for step in schedule.constantSteps { keep(step.node, size(step.node)) }

        var lastUse: [Int: Int] = [:]
        for (time, step) in schedule.steps.enumerated() {
            for id in step.reads { lastUse[schedule.owner[id] ?? id] = time }
        }
        var arena = Arena()
        var ranges: [Int: Range<Int>] = [:]
        for (time, step) in schedule.steps.enumerated() {
            let reads = Set(step.reads.map { schedule.owner[$0] ?? $0 })
            var dying = reads.filter { reuses && ranges[$0] != nil && lastUse[$0] == time && !kept.contains($0) }
            if let offset = gradients[step.node] {
                locations[step.node] = .gradient(offset)
            } else if let donor = Placement.donor(graph, schedule, step, among: dying) {
                ranges[step.node] = ranges.removeValue(forKey: donor)
                dying.remove(donor)
            } else {
                ranges[step.node] = arena.allocate(size(step.node))
            }
            if let range = ranges[step.node] { locations[step.node] = .memory(bytes + range.lowerBound) }
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

    /// A dying operand that an elementwise step may overwrite: read element by element in step with the output, nowhere
    /// repeated.
    private static func donor(_ graph: Graph, _ schedule: Schedule, _ step: Schedule.Step, among dying: Set<Int>)
        -> Int?
    {
        guard case .elementwise = step.work else { return nil }
        let shape = graph.shape(of: Node(id: step.node))
        let repeated = step.reads.filter { graph.shape(of: Node(id: $0)) != shape }.map { schedule.owner[$0] ?? $0 }
        return step.reads.lazy.map { schedule.owner[$0] ?? $0 }.first { dying.contains($0) && !repeated.contains($0) }
    }
}
