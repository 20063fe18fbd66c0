import Studies

extension Comparison {
    /// What differs beside the numbers.
    package var factTable: TextTable {
        var table = TextTable(header: ["differs", "A", "B"], alignments: [.left, .left, .left])
        table.rows = facts
        table.footer = facts.isEmpty ? "(A and B differ in nothing that is recorded)" : ""
        return table
    }

    /// - Parameter showsP: with a column of p-values.
    package func table(showsP: Bool) -> TextTable {
        let names = SweepNames(keys)
        let usesLayers = rows.contains { !$0.series.layer.isEmpty }
        let heads = ["output"] + (usesLayers ? ["layer"] : []) + keys.map { names[$0] }
        var table = TextTable(
            header: heads + ["A", "B", "B − A", "N"] + (showsP ? ["p"] : []),
            alignments: heads.map { _ in .left } + [.decimal, .decimal, .decimal, .left] + (showsP ? [.decimal] : []))
        table.rows = rows.map { row in
            let name = row.series.name + (row.series.index.map { "[\($0)]" } ?? "")
            let values = row.keys.map { NumberText.label($0) }
            let p = showsP ? [row.difference?.p.map { NumberText.short($0, digits: 2) } ?? "–"] : []
            return [name] + (usesLayers ? [row.series.layer] : []) + values
                + [side(row.a, row), side(row.b, row), difference(row), count(row)] + p
        }
        table.fixed = heads.count
        table.footer = note(showsP)
        return table
    }

    private func side(_ side: Side, _ row: Row) -> String {
        side.value.n == 0 ? "–" : ResultTable.mean(side.value, side.numbers)
    }

    private func difference(_ row: Row) -> String {
        guard let difference = row.difference else { return "– (\(Aggregate([], missing: row.missing).reasons))" }
        return difference.pairs == 2
            ? ResultTable.list(row.differences) : MeasuredText(difference.value)?.plain ?? "–"
    }

    /// The number of pairs, or of values on both sides.
    private func count(_ row: Row) -> String {
        let missing = row.missing.isEmpty ? "" : " (\(Aggregate([], missing: row.missing).reasons))"
        let isPaired = row.difference.map { $0.pairs != nil } ?? (row.a.value.n == 0)
        return (isPaired ? "\(row.difference?.pairs ?? 0)" : "\(row.a.value.n), \(row.b.value.n)") + missing
    }

    private func note(_ showsP: Bool) -> String {
        guard !rows.isEmpty else {
            return (["no finished runs of both sides have recorded an output"] + notes).joined(separator: "\n")
        }
        let isPaired = rows.contains { $0.difference?.pairs != nil }
        let isUnpaired = rows.contains { $0.difference != nil && $0.difference?.pairs == nil }
        var sentences: [String] = []
        if isPaired { sentences.append("runs with one seed are pairs, N of them") }
        if isUnpaired { sentences.append("no seeds in common: Welch's interval, N values of each side") }
        if showsP { sentences.append("p: Student's t, two-sided, of no difference") }
        let hasIntervals = rows.contains { $0.difference?.halfWidth != nil && $0.difference?.pairs != 2 }
        var text = hasIntervals ? "(mean ± 95 %; " : "("
        text += sentences.joined(separator: "; ") + ")"
        let steps = Set(rows.map { "\($0.a.step ?? -1) \($0.b.step ?? -1)" })
        if rows.contains(where: { $0.a.step != $0.b.step }) {
            let first = rows.first { $0.a.step != $0.b.step }
            text +=
                "\nsteps differ: A at \(first?.a.step ?? 0), B at \(first?.b.step ?? 0)\(steps.count > 1 ? ", and others" : "")"
        }
        return ([text] + notes).joined(separator: "\n")
    }

    /// A line for each row: all digits.
    package func csv(showsP: Bool) -> String {
        var text = TableWriter.line(
            keys + [
                "probe", "output", "layer", "index", "step_a", "step_b", "mean_a", "mean_b", "difference",
                "half_width",
                "low", "high", "n_a", "n_b", "pairs", "degrees",
            ] + (showsP ? ["p"] : []) + ["missing", "reasons"])
        for row in rows {
            let key = [
                row.series.probe, row.series.output, row.series.layer, row.series.index.map(String.init) ?? "",
            ]
            let steps = [row.a.step, row.b.step].map { $0.map(String.init) ?? "" }
            let interval = row.difference?.value
            let numbers = [
                row.a.value.mean, row.b.value.mean, row.difference?.mean, interval?.halfWidth, interval?.low,
                interval?.high,
            ]
            let pairs = row.difference?.pairs.map(String.init) ?? ""
            let test = [row.difference?.degrees] + (showsP ? [row.difference?.p] : [])
            let reasons = Aggregate([], missing: row.missing)
            text += TableWriter.line(
                row.keys + key + steps + numbers.map { $0.map(CSV.number) ?? "" }
                    + ["\(row.a.value.n)", "\(row.b.value.n)", pairs] + test.map { $0.map(CSV.number) ?? "" }
                    + ["\(reasons.missingCount)", reasons.reasons])
        }
        return text
    }
}
