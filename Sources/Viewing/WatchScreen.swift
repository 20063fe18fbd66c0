import Foundation
import Manifests
import Reporting
import Studies

/// What `syzygy watch` draws on a terminal: as many lines as it has, each short of its last column, where cursors behave differently.
package struct WatchScreen {
    package var width: Int
    package var height: Int
    package var hasColours: Bool
    /// Of outputs; empty: the first output.
    package var pattern: String

    package init(width: Int, height: Int, hasColours: Bool, pattern: String = "") {
        (self.width, self.height) = (max(20, width) - 1, max(6, height))
        (self.hasColours, self.pattern) = (hasColours, pattern)
    }

    private var ink: TerminalInk { TerminalInk(hasColours: hasColours) }

    /// Looks at the study, and follows what is drawn of it.
    package func look(at study: LiveStudy) throws(StudyError) {
        try study.look()
        // Names become known while something is read: the second time there may be more that match.
        for _ in 0..<2 {
            let outputs = outputs(of: study)
            let wanted = outputs.isEmpty ? [study.output(named: "")].compactMap(\.self) : outputs
            guard !study.followed.isSuperset(of: wanted) else { return }
            study.follow(Set(wanted))
            try study.look()
        }
    }

    /// The outputs that are drawn.
    private func outputs(of study: LiveStudy) -> [String] {
        if pattern.isEmpty { return [study.output(named: "")].compactMap(\.self) }
        study.findOutputs()
        if pattern == LiveRun.loss.output { return [pattern] }
        return Array(study.outputs.filter { OutputPattern(pattern).match($0) != nil }.prefix(6))
    }

    package func lines(_ study: LiveStudy) -> [String] {
        let status = StudyStatus(study)
        var lines = [ink.strong(status.heading.printable.fitted(to: width)), total(status)]
        let room = max(1, (height - 8) / 3)
        lines += [""] + running(status, room) + failures(status, max(1, room / 2))
        for problem in study.runs.lazy.map(\.problem).filter({ !$0.isEmpty }).prefix(2) {
            lines.append(ink.bad(problem.printable.fitted(to: width)))
        }
        lines.append("")
        return Array((lines + charts(study, height - lines.count)).prefix(height))
    }

    /// `████████░░░░  62 %  12 finished, 2 running, 1 to run  about 3:12 left`
    private func total(_ status: StudyStatus) -> String {
        let length = min(30, max(6, width / 4))
        let percent = "\(Int((status.share * 100).rounded(.down)))".leftPadded(3) + " %"
        let left = status.remaining.map { ", about \(Words.duration($0)) left" } ?? ""
        let words = "  \(percent)  \(status.words)\(left)"
        return ink.good(Self.bar(status.share, length)) + words.fitted(to: width - length)
    }

    private static func bar(_ share: Double, _ length: Int) -> String {
        let filled = Int((min(1, max(0, share)) * Double(length)).rounded(.down))
        return String(repeating: "█", count: filled) + String(repeating: "░", count: length - filled)
    }

    private func running(_ status: StudyStatus, _ room: Int) -> [String] {
        guard !status.active.isEmpty else {
            return status.isOver
                ? []
                : [
                    ink.soft(
                        "no process computes runs of this folder now; 'syzygy run' goes on with it".fitted(to: width))
                ]
        }
        let shown = status.active.prefix(status.active.count > room ? max(1, room - 1) : room)
        let label = min(width / 3, shown.map(\.label.count).max() ?? 0)
        let steps = shown.map(\.steps.count).max() ?? 0
        var lines = shown.map { run in
            let progress = run.lease.progress
            let bar = run.total > 0 ? Self.bar(Double(progress.step) / Double(run.total), 12) : ""
            let words = [
                run.label.printable.fitted(to: label), bar, run.steps.leftPadded(steps),
                progress.stepsPerSecond > 0 ? Words.rate(progress.stepsPerSecond) : "",
                progress.loss.isFinite ? "loss \(Words.short(progress.loss))" : "",
                run.lease.holder.host.printable,
            ]
            return words.filter { !$0.isEmpty }.joined(separator: "  ").fitted(to: width)
        }
        if status.active.count > shown.count {
            lines.append(ink.soft("and \(status.active.count - shown.count) more".fitted(to: width)))
        }
        return lines
    }

    private func failures(_ status: StudyStatus, _ room: Int) -> [String] {
        var lines = status.failed.suffix(room).map { label, record in
            ink.bad("failed  \(label)  \(record.message)".printable.fitted(to: width))
        }
        if status.failed.count > room {
            lines.append(ink.soft("and \(status.failed.count - room) more failed".fitted(to: width)))
        }
        return lines
    }

    // MARK: - Curves

    private func charts(_ study: LiveStudy, _ height: Int) -> [String] {
        let outputs = outputs(of: study)
        guard !outputs.isEmpty else {
            let known = study.outputs.prefix(6).joined(separator: ", ")
            let there = known.isEmpty ? "nothing is recorded yet" : "there are: \(known), …"
            return [ink.soft("no output matches '\(pattern)' (\(there))".printable.fitted(to: width))]
        }
        let results = StudyResults(study)
        guard let selection = try? Selection(results) else { return [] }
        let drawings = outputs.map { LiveChart(results, output: $0, selection) }
        let panels = drawings.flatMap { drawing in drawing.panels.map { (drawing, $0) } }
        guard let first = drawings.first, !panels.isEmpty, height >= 6 else {
            let note = drawings[0].layers.isEmpty ? "nothing is recorded yet" : drawings[0].notes.last ?? ""
            return [ink.soft("\(outputs[0]): \(note)".printable.fitted(to: width))]
        }
        let legend = legend(first, width: width, isAlone: panels.count == 1)
        let room = height - min(legend.count, max(1, height / 4))
        let columns = max(1, min(panels.count, width / 46))
        let rows = max(1, min((panels.count + columns - 1) / columns, room / 9))
        let chartHeight = min(24, room / rows)
        let shown = Array(panels.prefix(rows * columns))
        var lines: [String] = []
        for row in 0..<rows {
            let charts = shown.dropFirst(row * columns).prefix(columns).map { drawing, panel in
                let title = [drawing.output, panel.title].filter { !$0.isEmpty }.joined(separator: "  ")
                return TerminalChart(
                    panel: panel, title: title.printable, columns: (width - 2 * (columns - 1)) / columns,
                    rows: chartHeight, ink: ink
                ).lines
            }
            for line in 0..<(charts.first?.count ?? 0) {
                lines.append(charts.map { $0[line] }.joined(separator: "  "))
            }
        }
        if panels.count > shown.count {
            lines.append(ink.soft("and \(panels.count - shown.count) more that have no room".fitted(to: width)))
        }
        return lines + legend
    }

    /// Settings one after the other in as few lines as there must be.
    private func legend(_ chart: LiveChart, width: Int, isAlone: Bool) -> [String] {
        var lines: [String] = []
        var line = "", used = 0
        for setting in chart.shown {
            let mark = hasColours ? "━━" : String(TerminalChart.letter(setting.style))
            let value = !setting.reasons.isEmpty ? " no value: \(setting.reasons)" : isAlone ? " \(setting.last)" : ""
            let text = " \(setting.label)\(value)".printable
            let length = mark.count + text.count
            if used > 0, used + 3 + length > width {
                lines.append(line)
                (line, used) = ("", 0)
            }
            if used > 0 { (line, used) = (line + "   ", used + 3) }
            line +=
                ink.colour(mark, setting.style) + text.fitted(to: min(text.count, max(1, width - used - mark.count)))
            used += length
        }
        return used > 0 ? lines + [line] : lines
    }
}
