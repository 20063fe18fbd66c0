import Manifests
import OrderedCollections
import Studies

/// Numbers of a study by output, layer, swept keys and seed: rows, columns, and what each cell says.
package struct ResultTable: Sendable {
    struct Cell: Sendable {
        var line: TableLine
        var setting: Int
        /// nil: over the seeds.
        var seed: Int?
        /// nil: no finished run recorded it.
        var step: Int?
        var value: Aggregate
        /// In the order of the seeds.
        var numbers: [Double]
        /// Runs without a value that did not finish.
        var failed: Int
    }

    struct Row: Sendable {
        var line: TableLine
        /// One for each of `heads`.
        var keys: [String]
        var cells: [Cell?]
    }

    enum Dimension: Hashable {
        case output, layer, seed
        /// Position among the swept keys.
        case key(Int)
    }

    let request: TableRequest
    /// What the first columns are: `output`, `layer`, swept keys.
    private(set) var heads: [String] = []
    private(set) var columns: [String] = []
    /// Whole names of columns, which do not lean on the first.
    private(set) var labels: [String] = []
    private(set) var rows: [Row] = []
    /// For each column the number of values behind most of its cells.
    private(set) var counts: [Int] = []
    /// The number of values behind most columns.
    private(set) var commonCount = 0
    /// Rows beyond the limit.
    private(set) var omitted = 0
    /// Outputs without a value in any run, by reason.
    private(set) var undefined: OrderedDictionary<String, OrderedSet<String>> = [:]
    /// Sentences about runs that did not finish.
    private(set) var unfinished: [String] = []
    /// Swept keys that have one value in all cells: `lr=0.1`.
    private(set) var fixed = ""

    /// - Parameters:
    ///   - limit: of rows, where no outputs are asked for.
    ///   - matrices: whether headline numbers are those of matrices of layers and bindings too.
    package init(
        _ results: StudyResults, _ request: TableRequest = TableRequest(), limit: Int = 60, matrices: Bool = true
    ) throws(StudyError) {
        self.request = request
        let isHeadline = request.outputs.isEmpty
        let selection = try Selection(results, where: request.conditions)
        var lines = isHeadline ? results.headline(matrices: matrices) : []
        if !isHeadline || !request.layers.isEmpty {
            lines = try results.lines(isHeadline ? lines.map(\.output) : request.outputs, layers: request.layers)
        }
        if case .step(let step) = request.moment { try results.check(step, of: lines) }
        let columnsAre = try Self.dimensions(request.pivot, results)
        let varying = results.sweptKeys.indices.filter { column in
            Set(selection.settings.map { results.settings[$0][column] }).count > 1
        }
        let names = TableNames(results, columnsAre, varying: varying)
        let seeds = columnsAre.contains(.seed) ? results.seeds.filter(selection.contains) : nil
        // By values as they are recorded; two may have one label.
        var found: OrderedDictionary<[String], OrderedDictionary<[String], Cell>> = [:]
        var groups: OrderedDictionary<[String], [String]> = [:]
        // Columns stand in the order of the sweep, whatever the first row has.
        for setting in selection.settings {
            for seed in seeds.map({ $0.map(Optional.some) }) ?? [nil] where !columnsAre.contains(.output) {
                guard !columnsAre.contains(.layer) else { continue }
                groups[names.column(nil, setting, seed)] = names.columnLabel(nil, setting, seed)
            }
        }
        for line in lines {
            for setting in selection.settings {
                for seed in seeds.map({ $0.map(Optional.some) }) ?? [nil] {
                    let runs = results.members(of: line.series, setting: setting).filter { position in
                        let own = results.sources[position].seed
                        return results.isOfPairs(line.series)
                            ? seed == nil : seed.map { $0 == own } ?? selection.contains(seed: own)
                    }
                    guard !runs.isEmpty else { continue }
                    let cell = results.cell(line, setting, seed, request.moment, runs)
                    guard cell.step != nil || results.finished(of: line.series, setting: setting).isEmpty else {
                        continue
                    }
                    let column = names.column(line, setting, seed)
                    if groups[column] == nil { groups[column] = names.columnLabel(line, setting, seed) }
                    found[names.row(line, setting), default: [:]][column] = cell
                }
            }
        }
        heads = names.heads
        let usesLayers = lines.contains { !$0.layer.isEmpty }
        for cells in found.values {
            guard let first = cells.values.first else { continue }
            let line = first.line
            let shown = cells.values
            if isHeadline, shown.allSatisfy({ $0.value.n == 0 }) {
                // What no run has a value of takes a line below, not a row each; runs that failed say so by themselves.
                let reasons = OrderedSet(
                    shown.flatMap { $0.value.missing.map(\.reason) }.filter { !$0.hasPrefix("run_") })
                if !reasons.isEmpty { undefined[reasons.joined(separator: ", "), default: []].append(line.output) }
                continue
            }
            guard !isHeadline || rows.count < limit else {
                omitted += 1
                continue
            }
            rows.append(
                Row(line: line, keys: names.rowLabel(line, first.setting), cells: groups.keys.map { cells[$0] }))
        }
        columns = names.columnLabels(Array(groups.values))
        labels = groups.values.map { $0.isEmpty ? "all runs" : $0.joined(separator: " ") }
        if !usesLayers, let layer = heads.firstIndex(of: "layer") {
            heads.remove(at: layer)
            for row in rows.indices { rows[row].keys.remove(at: layer) }
        }
        let usual = rows.filter { !results.isOfPairs($0.line.series) }
        counts = columns.indices.map { column in
            Self.mode((usual.isEmpty ? rows : usual).compactMap { $0.cells[column]?.value.n })
        }
        commonCount = Self.mode(counts)
        fixed = names.fixed(selection)
        unfinished = results.unfinished(selection)
    }

    private static func dimensions(_ pivot: [String], _ results: StudyResults) throws(StudyError) -> Set<Dimension> {
        guard !pivot.isEmpty else { return Set(results.sweptKeys.indices.map(Dimension.key)) }
        var dimensions = Set<Dimension>()
        for name in pivot {
            switch name {
            case "output": dimensions.insert(.output)
            case "layer": dimensions.insert(.layer)
            case "seed": dimensions.insert(.seed)
            default:
                guard let column = try results.sweptKey(named: name).flatMap(results.sweptKeys.firstIndex) else {
                    let known = results.sweptKeys + ["seed", "output", "layer"]
                    let hint = Nearest.question(for: name, among: results.shortKeys + known)
                    throw StudyError(
                        "'\(name)' is not swept\(hint) (columns can be: \(known.joined(separator: ", ")))")
                }
                dimensions.insert(.key(column))
            }
        }
        return dimensions
    }

    /// The most frequent positive number, the largest among equals; 0 if there is none.
    private static func mode(_ numbers: [Int]) -> Int {
        Dictionary(grouping: numbers.filter { $0 > 0 }, by: \.self).max {
            ($0.value.count, $0.key) < ($1.value.count, $1.key)
        }?
        .key ?? 0
    }

    func hasUsualCount(_ column: Int) -> Bool { counts[column] == commonCount }
}

