/// A matrix of coloured cells with their numbers printed where they fit.
struct CellPanel: FigurePanel {
    struct Cell {
        /// nil: without a value.
        var colour: Palette.Colour?
        var text: String
        /// What the pointer shows.
        var title: String
        /// Whose it is, where it is of one setting.
        var setting: Int?
    }

    var title: String
    var setting: Int?
    var xTitle = ""
    var yTitle = ""
    var columns: [String]
    /// From the top.
    var rows: [String]
    var cells: [[Cell]]

    private static let size = 6.3

    var noteLines: Int { 0 }
    var leftRoom: Double {
        min(70, rows.map { Plate.width($0, size: 6.5) }.max() ?? 0) + 5 + (yTitle.isEmpty ? 0 : 9)
    }

    private func isTurned(_ width: Double) -> Bool {
        let cell = width / Double(max(1, columns.count))
        return columns.contains { Plate.width($0, size: 6.5) > cell - 2 }
    }

    private func labelHeight(_ width: Double) -> Double {
        isTurned(width) ? min(70, columns.map { Plate.width($0, size: 6.5) }.max() ?? 0) + 4 : 9
    }

    func bottomRoom(width: Double, labelsX: Bool) -> Double { labelHeight(width) + 4 + (xTitle.isEmpty ? 0 : 9) }

    func height(width: Double) -> Double {
        let count = Double(max(1, rows.count))
        return count * max(4, min(width / Double(max(1, columns.count)) * 0.75, 18, 400 / count))
    }

    func draw(
        on plate: inout Plate, left: Double, top: Double, width: Double, height: Double, labelsX: Bool,
        noteLines: Int
    ) {
        plate.text(Plate.fitted(title, width + 8, size: 7.5), x: left, y: top - 5, size: 7.5, isBold: true)
        let (cellWidth, cellHeight) = (width / Double(columns.count), height / Double(rows.count))
        let widest = cells.flatMap { $0.map { Plate.width($0.text, size: Self.size) } }.max() ?? 0
        // Numbers in some cells only would look like a pattern.
        let hasText = widest < cellWidth - 1 && cellHeight >= 8
        for (r, row) in cells.enumerated() {
            let y = top + cellHeight * Double(r)
            if cellHeight >= 6 || r % 4 == 0 {
                plate.text(
                    Plate.fitted(rows[r], 70, size: 6.5), x: left - 3, y: y + cellHeight / 2 + 2.3, size: 6.5,
                    colour: Plate.soft, anchor: .end)
            }
            for (c, cell) in row.enumerated() {
                let x = left + cellWidth * Double(c)
                plate.add("<g\(Plate.mark(of: cell.setting))><title>\(cell.title)</title>")
                plate.rectangle(
                    x + 0.3, y + 0.3, cellWidth - 0.6, cellHeight - 0.6, fill: cell.colour?.hex ?? "#f0f1f3")
                if hasText {
                    plate.text(
                        cell.text.withMinus, x: x + cellWidth / 2, y: y + cellHeight / 2 + 2.2, size: Self.size,
                        colour: cell.colour.map(Palette.ink) ?? Plate.soft, anchor: .middle)
                }
                plate.add("</g>")
            }
        }
        let turned = isTurned(width)
        for (c, label) in columns.enumerated() where !turned || cellWidth >= 7 || c % 4 == 0 {
            let x = left + cellWidth * (Double(c) + 0.5)
            if turned {
                plate.text(
                    Plate.fitted(label, 70, size: 6.5), x: x + 2.2, y: top + height + 3, size: 6.5,
                    colour: Plate.soft, anchor: .end, turned: true)
            } else {
                plate.text(label, x: x, y: top + height + 8, size: 6.5, colour: Plate.soft, anchor: .middle)
            }
        }
        if !xTitle.isEmpty {
            plate.text(
                Plate.fitted(xTitle, width + 20), x: left + width / 2, y: top + height + labelHeight(width) + 9,
                colour: Plate.soft, anchor: .middle)
        }
        if !yTitle.isEmpty {
            plate.text(
                Plate.fitted(yTitle, max(60, height + 20)), x: left - leftRoom + 7, y: top + height / 2,
                colour: Plate.soft, anchor: .middle, turned: true)
        }
    }
}
