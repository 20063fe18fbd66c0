import Studies

/// Charts of a study's metrics, laid out by the structure of their names.
struct Figures {
    let results: StudyResults
    /// The settings drawn, spread over the sweep; a chart with more curves than this cannot be read.
    let shown: [Int]
    private let others: [Int]
    /// What the script of a page needs to draw other settings.
    let page = PageCharts()
    /// Whether bands are intervals of the mean; below four seeds they are the range from the least to the greatest.
    let bandsAreIntervals: Bool
    let steps: [Int]

    static let curveLimit = 12
    /// Steps of a curve that can be told apart.
    static let stepLimit = 200

    init(_ results: StudyResults) {
        self.results = results
        let shown = Figures.spread(Array(results.settings.indices))
        self.shown = shown
        others = shown.count == results.settings.count ? [] : results.settings.indices.filter { !shown.contains($0) }
        bandsAreIntervals = (results.finished.map(\.count).max() ?? 0) >= 4
        var steps = Set<Int32>()
        // One after the other the series of a run mostly repeat its steps.
        for run in results.sources {
            var recent = ArraySlice<Int32>()
            for s in results.series.indices {
                let own = run.curves.steps[run.curves.range(s)]
                if !own.elementsEqual(recent) { steps.formUnion(own) }
                recent = own
            }
        }
        self.steps = steps.sorted().map(Int.init)
    }

    /// Some of many, the first and the last among them.
    static func spread(_ settings: [Int], to limit: Int = curveLimit) -> [Int] {
        guard settings.count > limit else { return settings }
        return (0..<limit).map { settings[$0 * (settings.count - 1) / max(1, limit - 1)] }
    }

    /// What lines and bands are, and how many steps they have, in sentences.
    var legend: String { linesAndBands + thinned }

    private var thinned: String {
        steps.count > Figures.stepLimit ? " At most \(Figures.stepLimit) steps of each are drawn." : ""
    }

    private var linesAndBands: String {
        let seeds = results.finished.map(\.count).max() ?? 0
        let mean =
            seeds > 1 ? "Lines: mean over the finished runs of each setting." : "Lines: one run for each setting."
        guard seeds > 1 else {
            return results.bounds.isEmpty ? mean : mean + " Bands: 95 % interval over samples, where it was measured."
        }
        return mean + (bandsAreIntervals ? " Bands: 95 % interval of the mean." : " Bands: least to greatest value.")
    }

    func legend(of metrics: [Outline.Metric]) -> String { legend(of: metrics.flatMap { $0.cells.values }) }

    /// The same for these series, which may be of pairs of runs.
    func legend(of series: [Int]) -> String {
        guard series.contains(where: results.isOfPairs) else { return legend }
        return "Lines: mean over the pairs of runs of each setting. Bands: least to greatest value." + thinned
    }

    /// A row of charts with one scale: their titles and series.
    struct Block {
        var title: String
        var unit: String
        var charts: [(title: String, series: Int, baseline: Int?)]
        var scale: Scale?
    }

    /// Layers down, bindings across, one scale for all.
    func matrix(_ metric: Outline.Metric) -> Markup {
        var blocks = metric.layers.map { layer in
            Block(
                title: layer.isEmpty ? metric.probe : layer, unit: metric.name,
                charts: metric.bindings.compactMap { binding in
                    metric[binding, layer].map {
                        (binding, $0, metric.baseline[.init(binding: binding, layer: layer)])
                    }
                })
        }
        let scale = scale(of: blocks)
        for i in blocks.indices { blocks[i].scale = scale }
        return rows(blocks)
    }

    /// One row for each metric: its layers or probes across, a scale of its own.
    func rows(of metrics: [Outline.Metric]) -> Markup {
        var blocks: [Block] = []
        var positions: [String: Int] = [:]
        for metric in metrics {
            for binding in metric.bindings {
                let title = binding.isEmpty ? metric.name : "\(binding) · \(metric.name)"
                let key = title + " " + metric.variant
                if positions[key] == nil {
                    positions[key] = blocks.count
                    blocks.append(Block(title: title, unit: metric.variant, charts: []))
                }
                guard let position = positions[key] else { continue }
                let isShared = metrics.contains { $0.probe != metric.probe }
                for layer in metric.layers {
                    guard let series = metric[binding, layer], hasValue(series) else { continue }
                    let name = [isShared ? metric.probe : "", layer].filter { !$0.isEmpty }.joined(separator: " · ")
                    blocks[position].charts.append(
                        (name, series, metric.baseline[.init(binding: binding, layer: layer)]))
                }
            }
        }
        return rows(blocks.filter { !$0.charts.isEmpty })
    }

