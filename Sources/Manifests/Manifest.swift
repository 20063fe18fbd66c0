/// A plugin's `plugin.json`, read and checked; `docs/plugins/manifest.md` says what the words mean.
package struct Manifest: Sendable {
    /// The plugin's folder as it was given.
    package var folder: String
    /// The file, for messages with a position.
    package var document: Document
    package var id: String
    package var version: String
    package var name: String
    package var summary: String
    package var license: String
    package var authors: [String]
    package var references: [Reference]
    package var library: Library
    package var components: [Component]

    /// The data files that its functions read, sorted.
    package var files: [String] {
        let names = components.flatMap(\.functions).flatMap(\.arguments).compactMap { argument in
            if case .file(let name) = argument.source { name } else { nil }
        }
        return Set(names).sorted()
    }

    package enum Library: Hashable, Sendable {
        /// `lib<name>.so` in the plugin's folder, else beside the executable.
        case named(String)
        /// A library of the system, found by the loader.
        case system(String)
    }
}

extension Manifest {
    /// Reads `plugin.json` of a folder. Runs no code of the plugin; reports everything that is wrong at once.
    package static func load(folder: String) throws(ManifestError) -> Manifest {
        try Manifest(document(in: folder), folder: folder)
    }

    /// The same; nil, unchecked, for a plugin whose id is not wanted. Most of the time of reading goes into checks.
    package static func load(folder: String, only ids: Set<String>?) throws(ManifestError) -> Manifest? {
        let document = try document(in: folder)
        if let ids, let id = document.root["id"]?.string, !ids.contains(id) { return nil }
        return try Manifest(document, folder: folder)
    }

    private static func document(in folder: String) throws(ManifestError) -> Document {
        do throws(Problem) {
            return try StrictJSON.read("plugin.json", in: folder)
        } catch {
            throw ManifestError([error])
        }
    }

    /// Checks a document against the schema, then everything that a schema cannot say.
    package init(_ document: Document, folder: String) throws(ManifestError) {
        let problems = try Manifest.schema().problems(in: document)
        if !problems.isEmpty { throw ManifestError(problems) }
        self = ManifestReader(document: document, folder: folder).manifest()
        let mistakes = ManifestChecks.problems(in: self)
        if !mistakes.isEmpty { throw ManifestError(mistakes) }
    }

    private static let loadedSchema = Result { try Installation.schema("plugin.schema.json") }

    private static func schema() throws(ManifestError) -> Schema {
        switch loadedSchema {
        case .success(let schema): return schema
        case .failure(let problem as Problem): throw ManifestError([problem])
        case .failure(let error): throw ManifestError([Problem(file: "plugin.schema.json", sentence: "\(error)")])
        }
    }
}

/// A paper, book or page.
package struct Reference: Hashable, Sendable {
    package var title: String
    package var arxiv: String?
    package var doi: String?
    package var url: String?
    /// Section, equation, page.
    package var place: String?
}