extension StudyResults {
    /// Throws if no run has recorded one of the lines at this step.
    fileprivate func check(_ step: Int, of lines: [TableLine]) throws(StudyError) {
        var steps = Set<Int>()
        for line in lines {
            for source in sources {
                steps.formUnion(source.curves.range(line.series).map { Int(source.curves.steps[$0]) })
            }
        }
        guard !lines.isEmpty, !steps.contains(step) else { return }
        let names = OrderedSet(lines.map(\.output))
        let what = names.prefix(3).joined(separator: ", ") + (names.count > 3 ? ", …" : "")
        let nearest = steps.min { (abs($0 - step), $0) < (abs($1 - step), $1) } ?? 0
        let some =
            steps.sorted().prefix(12).map(String.init).joined(separator: ", ") + (steps.count > 12 ? ", …" : "")
        throw StudyError("no run has recorded \(what) at step \(step); nearest: step \(nearest) (steps: \(some))")
    }

    /// What these runs, which differ by their seed, measured at a moment of their setting.
    func cell(_ line: TableLine, _ setting: Int, _ seed: Int?, _ moment: Figure.Moment, _ runs: [Int])
        -> ResultTable.Cell
    {
        let step: Int? =
            switch moment {
            case .last: lastStep(line.series, setting: setting)
            case .first: firstStep(line.series, setting: setting)
            case .step(let step): step
            }
        let at = step ?? -1
        var numbers: [Double] = []
        var failed = 0
        for run in runs {
            switch value(line.series, at: at, run: run) {
            case .number(let number): numbers.append(number)
            case .missing: failed += sources[run].isFinished ? 0 : 1
            }
        }
        return ResultTable.Cell(
            line: line, setting: setting, seed: seed, step: step,
            value: aggregate(line.series, at: at, runs: runs), numbers: numbers, failed: failed)
    }

    /// `not finished: 2 diverged (lr=0.3), 1 failed (lr=0.1)`, and planned runs that left no record.
    func unfinished(_ selection: Selection) -> [String] {
        var groups: OrderedDictionary<String, Int> = [:]
        for setting in selection.settings {
            for run in members[setting] where !runs[run].isFinished && selection.contains(seed: runs[run].seed) {
                let place = sweptKeys.isEmpty ? "" : " (\(label(setting: setting)))"
                groups["\(runs[run].record.status.rawValue)\(place)", default: 0] += 1
            }
        }
        var sentences: [String] = []
        let words = groups.map { "\($1) \($0)" }
        if !words.isEmpty {
            let more = words.count > 8 ? " and \(groups.values.dropFirst(8).reduce(0, +)) more" : ""
            sentences.append("not finished: \(words.prefix(8).joined(separator: ", "))\(more)")
        }
        if absent > 0 { sentences.append("\(Words.count(absent, "planned run")) without a record") }
        return sentences
    }
}
