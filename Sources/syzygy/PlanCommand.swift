import ArgumentParser
import Foundation
import Manifests
import OrderedCollections
import Studies

struct Plan: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what 'syzygy run' would do: every value with its origin, the probes' steps, the runs.")

    @OptionGroup var study: StudyOptions

    func run() throws {
        let (plan, folder) = try study.plan()
        guard let first = plan.runs.first else { return }
        print(plan.title.isEmpty ? plan.name : "\(plan.name): \(plan.title)")
        print()
        printValues(plan, first)
        if !first.configuration.probes.isEmpty { print() }
        for probe in first.configuration.probes {
            let steps = probe.sighting.steps.map(Words.grouped).joined(separator: " ")
            print("probe \(probe.key) at \(Words.count(probe.sighting.steps.count, "step")): \(steps)")
        }
        print()
        let done = Set(plan.runs.filter(folder.isDone).map(\.name))
        print(
            "\(Words.count(plan.runs.count, "run")) in \(folder.path): \(done.count) done, \(plan.runs.count - done.count) to run"
        )
        let missing = plan.runs.filter { !done.contains($0.name) }
        if missing.contains(where: { $0.configuration.train.together > 1 }) {
            let groups = StudyPlan.groups(missing)
            print(
                "training together: \(Words.count(groups.count, "program")) of at most \(groups.map(\.count).max() ?? 0) runs"
            )
        }
        for run in plan.runs {
            print("  \(done.contains(run.name) ? "done  " : "to run")  \(run.name)  \(run.label)")
        }
    }

    /// `optimizer.lr  0.1  file`; a key that is swept, or refers to one, shows all its values.
    private func printValues(_ plan: StudyPlan, _ run: PlannedRun) {
        let rows = run.origins.map { key, origin in
            let value = run.configuration.json.value(at: key)
            let swept = plan.values(of: key)
            let text =
                swept.count > 1
                ? swept.map { $0.text(pretty: false) }.joined(separator: ", ") : value?.text(pretty: false)
            return (key, text ?? "", origin)
        }
        let keyWidth = rows.map(\.0.count).max() ?? 0
        let valueWidth = min(60, rows.map(\.1.count).max() ?? 0)
        for (key, value, origin) in rows {
            print("  \(key.padded(keyWidth))  \(value.padded(valueWidth))  \(origin.description)")
        }
    }
}

extension StudyPlan {
    /// The distinct values that a key has in the runs.
    fileprivate func values(of key: String) -> [JSON] {
        OrderedSet(runs.lazy.filter { $0.seed == seeds.first }.compactMap { $0.configuration.json.value(at: key) })
            .elements
    }
}

extension String {
    func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
