/// Numbers over training: lines of means with bands.
struct CurveFigure {
    var drawing: Drawing

    init(_ data: FigureData) throws(Undecided) {
        let figure = data.figure
        let results = data.results
        let charts = data.charts
        var curves: [Facets.Item: [StudyResults.Point]] = [:]
        let outputs = figure.outputs.filter { data.series[$0] != nil }
        func curve(_ item: Facets.Item) -> [StudyResults.Point] {
            if let known = curves[item] { return known }
            let series = data.series[item.output]?[item.layer]?.first
            let points = series.map { results.curve($0, setting: item.setting) } ?? []
            curves[item] = points
            return points
        }
        let facets = try Facets(data, outputs: outputs, shape: .line) { item in
            curve(item).contains { $0.value.n > 0 }
        }
        let drawn = facets.panels.flatMap { $0.items.map(\.item) }
        let steps = Set(drawn.flatMap { curve($0).map(\.step) }).sorted()
        // Measured once: settings side by side.
        let isOnce = steps.count == 1 && figure.colour != .layer && figure.colour != .output
        let x =
            isOnce
            ? Scale(
                kind: .categories(facets.settings.map { results.valueLabels(setting: $0).joined(separator: ", ") }),
                low: 0, high: 1)
            : Scale.steps(steps)
        var omitted = 0
        func points(_ item: Facets.Item) -> [LineChart.Point?] {
            curve(item).map { point in
                guard let mean = point.value.mean else { return nil }
                if figure.axis == .log, mean <= 0 {
                    omitted += 1
                    return nil
                }
                let (low, high) = charts.band(point.value, mean)
                let place = isOnce ? Double(facets.settings.firstIndex(of: item.setting) ?? 0) : Double(point.step)
                return LineChart.Point(x: place, y: mean, low: low, high: high, n: point.value.n)
            }
        }
        // Panels of one output share its scale.
        let marks = facets.panels.map { panel in
            panel.items.map { (item: $0.item, colour: $0.colour, curve: points($0.item)) }
        }
        func scale(_ outputs: Set<String>) -> Scale {
            let all = marks.flatMap {
                $0.filter { outputs.contains($0.item.output) }.flatMap { $0.curve.compactMap(\.self) }
            }
            return .values(all.map(\.y), edges: all.flatMap { [$0.low, $0.high] }, kind: figure.axis)
        }
        let common =
            figure.colour == .output
            ? data.common(outputs) : data.commonEnd(outputs) + (outputs.count == 1 ? data.unit(outputs[0]) : "")
        var scales: [Set<String>: Scale] = [:]
        let panels = zip(facets.panels, marks).map { panel, marks in
            let shown = figure.colour == .output ? Set(outputs) : Set(marks.map(\.item.output))
            let y = scales[shown] ?? scale(shown)
            scales[shown] = y
            return Panel(
                title: panel.title == common ? "" : panel.title, x: x, y: y,
                xTitle: isOnce ? results.shortKeys.joined(separator: ", ") : "training step", yTitle: common,
                marks: marks.map { mark in
                    Panel.Mark(
                        colour: facets.colours[mark.colour],
                        title: charts.tooltip(mark.item.setting, curve(mark.item)), name: facets.names[mark.colour],
                        setting: mark.item.setting, curve: mark.curve)
                })
        }
        drawing = Drawing(panels, in: facets.rows, of: facets.columns, figure)
        drawing.grid.keys = facets.keys
        drawing.grid.sharesX = true
        drawing.notes =
            [charts.legend(of: drawn.compactMap { data.series[$0.output]?[$0.layer]?.first })] + drawing.notes
            + facets.notes
        if omitted > 0 { drawing.notes.append("\(omitted) values that a logarithm cannot take are left out.") }
        let kinds = Set(
            panels.map { panel in
                switch panel.y.kind {
                case .symlog: "symlog"
                default: ""
                }
            })
        if kinds.contains("symlog") {
            drawing.notes.append("Axes with 0 between powers of ten are logarithmic on both sides of it.")
        }
    }
}

