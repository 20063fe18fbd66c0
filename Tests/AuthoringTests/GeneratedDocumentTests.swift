import Authoring
import Foundation
import Manifests
import Testing

@Suite struct GeneratedDocumentTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
        "../..")

    @Test(arguments: GeneratedDocument.allCases) func isCurrent(_ document: GeneratedDocument) throws {
        let file = Self.root.appendingPathComponent(document.file)
        let page = try String(contentsOf: file, encoding: .utf8)
        #expect(try document.updated(page) == page, "./dev docs brings \(document.file) up to date")
    }

    /// Every quantity that the code knows is explained, with as many axes as it has.
    @Test func quantitiesAreExplained() throws {
        for basic in QuantityExpression.Basic.allCases {
            let entry = try #require(
                QuantityCatalogue.entry(basic), "\(basic.rawValue) has no line in QuantityCatalogue")
            if entry.name.hasSuffix("*") { continue }
            #expect(entry.shape.split(separator: "×").count == basic.form.rank, "\(entry.name)")
        }
        for function in QuantityExpression.Function.allCases {
            let entry = try #require(
                QuantityCatalogue.entry(function), "\(function.rawValue) has no line in QuantityCatalogue")
            let arguments = entry.name.split(separator: "(").last?.split(separator: ",").count
            #expect(arguments == function.forms.count, "\(entry.name)")
        }
    }

    private static func reference() throws -> ManifestReference {
        ManifestReference(schema: try StrictJSON.read("\(Installation.root)/Schemas/plugin.schema.json").root)
    }

    @Test func everyKeyHasAMeaning() throws {
        #expect(try Self.reference().undescribed == [], "Schemas/plugin.schema.json lacks a description of these")
    }

    /// A kind, a key and a source of arguments that are added to the schema are on the page without further ado.
    @Test func whatIsNewIsThere() throws {
        let text = """
            {"type": "object", "properties": {"components": {"description": "C.", "type": "array", "maxItems": 3,
              "items": {"$ref": "#/$defs/component"}}},
             "$defs": {
              "component": {"properties": {"id": {"description": "Shared."}}, "oneOf": [{"$ref": "#/$defs/potion"}]},
              "potion": {"description": "Bubbles.", "type": "object", "required": ["kind"], "properties": {
                "kind": {"description": "K.", "const": "potion"}, "id": {"type": "string"},
                "hue": {"enum": ["red", "blue"], "default": "red"}}}}}
            """
        let reference = ManifestReference(schema: try StrictJSON.parse(text, file: "f").root)
        for line in [
            "| `components` | a list of [component](#component) (at most 3) |  | C. |",
            "| `potion` | [potion](#potion) | Bubbles. |",
            "| **`kind`** | `potion` |  | K. |", "| `id` | a string |  | Shared. |",
            "| `hue` | `red`, `blue` | `\"red\"` |  |",
            "Stands in: [component](#component).",
        ] {
            #expect(reference.text.contains(line), "\(line)\n\(reference.text)")
        }
        #expect(reference.undescribed == ["potion.hue"])
    }
}
