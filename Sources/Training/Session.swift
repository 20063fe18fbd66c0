import Engine
import LinearAlgebra
import Observing
import Protocols

/// What a run trains, and how.
package struct TrainingPlan {
    package var network: Network
    package var dataset: any Dataset
    package var regularizers: [RegularizerTerm]
    /// Of all parameters that are in no group.
    package var optimizer: any Optimizer
    /// A parameter belongs to the first that matches it.
    package var groups: [ParameterGroup]
    package var probes: [ScheduledProbe]
    /// nil: every epoch is a new order of all rows.
    package var sampler: (any Sampler)?
    package var steps: Int
    /// Rows per step; nil: all training rows.
    package var batchSize: Int?
    package var precision: Precision
    package var seed: UInt64
    /// Quantities of plugins that probes may ask for; nil: none.
    package var definitions: (any QuantityDefinitions)?
    /// The run ends before its last step when one of them holds.
    package var stops: [StopRule]

    package init(
        network: Network, dataset: any Dataset, sampler: (any Sampler)? = nil, regularizers: [RegularizerTerm] = [],
        optimizer: any Optimizer,
        groups: [ParameterGroup] = [], probes: [ScheduledProbe] = [], steps: Int, batchSize: Int? = nil,
        precision: Precision = .f32, seed: UInt64, definitions: (any QuantityDefinitions)? = nil,
        stops: [StopRule] = []
    ) {
        (self.definitions, self.stops) = (definitions, stops)
        (self.network, self.dataset, self.regularizers) = (network, dataset, regularizers)
        (self.optimizer, self.groups) = (optimizer, groups)
        (self.probes, self.steps, self.batchSize) = (probes, steps, batchSize)
        (self.precision, self.seed, self.sampler) = (precision, seed, sampler)
    }
}

extension TrainingPlan {
    /// An optimizer evaluates the objective at points it tries.
    package var needsObjective: Bool {
        ([optimizer] + groups.compactMap(\.optimizer)).contains(where: \.needsObjective)
    }

    /// What is measured at a step; at one where a rule ends the run, what would have been at its last.
    func due(at step: Int, isEnd: Bool) -> [ScheduledProbe] {
        guard isEnd else { return probes.filter { $0.steps.contains(step) } }
        return probes.compactMap { probe in
            guard (probe.recorded ?? probe.steps).contains(steps), !probe.steps.contains(step) else { return nil }
            var ending = probe
            ending.recorded = nil
            return ending
        }
    }
}

/// How training ended.
package enum Outcome: Hashable, Sendable {
    case finished
    /// A rule ended it: `'fitted' at step 1200: loss 9.7e-05 is below 0.0001`.
    case ended(step: Int, why: String)
    /// The loss of the batch or a parameter became infinite or NaN.
    case diverged(step: Int, what: String)
    case stopped(step: Int)
}

/// How long it took to make a session: reading the data, building the graph with its gradient, compiling it.
package struct StartTimes: Sendable {
    package var load, build, compile: Duration

    package init(load: Duration, build: Duration, compile: Duration) {
        (self.load, self.build, self.compile) = (load, build, compile)
    }
}

