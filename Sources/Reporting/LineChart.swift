/// A small chart of curves with bands, one of several that share their axes.
///
/// The view box is the plot area alone: tick labels lie outside it, so a style sheet can show them on the first chart
/// of a row only and the plot areas still line up.
package struct LineChart {
    package struct Curve {
        /// Which colour: the position among the settings drawn.
        var style: Int
        var title: String
        /// Nil where there is no value: the line breaks.
        var points: [Point?]
        /// One run beside means.
        var isThin: Bool

        package init(style: Int, title: String, points: [Point?], isThin: Bool = false) {
            (self.style, self.title, self.points, self.isThin) = (style, title, points, isThin)
        }
    }

    package struct Point {
        package var x: Double
        package var y: Double
        /// The ends of the band; equal to y where there is none.
        var low: Double
        var high: Double
        /// Values behind y.
        var n: Int

        package init(x: Double, y: Double, low: Double, high: Double, n: Int = 1) {
            self.x = x
            self.y = y
            self.low = low
            self.high = high
            self.n = n
        }
    }

    var title: String
    /// What the script of a page calls it.
    var key: Int?
    var x: Scale
    var xTitle: String
    var y: Scale
    var curves: [Curve]
    /// What chance alone would give.
    var baseline: [Point?] = []

    package init(
        title: String, key: Int? = nil, x: Scale, xTitle: String = "training step", y: Scale, curves: [Curve],
        baseline: [Point?] = []
    ) {
        self.title = title
        self.key = key
        self.x = x
        self.xTitle = xTitle
        self.y = y
        self.curves = curves
        self.baseline = baseline
    }

    package var width = 170.0
    package var height = 108.0

    package var svg: Markup {
        let (w, h) = (width, height)
        let key: Markup = key.map { " data-c=\"\($0)\"" } ?? ""
        var text: Markup = "<svg class=\"chart\"\(key) viewBox=\"0 0 \(w) \(h)\" role=\"img\">"
        if !title.isEmpty { text += "<text class=\"ct\" x=\"0\" y=\"-8\">\(title)</text>" }
        var (grid, labels) = (Markup(""), Markup(""))
        for tick in y.ticks() {
            let at = h * (1 - y.position(tick.value))
            let isZero = tick.value == 0 && y.low < 0
            grid += "<path class=\"\(isZero ? "z" : "g")\" d=\"M0 \(at)H\(w)\"/>"
            labels += "<text x=\"-6\" y=\"\(at + 3.6)\">\(tick.label)</text>"
        }
        text += grid + "<g class=\"yt\">\(labels)</g>" + xAxis
        if !baseline.isEmpty {
            text +=
                "<g transform=\"scale(.1)\"><path class=\"n\" d=\"\(path(baseline))\"/><title>expected by chance</title></g>"
        }
        for curve in curves {
            text +=
                "<g class=\"s\(curve.style)\(curve.isThin ? " thin" : "")\" transform=\"scale(.1)\"><title>\(curve.title)</title>\(draw(curve))</g>"
        }
        return text + "</svg>"
    }

    private var xAxis: Markup {
        let (w, h) = (width, height)
        var lines: Markup = "<path class=\"a\" d=\"M0 \(h)H\(w)\"/>"
        if case .logWithZero = x.kind {
            // The axis breaks between 0 and the first positive step.
            let middle = w * Scale.zeroWidth / 2
            lines =
                """
                <path class="a" d="M0 \(h)H\(middle - 2)M\(middle + 2) \(h)H\(w)\
                M\(middle - 3.5) \(h + 3)l3 -6M\(middle + 0.5) \(h + 3)l3 -6"/>
                """
        }
        var labels: Markup = ""
        for tick in x.ticks(5) {
            let at = w * x.position(tick.value)
            lines += "<path class=\"a\" d=\"M\(at) \(h)v3.5\"/>"
            labels += "<text x=\"\(at)\" y=\"\(h + 14)\">\(tick.label)</text>"
        }
        return lines + "<g class=\"xt\">\(labels)</g><text class=\"xl\" x=\"\(w)\" y=\"\(h + 29)\">\(xTitle)</text>"
    }

    /// Curves of several points as line and band, of a single one as a dot with a bar.
    private func draw(_ curve: Curve) -> Markup {
        let present = curve.points.compactMap { $0 }
        if present.count == 1 {
            let (at, low, high) = (
                place(present[0].x, present[0].y), place(present[0].x, present[0].low),
                place(present[0].x, present[0].high)
            )
            return
                "<path class=\"l\" d=\"M\(at.x) \(low.y)V\(high.y)\"/><circle cx=\"\(at.x)\" cy=\"\(at.y)\" r=\"32\"/>"
        }
        let band = band(curve.points)
        return band.text.isEmpty
            ? "<path class=\"l\" d=\"\(path(curve.points))\"/>"
            : "<path class=\"b\" d=\"\(band)\"/><path class=\"l\" d=\"\(path(curve.points))\"/>"
    }

    /// Whole tenths of a unit, held within the plot area.
    private func place(_ xValue: Double, _ yValue: Double) -> (x: Int, y: Int) {
        let across = min(1, max(0, x.position(xValue)))
        let up = min(1, max(0, y.position(yValue)))
        return (Int((across * width * 10).rounded()), Int(((1 - up) * height * 10).rounded()))
    }

    private func path(_ points: [Point?]) -> Markup {
        var text = ""
        var previous: (x: Int, y: Int)?
        for point in points {
            guard let point else {
                previous = nil
                continue
            }
            let at = place(point.x, point.y)
            append(at, after: previous, to: &text)
            previous = at
        }
        return Markup(raw: text)
    }

    private func append(_ at: (x: Int, y: Int), after previous: (x: Int, y: Int)?, to text: inout String) {
        guard let previous else {
            text += "M\(at.x) \(at.y)"
            return
        }
        // Relative, and no space before a minus sign: half the bytes.
        let dy = at.y - previous.y
        text += "l\(at.x - previous.x)\(dy < 0 ? "" : " ")\(dy)"
    }

    /// One closed outline for each unbroken stretch of points that have an interval.
    private func band(_ points: [Point?]) -> Markup {
        var text = ""
        for stretch in points.split(whereSeparator: { $0 == nil }) {
            let points = stretch.compactMap { $0 }
            guard points.count > 1, points.contains(where: { $0.low < $0.high }) else { continue }
            let outline = points.map { place($0.x, $0.high) } + points.reversed().map { place($0.x, $0.low) }
            var previous: (x: Int, y: Int)?
            for at in outline {
                append(at, after: previous, to: &text)
                previous = at
            }
            text += "z"
        }
        return Markup(raw: text)
    }
}
