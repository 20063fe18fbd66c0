import CShims

/// What a program does, in order, and where its values live.
struct Plan {
    enum Item {
        case step(Schedule.Step)
        /// Rows of a table, to where an input lives.
        case gather(node: Int, RowSource)
        /// The value of a node, copied to the store's gradients.
        case copy(source: Int, offset: Int)
        /// The value of a node, copied to the store's values.
        case assign(source: Int, offset: Int)
        case update(Update, Update.Parts)
    }

    /// What else a run does than the steps of a schedule.
    struct Extras {
        var gathers: [Item] = []
        var copies: [Item] = []
        var assignments: [Item] = []
        var updates: [Update] = []
        /// Owners to be computed straight into the store's gradients, with the offset there.
        var gradients: [Int: Int] = [:]
        /// Owners of values that must survive the run.
        var kept: Set<Int> = []
    }

    /// Items of a group are divided alike between threads and run block by block.
    private(set) var groups: [[Item]]
    let placement: Placement

    /// Values that together take no more than this have memory of their own: threads that reuse it would wait for each other.
    private static let smallBytes = 512 << 10
    /// Memory that an order with few meetings may take whatever another one takes.
    private static let moderateBytes = 16 << 20

    init(
        _ schedule: Schedule, _ extras: Extras, sharing: Sharing, emitter: inout StepEmitter,
        parameters: ParameterStore?
    ) throws {
        let (graph, precision) = (emitter.graph, emitter.precision)
        func placed(_ groups: [[Item]], reuses: Bool) -> (Placement, Schedule) {
            let steps = groups.joined().compactMap { if case .step(let step) = $0 { step } else { nil } }
            let ordered = schedule.ordered(steps)
            return (
                Placement(
                    graph, ordered, kept: extras.kept, gradients: extras.gradients, precision: precision,
                    reuses: reuses), ordered
            )
        }
        let single = schedule.steps.map { [Item.step($0)] }
        let (apart, _) = placed(single, reuses: false)
        let addresses = Addresses(schedule: schedule, placement: apart, memory: nil, parameters: parameters)
        let (natural, priorities) = try Plan.grouped(
            schedule, extras, sharing.threads, emitter: &emitter, addresses)
        let tasks = try natural.map { group in
            Task(together: try group.map { try emitter.place($0, addresses).task })
        }
        func ordered(_ sharing: Sharing) -> [[Item]] {
            TaskOrder.gathered(tasks, priorities: priorities, sharing: sharing).map { natural[$0] }
        }
        let plain = ordered(Sharing(threads: 1))
        if sharing.threads == 1 {
            (groups, placement) = (plain, placed(plain, reuses: true).0)
            return
        }
        let gathered = ordered(sharing)
        if apart.arenaBytes <= Plan.smallBytes {
            (groups, placement) = (gathered, placed(gathered, reuses: false).0)
            return
        }
        let (tight, wide) = (placed(plain, reuses: true).0, placed(gathered, reuses: true).0)
        if wide.arenaBytes <= 2 * tight.arenaBytes + Plan.moderateBytes {
            (groups, placement) = (gathered, wide)
        } else {
            (groups, placement) = (plain, tight)
        }
    }

