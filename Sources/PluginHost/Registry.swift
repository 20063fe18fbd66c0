import Foundation
import Manifests
import Synchronization

/// All plugins found on the search path, by their manifests; no plugin code runs.
package struct Registry: Sendable {
    /// A folder with a manifest that cannot be used, and why.
    package struct Rejected: Sendable {
        package var folder: String
        package var error: ManifestError
    }

    package private(set) var manifests: [Manifest] = []
    /// By id and by full id: positions of manifest and component. A large sweep asks for thousands.
    private var places: [String: [(manifest: Int, component: Int)]] = [:]
    package private(set) var rejected: [Rejected] = []
    /// Folders whose plugin id was found before in another folder.
    package private(set) var shadowed: [String] = []

    /// Reads every `<path>/*/plugin.json`, and `<path>/plugin.json` itself, in the order of the paths; the first plugin of an id
    /// wins.
    /// - Parameters:
    ///   - wanted: ids of the plugins to check and keep; nil: all.
    ///   - startsThreads: reads them with all cores.
    package init(paths: [String], only wanted: Set<String>? = nil, startsThreads: Bool = true) {
        let folders = paths.flatMap(Self.folders)
        var ids: Set<String> = []
        for (folder, result) in zip(folders, Self.load(folders, wanted, startsThreads)) {
            switch result {
            case nil: continue
            case .success(let manifest) where ids.insert(manifest.id).inserted: manifests.append(manifest)
            case .success: shadowed.append(folder)
            case .failure(let error): rejected.append(Rejected(folder: folder, error: error))
            }
        }
        index()
    }

    private mutating func index() {
        places = [:]
        for (i, manifest) in manifests.enumerated() {
            for (j, component) in manifest.components.enumerated() {
                for name in [component.id, component.fullID] { places[name, default: []].append((i, j)) }
            }
        }
    }

    /// The plugin of a folder alone.
    func only(_ folder: String) -> Registry? {
        guard let manifest = manifests.first(where: { $0.folder == folder }) else { return nil }
        var one = Registry(paths: [])
        one.manifests = [manifest]
        one.index()
        return one
    }

    /// Manifests of folders, in their order; nil where none is wanted.
    private static func load(
        _ folders: [String], _ wanted: Set<String>?, _ startsThreads: Bool
    ) -> [Result<Manifest, ManifestError>?] {
        @Sendable func load(_ folder: String) -> Result<Manifest, ManifestError>? {
            do throws(ManifestError) {
                return try Manifest.load(folder: folder, only: wanted).map(Result.success)
            } catch {
                return .failure(error)
            }
        }
        if folders.count == 1 || !startsThreads { return folders.map(load) }
        let results = Mutex([Result<Manifest, ManifestError>?](repeating: nil, count: folders.count))
        DispatchQueue.concurrentPerform(iterations: folders.count) { index in
            let result = load(folders[index])
            results.withLock { $0[index] = result }
        }
        return results.withLock(\.self)
    }

    /// `--plugin-path`, then `SYZYGY_PLUGIN_PATH`, `$XDG_DATA_HOME/syzygy/plugins` and the plugins of this installation.
    package static func searchPath(options: [String] = []) -> [String] {
        let environment = ProcessInfo.processInfo.environment
        let variable = (environment["SYZYGY_PLUGIN_PATH"] ?? "").split(separator: ":").map(String.init)
        let home = environment["XDG_DATA_HOME"] ?? (environment["HOME"] ?? "") + "/.local/share"
        let shipped = (try? Installation.root).map { [$0 + "/Plugins"] } ?? []
        return options + variable.filter { $0.hasPrefix("/") } + [home + "/syzygy/plugins"] + shipped
    }

    /// Whether a plugin's folder is one of this installation.
    package static func isShipped(_ folder: String) -> Bool {
        guard let root = try? Installation.root else { return false }
        func real(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }
        return real(folder).hasPrefix(real(root + "/Plugins") + "/")
    }

    /// True if a manifest is where `init` looks for one, good or bad.
    package static func hasPlugins(_ path: String) -> Bool {
        isPlugin(path) || names(in: path).contains(where: isPlugin)
    }

    private static func folders(in path: String) -> [String] {
        if isPlugin(path) { return [path] }
        return names(in: path).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.filter(isPlugin)
    }

    private static func names(in path: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).map { path + "/" + $0 }
    }

    private static func isPlugin(_ folder: String) -> Bool { access(folder + "/plugin.json", F_OK) == 0 }

    /// The component that a study calls `name`: `sgd`, or `syzygy.sgd/sgd` where two plugins share an id.
    package func component(_ name: String, kind: Component.Kind) throws(PluginError) -> (Manifest, Component) {
        let found = (places[name] ?? []).filter { manifests[$0.manifest].components[$0.component].kind == kind }
        if found.count == 1 {
            let manifest = manifests[found[0].manifest]
            return (manifest, manifest.components[found[0].component])
        }
        let all = manifests.flatMap { manifest in manifest.components.map { (manifest, $0) } }
        if found.count > 1 {
            let ids = found.map { manifests[$0.manifest].components[$0.component].fullID }.joined(separator: ", ")
            throw PluginError("\(kind.rawValue) '\(name)'", "several plugins have it; write one of \(ids)")
        }
        if let other = all.first(where: { $0.1.id == name || $0.1.fullID == name }) {
            throw PluginError(
                "\(kind.rawValue) '\(name)'", "'\(name)' is \(other.1.kind.withArticle), not \(kind.withArticle)")
        }
        let names = all.filter { $0.1.kind == kind }.map(\.1.id)
        throw PluginError(
            "\(kind.rawValue) '\(name)'",
            "no plugin has \(kind.withArticle) '\(name)'\(Nearest.hint(for: name, among: names))")
    }
}
