import Foundation
import Testing

/// docs/plugins/first-probe.md as a reader follows it: files are saved under the names that the page gives them, commands run in
/// order in one shell each, and what they print is what the page shows.
@Suite struct FirstProbeTests {
    private enum Step {
        case save(text: String, file: String)
        case run(commands: String)
        case expect(text: String)
    }

    /// The fenced blocks of a page. A file's name is the last thing in backticks before its block.
    private func steps(of page: String) throws -> [Step] {
        let parts = try String(contentsOfFile: Tool.root + "/" + page, encoding: .utf8).components(separatedBy: "```")
        return try stride(from: 1, to: parts.count, by: 2).map { index in
            let newline = try #require(parts[index].firstIndex(of: "\n"))
            let language = parts[index][..<newline], text = String(parts[index][newline...].dropFirst())
            switch language {
            case "sh": return .run(commands: text)
            case "text": return .expect(text: text)
            default:
                let before = parts[index - 1].components(separatedBy: "`")
                return .save(text: text, file: try #require(before.dropLast().last))
            }
        }
    }

    @Test func everyCommandOfThePageWorks() throws {
        let scratch = try Scratch()
        let folder = Tool.executable.deletingLastPathComponent().path
        var output = "", saved: [String] = [], commands = 0, compared = 0
        for step in try steps(of: "docs/plugins/first-probe.md") {
            switch step {
            case .save(let text, let file):
                try scratch.write(text, to: file)
                saved.append(file)
            case .run(let text):
                let script = "set -eu\nPATH=$PATH:\(folder)\n" + text
                let result = try Tool.run(["-c", script], with: URL(fileURLWithPath: "/bin/sh"), in: scratch)
                #expect(result.status == 0, "\(text)\(result.output)\(result.errors)")
                output = result.output
                commands += text.split(separator: "\n").count
            case .expect(let text):
                for line in text.split(separator: "\n") {
                    #expect(output.contains(line), "the page shows '\(line)', printed was:\n\(output)")
                    compared += 1
                }
            }
        }
        #expect(saved == ["participation/participation.c", "participation/plugin.json", "spread.yaml"])
        #expect(commands == 10 && compared == 7)
        let rows = try scratch.read(
            "studies/spread/runs/\(try #require(try scratch.names("studies/spread/runs").first))/observations.csv")
        #expect(rows.contains("spread,ratio"))
    }
}
