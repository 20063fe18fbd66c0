extension ReportSections {
    private static let rowLimit = 2000

    var runs: Markup {
        let heads: [Markup] = (results.shortKeys + ["seed", "status", "steps", "time", "steps/s", "message"]).map {
            "<th scope=\"col\"\(["steps", "time", "steps/s", "seed"].contains($0) ? Markup(" class=\"num\"") : "")>\($0)</th>"
        }
        let rows: [Markup] = results.runs.prefix(ReportSections.rowLimit).map { run in
            let values: [Markup] = results.settings[run.setting].map { "<td>\(NumberText.label($0))</td>" }
            let time = run.record["seconds"]?.double.map(NumberText.duration) ?? ""
            let speed = run.record["steps_per_second"]?.double.map { NumberText.grouped(Int(min(max($0, 0), 1e15))) } ?? ""
            return """
                <tr title="\(run.name)">\(values)<td class="num">\(run.seed)</td>\
                <td class="\(run.isFinished ? "" : "bad")">\(run.status)</td><td class="num">\(NumberText.grouped(run.step))</td>\
                <td class="num">\(time)</td><td class="num">\(speed)</td><td class="wrap">\(run.message)</td></tr>
                """
        }
        let omitted = results.runs.count - rows.count
        let more: Markup = omitted > 0 ? "<p class=\"note\">\(omitted) more runs are in the folder runs/.</p>" : ""
        let table: Markup = "<div class=\"scroll\"><table><thead><tr>\(heads)</tr></thead><tbody>\(rows)</tbody></table></div>\(more)"
        let body: Markup = results.runs.count > 60
            ? "<details><summary>All \(results.runs.count) runs</summary>\(table)</details>" : table
        return "<section id=\"runs\"><h2>Runs</h2>\(body)</section>"
    }

    /// What is needed to repeat the study: versions, digests, machine, resolved configuration.
    var record: Markup {
        guard let first = results.runs.first?.record else { return "" }
        let hosts = distinct("host")
        let machines: [Markup] = hosts.map { host in
            let rows: [Markup] = host.members.map { "<dt>\($0.key)</dt><dd>\($0.value.plain)</dd>" }
            return "<dl class=\"facts\">\(rows)</dl>"
        }
        let plugins: [Markup] = distinctPlugins.map { plugin in
            let digests: [Markup] = ["manifest_sha256", "library_sha256"].map {
                let digest = plugin[$0]?.text ?? ""
                return "<td class=\"mono\" title=\"\(digest)\">\(String(digest.prefix(16)))\(digest.count > 16 ? "…" : "")</td>"
            }
            return "<tr><td>\(plugin["id"]?.text ?? "")</td><td>\(plugin["version"]?.text ?? "")</td>\(digests)</tr>"
        }
        let origins: [Markup] = (first["origins"]?.members ?? []).map { "<tr><td class=\"mono\">\($0.key)</td><td>\($0.value.plain)</td></tr>" }
        let configuration = first["configuration"]?.pretty ?? ""
        let several: Markup = hosts.count > 1 ? "<p class=\"soft\">The runs come from \(hosts.count) machines or versions.</p>" : ""
        return """
            <section id="record"><h2>Reproducibility record</h2>
            \(several)\(machines)
            <details><summary>Plugins and their SHA-256 digests</summary><div class="scroll"><table><thead><tr><th>plugin</th><th>version</th><th>manifest</th><th>library</th></tr></thead><tbody>\(plugins)</tbody></table></div></details>
            <details><summary>Resolved configuration of the first run</summary><pre>\(configuration)</pre></details>
            <details><summary>Origin of each value</summary><div class="scroll"><table><tbody>\(origins)</tbody></table></div></details>
            <footer>Written by Syzygy \(first["host"]?["version"]?.text ?? ""). Every number here comes from <span class="mono">runs/*/observations.csv</span>; the averages are in <span class="mono">table.csv</span>.</footer>
            </section>
            """
    }

    private func distinct(_ key: String) -> [JSONTree] {
        var found: [JSONTree] = []
        for run in results.runs {
            if let tree = run.record[key], found.count < 8, !found.contains(tree) { found.append(tree) }
        }
        return found
    }

    private var distinctPlugins: [JSONTree] {
        var seen = Set<JSONTree>()
        var plugins: [JSONTree] = []
        for plugin in results.runs.flatMap({ $0.record["plugins"]?.items ?? [] }) where seen.insert(plugin).inserted {
            plugins.append(plugin)
        }
        return plugins
    }
}

extension JSONTree {
    /// Indented text, keys ascending.
    var pretty: String { pretty(indent: "") }

    private func pretty(indent: String) -> String {
        switch self {
        case .object(let members) where !members.isEmpty:
            let inner = indent + "  "
            let lines = self.members.map { "\(inner)\($0.key): \($0.value.isNested ? "\n" : "")\($0.value.pretty(indent: inner))" }
            return lines.joined(separator: "\n")
        case .array(let items): return "[" + items.map { $0.pretty(indent: indent) }.joined(separator: ", ") + "]"
        case .string(let text): return text
        default: return plain
        }
    }

    private var isNested: Bool { if case .object(let members) = self { !members.isEmpty } else { false } }
}
