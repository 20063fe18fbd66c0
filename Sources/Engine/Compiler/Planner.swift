import CShims

/// What a program does, in order, and where its values live.
struct Plan {
    enum Item {
        case step(Schedule.Step)
        /// The value of a node, copied to the store's gradients.
        case copy(source: Int, offset: Int)
    }

    private(set) var items: [Item]
    let placement: Placement

    /// Values that together take no more than this have memory of their own: threads that reuse it would wait for each other.
    static let smallBytes = 512 << 10
    /// Memory that an order with few meetings may take whatever another one takes.
    static let moderateBytes = 16 << 20

    /// - Parameters:
    ///   - kept: owners of values that must survive the run.
    ///   - gradients: owners to be computed straight into the store's gradients, with the offset there.
    init(
        _ schedule: Schedule, kept: Set<Int>, gradients: [Int: Int], copies: [Item], sharing: Sharing,
        emitter: inout StepEmitter
    ) throws {
        let (graph, precision) = (emitter.graph, emitter.precision)
        func placed(_ schedule: Schedule, reuses: Bool) -> Placement {
            Placement(graph, schedule, kept: kept, gradients: gradients, precision: precision, reuses: reuses)
        }
        let natural = schedule.steps.map(Item.step) + copies
        guard sharing.threads > 1 else {
            items = natural
            placement = placed(schedule, reuses: true)
            return
        }
        let apart = placed(schedule, reuses: false)
        let addresses = Addresses(schedule: schedule, placement: apart, memory: nil, parameters: nil)
        let tasks = try natural.map { try emitter.place($0, addresses).task }
        let order = TaskOrder.gathered(tasks, sharing: sharing)
        let gathered = schedule.ordered(order.filter { $0 < schedule.steps.count })
        if apart.arenaBytes <= Plan.smallBytes {
            (items, placement) = (order.map { natural[$0] }, placed(gathered, reuses: false))
            return
        }
        let (plain, wide) = (placed(schedule, reuses: true), placed(gathered, reuses: true))
        if wide.arenaBytes <= 2 * plain.arenaBytes + Plan.moderateBytes {
            (items, placement) = (order.map { natural[$0] }, wide)
        } else {
            (items, placement) = (natural, plain)
        }
    }
}

/// Pointers to the values of a schedule. Without memory they are made up: distinct, but not to be followed.
struct Addresses {
    private let owner: [Int: Int]
    private let placement: Placement
    private let memory, values, gradients: UInt

    init(schedule: Schedule, placement: Placement, memory: UnsafeMutableRawPointer?, parameters: ParameterStore?) {
        owner = schedule.owner
        self.placement = placement
        self.memory = memory.map { UInt(bitPattern: $0) } ?? 1 << 45
        values = parameters.map { UInt(bitPattern: $0.values) } ?? 1 << 46
        gradients = parameters.map { UInt(bitPattern: $0.gradients) } ?? 1 << 47
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

    func gradient(_ offset: Int) -> UnsafeMutableRawPointer {
        guard let pointer = UnsafeMutableRawPointer(bitPattern: gradients + UInt(offset)) else {
            preconditionFailure("no gradients")
        }
        return pointer
    }
}
