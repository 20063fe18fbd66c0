import ArgumentParser
import Foundation
import Studies
import Viewing

struct Watch: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show how far the runs of a study are, with curves, until all have results.",
        discussion: """
            Waits for a study that has not begun. On a terminal the screen is drawn again each second; elsewhere a line is written when a run \
            has ended and at each tenth of all steps. Exit status: 0 all runs have results, 1 a run failed, 130 interrupted.
            """)

    @Argument(help: ArgumentHelp("The folder that 'syzygy run' writes.", valueName: "out"))
    var folder: String

    @Option(
        help: ArgumentHelp(
            "Output whose curves are drawn, with * as in tables, or loss (default: the first that is recorded).",
            valueName: "pattern"))
    var output = ""

    @Option(help: ArgumentHelp("Seconds between looks.", valueName: "s"))
    var every = 1.0

    func validate() throws {
        if !(every >= 0.1 && every <= 3600) {
            throw ValidationError("--every must be between 0.1 and 3600 seconds, got \(every)")
        }
    }

    func run() throws {
        let folder = StudyFolder(folder), study = LiveStudy(folder)
        let interruption = Interruption()
        defer { interruption.restore() }
        let screen = Terminal.isScreen ? FullScreen() : nil
        defer { screen?.leave() }
        var log = WatchLog()
        var hasWaited = false
        while !Interruption.isRequested {
            if try isThere(folder, study, hasWaited: &hasWaited, screen) {
                let view = WatchScreen(
                    width: Terminal.width, height: Terminal.height, hasColours: Terminal.hasColours, pattern: output)
                let outputs = Set(view.outputs(of: study))
                if screen != nil, !outputs.isSubset(of: study.followed) {
                    study.follow(outputs)
                    try Failure.report { try study.look() }
                }
                if let screen { screen.draw(view.lines(study)) } else { for line in log.lines(study) { print(line) } }
                if StudyStatus(study).isOver { break }
            }
            fflush(nil)
            // A signal, also that of a new size of the terminal, ends it.
            poll(nil, 0, Int32(every * 1000))
        }
        screen?.leave()
        guard study.version > 0 else { throw ExitCode(130) }
        let status = StudyStatus(study)
        if screen != nil {
            print(status.heading)
            for line in status.lines(in: folder.path) { print(line) }
        }
        if !status.isOver { throw ExitCode(130) }
        if status.exitCode != 0 { throw ExitCode(status.exitCode) }
    }

    /// False: the study has not begun. A sentence says so, once.
    private func isThere(
        _ folder: StudyFolder, _ study: LiveStudy, hasWaited: inout Bool, _ screen: FullScreen?
    ) throws -> Bool {
        guard study.version > 0 || FileManager.default.fileExists(atPath: folder.studyFile) else {
            let sentence = "waits for \(folder.studyFile), which 'syzygy run' writes"
            if let screen { screen.draw([sentence]) } else if !hasWaited { print(sentence) }
            hasWaited = true
            return false
        }
        try Failure.report { try study.look() }
        return true
    }
}

/// The other screen of the terminal, without a cursor; what stood on the first one comes back.
private final class FullScreen {
    private var isOpen = true

    init() {
        // The size of the terminal changed: the wait ends early.
        signal(SIGWINCH) { _ in }
        Self.write("\u{1B}[?1049h\u{1B}[?25l")
    }

    func draw(_ lines: [String]) {
        let text = lines.joined(separator: "\u{1B}[K\r\n")
        // As one, so that nothing flickers.
        Self.write("\u{1B}[H\(text)\u{1B}[K\u{1B}[J")
    }

    func leave() {
        guard isOpen else { return }
        isOpen = false
        Self.write("\u{1B}[?25h\u{1B}[?1049l")
    }

    private static func write(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }
}
