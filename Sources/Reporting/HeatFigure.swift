import Foundation
import Manifests
import OrderedCollections
import Studies

/// A number over two swept keys: a phase diagram.
struct HeatFigure {
    var drawing: Drawing

    init(_ data: FigureData) throws(Undecided) {
        let (figure, results) = (data.figure, data.results)
        guard let x = figure.x, let y = figure.y else { throw Undecided(message: "it has no two swept keys") }
        let columns = data.values(of: x), rows = data.values(of: y)
        guard columns.count * rows.count <= DrawnFigure.mostCells else {
            throw Undecided(message: "\(columns.count) by \(rows.count) cells cannot be read; 'where' chooses some")
        }
        // What else is swept has panels of its own.
        let rest = OrderedDictionary(grouping: data.settings) { data.rest($0, without: [x, y]) }
        let names = SweepNames([x, y])
        let outputs = figure.outputs.filter { data.series[$0] != nil }
        let short = data.shortNames(outputs)
        var panels: [CellPanel] = []
        var bars: [PanelGrid.Bar] = []
        var keys: [PanelGrid.Key] = []
        for output in outputs {
            let labels = results.outputs[output]?.labels ?? []
            let layers = data.layers.filter { data.series[output]?[$0] != nil }
            let values = layers.flatMap { layer in
                data.settings.compactMap { setting in
                    data.series[output]?[layer]?.first.flatMap { data.value($0, setting: setting)?.mean }
                }
            }
            guard !values.isEmpty else { continue }
            let colours = CellColours(values, labels: labels, axis: figure.axis, fits: true)
            let isNamed = outputs.count > 1 || !labels.isEmpty && layers == [""]
            let title = isNamed ? short[output] ?? output : ""
            for (others, settings) in rest {
                for layer in layers {
                    guard let series = data.series[output]?[layer]?.first else { continue }
                    let cells = rows.reversed().map { row in
                        columns.map { column in
                            let setting = settings.first {
                                results.value(of: x, setting: $0) == column
                                    && results.value(of: y, setting: $0) == row
                            }
                            var cell = colours.cell(
                                setting.flatMap { s in data.cellValues(series, s) },
                                "\(names[x])=\(NumberText.label(column)) \(names[y])=\(NumberText.label(row))")
                            cell.setting = setting
                            return cell
                        }
                    }
                    panels.append(
                        CellPanel(
                            title: [title, layer, others].filter { !$0.isEmpty }.joined(separator: " · "),
                            xTitle: names[x], yTitle: names[y],
                            columns: columns.map { NumberText.label($0).withMinus },
                            rows: rows.reversed().map { NumberText.label($0).withMinus }, cells: cells))
                }
            }
            if labels.isEmpty {
                let bar = colours.bar((outputs.count > 1 ? short[output] ?? output : output) + data.unit(output))
                if let same = bars.firstIndex(where: { $0.ticks == bar.ticks && $0.colours == bar.colours }) {
                    bars[same].title += ", \(bar.title)"
                } else {
                    bars.append(bar)
                }
            } else {
                // Outputs with codes of one meaning share the legend.
                keys += colours.keys.filter { key in !keys.contains { $0.text == key.text && $0.colour == key.colour }
                }
            }
        }
        guard !panels.isEmpty else { throw Undecided(message: "no run has a value of these outputs") }
        drawing = Drawing(panels, in: outputs.count, of: data.layers.count, figure)
        (drawing.grid.bars, drawing.grid.keys) = (bars, keys)
        let what = [
            bars.isEmpty ? nil : results.seedsNote(data.settings),
            keys.isEmpty ? nil : "what most runs have, and how many of them where they differ",
        ]
        drawing.notes =
            ["Cells: \(what.compactMap(\.self).joined(separator: "; of codes ")), \(data.when)."] + drawing.notes
        if panels.contains(where: { $0.cells.contains { $0.contains { $0.colour == nil } } }) {
            drawing.notes.append("Grey: no value.")
        }
    }
}

/// Numbers of layers by outputs, or of pairs of layers, for each setting.
struct MatrixFigure {
    var drawing: Drawing

    init(_ data: FigureData) throws(Undecided) {
        let (figure, results) = (data.figure, data.results)
        let outputs = figure.outputs.filter { data.series[$0] != nil }
        let values = outputs.flatMap { output in
            data.layers.flatMap { layer in
                data.settings.compactMap { setting in
                    data.series[output]?[layer]?.first.flatMap { data.value($0, setting: setting)?.mean }
                }
            }
        }
        guard !values.isEmpty else { throw Undecided(message: "no run has a value of these outputs") }
        let colours = CellColours(values, labels: [], axis: nil)
        let short = data.shortNames(outputs)
        let pairs = data.layers.map { $0.split(separator: ":").map(String.init) }
        let isOfPairs = pairs.allSatisfy { $0.count == 2 }
        var panels: [CellPanel] = []
        for setting in data.settings {
            let label = data.label(setting)
            if isOfPairs {
                let firsts = OrderedSet(pairs.map { $0[0] }), seconds = OrderedSet(pairs.map { $0[1] })
                for output in outputs {
                    let ofLayers = data.series[output]
                    let cells = firsts.map { first in
                        seconds.map { second in
                            let series = (ofLayers?["\(first):\(second)"] ?? ofLayers?["\(second):\(first)"])?.first
                            return colours.cell(
                                series.flatMap { data.cellValues($0, setting) }, "\(first), \(second)")
                        }
                    }
                    let name = outputs.count > 1 ? short[output] ?? output : ""
                    panels.append(
                        CellPanel(
                            title: [name, label].filter { !$0.isEmpty }.joined(separator: " · "), setting: setting,
                            columns: Array(seconds), rows: Array(firsts), cells: cells))
                }
            } else {
                let cells = data.layers.map { layer in
                    outputs.map { output in
                        colours.cell(
                            data.series[output]?[layer]?.first.flatMap { data.cellValues($0, setting) },
                            "\(layer) \(short[output] ?? output)")
                    }
                }
                panels.append(
                    CellPanel(
                        title: label, setting: setting, columns: outputs.map { short[$0] ?? $0 },
                        rows: data.layers.map { $0.isEmpty ? "network" : $0 }, cells: cells))
            }
        }
        drawing = Drawing(panels, in: 1, of: panels.count, figure)
        drawing.grid.bars = [colours.bar(data.common(outputs))]
        drawing.notes = ["Cells: \(results.seedsNote(data.settings)), \(data.when)."] + drawing.notes
    }
}

