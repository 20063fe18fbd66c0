import Foundation
import Manifests
import Testing

/// The manifests of this repository's own plugins.
@Suite struct ShippedManifestTests {
    private static let folders: [String] = {
        guard let root = try? Installation.root else { return [] }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(root)/Plugins")) ?? []
        return names.sorted().map { "\(root)/Plugins/\($0)" }
            .filter { FileManager.default.fileExists(atPath: "\($0)/plugin.json") }
    }()

    @Test(arguments: folders) func loads(_ folder: String) throws {
        let manifest = try Manifest.load(folder: folder)
        #expect(!manifest.components.isEmpty)
    }

    /// Sizes of variables come from nothing that only datasets have.
    @Test(arguments: ["rows", "describe"]) func variablesHaveSizesOfTheirOwn(size: String) throws {
        let path = try Installation.root + "/Plugins/Reparametrization/plugin.json"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let edited = text.replacing("\"shape\": [\"rows_of_w\"]", with: "\"shape\": [\"\(size)\"]")
        try #require(edited != text)
        let error = #expect(throws: ManifestError.self) {
            try Manifest(try StrictJSON.parse(edited, file: "plugin.json"), folder: "")
        }
        #expect(error?.description == "plugin.json:64:42: a variable's sizes are integers or names of 'dims'")
    }

    @Test func idsAreUnique() throws {
        var ids: Set<String> = []
        for folder in Self.folders {
            let manifest = try Manifest.load(folder: folder)
            for component in manifest.components {
                #expect(ids.insert(component.fullID).inserted, "\(component.fullID)")
            }
        }
    }
}
