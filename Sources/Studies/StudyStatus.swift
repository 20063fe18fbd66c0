import Foundation
import Manifests
import OrderedCollections

/// How far the runs of a study's folder are, as the folder tells it: no plugin and no study file is needed.
package struct StudyStatus {
    /// A run that some process computes now.
    package struct Active {
        package var label: String
        package var total: Int
        package var lease: LeaseNote
    }

    package let name: String
    package let title: String
    package let runs: Int
    package private(set) var counts: [RunRecord.Status: Int] = [:]
    package private(set) var active: [Active] = []
    package private(set) var failed: [(label: String, message: String)] = []
    /// Seconds of finished runs for each of their steps, and the steps that are left.
    private var cost = (seconds: 0.0, steps: 0)
    private var left = 0

    package init(_ folder: StudyFolder) throws(StudyError) {
        let study = try folder.readStudy()
        name = study["study"]?.string ?? folder.path
        title = study["title"]?.string ?? ""
        let records = try folder.records()
        runs = max(study["runs"]?.array?.count ?? 0, records.count)
        let names = SweepNames(records.first?.swept.keys.elements ?? [])
        let held = folder.leaseNames
        for record in records {
            let lease = held.contains(record.name) ? folder.lease(of: record.name) : nil
            let isOver = record.status.isDone || record.status == .failed
            let status: RunRecord.Status =
                isOver ? record.status : lease != nil ? .running : record.step > 0 ? .interrupted : .planned
            counts[status, default: 0] += 1
            let label = names.label(record.swept, seed: record.seed)
            let total = record.configuration["train"]?["steps"]?.int ?? 0
            if record.status == .finished {
                cost = (cost.seconds + record.seconds, cost.steps + record.step)
            } else if let lease, status == .running {
                active.append(Active(label: label, total: total, lease: lease))
                left += max(0, total - lease.progress.step)
            } else if !isOver {
                left += max(0, total - record.step)
            }
            if record.status == .failed { failed.append((label, record.message)) }
        }
        let mean =
            records.isEmpty
            ? 0 : records.reduce(0) { $0 + ($1.configuration["train"]?["steps"]?.int ?? 0) } / records.count
        left += mean * (runs - records.count)
        counts[.planned, default: 0] += runs - records.count
    }

    package func count(_ status: RunRecord.Status) -> Int { counts[status] ?? 0 }

    /// Runs without a result that nobody computes.
    package var waiting: Int { count(.planned) + count(.interrupted) }

    /// Seconds to the end with as many runs at once as now, by the time that finished runs took; nil where nothing says it.
    package var remaining: Double? {
        guard cost.steps > 0, !active.isEmpty else { return nil }
        return Double(left) * cost.seconds / Double(cost.steps) / Double(active.count)
    }

    /// `640 finished, 3 diverged, 2 failed, 4 running, 351 to run`.
    package var words: String {
        let order: [RunRecord.Status] = [.finished, .diverged, .failed, .running]
        let parts = order.filter { count($0) > 0 }.map { "\(Words.grouped(count($0))) \($0.rawValue)" }
        return (parts + (waiting > 0 ? ["\(Words.grouped(waiting)) to run"] : [])).joined(separator: ", ")
    }
}

extension StudyFolder {
    /// The runs that have leases.
    var leaseNames: Set<String> { Set((try? FileManager.default.contentsOfDirectory(atPath: leasesFolder)) ?? []) }
}
