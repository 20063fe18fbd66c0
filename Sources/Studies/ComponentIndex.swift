import Manifests
import OrderedCollections

/// A plugin that studies may use, with the digests of its files.
package struct InstalledPlugin: Sendable {
    package var manifest: Manifest
    package var manifestDigest: String
    package var libraryDigest: String

    package init(manifest: Manifest, manifestDigest: String, libraryDigest: String) {
        self.manifest = manifest
        self.manifestDigest = manifestDigest
        self.libraryDigest = libraryDigest
    }

    var record: RunRecord.Plugin {
        .init(id: manifest.id, version: manifest.version, manifestDigest: manifestDigest, libraryDigest: libraryDigest)
    }
}

/// Finds components by the names studies use: `sgd`, or `syzygy.sgd/sgd`.
package struct ComponentIndex: Sendable {
    struct Entry: Sendable {
        var component: Component
        var plugin: RunRecord.Plugin
    }

    private var entries: [Entry] = []

    package init(_ plugins: [InstalledPlugin]) {
        for plugin in plugins.sorted(by: { $0.manifest.id < $1.manifest.id }) {
            entries += plugin.manifest.components.map { Entry(component: $0, plugin: plugin.record) }
        }
    }

    /// The component of a kind with this name, or the sentence that says why there is none.
    func find(_ name: String, kind: Component.Kind) -> Result<Entry, StudyError> {
        let named = entries.filter { $0.component.id == name || $0.component.fullID == name }
        let fitting = named.filter { $0.component.kind == kind }
        if fitting.count == 1 { return .success(fitting[0]) }
        if fitting.count > 1 {
            let names = fitting.map { "'\($0.component.fullID)'" }.joined(separator: " or ")
            return .failure(StudyError("'\(name)' is in \(fitting.count) plugins; write \(names)"))
        }
        let ofKind = entries.filter { $0.component.kind == kind }
        let ids = OrderedSet(ofKind.map(\.component.id)).elements
        let list = ids.isEmpty ? "none is installed; see --plugin-path" : ids.joined(separator: ", ")
        if let other = named.first {
            return .failure(
                StudyError("'\(name)' is a \(other.component.kind.rawValue), expected a \(kind.rawValue) (\(kind.plural): \(list))"))
        }
        let names = name.contains("/") ? ofKind.map(\.component.fullID) : ids
        let hint = Nearest.name(to: name, among: names).map { "; did you mean '\($0)'?" } ?? ""
        return .failure(StudyError("no \(kind.rawValue) is called '\(name)'\(hint) (\(kind.plural): \(list))"))
    }
}

extension Component.Kind {
    var plural: String { rawValue.hasSuffix("s") ? rawValue + "es" : rawValue + "s" }
}
