import Foundation
import Manifests
import PluginTesting
import Testing

/// Python's `json`, made strict, and our reader accept the same files and read the same values.
@Suite struct AgreementTests {
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
        case .string(let text): return "\"" + hex(text)
        case .array(let items): return "[\(items.map(canonical).joined(separator: ","))]"
        case .object(let members): return "{\(members.map { "\"" + hex($0) + canonical($1) }.joined(separator: ","))}"
        }
    }

    private static let python = "/usr/bin/python3"
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
        "../..")

    /// `MUTATIONS` and `MUTATION_SEED` in the environment ask for more, and for others: `./dev mutations`.
    private static func setting(_ name: String, _ usual: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? usual
    }

    @Test(
        .enabled(if: FileManager.default.isExecutableFile(atPath: python), "/usr/bin/python3 is not installed"),
        .timeLimit(.minutes(5)))
    func agreesWithPython() throws {
        let count = Self.setting("MUTATIONS", 2000), seed = Self.setting("MUTATION_SEED", 2026)
        var accepted = 0, manifests = 0, seen = 0
        for line in try Self.verdicts(seed: seed, count: count) {
            // An empty text is a mutation too.
            let fields = line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
            try #require(fields.count == 2)
            let bytes = Self.bytes(fields[0]), document = try? StrictJSON.parse(bytes, file: "f")
            let ours = document.map { Self.canonical($0.root) } ?? "-"
            if ours != String(decoding: fields[1], as: UTF8.self) {
                Issue.record(
                    "Python disagrees, seed \(seed), mutation \(seen): \(String(decoding: bytes.prefix(300), as: UTF8.self))"
                )
            }
            seen += 1
            if ours != "-" { accepted += 1 }
            // What is JSON must be a manifest, or be refused with a place: it never crashes.
            guard let document else { continue }
            if let problems = Self.problems(of: document) {
                #expect(!problems.isEmpty && problems.allSatisfy { $0.position != nil })
            } else {
                manifests += 1
            }
        }
        #expect(seen == count)
        // The comparison means something only if both answers are common.
        #expect(accepted > count / 6 && seen - accepted > count / 6 && manifests > count / 100)
    }

    /// nil of a good manifest.
    private static func problems(of document: Document) -> [Problem]? {
        do throws(ManifestError) {
            for component in try Manifest(document, folder: "").components { _ = component.expandedBindings() }
            return nil
        } catch {
            return error.problems
        }
    }

    private static func bytes(_ hex: some Collection<UInt8>) -> [UInt8] {
        func digit(_ byte: UInt8) -> UInt8 { byte < 0x3A ? byte - 0x30 : byte - 0x57 }
        let digits = Array(hex)
        return stride(from: 0, to: digits.count - 1, by: 2).map { digit(digits[$0]) << 4 | digit(digits[$0 + 1]) }
    }

    private static func verdicts(seed: Int, count: Int) throws -> [Data] {
        let plugins = root.appendingPathComponent("Plugins")
        let files = try FileManager.default.contentsOfDirectory(atPath: plugins.path).sorted()
            .map { plugins.appendingPathComponent("\($0)/plugin.json").path }
            .filter { FileManager.default.fileExists(atPath: $0) }
        let process = Process(), output = Pipe()
        process.executableURL = URL(fileURLWithPath: python)
        let script = root.appendingPathComponent("Tests/References/json_verdicts.py").path
        process.arguments = [script, String(seed), String(count)] + files
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return data.split(separator: UInt8(ascii: "\n"))
    }
}
