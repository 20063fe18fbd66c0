import ArrayFiles
import Manifests
import Studies

/// One table of all runs, a row for each observation.
enum CSVExport {
    static func write(_ source: ExportSource, to path: String) throws -> String {
        var rows = 0
        try AtomicFile.write(to: path) { put in
            let header = ["run"] + source.sweptKeys + ["seed", "status", "step", "probe", "output", "layer", "index"]
            try put(Array((header + ["value", "reason"]).map(CSV.field).joined(separator: ",").utf8) + [0x0A])
            for record in source.records {
                let swept = source.sweptKeys.map { record.swept[$0]?.plain ?? "" }
                let run = ([record.name] + swept + ["\(record.seed)", record.status.rawValue]).map(CSV.field)
                    .joined(separator: ",")
                let table = try source.observations(of: record)
                let names = table.series.map { series in
                    [series.probe, series.output, series.layer, series.index.map(String.init) ?? ""].map(CSV.field)
                        .joined(separator: ",")
                }
                let isWanted = table.series.map(source.isWanted)
                var text: [UInt8] = []
                for i in 0..<table.count where isWanted[Int(table.seriesIndex[i])] {
                    let reason = table.reason[i]
                    let value =
                        reason < 0 ? CSV.number(table.value[i]) + "," : "," + CSV.field(table.reasons[Int(reason)])
                    text.append(
                        contentsOf: "\(run),\(table.step[i]),\(names[Int(table.seriesIndex[i])]),\(value)\n".utf8)
                    rows += 1
                }
                try put(text)
            }
        }
        return "\(path): \(Words.count(rows, "row")) of \(Words.count(source.records.count, "run"))"
    }
}
