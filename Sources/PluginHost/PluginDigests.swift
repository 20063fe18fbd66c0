import Foundation
import LinearAlgebra
import Manifests
import OrderedCollections

/// Which plugin exactly: its version and the SHA-256 of its files, for identities and records of runs.
package struct PluginDigests: Hashable, Sendable {
    package var id: String
    package var version: String
    package var manifestDigest: String
    /// Empty for a library of the system.
    package var libraryDigest: String
    /// Of the data files that its functions read, by name.
    package var fileDigests: OrderedDictionary<String, String>

    package init(
        id: String, version: String, manifestDigest: String, libraryDigest: String,
        fileDigests: OrderedDictionary<String, String> = [:]
    ) {
        self.id = id
        self.version = version
        self.manifestDigest = manifestDigest
        self.libraryDigest = libraryDigest
        self.fileDigests = fileDigests
    }

    package var json: JSON {
        var json: OrderedDictionary<String, JSON> = [
            "id": .string(id), "version": .string(version),
            "manifest_sha256": .string(manifestDigest), "library_sha256": .string(libraryDigest),
        ]
        if !fileDigests.isEmpty { json["files_sha256"] = .object(fileDigests.mapValues(JSON.string)) }
        return .object(json)
    }

    package init?(_ json: JSON) {
        guard let id = json["id"]?.string, let version = json["version"]?.string,
            let manifest = json["manifest_sha256"]?.string, let library = json["library_sha256"]?.string
        else { return nil }
        self.init(
            id: id, version: version, manifestDigest: manifest, libraryDigest: library,
            fileDigests: (json["files_sha256"]?.object ?? [:]).compactMapValues(\.string))
    }

    /// What differs, one line for each: `library libRank.so: expected SHA-256 …, found …`.
    package func differences(from expected: PluginDigests) -> [String] {
        func line(_ what: String, _ expected: String, _ found: String) -> String? {
            guard expected != found else { return nil }
            func words(_ digest: String) -> String { digest.isEmpty ? "none" : digest }
            return "\(what): expected SHA-256 \(words(expected)), found \(words(found))"
        }
        let names = OrderedSet(expected.fileDigests.keys).union(fileDigests.keys)
        return [
            version == expected.version ? nil : "version: expected \(expected.version), found \(version)",
            line("plugin.json", expected.manifestDigest, manifestDigest),
            line("library", expected.libraryDigest, libraryDigest),
        ].compactMap(\.self)
            + names.compactMap { line("file '\($0)'", expected.fileDigests[$0] ?? "", fileDigests[$0] ?? "") }
    }
}

extension ComponentLoader {
    /// Digests of a plugin's files, without opening the library.
    /// - Parameter locatesSystem: whether a library of the system counts, as the dynamic linker would find it here.
    package static func digests(of manifest: Manifest, locatesSystem: Bool = false) throws -> PluginDigests {
        var library = ""
        switch manifest.library {
        case .named:
            if let path = try libraryPath(of: manifest) {
                let folder = try PluginFolder((path as NSString).deletingLastPathComponent)
                library = try FileDigest.of(folder.open((path as NSString).lastPathComponent))
            }
        case .system(let name):
            if locatesSystem, let path = SystemLibrary.locate(name),
                case .digest(let digest, _) = SystemLibrary.content(of: path)
            {
                library = digest
            }
        }
        let folder = try PluginFolder(manifest.folder)
        var files: OrderedDictionary<String, String> = [:]
        for name in manifest.files { files[name] = try FileDigest.of(folder.open(name)) }
        return PluginDigests(
            id: manifest.id, version: manifest.version,
            manifestDigest: try FileDigest.of(folder.open("plugin.json")), libraryDigest: library,
            fileDigests: files)
    }
}
