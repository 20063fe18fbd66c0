import Foundation
import Testing

/// A page of docs/ as a reader follows it: files are saved under the names that the page gives them, commands run in order in one
/// shell each, and what they print is what the page shows.
struct FollowedPage {
    private enum Step {
        case save(text: String, file: String)
        case run(commands: String, language: Substring)
        case expect(text: String)
    }

    private(set) var saved: [String] = []
    private(set) var commands = 0
    private(set) var compared = 0

    /// Without `python` its blocks of Python, and what the page shows of them, are left out.
    init(_ page: String, in scratch: Scratch, python: URL? = nil) throws {
        let folder = Tool.executable.deletingLastPathComponent().path
        let environment = ProcessInfo.processInfo.environment.merging([
            "SYZYGY": Tool.root, "PATH": (ProcessInfo.processInfo.environment["PATH"] ?? "") + ":" + folder,
        ]) { $1 }
        var output: String?
        for step in try Self.steps(of: page) {
            switch step {
            case .save(let text, let file):
                try scratch.write(text, to: file)
                saved.append(file)
            case .run(let text, let language):
                commands += text.split(separator: "\n").count
                let program = language == "python" ? python : URL(fileURLWithPath: "/bin/sh")
                output = nil
                guard let program else { continue }
                let script = (language == "python" ? "" : "set -eu\n") + text
                let result = try Tool.run(["-c", script], with: program, in: scratch, environment: environment)
                #expect(result.status == 0, "\(text)\(result.output)\(result.errors)")
                output = result.output
            case .expect(let text):
                guard let output else { continue }
                for line in text.split(separator: "\n") {
                    #expect(output.contains(line), "the page shows '\(line)', printed was:\n\(output)")
                    compared += 1
                }
            }
        }
    }

    /// The fenced blocks. A file's name is the last thing in backticks before its block.
    private static func steps(of page: String) throws -> [Step] {
        let parts = try String(contentsOfFile: Tool.root + "/" + page, encoding: .utf8).components(separatedBy: "```")
        return try stride(from: 1, to: parts.count, by: 2).map { index in
            let newline = try #require(parts[index].firstIndex(of: "\n"))
            let language = parts[index][..<newline], text = String(parts[index][newline...].dropFirst())
            switch language {
            case "sh", "python": return .run(commands: text, language: language)
            case "text": return .expect(text: text)
            default:
                let before = parts[index - 1].components(separatedBy: "`")
                return .save(text: text, file: try #require(before.dropLast().last))
            }
        }
    }
}
