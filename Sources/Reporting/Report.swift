import Manifests
import OrderedCollections
import Studies

/// `report.html`: one file without external resources.
package enum Report {
    /// - Parameters:
    ///   - drawn: the figures of the study and of manifests.
    ///   - budget: what the points of curves may take, in bytes.
    package static func html(
        _ results: StudyResults, _ drawn: [DrawnFigure] = [], budget: Int = PageCharts.budget
    ) -> String {
        let figures = Figures(results)
        let outline = Outline(results)
        let verdicts = Claims.evaluate(results)
        let isOrdered = results.sweptKeys.count == 1 && results.settings.allSatisfy { Double($0[0]) != nil }
        let colours = Palette.settings(figures.shown.count, isOrdered: isOrdered)
        let sections = ReportSections(
            results: results, figures: figures, outline: outline, verdicts: verdicts, drawn: drawn,
            // Without outputs, keys or layers to ask for it cannot fail.
            headline: try? ResultTable(results, limit: 400, matrices: false))
        let body: Markup = """
            \(sections.header)
            \(sections.claims)
            \(sections.declaredFigures)
            \(sections.numbers)
            \(sections.probes)
            \(sections.runs)
            \(sections.record)
            """
        let page: Markup = """
            <!DOCTYPE html>
            <html lang="en" data-theme="auto">
            <head>
            <meta charset="utf-8"/>
            \(ReportSections.policy)
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <title>\(results.title.isEmpty ? results.name : results.title)</title>
            <style>\(Markup(raw: Style.sheet(colours: colours, figures: drawn)))</style>
            </head>
            <body>
            <main>
            \(body)
            </main>
            \(sections.data(budget: budget))
            <script>\(Markup(raw: ReportSections.script))</script>
            </body>
            </html>

            """
        return page.text
    }
}

/// The sections of the report, in the order of the page.
struct ReportSections {
    let results: StudyResults
    let figures: Figures
    let outline: Outline
    let verdicts: [Verdict]
    let drawn: [DrawnFigure]
    let headline: ResultTable?

    // MARK: - What was run

    var header: Markup {
        let held = verdicts.filter(\.holds).count
        let finished = results.runs.filter(\.isFinished).count
        let others = Dictionary(grouping: results.runs.filter { !$0.isFinished }, by: \.record.status.rawValue).sorted
        { $0.key < $1.key }
        .map { "\($0.value.count) \($0.key)" }
        let seconds = results.runs.reduce(0) { $0 + $1.record.seconds }
        let steps =
            results.runs.filter(\.isFinished).map(\.record.step).max() ?? results.runs.map(\.record.step).max() ?? 0
        var tiles: [(String, String)] = [
            (
                Words.grouped(results.runs.count),
                (["\(Words.grouped(finished)) finished"] + others).joined(separator: ", ")
            ),
            (
                Words.grouped(results.settings.count),
                results.sweptKeys.isEmpty ? "setting" : "settings of \(results.shortKeys.joined(separator: ", "))"
            ),
            ("\(results.seeds.count)", results.seeds.count == 1 ? "seed" : "seeds each"),
            (Words.grouped(steps), "training steps"),
            (NumberText.duration(seconds), "in all runs"),
        ]
        tiles[0].1 = (results.runs.count == 1 ? "run: " : "runs: ") + tiles[0].1
        if !verdicts.isEmpty {
            tiles.append(("\(held) of \(verdicts.count)", verdicts.count == 1 ? "claim holds" : "claims hold"))
        }
        let drawn: [Markup] = tiles.map { "<div><b>\($0.0)</b><span>\($0.1)</span></div>" }
        return """
            <header>
            <p class="over">Study · <span class="mono">\(results.name)</span></p>
            <h1>\(results.title.isEmpty ? results.name : results.title)</h1>
            <p>\(summary)</p>
            <div class="tiles">\(drawn)</div>
            \(facts)
            \(navigation)
            </header>
            """
    }

