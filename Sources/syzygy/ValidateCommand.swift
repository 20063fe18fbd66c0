import ArgumentParser
import Foundation
import Manifests
import PluginHost
import Studies
import Validating

extension ValidationLevel: ExpressibleByArgument {}

extension PluginCommand {
    /// Runs the plugin's code, each test in a process of its own.
    struct Validate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Try a plugin out: memory, properties, repetition; runs its code in other processes.",
            discussion: "Exit status: 0 all tests passed, 1 a test failed, 64 wrong usage.")

        @ArgumentParser.Argument(help: ArgumentHelp("The plugin's folder, or its id.", valueName: "dir|id"))
        var plugin: String

        @Option(help: "How much is tried: quick, standard or deep.") var level = ValidationLevel.standard
        @Option(help: ArgumentHelp("This test only; may be given again.", valueName: "test")) var only: [String] = []
        @Option(help: ArgumentHelp("This component only; may be given again.", valueName: "id"))
        var component: [String] = []
        @Option(help: "Of all random numbers.") var seed: UInt64 = 1
        @Option(help: ArgumentHelp("Seconds for each test (default: 5 quick, else 45).", valueName: "s"))
        var timeLimit: Double?
        @Flag(help: "One JSON object instead of text.") var json = false
        @OptionGroup var plugins: PluginOptions

        func validate() throws {
            let known = BatteryTest.all.map(\.id)
            for id in only where !known.contains(id) {
                throw ValidationError("no test '\(id)'; there are \(known.joined(separator: ", "))")
            }
        }

        func run() throws {
            let folder = try Failure.report { try self.folder() }
            try Failure.report { try checkComponents(folder) }
            let run = ValidationRun(
                folder: folder, level: level, seed: seed, only: only, components: component, timeLimit: timeLimit,
                executable: Installation.executable ?? "/proc/self/exe",
                arguments: ["plugin", "validate-one"] + plugins.arguments)
            let text = ValidationText(folder: folder)
            let isQuiet = json
            let results = run.run { result in if !isQuiet { print(text.lines(result)) } }
            guard !results.isEmpty else {
                Failure.say("\(folder): \(only.joined(separator: ", ")) applies to no component here")
                throw Failure.usage
            }
            let receipt = try writeReceipt(results, folder)
            if json {
                print(text.json(results, level: level, seed: seed).text(pretty: true))
            } else {
                let counts = results.counts.filter { $0.value > 0 }.map { "\($0.value) \($0.key)" }
                print("\(counts.joined(separator: ", ")); level \(level.rawValue), seed \(seed)")
                if let receipt { print("receipt \(receipt)") }
            }
            if !results.hasPassed { throw ExitCode(1) }
        }

        private func folder() throws -> String {
            if FileManager.default.fileExists(atPath: plugin + "/plugin.json") {
                return URL(fileURLWithPath: plugin).standardizedFileURL.path
            }
            let registry = plugins.registry
            if let found = registry.manifests.first(where: { $0.id == plugin }) { return found.folder }
            throw PluginError(
                plugin,
                "no folder with plugin.json, and no plugin of this id"
                    + Nearest.hint(for: plugin, among: registry.manifests.map(\.id)))
        }

        private func checkComponents(_ folder: String) throws {
            guard let manifest = try? Manifest.load(folder: folder) else { return }
            let known = manifest.components.map(\.id)
            for id in component where !known.contains(id) {
                throw PluginError(manifest.id, "has no component '\(id)'\(Nearest.hint(for: id, among: known))")
            }
        }

        /// A whole battery has a receipt, whether it passed or not.
        private func writeReceipt(_ results: [TestResult], _ folder: String) throws -> String? {
            guard only.isEmpty, component.isEmpty, let manifest = try? Manifest.load(folder: folder),
                let digests = try? ComponentLoader.digests(of: manifest, locatesSystem: true)
            else { return nil }
            let receipt = Receipt(
                digests: digests, level: level.rawValue, seed: seed, hasPassed: results.hasPassed,
                counts: results.counts, findings: results.findingObjects, host: Host.description(threads: 1))
            return try Failure.report(status: ExitCode(1)) { try ReceiptFolder().write(receipt) }
        }
    }

    /// One test, for `validate`; reports on descriptor 3.
    struct ValidateOne: ParsableCommand {
        static let configuration = CommandConfiguration(shouldDisplay: false)
        @OptionGroup var plugins: PluginOptions
        @ArgumentParser.Argument var request: String

        func run() throws {
            try Failure.report {
                let request = try StrictJSON.parse(request, file: "request").root
                let folder = request["folder"]?.string ?? "."
                let registry = Registry(paths: Registry.searchPath(options: [folder] + plugins.paths))
                throw ExitCode(try Examination(request, registry: registry).run())
            }
        }
    }
}