    func hasValue(_ metric: Outline.Metric) -> Bool { metric.cells.values.contains(where: hasValue) }

    private func hasValue(_ series: Int) -> Bool {
        shown.contains { setting in results.curve(series, setting: setting).contains { $0.value.n > 0 } }
    }

    private func rows(_ blocks: [Block]) -> Markup {
        let columns = min(6, blocks.map(\.charts.count).max() ?? 1)
        let drawn = blocks.map { block -> Markup in
            let scale = block.scale ?? self.scale(of: [block])
            let charts = block.charts.map {
                chart(title: $0.title, series: $0.series, baseline: $0.baseline, y: scale).svg
            }
            let unit = block.unit + note(scale)
            return """
                <div class="block"><h4>\(block.title) <span>\(unit)</span></h4><div class="charts">\(charts)</div></div>
                """
        }
        return "<div class=\"blocks n\(columns)\">\(drawn)</div>"
    }

    private func note(_ scale: Scale) -> String {
        switch scale.kind {
        case .log: " (log)"
        case .symlog: " (symlog)"
        default: ""
        }
    }

    private func scale(of blocks: [Block]) -> Scale {
        var values: [Double] = []
        var edges: [Double] = []
        for series in blocks.flatMap(\.charts).flatMap({ [$0.series] + ($0.baseline.map { [$0] } ?? []) }) {
            for setting in shown {
                for point in results.curve(series, setting: setting) {
                    guard let mean = point.value.mean else { continue }
                    values.append(mean)
                    let (low, high) = band(point.value, mean)
                    edges.append(low)
                    edges.append(high)
                }
            }
            // Those that a filter may bring into the chart: where they begin and end.
            for setting in others {
                let runs = results.finished(of: series, setting: setting)
                for step in [results.firstStep(series, setting: setting), results.lastStep(series, setting: setting)]
                {
                    guard let step, let mean = results.aggregate(series, at: step, runs: runs).mean else { continue }
                    values.append(mean)
                }
            }
        }
        return .values(values, edges: edges)
    }

    func band(_ value: Aggregate, _ mean: Double) -> (low: Double, high: Double) {
        Self.band(value, mean, areIntervals: bandsAreIntervals)
    }

    static func band(_ value: Aggregate, _ mean: Double, areIntervals: Bool) -> (low: Double, high: Double) {
        if areIntervals || value.n == 1, let low = value.low, let high = value.high { return (low, high) }
        return (value.min ?? mean, value.max ?? mean)
    }

    private func chart(title: String, series: Int, baseline: Int?, y: Scale) -> LineChart {
        let curves = shown.map { results.curve(series, setting: $0) }
        let recorded = Set(curves.flatMap { $0.map(\.step) })
        // Measured once: the settings side by side.
        let isOnce = recorded.count == 1
        let labels = shown.map { setting in
            results.valueLabels(setting: setting).joined(separator: ", ")
        }
        let x = isOnce ? Scale(kind: .categories(labels), low: 0, high: 1) : Scale.steps(steps)
        var drawn: [LineChart.Curve] = []
        for (i, setting) in shown.enumerated() where !curves[i].isEmpty {
            let points = curves[i].map { point -> LineChart.Point? in
                guard let mean = point.value.mean else { return nil }
                let (low, high) = band(point.value, mean)
                return LineChart.Point(x: Double(isOnce ? i : point.step), y: mean, low: low, high: high)
            }
            drawn.append(.init(style: i, title: tooltip(setting, curves[i]), points: points))
        }
        page.add(series: series, y: y, isOnce: isOnce)
        return LineChart(
            title: title, key: series, x: x,
            xTitle: isOnce ? results.shortKeys.joined(separator: ", ") : "training step", y: y,
            curves: drawn, baseline: isOnce ? [] : baseline.map(null) ?? [])
    }

    func tooltip(_ setting: Int, _ points: [StudyResults.Point]) -> String {
        guard let last = points.last else { return results.label(setting: setting) }
        let value = MeasuredText(last.value)?.plain ?? "no value (\(last.value.reasons))"
        return
            "\(results.label(setting: setting)): \(value) at step \(Words.grouped(last.step)) (N = \(last.value.n))"
    }

