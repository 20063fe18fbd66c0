import Foundation
import Manifests
import OrderedCollections

/// What a folder has of a plan: how far each run is, and how long what is missing may take.
package struct StudyProgress {
    /// Runs of one setting.
    package struct Setting {
        package var runs: [PlannedRun]
        package var done = 0
        package var running = 0
        package var failed = 0
        package var isDone: Bool { done == runs.count }
        package var missing: Int { runs.count - done - running - failed }
    }

    package let plan: StudyPlan
    /// In the order of the plan.
    package let settings: [Setting]
    private let records: [String: RunRecord]
    private let statuses: [String: RunRecord.Status]
    private let folder: StudyFolder
    private static let mostOthers = 64

    package init(_ plan: StudyPlan, _ folder: StudyFolder) {
        (self.plan, self.folder) = (plan, folder)
        var records: [String: RunRecord] = [:]
        var statuses: [String: RunRecord.Status] = [:]
        let leased = folder.leaseNames, renamed = folder.renamed(plan.runs)
        var settings: OrderedDictionary<OrderedDictionary<String, JSON>, Setting> = [:]
        for run in plan.runs {
            let record = folder.record(of: run) ?? renamed[run.name]
            records[run.name] = record
            var setting = settings[run.swept] ?? Setting(runs: [])
            setting.runs.append(run)
            switch record {
            case let record? where folder.isDone(record):
                setting.done += 1
                statuses[run.name] = record.status
            case let record? where record.status == .failed:
                setting.failed += 1
                statuses[run.name] = .failed
            default:
                guard leased.contains(run.name), folder.lease(of: run.name) != nil else { break }
                setting.running += 1
                statuses[run.name] = .running
            }
            settings[run.swept] = setting
        }
        self.settings = settings.values.elements
        (self.records, self.statuses) = (records, statuses)
    }

    /// nil: to run.
    package func status(_ run: PlannedRun) -> RunRecord.Status? { statuses[run.name] }
    package func isDone(_ run: PlannedRun) -> Bool { status(run)?.isDone ?? false }
    package var done: Int { settings.reduce(0) { $0 + $1.done } }
    package var missing: [PlannedRun] { plan.runs.filter { !isDone($0) } }

    // MARK: - Time

    /// How long the missing runs may take.
    package struct Estimate: Equatable, Sendable {
        package var seconds: Double
        /// What it rests on.
        package var basis: String

        package init(seconds: Double, basis: String) { (self.seconds, self.basis) = (seconds, basis) }
    }

    /// By finished runs: those of the same setting, else of all, else of other plans in the folder, in proportion to their steps; nil
    /// where there are none.
    package func estimate(jobs: Int) -> Estimate? {
        var bySetting: [OrderedDictionary<String, JSON>: [Double]] = [:]
        var all: [Double] = []
        for run in plan.runs {
            guard let cost = records[run.name].flatMap(Self.cost) else { continue }
            bySetting[run.swept, default: []].append(cost)
            all.append(cost)
        }
        if all.isEmpty { all = others().compactMap(Self.cost) }
        guard !all.isEmpty else { return nil }
        func mean(_ costs: [Double]) -> Double { costs.reduce(0, +) / Double(costs.count) }
        let usual = mean(all), missing = missing
        let others = missing.count { bySetting[$0.swept] == nil }
        let seconds = time(of: missing, jobs: jobs) { bySetting[$0.swept].map(mean) ?? usual }
        var basis = "by \(Words.count(all.count, "finished run"))"
        if others > 0 {
            basis +=
                others == missing.count
                ? " of other settings" : ", for \(Words.count(others, "run")) by those of other settings"
        }
        return Estimate(seconds: seconds, basis: basis)
    }

    /// Some records of the folder that are not the plan's.
    private func others() -> [RunRecord] {
        let own = Set(plan.runs.map(\.name))
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path + "/runs")) ?? []
        return names.filter { !own.contains($0) }.sorted().prefix(Self.mostOthers).compactMap {
            try? RunRecord.read(folder: folder.runFolder($0))
        }
    }

    /// By measured seconds per step of some groups of runs: those whose first run has the same setting, else their mean.
    package func estimate(jobs: Int, measured: [(runs: [PlannedRun], secondsPerStep: Double)]) -> Estimate? {
        guard !measured.isEmpty else { return nil }
        let known = Dictionary(
            measured.map { ($0.runs[0].swept, $0.secondsPerStep) }, uniquingKeysWith: { first, _ in first })
        let mean = measured.map(\.secondsPerStep).reduce(0, +) / Double(measured.count)
        let seconds = time(of: missing, jobs: jobs) { known[$0.swept] ?? mean }
        return Estimate(
            seconds: seconds,
            basis: "by steps timed in \(Words.count(measured.count, "setting")), without observations")
    }

    /// Seconds of a step of a finished run; a procedure counts as one.
    private static func cost(_ record: RunRecord) -> Double? {
        guard record.status == .finished, record.seconds > 0 else { return nil }
        return record.seconds / Double(record.configuration["procedure"] == nil ? max(1, record.step) : 1)
    }

    /// Programs share the jobs; the longest one is the least that it takes. `cost` is the time of a step of the program of a run.
    private func time(of runs: [PlannedRun], jobs: Int, cost: (PlannedRun) -> Double) -> Double {
        let programs = StudyPlan.groups(runs).map { group in
            group.map { run in
                let steps = run.configuration.train.steps
                // An interrupted run goes on.
                let begun = records[run.name].map { $0.status == .interrupted ? $0.step : 0 } ?? 0
                return cost(run) * Double(max(steps == 0 ? 1 : 0, steps - begun))
            }.max() ?? 0
        }
        return max(programs.reduce(0, +) / Double(max(1, jobs)), programs.max() ?? 0)
    }
}
