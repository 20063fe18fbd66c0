import Foundation
import Manifests
import OrderedCollections

/// How far the runs of a study's folder are, as the folder tells it: no plugin and no study file is needed.
package struct StudyStatus: Sendable {
    /// A run that some process computes now.
    package struct Active: Sendable {
        package var label: String
        package var swept: OrderedDictionary<String, JSON>
        package var total: Int
        package var lease: LeaseNote
    }

    package let name: String
    package let title: String
    package let runs: Int
    package private(set) var counts: [RunRecord.Status: Int] = [:]
    package private(set) var active: [Active] = []
    package private(set) var failed: [(label: String, record: RunRecord)] = []
    /// The mean over runs of the share of their steps that are done; runs with a result and failed ones have done all.
    package private(set) var share = 0.0
    /// Seconds of finished runs for each of their steps, and the steps that are left.
    private var cost = (seconds: 0.0, steps: 0)
    private var left = 0

    package init(_ folder: StudyFolder) throws(StudyError) {
        let study = LiveStudy(folder)
        try study.look()
        self.init(study)
    }

    package init(_ study: LiveStudy) {
        (name, title, runs) = (study.name, study.title, study.runs.count)
        let names = SweepNames(study.sweptKeys)
        var planned = (runs: 0, steps: 0)
        for run in study.runs {
            let status = run.status
            counts[status, default: 0] += 1
            guard let record = run.record else { continue }
            planned = (planned.runs + 1, planned.steps + run.total)
            let isOver = status.isDone || status == .failed
            share += isOver ? 1 : run.total > 0 ? min(1, Double(run.step) / Double(run.total)) : 0
            let label = names.label(record.swept, seed: record.seed)
            if status == .finished { cost = (cost.seconds + record.seconds, cost.steps + record.step) }
            if !isOver { left += max(0, run.total - run.step) }
            if status == .running, let lease = run.lease {
                active.append(Active(label: label, swept: record.swept, total: run.total, lease: lease))
            }
            if status == .failed { failed.append((label, record)) }
        }
        left += planned.steps / max(1, planned.runs) * (runs - planned.runs)
        share /= Double(max(1, runs))
    }

    package func count(_ status: RunRecord.Status) -> Int { counts[status] ?? 0 }

    /// Runs without a result that nobody computes.
    package var waiting: Int { count(.planned) + count(.interrupted) }

    /// No run is computed and none is left to compute.
    package var isOver: Bool { count(.running) + waiting == 0 }

    /// Seconds to the end with as many runs at once as now, by the time that finished runs took; nil where nothing says it.
    package var remaining: Double? {
        guard !active.isEmpty, left > 0 else { return nil }
        if cost.steps > 0 { return Double(left) * cost.seconds / Double(cost.steps) / Double(active.count) }
        // Before the first run has finished, by the steps alone.
        let rate = active.reduce(0) { $0 + $1.lease.progress.stepsPerSecond }
        return rate > 0 ? Double(left) / rate : nil
    }

    /// `640 finished, 3 diverged, 2 failed, 4 running, 351 to run`.
    package var words: String {
        let order: [RunRecord.Status] = [.finished, .diverged, .failed, .running]
        let parts = order.filter { count($0) > 0 }.map { "\(Words.grouped(count($0))) \($0.rawValue)" }
        return (parts + (waiting > 0 ? ["\(Words.grouped(waiting)) to run"] : [])).joined(separator: ", ")
    }

    /// What `syzygy status` says, without the first line; at most `limit` lines of failures.
    package func lines(in folder: String, queue: String? = nil, limit: Int = 10) -> [String] {
        var lines = ["\(Words.count(runs, "run")) in \(folder): \(words)"] + (queue.map { [$0] } ?? [])
        let width = active.map(\.label.count).max() ?? 0
        lines += active.map { "  running  \($0.words(width: width))" }
        lines += failed.prefix(limit).map { "  failed  \($0.label)  \($0.record.message)" }
        if failed.count > limit { lines.append("  and \(failed.count - limit) more failed") }
        if let remaining { lines.append("about \(Words.duration(remaining)) left") }
        return lines
    }

    /// `crh-digits: Weight decay and the six alignments`
    package var heading: String { title.isEmpty ? name : "\(name): \(title)" }

    /// 0: all runs have results; 1: a run failed; 3: runs are missing.
    package var exitCode: Int32 { !isOver ? 3 : failed.isEmpty ? 0 : 1 }
}

extension StudyStatus.Active {
    /// `1,200/4,000`, of a procedure `1,200 steps`.
    package var steps: String {
        total > 0
            ? "\(Words.grouped(lease.progress.step))/\(Words.grouped(total))"
            : Words.count(lease.progress.step, "step")
    }

    /// `lr=0.1 seed=3  1,200/4,000  9.8 k steps/s  loss 0.0213  node17, process 4711`
    package func words(width: Int) -> String {
        let progress = lease.progress
        let words = [
            label.padding(toLength: max(width, label.count), withPad: " ", startingAt: 0), steps,
            progress.stepsPerSecond > 0 ? Words.rate(progress.stepsPerSecond) : nil,
            progress.loss.isFinite ? "loss \(Words.short(progress.loss))" : nil,
            "\(lease.holder.host), process \(lease.holder.process)",
        ]
        return words.compactMap(\.self).joined(separator: "  ")
    }
}

extension StudyFolder {
    /// The runs that have leases.
    var leaseNames: Set<String> { Set((try? FileManager.default.contentsOfDirectory(atPath: leasesFolder)) ?? []) }
}
