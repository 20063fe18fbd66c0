import ArgumentParser
import Reporting
import Studies

struct Compare: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print in what two studies, parts of one, or runs differ, and by how much their numbers do.",
        discussion: """
            Each side is a folder that 'syzygy run' wrote, some of its runs, or the folder of a run:
              syzygy compare out:optimizer.lr=0.1 out:optimizer.lr=0.3
            Runs of one seed are pairs; without common seeds the interval is Welch's. Outputs whose definition differs are not compared: \
            the exit status is then 1. docs/tables.md says what the numbers are.
            """)

    @ArgumentParser.Argument(help: ArgumentHelp("OUT, OUT:key=value,key=value, or OUT/runs/NAME.", valueName: "A"))
    var a: String

    @ArgumentParser.Argument(help: ArgumentHelp("The same.", valueName: "B"))
    var b: String

    @OptionGroup var options: TableOptions

    @Flag(name: .customLong("p"), help: "Also p-values (Student's t, two-sided).")
    var showsP = false

    func run() throws {
        let request = try options.request()
        let comparison = try Failure.report {
            try Comparison(ComparedRuns(reading: a, request.kept), ComparedRuns(reading: b, request.kept), request)
        }
        if options.format == .text { print("A  \(a)\nB  \(b)\n") }
        if options.format != .csv {
            options.print(comparison.factTable, csv: "")
            print()
        }
        options.print(comparison.table(showsP: showsP), csv: comparison.csv(showsP: showsP))
        for sentence in comparison.refused { Failure.say("not compared: \(sentence)") }
        if !comparison.refused.isEmpty { throw ExitCode.failure }
    }
}
