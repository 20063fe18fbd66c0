import Foundation
import LinearAlgebra
import Manifests

/// The folder of a study's results: `study.json`, `table.csv`, `report.html` and `runs/`.
package struct StudyFolder: Hashable, Sendable {
    package var path: String

    package init(_ path: String) { self.path = path }

    package var studyFile: String { path + "/study.json" }
    package var tableFile: String { path + "/table.csv" }
    package var reportFile: String { path + "/report.html" }
    package func runFolder(_ name: String) -> String { "\(path)/runs/\(name)" }
    package func observationsFile(_ name: String) -> String { runFolder(name) + "/observations.csv" }

    /// Creates the folder and writes `study.json` for a plan.
    package func write(_ plan: StudyPlan) throws(StudyError) {
        try Self.create(path + "/runs")
        try JSONFile.write(plan.json, to: studyFile)
    }

    /// `study.json`: `study`, `title`, `sweep`, `settings`, `seeds`, `claims`, `runs` (names, in the plan's order).
    package func readStudy() throws(StudyError) -> JSON {
        guard FileManager.default.fileExists(atPath: studyFile) else {
            throw StudyError("\(path): no study.json here; expected the folder that 'syzygy run' wrote")
        }
        return try JSONFile.read(studyFile).root
    }

    /// The records of the plan's runs, in its order. Runs of the folder that other plans made are not among them.
    package func records() throws(StudyError) -> [RunRecord] {
        let names = (try readStudy()["runs"]?.array ?? []).compactMap(\.string)
        var records: [RunRecord] = []
        for name in names where FileManager.default.fileExists(atPath: runFolder(name) + "/run.json") {
            records.append(try RunRecord.read(folder: runFolder(name)))
        }
        return records
    }

    /// The record of a planned run if it has one with the same identity.
    package func record(of run: PlannedRun) -> RunRecord? {
        guard FileManager.default.fileExists(atPath: runFolder(run.name) + "/run.json"),
            let record = try? RunRecord.read(folder: runFolder(run.name)), record.identity == run.identity
        else { return nil }
        return record
    }

    package func isDone(_ run: PlannedRun) -> Bool { record(of: run)?.status.isDone ?? false }

    package static func create(_ path: String) throws(StudyError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw StudyError("\(path): the folder cannot be created: \(error.localizedDescription)")
        }
    }
}

/// JSON files of a study folder.
enum JSONFile {
    /// A study of 100,000 runs lists their names in some megabytes.
    private static let limit = 1 << 26

    static func read(_ file: String) throws(StudyError) -> Document {
        do throws(Problem) {
            return try StrictJSON.read(file, limit: limit)
        } catch {
            throw StudyError(error.description)
        }
    }

    static func write(_ json: JSON, to file: String) throws(StudyError) {
        do {
            try AtomicFile.write(Array((json.text(pretty: true) + "\n").utf8), to: file)
        } catch {
            throw StudyError("\(error)")
        }
    }
}
