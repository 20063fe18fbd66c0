import ArgumentParser
import Exporting
import Foundation
import Manifests
import Studies

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write the observations or the last parameters of all runs for other tools.",
        discussion: """
            csv: one table, a row for each observation. npz: an array [runs, steps] for each series. tensorboard: event files, \
            a folder for each run. safetensors: the last parameters, a file for each run. See docs/access.md.
            """)

    @ArgumentParser.Argument(help: ArgumentHelp("The folder that 'syzygy run' wrote.", valueName: "out"))
    var folder: String

    @Option(help: ArgumentHelp(Export.formats.joined(separator: ", ") + ".", valueName: "format"))
    var format: String

    @Option(
        help: ArgumentHelp(
            "The file, or folder, to write (default: export.csv, export.npz, tensorboard or weights in <out>).",
            valueName: "path"))
    var to: String?

    @Option(
        name: .customLong("probe"),
        help: ArgumentHelp("Only observations of this probe, by its key in the study.", valueName: "key"))
    var probes: [String] = []

    private static let formats = ExportFormat.allCases.map(\.rawValue)

    func validate() throws {
        guard ExportFormat(rawValue: format) == nil else { return }
        throw ValidationError("--format \(format): unknown\(Nearest.hint(for: format, among: Self.formats))")
    }

    func run() throws {
        guard let format = ExportFormat(rawValue: format) else { return }
        let source = try Failure.report { try ExportSource(folder, probes: probes) }
        try Failure.report(status: .failure) {
            print(try format.write(source, to: to ?? "\(folder)/\(format.defaultName)"))
        }
    }
}
