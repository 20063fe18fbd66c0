import ArgumentParser
import Foundation
import Studies
import Viewing

struct View: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve a page of a study that follows its runs, on this machine, until Ctrl-C.",
        discussion: """
            Prints the address: http://127.0.0.1:PORT/TOKEN/. Who does not know the token gets nothing. From another machine: \
            ssh -L PORT:127.0.0.1:PORT host, with the same port on both sides.
            """)

    @Argument(help: ArgumentHelp("The folder that 'syzygy run' writes.", valueName: "out"))
    var folder: String

    @Option(help: ArgumentHelp("Port of 127.0.0.1 (default: a free one).", valueName: "port"))
    var port: UInt16 = 0

    @Flag(help: "Open the page in the browser (xdg-open).")
    var open = false

    func run() throws {
        let server = try Failure.report { try ViewServer(StudyFolder(folder), port: port) }
        let opens = open
        Task {
            do {
                try await server.run { address in
                    print(address)
                    fflush(nil)
                    if opens { Self.browse(address) }
                }
            } catch {
                Failure.say("\(error)")
            }
            Self.exit(withError: ExitCode.failure)
        }
        dispatchMain()
    }

    /// The page can be opened by hand where this does not work.
    private static func browse(_ address: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["xdg-open", address]
        (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
        process.terminationHandler = { ended in
            guard ended.terminationStatus != 0 else { return }
            Failure.say("--open: xdg-open ended with status \(ended.terminationStatus); open \(address) by hand")
        }
        do { try process.run() } catch {
            Failure.say("--open: \(error.localizedDescription); open \(address) by hand")
        }
    }
}
