import Foundation
import Manifests
import OrderedCollections
import PluginHost

/// `syzygy.lock.json` beside a study: the plugins that it uses, byte for byte (`Schemas/lock.schema.json`).
package struct LockFile: Hashable, Sendable {
    package static let name = "syzygy.lock.json"

    struct Plugin: Hashable, Sendable {
        /// Its `libraryDigest` is that of this kind of machine, empty if the lock has none.
        var digests: PluginDigests
        /// By the kind of machine.
        var libraries: OrderedDictionary<String, String>
    }

    package var path: String
    var host: String
    var plugins: [Plugin]

    package var count: Int { plugins.count }

    /// This kind of machine.
    static var machine: String {
        #if arch(x86_64)
            "x86_64-linux-gnu"
        #elseif arch(arm64)
            "aarch64-linux-gnu"
        #else
            "unknown-linux-gnu"
        #endif
    }

    /// Of the plugins as they are now; what an earlier lock says of other machines stays if the rest is the same.
    package init(path: String, plugins: [PluginDigests], earlier: LockFile? = nil) {
        self.path = path
        host = Version.current
        self.plugins = plugins.sorted { $0.id < $1.id }.map { digests in
            var libraries: OrderedDictionary<String, String> = [:]
            if let old = earlier?.plugins.first(where: { $0.digests.id == digests.id })?.matching(digests) {
                libraries = old
            }
            libraries[Self.machine] = digests.libraryDigest
            libraries.sort { $0.key < $1.key }
            return Plugin(digests: digests, libraries: libraries)
        }
    }

    /// The plugins of plans, with libraries of the system as they are found here.
    package static func digests(of plans: [StudyPlan], _ registry: Registry) throws(StudyError) -> [PluginDigests] {
        let used = Set(plans.flatMap(\.runs).flatMap(\.plugins).map(\.id))
        do {
            return try registry.manifests.filter { used.contains($0.id) }.map { manifest in
                let digests = try ComponentLoader.digests(of: manifest, locatesSystem: true)
                guard !digests.libraryDigest.isEmpty else {
                    throw StudyError("plugin \(manifest.id): its library is not found on this system")
                }
                return digests
            }
        } catch {
            throw error as? StudyError ?? StudyError("\(error)")
        }
    }

    /// The lock beside a study; nil if there is none.
    package static func beside(folder: String) throws(StudyError) -> LockFile? {
        let path = "\(folder)/\(name)"
        return FileManager.default.fileExists(atPath: path) ? try LockFile(reading: path) : nil
    }

    // MARK: Comparing

    /// What differs from the lock, one line each; empty if the plugins are the locked ones.
    package func differences(of plugins: [PluginDigests]) -> [String] {
        var lines = host == Version.current ? [] : ["syzygy: expected version \(host), found \(Version.current)"]
        for found in plugins.sorted(by: { $0.id < $1.id }) {
            guard let locked = self.plugins.first(where: { $0.digests.id == found.id }) else {
                lines.append("plugin \(found.id) is not in the lock")
                continue
            }
            guard locked.libraries[Self.machine] != nil else {
                let known = locked.libraries.keys.joined(separator: ", ")
                lines.append("plugin \(found.id): the lock has libraries for \(known), none for \(Self.machine)")
                continue
            }
            lines += found.differences(from: locked.digests).map { "plugin \(found.id): \($0)" }
        }
        return lines.map { "\(path): \($0)" }
    }

    /// Digests of a run with those that it has not itself, of libraries of the system.
    func completed(_ digests: PluginDigests) -> PluginDigests {
        var digests = digests
        if digests.libraryDigest.isEmpty {
            digests.libraryDigest = plugins.first { $0.digests.id == digests.id }?.digests.libraryDigest ?? ""
        }
        return digests
    }

    // MARK: The file

    package init(reading path: String) throws(StudyError) {
        let root: JSON
        do {
            let document = try StrictJSON.read(path)
            let problems = try Installation.schema("lock.schema.json").problems(in: document)
            guard problems.isEmpty else { throw StudyError(lines: problems.map(\.description)) }
            root = document.root
        } catch {
            throw error as? StudyError ?? StudyError("\(error)")
        }
        self.path = path
        host = root["syzygy"]?.string ?? ""
        plugins = (root["plugins"]?.array ?? []).map { item in
            func digests(_ key: String) -> OrderedDictionary<String, String> {
                (item[key]?.object ?? [:]).compactMapValues(\.string)
            }
            let libraries = digests("library_sha256")
            return Plugin(
                digests: PluginDigests(
                    id: item["id"]?.string ?? "", version: item["version"]?.string ?? "",
                    manifestDigest: item["manifest_sha256"]?.string ?? "",
                    libraryDigest: libraries[Self.machine] ?? "", fileDigests: digests("files_sha256")),
                libraries: libraries)
        }
    }

    package func write() throws(StudyError) {
        let items = plugins.map { plugin -> JSON in
            var item = plugin.digests.json.object ?? [:]
            item["library_sha256"] = .object(plugin.libraries.mapValues(JSON.string))
            return .object(item)
        }
        try JSONFile.write(
            .object(["lock": .int(1), "syzygy": .string(host), "plugins": .array(items)]), to: path)
    }
}

extension LockFile.Plugin {
    /// Libraries of all machines, if version, manifest and data files are those of `digests`.
    fileprivate func matching(_ digests: PluginDigests) -> OrderedDictionary<String, String>? {
        var same = digests
        same.libraryDigest = self.digests.libraryDigest
        return same == self.digests ? libraries : nil
    }
}
