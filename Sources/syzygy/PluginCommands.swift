import ArgumentParser
import Authoring
import Foundation
import Manifests
import PluginHost

/// What is installed. Of these commands only `validate`, in other processes, and `replay` run code of a plugin.
struct PluginCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plugin",
        abstract: "List, show, check, begin and validate plugins; only 'validate' and 'replay' run code of theirs.",
        subcommands: [
            List.self, Show.self, Check.self, New.self, HeaderFile.self, Validate.self, ValidateOne.self, Replay.self,
        ])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the components of all plugins found.")
        @OptionGroup var plugins: PluginOptions

        func run() throws {
            let registry = plugins.registry
            let components = registry.manifests.flatMap(\.components)
            let width = components.map(\.id.count).max() ?? 0
            let pluginWidth = components.map(\.plugin.count).max() ?? 0
            for kind in Component.Kind.allCases {
                for component in components where component.kind == kind {
                    let columns = [
                        kind.rawValue.padded(11), component.id.padded(width), component.plugin.padded(pluginWidth),
                    ]
                    print((columns + [component.summary.firstSentence]).joined(separator: "  "))
                }
            }
            for folder in registry.shadowed {
                Failure.say("\(folder): not used, a plugin of the same id was found before")
            }
            for rejected in registry.rejected { Failure.say(rejected.error.description) }
            // To free some hundred manifests takes longer than to leave them.
            withExtendedLifetime(registry) { Self.exit(withError: registry.rejected.isEmpty ? nil : Failure.usage) }
        }
    }

    struct Replay: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Repeat a call that failed during a run, in this process: under a debugger, for example.")
        @ArgumentParser.Argument(help: ArgumentHelp("A file of a run's folder 'failures'.", valueName: "file"))
        var file: String

        func run() throws {
            try Failure.report(status: .failure) {
                let what = try PluginHost.Replay.run(file)
                print("\(what): the call returned this time")
            }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a plugin or a component: options, outputs, sources.")
        @ArgumentParser.Argument(
            help: ArgumentHelp("A component (sgd), a plugin (syzygy.sgd) or both (syzygy.sgd/sgd).", valueName: "id"))
        var id: String
        @OptionGroup var plugins: PluginOptions

        func run() throws {
            let registry = plugins.registry
            let shown = registry.manifests.flatMap { manifest in
                manifest.components.filter { [$0.id, $0.fullID, manifest.id].contains(id) }.map { (manifest, $0) }
            }
            guard !shown.isEmpty else {
                let names = registry.manifests.flatMap { [$0.id] + $0.components.map(\.id) }
                Failure.say(
                    "no plugin or component is called '\(id)'" + Nearest.hint(for: id, among: names, label: "known"))
                throw Failure.usage
            }
            print(shown.map { ComponentText.describe($1, of: $0) }.joined(separator: "\n\n"))
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check a plugin's manifest, that its library is there, and the types of its functions.")
        @ArgumentParser.Argument(help: ArgumentHelp("The plugin's folder, with plugin.json.", valueName: "dir"))
        var folder: String

        func run() throws {
            try Failure.report {
                let manifest = try Manifest.load(folder: folder)
                try Header.checkFiles(of: manifest)
                let files = try ComponentLoader.digests(of: manifest)
                let components = manifest.components.map { "\($0.kind.rawValue) \($0.id)" }.joined(separator: ", ")
                print("\(manifest.id) \(manifest.version): \(components)")
                print("manifest sha256 \(files.manifestDigest)")
                guard let library = try ComponentLoader.libraryPath(of: manifest) else { return }
                print("library  sha256 \(files.libraryDigest)")
                if let warning = FastMath.warning(of: manifest) { print("warning  \(warning)") }
                print("types    \(try DebugInformation(checking: manifest, library: library).words)")
            }
        }
    }
}

/// A component in words.
enum ComponentText {
    static func describe(_ component: Component, of manifest: Manifest) -> String {
        var lines = [
            "\(component.fullID): \(component.kind.rawValue), version \(manifest.version), \(manifest.license)"
        ]
        if !component.name.isEmpty { lines.append(component.name) }
        if !component.summary.isEmpty { lines.append(component.summary) }
        if !component.parameters.isEmpty {
            lines.append("options:")
            lines += component.parameters.map { "  \($0.summary)" }
        }
        if component.kind == .probe {
            lines.append("recorded\(component.scope.map { $0 == .run ? "" : " for each \($0.words)" } ?? ""):")
            for binding in component.expandedBindings() {
                let quantities = binding.quantities.map { "\($0) = \($1)" }.joined(separator: ", ")
                for output in component.outputs {
                    lines.append(
                        "  \(binding.recordedName(output))\(quantities.isEmpty ? "" : "  (\(quantities))")\(output.help.map { "  \($0)" } ?? "")"
                    )
                }
            }
        }
        if component.kind == .quantity {
            let open = component.openArguments.map { "\($0.name): \($0.form?.words ?? "")" }
            let list = open.isEmpty ? "" : "(\(open.joined(separator: ", ")))"
            lines.append("expression: \(component.fullID)\(list)")
            for output in component.outputs {
                lines.append("gives \(output.quantityForm.words)\(output.help.map { "  \($0)" } ?? "")")
            }
        }
        for reference in component.references + manifest.references {
            let details = [
                reference.arxiv.map { "arXiv:\($0)" }, reference.doi.map { "doi:\($0)" }, reference.url,
                reference.place,
            ]
            lines.append("source: " + ([reference.title] + details.compactMap(\.self)).joined(separator: ", "))
        }
        return lines.joined(separator: "\n")
    }
}

extension String {
    /// Up to the first full stop that ends a sentence: one after a letter or bracket and before a capital, not the dots of `fc1, ..`.
    fileprivate var firstSentence: String {
        let scalars = Array(unicodeScalars)
        func endsWord(_ scalar: Unicode.Scalar) -> Bool {
            scalar.properties.isAlphabetic || scalar.properties.numericType != nil || scalar == ")" || scalar == "]"
        }
        let stop = scalars.indices.dropFirst().dropLast(2).first { i in
            scalars[i] == "." && scalars[i + 1] == " " && scalars[i + 2].properties.isUppercase
                && endsWord(scalars[i - 1])
        }
        return stop.map { String(String.UnicodeScalarView(scalars[..<$0])) } ?? self
    }
}
