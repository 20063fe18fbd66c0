import Studies

/// What rows and columns are called.
struct TableNames {
    let results: StudyResults
    let dimensions: Set<ResultTable.Dimension>
    let columnKeys: [Int]
    let rowKeys: [Int]
    let varying: [Int]
    let short: [String]
    /// By setting.
    let values: [[String]]

    /// Swept keys with one value stand below the table, unless nothing else names its columns.
    init(_ results: StudyResults, _ dimensions: Set<ResultTable.Dimension>, varying: [Int]) {
        (self.results, self.dimensions, self.varying) = (results, dimensions, varying)
        short = results.shortKeys
        values = results.settings.indices.map { results.valueLabels(setting: $0) }
        let pivoted = results.sweptKeys.indices.filter { dimensions.contains(.key($0)) }
        let isNamed = !dimensions.isDisjoint(with: [.output, .layer, .seed])
        columnKeys = isNamed || pivoted.contains(where: varying.contains) ? pivoted.filter(varying.contains) : pivoted
        rowKeys = varying.filter { !dimensions.contains(.key($0)) }
    }

    var heads: [String] {
        (dimensions.contains(.output) ? [] : ["output"]) + (dimensions.contains(.layer) ? [] : ["layer"])
            + rowKeys.map { short[$0] }
    }

    /// What tells rows apart.
    func row(_ line: TableLine, _ setting: Int) -> [String] {
        named(line, unless: true) + rowKeys.map { results.settings[setting][$0] }
    }

    func rowLabel(_ line: TableLine, _ setting: Int) -> [String] {
        named(line, unless: true) + rowKeys.map { values[setting][$0].isEmpty ? "–" : values[setting][$0] }
    }

    /// What tells columns apart.
    func column(_ line: TableLine?, _ setting: Int, _ seed: Int?) -> [String] {
        columnKeys.map { results.settings[setting][$0] } + named(line, unless: false) + (seed.map { ["\($0)"] } ?? [])
    }

    func columnLabel(_ line: TableLine?, _ setting: Int, _ seed: Int?) -> [String] {
        columnKeys.filter { !values[setting][$0].isEmpty }.map { "\(short[$0])=\(values[setting][$0])" }
            + named(line, unless: false).map { $0.isEmpty ? "network" : $0 } + (seed.map { ["seed=\($0)"] } ?? [])
    }

    /// Output and layer, where they have columns, or unless they have.
    private func named(_ line: TableLine?, unless isOfRows: Bool) -> [String] {
        guard let line else { return [] }
        return (dimensions.contains(.output) != isOfRows ? [line.output] : [])
            + (dimensions.contains(.layer) != isOfRows ? [line.layer] : [])
    }

    /// With one key the first column names it and the others give values alone.
    func columnLabels(_ groups: [[String]]) -> [String] {
        groups.enumerated().map { position, keys in
            guard keys.count == 1, position > 0, let value = keys[0].split(separator: "=", maxSplits: 1).last,
                !columnKeys.isEmpty || dimensions.contains(.seed)
            else { return keys.isEmpty ? "all runs" : keys.joined(separator: " ") }
            return String(value)
        }
    }

    func fixed(_ selection: Selection) -> String {
        guard let setting = selection.settings.first else { return "" }
        let keys = results.sweptKeys.indices.filter {
            !varying.contains($0) && !columnKeys.contains($0) && !values[setting][$0].isEmpty
        }
        let seeds = selection.seeds.map { ["seed=" + $0.sorted().map(String.init).joined(separator: ",")] } ?? []
        return (keys.map { "\(short[$0])=\(values[setting][$0])" } + seeds).joined(separator: " ")
    }
}
