/// What a figure shows in one of its places.
protocol FigurePanel {
    var title: String { get }
    /// Whose it is, where it is of one setting.
    var setting: Int? { get }
    /// Lines between the title and the plot area.
    var noteLines: Int { get }
    /// How much lies left of the plot area: tick labels and the title of the axis.
    var leftRoom: Double { get }
    func bottomRoom(width: Double, labelsX: Bool) -> Double
    /// Of a plot area of this width.
    func height(width: Double) -> Double
    func draw(
        on plate: inout Plate, left: Double, top: Double, width: Double, height: Double, labelsX: Bool,
        noteLines: Int)
}

/// Lays panels out in rows, with a legend above them.
struct PanelGrid {
    /// An entry of the legend.
    struct Key {
        enum Shape { case line, dashes, dot, square, none }
        var text: String
        var colour: String
        var shape: Shape
        /// Whose colour it is, where it is that of one setting.
        var setting: Int?
    }

    /// A ramp of colours with its ends.
    struct Bar {
        var title: String
        var colours: [String]
        var ticks: [String]
    }

    var panels: [any FigurePanel]
    var columns: Int
    var width: Double
    var keys: [Key] = []
    var bars: [Bar] = []
    /// All panels have one horizontal axis: only the lowest of each column labels it.
    var sharesX = false

    func svg(title: String) -> Markup {
        var plate = Plate()
        let rows = stride(from: 0, to: panels.count, by: columns).map {
            Array($0..<min($0 + columns, panels.count))
        }
        let rooms = (0..<columns).map { column in
            stride(from: column, to: panels.count, by: columns).map { panels[$0].leftRoom }.max() ?? 0
        }
        let (margin, gap) = (3.0, 9.0)
        let free = width - margin - rooms.reduce(0, +) - gap * Double(columns)
        let plot = max(24, free / Double(columns))
        var y = drawKeys(on: &plate, from: 3)
        y = drawBars(on: &plate, from: y)
        for (r, row) in rows.enumerated() {
            let notes = row.map { panels[$0].noteLines }.max() ?? 0
            let height = row.map { panels[$0].height(width: plot) }.max() ?? 0
            let top = y + (row.contains { !panels[$0].title.isEmpty } ? 14 : 6) + 8 * Double(notes)
            var left = margin
            var bottom = 0.0
            for (c, index) in row.enumerated() {
                left += rooms[c]
                let isLowest = index + columns >= panels.count
                let labels = !sharesX || isLowest
                let own = panels[index].height(width: plot)
                // Where a page finds the values of curves.
                let hasCurves = (panels[index] as? Panel)?.curves.isEmpty == false
                let box: Markup = hasCurves ? " data-box=\"\(left) \(top) \(plot) \(own)\"" : ""
                plate.add("<g\(Plate.mark(of: panels[index].setting))\(box)>")
                panels[index].draw(
                    on: &plate, left: left, top: top, width: plot, height: own, labelsX: labels, noteLines: notes)
                plate.add("</g>")
                // A row is as deep as its deepest labels, also where a panel below is missing.
                let room = panels[index].bottomRoom(width: plot, labelsX: labels)
                bottom = max(bottom, own + room - height)
                left += plot + gap
            }
            y = top + height + bottom + (r + 1 < rows.count ? 4 : 2)
        }
        return plate.svg(title: title, width: width, height: y)
    }

    /// Entries side by side, in as many lines as they need.
    private func drawKeys(on plate: inout Plate, from y: Double) -> Double {
        guard !keys.isEmpty else { return y }
        var (x, top) = (4.0, y)
        for key in keys {
            let mark = key.shape == .none ? 0 : key.shape == .line || key.shape == .dashes ? 15.0 : 8.0
            let length = mark + Plate.width(key.text) + 8
            if x > 4, x + length > width - 3 { (x, top) = (4, top + 10) }
            let middle = top + 5
            plate.add("<g\(Plate.mark(of: key.setting, "data-key"))>")
            switch key.shape {
            case .line: plate.line(x, middle, x + 12, middle, colour: key.colour, width: 1.4)
            case .dashes:
                plate.line(x, middle, x + 3, middle, colour: key.colour, width: 1.2)
                plate.line(x + 4.5, middle, x + 7.5, middle, colour: key.colour, width: 1.2)
                plate.line(x + 9, middle, x + 12, middle, colour: key.colour, width: 1.2)
            case .dot: plate.add("<circle cx=\"\(x + 3)\" cy=\"\(middle)\" r=\"2\" fill=\"\(key.colour)\"/>")
            case .square: plate.rectangle(x, middle - 3, 6, 6, fill: key.colour)
            case .none: break
            }
            plate.text(Plate.fitted(key.text, width - 30), x: x + mark, y: middle + 2.5)
            plate.add("</g>")
            x += length
        }
        return top + 12
    }

    private func drawBars(on plate: inout Plate, from y: Double) -> Double {
        var top = y
        let start = 8 + min(width * 0.45, bars.map { Plate.width($0.title) }.max() ?? 0)
        for bar in bars {
            plate.text(Plate.fitted(bar.title, width * 0.45), x: 4, y: top + 7.5)
            let length = min(130, width - start - 12)
            let step = length / Double(max(1, bar.colours.count))
            for (i, colour) in bar.colours.enumerated() {
                plate.rectangle(start + step * Double(i), top + 1, step + 0.2, 6, fill: colour)
            }
            for (i, tick) in bar.ticks.enumerated() {
                let at = start + length * Double(i) / Double(max(1, bar.ticks.count - 1))
                plate.text(
                    tick, x: at, y: top + 14, size: 6.3, colour: Plate.soft,
                    anchor: i == 0 ? .start : i + 1 == bar.ticks.count ? .end : .middle)
            }
            top += 18
        }
        return top
    }
}

extension Panel: FigurePanel {
    var noteLines: Int { notes.count }
    var leftRoom: Double { tickWidth + (yTitle.isEmpty ? 0 : 9) }
    func bottomRoom(width: Double, labelsX: Bool) -> Double { labelsX ? (xTitle.isEmpty ? 12 : 22) : 4 }
    func height(width: Double) -> Double { max(48, min(105, width * 0.72)) }
}