    /// The mean of a baseline over all settings drawn: it hardly depends on them.
    private func null(_ series: Int) -> [LineChart.Point?] {
        var sums: [Int: (sum: Double, count: Int)] = [:]
        for setting in shown {
            for point in results.curve(series, setting: setting) {
                guard let mean = point.value.mean else { continue }
                let (sum, count) = sums[point.step] ?? (0, 0)
                sums[point.step] = (sum + mean, count + 1)
            }
        }
        return sums.sorted { $0.key < $1.key }.map { step, value in
            let mean = value.sum / Double(value.count)
            return LineChart.Point(x: Double(step), y: mean, low: mean, high: mean)
        }
    }

    // MARK: - Matrices of last values

    /// One heat map for each setting, with one colour scale, and the scale.
    func heatMaps(_ metric: Outline.Metric) -> Markup {
        let cells = shown.map { setting in
            metric.layers.map { layer in
                metric.bindings.map { binding in
                    metric[binding, layer].flatMap { results.last($0, setting: setting)?.value }
                }
            }
        }
        guard let ramp = ramp(Array(metric.cells.values)) else { return "" }
        let key = page.addMap(
            ramp, metric.layers.map { layer in metric.bindings.map { metric[$0, layer] } })
        return maps(
            cells, key: key, rows: metric.layers.map { $0.isEmpty ? metric.probe : $0 }, columns: metric.bindings,
            ramp, metric.name
        ) { "\(metric.layers[$0]) \(metric.bindings[$1])" }
    }

    /// Of the last values of all settings; nil if there are none.
    func ramp(_ series: [Int]) -> Palette.Ramp? {
        let values = series.flatMap { series in
            results.settings.indices.compactMap { results.last(series, setting: $0)?.value.mean }
        }
        return values.isEmpty ? nil : Palette.Ramp(values)
    }

    /// - Parameter cells: of each setting that is shown, row by row.
    func maps(
        _ cells: [[[Aggregate?]]], key: Int, rows: [String], columns: [String], _ ramp: Palette.Ramp, _ name: String,
        label: (_ row: Int, _ column: Int) -> String
    ) -> Markup {
        // A setting without a finished run has no map.
        let drawn = shown.enumerated().filter { !results.finished[$1].isEmpty }.map { slot, setting -> Markup in
            let cells = cells[slot].enumerated().map { r, row in
                row.enumerated().map { c, value in cell(value, label(r, c)) }
            }
            return HeatMap(
                title: results.label(setting: setting), style: slot, key: key, rows: rows, columns: columns,
                cells: cells, palette: ramp
            ).svg
        }
        return "<div class=\"heats\">\(drawn)</div>\(colourScale(ramp, name))"
    }

    func cell(_ value: Aggregate?, _ name: String) -> HeatMap.Cell {
        guard let value else { return .init(value: nil, text: "–", title: "\(name): no finished run") }
        guard let mean = value.mean else { return .init(value: nil, text: "–", title: "\(name): \(value.reasons)") }
        let text =
            abs(mean) < 100 && (mean == 0 || abs(mean) >= 0.005)
            ? NumberText.fixed(mean, decimals: abs(mean) < 10 ? 2 : 1) : NumberText.short(mean, digits: 2)
        return .init(
            value: mean, text: text, title: "\(name): \(MeasuredText(value)?.plain ?? text) (N = \(value.n))")
    }

    func colourScale(_ ramp: Palette.Ramp, _ name: String) -> Markup {
        let width = 9.0 * Double(Palette.Ramp.steps)
        var text: Markup =
            "<svg class=\"ramp\" viewBox=\"0 0 \(width) 30\" width=\"\(width)\" height=\"30\" role=\"img\">"
        for i in 0..<Palette.Ramp.steps {
            text +=
                "<g class=\"\(ramp.letter.description)\(i)\"><rect x=\"\(9.0 * Double(i))\" y=\"0\" width=\"9.2\" height=\"9\"/></g>"
        }
        let middle = (ramp.low + ramp.high) / 2
        for (at, value, anchor) in [(0, ramp.low, "start"), (width / 2, middle, "middle"), (width, ramp.high, "end")]
        {
            text +=
                "<text x=\"\(at)\" y=\"24\" style=\"text-anchor:\(anchor)\">\(NumberText.rounded(value, digits: 2))</text>"
        }
        return "<div class=\"ramps\"><span>\(name)</span>\(text)</svg></div>"
    }
}
