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
        let folder = URL(fileURLWithPath: update).deletingLastPathComponent()
        try Self.write(found, beside: folder, inPlaceOf: page)
        let head = page.range(of: Self.mark).map { String(page[..<$0.lowerBound]) } ?? page
        try Data("\(head)\(Self.mark)\n\n\(text)".utf8).write(to: URL(fileURLWithPath: update))
    }

    private static let mostBytes = 1_500_000

    /// The pictures of the page, in place of those that it showed; other files of the folder stay.
    private static func write(_ studies: [Findings.Study], beside page: URL, inPlaceOf old: String) throws {
        let files = studies.flatMap { study in
            study.pictures.compactMap { picture in picture.file.map { (study.path(of: picture), Data($0.utf8)) } }
        }
        let bytes = files.reduce(0) { $0 + $1.1.count }
        guard bytes <= mostBytes else {
            throw ValidationError("the pictures take \(bytes) bytes; at most \(mostBytes) belong beside a page")
        }
        let folder = page.appendingPathComponent("findings")
        try StudyFolder.create(folder.path)
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path)
        where name.hasSuffix(".svg") && old.contains("](findings/\(name))") {
            try FileManager.default.removeItem(at: folder.appendingPathComponent(name))
        }
        for (name, data) in files { try data.write(to: page.appendingPathComponent(name)) }
    }

    /// What stands behind `study:`.
    private static func name(in text: String) -> String? {
        text.split(separator: "\n").first { $0.hasPrefix("study:") }
            .map { $0.dropFirst("study:".count).trimmingCharacters(in: .whitespaces) }
    }
}
