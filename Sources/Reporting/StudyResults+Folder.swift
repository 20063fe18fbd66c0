import Foundation

extension StudyResults {
    /// Reads a study folder: `study.json` and every `runs/<name>/` with a `run.json` (docs/run-folder.md).
    ///
    /// - Throws: `ReportError` with file and line where a file is missing or does not follow its format.
    package static func read(folder: String) throws -> StudyResults {
        let study = try tree(folder + "/study.json", name: "study.json")
        let names = try runNames(folder: folder, study: study)
        let sweep = study["sweep"]?.members ?? []
        var reader = ObservationsReader()
        var logs: [Curves.Log] = []
        var records: [JSONTree] = []
        for name in names {
            let path = "\(folder)/runs/\(name)"
            records.append(try tree(path + "/run.json", name: "runs/\(name)/run.json"))
            let data = try? Data(contentsOf: URL(fileURLWithPath: path + "/observations.csv"), options: .mappedIfSafe)
            logs.append(try data.map { try reader.read($0, location: "runs/\(name)/observations.csv") } ?? Curves.Log())
        }

        let sweptKeys = sweep.isEmpty ? keys(of: records) : sweep.map(\.key)
        let swept = records.map { record in
            sweptKeys.map { key in record["swept"]?.members.first { $0.key == key }?.value.plain ?? "" }
        }
        let settings = order(swept, by: sweptKeys.map { key in
            sweep.first { $0.key == key }?.value.items?.map(\.plain) ?? []
        })
        let positions = Dictionary(settings.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        let runs = zip(zip(names, records), zip(swept, logs)).map { named, measured in
            Run(
                name: named.0, record: named.1, setting: positions[measured.0] ?? 0,
                curves: Curves(measured.1, seriesCount: reader.interner.series.count))
        }
        return StudyResults(
            name: study["study"]?.text ?? URL(fileURLWithPath: folder).lastPathComponent,
            title: study["title"]?.text ?? "", sweptKeys: sweptKeys, settings: settings,
            series: reader.interner.series, reasons: reader.interner.reasons,
            runs: runs.sorted { ($0.setting, $0.seed, $0.name) < ($1.setting, $1.seed, $1.name) },
            claims: try (study["claims"]?.items ?? []).enumerated().map { try Claim($1, at: "study.json: claims[\($0)]") })
    }

    private static func tree(_ path: String, name: String) throws -> JSONTree {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ReportError("there is no such file; expected a folder that 'syzygy run' wrote", at: path)
        }
        do {
            return try JSONDecoder().decode(JSONTree.self, from: data)
        } catch {
            throw ReportError("not valid JSON: \(error)", at: name)
        }
    }

    /// The runs of the plan in its order; without a plan every folder with a `run.json`.
    private static func runNames(folder: String, study: JSONTree) throws -> [String] {
        let found = (try? FileManager.default.contentsOfDirectory(atPath: folder + "/runs")) ?? []
        let present = found.sorted().filter {
            FileManager.default.fileExists(atPath: "\(folder)/runs/\($0)/run.json")
        }
        guard let planned = study["runs"]?.items?.compactMap(\.text) else { return present }
        let known = Set(present)
        return planned.filter(known.contains)
    }

    private static func keys(of records: [JSONTree]) -> [String] {
        var keys: [String] = []
        for record in records {
            for (key, _) in record["swept"]?.members ?? [] where !keys.contains(key) { keys.append(key) }
        }
        return keys
    }

    /// The distinct settings: by the position of each value in the sweep, else by number, else by text.
    private static func order(_ swept: [[String]], by values: [[String]]) -> [[String]] {
        Set(swept).sorted { a, b in
            for (i, (x, y)) in zip(a, b).enumerated() where x != y {
                if let left = values[i].firstIndex(of: x), let right = values[i].firstIndex(of: y) { return left < right }
                if let left = Double(x), let right = Double(y), left != right { return left < right }
                return x < y
            }
            return false
        }
    }
}

extension StudyResults.Run {
    init(name: String, record: JSONTree, setting: Int, curves: Curves) {
        self.init(
            name: name, setting: setting, seed: record["seed"]?.int ?? 0, status: record["status"]?.text ?? "unknown",
            message: record["message"]?.text ?? "", step: record["step"]?.int ?? 0, curves: curves, record: record)
    }
}
