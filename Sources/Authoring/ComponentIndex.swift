import Foundation
import Manifests

/// The page that lists what a folder of plugins contributes, kind by kind, with links to the pages of the plugins: their READMEs, which lie
/// with the code so that a published plugin has its page too.
package struct ComponentIndex {
    package let text: String

    /// - Parameter pages: how the page gets to the folder.
    package init(plugins folder: String, pages: String) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        let manifests = try names.filter {
            FileManager.default.fileExists(atPath: "\(folder)/\($0)/plugin.json")
        }.map { (name: $0, manifest: try Manifest.load(folder: "\(folder)/\($0)")) }
        let all = manifests.flatMap { plugin in plugin.manifest.components.map { (plugin.name, $0) } }
        var lines = [
            "# Components", "",
            "What the shipped plugins contribute, made from their manifests by `syzygy docs components`. A plugin's page has formulas, conventions and sources;"
                + " `syzygy plugin show ID` has params and outputs.",
        ]
        for kind in Component.Kind.allCases {
            let own = all.filter { $0.1.kind == kind }
            guard !own.isEmpty else { continue }
            let title = kind == .probe || kind == .procedure ? "outputs" : "params"
            lines += ["", "## \(kind.rawValue)", "", "| | | \(title) | page |", "| --- | --- | --- | --- |"]
            for (plugin, component) in own {
                let words =
                    kind == .probe || kind == .procedure
                    ? component.outputs.map(\.id) : component.parameters.map(\.id)
                let named = words.map { "`\($0)`" }.joined(separator: " ")
                lines.append(
                    "| `\(component.id)` | \(Self.cell(component.summary)) | \(named) | [\(plugin)](\(pages)/\(plugin)/README.md) |"
                )
            }
        }
        text = lines.joined(separator: "\n") + "\n"
    }

    private static func cell(_ text: String) -> String { text.replacingOccurrences(of: "|", with: "\\|") }
}
