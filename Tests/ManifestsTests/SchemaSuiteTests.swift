import Foundation
import Manifests
import OrderedCollections
import Testing

/// The official JSON-Schema-Test-Suite. Debian's package `json-schema-test-suite` holds draft 7, which agrees with
/// 2020-12 on our keywords; `JSON_SCHEMA_SUITE` names the folder of another copy, such as `tests/draft2020-12`.
@Suite struct SchemaSuiteTests {
    private static let folder: String? = {
        let given = ProcessInfo.processInfo.environment["JSON_SCHEMA_SUITE"]
        let debian = "/usr/share/json-schema-test-suite/tests"
        return [given, "\(debian)/draft2020-12", "\(debian)/draft7"].compactMap(\.self)
            .first { FileManager.default.fileExists(atPath: "\($0)/required.json") }
    }()

    private static let files = [
        "additionalProperties", "allOf", "anyOf", "boolean_schema", "const", "default", "enum", "exclusiveMaximum",
        "exclusiveMinimum", "if-then-else", "infinite-loop-detection", "items", "maxItems", "maxLength",
        "maxProperties",
        "maximum", "minItems", "minLength", "minProperties", "minimum", "not", "oneOf", "pattern",
        "patternProperties",
        "prefixItems", "properties", "propertyNames", "ref", "required", "type", "uniqueItems",
    ]

    /// Cases that our rules exclude, with the reason.
    private static let excluded: [String: String] = [
        "nul characters in strings": "JSON files with U+0000 never get here"
    ]

    @Test(.enabled(if: folder != nil, "json-schema-test-suite is not installed and JSON_SCHEMA_SUITE is not set"))
    func agreesWithTheOfficialCases() throws {
        let folder = try #require(Self.folder)
        // Before 2019-09 a $ref hid its neighbours.
        let files = Self.files.filter { file in
            (!folder.hasSuffix("draft7") || file != "ref")
                && FileManager.default.fileExists(atPath: "\(folder)/\(file).json")
        }
        var checked = 0, refused: [String] = []
        for file in files {
            let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(file).json"))
            for group in try JSONDecoder().decode([Group].self, from: data)
            where Self.excluded[group.description] == nil {
                guard let schema = try? Schema(Document(file: file, root: group.schema.json)) else {
                    refused.append("\(file): \(group.description)")
                    continue
                }
                for test in group.tests {
                    let problems = schema.problems(in: Document(file: file, root: test.data.json))
                    #expect(problems.isEmpty == test.valid, "\(file): \(group.description): \(test.description)")
                    checked += 1
                }
            }
        }
        // A schema with a keyword beyond ours is refused; that must stay the exception.
        #expect(checked > 300 && refused.count < 30, "\(checked) cases; refused: \(refused)")
    }

    private struct Group: Decodable {
        var description: String
        var schema: Value
        var tests: [Case]
    }

    private struct Case: Decodable {
        var description: String
        var data: Value
        var valid: Bool
    }

    /// Any JSON, also what the strict reader refuses.
    private struct Value: Decodable {
        var json: JSON

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                json = .null
            } else if let bool = try? container.decode(Bool.self) {
                json = .bool(bool)
            } else if let int = try? container.decode(Int.self) {
                json = .int(int)
            } else if let double = try? container.decode(Double.self) {
                json = .double(double)
            } else if let text = try? container.decode(String.self) {
                json = .string(text)
            } else if let items = try? container.decode([Value].self) {
                json = .array(items.map(\.json))
            } else {
                let members = try container.decode([String: Value].self).sorted { $0.key < $1.key }
                json = .object(OrderedDictionary(uniqueKeysWithValues: members.map { ($0.key, $0.value.json) }))
            }
        }
    }
}