    /// Steps and what comes with them, in an order that is right but for which of the independent ones come first: that is
    /// by priority, the lowest first. Updates of a block join the step that computes its gradient if all of them can go
    /// part by part, nothing else needs the gradient, and the step reads nothing that updates change: of two gradients that
    /// read each other's parameter, as those of u and v in u ⊙ v, neither could follow the other's update.
    private static func grouped(
        _ schedule: Schedule, _ extras: Extras, _ threads: Int, emitter: inout StepEmitter, _ addresses: Addresses
    ) throws -> (groups: [[Item]], priorities: [Int]) {
        let updates = Dictionary(grouping: extras.updates, by: \.gradient)
        let isRead = Set(schedule.steps.flatMap(\.reads).map { schedule.owner[$0] ?? $0 })
        var last: [(group: [Item], priority: Int)] = []
        var joined: Set<UnsafeMutableRawPointer> = []
        let updating = 0, computing = 1
        var changed = Footprint()
        for touch in extras.updates.flatMap({ $0.operands }) where touch.isWrite {
            changed.record(touch.range, thread: updating, isWrite: true)
        }
        let producers = extras.gathers + schedule.steps.map(Item.step) + extras.copies
        var groups: [(group: [Item], priority: Int)] = []
        for (i, item) in producers.enumerated() {
            let offset: Int? =
                switch item {
                case .step(let step):
                    step.outputs.count == 1 && !isRead.contains(step.outputs[0])
                        ? extras.gradients[step.outputs[0]] : nil
                case .copy(_, let offset): offset
                case .gather, .assign, .update: nil
                }
            if let place = offset.map(addresses.gradient), let own = updates[place], own.allSatisfy(\.isElementwise) {
                let task = try emitter.place(item, addresses).task
                let count = own[0].count, bytes = count * emitter.precision.bytes
                let isWhole =
                    own.allSatisfy { $0.count == count }
                    && task.touches.contains { $0.isWrite && $0.bytes.count == bytes }
                let readsChanged = task.touches.contains {
                    !$0.isWrite && changed.conflicts($0.bytes, thread: computing, isWrite: false)
                }
                if isWhole, !readsChanged, task.units > 1, task.isShareable, count % task.units == 0 {
                    let parts = Update.Parts(count: count, elementsPerUnit: count / task.units, threads: threads)
                    last.append(([item] + own.map { .update($0, parts) }, i))
                    joined.insert(place)
                    continue
                }
            }
            groups.append(([item], i))
        }
        for update in extras.updates where !joined.contains(update.gradient) {
            let parts = Update.Parts(
                count: update.count, elementsPerUnit: update.isElementwise ? 1 : update.count, threads: threads)
            last.append(([.update(update, parts)], producers.count))
        }
        last += extras.assignments.map { ([$0], producers.count) }
        groups += last
        return (groups.map(\.group), groups.map(\.priority))
    }
}

/// Pointers to the values of a schedule. Without memory they are made up: distinct, but not to be followed.
struct Addresses {
    let owner: [Int: Int]
    private let placement: Placement
    private let memory, values, gradients: UInt

    init(schedule: Schedule, placement: Placement, memory: UnsafeMutableRawPointer?, parameters: ParameterStore?) {
        owner = schedule.owner
        self.placement = placement
        self.memory = memory.map { UInt(bitPattern: $0) } ?? 1 << 50  // no address of a process
        values = parameters.map { UInt(bitPattern: $0.values) } ?? 1 << 51
        gradients = parameters.map { UInt(bitPattern: $0.gradients) } ?? 1 << 52
    }

    func value(_ id: Int) -> UnsafeMutableRawPointer {
        let address =
            switch placement.locations[owner[id] ?? id] {
            case .memory(let offset): memory + UInt(offset)
            case .value(let offset): values + UInt(offset)
            case .gradient(let offset): gradients + UInt(offset)
            case nil: UInt(0)
            }
        guard let pointer = UnsafeMutableRawPointer(bitPattern: address) else {
            preconditionFailure("node \(id) has no place")
        }
        return pointer
    }

    func gradient(_ offset: Int) -> UnsafeMutableRawPointer { pointer(gradients, offset) }
    func parameter(_ offset: Int) -> UnsafeMutableRawPointer { pointer(values, offset) }

    private func pointer(_ base: UInt, _ offset: Int) -> UnsafeMutableRawPointer {
        guard let pointer = UnsafeMutableRawPointer(bitPattern: base + UInt(offset)) else {
            preconditionFailure("the store has no memory")
        }
        return pointer
    }
}
