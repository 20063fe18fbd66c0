import Foundation
import Manifests
import OrderedCollections
import PluginHost

/// `run.json`: what a run was asked to do, with what, and how it ended.
package struct RunRecord: Hashable, Sendable {
    package enum Status: String, Sendable {
        case planned, running, finished, diverged, failed, interrupted

        /// A result that the same configuration would give again.
        package var isDone: Bool { self == .finished || self == .diverged }
    }

    package var name: String
    package var identity: String
    package var study: String
    package var title: String
    package var status: Status = .planned
    package var message = ""
    /// The last step done.
    package var step = 0
    package var swept: OrderedDictionary<String, JSON>
    package var seed: Int
    /// The resolved study without sweep and seeds; itself a valid study but for its name.
    package var configuration: JSON
    package var origins: OrderedDictionary<String, String>
    /// The plugins that the run uses, as they were when it was planned.
    package var plugins: [PluginDigests]
    /// Files that options name, likewise, and where their relative paths begin.
    package var files: [DataFile]
    package var folder: String
    package var host: OrderedDictionary<String, JSON> = [:]
    /// ISO 8601, UTC.
    package var started = ""
    package var ended = ""
    package var seconds = 0.0
    package var stepsPerSecond = 0.0
    /// Of a run that failed.
    package var failure: Failure?
    /// What `observations.csv` was when the run ended; nil: it has not.
    package var observations: ObservationWriter.Position?

    /// How the process of a failed run ended.
    package struct Failure: Hashable, Sendable {
        /// `signal 11 (SIGSEGV)`, `exit status 1`.
        package var end: String
        /// The last lines of the log.
        package var log: [String]

        package init(end: String, log: [String]) { (self.end, self.log) = (end, log) }
    }

    package init(run: PlannedRun, study: String, title: String) {
        name = run.name
        identity = run.identity
        self.study = study
        self.title = title
        swept = run.swept
        seed = run.seed
        configuration = run.configuration.json
        origins = run.origins.mapValues(\.word)
        plugins = run.plugins
        files = run.files
        folder = run.folder
    }
}

extension RunRecord {
    package var json: JSON {
        var members: OrderedDictionary<String, JSON> = [
            "format": .int(1), "name": .string(name), "identity": .string(identity),
            "study": .string(study), "title": .string(title),
            "status": .string(status.rawValue), "message": .string(message), "step": .int(step),
            "swept": .object(swept), "seed": .int(seed),
            "configuration": configuration,
            "origins": .object(origins.mapValues(JSON.string)),
            "plugins": .array(plugins.map(\.json)),
            "files": .array(files.map(\.json)), "study_folder": .string(folder),
            "host": .object(host),
            "started": .string(started), "ended": .string(ended),
            "seconds": .double(seconds), "steps_per_second": .double(stepsPerSecond),
        ]
        if let failure {
            members["failure"] = .object([
                "end": .string(failure.end), "log": .array(failure.log.map(JSON.string)),
            ])
        }
        if let observations {
            members["observations"] = .object([
                "bytes": .int(observations.bytes), "sha256": .string(observations.sha256),
            ])
        }
        return .object(members)
    }

    /// Reads a record; nil if it lacks what every record has.
    package init?(_ json: JSON) {
        guard let name = json["name"]?.string, let identity = json["identity"]?.string,
            let study = json["study"]?.string,
            let status = json["status"]?.string.flatMap(Status.init), let seed = json["seed"]?.int,
            let configuration = json["configuration"]
        else { return nil }
        self.name = name
        self.identity = identity
        self.study = study
        self.status = status
        self.seed = seed
        self.configuration = configuration
        title = json["title"]?.string ?? ""
        message = json["message"]?.string ?? ""
        step = json["step"]?.int ?? 0
        swept = json["swept"]?.object ?? [:]
        origins = (json["origins"]?.object ?? [:]).compactMapValues(\.string)
        plugins = (json["plugins"]?.array ?? []).compactMap(PluginDigests.init)
        files = (json["files"]?.array ?? []).compactMap(DataFile.init)
        folder = json["study_folder"]?.string ?? "."
        host = json["host"]?.object ?? [:]
        started = json["started"]?.string ?? ""
        ended = json["ended"]?.string ?? ""
        seconds = json["seconds"]?.double ?? 0
        stepsPerSecond = json["steps_per_second"]?.double ?? 0
        if let failure = json["failure"], let end = failure["end"]?.string {
            self.failure = Failure(end: end, log: (failure["log"]?.array ?? []).compactMap(\.string))
        }
        if let position = json["observations"], let bytes = position["bytes"]?.int,
            let digest = position["sha256"]?.string
        {
            observations = ObservationWriter.Position(bytes: bytes, sha256: digest)
        }
    }

    package static func read(folder: String) throws(StudyError) -> RunRecord {
        let file = folder + "/run.json"
        guard let record = RunRecord(try JSONFile.read(file).root) else {
            throw StudyError(
                "\(file): not a run record (name, identity, study, status, seed or configuration is missing)")
        }
        return record
    }

    package func write(folder: String) throws(StudyError) { try JSONFile.write(json, to: folder + "/run.json") }
}
