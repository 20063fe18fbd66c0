import CShims
import Foundation
import LinearAlgebra
import Manifests
import OrderedCollections
import PluginHost
import Training

/// The body of the hidden command `syzygy worker RUN_FOLDER…`: one run in its own process, or several that train together.
package struct Worker {
    package var folders: [String]
    /// Resolves the configurations of `run.json`.
    package var planner: StudyPlanner
    private let isolation: Isolation
    /// Seconds.
    private let checkpointEvery: Double

    package init(
        folders: [String], planner: StudyPlanner, isolation: Isolation = Isolation(),
        checkpointEvery: Double = .infinity
    ) {
        (self.folders, self.planner, self.isolation) = (folders, planner, isolation)
        self.checkpointEvery = checkpointEvery
    }

    /// Computes the runs with `execute` and keeps their `run.json` up to date; returns the exit status.
    package func run(_ execute: ([PlannedRun], [RunOutput]) throws -> [Outcome]) -> Int32 {
        // Nobody would hear of the results of a worker whose parent was killed.
        sz_end_with_parent()
        Self.allowFiles(5 * folders.count + 64)
        let locks = folders.map { FolderLock($0) }
        defer { withExtendedLifetime(locks) {} }
        signal(SIGINT, SIG_IGN)
        signal(SIGTERM) { _ in cancellation.store(true, ordering: .relaxed) }
        // Progress keeps the pipe; whatever else writes to stdout goes to the log.
        let pipe = dup(1)
        dup2(2, 1)
        sz_report_crashes(pipe)
        do {
            var records: [RunRecord] = []
            for folder in folders { records.append(try RunRecord.read(folder: folder)) }
            var logs: [RunOutput] = []
            do {
                try compute(&records, &logs, pipe, execute)
            } catch {
                let sentence = Self.sentence(error)
                for i in records.indices { (records[i].status, records[i].message) = (.failed, sentence) }
                report(sentence, to: pipe)
            }
            for (i, folder) in folders.enumerated() {
                let (status, message) = (records[i].status, records[i].message)
                let sentence = "\(status.rawValue)\(message.isEmpty ? "" : ": \(message)")"
                if i < logs.count { logs[i].note(sentence) } else if i == 0 { RunLog().write(sentence) }
                records[i].ended = Timestamp.now()
                try records[i].write(folder: folder)
            }
            return records.contains { $0.status == .failed } ? 1 : 0
        } catch {
            report(Self.sentence(error), to: pipe)
            return 1
        }
    }

    private func compute(
        _ records: inout [RunRecord], _ outputs: inout [RunOutput], _ pipe: Int32,
        _ execute: ([PlannedRun], [RunOutput]) throws -> [Outcome]
    ) throws {
        let runs = try planner.runs(of: zip(records, folders).map { ($0, $1 + "/run.json") })
        let train = runs[0].configuration.train
        for (i, folder) in folders.enumerated() {
            records[i].status = .running
            records[i].host = Host.description(threads: train.threads)
            records[i].host["isolation"] = runs[i].configuration.description(of: isolation, planner.registry)
            records[i].started = Timestamp.now()
            try records[i].write(folder: folder)
            var checkpoint: Checkpoint.Content?, damage: String?
            do { checkpoint = try Checkpoint.read(from: folder) } catch { damage = "\(error); the run begins anew" }
            if let damage { begin(anew: folder, damage, pipe) }
            outputs.append(
                try RunOutput(
                    folder: folder, progressDescriptor: pipe, total: train.steps, logEvery: train.logEvery,
                    checkpoint: checkpoint, checkpointEvery: checkpointEvery, hasOwnLog: i > 0))
            if let damage { outputs[i].note(damage) }
            if i > 0 { outputs[i].note("trains together with \(records[0].name), whose log has what plugins print") }
        }
        let start = ContinuousClock.now
        defer {
            for (i, output) in outputs.enumerated() {
                records[i].step = output.step
                records[i].observations = output.position
                records[i].seconds += (ContinuousClock.now - start) / .seconds(1)
                records[i].stepsPerSecond = output.stepsPerSecond
                records[i].host["libraries"] = .array(output.libraries.map(\.json))
                if !output.collisions.isEmpty {
                    records[i].host["collisions"] = .array(output.collisions.map(JSON.string))
                }
            }
        }
        let ends = try execute(runs, outputs)
        for (i, end) in ends.enumerated() {
            try outputs[i].finish()
            switch end {
            case .finished: records[i].status = .finished
            case .ended(_, let why): (records[i].status, records[i].message) = (.finished, "stopped by \(why)")
            case .diverged(_, let what): (records[i].status, records[i].message) = (.diverged, what)
            case .stopped(let step):
                (records[i].status, records[i].message) = (.interrupted, "stopped at step \(step)")
            }
        }
    }

    private func begin(anew folder: String, _ damage: String, _ pipe: Int32) {
        RunOutput.send(JSON.object(["note": .string(damage)]).text(pretty: false) + "\n", to: pipe)
        StudyFolder.clear(run: folder)
    }

    /// Every run has its files open.
    private static func allowFiles(_ count: Int) {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < count else {
            return
        }
        limit.rlim_cur = min(limit.rlim_max, rlim_t(count))
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    private func report(_ sentence: String, to pipe: Int32) {
        RunOutput.send(JSON.object(["error": .string(sentence)]).text(pretty: false) + "\n", to: pipe)
    }

    private static func sentence(_ error: any Error) -> String {
        "\(error)".split(whereSeparator: \.isNewline).joined(separator: "; ")
    }
}

extension RunConfiguration {
    /// Those of plugins, of which probes ask for some and the study records others.
    private func quantities(_ registry: Registry) -> [Component] {
        let asked = probes.flatMap { probe in
            (try? registry.component(probe.choice.component, kind: .probe).1)?
                .expandedBindings(probe.choice.options).flatMap(\.quantities.values) ?? []
        }
        return (asked + (record?.quantities ?? [])).flatMap { text in
            (try? registry.quantities.resolve(QuantityExpression(text)))?.components ?? []
        }
    }

    /// What runs in processes of its own, and what these give up, for records.
    fileprivate func description(of isolation: Isolation, _ registry: Registry) -> JSON {
        var choices: [(Choice, Component.Kind)] = []
        var data = dataset
        while let next = data {
            choices.append((next, .dataset))
            data = next.of.first
        }
        if let training {
            choices += training.sampler.map { [($0, .sampler)] } ?? []
            choices += ([training.model] + training.others.map(\.choice)).map { ($0, .model) }
            choices += training.initializers.map { ($0.choice, .initializer) }
            choices += training.parametrizations.map { ($0.choice, .parametrization) }
            choices.append((training.loss, .loss))
            choices += training.rule.map { [($0.choice, .rule)] } ?? []
            choices += training.regularizers.map { ($0.choice, .regularizer) }
        }
        choices += probes.map { ($0.choice, .probe) }
        choices += quantities(registry).map { (Choice(component: $0.fullID), .quantity) }
        let isolated = choices.compactMap { choice, kind -> String? in
            guard let (manifest, component) = try? registry.component(choice.component, kind: kind) else {
                return nil
            }
            return isolation.isolates(manifest, kind) ? component.fullID : nil
        }
        return .object([
            "mode": .string(isolation.mode.rawValue),
            "components": .array(OrderedSet(isolated).map(JSON.string)),
            "sandbox": .array(SandboxFeature.available.map { .string($0.rawValue) }),
        ])
    }
}
