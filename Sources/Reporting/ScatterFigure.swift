import Foundation
import Manifests
import Studies

/// Outputs against another one: a point for each run, or for each element of arrays, and lines through them.
struct ScatterFigure {
    var drawing: Drawing

    init(_ data: FigureData) throws(Undecided) {
        let figure = data.figure
        let results = data.results
        let partners = Dictionary(zip(figure.outputs, figure.against), uniquingKeysWith: { first, _ in first })
        let outputs = figure.outputs.filter { data.series[$0] != nil && data.series[partners[$0] ?? ""] != nil }
        guard !outputs.isEmpty else {
            throw Undecided(message: "no finished run has recorded \(figure.against.first ?? "")")
        }
        let isLog = figure.axis == .log
        var (missing, refused) = (0, 0)
        var found: [Facets.Item: [RunPoint]] = [:]
        /// Elements of both arrays at one place, of every finished run.
        func points(_ item: Facets.Item) -> [RunPoint] {
            if let known = found[item] { return known }
            let ys = data.series[item.output]?[item.layer] ?? []
            let other = data.series[partners[item.output] ?? ""]
            // A number of the whole network stands beside those of all layers.
            let xs = other?[item.layer] ?? other?[""] ?? []
            let byIndex = Dictionary(
                xs.map { (results.series[$0].index, $0) }, uniquingKeysWith: { first, _ in first })
            var points: [RunPoint] = []
            for y in ys {
                guard let x = byIndex[results.series[y].index] else { continue }
                for run in results.finished(of: y, setting: item.setting) {
                    guard let a = data.value(x, of: run, setting: item.setting),
                        let b = data.value(y, of: run, setting: item.setting)
                    else {
                        missing += 1
                        continue
                    }
                    guard !isLog || a > 0 && b > 0 else {
                        refused += 1
                        continue
                    }
                    points.append(RunPoint(x: a, y: b, run: run, index: results.series[y].index))
                }
            }
            found[item] = points
            return points
        }
        let facets = try Facets(data, outputs: outputs, shape: .dot, namesOutputs: false) { !points($0).isEmpty }
        let count = facets.panels.prefix(DrawnFigure.mostPanels).reduce(0) {
            $0 + $1.items.reduce(0) { $0 + points($1.item).count }
        }
        let stride = max(1, (count + DrawnFigure.mostPoints - 1) / DrawnFigure.mostPoints)
        let short = data.shortNames(outputs)
        var failures: [LineFit.Failure: Int] = [:]
        let panels = facets.panels.map { panel -> Panel in
            let all = panel.items.flatMap { points($0.item) }
            let names = Set(panel.items.map(\.item.output))
            let against = Set(names.compactMap { partners[$0] })
            let name =
                names.count == 1 ? names.first.map { (short[$0] ?? $0) + data.unit($0) } ?? "" : data.common(outputs)
            let other =
                against.count == 1
                ? against.first.map { lastWord($0) + data.unit($0) } ?? "" : data.common(Array(against))
            var shown = Panel(
                title: panel.title,
                x: .values(all.map(\.x), edges: [], kind: figure.axis ?? .linear),
                y: .values(all.map(\.y), edges: [], kind: figure.axis ?? .linear), xTitle: other, yTitle: name)
            for (colour, item) in panel.items {
                let own = points(item)
                let drawn = own.indices.filter { $0 % stride == 0 }.map { own[$0] }
                shown.marks.append(
                    Panel.Mark(
                        colour: facets.colours[colour], title: results.label(setting: item.setting),
                        setting: item.setting, points: drawn.map { ($0.x, $0.y) },
                        pointTitles: drawn.map { results.title(of: $0, item, partners[item.output] ?? "") }))
                if figure.fit == .lines {
                    fit(
                        own.map { ($0.x, $0.y) }, facets.keys.isEmpty ? Plate.ink : facets.colours[colour], isLog,
                        &shown, &failures)
                }
            }
            // More slopes than lines above a panel: where they lie.
            if shown.slopes.count > 4 {
                let ends = [shown.slopes.min(), shown.slopes.max()].compactMap {
                    $0.map { NumberText.rounded($0).withMinus }
                }
                shown.notes = [("slopes \(ends.joined(separator: " to "))", Plate.soft)]
            }
            if figure.fit == .line { fit(all.map { ($0.x, $0.y) }, Plate.ink, isLog, &shown, &failures) }
            return shown
        }
        drawing = Drawing(panels, in: facets.rows, of: facets.columns, figure)
        drawing.grid.keys = facets.keys
        let isArray = outputs.contains {
            data.series[$0]?.values.contains { $0.contains { results.series[$0].index != nil } } ?? false
        }
        var notes = [
            isArray ? "A point for each element and run, \(data.when)." : "A point for each run, \(data.when)."
        ]
        if figure.fit != nil {
            notes.append(
                "Lines: least squares\(isLog ? " of the logarithms" : ""); bands: 95 % intervals of the line; above panels the slope with its 95 % interval, R² and the number of points."
            )
        }
        if stride > 1 {
            notes.append(
                "One point in \(stride) of \(Words.grouped(count)) is drawn\(figure.fit == nil ? "" : "; lines take all")."
            )
        }
        if missing > 0 { notes.append("\(missing) without a value.") }
        if refused > 0 {
            notes.append("\(refused) that a logarithm cannot take \(refused == 1 ? "is" : "are") left out.")
        }
        for (reason, count) in failures.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            notes.append("No line for \(count): \(reason.rawValue).")
        }
        drawing.notes = notes + drawing.notes + facets.notes
    }
}