/// Colours of cells: a ramp of numbers, or one for each label.
struct CellColours {
    private let ramp: Palette.Ramp
    private let isLog: Bool
    private let labels: [String]
    private let palette: [Palette.Colour]

    /// - Parameter fits: the ramp goes from the least to the greatest value where those from 0 to 1 are close together.
    init(_ values: [Double], labels: [String], axis: Figure.Axis?, fits: Bool = false) {
        self.labels = labels
        palette = Palette.settings(labels.count, isOrdered: false).map(\.light)
        isLog = axis == .log
        if isLog {
            let logs = values.filter { $0 > 0 }.map { log10($0) }
            ramp = Palette.Ramp(low: logs.min() ?? 0, high: logs.max() ?? 1)
        } else if fits, let least = values.min(), let most = values.max(), least >= 0, most <= 1, most - least < 0.4 {
            ramp = Palette.Ramp(low: least, high: most)
        } else {
            ramp = Palette.Ramp(values)
        }
    }

    func cell(_ found: (value: Aggregate, all: [Double])?, _ name: String) -> CellPanel.Cell {
        guard let found else { return .init(colour: nil, text: "–", title: "\(name): no finished run") }
        guard let mean = found.value.mean else {
            return .init(colour: nil, text: "–", title: "\(name): \(found.value.reasons)")
        }
        guard labels.isEmpty else { return labelled(found.all, name) }
        let text =
            abs(mean) < 100 && (mean == 0 || abs(mean) >= 0.005)
            ? NumberText.fixed(mean, decimals: abs(mean) < 10 ? 2 : 1) : NumberText.short(mean, digits: 2)
        let colour = isLog ? mean > 0 ? ramp.colour(log10(mean)) : nil : ramp.colour(mean)
        return .init(
            colour: colour, text: text,
            title: "\(name): \(MeasuredText(found.value)?.plain ?? text) (N = \(found.value.n))")
    }

    /// The commonest code; of equally common ones the least.
    private func labelled(_ values: [Double], _ name: String) -> CellPanel.Cell {
        let codes = values.compactMap { Int(exactly: $0) }.filter(labels.indices.contains)
        let counts = labels.indices.map { code in codes.count { $0 == code } }
        guard let most = counts.max(), most > 0, let code = counts.firstIndex(of: most) else {
            return .init(colour: nil, text: "–", title: "\(name): no code among 0 to \(labels.count - 1)")
        }
        let share = most == codes.count ? "" : " \(most)/\(codes.count)"
        let all = zip(labels, counts).filter { $1 > 0 }.map { "\($0) \($1)" }.joined(separator: ", ")
        return .init(colour: palette[code], text: labels[code] + share, title: "\(name): \(all)")
    }

    func bar(_ title: String) -> PanelGrid.Bar {
        let count = Palette.Ramp.steps
        let colours = (0..<count).map { i in
            ramp.colour(ramp.low + (ramp.high - ramp.low) * Double(i) / Double(count - 1)).hex
        }
        let ticks = [ramp.low, (ramp.low + ramp.high) / 2, ramp.high].map { value in
            NumberText.rounded(isLog ? pow(10, value) : value, digits: 2).withMinus
        }
        return PanelGrid.Bar(title: title, colours: colours, ticks: ticks)
    }

    var keys: [PanelGrid.Key] {
        zip(labels, palette).map { PanelGrid.Key(text: $0, colour: $1.hex, shape: .square) }
    }
}

extension FigureData {
    /// A cell's mean, and what stands behind it.
    func cellValues(_ series: Int, _ setting: Int) -> (value: Aggregate, all: [Double])? {
        guard let value = value(series, setting: setting) else { return nil }
        let runs = results.finished(of: series, setting: setting)
        return (value, runs.compactMap { self.value(series, of: $0, setting: setting) })
    }

    /// The values of a swept key in these settings, numbers ascending.
    func values(of key: String) -> [String] {
        let found = OrderedSet(settings.compactMap { results.value(of: key, setting: $0) })
        guard found.allSatisfy({ Double($0) != nil }) else { return Array(found) }
        return found.sorted { (Double($0) ?? 0) < (Double($1) ?? 0) }
    }

    /// `seed=3`: the other swept keys of a setting.
    func rest(_ setting: Int, without keys: [String]) -> String {
        results.label(
            setting: setting, columns: results.sweptKeys.indices.filter { !keys.contains(results.sweptKeys[$0]) })
    }
}
