import ArgumentParser
import Foundation
import Manifests
import PluginHost
import Studies

@main
struct Syzygy: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "syzygy",
        abstract: "Runs studies in the theory of deep learning: models, optimizers and probes are plugins.",
        version: Version.current,
        subcommands: [
            Plan.self, Run.self, Submit.self, Status.self, Watch.self, View.self, Measure.self, Lock.self, Table.self,
            Compare.self,
            ReportPage.self,
            Export.self, FindingsPage.self,
            Bench.self,
            PluginCommand.self, Doctor.self,
            WorkerProcessCommand.self, PairProcessCommand.self, SandboxCommand.self, PluginBench.self, Docs.self,
        ])
}

/// Where plugins are looked for.
struct PluginOptions: ParsableArguments {
    @Option(
        name: .customLong("plugin-path"),
        help: ArgumentHelp(
            "A folder with plugins, or a plugin; searched before the installed ones.", valueName: "dir"))
    var paths: [String] = []

    func validate() throws {
        for path in paths where !Registry.hasPlugins(path) {
            throw ValidationError(
                "--plugin-path \(path): expected a folder with plugins, that is plugin.json or */plugin.json")
        }
    }

    var registry: Registry { Registry(paths: Registry.searchPath(options: paths)) }

    /// The arguments that give a worker the same plugins.
    var arguments: [String] { paths.flatMap { ["--plugin-path", $0] } }
}

/// A study file and changes to it.
struct StudyOptions: ParsableArguments {
    @ArgumentParser.Argument(help: ArgumentHelp("The study, YAML or JSON.", valueName: "study.yaml"))
    var file: String

    @ArgumentParser.Argument(
        help: ArgumentHelp(
            "Values instead of the file's: optimizer.lr=0.1; a list sweeps: optimizer.lr=[0.1, 0.3].",
            valueName: "key=value"))
    var overrides: [String] = []

    @Option(help: ArgumentHelp("Folder of the results (default: studies/<name>).", valueName: "dir"))
    var out: String?

    @OptionGroup var plugins: PluginOptions

    func plan() throws -> (plan: StudyPlan, folder: StudyFolder) {
        let plan = try Self.plan(file, overrides, plugins.registry)
        return (plan, StudyFolder(out ?? "studies/\(plan.name)"))
    }

    static func plan(_ file: String, _ overrides: [String], _ registry: Registry) throws -> StudyPlan {
        try Failure.report {
            do {
                return try StudyPlanner(registry: registry).plan(file: file, overrides: overrides)
            } catch {
                // A component may be missing because its manifest cannot be read.
                for rejected in registry.rejected { Failure.say(rejected.error.description) }
                throw error
            }
        }
    }
}

/// Errors on stderr, one per line, and the exit status.
enum Failure {
    /// Wrong usage, study or manifest (EX_USAGE).
    static let usage = ExitCode(64)

    static func say(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

    /// Runs `body`; what it throws is printed and becomes the exit status.
    static func report<T>(status: ExitCode = usage, _ body: () throws -> T) throws -> T {
        do {
            return try body()
        } catch let code as ExitCode {
            throw code
        } catch {
            say("\(error)")
            throw status
        }
    }
}
