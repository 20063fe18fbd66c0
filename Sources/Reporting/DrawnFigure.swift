import Manifests
import OrderedCollections
import Studies

/// A figure as it stands in its file, in the report and beside findings.
package struct DrawnFigure: Sendable {
    package let figure: Figure
    /// nil: there is nothing to draw; the note says why.
    package let svg: Markup?
    /// What lines, bands and colours are, and what is left out.
    package let note: String
    /// Panels with curves, whose values a page shows under the pointer.
    let panels: [Panel]

    package var slug: String { figure.slug }

    /// Panels, colours and points that a reader can still tell apart.
    static let mostPanels = 24
    static let mostColours = 12
    static let mostPoints = 2000
    static let mostCells = 2500

    /// - Parameter charts: of the results, which all figures share.
    init(_ figure: Figure, _ charts: Figures) {
        self.figure = figure
        do throws(Undecided) {
            let data = try FigureData(figure, charts)
            let drawing =
                switch figure.kind {
                case .curves: try CurveFigure(data).drawing
                case .heat: try HeatFigure(data).drawing
                case .matrix: try MatrixFigure(data).drawing
                case .scatter: try ScatterFigure(data).drawing
                case .spectrum: try SpectrumFigure(data).drawing
                }
            svg = drawing.grid.svg(title: figure.title)
            note = drawing.notes.joined(separator: " ")
            panels = drawing.grid.panels.compactMap { $0 as? Panel }.filter { !$0.curves.isEmpty }
        } catch {
            (svg, panels) = (nil, [])
            note = "Nothing to draw: \(error.message)."
        }
    }

    /// All figures of a study and of its manifests.
    package static func all(_ results: StudyResults) -> [DrawnFigure] {
        let charts = Figures(results)
        return results.figures.map { DrawnFigure($0, charts) }
    }

    /// For `figures/<slug>.svg`.
    package var file: String? { svg.map { "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\($0.text)\n" } }
}

/// Panels and sentences of a figure.
struct Drawing {
    var grid: PanelGrid
    var notes: [String]

    init(_ panels: [any FigurePanel], in rows: Int, of columns: Int, _ figure: Figure) {
        let kept = Array(panels.prefix(DrawnFigure.mostPanels))
        let width = figure.width ?? (kept.count > 1 ? .page : .column)
        let most = width == .page ? 4 : 2
        // A table of outputs and layers keeps its rows, two of them side by side where they fit; everything else is wrapped.
        let isTable = rows > 1 && columns > 1 && columns <= most && panels.count == rows * columns
        let wrapped = kept.count <= most ? kept.count : kept.count <= 6 && most > 3 ? 3 : most
        let across = max(1, isTable ? (columns * 2 <= most ? columns * 2 : columns) : wrapped)
        grid = PanelGrid(panels: kept, columns: across, width: width == .page ? Plate.page : Plate.column)
        notes = []
        // One title of all vertical axes stands on the left.
        if let plain = kept as? [Panel], Set(plain.map(\.yTitle)).count == 1 {
            grid.panels = plain.enumerated().map { i, panel in
                var panel = panel
                if i % across != 0 { panel.yTitle = "" }
                return panel
            }
        }
        if kept.count < panels.count {
            notes.append("\(panels.count - kept.count) more panels are left out; 'layers' or 'where' choose others.")
        }
    }
}

/// What shares a panel, and what has panels of its own: outputs, layers and settings in the order of panels and of colours.
struct Facets {
    struct Item: Hashable {
        var output: String
        var layer: String
        var setting: Int
    }

    /// Of each panel the items by colour; panels without any are left out.
    var panels: [(title: String, items: [(colour: Int, item: Item)])] = []
    var rows = 1
    var columns = 1
    var keys: [PanelGrid.Key] = []
    var colours: [String] = []
    /// What has a colour of its own.
    var names: [String] = []
    var settings: [Int]
    var notes: [String] = []

    /// - Parameter outputs: those drawn; `has` says which of them have values.
    /// - Parameter namesOutputs: titles of panels name them.
    init(
        _ data: FigureData, outputs: [String], shape: PanelGrid.Key.Shape, namesOutputs: Bool = true,
        has: (Item) -> Bool
    ) throws(Undecided) {
        let short = data.shortNames(outputs)
        let colour = data.figure.colour ?? .setting
        settings = data.settings
        if settings.count > DrawnFigure.mostColours, colour == .setting {
            notes.append(
                "\(DrawnFigure.mostColours) of \(settings.count) settings, spread over the sweep; 'where' chooses others."
            )
            settings = Figures.spread(settings, to: DrawnFigure.mostColours)
        }
        let coloured: [String]
        switch colour {
        case .setting: coloured = settings.map(data.label)
        case .layer: coloured = data.layers.map { $0.isEmpty ? "network" : $0 }
        case .output: coloured = outputs.map { short[$0] ?? $0 }
        }
        let isOrdered = colour == .setting ? data.isOrdered : colour == .layer
        names = coloured
        colours = Palette.settings(coloured.count, isOrdered: isOrdered).map(\.light.hex)
        if coloured.count > 1 {
            keys = zip(coloured, colours).map { PanelGrid.Key(text: $0, colour: $1, shape: shape) }
            if colour == .setting { for i in keys.indices { keys[i].setting = settings[i] } }
        }

        func title(_ output: String?, _ layer: String?, _ setting: Int?) -> String {
            let name =
                !namesOutputs
                ? "" : output.map { outputs.count > 1 || layer == "" ? (short[$0] ?? $0) + data.unit($0) : "" } ?? ""
            return [name, layer ?? "", setting.map(data.label) ?? ""].filter { !$0.isEmpty }.joined(separator: " · ")
        }
        func add(_ title: String, _ items: [(colour: Int, item: Item)]) {
            let items = items.filter { has($0.item) }
            if !items.isEmpty { panels.append((title, items)) }
        }
        switch colour {
        case .setting:
            for output in outputs {
                for layer in data.layers {
                    add(
                        title(output, layer, nil),
                        settings.enumerated().map {
                            ($0, Item(output: output, layer: layer, setting: $1))
                        })
                }
            }
            (rows, columns) = (outputs.count, data.layers.count)
        case .layer:
            for output in outputs {
                for setting in settings {
                    add(
                        title(outputs.count > 1 ? output : nil, nil, setting),
                        data.layers.enumerated().map {
                            ($0, Item(output: output, layer: $1, setting: setting))
                        })
                }
            }
            (rows, columns) = (outputs.count, settings.count)
        case .output:
            for layer in data.layers {
                for setting in settings {
                    add(
                        title(nil, layer, setting),
                        outputs.enumerated().map {
                            ($0, Item(output: $1, layer: layer, setting: setting))
                        })
                }
            }
            (rows, columns) = (data.layers.count, settings.count)
        }
        guard !panels.isEmpty else { throw Undecided(message: "no run has a value of these outputs") }
    }
}

extension StudyResults {
    /// How many runs stand behind means, in words.
    func seedsNote(_ settings: [Int]) -> String {
        let most = settings.map { finished[$0].count }.max() ?? 0
        return most > 1 ? "mean over up to \(most) seeds" : "one run"
    }
}