/// One training run: batch → gradients → regularizers → optimizers, with observations at the scheduled steps.
package final class Session {
    package let store: ParameterStore
    package let observer: Observer
    package private(set) var step = 0
    /// The data loss of the last batch, and the value of all regularizers there.
    package private(set) var batchLoss = Double.nan
    package private(set) var penalty = 0.0
    package let batchSize: Int
    package let startTimes: StartTimes

    /// A rule ends the run at this step.
    package private(set) var isEnding = false
    /// The last step whose observations are made.
    private var seen = -1
    private let plan: TrainingPlan
    private let program: Program
    /// The value of the last run's loss.
    private let loss: UnsafeRawPointer
    private let batch: BatchLoader
    private let regularizers: [any AttachedUpdate]
    /// Of the groups that are not frozen, then of the other parameters.
    private let optimizers: [any AttachedUpdate]
    /// nil if no optimizer needs it.
    private let objective: BatchObjective?
    private let recollection: Recollection
    private let watch: StopWatch?

    package init(_ plan: TrainingPlan) throws {
        self.plan = plan
        watch = StopWatch(plan.stops)
        let clock = ContinuousClock()
        let begin = clock.now
        var tables: [String: DataTable] = [:]
        for split in plan.dataset.splits { tables[split] = try DataTable(plan.dataset, split: split) }
        guard let train = tables["train"], train.rows > 0 else {
            throw TrainingError("the dataset has no rows in its split 'train'")
        }
        let order = try RowOrder(plan, train), rows = order.batch
        batchSize = rows
        let loaded = clock.now
        let built = try plan.network.build(rows: rows, isTraining: true)
        let graph = built.graph
        store = ParameterStore(blocks: graph.blocks, precision: plan.precision)
        try built.initialize(store, seed: plan.seed)
        let lossNode = try built.meanLoss()
        let partition = try Partition(plan.groups, graph.blocks)
        let trained = partition.trained.map { graph.parameterNodes[$0] }
        let gradients = try built.gradients(of: lossNode, withRespectTo: trained)
        let differentiated = clock.now
        let store = store
        batch = BatchLoader(table: train, order: order, precision: plan.precision)
        objective =
            try plan.needsObjective
            ? BatchObjective(plan, rows: rows, store: store, batch: batch, partition: partition) : nil
        let objective = objective
        regularizers = try plan.regularizers.map { term in
            let blocks = try partition.blocks(of: term, graph.blocks)
            return try term.regularizer.attach(to: store, blocks: blocks)
        }
        let owners = zip(plan.groups.map(\.optimizer), partition.groups) + [(plan.optimizer, partition.rest)]
        optimizers = try owners.compactMap { optimizer, blocks in
            try optimizer?.attach(to: store, blocks: blocks, objective: objective?.part(blocks))
        }
        program = try Program(
            graph, outputs: [lossNode], gradients: zip(trained, gradients).map { ($0, $1) },
            precision: plan.precision, parameters: store,
            updates: (regularizers + optimizers).flatMap(\.updates), rows: batch.rows, assignments: graph.assignments,
            seeds: [plan.seed])
        batch.fill(program)
        loss = program.output(lossNode)
        observer = try Observer(plan.network, store: store, tables: tables, definitions: plan.definitions)
        try observer.check(plan.probes)
        if let objective {
            let (observer, before) = (observer, objective.before)
            objective.evaluation = { observer.derivatives(at: before, split: "train") }
        }
        recollection = Recollection(
            of: Session.tensors(plan, store, regularizers, optimizers), plan.precision)
        startTimes = StartTimes(
            load: loaded - begin, build: differentiated - loaded, compile: clock.now - differentiated)
    }

    /// Floating-point operations of a step, without the optimizer's.
    package var flops: Double { program.flops }

    /// Trains to the end. `observed` gets every observation, `progress` is asked after each step's observations
    /// whether to go on.
    package func run(
        observed: (Observation) -> Void, progress: (Session) throws -> Bool
    ) throws -> Outcome {
        let schedule = Set(plan.probes.flatMap(\.steps)).sorted()
        var next = schedule.firstIndex { $0 > seen } ?? schedule.endIndex
        while true {
            if step > seen {
                if next < schedule.endIndex, schedule[next] == step {
                    try observe(observed)
                    next += 1
                }
                let why = step < plan.steps ? watch?.verdict(step: step, loss: batchLoss, store: store) : nil
                isEnding = why != nil
                if isEnding { try observe(atEnd: true, observed) }
                seen = step
                let goesOn = try progress(self)
                if let why { return .ended(step: step, why: why) }
                guard goesOn else { return .stopped(step: step) }
            }
            guard step < plan.steps else { return .finished }
            try advance()
            guard batchLoss.isFinite else { return try divergence("loss", batchLoss) }
            guard penalty.isFinite else { return try divergence("regularizers", penalty) }
            // Later steps would show it in their loss; after the last one nothing else does.
            if step == plan.steps, !store.isFinite { return try divergence("parameters", nil) }
        }
    }

    private func divergence(_ what: String, _ value: Double?) throws -> Outcome {
        let first = try firstNonFinite(until: step) ?? Divergence.first(after: store)
        return .diverged(step: step, what: Divergence.words(what, value, step: step, first: first))
    }

    /// The first quantity that is not finite in the last of `end` steps, or in the one before if its update spoiled a parameter.
    /// The steps since the last recollection are repeated, so the session is afterwards where it was.
    func firstNonFinite(until end: Int) throws -> String? {
        // If its program cannot be made, as for want of memory, the run has diverged all the same.
        guard let built = try? plan.network.build(rows: batchSize, isTraining: true),
            let divergence = try? Divergence(built, batch: batch, store: store, seed: plan.seed)
        else { return nil }
        let before = Recollection(of: checkpoint, plan.precision)
        recollection.restore()
        step = recollection.step
        while step < end - 1 {
            before.take(step: step)
            try advance()
        }
        var found: String?
        if let spoiled = divergence.firstParameter(), recollection.step < step {
            before.restore()
            step = before.step
            found = "\(try divergence.first(in: step) ?? spoiled) at step \(step + 1)"
            try advance()
        } else {
            found = try divergence.first(in: step)
        }
        try advance()
        return found
    }

    /// Measures every probe that is due at the current step.
    package func observe(_ record: (Observation) -> Void) throws { try observe(atEnd: false, record) }

    private func observe(atEnd isEnd: Bool, _ record: (Observation) -> Void) throws {
        try observer.observe(step: step, store: store, due: plan.due(at: step, isEnd: isEnd)) { observation in
            watch?.take(observation)
            record(observation)
        }
    }

    /// What a checkpoint keeps beside `checkpoint`: states of probes and the memory of rules.
    package var states: [(name: String, tensor: ProbeMemory.Tensor)] { observer.states + (watch?.states ?? []) }

    /// Puts back one of `states`; false if there is none of this name.
    package func setState(_ name: String, _ tensor: ProbeMemory.Tensor) -> Bool {
        watch?.setState(name, tensor) ?? false || observer.setState(name, tensor)
    }

    /// One update.
    package func advance() throws {
        if step.isMultiple(of: Recollection.interval) { recollection.take(step: step, of: store) }
        try batch.load(step: step)
        program.setStep(step)
        for regularizer in regularizers { try regularizer.begin(step: step) }
        for optimizer in optimizers { try optimizer.begin(step: step) }
        try objective?.begin(step: step)
        program.run()
        batchLoss = program.precision == .f32 ? Double(loss.load(as: Float.self)) : loss.load(as: Double.self)
        var sum = 0.0
        for regularizer in regularizers { sum += try regularizer.end() }
        penalty = sum
        for optimizer in optimizers { _ = try optimizer.end() }
        step += 1
    }

    /// Goes on behind a step whose observations are made; the tensors of `checkpoint` must have their values of that step.
    package func resume(at step: Int) {
        (self.step, seen) = (step, step)
        recollection.take(step: step)
    }

    /// Goes on at a step of another run, observations of that step included; the tensors of `checkpoint` must have its values.
    package func fork(at step: Int) {
        (self.step, seen) = (step, step - 1)
        recollection.take(step: step)
    }

    /// All tensors a checkpoint keeps: parameters as `parameter/<name>`, then states.
    package var checkpoint: [NamedTensor] { Session.tensors(plan, store, regularizers, optimizers) }

    private static func tensors(
        _ plan: TrainingPlan, _ store: ParameterStore, _ regularizers: [any AttachedUpdate],
        _ optimizers: [any AttachedUpdate]
    ) -> [NamedTensor] {
        var tensors: [NamedTensor] = store.blocks.map {
            ("parameter/\($0.name)", $0.shape, store.values + $0.offset * plan.precision.bytes)
        }
        let owners: [(String, any StateOwner)] =
            zip(plan.regularizers, regularizers).map { ("regularizers.\($0.key)", $1) }
            + optimizers.map { ("optimizer", $0) }  // a parameter has one, so the names differ
        for (key, owner) in owners {
            tensors += owner.state.map { ("\(key)/\($0.name)", [$0.count], $0.buffer) }
        }
        return tensors
    }
}

/// A run that cannot start or go on, in one sentence.
package struct TrainingError: Error, CustomStringConvertible, Equatable {
    package var description: String
    package init(_ description: String) { self.description = description }
}
