import Foundation
import Manifests
import Testing

@Suite struct ScannerTests {
    static func message(_ bytes: [UInt8]) -> String? {
        do {
            _ = try StrictJSON.parse(bytes, file: "f.json")
            return nil
        } catch {
            return "\(error)"
        }
    }

    static func message(_ text: String) -> String? { message(Array(text.utf8)) }

    /// What lenient readers accept, or refuse without a place.
    static let refused: [(text: String, message: String)] = [
        (#"{"a":1,"a":2}"#, "f.json:1:8: key 'a' is given twice; the first is in line 1"),
        ("{\"a\":1,\n \"\\u0061\":2}", "f.json:2:2: key 'a' is given twice; the first is in line 1"),
        ("{'a':1}", "f.json:1:2: expected a key in double quotes, found ' (JSON uses double quotes)"),
        (
            #"{"a":NaN}"#,
            "f.json:1:6: expected a value, found 'NaN' (words are true, false and null; text needs quotes)"
        ),
        (
            #"{"a":Infinity}"#,
            "f.json:1:6: expected a value, found 'Infinity' (words are true, false and null; text needs quotes)"
        ),
        (#"{"a":-Infinity}"#, "f.json:1:7: expected a digit after '-', found 'I'"),
        (
            #"{"a":TRUE}"#,
            "f.json:1:6: expected a value, found 'TRUE' (words are true, false and null; text needs quotes)"
        ),
        (
            #"{"a":nan}"#,
            "f.json:1:6: expected a value, found 'nan' (words are true, false and null; text needs quotes)"
        ),
        (
            #"{"a":truer}"#,
            "f.json:1:6: expected a value, found 'truer' (words are true, false and null; text needs quotes)"
        ),
        (#"{"a":-01}"#, "f.json:1:6: a number has no leading zeros"),
        (#"{"a":1.}"#, "f.json:1:8: expected a digit after the decimal point, found '}'"),
        (#"{"a":1e}"#, "f.json:1:8: expected a digit in the exponent, found '}'"),
        (#"{"a":.5}"#, "f.json:1:6: expected a value, found '.'"),
        (#"{"a":+5}"#, "f.json:1:6: expected a value, found '+'"),
        (
            #"{"a":18446744073709551616}"#,
            "f.json:1:6: integer 18446744073709551616 does not fit into 64 bits; "
                + "write it with a decimal point if it may be rounded"
        ),
        (
            #"{"a":-9223372036854775809}"#,
            "f.json:1:6: integer -9223372036854775809 does not fit into 64 bits; "
                + "write it with a decimal point if it may be rounded"
        ),
        (#"{"a":1e400}"#, "f.json:1:6: number 1e400 is too large for a double"),
        (#"{"a":"\ud800"}"#, "f.json:1:7: U+D800 is half of a surrogate pair"),
        (#"{"a":"\udc00\ud800"}"#, "f.json:1:7: U+DC00 is half of a surrogate pair"),
        (#"{"a":"\ud800\u0041"}"#, "f.json:1:7: U+D800 is half of a surrogate pair"),
        (#"{"a\u0000b":1}"#, "f.json:1:4: \\u0000 is not allowed"),
        (#"{"a":"\x"}"#, "f.json:1:7: unknown escape in a string (known: \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX)"),
        (#"{"a":"\u00g0"}"#, "f.json:1:7: \\u needs four hexadecimal digits"),
        ("{\"a\":\"x\ny\"}", "f.json:1:6: the string that begins here does not end on its line"),
        ("{\"a\nb\":1}", "f.json:1:2: the string that begins here does not end on its line"),
        ("{\"a\":\"x\ty\"}", "f.json:1:8: control character U+0009 in a string; write \\u0009"),
        ("{\"a\":1}\0{\"b\":2}", "f.json:1:8: expected the end of the file after the last '}', found byte 0x00"),
        (#"{"a":1,}"#, "f.json:1:8: expected a key after ',', found '}' (JSON has no trailing commas)"),
        (#"{"a":[1,]}"#, "f.json:1:9: expected a value after ',', found ']' (JSON has no trailing commas)"),
        (#"{"a":1 /* c */}"#, "f.json:1:8: expected ',' or '}', found '/' (JSON has no comments)"),
        (#"{"a":1} x"#, "f.json:1:9: expected the end of the file after the last '}', found 'x'"),
        (#"{"a" 1}"#, "f.json:1:6: expected ':' after key 'a', found '1'"),
        (#"{"a":"x}"#, "f.json:1:6: the string that begins here has no end"),
        (#"{"a":[1"#, "f.json:1:8: expected ',' or ']', found the end of the file"),
        (#"[1]"#, "f.json:1:1: expected '{', the begin of an object, found '['"),
        ("", "f.json:1:1: expected '{', the begin of an object, found the end of the file"),
        ("\u{FEFF}{}", "f.json:1:1: the file begins with a byte-order mark; save it as UTF-8 without one"),
        // Keys that only differ in their Unicode normalization look alike, so they are refused too.
        ("{\"\u{E9}\":1,\"e\u{301}\":2}", "f.json:1:8: key 'e\u{301}' is given twice; the first is in line 1"),
    ]

    @Test(arguments: refused.indices) func refuses(_ index: Int) {
        let (text, expected) = Self.refused[index]
        #expect(Self.message(text) == expected)
    }

    @Test(
        arguments: [
            [0xC0, 0xAF], [0xE0, 0x80, 0xAF], [0xF0, 0x80, 0x80, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80], [0x80], [0xFF], [0xE2, 0x82], [0xC3, 0x28],
        ] as [[UInt8]]) func refusesBytesThatAreNotUTF8(_ bytes: [UInt8])
    {
        let message = Self.message(Array("{\n\"é\":\"ü".utf8) + bytes + Array("\"}".utf8))
        let hex = String(bytes[0], radix: 16, uppercase: true)
        // The column counts characters: é and ü are one each.
        #expect(message == "f.json:2:7: byte 0x\(hex) is not UTF-8")
    }

    @Test func limitsDepth() {
        func nested(_ depth: Int) -> String {
            "{\"a\":" + String(repeating: "[", count: depth - 1) + String(repeating: "]", count: depth - 1) + "}"
        }
        #expect(Self.message(nested(16)) == nil)
        #expect(Self.message(nested(17)) == "f.json:1:21: more than 16 levels of nesting")
        #expect(Self.message(nested(100_000)) == "f.json:1:21: more than 16 levels of nesting")
    }

    @Test func limitsSize() {
        let space = String(repeating: " ", count: (1 << 20) - 2)
        #expect(Self.message("{}" + space) == nil)
        #expect(Self.message("{} " + space) == "f.json: the file has 1048577 bytes; at most 1048576 are read")
    }

    @Test func readsEveryForm() throws {
        let text = #"""
            {"null": null, "yes": true, "no": false, "int": -9223372036854775808, "zero": -0, "double": 1.5e-3,
             "small": 5e-324, "huge": 1.7976931348623157e308, "big": 18446744073709551616.0, "integral": 3.0,
             "text": "\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é😀", "": [[], {}, [1, "a"]]}
            """#
        let root = try StrictJSON.parse(text, file: "f.json").root
        #expect(root["null"] == .null && root["yes"] == .bool(true) && root["no"] == .bool(false))
        #expect(root["int"] == .int(.min) && root["zero"] == .int(0))
        #expect(root["double"] == .double(1.5e-3) && root["small"] == .double(.leastNonzeroMagnitude))
        #expect(root["huge"] == .double(.greatestFiniteMagnitude) && root["big"] == .double(18446744073709551616))
        #expect(root["integral"] == .double(3) && root["integral"]?.int == 3)
        #expect(root["text"] == .string("\"\\/\u{8}\u{C}\n\r\té😀é😀"))
        #expect(root[""] == .array([.array([]), .object([:]), .array([.int(1), .string("a")])]))
        #expect(root.object?.keys.first == "null" && root.object?.keys.last == "")
    }

    /// At its position in the text, each value and each key really stands.
    @Test(arguments: Fixture.allCases) func positionsPointAtTheirValues(_ fixture: Fixture) throws {
        let document = try StrictJSON.parse(fixture.text, file: "f.json")
        let lines = fixture.text.split(separator: "\n", omittingEmptySubsequences: false).map {
            Array($0.unicodeScalars)
        }
        func text(at position: Position) -> String {
            String(String.UnicodeScalarView(lines[position.line - 1][(position.column - 1)...]))
        }
        var count = 0
        for (pointer, position) in document.positions {
            var value = document.root
            for token in Pointer.tokens(pointer) {
                value = try #require(value[token] ?? Int(token).flatMap { value[$0] })
            }
            let start =
                switch value {
                case .object: "{"
                case .array: "["
                case .string(let text): "\"\(text)\""
                case .double(let number): number.description.prefix(1).description
                default: value.text(pretty: false)
                }
            #expect(text(at: position).hasPrefix(start), "\(pointer)")
            if let key = document.keyPositions[pointer] {
                #expect(text(at: key).hasPrefix("\"\(Pointer.tokens(pointer).last ?? "")\":"), "\(pointer)")
                count += 1
            }
        }
        #expect(count > 30)
    }

    /// A file that ends anywhere is refused with a place, and never crashes.
    @Test(arguments: Fixture.allCases) func refusesTruncatedFiles(_ fixture: Fixture) {
        let bytes = Array(fixture.text.utf8)
        for length in 0..<bytes.count {
            guard let message = Self.message(Array(bytes.prefix(length))) else {
                Issue.record("\(length) bytes are accepted")
                continue
            }
            #expect(message.wholeMatch(of: /f\.json:\d+:\d+: .+/) != nil)
        }
    }

    @Test func refusesDevices() {
        #expect(throws: Problem(file: "/dev/zero", sentence: "is not a regular file")) {
            try StrictJSON.read("/dev/zero")
        }
        #expect(throws: Problem(file: "/nowhere/x", sentence: "cannot be opened: No such file or directory")) {
            try StrictJSON.read("/nowhere/x")
        }
        #expect(throws: Problem(file: "/tmp", sentence: "is not a regular file")) { try StrictJSON.read("/tmp") }
    }
}
