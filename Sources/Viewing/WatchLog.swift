import Studies

/// What `syzygy watch` writes where no terminal is: a line when something changed.
package struct WatchLog {
    private var known: [String: RunRecord.Status] = [:]
    private var tenth = -1

    package init() {}

    /// Runs that ended since the last time, and each tenth of all steps.
    package mutating func lines(_ study: LiveStudy) -> [String] {
        let status = StudyStatus(study)
        let names = SweepNames(study.sweptKeys)
        var lines = tenth < 0 ? [status.heading, "\(Words.count(study.runs.count, "run")): \(status.words)"] : []
        for run in study.runs {
            let now = run.status
            let isEnd = now.isDone || now == .failed
            // What had ended before the first look is in its counts.
            if isEnd, tenth >= 0, known[run.name] != now, let record = run.record {
                let label = names.label(record.swept, seed: record.seed)
                lines.append(
                    ["  \(now.rawValue)", label, record.message].filter { !$0.isEmpty }.joined(separator: "  "))
            }
            known[run.name] = now
        }
        let reached = Int((status.share * 10).rounded(.down))
        if reached > max(tenth, 0) {
            let left = status.remaining.map { ", about \(Words.duration($0)) left" } ?? ""
            lines.append("\(reached * 10) %: \(status.words)\(left)")
        }
        tenth = max(reached, 0)
        return lines.map(\.printable)
    }
}
