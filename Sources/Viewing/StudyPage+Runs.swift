import Manifests
import Reporting
import Studies

/// The table of all runs, in pages.
extension StudyPage {
    private static let rows = 100

    var runs: ViewPart {
        let names = SweepNames(study.sweptKeys)
        let planned = study.study["settings"]?.array ?? [], seeds = study.study["seeds"]?.array ?? []
        let isProduct = planned.count * seeds.count == study.runs.count
        let words = choice.find.lowercased().split(separator: " ")
        let all = study.runs.enumerated().map { index, run -> (label: String, run: LiveRun) in
            if let record = run.record { return (names.label(record.swept, seed: record.seed), run) }
            guard isProduct, let seed = seeds[index % seeds.count].int else { return (run.name, run) }
            return (names.label(planned[index / seeds.count].object ?? [:], seed: seed), run)
        }
        let found = all.filter { label, run in
            let text = "\(label) \(Self.word(run.status)) \(run.record?.message ?? "")".lowercased()
            return words.allSatisfy { text.contains($0) }
        }
        let pages = max(1, (found.count + Self.rows - 1) / Self.rows), page = min(choice.page, pages - 1)
        let rows: [Markup] = found.dropFirst(page * Self.rows).prefix(Self.rows).map { label, run in
            let record = run.record
            let steps = run.status.isDone || run.status == .failed || run.status == .interrupted
            return """
                <tr><th scope="row">\(label)</th><td class="\(run.status.rawValue)"><span class="mark"></span>\(Self.word(run.status))</td>\
                <td class="num">\(steps ? Words.grouped(run.step) : "")</td>\
                <td class="num">\(record.map { $0.seconds > 0 ? NumberText.duration($0.seconds) : "" } ?? "")</td>\
                <td class="wrap soft">\(String((record?.message ?? "").prefix(300)))</td></tr>
                """
        }
        let back: Markup = page > 0 ? "<button type=\"button\" data-page=\"\(page - 1)\">earlier</button>" : ""
        let forth: Markup = page + 1 < pages ? "<button type=\"button\" data-page=\"\(page + 1)\">later</button>" : ""
        let place: Markup =
            pages > 1 ? "<p class=\"note\">\(back) page \(page + 1) of \(pages) \(forth)</p>" : ""
        return part(
            "div", "runs",
            """
            <p class="soft small">\(found.count == all.count ? Words.count(all.count, "run") : "\(found.count) of \(Words.count(all.count, "run"))")</p>
            <div class="scroll"><table><thead><tr><th scope="col">run</th><th scope="col">status</th><th class="num" scope="col">steps</th>\
            <th class="num" scope="col">time</th><th scope="col"></th></tr></thead><tbody>\(rows)</tbody></table></div>\(place)
            """)
    }

    private static func word(_ status: RunRecord.Status) -> String { status == .planned ? "to run" : status.rawValue }
}
