import Foundation
import Manifests
import OrderedCollections
import PluginHost

/// Where a run goes on from: a checkpoint of another run.
package struct Fork: Hashable, Sendable {
    /// The folder of its study, as this study says it.
    package var study: String
    package var step: Int
    /// Dotted keys and the values that the run has there.
    package var conditions: OrderedDictionary<String, JSON>
    /// The name of the run, where it is given or found.
    package var run: String?
}

/// Finds the runs that a study goes on from; records of their studies are read once.
struct ForkSources {
    /// Where relative paths begin.
    let folder: String
    private var records: [String: [RunRecord]] = [:]

    init(folder: String) { self.folder = folder }

    /// The run that a configuration goes on from with a seed: the one of the same seed that meets the conditions and has, of the keys
    /// that its study sweeps, the values of this configuration.
    mutating func find(_ fork: Fork, for configuration: JSON, seed: Int) throws(StudyError) -> String {
        if let run = fork.run { return run }
        let all = try records(of: fork.study)
        let known = DottedKey([String]()).leaves(all.first?.configuration ?? .null).map(\.description)
        for key in fork.conditions.keys where !known.contains(key) {
            throw StudyError(
                "fork.where: the runs of \(fork.study) have no '\(key)'\(Nearest.question(for: key, among: known))")
        }
        let matching = all.filter { record in
            record.seed == seed
                && fork.conditions.allSatisfy { record.configuration.value(at: $0)?.isEqual(to: $1) ?? false }
        }
        let own = matching.filter { record in
            record.swept.allSatisfy { key, value in
                fork.conditions[key] != nil || configuration.value(at: key)?.isEqual(to: value) ?? false
            }
        }
        // A swept key that this study changes does not tell runs apart where only one is left anyway.
        let found = own.isEmpty ? matching : own
        guard found.count == 1 else {
            let which = (fork.conditions.map { "\($0) = \($1.text(pretty: false))" } + ["seed \(seed)"]).joined(
                separator: ", ")
            throw StudyError(
                found.isEmpty
                    ? "fork: no run of \(fork.study) has \(which)"
                    : "fork: \(found.count) runs of \(fork.study) have \(which); 'where' says which (they differ in \(found[0].swept.keys.joined(separator: ", ")))"
            )
        }
        return found[0].name
    }

    private mutating func records(of study: String) throws(StudyError) -> [RunRecord] {
        if let known = records[study] { return known }
        let read = try StudyFolder(ComponentLoader.location(of: study, in: folder)).records()
        records[study] = read
        return read
    }

    /// The checkpoint of a run at a step: one that it was told to keep, or its last.
    func file(_ fork: Fork, run: String) throws(StudyError) -> DataFile {
        let path = "\(fork.study)/runs/\(run)"
        let location = ComponentLoader.location(of: path, in: folder)
        let kept = "checkpoints/\(Checkpoint.name(step: fork.step))"
        var name = kept
        if !FileManager.default.fileExists(atPath: "\(location)/\(kept)") {
            let record = try RunRecord.read(folder: location)
            let steps = Checkpoint.steps(in: location)
            let last = record.status == .finished && Checkpoint.exists(in: location) ? [record.step] : []
            guard last == [fork.step] else {
                let there = (steps + last.filter { !steps.contains($0) }).map(String.init).joined(separator: ", ")
                throw StudyError(
                    "fork.step: run \(run) has no checkpoint of step \(fork.step) (it has: \(there.isEmpty ? "none; 'checkpoints' of a study keeps some" : there))"
                )
            }
            name = "checkpoint.safetensors"
        }
        do {
            return try DataFile(path: "\(path)/\(name)", location: "\(location)/\(name)")
        } catch {
            throw StudyError("fork: \(error)")
        }
    }
}

extension JSON {
    /// The value of a dotted key.
    package func value(at key: String) -> JSON? {
        key.split(separator: ".").reduce(Optional(self)) { $0?[String($1)] }
    }
}
