import Foundation
import Manifests
import PluginHost

/// Computes the runs of a plan that have no result yet in worker processes, `jobs` at a time: each run in its own, or several that
/// train together. Several of these, on one machine or many, may work in one folder; each run is computed once.
///
/// A run that crashes or fails is a recorded result and the others go on.
package struct StudyRunner {
    package var plan: StudyPlan
    package var folder: StudyFolder
    package var command: WorkerCommand
    package var jobs: Int
    /// Computes finished runs again.
    package var isFresh: Bool
    /// Computes runs that ended so again.
    package var retried: Set<RunRecord.Status> = []
    /// nil: all runs.
    package var shard: Shard?
    /// Interrupts the others when a run fails.
    package var stopsOnFailure = false
    package var order = StudyOrder(.grid)
    /// How long workers may take to write their records when the study is interrupted.
    package var grace = Duration.seconds(5)
    /// How long a process on another machine may show no life until its runs are taken for abandoned.
    package var patience = Duration.seconds(120)

    package init(plan: StudyPlan, folder: StudyFolder, command: WorkerCommand, jobs: Int, isFresh: Bool = false) {
        (self.plan, self.folder, self.command) = (plan, folder, command)
        (self.jobs, self.isFresh) = (max(1, jobs), isFresh)
    }

    /// What there is to do, as it was at the beginning.
    package struct Work: Hashable, Sendable {
        package var runs: Int
        package var done: Int
        /// Runs that failed earlier and are not tried again.
        package var failed: Int
        package var missing: Int { runs - done - failed }
        package var shard: Shard?

        package init(runs: Int, done: Int, failed: Int = 0, shard: Shard? = nil) {
            (self.runs, self.done, self.failed, self.shard) = (runs, done, failed, shard)
        }
    }

    package struct Outcome: Sendable {
        /// One record per run of the plan, in its order.
        package var records: [RunRecord]
        package var wasInterrupted = false
        /// A run failed, and the others were stopped for it.
        package var stoppedOnFailure = false
        /// A sentence for each pair of runs that could not be measured.
        package var failedPairs: [String] = []

        package var failed: [RunRecord] { records.filter { $0.status == .failed } }
        /// Runs without a result: of other shards, or not reached.
        package var missing: Int { records.count { !$0.status.isDone && $0.status != .failed } }
    }

    /// Runs what has no result yet; returns when all workers have ended.
    package func run(display: any StudyDisplay) throws(StudyError) -> Outcome {
        try folder.write(plan)
        folder.rename(plan)
        let interruption = Interruption()
        defer { interruption.restore() }
        let pool = RunPool(self)
        removeStalePairs(pool.missing)
        display.begin(plan: plan, work: pool.work, jobs: jobs)
        do throws(StudyError) {
            while !pool.isEmpty, !Interruption.isRequested, !pool.mustStop { try pool.turn(display) }
        } catch {
            // A full disk, for instance: nobody would read what the others still compute.
            try? pool.stop()
            throw error
        }
        try pool.stop()
        Leases(folder).sweep()
        var outcome = Outcome(records: try records(), stoppedOnFailure: pool.mustStop)
        if !Interruption.isRequested, outcome.missing == 0 {
            outcome.failedPairs = try measurePairs(display) { Interruption.isRequested }
        }
        outcome.wasInterrupted = Interruption.isRequested
        display.end(outcome)
        return outcome
    }

    private func records() throws(StudyError) -> [RunRecord] {
        var records: [RunRecord] = []
        for run in plan.runs { records.append(folder.record(of: run) ?? record(run)) }
        return records
    }

    func record(_ run: PlannedRun) -> RunRecord { RunRecord(run: run, study: plan.name, title: plan.title) }

    private func removeStalePairs(_ missing: [PlannedRun]) {
        guard !plan.pairs.isEmpty else { return }
        let names = Set(missing.map(\.name))
        for pair in plan.pairs where names.contains(pair.first.name) || names.contains(pair.second.name) {
            try? FileManager.default.removeItem(atPath: folder.pairFile(pair.name))
        }
    }

    /// Waits until a worker reports or `timeout` milliseconds have passed; returns those that closed their pipe.
    static func ended(among workers: [WorkerProcess], timeout: Int32) -> [WorkerProcess] {
        var descriptors = workers.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        guard poll(&descriptors, nfds_t(descriptors.count), timeout) > 0 else { return [] }
        return zip(workers, descriptors).filter { $1.revents != 0 && !$0.readProgress() }.map(\.0)
    }
}
