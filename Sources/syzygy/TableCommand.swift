import ArgumentParser
import Manifests
import Reporting
import Studies

struct Table: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print numbers of a study's results: means over seeds with intervals, failures and all.",
        discussion: """
            Without outputs the headline numbers. Example:
              syzygy table studies/crh-digits 'crh.*_rga.raw.alpha' --layers fc1,fc2 --pivot weight_decay --format latex
            docs/tables.md says what the numbers are.
            """)

    @ArgumentParser.Argument(help: ArgumentHelp("The folder that 'syzygy run' wrote.", valueName: "out"))
    var folder: String

    @OptionGroup var options: TableOptions

    @Option(
        help: ArgumentHelp(
            "What has columns: swept keys, seed, output, layer; the rest has rows (default: all swept keys).",
            valueName: "keys"))
    var pivot: String?

    @Option(
        name: .customLong("where"), help: ArgumentHelp("Runs with this value; repeatable.", valueName: "key=value"))
    var conditions: [String] = []

    @Option(
        help: """
            mean: mean ± 95 % half-width, below three values the values; median: median [least, greatest]; values; n: how many \
            values, and why others are missing; all.
            """)
    var show = TableRequest.Show.mean

    func run() throws {
        var request = try options.request()
        request.conditions = conditions
        request.pivot = pivot.map(TableOptions.list) ?? []
        request.show = show
        let (results, table) = try Failure.report {
            let results = try StudyResults.read(folder: folder, request.kept)
            return (results, try ResultTable(results, request))
        }
        options.print(table.table, csv: TableWriter.csv(results, table))
    }
}

/// What tables and comparisons show, and in which form.
struct TableOptions: ParsableArguments {
    @ArgumentParser.Argument(
        help: ArgumentHelp(
            "Names of outputs; * stands for any letters within a word: crh.*_rga.raw.alpha. Default: the headline numbers.",
            valueName: "outputs"))
    var outputs: [String] = []

    @Option(help: ArgumentHelp("Layers, separated by commas (default: all).", valueName: "names"))
    var layers: String?

    @Option(help: ArgumentHelp("last, first, or a step that was recorded.", valueName: "step"))
    var at = "last"

    @Option(help: "text, markdown, latex, or csv: a line for each number, all digits.")
    var format = TableFormat.text

    func validate() throws {
        guard ["last", "first"].contains(at) || Int(at).map({ $0 >= 0 }) == true else {
            throw ValidationError("--at \(at): expected last, first or a step")
        }
    }

    func request() throws -> TableRequest {
        var request = TableRequest()
        request.outputs = outputs
        request.layers = layers.map(Self.list) ?? []
        request.moment = at == "last" ? .last : at == "first" ? .first : .step(Int(at) ?? 0)
        return request
    }

    static func list(_ text: String) -> [String] { text.split(separator: ",").map(String.init) }

    func print(_ table: TextTable, csv: @autoclosure () -> String) {
        let text =
            switch format {
            case .text: table.plain(width: Terminal.isInteractive ? Terminal.width : 120)
            case .markdown: table.markdown
            case .latex: table.latex
            case .csv: csv()
            }
        Swift.print(text, terminator: "")
    }
}

extension TableFormat: ExpressibleByArgument {}
extension TableRequest.Show: ExpressibleByArgument {}
