/// A table of plain text with numbers aligned at their decimal points.
package struct TextTable: Sendable {
    package enum Alignment: Sendable { case left, decimal }

    package var header: [String]
    package var alignments: [Alignment]
    package var rows: [[String]] = []
    package var footer: String = ""

    package init(header: [String], alignments: [Alignment]) {
        self.header = header
        self.alignments = alignments
    }

    /// The table, lines separated by line feeds. Columns that do not fit into `width` follow in further blocks, each of which
    /// repeats the first `fixed` columns.
    package func plain(width: Int = 120, fixed: Int = 0) -> String {
        let columns = header.indices.map { column in
            Column(header[column], rows.map { $0[column] }, alignments[column])
        }
        var blocks: [[Column]] = []
        let lead = Array(columns.prefix(fixed))
        var block = lead
        for column in columns.dropFirst(fixed) {
            if block.count > fixed, (block + [column]).reduce(-2, { $0 + $1.width + 2 }) > width {
                blocks.append(block)
                block = lead
            }
            block.append(column)
        }
        blocks.append(block)
        var texts = blocks.map { block in
            (0...rows.count).map { line in
                block.map { $0.cells[line] }.joined(separator: "  ").trimmingTrailingSpaces
            }.joined(separator: "\n")
        }
        if !footer.isEmpty { texts[texts.count - 1] += "\n" + footer }
        return texts.joined(separator: "\n\n") + "\n"
    }

    /// A column padded to its width, its header first.
    private struct Column {
        var cells: [String]
        var width: Int

        init(_ header: String, _ rows: [String], _ alignment: Alignment) {
            var body = rows
            if alignment == .decimal {
                let lead = rows.map { TextTable.lead($0) }.max() ?? 0
                body = rows.map { String(repeating: " ", count: lead - TextTable.lead($0)) + $0 }
            }
            let width = ([header] + body).map(\.count).max() ?? 0
            cells = ([header] + body).map { $0 + String(repeating: " ", count: width - $0.count) }
            self.width = width
        }
    }

    /// The number of characters up to the decimal point of the first number, or to its last digit.
    private static func lead(_ text: String) -> Int {
        text.prefix { $0 != "." && $0 != " " }.count
    }
}

extension String {
    fileprivate var trimmingTrailingSpaces: String {
        String(self[..<(lastIndex { $0 != " " }.map(index(after:)) ?? startIndex)])
    }
}

extension TextTable {
    /// The headline numbers of a study at the last step: a row for each layer and output, a column for each setting.
    package init(_ results: StudyResults) {
        let headline = Headline(results)
        self.init(
            header: ["output", "layer"] + headline.columns,
            alignments: [.left, .left] + headline.columns.map { _ in .decimal })
        for row in headline.rows {
            rows.append([row.output, row.layer] + row.cells.map { headline.text($0) })
        }
        footer = headline.note
    }
}

/// The headline numbers: which rows, which columns, and what they say.
struct Headline {
    struct Row {
        var probe: String
        /// `crh.forward_rga.raw.alpha`.
        var output: String
        var layer: String
        /// One for each setting; nil where no run finished or recorded it.
        var cells: [Aggregate?]
    }

    var columns: [String]
    var rows: [Row] = []
    /// The number of values behind most cells.
    var commonCount = 0
    var note: String

    init(_ results: StudyResults, limit: Int = 60) {
        let outline = Outline(results.series)
        let shown = outline.headline(claimed: Set(results.claims.flatMap(\.outputs)))
        columns = results.settings.indices.map { setting in
            // With one swept key the first column names it and the others give values alone.
            results.sweptKeys.count == 1 && setting > 0
                ? NumberText.label(results.settings[setting][0]) : results.label(setting: setting)
        }
        var omitted = 0
        for metric in shown {
            for layer in metric.layers {
                for binding in metric.bindings {
                    guard let series = metric[binding, layer] else { continue }
                    let cells = results.settings.indices.map { results.last(series, setting: $0)?.value }
                    guard cells.contains(where: { $0 != nil }) else { continue }
                    if rows.count < limit {
                        rows.append(
                            Row(probe: metric.probe, output: metric.outputName(binding), layer: layer, cells: cells))
                    } else {
                        omitted += 1
                    }
                }
            }
        }
        var counts: [Int: Int] = [:]
        for cell in rows.flatMap(\.cells) { counts[cell?.n ?? 0, default: 0] += 1 }
        commonCount = counts.filter { $0.key > 0 }.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key ?? 0
        note = commonCount > 1 ? "(mean ± 95 % over \(commonCount) seeds, at the last step)" : "(one seed, at the last step)"
        if omitted > 0 { note += "\n\(omitted) more rows in table.csv" }
    }

    /// `0.83 ± 0.01`, with `[4]` where fewer values than usual stand behind it, or the reason why there is none.
    func text(_ cell: Aggregate?) -> String {
        guard let cell else { return "–" }
        guard let text = MeasuredText(cell) else { return "– (\(cell.reasons))" }
        return cell.n == commonCount ? text.plain : "\(text.plain) [N=\(cell.n)]"
    }
}
