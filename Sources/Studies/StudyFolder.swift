import ArrayFiles
import Foundation
import Manifests
import Synchronization

/// The folder of a study's results: `study.json`, `table.csv`, `report.html`, `figures/` and `runs/`.
package struct StudyFolder: Hashable, Sendable {
    package var path: String

    package init(_ path: String) { self.path = path }

    package var studyFile: String { path + "/study.json" }
    package var tableFile: String { path + "/table.csv" }
    package var reportFile: String { path + "/report.html" }
    package var figuresFolder: String { path + "/figures" }
    package func runFolder(_ name: String) -> String { "\(path)/runs/\(name)" }
    package func observationsFile(_ name: String) -> String { runFolder(name) + "/observations.csv" }

    /// Creates the folder and writes `study.json` for a plan.
    package func write(_ plan: StudyPlan) throws(StudyError) {
        try Self.create(path)
        try Self.create(path + "/runs")
        try JSONFile.write(plan.json, to: studyFile)
    }

    /// `study.json`: `study`, `title`, `sweep`, `settings`, `seeds`, `claims`, `figures`, `outputs`, `runs` (names, in the plan's order).
    package func readStudy() throws(StudyError) -> JSON {
        guard FileManager.default.fileExists(atPath: studyFile) else {
            throw StudyError("\(path): no study.json here; expected the folder that 'syzygy run' wrote")
        }
        return try JSONFile.read(studyFile).root
    }

    /// The names of the plan's runs that have a record, in its order. Runs of the folder that other plans made are not among them.
    package func recorded(_ study: JSON) -> [String] {
        (study["runs"]?.array ?? []).compactMap(\.string).filter {
            FileManager.default.fileExists(atPath: runFolder($0) + "/run.json")
        }
    }

    /// The records of the plan's runs, in its order.
    package func records() throws(StudyError) -> [RunRecord] {
        try read(recorded(try readStudy()), RunRecord.read)
    }

    /// Something of the folders of runs, in their order, read by all cores.
    package func read<Value: Sendable>(
        _ names: [String], _ read: @Sendable (_ folder: String) throws(StudyError) -> Value
    ) throws(StudyError) -> [Value] {
        let found = Mutex([Result<Value, StudyError>?](repeating: nil, count: names.count))
        DispatchQueue.concurrentPerform(iterations: names.count) { index in
            let value = Result { () throws(StudyError) in try read(runFolder(names[index])) }
            found.withLock { $0[index] = value }
        }
        var values: [Value] = []
        for value in found.withLock({ $0 }) { if let value { values.append(try value.get()) } }
        return values
    }

    /// The record of a planned run if it has one with the same identity.
    package func record(of run: PlannedRun) -> RunRecord? {
        guard FileManager.default.fileExists(atPath: runFolder(run.name) + "/run.json"),
            let record = try? RunRecord.read(folder: runFolder(run.name)), record.identity == run.identity
        else { return nil }
        return record
    }

    /// A result that is there as it was written; the observations are only counted.
    package func isDone(_ record: RunRecord) -> Bool {
        record.status.isDone && record.hasObservations(in: observationsFile(record.name))
    }

    /// Removes what a run computed, so that it cannot be taken for the results of the next attempt.
    static func clear(run folder: String) {
        for name in ["observations.csv", "checkpoint.safetensors", "arrays", "checkpoints", "parameters", "failures"]
        {
            try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
        }
    }

    /// Removes the unfinished files of a process that was killed.
    static func sweep(run folder: String) {
        for part in ["", "/arrays", "/checkpoints", "/parameters"] {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder + part)) ?? []
            for name in names where name.hasPrefix(".") && name.hasSuffix(".tmp") {
                unlink("\(folder)\(part)/\(name)")
            }
        }
    }

    /// `step-00004000`, of files of one step.
    static func name(step: Int) -> String {
        let number = String(step)
        return "step-" + String(repeating: "0", count: max(0, 8 - number.count)) + number
    }

    /// Creates a folder and those above it; one that is there already is fine.
    package static func create(_ path: String) throws(StudyError) {
        if mkdir(path, 0o777) == 0 { return }
        var code = errno
        let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
        if code == ENOENT, parent != path {
            try create(parent)
            if mkdir(path, 0o777) == 0 { return }
            code = errno
        }
        var isFolder: ObjCBool = false
        if code == EEXIST, FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
            return
        }
        let reason = code == EEXIST ? "a file of this name is in its place" : String(cString: strerror(code))
        throw StudyError("\(path): the folder cannot be created: \(reason)")
    }
}

extension RunRecord {
    /// Whether the file has the length that it had when the run ended.
    package func hasObservations(in file: String) -> Bool {
        guard let observations else { return true }
        var status = stat()
        return stat(file, &status) == 0 && Int(status.st_size) == observations.bytes
    }
}

/// Held by the worker of a run, so that one which outlives the process that started it and the next one do not write into the same
/// files. The lock is the folder's, not a file's: nothing is left behind, and it ends with the process.
final class FolderLock {
    private let descriptor: Int32

    /// Waits until nobody else has it.
    init(_ path: String) {
        descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        // A file system without locks has none to respect.
        if descriptor >= 0 { while flock(descriptor, LOCK_EX) != 0, errno == EINTR {} }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }
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
