import ArgumentParser
import Foundation
import Studies
import Synchronization
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
        var said = ""
        var hasEnded = false
        while !Interruption.isRequested {
            do throws(StudyError) {
                guard study.version > 0 || FileManager.default.fileExists(atPath: folder.studyFile) else {
                    throw StudyError("waits for \(folder.studyFile), which 'syzygy run' writes")
                }
                if let screen {
                    let view = WatchScreen(
                        width: Terminal.width, height: Terminal.height, hasColours: Terminal.hasColours,
                        pattern: output)
                    try view.look(at: study)
                    screen.draw(view.lines(study))
                } else {
                    try study.look()
                    for line in log.lines(study) { print(line) }
                }
                hasEnded = StudyStatus(study).isOver
            } catch {
                // The next look may find it better.
                let sentence = "\(error)"
                if let screen { screen.draw([sentence]) } else if sentence != said { print(sentence) }
                said = sentence
            }
            fflush(nil)
            if hasEnded { break }
            wait(screen)
        }
        screen?.leave()
        guard study.version > 0 else { throw ExitCode(130) }
        let status = StudyStatus(study)
        if screen != nil {
            print(status.heading)
            for line in status.lines(in: folder.path) { print(line) }
        }
        if !hasEnded { throw ExitCode(130) }
        if status.exitCode != 0 { throw ExitCode(status.exitCode) }
    }

    /// Until the next look, an interruption, another size of the terminal, or the end of a stop with Ctrl-Z.
    private func wait(_ screen: FullScreen?) {
        let end = ContinuousClock.now + .seconds(every), size = (Terminal.width, Terminal.height)
        while ContinuousClock.now < end, !Interruption.isRequested, size == (Terminal.width, Terminal.height) {
            poll(nil, 0, Int32(min(every, 0.2) * 1000))
            if screen?.stopIfAsked() == true { return }
        }
    }
}

/// The other screen of the terminal, without a cursor; what stood on the first one comes back.
private final class FullScreen {
    private static let stopIsAsked = Atomic<Bool>(false)
    private var isOpen = false

    init() { enter() }

    private func enter() {
        isOpen = true
        Self.write("\u{1B}[?1049h\u{1B}[?25l")
        // A program that starts us from one of its worker threads may have it blocked.
        var unblocked = sigset_t()
        sigemptyset(&unblocked)
        sigaddset(&unblocked, SIGTSTP)
        pthread_sigmask(SIG_UNBLOCK, &unblocked, nil)
        signal(SIGTSTP) { _ in FullScreen.stopIsAsked.store(true, ordering: .relaxed) }
    }

    /// Ctrl-Z: the shell gets its screen, and we ours when it sends us on.
    func stopIfAsked() -> Bool {
        guard Self.stopIsAsked.exchange(false, ordering: .relaxed) else { return false }
        leave()
        signal(SIGTSTP, SIG_DFL)
        raise(SIGTSTP)
        enter()
        return true
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
