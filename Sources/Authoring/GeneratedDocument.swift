import Foundation
import Manifests

/// A page of the manual, or a part of one, that is made from the code, so that it cannot say anything else.
package enum GeneratedDocument: String, CaseIterable {
    case quantities, manifest, components

    /// In the repository.
    package var file: String {
        switch self {
        case .quantities: "docs/quantities.md"
        case .manifest: "docs/plugins/manifest-reference.md"
        case .components: "docs/components.md"
        }
    }

    package func text() throws -> String {
        switch self {
        case .quantities: QuantityCatalogue.text
        case .manifest:
            ManifestReference(schema: try StrictJSON.read("\(Installation.root)/Schemas/plugin.schema.json").root)
                .text
        case .components: try ComponentIndex(plugins: "\(Installation.root)/Plugins", pages: "../Plugins").text
        }
    }

    private static let begin = "<!-- made by `./dev docs`: begin -->\n", end = "<!-- made by `./dev docs`: end -->\n"

    /// The page with its made part as it must be now; a page without marks is made as a whole.
    package func updated(_ page: String) throws -> String {
        guard let begin = page.range(of: Self.begin), let end = page.range(of: Self.end) else { return try text() }
        return "\(page[..<begin.upperBound])\n\(try text())\n\(page[end.lowerBound...])"
    }
}
