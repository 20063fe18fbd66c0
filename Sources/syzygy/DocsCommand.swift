import ArgumentParser
import Authoring
import Foundation

struct Docs: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print a part of the manual that is made from code and manifests.")

    @ArgumentParser.Argument(help: "What: \(GeneratedDocument.allCases.map(\.rawValue).joined(separator: ", ")).")
    var document: GeneratedDocument

    @Option(help: ArgumentHelp("Bring that part of a page up to date instead.", valueName: "file"))
    var update: String?

    func run() throws {
        try Failure.report(status: .failure) {
            guard let update else { return print(try document.text(), terminator: "") }
            let page = (try? String(contentsOfFile: update, encoding: .utf8)) ?? ""
            try Data(try document.updated(page).utf8).write(to: URL(fileURLWithPath: update))
        }
    }
}

extension GeneratedDocument: ExpressibleByArgument {}
