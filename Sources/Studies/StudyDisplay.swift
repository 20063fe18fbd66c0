import Foundation

/// What a person sees of a study while it runs.
package protocol StudyDisplay: AnyObject {
    func begin(plan: StudyPlan, work: StudyRunner.Work, jobs: Int)
    /// The runs at work, how many have not started, and how many other processes compute; called several times a second.
    func progress(_ active: [(run: PlannedRun, progress: RunProgress)], waiting: Int, elsewhere: Int)
    /// Something worth knowing of a run that goes on.
    func note(_ run: PlannedRun, _ sentence: String)
    func ended(_ run: PlannedRun, _ record: RunRecord)
    /// Pairs of runs were measured, or are.
    func measured(pairs: Int, of total: Int)
    func end(_ outcome: StudyRunner.Outcome)
}

extension StudyDisplay {
    package func measured(pairs: Int, of total: Int) {}
    package func note(_ run: PlannedRun, _ sentence: String) {}
}

/// Says nothing (`--quiet`); failures are in the outcome.
package final class QuietDisplay: StudyDisplay {
    package init() {}
    package func begin(plan: StudyPlan, work: StudyRunner.Work, jobs: Int) {}
    package func progress(_ active: [(run: PlannedRun, progress: RunProgress)], waiting: Int, elsewhere: Int) {}
    package func ended(_ run: PlannedRun, _ record: RunRecord) {}
    package func end(_ outcome: StudyRunner.Outcome) {}
}

/// One line per event, for files and pipes; on a terminal, below them a block with one line per worker that is redrawn.
package final class LineDisplay: StudyDisplay {
    private let isTerminal: Bool
    private let write: (String) -> Void
    private let now: () -> Double
    private var width: Int { isTerminal ? Terminal.width : .max }
    private var drawn = 0
    private var lastDrawing = -Double.infinity
    private var runs = 0
    private var ended = 0
    private var failed = 0
    private var hasWaited = false

    /// `now` is a clock in seconds.
    package init(
        isTerminal: Bool = Terminal.isInteractive,
        now: @escaping () -> Double = { Double(DispatchTime.now().uptimeNanoseconds) * 1e-9 },
        write: @escaping (String) -> Void = { FileHandle.standardOutput.write(Data($0.utf8)) }
    ) {
        (self.isTerminal, self.now, self.write) = (isTerminal, now, write)
    }

    package func begin(plan: StudyPlan, work: StudyRunner.Work, jobs: Int) {
        runs = work.missing
        var words = [plan.name, Words.count(plan.runs.count, "run")]
        if let shard = work.shard { words.append("shard \(shard): \(Words.count(work.runs, "run"))") }
        words.append(Words.count(min(jobs, max(1, runs)), "job"))
        let failed = work.failed > 0 ? ", \(work.failed) failed before (--retry failed computes them again)" : ""
        write(words.joined(separator: " · ") + " · plan: \(work.done) done, \(runs) to run\(failed)\n")
    }

    package func progress(
        _ active: [(run: PlannedRun, progress: RunProgress)], waiting: Int, elsewhere: Int
    ) {
        if active.isEmpty, waiting == 0, elsewhere > 0, !hasWaited {
            hasWaited = true
            redraw([])
            write("  waits for \(Words.count(elsewhere, "run")) of other processes in this folder\n")
        }
        guard isTerminal, now() - lastDrawing >= 0.1 else { return }
        lastDrawing = now()
        let name = active.map(\.run.label.count).max() ?? 0
        var lines = active.map { Self.line($0.run.label, width: name, $0.progress) }
        if runs > 1, !active.isEmpty {
            var total = "  \(ended) of \(runs) done"
            if elsewhere > 0 { total += " · \(elsewhere) elsewhere" }
            if failed > 0 { total += " · \(failed) failed or diverged" }
            if let eta = remaining(active.map(\.progress), waiting) { total += " · eta \(eta)" }
            lines.append(total)
        }
        redraw(lines)
    }

    package func ended(_ run: PlannedRun, _ record: RunRecord) {
        ended += 1
        var words = ["  \(record.status.rawValue)", run.label]
        switch record.status {
        case .finished:
            words += [Words.count(record.step, "step"), Words.duration(record.seconds)]
            // A run of a step or two has no rate.
            if record.stepsPerSecond > 0 { words.append(Words.rate(record.stepsPerSecond)) }
            if !record.message.isEmpty { words.append(record.message) }
        default: words.append(record.message)
        }
        redraw([])
        write(words.joined(separator: "  ") + "\n")
        if record.status == .diverged || record.status == .failed { failed += 1 }
    }

    package func note(_ run: PlannedRun, _ sentence: String) {
        redraw([])
        write("  note  \(run.label)  \(sentence)\n")
    }

    package func measured(pairs: Int, of total: Int) {
        redraw(pairs < total && isTerminal ? ["  \(pairs) of \(Words.count(total, "pair")) of runs measured"] : [])
        if pairs == total { write("  measured \(Words.count(total, "pair")) of runs\n") }
    }

    package func end(_ outcome: StudyRunner.Outcome) { redraw([]) }

    /// `wd=0.001 seed=3  ████████░░░░  2,913/4,000  9.8 k steps/s  loss 0.0213  eta 0:07`
    private static func line(_ label: String, width: Int, _ progress: RunProgress) -> String {
        let fraction = progress.total > 0 ? Double(progress.step) / Double(progress.total) : 0
        let filled = Int((fraction * 18).rounded(.down))
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: max(0, 18 - filled))
        let padded = label.padding(toLength: max(width, label.count), withPad: " ", startingAt: 0)
        var words = ["  \(padded)", bar, "\(Words.grouped(progress.step))/\(Words.grouped(progress.total))"]
        // A procedure does not say how long it is.
        if progress.total == 0 { words = ["  \(padded)", Words.count(progress.step, "step")] }
        guard progress.stepsPerSecond > 0 else { return words.joined(separator: "  ") }
        words.append(Words.rate(progress.stepsPerSecond))
        if progress.loss.isFinite { words.append("loss \(Words.short(progress.loss))") }
        guard progress.total > 0 else { return words.joined(separator: "  ") }
        words.append("eta \(Words.duration(Double(progress.total - progress.step) / progress.stepsPerSecond))")
        return words.joined(separator: "  ")
    }

    /// Time to the end of all runs at the present speed, once the workers have told theirs.
    private func remaining(_ active: [RunProgress], _ waiting: Int) -> String? {
        let speed = active.map(\.stepsPerSecond).reduce(0, +)
        guard speed > 0, let total = active.map(\.total).max(), total > 0 else { return nil }
        let steps = active.map { $0.total - $0.step }.reduce(0, +) + waiting * total
        return Words.duration(Double(steps) / speed)
    }

    /// Replaces the block below the last finished line.
    private func redraw(_ lines: [String]) {
        guard isTerminal else { return }
        var text = drawn > 0 ? "\u{1B}[\(drawn)A\u{1B}[J" : ""
        for line in lines { text += line.prefix(width - 1) + "\n" }
        drawn = lines.count
        if !text.isEmpty { write(text) }
    }
}
