/// A table of plain text with numbers aligned at their decimal points.
package struct TextTable: Sendable {
    package enum Alignment: Sendable { case left, decimal }

    package var header: [String]
    package var alignments: [Alignment]
    package var rows: [[String]] = []
    package var footer: String = ""
    /// The first columns, which stand before each block where a table is too wide.
    package var fixed = 0

    package init(header: [String], alignments: [Alignment]) {
        self.header = header
        self.alignments = alignments
    }

    /// The table, lines separated by line feeds. Columns that do not fit into `width` follow in further blocks, each
    /// of which repeats the first `fixed` columns.
    package func plain(width: Int = 120) -> String {
        guard !rows.isEmpty else { return footer.isEmpty ? "" : footer + "\n" }
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
    struct Column {
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
    static func lead(_ text: String) -> Int {
        text.prefix { $0 != "." && $0 != " " }.count
    }
}

extension String {
    fileprivate var trimmingTrailingSpaces: String {
        String(self[..<(lastIndex { $0 != " " }.map(index(after:)) ?? startIndex)])
    }
}
