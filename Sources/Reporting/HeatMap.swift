/// A matrix of coloured cells with their numbers printed.
struct HeatMap {
    struct Cell {
        var value: Double?
        var text: String
        /// What the pointer shows.
        var title: String
    }

    var title: String
    /// Position among the settings drawn, for the colour of the title's mark.
    var style: Int
    /// What the script of a page calls maps of these outputs.
    var key: Int?
    var rows: [String]
    var columns: [String]
    /// Row by row.
    var cells: [[Cell]]
    var palette: Palette.Ramp

    private static let cellWidth = 54.0
    private static let cellHeight = 30.0

    var svg: Markup {
        let labels = columns.map { HeatMap.lines($0) }
        let lineCount = labels.map(\.count).max() ?? 1
        let left = 12 + 6.3 * Double(min(16, rows.map(\.count).max() ?? 0))
        let top = 30 + 11 * Double(lineCount)
        let width = left + HeatMap.cellWidth * Double(columns.count)
        let height = top + HeatMap.cellHeight * Double(rows.count)
        let key: Markup = key.map { " data-m=\"\($0)\"" } ?? ""
        var text: Markup =
            "<svg class=\"heat\" data-slot=\"\(style)\"\(key) viewBox=\"0 0 \(width) \(height)\" style=\"max-width:\(width * 1.25)px\" role=\"img\">"
        text +=
            "<circle class=\"s\(style)\" cx=\"\(left + 5)\" cy=\"9\" r=\"4\"/><text class=\"ht\" x=\"\(left + 14)\" y=\"13\">\(title)</text>"
        for (c, lines) in labels.enumerated() {
            let x = left + HeatMap.cellWidth * (Double(c) + 0.5)
            for (i, line) in lines.enumerated() {
                let y = top - 6 - 11 * Double(lines.count - 1 - i)
                text += "<text class=\"hc\" x=\"\(x)\" y=\"\(y)\">\(line)</text>"
            }
        }
        for (r, row) in rows.enumerated() {
            let y = top + HeatMap.cellHeight * Double(r)
            let name = row.count > 16 ? row.prefix(15) + "…" : row
            text += "<text class=\"hr\" x=\"\(left - 7)\" y=\"\(y + 19)\">\(String(name))</text>"
            for (c, cell) in cells[r].enumerated() {
                let x = left + HeatMap.cellWidth * Double(c)
                let name = cell.value.map { palette.className($0) } ?? "q"
                text += "<g class=\"\(name)\"><title>\(cell.title)</title>"
                text +=
                    """
                    <rect x="\(x + 0.75)" y="\(y + 0.75)" width="\(HeatMap.cellWidth - 1.5)" \
                    height="\(HeatMap.cellHeight - 1.5)" rx="2"/>
                    """
                text += "<text x=\"\(x + HeatMap.cellWidth / 2)\" y=\"\(y + 19)\">\(cell.text)</text></g>"
            }
        }
        return text + "</svg>"
    }

    /// A name cut at its underscores and points into at most three short lines.
    static func lines(_ name: String) -> [String] {
        guard name.count > 8 else { return [name] }
        let words = name.split { $0 == "_" || $0 == "." }.map(String.init)
        var lines: [String] = []
        for word in words.isEmpty ? [name] : words {
            if let last = lines.last, last.count + word.count < 9 || lines.count == 3 {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(word)
            }
        }
        return lines.map { $0.count > 11 ? $0.prefix(10) + "…" : $0 }
    }
}
