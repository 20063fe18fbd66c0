import ArgumentParser
import ArrayFiles
import Authoring
import Foundation
import Manifests
import PluginHost

extension PluginCommand {
    /// Begins a plugin.
    struct New: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write a complete small plugin: manifest with examples, source, study.")
        @ArgumentParser.Argument(
            help: ArgumentHelp("Lower-case letters, digits and '_'; its functions are called so.", valueName: "name"))
        var name: String
        @Option(help: ArgumentHelp(Component.Kind.allCases.map(\.rawValue).joined(separator: ", ") + "."))
        var kind: String
        @Option(help: ArgumentHelp(Language.allCases.map(\.rawValue).joined(separator: ", ") + "."))
        var lang = Language.c.rawValue
        @Option(help: ArgumentHelp("The folder to write (default: the name).", valueName: "dir"))
        var dir: String?

        func run() throws {
            try Failure.report {
                let kind: Component.Kind = try choice(kind, "kind")
                let language: Language = try choice(lang, "language")
                let template = try PluginTemplate(kind: kind, language: language, name: name)
                let folder = dir ?? name
                let files = try template.write(to: folder)
                print("\(folder): \(files.joined(separator: ", "))")
                print("next: see \(folder)/README.md")
            }
        }

        private func choice<Choice: RawRepresentable & CaseIterable>(
            _ text: String, _ what: String
        ) throws -> Choice where Choice.RawValue == String {
            if let choice = Choice(rawValue: text) { return choice }
            let known = Choice.allCases.map(\.rawValue)
            throw AuthoringError(sentence: "unknown \(what) '\(text)'" + Nearest.hint(for: text, among: known))
        }
    }

    /// The manifest's functions for a C compiler.
    struct HeaderFile: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "header", abstract: "Write the C header of a manifest's functions.")
        @ArgumentParser.Argument(
            help: ArgumentHelp("The plugin's folder, or the id of an installed plugin.", valueName: "dir"))
        var plugin: String
        @Option(name: .shortAndLong, help: ArgumentHelp("Write to a file instead of printing.", valueName: "file"))
        var output: String?
        @OptionGroup var plugins: PluginOptions

        func run() throws {
            try Failure.report {
                let text = try Header.text(of: manifest())
                guard let output else { return print(text, terminator: "") }
                try AtomicFile.write(Array(text.utf8), to: output)
            }
        }

        private func manifest() throws -> Manifest {
            if FileManager.default.fileExists(atPath: plugin + "/plugin.json") {
                return try Manifest.load(folder: plugin)
            }
            let registry = plugins.registry
            if let manifest = registry.manifests.first(where: { $0.id == plugin }) { return manifest }
            throw AuthoringError(
                sentence: "'\(plugin)' is no folder with a plugin.json, and no plugin has this id"
                    + Nearest.question(for: plugin, among: registry.manifests.map(\.id)))
        }
    }
}
