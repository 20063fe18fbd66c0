import Manifests
import Studies
import Testing

@Suite("YAML and JSON become the same documents")
struct YAMLDocumentTests {
    @Test(arguments: [
        ("1e-3", JSON.double(1e-3)), ("1E5", .double(1e5)), ("-0.5", .double(-0.5)), (".5", .double(0.5)),
        ("3.", .double(3)),
        ("+7", .int(7)), ("-12", .int(-12)), ("007", .int(7)), ("0x1f", .int(31)), ("0o17", .int(15)),
        ("true", .bool(true)), ("False", .bool(false)), ("~", .null), ("null", .null),
        ("yes", .string("yes")), ("no", .string("no")), ("on", .string("on")), ("1_000", .string("1_000")),
        ("0..4", .string("0..4")), ("1e", .string("1e")), ("e5", .string("e5")), ("1.2.3", .string("1.2.3")),
        ("12:30", .string("12:30")), ("2026-11-20", .string("2026-11-20")), ("'1'", .string("1")),
        ("\"true\"", .string("true")),
        ("!!str 5", .string("5")), ("[1, a]", .array([.int(1), .string("a")])), ("{a: 1}", .object(["a": .int(1)])),
    ])
    func plainScalar(_ text: String, _ value: JSON) throws {
        let document = try YAMLDocument.parse("key: \(text)\n", file: "a.yaml")
        #expect(document.root["key"] == value)
    }

    @Test(arguments: ["9223372036854775808", "1e400", ".inf", ".nan", "-.inf"])
    func outOfRange(_ text: String) {
        #expect(throws: StudyError("a.yaml:1:6: number \(text) is out of range")) {
            try YAMLDocument.parse("key: \(text)\n", file: "a.yaml")
        }
    }

    @Test func positionsOfKeysAndValues() throws {
        let text = "a: 1\nb:\n  c: {d: [x, yy]}\n"
        let document = try YAMLDocument.parse(text, file: "a.yaml")
        #expect(document.positions["/a"] == Position(line: 1, column: 4))
        #expect(document.keyPositions["/b/c"] == Position(line: 3, column: 3))
        #expect(document.keyPositions["/b/c/d"] == Position(line: 3, column: 7))
        #expect(document.positions["/b/c/d/1"] == Position(line: 3, column: 14))
    }

    @Test func aliasesRepeatValues() throws {
        let document = try YAMLDocument.parse("a: &x {k: [1, 2]}\nb: *x\n", file: "a.yaml")
        #expect(document.root["b"] == document.root["a"])
    }

    @Test func aliasesCannotExplode() {
        var text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        for level in 1...8 {
            text +=
                "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", "))]\n"
        }
        #expect { try YAMLDocument.parse(text, file: "a.yaml") } throws: { error in
            "\(error)".hasSuffix("more than 100000 values")
        }
    }

    @Test func depthIsBounded() {
        let text = "a: " + String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
        #expect { try YAMLDocument.parse(text, file: "a.yaml") } throws: {
            "\($0)".hasSuffix("values nested deeper than 14")
        }
    }

    /// What is accepted can be written to a run's record and read back.
    @Test func whatIsAcceptedFitsIntoARecord() throws {
        let deepest = "a: " + String(repeating: "[", count: 12) + "0" + String(repeating: "]", count: 12)
        let root = try YAMLDocument.parse(deepest, file: "a.yaml").root
        let record = JSON.object(["configuration": root]).text(pretty: true)
        #expect(try StrictJSON.parse(record, file: "run.json").root["configuration"] == root)
        #expect(throws: StudyError("a.yaml:1:4: U+0000 is not allowed in text")) {
            try YAMLDocument.parse(#"a: "b\0c""#, file: "a.yaml")
        }
    }

    @Test func duplicateKeyInAnInnerMapping() {
        let text = "a:\n  lr: 1\n  b: {lr: 2}\n  'lr': 3\n"
        #expect(throws: StudyError("a.yaml:4:3: key 'lr' appears twice (first in line 2)")) {
            try YAMLDocument.parse(text, file: "a.yaml")
        }
    }

    @Test func twoDocuments() {
        #expect { try YAMLDocument.parse("a: 1\n---\nb: 2\n", file: "a.yaml") } throws: {
            "\($0)".hasPrefix("a.yaml:2:1: not valid YAML: but found another document")
        }
    }
}
