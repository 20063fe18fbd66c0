import Foundation
import Manifests
import OrderedCollections
import PluginHost

/// Results as people and programs read them.
package struct ValidationText: Sendable {
    private let folder: String
    private let document: Document?

    package init(folder: String) {
        self.folder = folder
        document = (try? Manifest.load(folder: folder))?.document ?? (try? StrictJSON.read("\(folder)/plugin.json"))
    }

    /// `C2   nothing before or behind an array is touched   sgd   passed`, and the findings below.
    package func lines(_ result: TestResult) -> String {
        let about = result.component.isEmpty ? "" : " \(result.component):"
        let outcome = result.outcome == .failed ? "FAILED" : result.outcome.rawValue
        var lines = [
            "\(result.test.id.padding(toLength: 4, withPad: " ", startingAt: 0))\(outcome)\(about) \(result.test.title)"
        ]
        for finding in result.findings {
            lines.append("    \(finding.severity.rawValue): \(finding.sentence)")
            if finding.severity == .note { continue }
            lines.append("        at \(place(finding))")
            if !finding.advice.isEmpty { lines.append("        \(finding.advice)") }
        }
        if result.outcome == .failed {
            lines.append("    again: syzygy \(result.command.map(Self.shell).joined(separator: " "))")
        }
        return lines.joined(separator: "\n")
    }

    /// `plugins/x/plugin.json:24:9, components[0].call.args[0]`.
    private func place(_ finding: Finding) -> String {
        let path = Pointer.path(finding.pointer)
        let position = document?.position(of: finding.pointer).map { ":\($0.line):\($0.column)" } ?? ""
        return "\(folder)/plugin.json\(position)" + (path.isEmpty ? "" : ", \(path)")
    }

    private static func shell(_ word: String) -> String {
        let plain = word.utf8.allSatisfy { byte in
            (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte)
                || "_-./:".utf8.contains(byte)
        }
        return plain && !word.isEmpty
            ? word
            : "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    package func json(_ results: [TestResult], level: ValidationLevel, seed: UInt64) -> JSON {
        .object([
            "folder": .string(folder), "level": .string(level.rawValue), "seed": .string(String(seed)),
            "passed": .bool(results.hasPassed), "counts": .object(results.counts.mapValues { .int($0) }),
            "tests": .array(results.map(json)),
        ])
    }

    private func json(_ result: TestResult) -> JSON {
        .object([
            "id": .string(result.test.id), "title": .string(result.test.title),
            "component": .string(result.component),
            "outcome": .string(result.outcome.rawValue), "seconds": .double(result.seconds),
            "findings": .array(result.findings.map(json)),
            "command": .array((["syzygy"] + result.command).map { .string($0) }),
        ])
    }

    private func json(_ finding: Finding) -> JSON {
        var members = finding.json.object ?? [:]
        if let position = document?.position(of: finding.pointer) {
            members["line"] = .int(position.line)
            members["column"] = .int(position.column)
        }
        return .object(members)
    }
}

extension [TestResult] {
    /// Nothing has failed. What was skipped says why.
    package var hasPassed: Bool { allSatisfy { $0.outcome != .failed } }

    package var counts: OrderedDictionary<String, Int> {
        var counts: OrderedDictionary<String, Int> = ["passed": 0, "failed": 0, "skipped": 0]
        for result in self { counts[result.outcome.rawValue, default: 0] += 1 }
        let findings = flatMap(\.findings)
        counts["warnings"] = findings.count { $0.severity == .warning }
        return counts
    }

    /// The findings, with the test and component they belong to.
    package var findingObjects: [JSON] {
        flatMap { result in
            result.findings.map { finding in
                var members = finding.json.object ?? [:]
                members["test"] = .string(result.test.id)
                members["component"] = .string(result.component)
                return .object(members)
            }
        }
    }
}
