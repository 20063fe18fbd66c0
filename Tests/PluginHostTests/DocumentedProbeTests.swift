import Foundation
import Manifests
import PluginHost
import PluginTesting
import Testing

/// The complete probes of the manual: each page's C source and manifest, as they stand there.
@Suite struct DocumentedProbeTests {
    @Test(arguments: ["pairs", "streaming", "probe-state"]) func examplesHold(page: String) throws {
        let text = try String(contentsOfFile: Installation.root + "/docs/plugins/\(page).md", encoding: .utf8)
        func block(_ language: String) throws -> String {
            let parts = text.components(separatedBy: "```\(language)\n")
            try #require(parts.count == 2)
            return parts[1].components(separatedBy: "```")[0]
        }
        let manifest = try block("json").replacing(/"library": "[a-z]+"/, with: #""library": "Case""#)
        let plugin = try TemporaryPlugin(source: try block("c"), manifest: manifest, flags: ["-Wall", "-Werror"])
        let id = try #require(plugin.registry.manifests.first?.id, "\(plugin.registry.rejected)")
        let (count, failures) = try exampleFailures(ofPlugin: id, registry: plugin.registry)
        #expect(count == 1 && failures.isEmpty, "\(failures)")
    }
}
