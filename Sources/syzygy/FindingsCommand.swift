import ArgumentParser
import Foundation
import Reporting
import Studies

struct FindingsPage: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "findings",
        abstract: "Print what studies claim and what their runs measured, as a page in Markdown.")

    @Argument(help: ArgumentHelp("Files of studies that have been run.", valueName: "study"))
    var studies: [String]

    @Option(help: ArgumentHelp("The folder with a folder of results for each study.", valueName: "folder"))
    var results = "studies"

    @Option(
        help: ArgumentHelp("Put it behind the introduction of a page, in place of what is there.", valueName: "file"))
    var update: String?

    private static let mark = "<!-- made by `./dev studies` -->"

    func run() throws {
        let found = try studies.map { file in
            guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
                throw ValidationError("\(file): cannot be read")
            }
            let name = URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
            let folder = Self.name(in: text) ?? name
            return Findings.Study(
                file: file, text: text,
                results: try Failure.report { try StudyResults.read(folder: "\(results)/\(folder)") })
        }
        let text = Findings.text(found)
        guard let update else { return print(text, terminator: "") }
        let page = (try? String(contentsOfFile: update, encoding: .utf8)) ?? ""
        let head = page.range(of: Self.mark).map { String(page[..<$0.lowerBound]) } ?? page
        try Data("\(head)\(Self.mark)\n\n\(text)".utf8).write(to: URL(fileURLWithPath: update))
    }

    /// What stands behind `study:`.
    private static func name(in text: String) -> String? {
        text.split(separator: "\n").first { $0.hasPrefix("study:") }
            .map { $0.dropFirst("study:".count).trimmingCharacters(in: .whitespaces) }
    }
}
