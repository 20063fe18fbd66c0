import Foundation
import Manifests
import OrderedCollections
import Studies

extension StudyResults {
    /// Reads a study folder (docs/run-folder.md): `study.json`, and the record and the observations of each of its
    /// runs.
    ///
    /// - Parameter kept: with `last` or `first` curves have that point alone, which is all that tables need.
    /// - Throws: `StudyError` with file and line where a file is missing or does not follow its format.
    package static func read(
        folder path: String, _ kept: ObservationTable.Kept = .all
    ) throws(StudyError) -> StudyResults {
        let folder = StudyFolder(path)
        let study = try folder.readStudy()
        var names = NameTables()
        var curves: [Curves] = []
        var records: [RunRecord] = []
        let runs = try folder.read(folder.recorded(study)) { path throws(StudyError) in
            try RecordedRun.read(path, kept)
        }
        for (record, table) in runs {
            records.append(record)
            curves.append(Curves(table, &names))
        }

        let sweep = study["sweep"]?.object ?? [:]
        let sweptKeys = sweep.isEmpty ? Array(OrderedSet(records.flatMap(\.swept.keys))) : Array(sweep.keys)
        let swept = records.map { record in sweptKeys.map { record.swept[$0]?.plain ?? "" } }
        // A setting has no text for a key that it does not sweep.
        let planned = (study["settings"]?.array ?? []).map { setting in sweptKeys.map { setting[$0]?.plain ?? "" } }
        let settings = order(swept, as: planned)
        let positions = Dictionary(settings.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        let named = records.indices.map { i in
            Run(record: records[i], setting: positions[swept[i]] ?? 0, curves: curves[i])
        }
        var pairs: [Run] = []
        for pair in study["pairs"]?.array ?? [] {
            guard let first = named.first(where: { $0.name == pair["first"]?.string }),
                let name = pair["name"]?.string,
                FileManager.default.fileExists(atPath: folder.pairFile(name))
            else { continue }
            let table = try ObservationTable.read(file: folder.pairFile(name), kept)
            pairs.append(Run(record: first.record, setting: first.setting, curves: Curves(table, &names)))
        }
        var claims: [Claim] = []
        for (i, claim) in (study["claims"]?.array ?? []).enumerated() {
            claims.append(try Claim(claim, at: "\(folder.studyFile): claims[\(i)]"))
        }
        var results = StudyResults(
            name: study["study"]?.string ?? URL(fileURLWithPath: path).lastPathComponent,
            title: study["title"]?.string ?? "", sweptKeys: sweptKeys, settings: settings,
            series: Array(names.series), reasons: Array(names.reasons), layers: names.layers,
            runs: named.sorted { ($0.setting, $0.seed, $0.name) < ($1.setting, $1.seed, $1.name) }, pairs: pairs,
            claims: claims)
        results.absent = max(0, (study["runs"]?.array?.count ?? 0) - records.count)
        results.figures = (study["figures"]?.array ?? []).compactMap { Figure($0) }
        for (name, output) in study["outputs"]?.object ?? [:] {
            results.outputs[name] = Output(
                unit: output["unit"]?.string, labels: output["labels"]?.array?.compactMap(\.string) ?? [])
        }
        return results
    }

    /// Reads the folder of one run as a study of one run.
    package static func read(
        run path: String, _ kept: ObservationTable.Kept = .all
    ) throws(StudyError) -> StudyResults {
        let (record, table) = try RecordedRun.read(path, kept)
        var names = NameTables()
        let curves = Curves(table, &names)
        return StudyResults(
            name: record.name, title: record.title, sweptKeys: Array(record.swept.keys),
            settings: [record.swept.values.map(\.plain)], series: Array(names.series), reasons: Array(names.reasons),
            layers: names.layers, runs: [Run(record: record, setting: 0, curves: curves)], claims: [])
    }

    /// The distinct settings: as planned, others behind them by number, else by text.
    static func order(_ swept: [[String]], as planned: [[String]]) -> [[String]] {
        let positions = Dictionary(planned.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        return Set(swept).sorted { a, b in
            let places = (positions[a] ?? .max, positions[b] ?? .max)
            guard places.0 == places.1 else { return places.0 < places.1 }
            for (x, y) in zip(a, b) where x != y {
                if let left = Double(x), let right = Double(y), left != right { return left < right }
                return x < y
            }
            return false
        }
    }
}

/// What the folder of a run holds.
private enum RecordedRun {
    static func read(
        _ folder: String, _ kept: ObservationTable.Kept
    ) throws(StudyError) -> (RunRecord, ObservationTable) {
        let record = try RunRecord.read(folder: folder)
        let file = folder + "/observations.csv"
        // A run that failed before its first step has none.
        let isThere = FileManager.default.fileExists(atPath: file)
        let end = record.status.isDone ? record.observations : nil
        guard isThere || end != nil else { return (record, ObservationTable()) }
        return (record, try ObservationTable.read(file: file, kept, as: end))
    }
}

/// The series and reason codes of a study; their positions stand for them in the runs.
struct NameTables {
    private(set) var series: OrderedSet<Series> = []
    /// The first, empty, stands for a present value.
    private(set) var reasons: OrderedSet<String> = [""]

    /// The layers of all runs in the order of their networks.
    private(set) var layers: [String] = []
    /// What the last run had, and its numbers: runs of one study mostly have the same series.
    private var recent: (series: [Series], numbers: [Int32]) = ([], [])

    /// The numbers of a run's series.
    mutating func numbers(_ run: [Series]) -> [Int32] {
        if run != recent.series {
            place(layers: OrderedSet(run.map(\.layer)))
            recent = (run, run.map { number($0) })
        }
        return recent.numbers
    }

    /// Takes in the layers of one run in their order. A new one stands after the one that it follows there, so that `fc3` of a
    /// deeper network comes before `head`.
    private mutating func place(layers run: some Sequence<String>) {
        var next = 0
        for layer in run {
            if let position = layers.firstIndex(of: layer) {
                next = position + 1
            } else {
                layers.insert(layer, at: next)
                next += 1
            }
        }
    }

    private mutating func number(_ series: Series) -> Int32 { Int32(self.series.append(series).index) }

    mutating func number(reason: String) -> UInt16 {
        // A study has a handful of codes; whatever lies beyond the table shares one.
        let code = reason.isEmpty ? "no_reason" : reasons.count < 1000 || reasons.contains(reason) ? reason : "other"
        return UInt16(clamping: reasons.append(code).index)
    }
}

extension Curves {
    /// Groups a run's observations by series: a stable counting sort, so steps stay in the order of recording, which
    /// is ascending unless somebody joined files by hand.
    init(_ table: ObservationTable, _ names: inout NameTables) {
        let numbers = names.numbers(table.series)
        let codes = table.reasons.map { names.number(reason: $0) }
        self.init(
            series: table.seriesIndex.map { numbers[Int($0)] }, steps: table.step, values: table.value,
            reasons: table.reason.map { $0 < 0 ? 0 : codes[Int($0)] }, seriesCount: names.series.count)
    }
}
