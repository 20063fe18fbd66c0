import ArgumentParser
import ArrayFiles
import Foundation
import Reporting
import Studies
import Synchronization

struct ReportPage: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Write table.csv, figures/ and report.html of a study's results.")

    @Argument(help: ArgumentHelp("The folder that 'syzygy run' wrote.", valueName: "out"))
    var folder: String

    func run() throws {
        let results = try Results(StudyFolder(folder))
        try results.write()
        print("report: \(results.folder.reportFile)")
    }
}

/// The results of a study as files and on the terminal.
struct Results {
    let folder: StudyFolder
    let values: StudyResults

    init(_ folder: StudyFolder) throws {
        self.folder = folder
        values = try Failure.report { try StudyResults.read(folder: folder.path) }
    }

    /// Writes `table.csv`, `figures/` and `report.html`.
    func write() throws {
        try Failure.report(status: .failure) {
            let figures = DrawnFigure.all(values)
            if figures.contains(where: { $0.file != nil }) { try StudyFolder.create(folder.figuresFolder) }
            for figure in figures {
                guard let file = figure.file else { continue }
                try AtomicFile.write(Array(file.utf8), to: "\(folder.figuresFolder)/\(figure.slug).svg")
            }
            // By two cores.
            let texts = Mutex(["", ""])
            DispatchQueue.concurrentPerform(iterations: 2) { index in
                let text = index == 0 ? Report.html(values, figures) : TableWriter.csv(values)
                texts.withLock { $0[index] = text }
            }
            for (text, file) in zip(texts.withLock { $0 }, [folder.reportFile, folder.tableFile]) {
                try AtomicFile.write(Array(text.utf8), to: file)
            }
        }
    }

    func printTable() {
        // Without outputs, keys or layers to ask for it cannot fail.
        guard let table = try? ResultTable(values) else { return }
        print(table.table.plain(width: Terminal.isInteractive ? Terminal.width : 120))
    }

    /// Prints the verdicts; true if every claim holds.
    func printClaims(failuresOnly: Bool) -> Bool {
        let verdicts = Claims.evaluate(values)
        for verdict in verdicts where !failuresOnly || !verdict.holds { print(verdict.line) }
        return verdicts.allSatisfy(\.holds)
    }
}
