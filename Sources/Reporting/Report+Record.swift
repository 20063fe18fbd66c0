import Manifests
import OrderedCollections
import Studies

extension ReportSections {
    private static let rowLimit = 2000

    var runs: Markup {
        let heads: [Markup] = (results.shortKeys + ["seed", "status", "steps", "time", "steps/s", "message"]).map {
            "<th scope=\"col\"\(["steps", "time", "steps/s", "seed"].contains($0) ? Markup(" class=\"num\"") : "")>\($0)</th>"
        }
        let rows: [Markup] = results.runs.prefix(ReportSections.rowLimit).map { run in
            let values: [Markup] = results.valueLabels(setting: run.setting).map {
                "<td>\($0.isEmpty ? "–" : $0)</td>"
            }
            let record = run.record
            let time = record.seconds > 0 ? NumberText.duration(record.seconds) : ""
            let rate = record.stepsPerSecond.isFinite ? "\(record.stepsPerSecond)" : ""
            let speed =
                record.stepsPerSecond >= 1 && record.stepsPerSecond < 1e12
                ? Words.grouped(Int(record.stepsPerSecond)) : ""
            return """
                <tr data-s="\(run.setting)" title="\(run.name)">\(values)<td class="num">\(run.seed)</td>\
                <td class="\(run.isFinished ? "" : "bad")">\(record.status.rawValue)</td><td class="num" data-v="\(record.step)">\(Words.grouped(record.step))</td>\
                <td class="num" data-v="\(Markup(raw: "\(record.seconds)"))">\(time)</td>\
                <td class="num" data-v="\(Markup(raw: rate))">\(speed)</td><td class="wrap">\(record.message)</td></tr>
                """
        }
        let omitted = results.runs.count - rows.count
        let more: Markup = omitted > 0 ? "<p class=\"note\">\(omitted) more runs are in the folder runs/.</p>" : ""
        let table: Markup =
            "<div class=\"scroll\"><table><thead><tr>\(heads)</tr></thead><tbody>\(rows)</tbody></table></div>\(more)"
        let body: Markup =
            results.runs.count > 60
            ? "<details><summary>All \(Words.grouped(results.runs.count)) runs</summary>\(table)</details>" : table
        return "<section id=\"runs\"><h2>Runs</h2>\(body)</section>"
    }

    /// What is needed to repeat the study: versions, digests, machine, resolved configuration.
    var record: Markup {
        guard let first = results.runs.first?.record else { return "" }
        let hosts = OrderedSet(results.runs.map(\.record.host).filter { !$0.isEmpty })
        let machines: [Markup] = hosts.prefix(8).map { host in
            let rows: [Markup] = host.map { "<dt>\($0.key)</dt><dd>\($0.value.plain)</dd>" }
            return "<dl class=\"facts\">\(rows)</dl>"
        }
        let plugins: [Markup] = OrderedSet(results.runs.flatMap(\.record.plugins)).map { plugin in
            "<tr><td>\(plugin.id)</td><td>\(plugin.version)</td>\(digest(plugin.manifestDigest))\(digest(plugin.libraryDigest))</tr>"
        }
        let origins: [Markup] = first.origins.map { "<tr><td class=\"mono\">\($0.key)</td><td>\($0.value)</td></tr>" }
        let configuration = first.configuration.text(pretty: true)
        let several: Markup =
            hosts.count > 1 ? "<p class=\"soft\">The runs come from \(hosts.count) machines or versions.</p>" : ""
        return """
            <section id="record"><h2>Reproducibility record</h2>
            \(several)\(machines)
            <details><summary>Plugins and their SHA-256 digests</summary><div class="scroll"><table>
            <thead><tr><th>plugin</th><th>version</th><th>manifest</th><th>library</th></tr></thead>
            <tbody>\(plugins)</tbody></table></div></details>
            <details><summary>Resolved configuration of the first run</summary><pre>\(configuration)</pre></details>
            <details><summary>Origin of each value</summary><div class="scroll"><table><tbody>\(origins)</tbody></table></div></details>
            <footer>Written by Syzygy \(first.host["version"]?.plain ?? ""). 
            Every number here comes from <span class="mono">runs/*/observations.csv</span>;
            the averages are in <span class="mono">table.csv</span>.</footer>
            </section>
            """
    }

    private func digest(_ text: String) -> Markup {
        "<td class=\"mono\" title=\"\(text)\">\(String(text.prefix(16)))\(text.count > 16 ? "…" : "")</td>"
    }
}
