import OrderedCollections

/// The headline numbers: which rows, which columns, and what they say.
struct Headline {
    struct Row {
        var probe: String
        /// `crh.forward_rga.raw.alpha`.
        var output: String
        var layer: String
        /// Its values are of pairs of runs, which are more than runs.
        var isOfPairs: Bool
        /// One for each setting; nil where no run finished or recorded it.
        var cells: [Aggregate?]
    }

    var columns: [String]
    var rows: [Row] = []
    /// For each setting the number of values behind most of its cells.
    var counts: [Int] = []
    /// The number of values behind most columns.
    var commonCount = 0
    private var omitted = 0
    /// Outputs without a value in any run, by reason.
    private(set) var undefined: OrderedDictionary<String, OrderedSet<String>> = [:]
    /// Settings none of whose runs finished.
    private var unfinished: [String] = []
    private let labels: [String]

    /// Metrics of whole networks first, then those of layers. Without `matrices`, of the matrices only what claims
    /// name.
    init(_ results: StudyResults, limit: Int = 60, matrices: Bool = true) {
        let claimed = Set(results.claims.flatMap(\.outputs))
        let metrics = Outline(results).headline(claimed: claimed, matrices: matrices)
        labels = results.settings.indices.map { results.label(setting: $0) }
        columns = results.settings.indices.map { setting in
            // With one swept key the first column names it and the others give values alone.
            results.sweptKeys.count == 1 && setting > 0
                ? results.valueLabels(setting: setting)[0] : results.label(setting: setting)
        }
        for metric in metrics.filter({ $0.layers == [""] }) + metrics.filter({ $0.layers != [""] }) {
            for (layer, binding) in metric.layers.flatMap({ layer in metric.bindings.map { (layer, $0) } }) {
                guard let series = metric[binding, layer] else { continue }
                let cells = results.settings.indices.map { results.last(series, setting: $0)?.value }
                guard cells.contains(where: { $0 != nil }) else { continue }
                guard cells.contains(where: { ($0?.n ?? 0) > 0 }) else {
                    let reasons = OrderedSet(cells.flatMap { $0?.missing.map(\.reason) ?? [] })
                    undefined[reasons.joined(separator: ", "), default: []].append(metric.outputName(binding))
                    continue
                }
                guard rows.count < limit else {
                    omitted += 1
                    continue
                }
                rows.append(
                    Row(
                        probe: metric.probe, output: metric.outputName(binding), layer: layer,
                        isOfPairs: results.isOfPairs(series), cells: cells))
            }
        }
        let usual = rows.contains { !$0.isOfPairs } ? rows.filter { !$0.isOfPairs } : rows
        counts = results.settings.indices.map { setting in Headline.mode(usual.compactMap { $0.cells[setting]?.n }) }
        commonCount = Headline.mode(counts)
        unfinished = results.settings.indices.filter { results.finished[$0].isEmpty }.map { labels[$0] }
    }

    /// The most frequent positive number, the largest among equals; 0 if there is none.
    private static func mode(_ numbers: [Int]) -> Int {
        Dictionary(grouping: numbers.filter { $0 > 0 }, by: \.self).max {
            ($0.value.count, $0.key) < ($1.value.count, $1.key)
        }?
        .key ?? 0
    }

    func hasUsualCount(_ setting: Int) -> Bool { counts[setting] == commonCount }

    /// What stands below the table.
    var note: String {
        guard !rows.isEmpty else {
            return (["no finished run has recorded a number"] + withoutValues).joined(separator: "\n")
        }
        let hasIntervals = rows.contains { $0.cells.contains { $0?.interval != nil } }
        var text = commonCount > 1 ? "(mean ± 95 % over \(commonCount) seeds" : "(one seed"
        if hasIntervals { text += ", [95 % over samples]" }
        text += ", at the last step"
        for setting in columns.indices where !hasUsualCount(setting) && !unfinished.contains(labels[setting]) {
            text += "; \(counts[setting]) for \(labels[setting])"
        }
        if !unfinished.isEmpty { text += "; no finished run for \(unfinished.joined(separator: ", "))" }
        text += ")"
        for sentence in withoutValues { text += "\n" + sentence }
        return omitted > 0 ? text + "\n\(omitted) more rows in table.csv" : text
    }

    /// `no value for fit.accuracy, fit.error: no_labels`, one for each reason.
    var withoutValues: [String] {
        undefined.map { reason, outputs in
            let named = outputs.prefix(6).joined(separator: ", ")
            let more = outputs.count > 6 ? " and \(outputs.count - 6) more" : ""
            return "no value for \(named)\(more): \(reason)"
        }
    }

    /// `0.83 ± 0.01`, with `[N=3]` where fewer values than elsewhere in the column stand behind it, or why there is
    /// none.
    func text(_ cell: Aggregate?, setting: Int) -> String {
        guard let cell else { return "–" }
        guard let text = MeasuredText(cell) else { return "– (\(cell.reasons))" }
        let shown = ([text.plain] + [cell.interval].compactMap(\.self)).joined(separator: " ")
        return cell.n == counts[setting] ? shown : "\(shown) [N=\(cell.n)]"
    }
}
