import Foundation

/// A plot with its own axes: curves, points and lines in colours, in units of data.
struct Panel {
    struct Mark {
        var colour: String
        /// What the pointer shows.
        var title: String
        /// What a page calls its curve among others.
        var name = ""
        /// Whose it is, where it is of one setting.
        var setting: Int?
        var curve: [LineChart.Point?] = []
        var points: [(x: Double, y: Double)] = []
        /// What the pointer shows over each of the points.
        var pointTitles: [String] = []
        var isDashed = false
        /// Edges of a band around a line, which is drawn with it.
        var fit: [(x: Double, y: Double, low: Double, high: Double)] = []
        /// The line itself is drawn within the plot area.
        func line(_ x: Scale, _ y: Scale) -> [(Double, Double)] {
            guard let first = fit.first, let last = fit.last else { return [] }
            let (a, b) = ((x.position(first.x), y.position(first.y)), (x.position(last.x), y.position(last.y)))
            // A straight line in the units of the axes: cut where it leaves them.
            var (begin, end) = (0.0, 1.0)
            for (from, to) in [(a.0, b.0), (a.1, b.1)] where from != to {
                let (low, high) = ((0 - from) / (to - from), (1 - from) / (to - from))
                (begin, end) = (max(begin, min(low, high)), min(end, max(low, high)))
            }
            func at(_ part: Double) -> (Double, Double) { (a.0 + (b.0 - a.0) * part, a.1 + (b.1 - a.1) * part) }
            return begin < end ? [at(begin), at(end)] : []
        }
    }

    var title = ""
    /// Whose it is, where it is of one setting.
    var setting: Int?
    /// Lines between title and plot: what was fitted, in its colour.
    var notes: [(text: String, colour: String)] = []
    var x: Scale
    var y: Scale
    var xTitle = ""
    var yTitle = ""
    var marks: [Mark] = []
    /// Of the lines fitted so far.
    var slopes: [Double] = []

    /// Marks with curves, in the order of their groups in the drawing.
    var curves: [Mark] { marks.filter { $0.curve.contains { $0 != nil } } }

    /// How much room the tick labels of the vertical axis take.
    var tickWidth: Double { (y.ticks().map { Plate.width($0.label.withMinus, size: 6.5) }.max() ?? 0) + 5 }

    /// Draws the panel with its plot area in a rectangle.
    func draw(
        on plate: inout Plate, left: Double, top: Double, width: Double, height: Double, labelsX: Bool,
        noteLines: Int
    ) {
        let head = top - 5 - 8 * Double(noteLines)
        plate.text(Plate.fitted(title, width + 8, size: 7.5), x: left, y: head, size: 7.5, isBold: true)
        for (i, note) in notes.enumerated() {
            // What does not fit loses its first word, which the caption has too.
            let isLong = Plate.width(note.text, size: 6) > width + 8
            let text = isLong ? String(note.text.drop { $0 != " " }.dropFirst()) : note.text
            plate.text(
                Plate.fitted(text, width + 8, size: 6), x: left, y: head + 8 * Double(i + 1), size: 6,
                colour: note.colour)
        }
        var grid: Markup = ""
        for tick in y.ticks() {
            let at = top + height * (1 - y.position(tick.value))
            grid += "<path d=\"M\(left) \(at)h\(width)\" stroke=\"\(Plate.grid)\" stroke-width=\".5\"/>"
            plate.text(tick.label.withMinus, x: left - 3.5, y: at + 2.3, size: 6.5, colour: Plate.soft, anchor: .end)
        }
        plate.add(grid)
        if y.low < 0, y.high > 0 {
            let zero = top + height * (1 - y.position(0))
            plate.line(left, zero, left + width, zero, colour: Plate.soft, width: 0.5)
        }
        drawX(on: &plate, left, top + height, width, labels: labelsX)
        let place = { (across: Double, up: Double) in (left + width * across, top + height * (1 - up)) }
        let sx = { (value: Double) in left + width * min(1, max(0, x.position(value))) }
        let sy = { (value: Double) in top + height * (1 - min(1, max(0, y.position(value)))) }
        for mark in marks { plate.add(draw(mark, sx, sy, place)) }
        if !yTitle.isEmpty {
            plate.text(
                Plate.fitted(yTitle, height + 20), x: left - tickWidth - 4, y: top + height / 2, colour: Plate.soft,
                anchor: .middle, turned: true)
        }
    }

