import Studies

/// What is drawn of an output while runs go, for pages and terminals: of each setting the mean over its finished runs, as in the report, and beside it
/// each run that has not finished, for which there is no mean at equal steps yet.
package struct LiveChart: Sendable {
    package struct Line: Sendable {
        /// Position in `colours`.
        package var style: Int
        /// Position in `shown`.
        package var setting: Int
        package var label: String
        /// Of one run that has not finished.
        package var isRun: Bool
        package var points: [LineChart.Point?]
    }

    /// One layer.
    package struct Panel: Sendable {
        package var title: String
        package var x: Scale
        package var y: Scale
        package var lines: [Line]
    }

    package struct Setting: Sendable {
        package var style: Int
        package var label: String
        package var finished: Int
        package var running: Int
        /// Of the first panel: the mean, or the newest value of a run.
        package var last: String
        /// Why there is no value at all.
        package var reasons = ""
    }

    package let output: String
    package let unit: String?
    /// All layers that have values.
    package let layers: [String]
    package private(set) var panels: [Panel] = []
    package private(set) var shown: [Setting] = []
    /// What is not drawn, and what bands are.
    package private(set) var notes: [String] = []

    package static let mostSettings = Figures.curveLimit
    private static let mostRuns = 40

    /// - Parameters:
    ///   - layer: nil: all.
    ///   - limit: of panels.
    package init(
        _ results: StudyResults, output: String, layer: String? = nil, _ selection: Selection, limit: Int = 12
    ) {
        self.output = output
        unit = results.outputs[output]?.unit
        let series = results.series.indices.filter {
            results.series[$0].name == output && results.series[$0].index == nil
        }
        layers = series.map { results.series[$0].layer }
        let figures = Figures(results)
        let (settings, left) = Self.settings(results, selection, series)
        let wanted = series.filter { layer == nil || results.series[$0].layer == layer }
        let drawn = wanted.prefix(limit).map { number in
            (number, settings.map { lines(of: number, $0, results, figures, selection) })
        }
        let points = drawn.flatMap { $0.1.joined().flatMap { $0.points.compactMap(\.self) } }
        let y = Scale.values(points.map(\.y), edges: points.flatMap { [$0.low, $0.high] })
        let x = Scale.steps(Set(points.map { Int($0.x) }).sorted())
        panels = drawn.map { number, lines in
            Panel(title: results.series[number].layer, x: x, y: y, lines: Self.bounded(Array(lines.joined())))
        }
        shown = zip(settings, drawn.first?.1 ?? []).map { setting, lines in
            let runs = results.members[setting.setting].filter { selection.contains(seed: results.runs[$0].seed) }
            return Setting(
                style: setting.style, label: results.label(setting: setting.setting),
                finished: runs.count { results.runs[$0].isFinished },
                running: runs.count { results.runs[$0].record.status == .running },
                last: lines.first.flatMap { $0.points.last ?? nil }.map { NumberText.rounded($0.y) } ?? "")
        }
        for (index, lines) in settings.indices.map({ index in (index, drawn.flatMap { $0.1[index] }) })
        where lines.allSatisfy({ $0.points.allSatisfy { $0 == nil } }) {
            shown[index].reasons = Self.reasons(of: wanted, setting: settings[index].setting, results)
        }
        if points.isEmpty { panels = [] }
        notes =
            [
                shown.contains { $0.finished > 1 } ? figures.legend : nil,
                panels.contains { $0.lines.contains(where: \.isRun) }
                    ? "Thin lines: runs that have not finished." : nil,
                wanted.count > limit ? "\(wanted.count - limit) more layers are not shown." : nil,
                left > 0 ? "\(left) more settings are not shown." : nil,
                points.isEmpty && !shown.isEmpty
                    ? "No value: \(Set(shown.map(\.reasons)).sorted().joined(separator: ", "))." : nil,
            ].compactMap(\.self)
    }

    /// Those with values, and how many more there are: where there are too many those at work, and some spread over the others. A setting has one colour as long as the selection stays.
    private static func settings(
        _ results: StudyResults, _ selection: Selection, _ series: [Int]
    ) -> (shown: [(setting: Int, place: Int, style: Int)], left: Int) {
        let count = selection.settings.count
        let isOrdered =
            results.sweptKeys.count == 1 && selection.settings.allSatisfy { Double(results.settings[$0][0]) != nil }
        let isSequence = count > Palette.categorical.count || isOrdered && count > 4
        let all = selection.settings.enumerated().map { place, setting in
            let part = Double(place) / Double(max(1, count - 1))
            let style = isSequence ? Palette.categorical.count + Int((part * sequence).rounded()) : place
            return (setting: setting, place: place, style: style)
        }
        let begun = all.filter { item in
            results.members[item.setting].contains { run in
                selection.contains(seed: results.runs[run].seed)
                    && series.contains { !results.runs[run].curves.range($0).isEmpty }
            }
        }
        guard begun.count > mostSettings else { return (begun, 0) }
        let active = begun.filter { item in
            results.members[item.setting].contains { results.runs[$0].record.status == .running }
        }.prefix(mostSettings)
        let places = Set(active.map(\.place))
        let others = begun.filter { !places.contains($0.place) }
        let room = mostSettings - active.count
        let spread = (0..<room).map { others[$0 * (others.count - 1) / max(1, room - 1)] }
        return ((active + spread).sorted { $0.place < $1.place }, begun.count - mostSettings)
    }

    private static func reasons(of series: [Int], setting: Int, _ results: StudyResults) -> String {
        let codes = results.members[setting].flatMap { run in
            series.flatMap { number in
                let curves = results.runs[run].curves
                return curves.range(number).map { Int(curves.reasons[$0]) }
            }
        }
        return Set(codes).subtracting([0]).map { results.reasons[$0] }.sorted().joined(separator: ", ")
    }

    private static let sequence = 20.0

    /// The categories, then a sequence, on light and on dark pages.
    static let colours: [(light: Palette.Colour, dark: Palette.Colour)] =
        Palette.settings(Palette.categorical.count, isOrdered: false)
        + Palette.settings(Int(sequence) + 1, isOrdered: true)

    /// The mean first.
    private func lines(
        of series: Int, _ place: (setting: Int, place: Int, style: Int), _ results: StudyResults, _ figures: Figures,
        _ selection: Selection
    ) -> [Line] {
        let setting = place.setting
        let mean = selection.seeds == nil ? results.curve(series, setting: setting) : []
        var lines: [Line] = []
        if !mean.isEmpty {
            let points = mean.map { point -> LineChart.Point? in
                guard let value = point.value.mean else { return nil }
                let (low, high) = figures.band(point.value, value)
                return LineChart.Point(x: Double(point.step), y: value, low: low, high: high)
            }
            lines.append(
                Line(
                    style: place.style, setting: place.place, label: figures.tooltip(setting, mean), isRun: false,
                    points: points))
        }
        for index in results.members[setting] where mean.isEmpty || !results.runs[index].isFinished {
            let run = results.runs[index]
            let range = run.curves.range(series)
            guard !range.isEmpty, selection.contains(seed: run.seed) else { continue }
            let label = [results.sweptKeys.isEmpty ? "" : results.label(setting: setting), "seed=\(run.seed)"]
            let points = range.map { row -> LineChart.Point? in
                let (x, y) = (Double(run.curves.steps[row]), run.curves.values[row])
                return y.isNaN ? nil : LineChart.Point(x: x, y: y, low: y, high: y)
            }
            lines.append(
                Line(
                    style: place.style, setting: place.place,
                    label: label.filter { !$0.isEmpty }.joined(separator: " ") + ", \(run.record.status.rawValue)",
                    isRun: !run.isFinished, points: points))
        }
        return lines
    }

    /// Means stay.
    private static func bounded(_ lines: [Line]) -> [Line] {
        lines.filter { !$0.isRun } + lines.filter(\.isRun).prefix(mostRuns)
    }
}

extension LiveChart {
    /// The charts of a page: one as wide as the text, several beside each other.
    package var svg: [Markup] {
        panels.map { panel in
            // What lies above is drawn last.
            let curves = panel.lines.sorted { $0.isRun && !$1.isRun }.map {
                LineChart.Curve(style: $0.style, title: $0.label, points: $0.points, isThin: $0.isRun)
            }
            var chart = LineChart(title: panel.title, x: panel.x, y: panel.y, curves: curves)
            if panels.count == 1 { (chart.width, chart.height) = (560, 250) }
            return chart.svg
        }
    }

    /// The style sheet of the report, with the colours of these charts.
    package static var styleSheet: String { Style.sheet(colours: colours, figures: []) }
}

extension LiveChart {
    /// The nearest of the 6 × 6 × 6 colours of terminals.
    package static func terminalColour(_ style: Int) -> Int {
        let colour = colours[style % colours.count].dark
        return [colour.red, colour.green, colour.blue].reduce(0) { $0 * 6 + Int(max(0, ($1 - 35) / 40)) } + 16
    }
}
