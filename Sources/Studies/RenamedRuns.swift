import Foundation
import Glibc

/// The name of a run has its swept values, so a run gets another one when a study sweeps another key, though it is the same run: its
/// identity has not changed.
extension StudyFolder {
    /// Records of planned runs that the folder has under other names, by the names that the plan gives them. Runs that somebody
    /// computes now are left out.
    func renamed(_ runs: [PlannedRun]) -> [String: RunRecord] {
        let absent = runs.filter { access(runFolder($0.name), F_OK) != 0 }
        guard !absent.isEmpty else { return [:] }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path + "/runs")) ?? []
        let known = Dictionary(grouping: names.sorted(), by: { $0.prefix { $0 != "-" } })
        guard !known.isEmpty else { return [:] }
        var found: [String: RunRecord] = [:]
        for run in absent {
            for name in known[run.name.prefix { $0 != "-" }] ?? [] where lease(of: name) == nil {
                guard let record = try? RunRecord.read(folder: runFolder(name)), record.identity == run.identity
                else { continue }
                found[run.name] = record
                // The folder's name, should the record have got its new one and the folder not.
                found[run.name]?.name = name
            }
        }
        return found
    }

    /// Gives them the names that the plan has. A run that another process is quicker to rename is fine.
    func rename(_ plan: StudyPlan) {
        let found = renamed(plan.runs)
        for run in plan.runs {
            guard var record = found[run.name] else { continue }
            let old = runFolder(record.name)
            let wanted = RunRecord(run: run, study: plan.name, title: plan.title)
            (record.name, record.swept, record.origins) = (wanted.name, wanted.swept, wanted.origins)
            (record.study, record.title) = (wanted.study, wanted.title)
            // In this order: whoever is killed between leaves a run that is found again.
            guard (try? record.write(folder: old)) != nil else { continue }
            _ = Glibc.rename(old, runFolder(run.name))
        }
    }
}
