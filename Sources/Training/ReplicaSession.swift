import Engine
import Observing
import Protocols

/// Runs of one network that train together: copies of its parameters in one store, advanced by one compiled graph. Seeds, first
/// values, data, batches and options of the optimizer are each run's own; nothing is summed over runs.
///
/// A run that diverges ends there; its copy goes on being computed and disturbs no other.
package final class ReplicaSession {
    package private(set) var step = 0
    /// The data loss of each run's last batch.
    package private(set) var batchLosses: [Double]
    /// Each run's parameters, like those of a network of its own.
    package let stores: [ParameterStore]
    package let observers: [Observer]
    /// How each run ended; nil: it goes on.
    package private(set) var outcomes: [Outcome?]
    /// Those that a rule ended at this step.
    package private(set) var ending: [Int] = []
    package let startTimes: StartTimes

    private let plans: [TrainingPlan]
    private let steps: Int
    private let watches: [StopWatch?]
    private let hasRegularizers: Bool
    private let program: Program
    private let losses: UnsafeRawPointer
    private let batches: ReplicaBatches
    /// For each run.
    private let regularizers: [[any AttachedUpdate]]
    private let optimizers: [(runs: Range<Int>, optimizer: any AttachedUpdate)]
    private var penalties: [Double]
    private var recollections: [Recollection] = []
    /// The last step whose observations are made.
    private var seen = -1
    /// Runs that have not ended.
    private var active: [Int]
    /// What the checkpoints of ended runs keep.
    private var kept: [Int: [NamedTensor]] = [:]

    /// - Parameter plans: of one network (`computesTheSame`), groups of equal parameters, steps, batch size and precision.
    package init(_ plans: [TrainingPlan]) throws {
        guard let first = plans.first else { throw TrainingError("no runs to train together") }
        self.plans = plans
        let clock = ContinuousClock()
        let begin = clock.now
        watches = plans.map { StopWatch($0.stops) }
        (steps, hasRegularizers) = (first.steps, !first.regularizers.isEmpty)
        let copies = plans.count
        let tables = try ReplicaSession.tables(of: plans)
        guard let rows = tables[0]["train"]?.rows, rows > 0 else {
            throw TrainingError("the dataset has no rows in its split 'train'")
        }
        let batch = try first.epoch(of: rows).batch
        let loaded = clock.now
        let built = try plans.map { try $0.network.build(rows: batch, isTraining: true) }
        let one = built[0], graph = one.graph
        let loss = try one.meanLoss()
        let partition = try Partition(first.groups, graph.blocks)
        let gradients = try one.gradients(
            of: loss, withRespectTo: partition.trained.map { graph.parameterNodes[$0] })
        let isOneBatch =
            first.sampler == nil && batch == rows && tables.allSatisfy { $0["train"] === tables[0]["train"] }
        let (together, nodes) = try graph.replicated(
            [loss] + gradients, copies: copies, sharing: isOneBatch ? Set(first.dataset.fields.map(\.name)) : [])
        let store = ParameterStore(blocks: together.blocks, precision: first.precision)
        stores = built.indices.map { store.copies($0..<$0 + 1, of: built[$0].graph.blocks) }
        for (index, plan) in plans.enumerated() { try built[index].initialize(stores[index], seed: plan.seed) }
        let differentiated = clock.now
        let stores = stores
        regularizers = try zip(plans, stores).map { plan, store in
            try plan.regularizers.map { term in
                let blocks = try partition.blocks(of: term, graph.blocks)
                return try term.regularizer.attach(to: store, blocks: blocks)
            }
        }
        let owners = plans.map { $0.groups.map(\.optimizer) + [$0.optimizer] }
        optimizers = try (partition.groups + [partition.rest]).enumerated().flatMap { index, blocks in
            try ReplicaSession.shared(owners.map { $0[index]?.sharingKey }).compactMap { runs in
                let copies = store.copies(runs, of: built[runs.lowerBound].graph.blocks)
                let optimizer = try owners[runs.lowerBound][index]?.attach(
                    to: copies, blocks: blocks, objective: nil)
                return optimizer.map { (runs, $0) }
            }
        }
        let updates = regularizers.joined().flatMap(\.updates) + optimizers.flatMap(\.optimizer.updates)
        program = try Program(
            together, outputs: [nodes[0]],
            gradients: zip(partition.trained.map { together.parameterNodes[$0] }, nodes.dropFirst()).map { ($0, $1) },
            precision: first.precision, parameters: store, updates: updates, assignments: together.assignments,
            seeds: plans.map(\.seed))
        losses = program.output(nodes[0])
        batches = try ReplicaBatches(
            plans, tables: tables.compactMap { $0["train"] }, isOne: isOneBatch, program: program)
        let observer = try Observer(
            first.network, store: stores[0], tables: tables[0], definitions: first.definitions)
        observers = plans.indices.map {
            $0 == 0
                ? observer
                : Observer(
                    sharing: observer, store: stores[$0], tables: tables[$0], definitions: plans[$0].definitions)
        }
        try observer.check(first.probes)
        batchLosses = [Double](repeating: .nan, count: copies)
        penalties = [Double](repeating: 0, count: copies)
        active = Array(plans.indices)
        outcomes = [Outcome?](repeating: nil, count: copies)
        startTimes = StartTimes(
            load: loaded - begin, build: differentiated - loaded, compile: clock.now - differentiated)
        recollections = plans.indices.map { Recollection(of: checkpoint(of: $0), first.precision) }
    }

    /// Floating-point operations of a step of all runs, without the optimizers'.
    package var flops: Double { program.flops }

    deinit { for tensor in kept.values.joined() { tensor.values.deallocate() } }

    /// The tables of each run; runs of one dataset share them.
    private static func tables(of plans: [TrainingPlan]) throws -> [[String: DataTable]] {
        var known: [ObjectIdentifier: [String: DataTable]] = [:]
        return try plans.map { plan in
            let id = ObjectIdentifier(plan.dataset)
            if let tables = known[id] { return tables }
            var tables: [String: DataTable] = [:]
            for split in plan.dataset.splits { tables[split] = try DataTable(plan.dataset, split: split) }
            known[id] = tables
            return tables
        }
    }

    /// Neighbours of equal keys.
    private static func shared(_ keys: [AnyHashable?]) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        for (i, key) in keys.enumerated() {
            if let last = ranges.last, let key, keys[last.lowerBound] == key {
                ranges[ranges.count - 1] = last.lowerBound..<i + 1
            } else {
                ranges.append(i..<i + 1)
            }
        }
        return ranges
    }

    /// Groups of plans whose networks are one computation, in training and evaluation, so that each group can train
    /// together; indices ascend. A learning rule is the same in all.
    /// - Parameter steps: where each begins if not at 0; those of a group are equal.
    package static func groups(_ plans: [TrainingPlan], from steps: [Int?]) throws -> [[Int]] {
        var groups: [(graphs: [Graph], rows: Int, step: Int?, plans: [Int])] = []
        for (index, plan) in plans.enumerated() {
            // What is tried is tried for one run at a time.
            if plan.needsObjective {
                groups.append(([], 0, steps[index], [index]))
                continue
            }
            let rows = try plan.dataset.rows(in: "train")
            // Runs of a group are observed by the network of the first.
            let graphs = try [plan.epoch(of: rows).batch, 1].enumerated().map { mode, rows in
                let built = try plan.network.build(rows: rows, isTraining: mode == 0)
                _ = try built.anyLoss()
                return built.graph
            }
            if let known = groups.firstIndex(where: {
                $0.rows == rows && !$0.graphs.isEmpty && $0.step == steps[index]
                    && zip($0.graphs, graphs).allSatisfy { $0.computesTheSame(as: $1) }
            }) {
                groups[known].plans.append(index)
            } else {
                groups.append((graphs, rows, steps[index], [index]))
            }
        }
        return groups.map(\.plans)
    }

    /// Trains until all runs have ended. `observed` gets every observation with the index of its run; `progress` is asked after each
    /// step's observations whether to go on.
    package func run(
        observed: (Int, Observation) -> Void, progress: (ReplicaSession) throws -> Bool
    ) throws -> [Outcome] {
        let schedule = Set(plans[0].probes.flatMap(\.steps)).sorted()
        var next = schedule.firstIndex { $0 > seen } ?? schedule.endIndex
        while true {
            if step > seen {
                if next < schedule.endIndex, schedule[next] == step {
                    for run in active { try observe(run) { observed(run, $0) } }
                    next += 1
                }
                ending = []
                if step < steps { try stop(observed) }
                seen = step
                guard try progress(self) else { return outcomes.map { $0 ?? .stopped(step: step) } }
            }
            guard step < steps, !active.isEmpty else { return outcomes.map { $0 ?? .finished } }
            try advance()
        }
    }

    private func observe(_ run: Int, atEnd isEnd: Bool = false, _ record: (Observation) -> Void) throws {
        let due = plans[run].due(at: step, isEnd: isEnd)
        try observers[run].observe(step: step, store: stores[run], due: due) { observation in
            watches[run]?.take(observation)
            record(observation)
        }
    }

    /// Ends the runs of which a rule holds.
    private func stop(_ observed: (Int, Observation) -> Void) throws {
        for run in active {
            guard let why = watches[run]?.verdict(step: step, loss: batchLosses[run], store: stores[run]) else {
                continue
            }
            ending.append(run)
            try observe(run, atEnd: true) { observed(run, $0) }
            end(run, as: .ended(step: step, why: why))
        }
    }

    /// Of a run, what a checkpoint keeps beside `checkpoint(of:)`: states of probes and the memory of rules.
    package func states(of run: Int) -> [(name: String, tensor: ProbeMemory.Tensor)] {
        observers[run].states + (watches[run]?.states ?? [])
    }

    /// Puts back one of `states(of:)`; false if there is none of this name.
    package func setState(of run: Int, _ name: String, _ tensor: ProbeMemory.Tensor) -> Bool {
        watches[run]?.setState(name, tensor) ?? false || observers[run].setState(name, tensor)
    }

    /// One update of every run.
    package func advance() throws {
        if step.isMultiple(of: Recollection.interval) {
            for run in active { recollections[run].take(step: step, of: stores[run]) }
        }
        try batches.load(step: step)
        program.setStep(step)
        for regularizer in regularizers.joined() { try regularizer.begin(step: step) }
        for (_, optimizer) in optimizers { try optimizer.begin(step: step) }
        program.run()
        readLosses()
        for run in active where hasRegularizers {
            penalties[run] = try regularizers[run].reduce(0) { try $0 + $1.end() }
        }
        for (runs, optimizer) in optimizers where runs.count > 1 || outcomes[runs.lowerBound] == nil {
            _ = try optimizer.end()
        }
        step += 1
        // Nearly always none.
        let ending = active.filter { step == steps || !batchLosses[$0].isFinite || !penalties[$0].isFinite }
        for run in ending {
            if let outcome = try divergence(of: run) { end(run, as: outcome) }
        }
    }

    private func divergence(of run: Int) throws -> Outcome? {
        let what: String, value: Double?
        if !batchLosses[run].isFinite {
            (what, value) = ("loss", batchLosses[run])
        } else if !penalties[run].isFinite {
            (what, value) = ("regularizers", penalties[run])
        } else {
            // Later steps would show it in their loss; after the last one nothing else does.
            guard step == steps, !stores[run].isFinite else { return nil }
            (what, value) = ("parameters", nil)
        }
        let first = try firstNonFinite(of: run) ?? Divergence.first(after: stores[run])
        return .diverged(step: step, what: Divergence.words(what, value, step: step, first: first))
    }

    /// What an ending run's last step computed first that is not finite: the run goes on alone from where it was last remembered.
    private func firstNonFinite(of run: Int) throws -> String? {
        guard outcomes.count(where: { $0 != nil }) < ReplicaSession.mostRepeated, let alone = try? Session(plans[run])
        else { return nil }
        recollections[run].restore(into: alone.checkpoint)
        alone.resume(at: recollections[run].step)
        return try alone.firstNonFinite(until: step)
    }

    /// Runs that are repeated when they diverge, so that a sweep in which most do is not slowed.
    private static let mostRepeated = 32

    /// Others go on and may move what this run leaves.
    private func end(_ run: Int, as outcome: Outcome) {
        kept[run] = checkpoint(of: run).map { tensor in
            let bytes = tensor.shape.reduce(1, *) * program.precision.bytes
            let copy = Memory.allocate(bytes: bytes)
            copy.copyMemory(from: tensor.values, byteCount: bytes)
            return (tensor.name, tensor.shape, copy)
        }
        outcomes[run] = outcome
        active.removeAll { $0 == run }
    }

    private func readLosses() {
        switch program.precision {
        case .f64:
            let values = losses.assumingMemoryBound(to: Double.self)
            for run in batchLosses.indices { batchLosses[run] = values[run] }
        case .f32:
            let values = losses.assumingMemoryBound(to: Float.self)
            for run in batchLosses.indices { batchLosses[run] = Double(values[run]) }
        }
    }

    /// Goes on behind a step whose observations are made; the tensors of each run's checkpoint must have their values of that step.
    package func resume(at step: Int) {
        (self.step, seen) = (step, step)
        for recollection in recollections { recollection.take(step: step) }
    }

    /// Goes on at a step of other runs, observations of that step included; the tensors of each run's checkpoint must have their values.
    package func fork(at step: Int) {
        (self.step, seen) = (step, step - 1)
        for recollection in recollections { recollection.take(step: step) }
    }

    /// All tensors that the checkpoint of a run keeps.
    package func checkpoint(of run: Int) -> [NamedTensor] {
        if let kept = kept[run] { return kept }
        let store = stores[run], bytes = store.precision.bytes
        var tensors: [NamedTensor] = store.blocks.map {
            ("parameter/\($0.name)", $0.shape, store.values + $0.offset * bytes)
        }
        for (plan, regularizer) in zip(plans[run].regularizers, regularizers[run]) {
            tensors += regularizer.state.map {
                ("regularizers.\(plan.key)/\($0.name)", [$0.count], $0.buffer)
            }
        }
        for (runs, optimizer) in optimizers where runs.contains(run) {
            tensors += optimizer.state.map { tensor in
                let count = tensor.count / runs.count
                let offset = (run - runs.lowerBound) * count * bytes
                return ("optimizer/\(tensor.name)", [count], tensor.buffer + offset)
            }
        }
        return tensors
    }
}