/// Arrays by index, at the first and the last step.
struct SpectrumFigure {
    var drawing: Drawing

    init(_ data: FigureData) throws(Undecided) {
        let figure = data.figure
        let results = data.results
        let outputs = figure.outputs.filter { data.series[$0] != nil }
        let isLog = figure.axis != .linear
        var omitted = 0
        func points(_ item: Facets.Item, _ step: (Int) -> Int?) -> [LineChart.Point?] {
            (data.series[item.output]?[item.layer] ?? []).compactMap { series in
                guard let at = step(series), let index = results.series[series].index else { return nil }
                let runs = results.finished(of: series, setting: item.setting)
                let value = results.aggregate(series, at: at, runs: runs)
                guard let mean = value.mean else { return nil }
                guard !isLog || mean > 0 else {
                    omitted += 1
                    return nil
                }
                return LineChart.Point(x: Double(index + 1), y: mean, low: mean, high: mean, n: value.n)
            }
        }
        let facets = try Facets(data, outputs: outputs, shape: .line) { item in
            (data.series[item.output]?[item.layer] ?? []).contains {
                results.last($0, setting: item.setting)?.value.mean != nil
            }
        }
        var hasFirst = false
        let marks = facets.panels.map { panel in
            panel.items.flatMap { colour, item -> [(item: Facets.Item, mark: Panel.Mark)] in
                let last = points(item) { results.lastStep($0, setting: item.setting) }
                let one = data.series[item.output]?[item.layer]?.first
                let steps = one.flatMap { ones in
                    results.firstStep(ones, setting: item.setting).flatMap { first in
                        results.lastStep(ones, setting: item.setting).map { (first, $0) }
                    }
                }
                var marks = [
                    (
                        item,
                        Panel.Mark(
                            colour: facets.colours[colour], title: results.label(setting: item.setting),
                            name: facets.names[colour], setting: item.setting, curve: last)
                    )
                ]
                if let steps, steps.0 < steps.1 {
                    hasFirst = true
                    let first = points(item) { results.firstStep($0, setting: item.setting) }
                    marks.insert(
                        (
                            item,
                            Panel.Mark(
                                colour: facets.colours[colour], title: "first step",
                                name: "\(facets.names[colour]), first step", setting: item.setting, curve: first,
                                isDashed: true)
                        ), at: 0)
                }
                return marks
            }
        }
        func scale(_ outputs: Set<String>) -> Scale {
            let all = marks.flatMap {
                $0.filter { outputs.contains($0.item.output) }.flatMap { $0.mark.curve.compactMap { $0?.y } }
            }
            return .values(all, edges: [], kind: isLog ? .log : .linear)
        }
        let last = marks.flatMap { $0.flatMap { $0.mark.curve.compactMap { $0?.x } } }.max() ?? 1
        let common = figure.colour == .output ? data.common(outputs) : data.commonEnd(outputs)
        let panels = zip(facets.panels, marks).map { panel, marks in
            Panel(
                title: panel.title == common ? "" : panel.title, x: Scale(kind: .linear, low: 1, high: max(2, last)),
                y: scale(figure.colour == .output ? Set(outputs) : Set(marks.map(\.item.output))), xTitle: "index",
                yTitle: common, marks: marks.map(\.mark))
        }
        drawing = Drawing(panels, in: facets.rows, of: facets.columns, figure)
        drawing.grid.keys = facets.keys
        drawing.grid.sharesX = true
        if hasFirst {
            drawing.grid.keys += [
                .init(text: "first step", colour: Plate.soft, shape: .dashes),
                .init(text: "last step", colour: Plate.soft, shape: .line),
            ]
        }
        drawing.notes = ["Each element: \(results.seedsNote(facets.settings))."] + drawing.notes + facets.notes
        if omitted > 0 { drawing.notes.append("\(omitted) values that a logarithm cannot take are left out.") }
    }
}