    /// One paragraph: what was varied, on what, and how numbers are to be read.
    private var summary: String {
        var sentences: [String] = []
        let varied = zip(results.shortKeys, results.sweptKeys.indices).map { key, column in
            var values: [String] = []
            for label in results.settings.indices.map({ results.valueLabels(setting: $0)[column] })
            where !values.contains(label) {
                values.append(label)
            }
            return "\(key) in {\(values.prefix(12).joined(separator: ", "))\(values.count > 12 ? ", …" : "")}"
        }
        let configuration = results.runs.first?.record.configuration
        let what = ["model", "dataset", "optimizer"].map { role in
            isSwept(role) ? nil : configuration?[role].flatMap(component)
        }
        if let model = what[0], let dataset = what[1] {
            sentences.append("\(model) on \(dataset)\(what[2].map { ", trained with \($0)" } ?? "").")
        }
        if !varied.isEmpty { sentences.append("Swept: \(varied.joined(separator: "; ")).") }
        let seeds = results.seeds
        if seeds.count > 1 {
            sentences.append(
                "Every setting ran with \(seeds.count) seeds; numbers are means with 95 % intervals (Student's t) over seeds."
            )
        }
        let lost = results.runs.filter { !$0.isFinished }.count
        if lost > 0 {
            sentences.append(
                "\(lost == 1 ? "One run" : "\(lost) runs") did not finish and \(lost == 1 ? "is" : "are") left out of curves and means."
            )
        }
        return sentences.joined(separator: " ")
    }

    /// The resolved components with the options that the study or the command line gave.
    private var facts: Markup {
        guard let configuration = results.runs.first?.record.configuration else { return "" }
        var rows: [Markup] = []
        for role in [
            "dataset", "sampler", "model", "models", "initializers", "parametrizations", "loss", "optimizer",
            "groups",
            "regularizers", "train",
        ] {
            guard let tree = configuration[role] else { continue }
            let isKeyed = ["models", "initializers", "parametrizations", "groups", "regularizers"].contains(role)
            let text =
                isKeyed && !isSwept(role)
                ? (tree.object ?? [:]).map { describe($0.value, at: "\(role).\($0.key)") }.joined(separator: "; ")
                : describe(tree, at: role)
            if !text.isEmpty { rows.append("<dt>\(role)</dt><dd>\(text)</dd>") }
        }
        return rows.isEmpty ? "" : "<dl class=\"facts\">\(rows)</dl>"
    }

    /// Whether settings have different components in a section, by its plugin or as a whole.
    private func isSwept(_ section: String) -> Bool {
        results.sweptKeys.contains { $0 == section || $0 == "\(section).plugin" }
    }

    /// `mlp` of `syzygy.mlp/mlp`.
    private func component(_ tree: JSON) -> String? {
        tree["plugin"]?.string?.split(separator: "/").last.map(String.init)
    }

    /// `mlp · widths 128, 128 · activation tanh`; swept options say so, defaults stay in the record. A group goes by its key.
    private func describe(_ tree: JSON, at path: String) -> String {
        let origins = results.runs.first?.record.origins ?? [:]
        let options = (tree.object ?? [:]).filter { $0.key != "plugin" && origins["\(path).\($0.key)"] != "default" }
            .map { key, value in
                let here = "\(path).\(key)"
                if value["plugin"] != nil { return "\(key) (\(describe(value, at: here)))" }
                let isSwept = results.sweptKeys.contains(here)
                return "\(key) \(isSwept ? "(swept)" : value.double.map { NumberText.label($0) } ?? value.plain)"
            }
        let isGroup = path.hasPrefix("groups.") && tree["plugin"] == nil
        let own = isGroup ? String(path.dropFirst("groups.".count)) : component(tree)
        if results.sweptKeys.contains(path) { return "(swept)" }
        let name = isSwept(path) ? "(swept)" : own
        return ([name].compactMap { $0 } + options).joined(separator: " · ")
    }

    private var navigation: Markup {
        var links: [(String, String)] = []
        if !verdicts.isEmpty { links.append(("claims", "Claims")) }
        if drawn.contains(where: { $0.figure.probe == nil }) { links.append(("figures", "Figures")) }
        links.append(("numbers", "Numbers"))
        for (i, group) in probeGroups.enumerated() {
            links.append(("p\(i)", group.map(\.self).joined(separator: ", ")))
        }
        links += [("runs", "Runs"), ("record", "Record")]
        let drawn: [Markup] = links.map { "<a href=\"#\($0.0)\">\($0.1)</a>" }
        return "<nav>\(drawn)</nav>"
    }

    // MARK: - Claims and numbers

    var claims: Markup {
        guard !verdicts.isEmpty else { return "" }
        let items: [Markup] = verdicts.map { verdict in
            let (word, style, finding) =
                switch verdict.outcome {
                case .holds: ("✓ holds", "good", "\(verdict.finding); \(verdict.note)")
                case .fails: ("✗ fails", "bad", "\(verdict.finding); \(verdict.note)")
                case .undecided(let reason): ("? undecided", "bad", reason)
                }
            return
                """
                <li><span class="verdict \(style)">\(word)</span><span class="say">\(verdict.claim.say)</span>
                <span class="finding">\(finding)</span></li>
                """
        }
        return "<section id=\"claims\"><h2>Claims</h2><ol class=\"claims\">\(items)</ol></section>"
    }

