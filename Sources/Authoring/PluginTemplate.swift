import ArrayFiles
import Foundation
import Manifests

/// A complete small plugin of a kind, as files: the folder `Templates` of the installation holds for each kind one
/// manifest, one study and a source per language, all of a plugin called `newname`.
package struct PluginTemplate {
    package var kind: Component.Kind
    package var language: Language
    package var name: String

    /// - Throws: if the name cannot be that of a plugin.
    package init(kind: Component.Kind, language: Language, name: String) throws(AuthoringError) {
        (self.kind, self.language, self.name) = (kind, language, name)
        if let problem = Self.problem(with: name) { throw AuthoringError(sentence: problem) }
    }

    /// Writes the plugin into a folder that does not exist or is empty, and returns the names of its files.
    package func write(to folder: String) throws -> [String] {
        let templates = try Installation.root + "/Templates"
        guard FileManager.default.fileExists(atPath: "\(templates)/\(kind.rawValue)") else {
            throw AuthoringError(
                sentence:
                    "there is no template for \(kind.withArticle) yet; docs/plugins/manifest.md says what it needs")
        }
        try makeEmpty(folder)
        let source = "\(name).\(language.ending)"
        try copy("\(templates)/\(kind.rawValue)/plugin.json", to: "\(folder)/plugin.json")
        let manifest = try Manifest.load(folder: folder)
        let takesServices = manifest.components.flatMap(\.functions).flatMap(\.arguments).contains {
            $0.type == .service
        }
        try copy("\(templates)/\(kind.rawValue)/\(Self.placeholder).\(language.ending)", to: "\(folder)/\(source)")
        try copy("\(templates)/\(kind.rawValue)/study.yaml", to: "\(folder)/study.yaml")
        var files = ["plugin.json", source, "study.yaml", "README.md"]
        if language.readsHeaders {
            try write(Header.text(of: manifest), to: "\(folder)/\(name).h")
            files.append("\(name).h")
        }
        if takesServices {
            var originals = language.readsHeaders ? [try Self.serviceHeader()] : []
            if let services = language.services { originals.append("\(templates)/\(services)") }
            for original in originals {
                let file = (original as NSString).lastPathComponent
                try write(try read(original), to: "\(folder)/\(file)")
                files.append(file)
            }
        }
        let header =
            language.readsHeaders
            ? "| `\(name).h` | the same functions for the compiler, which refuses a source that disagrees; after a change of "
                + "`plugin.json`: `syzygy plugin header . --output \(name).h` |\n" : ""
        try copy(
            "\(templates)/README.md", to: "\(folder)/README.md",
            [
                "@summary@": manifest.summary, "@source@": source, "@header@\n": header,
                "@build@": language.build(name, takesServices: takesServices), "@kind@": kind.rawValue,
            ])
        return files
    }

    // MARK: Names

    private static let placeholder = "newname"
    private static let longest = 30

    /// What is wrong with a name; nil if nothing is.
    private static func problem(with name: String) -> String? {
        let letters = Set("abcdefghijklmnopqrstuvwxyz"), others = Set("0123456789_")
        guard let first = name.first, letters.contains(first),
            name.allSatisfy({ letters.contains($0) || others.contains($0) })
        else {
            let suggestion = String(name.lowercased().map { letters.contains($0) || others.contains($0) ? $0 : "_" })
                .drop { !letters.contains($0) }
            let hint = suggestion.isEmpty ? "" : "; '\(suggestion)' would do"
            return
                "'\(name)' cannot be a plugin's name: lower-case letters, digits and '_', beginning with a letter\(hint)"
        }
        guard name.count <= longest else {
            return "'\(name)' is too long for a plugin's name: \(name.count) letters, at most \(longest)"
        }
        // It becomes the name of a C function.
        if reserved.contains(name) { return "'\(name)' is a word of the language; choose another name" }
        if dlsym(nil, name) != nil {
            return "'\(name)' is a function of the system's libraries; choose another name"
        }
        return nil
    }

    /// Words of C, Swift, Rust or Fortran that the rule for names allows, and the modules of templates.
    private static let reserved: Set<String> = [
        "as", "async", "auto", "await", "bool", "box", "break", "case", "catch", "char", "class", "const", "continue",
        "crate",
        "default", "defer", "deinit", "do", "double", "dyn", "else", "enum", "extension", "extern", "false", "float",
        "fn",
        "for", "func", "function", "goto", "guard", "if", "impl", "import", "in", "init", "inline", "inout", "int",
        "internal", "is", "let", "long", "loop", "match", "mod", "module", "move", "mut", "nil", "operator",
        "private",
        "protocol", "public", "real", "ref", "register", "repeat", "restrict", "return", "self", "short", "signed",
        "sizeof",
        "static", "struct", "subroutine", "subscript", "super", "switch", "syzygy", "throw", "throws", "trait",
        "true", "try",
        "type", "typedef", "typealias", "union", "unsafe", "unsigned", "use", "var", "void", "volatile", "where",
        "while",
    ]

    // MARK: Files

    private func makeEmpty(_ folder: String) throws {
        let manager = FileManager.default
        if let names = try? manager.contentsOfDirectory(atPath: folder) {
            if let first = names.sorted().first {
                let more = names.count > 1 ? " and \(names.count - 1) more" : ""
                throw AuthoringError(
                    sentence:
                        "the folder '\(folder)' holds \(first)\(more); nothing is overwritten: choose another with --dir"
                )
            }
        } else if manager.fileExists(atPath: folder) {
            throw AuthoringError(sentence: "'\(folder)' is a file; choose a folder with --dir")
        }
        do {
            try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw AuthoringError(sentence: "the folder '\(folder)' cannot be made: \(error.localizedDescription)")
        }
    }

    private func copy(_ template: String, to path: String, _ words: [String: String] = [:]) throws {
        var text = try read(template)
        for (word, value) in words { text = text.replacing(word, with: value) }
        for context in ["org.example.", "study: "] {  // ids of plugins and names of studies have hyphens
            text = text.replacing(context + Self.placeholder, with: context + name.replacing("_", with: "-"))
        }
        try write(text.replacing(Self.placeholder, with: name), to: path)
    }

    private func read(_ path: String) throws(AuthoringError) -> String {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw AuthoringError(sentence: "\(path): this file of the installation is missing")
        }
        return text
    }

    private func write(_ text: String, to path: String) throws { try AtomicFile.write(Array(text.utf8), to: path) }

    /// `syzygy.h` of this installation.
    private static func serviceHeader() throws -> String {
        let root = try Installation.root
        let places = ["include", "Sources/CSyzygy/include"].map { "\(root)/\($0)/syzygy.h" }
        return places.first { FileManager.default.fileExists(atPath: $0) } ?? places[0]
    }
}

/// What an author asked for and cannot have, in a sentence.
package struct AuthoringError: Error, Hashable, Sendable, CustomStringConvertible {
    package var sentence: String

    package init(sentence: String) { self.sentence = sentence }

    package var description: String { sentence }
}
