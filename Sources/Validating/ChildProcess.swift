import Foundation
import PluginHost
import Synchronization

/// A program started with one argument list; what it reports on descriptor 3, prints, and how it ends.
struct ChildProcess {
    enum End: Hashable, Sendable {
        case ended(ProcessEnd)
        case timeLimit(Double)
    }

    var end: End
    /// Lines that it wrote to descriptor 3.
    var lines: [String]
    /// What it wrote to its standard output and error, at most 16 KiB.
    var printed: String
    var seconds: Double

    private static let mostPrinted = 16 << 10
    private static let spawning = Mutex(())

    /// Runs a program to its end, or kills it when its time is over.
    static func run(
        _ executable: String, _ arguments: [String], environment: [String: String], timeLimit: Double
    ) throws -> ChildProcess {
        // One at a time: no child may inherit another one's pipes.
        let (report, output, id) = try spawning.withLock { _ in
            let report = try Pipe(), output = try Pipe()
            defer { for pipe in [report, output] { close(pipe.writing) } }
            return (report, output, try spawn(executable, arguments, environment, report.writing, output.writing))
        }
        defer { for pipe in [report, output] { close(pipe.reading) } }
        let clock = ContinuousClock(), start = clock.now
        let deadline = start + .seconds(timeLimit)
        var texts: [[UInt8]] = [[], []]
        var open = [report.reading, output.reading]
        var isLate = false
        while open[0] >= 0 || open[1] >= 0 {
            let left = isLate ? 1 : (deadline - clock.now) / .milliseconds(1)
            if left <= 0 {
                isLate = true
                kill(id, SIGKILL)
                continue
            }
            var waiting = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            let ready = poll(&waiting, 2, Int32(min(left.rounded(.up), 1000)))
            // What a killed child has started may keep the pipes.
            if isLate, ready == 0 { break }
            for (index, item) in waiting.enumerated() where item.revents != 0 {
                var buffer = [UInt8](repeating: 0, count: 1 << 14)
                let count = read(item.fd, &buffer, buffer.count)
                if count <= 0 {
                    open[index] = -1
                } else if index == 0 || texts[1].count < mostPrinted {
                    texts[index] += buffer[..<count]
                }
            }
        }
        var status: Int32 = 0
        while waitpid(id, &status, 0) < 0, errno == EINTR {}
        return ChildProcess(
            end: isLate ? .timeLimit(timeLimit) : .ended(ProcessEnd(status: status)),
            lines: String(decoding: texts[0], as: UTF8.self).split(separator: "\n").map(String.init),
            printed: String(decoding: texts[1].prefix(mostPrinted), as: UTF8.self),
            seconds: (clock.now - start) / .seconds(1))
    }

    private struct Pipe {
        let reading, writing: Int32

        init() throws {
            var ends: [Int32] = [-1, -1]
            guard pipe(&ends) == 0 else {
                throw TrialFailure("no pipe for a test: \(String(cString: strerror(errno)))")
            }
            // Above the descriptors that a child gets.
            reading = fcntl(ends[0], F_DUPFD_CLOEXEC, 10)
            writing = fcntl(ends[1], F_DUPFD_CLOEXEC, 10)
            close(ends[0])
            close(ends[1])
        }
    }

    private static func spawn(
        _ executable: String, _ arguments: [String], _ environment: [String: String],
        _ report: Int32, _ output: Int32
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        posix_spawn_file_actions_adddup2(&actions, report, Examination.channel)
        let words = ([executable] + arguments).map { strdup($0) }
        let variables = environment.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") }
        defer { (words + variables).forEach { free($0) } }
        var id: pid_t = 0
        let code = posix_spawn(&id, executable, &actions, nil, words + [nil], variables + [nil])
        guard code == 0 else {
            throw TrialFailure("\(executable) cannot be started: \(String(cString: strerror(code)))")
        }
        return id
    }
}
