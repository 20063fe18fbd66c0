import ArgumentParser
import Foundation
import Manifests
import PluginHost
import Studies

struct Lock: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write which plugins studies use, byte for byte, into a file beside them.",
        discussion: """
            The file \(LockFile.name) holds versions and SHA-256 digests. 'syzygy run' compares with it and warns; \
            'syzygy run --locked' refuses to run if anything differs. Runs no code of plugins.
            """)

    @ArgumentParser.Argument(help: ArgumentHelp("Studies, YAML or JSON: all of a folder.", valueName: "study.yaml"))
    var files: [String]

    @OptionGroup var plugins: PluginOptions

    func run() throws {
        let registry = plugins.registry
        var plans: [String: [StudyPlan]] = [:]
        for file in files {
            let folder = (file as NSString).deletingLastPathComponent
            plans[folder.isEmpty ? "." : folder, default: []].append(try StudyOptions.plan(file, [], registry))
        }
        try Failure.report {
            for (folder, plans) in plans.sorted(by: { $0.key < $1.key }) {
                let path = "\(folder)/\(LockFile.name)"
                let lock = LockFile(
                    path: path, plugins: try LockFile.digests(of: plans, registry),
                    earlier: try? LockFile(reading: path))
                try lock.write()
                print("\(path): \(Words.count(lock.count, "plugin"))")
            }
        }
    }
}

/// Whether the plugins of a study must be those of its lock.
struct LockOptions: ParsableArguments {
    @Flag(help: "Refuse to run unless all plugins are, byte for byte, those of \(LockFile.name) beside the study.")
    var locked = false

    /// Compares the plugins of a plan with the lock beside its study; returns the lock's file if it must be kept to.
    func check(_ plan: StudyPlan, _ plugins: PluginOptions) throws -> [String] {
        guard let folder = plan.runs.first?.folder else { return [] }
        return try Failure.report {
            guard let lock = try LockFile.beside(folder: folder) else {
                guard locked else { return [] }
                throw StudyError("\(folder)/\(LockFile.name): no such file; 'syzygy lock STUDY' writes it")
            }
            let lines = lock.differences(of: try LockFile.digests(of: [plan], plugins.registry))
            if locked, !lines.isEmpty { throw StudyError(lines: lines) }
            for line in lines { Failure.say("warning: \(line)") }
            return locked ? ["--lock", lock.path] : []
        }
    }
}
