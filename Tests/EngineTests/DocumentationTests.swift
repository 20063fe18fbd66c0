import Engine
import Foundation
import Manifests
import Testing

/// The tables of docs/plugins/graph.md against the operations that plugins can apply.
@Suite struct DocumentationTests {
    /// Operations and attributes named by the first cells of a section's tables.
    private func tables(_ text: Substring) -> [(operations: [String], attributes: [String])] {
        func names(_ text: String) -> [String] {
            text.split(separator: "`", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }
                .map { String($0.element) }
        }
        return text.split(separator: "\n").filter { $0.hasPrefix("| `") }.map { line in
            let cell = String(line.dropFirst(2).prefix { $0 != "|" })
            // Attributes stand in brackets.
            var outside = "", inside = "", depth = 0
            for character in cell {
                if character == "(" { depth += 1 }
                if depth == 0 { outside.append(character) } else { inside.append(character) }
                if character == ")" { depth -= 1 }
            }
            return (names(outside), names(inside))
        }
    }

    @Test func everyOperationIsListedWithItsAttributes() throws {
        let file = try Installation.root + "/docs/plugins/graph.md"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let begin = try #require(text.range(of: "## Operations")).upperBound
        let lists = try #require(text.range(of: "**With a list of sizes or axes**")).lowerBound
        let end = try #require(text.range(of: "## Training and evaluation")).lowerBound
        let rows = tables(text[begin..<lists])
        let listed = rows.flatMap(\.operations)
        #expect(Set(listed) == Set(Graph.operationNames) && Set(listed).count == listed.count)
        let onLists = tables(text[lists..<end]).flatMap(\.operations)
        #expect(onLists.sorted() == Graph.listOperationNames.sorted())
        for row in rows {
            let known = Set(row.operations.flatMap(Graph.attributeNames(of:)))
            // Those of one axis of a window are listed above their table.
            let sides = ["_h", "_w", "_top", "_bottom", "_left", "_right"]
            for name in known.subtracting(row.attributes) {
                #expect(
                    sides.contains { name.hasSuffix($0) } && text.contains("`\(name)`"), "\(row.operations): \(name)")
            }
            #expect(known.isSuperset(of: row.attributes), "\(row.operations): \(row.attributes)")
        }
    }
}
