extension ResultTable {
    /// What a cell says, with `[N=3]` where fewer values than elsewhere in the column stand behind it, or why there is none.
    func text(_ cell: Cell?, column: Int) -> String {
        guard let cell else { return "–" }
        let value = cell.value
        guard value.n > 0 || request.show == .n else { return "– (\(value.reasons))" }
        let text: String
        switch request.show {
        case .mean: text = Self.mean(value, cell.numbers)
        case .median: text = Self.median(value)
        case .values: text = Self.list(cell.numbers)
        case .n: return value.missing.isEmpty ? "\(value.n)" : "\(value.n) (\(value.reasons))"
        case .all:
            text =
                value.n < 3
                ? Self.mean(value, cell.numbers) : "\(Self.mean(value, cell.numbers)); \(Self.median(value))"
            return text + "; N=\(value.n)" + (value.missing.isEmpty ? "" : " (\(value.reasons))")
        }
        return value.n == counts[column] ? text : "\(text) [N=\(value.n)]"
    }

    /// `0.83 ± 0.01`; of two values both, since an interval of one degree of freedom is 12.7 standard errors to either side.
    static func mean(_ value: Aggregate, _ numbers: [Double]) -> String {
        guard value.n != 2 else { return list(numbers) }
        guard let text = MeasuredText(value) else { return "– (\(value.reasons))" }
        return ([text.plain] + [value.interval].compactMap(\.self)).joined(separator: " ")
    }

    /// `0.83 [0.79, 0.86]`: the median, the least and the greatest value.
    private static func median(_ value: Aggregate) -> String {
        guard let median = value.median, let least = value.min, let greatest = value.max else { return "–" }
        guard value.n > 1 else { return NumberText.short(median) }
        let texts = Self.texts([median, least, greatest])
        return "\(texts[0]) [\(texts[1]), \(texts[2])]"
    }

    /// `0.81, 0.83`
    static func list(_ numbers: [Double]) -> String { texts(numbers).joined(separator: ", ") }

    /// Three significant digits, or as many as tell different numbers apart, up to six.
    private static func texts(_ numbers: [Double]) -> [String] {
        let distinct = Set(numbers).count
        let digits = (3...6).first { digits in
            Set(numbers.map { NumberText.short($0, digits: digits) }).count == distinct
        }
        return numbers.map { NumberText.short($0, digits: digits ?? 6) }
    }

    /// What stands below the table.
    package var note: String {
        guard !rows.isEmpty else {
            return (["no finished run has recorded a number"] + withoutValues + unfinished).joined(separator: "\n")
        }
        var parts = [what]
        if rows.contains(where: { $0.cells.contains { $0?.value.interval != nil } }) {
            parts.append("[95 % over samples]")
        }
        parts.append(when)
        if !fixed.isEmpty { parts.append(fixed) }
        var text = "(" + parts.joined(separator: ", ")
        let few = columns.indices.filter { !hasUsualCount($0) && counts[$0] > 0 }
        if request.pivot.isEmpty, request.show != .n {
            for column in few { text += "; \(counts[column]) for \(labels[column])" }
        }
        text += ")"
        for sentence in withoutValues + unfinished { text += "\n" + sentence }
        return omitted > 0 ? text + "\n\(omitted) more rows in table.csv" : text
    }

    private var what: String {
        let seeds = "\(commonCount) seeds"
        switch request.show {
        case _ where commonCount <= 1 && request.show != .n: return isOfSeeds ? "single runs" : "one seed"
        case .mean: return commonCount == 2 ? "values of 2 seeds" : "mean ± 95 % over \(seeds)"
        case .median: return "median [least, greatest] over \(seeds)"
        case .values: return "values of \(seeds)"
        case .n: return "number of values (why others are missing)"
        case .all: return "mean ± 95 %; median [least, greatest]; number of values (why others are missing)"
        }
    }

    private var isOfSeeds: Bool { request.pivot.contains("seed") }

    private var when: String {
        switch request.moment {
        case .last: "at the last step"
        case .first: "at the first step"
        case .step(let step): "at step \(step)"
        }
    }

    /// `no value for fit.accuracy, fit.error: no_labels`, one for each reason.
    package var withoutValues: [String] {
        undefined.map { reason, outputs in
            let named = outputs.prefix(6).joined(separator: ", ")
            let more = outputs.count > 6 ? " and \(outputs.count - 6) more" : ""
            return "no value for \(named)\(more): \(reason)"
        }
    }

    package var table: TextTable {
        var table = TextTable(
            header: heads + columns,
            alignments: heads.map { _ in .left } + columns.map { _ in .decimal })
        table.rows = rows.map { row in
            row.keys + row.cells.enumerated().map { text($1, column: $0) }
        }
        table.footer = note
        table.fixed = heads.count
        return table
    }
}
