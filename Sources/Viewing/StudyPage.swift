import Foundation
import Manifests
import OrderedCollections
import Reporting
import Studies

/// The page of a study while it runs, in parts that are sent again when they change. All text goes through `Markup`, which escapes it; no
/// part is longer than its limits allow.
struct StudyPage {
    let study: LiveStudy
    let status: StudyStatus
    let results: StudyResults
    let choice: ViewChoice
    let output: String
    let problem: String
    let hasReport: Bool

    private static let mostActive = 40
    private static let mostFailures = 6

    var parts: [ViewPart] {
        let chart = chart
        return [head, now, failures, outputs, layers(chart), curves(chart), runs]
    }

    static func html(_ parts: [ViewPart], _ choice: ViewChoice, title: String) -> String {
        let part = Dictionary(uniqueKeysWithValues: parts.map { ($0.id, $0.html) })
        let page: Markup = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <title>\(title)</title>
            <link rel="stylesheet" href="style.css"/>
            <script src="script.js" defer></script>
            </head>
            <body>
            <main>
            <p id="connection" class="bad" role="status" hidden></p>
            \(part["head"] ?? "")
            \(part["now"] ?? "")
            \(part["failures"] ?? "")
            <section>
            <h2>Curves</h2>
            <form class="controls" autocomplete="off">
            <label>output <input id="output" type="search" list="outputs" value="\(choice.output)" placeholder="a name, or words of it" spellcheck="false"/></label>
            \(part["outputs"] ?? "")
            <label>layer \(part["layers"] ?? "")</label>
            <label>where <input id="where" type="search" value="\(choice.conditions)" placeholder="key=value …" spellcheck="false"/></label>
            </form>
            \(part["curves"] ?? "")
            </section>
            <section>
            <h2>Runs</h2>
            <form class="controls" autocomplete="off">
            <label>find <input id="find" type="search" value="\(choice.find)" placeholder="failed, seed=3, …" spellcheck="false"/></label>
            </form>
            \(part["runs"] ?? "")
            </section>
            </main>
            </body>
            </html>

            """
        return page.text
    }

    // MARK: - How far it is

    private var head: ViewPart {
        let percent = Int((status.share * 100).rounded(.down))
        let title = study.title.isEmpty ? study.name : study.title
        let over = status.count(.finished) + status.count(.diverged)
        var tiles: [(String, String)] = [
            (
                "\(Words.grouped(over))",
                "of \(Words.count(status.runs, "run")) \(over == 1 ? "has a result" : "have results")"
            )
        ]
        if !status.active.isEmpty {
            let hosts = OrderedSet(status.active.map(\.lease.holder.host))
            let places = hosts.prefix(3).joined(separator: ", ") + (hosts.count > 3 ? ", …" : "")
            tiles.append((Words.grouped(status.active.count), "running on \(places)"))
        }
        for word in [RunRecord.Status.failed, .diverged] where status.count(word) > 0 {
            tiles.append((Words.grouped(status.count(word)), word.rawValue))
        }
        if status.waiting > 0 { tiles.append((Words.grouped(status.waiting), "to run")) }
        let settings = results.settings.count, seeds = study.study["seeds"]?.array?.count ?? 0
        if settings > 1 || seeds > 1 { tiles.append(("\(settings) × \(seeds)", "settings × seeds")) }
        if let remaining = status.remaining { tiles.append(("≈ " + Words.duration(remaining), "left")) }
        let drawn: [Markup] = tiles.map { "<div><b>\($0.0)</b><span>\($0.1)</span></div>" }
        let report: Markup = hasReport ? "<nav><a href=\"report.html\">Report</a></nav>" : ""
        var sentences = problem.isEmpty ? [] : [problem]
        sentences += study.runs.lazy.map(\.problem).filter { !$0.isEmpty }.prefix(5)
        let problems: [Markup] = sentences.map { "<p class=\"bad\">\($0)</p>" }
        return part(
            "header", "head",
            """
            <p class="over">Study · <span class="mono">\(study.name)</span></p>
            <h1>\(title)</h1>
            \(bar)
            <div class="tiles">\(drawn)</div>
            \(problems)\(report)
            """, title: status.isOver ? title : "\(percent) % · \(title)")
    }

    /// Results, failures, what is begun, what is not.
    private var bar: Markup {
        let all = Double(max(1, status.runs))
        let over = Double(status.count(.finished) + status.count(.diverged) + status.count(.failed)) / all
        var at = 0.0
        let shares = [
            ("done", Double(status.count(.finished)) / all), ("odd", Double(status.count(.diverged)) / all),
            ("lost", Double(status.count(.failed)) / all), ("begun", max(0, status.share - over)),
        ]
        let rectangles: [Markup] = shares.map { name, share in
            defer { at += share }
            return "<rect class=\"\(name)\" x=\"\(at * 1000)\" width=\"\(share * 1000)\" height=\"6\"/>"
        }
        return """
            <svg class="bar" viewBox="0 0 1000 6" preserveAspectRatio="none" role="img">
            <title>\(status.words)</title><rect class="rest" width="1000" height="6"/>\(rectangles)</svg>
            """
    }

    private var now: ViewPart {
        guard !status.active.isEmpty else {
            let sentence =
                status.isOver
                ? status.failed.isEmpty ? "All runs have results." : "No run is left to compute."
                : "No process computes runs of this folder now; 'syzygy run' goes on with it."
            return part("section", "now", "<p class=\"soft\">\(sentence)</p>")
        }
        let rows: [Markup] = status.active.prefix(Self.mostActive).map { run in
            let progress = run.lease.progress
            let share = run.total > 0 ? min(1, Double(progress.step) / Double(run.total)) : 0
            let rate = progress.stepsPerSecond
            let left = run.total > 0 && rate > 0 ? Words.duration(Double(run.total - progress.step) / rate) : ""
            let bar: Markup =
                run.total > 0
                ? """
                <svg class="small bar" viewBox="0 0 100 6" preserveAspectRatio="none"><rect class="rest" width="100" height="6"/>\
                <rect class="begun" width="\(share * 100)" height="6"/></svg>
                """ : ""
            return """
                <tr><th scope="row">\(run.label)</th><td class="wide">\(bar)</td><td class="num">\(run.steps)</td>\
                <td class="num">\(rate > 0 ? Words.rate(rate) : "")</td>\
                <td class="num">\(progress.loss.isFinite ? NumberText.short(progress.loss) : "")</td>\
                <td class="num">\(left)</td><td>\(run.lease.holder.host), \(run.lease.holder.process)</td></tr>
                """
        }
        let left = status.active.count - rows.count
        let more: Markup = left > 0 ? "<p class=\"note\">and \(left) more</p>" : ""
        return part(
            "section", "now",
            """
            <h2>Running</h2>
            <div class="scroll"><table><thead><tr><th scope="col">run</th><th></th><th class="num" scope="col">step</th>\
            <th class="num" scope="col">rate</th><th class="num" scope="col">loss</th><th class="num" scope="col">left</th>\
            <th scope="col">host, process</th></tr></thead><tbody>\(rows)</tbody></table></div>\(more)
            """)
    }

    /// By their messages: what fails once often fails a hundred times.
    private var failures: ViewPart {
        guard !status.failed.isEmpty else { return part("section", "failures", "") }
        let groups = OrderedDictionary(grouping: status.failed) { $0.record.message }
        let items: [Markup] = groups.values.prefix(Self.mostFailures).map { runs in
            let left = runs.count - 3
            let labels = runs.prefix(3).map(\.label).joined(separator: ", ") + (left > 0 ? " and \(left) more" : "")
            let log = (runs[0].record.failure?.log ?? []).joined(separator: "\n")
            let lines: Markup =
                log.isEmpty ? "" : "<details><summary>last lines of the log</summary><pre>\(log)</pre></details>"
            return """
                <li><span class="verdict bad">✗ \(Words.count(runs.count, "run"))</span><span class="say">\(labels)</span>\
                <span class="finding">\(String(runs[0].record.message.prefix(600)))</span>\(lines)</li>
                """
        }
        let left = groups.count - items.count
        let more: Markup = left > 0 ? "<p class=\"note\">and \(left) other messages</p>" : ""
        return part("section", "failures", "<h2>Failures</h2><ol class=\"claims\">\(items)</ol>\(more)")
    }

    /// A part of the page; `title`: of the whole page.
    func part(_ element: Markup, _ id: String, _ content: Markup, title: String? = nil) -> ViewPart {
        let data: Markup = title.map { " data-title=\"\($0)\"" } ?? ""
        var hasher = Hasher()
        hasher.combine(content)
        hasher.combine(title)
        let version = String(UInt(bitPattern: hasher.finalize()), radix: 36)
        return ViewPart(
            id: id, version: version,
            html:
                "<\(element) id=\"\(id)\" class=\"part\" data-version=\"\(version)\"\(data)>\(content)</\(element)>")
    }
}
