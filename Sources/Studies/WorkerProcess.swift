import Foundation
import Manifests
import PluginHost

/// The program that computes runs: `syzygy worker`, given their folders as its last arguments.
package struct WorkerCommand: Sendable {
    package var executable: String
    package var arguments: [String]
    /// In their place for a pair of runs; its file follows.
    package var pairArguments: [String]

    package init(
        executable: String = Installation.executable ?? "/proc/self/exe", arguments: [String] = ["worker"],
        pairArguments: [String] = ["pair"]
    ) {
        self.executable = executable
        self.arguments = arguments
        self.pairArguments = pairArguments
    }
}

/// What a worker last said about its run.
package struct RunProgress: Hashable, Sendable {
    package var step = 0
    package var total = 0
    package var stepsPerSecond = 0.0
    package var loss = Double.nan

    package init(step: Int = 0, total: Int = 0, stepsPerSecond: Double = 0, loss: Double = .nan) {
        self.step = step
        self.total = total
        self.stepsPerSecond = stepsPerSecond
        self.loss = loss
    }

    /// Reads a line `step total rate loss`.
    init?(line: Substring) {
        let fields = line.split(separator: " ")
        guard fields.count == 4, let step = Int(fields[0]), let total = Int(fields[1]), let rate = Double(fields[2]),
            let loss = Double(fields[3])
        else { return nil }
        self.init(step: step, total: total, stepsPerSecond: rate, loss: loss)
    }

    var line: String { "\(step) \(total) \(stepsPerSecond) \(loss)\n" }
}

/// One running worker: its process, the runs it computes, and the pipe on which it reports.
final class WorkerProcess {
    let runs: [PlannedRun]
    /// Of each run.
    let folders: [String]
    let descriptor: Int32
    private let process: pid_t
    private(set) var progress: RunProgress
    /// The sentence of a line `{"error": …}`.
    private(set) var error: String?
    /// Of a line `{"calling": …}`: whose function ended the process.
    private(set) var calling: String?
    /// Of lines `{"note": …}`, not yet taken.
    private var notes: [String] = []
    private var unread: [UInt8] = []
    private var hasEnded = false

    /// Starts the worker in its own process group, so that Ctrl-C on the terminal reaches the parent only; its stderr goes
    /// to `log`, by default the `log.txt` of its first run.
    init(
        _ runs: [PlannedRun], folders: [String], command: WorkerCommand, environment: [String: String],
        log: String? = nil
    ) throws(StudyError) {
        (self.runs, self.folders) = (runs, folders)
        progress = RunProgress(total: runs[0].configuration.train.steps)
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Self.failure("no pipe for a worker", errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[1]) }

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addopen(
            &actions, 2, log ?? folders[0] + "/log.txt", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o644)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        posix_spawnattr_setpgroup(&attributes, 0)

        let words = ([command.executable] + command.arguments + folders).map { strdup($0) }
        let variables = (environment.merging(["SYZYGY_PARENT": "\(getpid())"]) { $1 }).map {
            strdup("\($0.key)=\($0.value)")
        }
        defer { (words + variables).forEach { free($0) } }
        var id: pid_t = 0
        let code = posix_spawn(&id, command.executable, &actions, &attributes, words + [nil], variables + [nil])
        guard code == 0 else {
            close(ends[0])
            throw Self.failure("\(command.executable) cannot be started", code)
        }
        process = id
        descriptor = ends[0]
    }

    deinit { close(descriptor) }

    /// The first of its runs, with a label that stands for all.
    var shown: PlannedRun {
        var run = runs[0]
        if runs.count > 1 { run.label += " and \(runs.count - 1) more" }
        return run
    }

    /// Takes in what the worker wrote; false at the end of the pipe.
    func readProgress() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &buffer, buffer.count)
        if count < 0 { return errno == EINTR || errno == EAGAIN }
        guard count > 0 else { return false }
        unread += buffer[..<count]
        while let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
            let line = String(decoding: unread[..<end], as: UTF8.self)
            unread.removeSubrange(...end)
            if let progress = RunProgress(line: line[...]) {
                self.progress = progress
            } else if let report = try? StrictJSON.parse(line, file: "worker") {
                error = report.root["error"]?.string ?? error
                calling = report.root["calling"]?.string ?? calling
                notes += report.root["note"]?.string.map { [$0] } ?? []
            }
        }
        return true
    }

    /// What it said of its runs since the last time.
    func takeNotes() -> [String] {
        defer { notes = [] }
        return notes
    }

    /// Waits for the end of the process.
    func wait() -> ProcessEnd {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        hasEnded = true
        return ProcessEnd(status: status)
    }

    func send(_ signal: Int32) { if !hasEnded { kill(process, signal) } }

    private static func failure(_ what: String, _ code: Int32) -> StudyError {
        StudyError("\(what): \(String(cString: strerror(code)))")
    }
}
