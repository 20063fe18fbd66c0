import OrderedCollections
import Studies

/// Tables for other programs: a row for each number and setting. Numbers have 17 significant digits and are empty where there is none;
/// quoting as RFC 4180, lines end with a single line feed.
package enum TableWriter {
    /// `table.csv`: every last value of a study.
    ///
    /// Columns: the swept keys, `probe,output,layer,index,step`, then `mean,half_width,low,high,median,min,max,n,failed,missing,reasons`.
    /// `half_width` is empty below two values, `low` and `high` are the ends of the interval. `missing` counts the runs without a value,
    /// `failed` those of them that did not finish.
    package static func csv(_ results: StudyResults) -> String {
        var cells: [ResultTable.Cell] = []
        for setting in results.settings.indices {
            for series in results.series.indices where results.lastStep(series, setting: setting) != nil {
                let runs = results.members(of: series, setting: setting)
                cells.append(results.cell(results.line(series), setting, nil, .last, runs))
            }
        }
        return csv(results, cells)
    }

    /// The same of the cells of a table, with a column `seed` if it has one.
    package static func csv(_ results: StudyResults, _ table: ResultTable) -> String {
        csv(results, table.rows.flatMap { $0.cells.compactMap(\.self) })
    }

    private static func csv(_ results: StudyResults, _ cells: [ResultTable.Cell]) -> String {
        let isOfSeeds = cells.contains { $0.seed != nil }
        var text = line(
            results.sweptKeys + (isOfSeeds ? ["seed"] : []) + [
                "probe", "output", "layer", "index", "step", "mean", "half_width", "low", "high", "median", "min",
                "max", "n", "failed", "missing", "reasons",
            ])
        for cell in cells {
            let value = cell.value, series = results.series[cell.line.series]
            let key = [
                series.probe, series.output, series.layer, series.index.map(String.init) ?? "",
                cell.step.map(String.init) ?? "",
            ]
            let numbers = [value.mean, value.halfWidth, value.low, value.high, value.median, value.min, value.max]
            let counts = ["\(value.n)", "\(cell.failed)", "\(value.missingCount)", value.reasons]
            let seed = isOfSeeds ? [cell.seed.map(String.init) ?? ""] : []
            text += line(
                results.settings[cell.setting] + seed + key + numbers.map { $0.map(CSV.number) ?? "" } + counts)
        }
        return text
    }

    static func line(_ fields: [String]) -> String { fields.map(CSV.field).joined(separator: ",") + "\n" }
}