/// Both values of a run, or of one of its elements.
private struct RunPoint {
    var x: Double
    var y: Double
    /// Position among the sources.
    var run: Int
    var index: Int?
}

extension StudyResults {
    /// `lr=0.1 seed=3 [4]: accuracy 0.93, loss 0.21`
    fileprivate func title(of point: RunPoint, _ item: Facets.Item, _ other: String) -> String {
        let setting = sweptKeys.isEmpty ? "" : label(setting: item.setting) + " "
        let who = "\(setting)seed=\(sources[point.run].seed)\(point.index.map { " [\($0)]" } ?? "")"
        let (x, y) = (NumberText.rounded(point.x, digits: 4), NumberText.rounded(point.y, digits: 4))
        return "\(who): \(lastWord(item.output)) \(y), \(lastWord(other)) \(x)"
    }
}

/// `z` of `modes.a.z`.
private func lastWord(_ name: String) -> String { name.split(separator: ".").last.map(String.init) ?? name }

/// Adds a line with its band, and what it says.
private func fit(
    _ points: [(x: Double, y: Double)], _ colour: String, _ isLog: Bool, _ panel: inout Panel,
    _ failures: inout [LineFit.Failure: Int]
) {
    let places = isLog ? points.map { (x: log10($0.x), y: log10($0.y)) } : points
    let line: LineFit
    do throws(LineFit.Failure) { line = try LineFit(places) } catch {
        failures[error, default: 0] += 1
        return
    }
    let (least, most) = (places.map(\.x).min() ?? 0, places.map(\.x).max() ?? 1)
    func back(_ value: Double) -> Double { isLog ? pow(10, value) : value }
    let edge = (0...24).map { i -> (x: Double, y: Double, low: Double, high: Double) in
        let x = least + (most - least) * Double(i) / 24
        let (y, half) = (line.value(at: x), line.halfWidth(at: x))
        return (back(x), back(y), back(y - half), back(y + half))
    }
    let text = line.text(isLog: isLog)
    panel.marks.append(Panel.Mark(colour: colour, title: text, fit: edge))
    panel.notes.append((text, colour))
    panel.slopes.append(line.slope)
}

extension LineFit {
    /// `slope 1.02 ± 0.05  R² 0.98  n 31`; an exponent that is rounding is 0.
    func text(isLog: Bool) -> String {
        if isLog, abs(slope) + slopeHalfWidth < 1e-9 { return "slope 0 ± <1e−9  n \(n)" }
        let slope = slopeText.withMinus
        return "slope \(slope)  R² \(r2.map { NumberText.fixed($0, decimals: 2).withMinus } ?? "none")  n \(n)"
    }

    /// With the digits that its interval supports, three decimals at most.
    private var slopeText: String {
        guard abs(slope) < 1e5, abs(slope) >= 1e-3 || slopeHalfWidth >= 1e-3, slopeHalfWidth.isFinite else {
            var value = Aggregate([slope])
            value.halfWidth = slopeHalfWidth
            return MeasuredText(value)?.plain ?? "\(slope)"
        }
        guard slopeHalfWidth >= 5e-4 else { return NumberText.fixed(slope, decimals: 3) + " ± <0.001" }
        let power = Int(log10(slopeHalfWidth).rounded(.down))
        let startsWithOne = slopeHalfWidth / pow(10, Double(power)) < 1.95
        let decimals = min(3, max(0, -power + (startsWithOne ? 1 : 0)))
        return
            "\(NumberText.fixed(slope, decimals: decimals)) ± \(NumberText.fixed(slopeHalfWidth, decimals: decimals))"
    }
}

extension FigureData {
    /// A number at the moment of the figure, in one run.
    func value(_ series: Int, of run: Int, setting: Int) -> Double? {
        let step: Int? =
            switch figure.moment {
            case .last: results.lastStep(series, setting: setting)
            case .first: results.firstStep(series, setting: setting)
            case .step(let step): step
            }
        guard let step, case .number(let value) = results.value(series, at: step, run: run) else { return nil }
        return value
    }
}
