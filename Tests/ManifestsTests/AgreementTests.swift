import Foundation
import Manifests
import PluginTesting
import Testing

/// Python's `json`, made strict, and our reader accept the same files and read the same values.
@Suite struct AgreementTests {
    /// Reads files as lines of hexadecimal bytes; prints the value in a canonical form, or `-`.
    private static let script = #"""
        import json, math, sys, unicodedata
        def pairs(items):
            keys = [unicodedata.normalize("NFC", k) for k, _ in items]
            if len(set(keys)) != len(keys): raise ValueError("repeated key")
            return dict(items)
        def constant(_): raise ValueError("constant")
        def integer(text):
            if not -2**63 <= int(text) < 2**63: raise ValueError("range")
            return int(text)
        def real(text):
            if not math.isfinite(float(text)): raise ValueError("range")
            return float(text)
        def check(value, depth):
            if isinstance(value, (dict, list)):
                if depth == 16: raise ValueError("depth")
                for item in value.values() if isinstance(value, dict) else value: check(item, depth + 1)
            if isinstance(value, dict):
                for key in value: check(key, depth)
            if isinstance(value, str):
                value.encode("utf-8")
                if "\0" in value: raise ValueError("zero")
        def canonical(value):
            if isinstance(value, dict): return "{" + ",".join(canonical(k) + canonical(v) for k, v in value.items()) + "}"
            if isinstance(value, list): return "[" + ",".join(map(canonical, value)) + "]"
            if isinstance(value, bool) or value is None: return str(value)
            if isinstance(value, int): return str(value)
            if isinstance(value, float): return value.hex()
            return value.encode("utf-8").hex()
        for line in sys.stdin:
            try:
                value = json.loads(bytes.fromhex(line).decode("utf-8"), object_pairs_hook=pairs, parse_constant=constant,
                                   parse_int=integer, parse_float=real)
                if not isinstance(value, dict): raise ValueError("root")
                check(value, 0)
                print(canonical(value))
            except (ValueError, RecursionError):
                print("-")
        """#

    private static func canonical(_ value: JSON) -> String {
        func hex(_ text: String) -> String { text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
        switch value {
        case .null: return "None"
        case .bool(let bool): return bool ? "True" : "False"
        case .int(let int): return "\(int)"
        // Python's float.hex: 13 digits of the mantissa.
        case .double(let double):
            let sign = double.sign == .minus ? "-" : ""
            if double == 0 { return "\(sign)0x0.0p+0" }
            let digits = String(double.significandBitPattern, radix: 16)
            let mantissa = String(repeating: "0", count: 13 - digits.count) + digits
            let exponent = double.isNormal ? Int(double.exponent) : -1022
            return "\(sign)0x\(double.isNormal ? 1 : 0).\(mantissa)p\(exponent < 0 ? "" : "+")\(exponent)"
        case .string(let text): return hex(text)
        case .array(let items): return "[\(items.map(canonical).joined(separator: ","))]"
        case .object(let members): return "{\(members.map { hex($0) + canonical($1) }.joined(separator: ","))}"
        }
    }

    /// Small texts around every rule, for mutations that stay close to valid files.
    private static let seeds = [
        #"{"a": 1, "b": [true, false, null], "c": {"d": -0.5e+3}}"#,
        #"{"text": "é\u00e9\ud83d\ude00\n", "e\u0301": "", "x/y~z": 9223372036854775807}"#,
        #"{"deep": [[[[[[[[[[[[[[1]]]]]]]]]]]]]], "n": [0, -0, 1e5, 1E-5, 0.1, 12.50]}"#,
    ]

    private static let python = "/usr/bin/python3"

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: python), "/usr/bin/python3 is not installed"))
    func agreesWithPython() throws {
        var generator = SplitMix(seed: 2024)
        let texts = [
            "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "-", ".", "e", "1e999", "NaN", "\\u0000", "\\ud800", " ",
            "\n", "\t",
            "true", "\u{E9}", "//", "'", "99999999999999999999",
        ]
        let pieces =
            texts.map { Array($0.utf8) } + [[0xC0, 0xAF], [0xED, 0xA0, 0x80], [0], [0xFF], [0xEF, 0xBB, 0xBF]]
        var files: [[UInt8]] = []
        for round in 0..<4000 {
            // Fixtures are long, so most rounds take the dense short texts.
            let text =
                round % 8 == 0
                ? Fixture.allCases[round / 8 % Fixture.allCases.count].text : Self.seeds[round % Self.seeds.count]
            var bytes = Array(text.utf8)
            for _ in 0..<Int.random(in: 0...2, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes.remove(at: place)
                case 1: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 2: bytes.insert(contentsOf: pieces.randomElement(using: &generator) ?? [], at: place)
                default:
                    let end = min(bytes.count, place + Int.random(in: 1...12, using: &generator))
                    let copy = Array(bytes[place..<end])
                    bytes.insert(contentsOf: copy, at: Int.random(in: 0..<bytes.count, using: &generator))
                }
            }
            files.append(bytes)
        }
        let expected = try Self.run(files)
        #expect(expected.count == files.count)
        var accepted = 0
        for (bytes, expected) in zip(files, expected) {
            let ours = (try? StrictJSON.parse(bytes, file: "f")).map { Self.canonical($0.root) } ?? "-"
            #expect(ours == expected, "\(String(decoding: bytes.prefix(200), as: UTF8.self))")
            if ours != "-" { accepted += 1 }
        }
        // The comparison means something only if both answers are common.
        #expect(accepted > 800 && files.count - accepted > 800)
    }

    private static func run(_ files: [[UInt8]]) throws -> [String] {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("agreement-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let input = folder.appendingPathComponent("input")
        let lines = files.map { file in file.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "\n" }
        try lines.joined().write(to: input, atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = ["-c", script]
        process.standardInput = try FileHandle(forReadingFrom: input)
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