    /// What the study declares; figures of manifests stand with their probes.
    var declaredFigures: Markup {
        let own = drawn.filter { $0.figure.probe == nil }
        return own.isEmpty ? "" : "<section id=\"figures\"><h2>Figures</h2>\(declared(own))</section>"
    }

    func declared(_ figures: [DrawnFigure]) -> Markup {
        let parts: [Markup] = figures.map { drawn in
            let names = OrderedSet(drawn.figure.outputs + drawn.figure.against).joined(separator: " ")
            let file: Markup = drawn.svg == nil ? "" : "<span class=\"soft mono\">figures/\(drawn.slug).svg</span>"
            return """
                <figure class="declared" data-f="\(drawn.slug)" data-q="\(names)"><figcaption><h3>\(drawn.figure.title)</h3>\(file)</figcaption>
                \(drawn.svg ?? "")<p class="note">\(drawn.note)</p></figure>
                """
        }
        return "\(parts)"
    }

    var numbers: Markup {
        guard let headline, !headline.rows.isEmpty else {
            let undefined = headline.map(undefined) ?? ""
            return
                "<section id=\"numbers\"><h2>Numbers at the last step</h2><p>No finished run has recorded a number.</p>\(undefined)</section>"
        }
        let heads: [Markup] = figures.shown.enumerated().map { slot, setting in
            let mark: Markup = "<span class=\"mark s\(slot)\"></span>"
            let few: Markup =
                results.settings.count > figures.shown.count || headline.hasUsualCount(setting)
                ? "" : "<br/><span class=\"soft\">N=\(headline.counts[setting])</span>"
            let name: Markup = "<span class=\"name\">\(headline.columns[setting])</span>"
            return "<th class=\"num\" scope=\"col\" data-slot=\"\(slot)\">\(mark)\(name)\(few)</th>"
        }
        var groups: Markup = ""
        var start = 0
        while start < headline.rows.count {
            let probe = headline.rows[start].line.probe
            let end = headline.rows[start...].firstIndex { $0.line.probe != probe } ?? headline.rows.count
            let rows: [Markup] = (start..<end).map { r in
                let row = headline.rows[r]
                let cells: [Markup] = figures.shown.enumerated().map { slot, setting in
                    let (mean, rest) = number(row.cells[setting]?.value, headline.counts[setting])
                    return "<td class=\"num\" data-slot=\"\(slot)\">\(mean)<i>\(rest)</i></td>"
                }
                return
                    "<tr data-r=\"\(r)\"><th scope=\"row\">\(String(row.line.output.dropFirst(probe.count + 1)))</th><td>\(row.line.layer)</td>\(cells)</tr>"
            }
            groups +=
                "<tbody class=\"group\"><tr><th scope=\"rowgroup\" colspan=\"\(figures.shown.count + 2)\">\(probe)</th></tr>\(rows)</tbody>"
            start = end
        }
        let seeds =
            headline.commonCount > 1
            ? "Mean ± 95 % half-width over \(headline.commonCount) seeds; where fewer values stand behind a number, N is given"
            : "One seed"
        let count = results.settings.count
        let more =
            count > figures.shown.count
            ? " \(figures.shown.count) of \(Words.grouped(count)) settings, spread over the sweep." : ""
        return """
            <section id="numbers"><h2>Numbers at the last step</h2>
            <p class="soft">\(seeds). Matrices of layers follow below; all outputs are in <span class="mono">table.csv</span>.\(more)</p>
            <div class="scroll"><table>
            <thead><tr><th scope="col">output</th><th scope="col">layer</th>\(heads)</tr></thead>
            \(groups)</table></div>
            \(undefined(headline))
            </section>
            """
    }

    private func undefined(_ headline: ResultTable) -> Markup {
        let sentences: [Markup] = headline.withoutValues.map {
            "<p class=\"note\">\($0.prefix(1).uppercased() + $0.dropFirst()).</p>"
        }
        return "\(sentences)"
    }

    /// What stands first in a cell, and what follows it in grey.
    func number(_ cell: Aggregate?, _ common: Int) -> (mean: String, rest: String) {
        guard let cell else { return ("", "–") }
        guard let text = MeasuredText(cell) else { return ("", "– \(cell.reasons)") }
        let half = text.halfWidth.isEmpty ? "" : " ± \(text.halfWidth)"
        let power = text.exponent == 0 ? "" : " ×10\(NumberText.superscript(text.exponent))"
        let few = cell.n == common ? "" : " N=\(cell.n)"
        return (text.mean, "\(half)\(power)\(cell.interval.map { " \($0)" } ?? "")\(few)")
    }
}