    private func drawX(on plate: inout Plate, _ left: Double, _ bottom: Double, _ width: Double, labels: Bool) {
        plate.line(left, bottom, left + width, bottom, colour: Plate.soft)
        var free = -Double.infinity
        for tick in x.ticks(max(2, Int(width / 26))) {
            let at = left + width * x.position(tick.value)
            plate.line(at, bottom, at, bottom + 2.5, colour: Plate.soft)
            let label = tick.label.withMinus
            let half = Plate.width(label, size: 6.5) / 2
            guard labels, at - half >= free else { continue }
            plate.text(label, x: at, y: bottom + 9.5, size: 6.5, colour: Plate.soft, anchor: .middle)
            free = at + half + 2
        }
        guard labels, !xTitle.isEmpty else { return }
        plate.text(
            Plate.fitted(xTitle, width + 16), x: left + width / 2, y: bottom + 19, colour: Plate.soft, anchor: .middle
        )
    }

    private func draw(
        _ mark: Mark, _ sx: (Double) -> Double, _ sy: (Double) -> Double,
        _ place: (Double, Double) -> (Double, Double)
    ) -> Markup {
        var text: Markup = ""
        for stretch in mark.curve.split(whereSeparator: { $0 == nil }).map({ $0.compactMap(\.self) }) {
            guard stretch.count > 1 else {
                for point in stretch {
                    let (at, up) = (sx(point.x), sy(point.y))
                    text +=
                        "<path d=\"M\(at) \(sy(point.low))V\(sy(point.high))\" stroke=\"\(mark.colour)\" stroke-width=\".9\"/>"
                    text += "<circle cx=\"\(at)\" cy=\"\(up)\" r=\"1.6\" fill=\"\(mark.colour)\"/>"
                }
                continue
            }
            if stretch.contains(where: { $0.low < $0.high }) {
                let edge = stretch.map { (sx($0.x), sy($0.high)) } + stretch.reversed().map { (sx($0.x), sy($0.low)) }
                text += "<path d=\"\(Self.path(edge))Z\" fill=\"\(mark.colour)\" fill-opacity=\".18\"/>"
            }
            let dash: Markup = mark.isDashed ? " stroke-dasharray=\"2.4 1.8\"" : ""
            text +=
                """
                <path d="\(Self.path(stretch.map { (sx($0.x), sy($0.y)) }))" fill="none" stroke="\(mark.colour)" \
                stroke-width="1.1" stroke-linejoin="round"\(dash)/>
                """
        }
        if !mark.fit.isEmpty {
            let edge = mark.fit.map { (sx($0.x), sy($0.high)) } + mark.fit.reversed().map { (sx($0.x), sy($0.low)) }
            text += "<path d=\"\(Self.path(edge))Z\" fill=\"\(mark.colour)\" fill-opacity=\".16\"/>"
            let line = mark.line(x, y).map { place($0.0, $0.1) }
            text += "<path d=\"\(Self.path(line))\" fill=\"none\" stroke=\"\(mark.colour)\" stroke-width=\".9\"/>"
        }
        for (i, point) in mark.points.enumerated() {
            let title: Markup = i < mark.pointTitles.count ? "<title>\(mark.pointTitles[i])</title>" : ""
            text += "<circle cx=\"\(sx(point.x))\" cy=\"\(sy(point.y))\" r=\"1.3\">\(title)</circle>"
        }
        guard !text.text.isEmpty else { return "" }
        let fill: Markup = mark.points.isEmpty ? "" : " fill=\"\(mark.colour)\" fill-opacity=\".75\""
        return "<g\(fill)\(Plate.mark(of: mark.setting))><title>\(mark.title)</title>\(text)</g>"
    }

    private static func path(_ points: [(Double, Double)]) -> Markup {
        var text: Markup = ""
        for (i, point) in points.enumerated() { text += "\(Markup(raw: i == 0 ? "M" : "L"))\(point.0) \(point.1)" }
        return text
    }
}
