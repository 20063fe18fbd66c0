import ArrayFiles
import Engine
import Manifests
import Observing
import PluginHost
import Protocols
import Training

/// Computes runs: loads their components, trains, and hands on what is measured.
package struct RunExecutor {
    let registry: Registry
    let isolation: Isolation

    /// What libraries of the system must be; those of plugins are in the plan.
    let lock: LockFile?

    package init(registry: Registry, isolation: Isolation = Isolation(), lock: LockFile? = nil) {
        (self.registry, self.isolation, self.lock) = (registry, isolation, lock)
    }

    /// Trains and observes until the end or cancellation; writes arrays and checkpoints into the runs' folders. Several runs train
    /// together as far as their networks are one computation.
    package func run(_ runs: [PlannedRun], _ outputs: [RunOutput]) throws -> [Outcome] {
        var outcomes = try outputs.map(concluded)
        let open = outcomes.indices.filter { outcomes[$0] == nil }
        if !open.isEmpty {
            for (index, outcome) in zip(open, try train(open.map { runs[$0] }, open.map { outputs[$0] })) {
                outcomes[index] = outcome
            }
        }
        return outcomes.compactMap(\.self)
    }

    /// How a run ended whose checkpoint says so; everything else of it was written before.
    private func concluded(_ output: RunOutput) throws -> Outcome? {
        guard let checkpoint = output.checkpoint, let end = checkpoint.end else { return nil }
        output.ended(step: checkpoint.step, output)
        output.hasResumed()
        try output.finish()
        return end
    }

    private func train(_ runs: [PlannedRun], _ outputs: [RunOutput]) throws -> [Outcome] {
        // A run that is left alone of its group goes on as it would have with the others: to the same bits.
        guard runs[0].configuration.train.together > 1 else { return [try run(runs[0], outputs[0])] }
        // They are one process: what one of them loads is there for all.
        let plans = try trainingPlans(
            of: runs, failures: outputs.map { $0.folder + "/failures" }, note: { outputs[$0].note($1) },
            opened: { library in for output in outputs { output.opened(library) } })
        for (run, output) in zip(runs, outputs) { output.note(collisions: collisions(in: run)) }
        var outcomes: [Int: Outcome] = [:]
        // Interrupted runs go on together if they stand at the same step.
        for group in try ReplicaSession.groups(plans, from: outputs.map { $0.checkpoint?.step }) {
            let ends =
                try plans[group[0]].needsObjective
                ? [run(runs[group[0]], outputs[group[0]])]
                : run(group.map { runs[$0] }, group.map { plans[$0] }, group.map { outputs[$0] })
            for (index, outcome) in zip(group, ends) { outcomes[index] = outcome }
        }
        return runs.indices.map { outcomes[$0] ?? .stopped(step: 0) }
    }

    private func run(_ run: PlannedRun, _ output: RunOutput) throws -> Outcome {
        let configuration = run.configuration, precision = configuration.train.precision
        if let procedure = configuration.procedure { return try follow(procedure, run, output) }
        let session = try Session(
            try trainingPlan(
                of: run, failures: output.folder + "/failures", opened: output.opened, note: output.note))
        output.note(collisions: collisions(in: run))
        if let checkpoint = output.checkpoint {
            try checkpoint.set(session.checkpoint, precision, state: session.setState)
            session.resume(at: checkpoint.step)
            output.hasResumed()
        } else if let (checkpoint, step) = try Self.origin(of: run) {
            output.note(forked: try checkpoint.fork(session.checkpoint, precision), from: run)
            session.fork(at: step)
        }
        try session.observer.check(recorded: configuration.record?.sighting.layers.map(Set.init))
        let kept = configuration.keptSteps, checkpoints = Set(configuration.checkpoints)
        let recorded = Set(configuration.record?.sighting.steps ?? [])
        func keep(_ session: Session, _ end: Outcome?, _ file: String = Checkpoint.file(output.folder)) throws {
            try Checkpoint.write(
                session.checkpoint, precision, states: session.states, step: session.step,
                observations: output.position, end: end, to: file)
        }
        let outcome = try session.run(observed: output.record) { session in
            if let record = configuration.record,
                recorded.contains(session.step) || session.isEnding && recorded.contains(configuration.train.steps)
            {
                try write(record, session.observer, session.store, step: session.step, to: output)
            }
            if kept.contains(session.step) {
                try Self.keep(session.store, step: session.step, in: output.folder)
            }
            try output.finished(step: session.step, loss: session.batchLoss)
            if checkpoints.contains(session.step) {
                try keep(session, nil, try output.checkpointFile(step: session.step))
            }
            // The last one comes at once.
            if output.isCheckpointDue, !session.isEnding { try output.checkpoint { try keep(session, nil) } }
            return !output.isCancelled
        }
        output.ended(step: session.step, output)
        try output.finish()
        try keep(session, outcome)
        return outcome
    }

    private func run(_ runs: [PlannedRun], _ plans: [TrainingPlan], _ outputs: [RunOutput]) throws -> [Outcome] {
        let configuration = runs[0].configuration, train = configuration.train, leader = outputs[0]
        let session = try ReplicaSession(plans)
        if let step = outputs[0].checkpoint?.step {
            for (run, output) in outputs.enumerated() {
                try output.checkpoint?.set(
                    session.checkpoint(of: run), train.precision, state: { session.setState(of: run, $0, $1) })
                output.hasResumed()
            }
            session.resume(at: step)
        } else if let step = configuration.fork?.step {
            for (index, run) in runs.enumerated() {
                guard let (checkpoint, _) = try Self.origin(of: run) else { continue }
                outputs[index].note(
                    forked: try checkpoint.fork(session.checkpoint(of: index), train.precision), from: run)
            }
            session.fork(at: step)
        }
        try session.observers[0].check(recorded: configuration.record?.sighting.layers.map(Set.init))
        var hasMeasured = false
        let kept = configuration.keptSteps
        func keep(
            _ session: ReplicaSession, _ run: Int, _ step: Int, _ end: Outcome? = nil, _ file: String? = nil
        ) throws {
            try Checkpoint.write(
                session.checkpoint(of: run), train.precision, states: session.states(of: run), step: step,
                observations: outputs[run].position, end: end, to: file ?? Checkpoint.file(outputs[run].folder))
        }
        let recorded = Set(configuration.record?.sighting.steps ?? []), checkpoints = Set(configuration.checkpoints)
        func isHere(_ run: Int, _ session: ReplicaSession) -> Bool {
            session.outcomes[run] == nil || session.ending.contains(run)
        }
        func isDue(_ run: Int, _ session: ReplicaSession) -> Bool {
            if session.ending.contains(run) {
                return recorded.contains(session.step) || recorded.contains(train.steps)
            }
            return session.outcomes[run] == nil && recorded.contains(session.step)
        }
        let outcomes = try session.run(
            observed: { run, observation in
                outputs[run].record(observation)
                hasMeasured = true
            }
        ) { session in
            let step = session.step
            if let record = configuration.record, recorded.contains(step) || !session.ending.isEmpty {
                for (run, output) in outputs.enumerated() where isDue(run, session) {
                    try write(record, session.observers[run], session.stores[run], step: step, to: output)
                }
            }
            if kept.contains(step) {
                for (run, output) in outputs.enumerated() where isHere(run, session) {
                    try Self.keep(session.stores[run], step: step, in: output.folder)
                }
            }
            try leader.finished(step: step, loss: session.batchLosses[0])
            if hasMeasured || step % train.logEvery == 0 || step == train.steps {
                for run in outputs.indices.dropFirst() where session.outcomes[run] == nil {
                    try outputs[run].follow(leader, loss: session.batchLosses[run])
                }
                hasMeasured = false
            }
            if checkpoints.contains(step) {
                for run in outputs.indices where isHere(run, session) {
                    try keep(session, run, step, nil, try outputs[run].checkpointFile(step: step))
                }
            }
            if leader.isCheckpointDue {
                try leader.checkpoint {
                    for run in outputs.indices where session.outcomes[run] == nil { try keep(session, run, step) }
                }
            }
            return !leader.isCancelled
        }
        for (run, output) in outputs.enumerated() {
            var step = session.step
            switch outcomes[run] {
            case .diverged(let last, _), .ended(let last, _): step = last
            case .finished, .stopped: break
            }
            output.ended(step: step, leader)
            try output.finish()
            try keep(session, run, step, outcomes[run])
        }
        return outcomes
    }

    /// The checkpoint that a run goes on from, which planning looked up, and its step.
    private static func origin(of run: PlannedRun) throws -> (Checkpoint.Content, step: Int)? {
        guard let fork = run.configuration.fork, let file = run.files.last else { return nil }
        let location = ComponentLoader.location(of: file.path, in: run.folder)
        guard try DataFile(path: file.path, location: location) == file else {
            throw StudyError("\(location): changed since the run was planned; start the study again")
        }
        return (try Checkpoint.read(location), fork.step)
    }

    /// `arrays/step-00004000.npz` with keys such as `fc1/layer.input`.
    private func write(
        _ record: RunConfiguration.Record, _ observer: Observer, _ store: ParameterStore, step: Int,
        to output: RunOutput
    ) throws {
        let folder = output.folder
        try StudyFolder.create(folder + "/arrays")
        var arrays: [NamedArray] = []
        let sighting = record.sighting
        try observer.quantities(
            record.quantities, split: sighting.split, samples: sighting.samples, step: step, store: store,
            undefined: { output.note("step \(step): \($0) is not recorded: \($1.reason)") }
        ) { name, quantity in
            if let layers = sighting.layers, !record.quantities.contains(name), let slash = name.firstIndex(of: "/"),
                !layers.contains(String(name[..<slash]))
            {
                return
            }
            let count = quantity.shape.reduce(1, *)
            let data: NamedArray.Element =
                switch quantity.data {
                case .real(let values): .f64(Array(UnsafeBufferPointer(start: values, count: count)))
                case .integer(let values): .i32(Array(UnsafeBufferPointer(start: values, count: count)))
                }
            arrays.append(NamedArray(name, shape: quantity.shape, data))
        }
        try NPZ.write(arrays, to: "\(folder)/arrays/\(StudyFolder.name(step: step)).npz")
    }
}
