import ArrayFiles
import Manifests
import OrderedCollections
import Studies

/// One array for each series, `[runs, steps]`, of array outputs `[runs, steps, indices]`; NaN where there is no value.
enum NPZExport {
    /// `crh.alpha/fc1`; of a probe of the whole network without the slash.
    private struct Name: Hashable {
        var output, layer, probe: String

        init(_ series: Series) { (output, layer, probe) = (series.name, series.layer, series.probe) }
        var text: String { layer.isEmpty ? output : "\(output)/\(layer)" }
    }

    static func write(_ source: ExportSource, to path: String) throws -> String {
        let tables = try source.records.map { record in try source.observations(of: record) }
        var steps: [String: Set<Int>] = [:]
        var sizes: OrderedDictionary<Name, Int?> = [:]
        for table in tables {
            for series in table.series where source.isWanted(series) {
                let name = Name(series)
                sizes[name] = .some(
                    series.index.map { max($0 + 1, (sizes[name] ?? nil) ?? 0) } ?? (sizes[name] ?? nil))
            }
            for i in 0..<table.count {
                steps[table.series[Int(table.seriesIndex[i])].probe, default: []].insert(table.step[i])
            }
        }
        let axes = steps.mapValues { $0.sorted() }
        let places = axes.mapValues { Dictionary(uniqueKeysWithValues: $0.enumerated().map { ($1, $0) }) }
        var values: OrderedDictionary<Name, [Double]> = [:]
        for (name, size) in sizes {
            let count = tables.count * (axes[name.probe]?.count ?? 0) * (size ?? 1)
            values[name] = Array(repeating: .nan, count: count)
        }
        for (run, table) in tables.enumerated() {
            let names = table.series.map(Name.init), isWanted = table.series.map(source.isWanted)
            for i in 0..<table.count where isWanted[Int(table.seriesIndex[i])] {
                let s = Int(table.seriesIndex[i]), name = names[s], size = (sizes[name] ?? nil) ?? 1
                guard let step = places[name.probe]?[table.step[i]], let count = axes[name.probe]?.count else {
                    continue
                }
                values[name]?[(run * count + step) * size + (table.series[s].index ?? 0)] = table.value[i]
            }
        }
        var arrays = values.map { name, values in
            let shape = [tables.count, axes[name.probe]?.count ?? 0] + ((sizes[name] ?? nil).map { [$0] } ?? [])
            return NamedArray(name.text, shape: shape, .f64(values))
        }
        for (probe, steps) in axes.sorted(by: { $0.key < $1.key })
        where sizes.keys.contains(where: { $0.probe == probe }) {
            arrays.append(NamedArray("steps/\(probe)", shape: [steps.count], .i64(steps.map(Int64.init))))
        }
        try NPZ.write(arrays + runs(source), to: path)
        return "\(path): \(values.count) series of \(Words.count(tables.count, "run"))"
    }

    /// What the first axis is: seeds, swept numbers, and all of it as JSON.
    private static func runs(_ source: ExportSource) -> [NamedArray] {
        let records = source.records
        var arrays = [NamedArray("seed", shape: [records.count], .i64(records.map { Int64($0.seed) }))]
        for key in source.sweptKeys where records.allSatisfy({ $0.swept[key]?.double != nil }) {
            let values = records.map { $0.swept[key]?.double ?? .nan }
            arrays.append(NamedArray("setting/\(key)", shape: [records.count], .f64(values)))
        }
        let json = JSON.array(
            records.map { record in
                .object([
                    "run": .string(record.name), "setting": .object(record.swept), "seed": .int(record.seed),
                    "status": .string(record.status.rawValue),
                ])
            })
        let bytes = Array(json.text(pretty: false).utf8)
        return arrays + [NamedArray("runs", shape: [bytes.count], .u8(bytes))]
    }
}
