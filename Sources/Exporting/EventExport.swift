import ArrayFiles
import Foundation
import Studies

/// A folder for each run with an event file for TensorBoard: single numbers, tagged `crh/forward_rga.raw.alpha/fc1`.
enum EventExport {
    static func write(_ source: ExportSource, to folder: String) throws -> String {
        var count = 0
        for record in source.records {
            let table = try source.observations(of: record)
            let tags = table.series.map { series in
                ([series.probe, series.output] + (series.layer.isEmpty ? [] : [series.layer])).joined(separator: "/")
            }
            let time = (try? Date(record.started, strategy: .iso8601))?.timeIntervalSince1970 ?? 0
            var file = EventFile(time: time)
            var step = 0, scalars: [(tag: String, value: Float)] = []
            func end() {
                if !scalars.isEmpty { file.add(step: step, scalars) }
                count += scalars.count
                scalars = []
            }
            for i in 0..<table.count {
                let series = table.series[Int(table.seriesIndex[i])]
                guard series.index == nil, table.reason[i] < 0, source.isWanted(series) else { continue }
                if table.step[i] != step { end() }
                step = table.step[i]
                scalars.append((tags[Int(table.seriesIndex[i])], Float(table.value[i])))
            }
            end()
            let place = "\(folder)/\(record.name)"
            try StudyFolder.create(place)
            // One name, so that a later export takes the place of this one.
            try AtomicFile.write(file.bytes, to: "\(place)/events.out.tfevents.0.syzygy")
        }
        return "\(folder): \(Words.count(count, "number")) of \(Words.count(source.records.count, "run"))"
    }
}
