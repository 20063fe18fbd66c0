import CShims
import Engine
import Foundation
import Manifests
import Synchronization

/// Which components run in a process of their own, and what that process may use.
package struct Isolation: Sendable {
    package enum Mode: String, CaseIterable, Sendable {
        /// Of plugins that nothing has validated: no receipt of level standard is there.
        case auto
        /// Datasets, probes and quantities of all plugins.
        case probes
        /// Of all plugins.
        case all
        case none
    }

    /// What can run elsewhere. Activations, operations and optimizers work on the engine's memory in the midst of a step, schedules are numbers
    /// for them, and procedures own their loop.
    package static let kinds: Set<Component.Kind> = [
        .dataset, .probe, .quantity, .regularizer, .loss, .model, .parametrization, .initializer, .sampler, .rule,
    ]

    /// What may be called while another component of the plugin waits for an answer has another process: a probe's question about the
    /// network can build the graph of a model, and a model's parameter that of a parametrization.
    static func process(of kind: Component.Kind) -> String {
        switch kind {
        case .model, .loss, .rule: "graph"
        case .parametrization: "parametrization"
        default: ""
        }
    }

    package var mode: Mode
    /// Where the calls that fail are kept, to be replayed.
    package var failures: String?
    /// For one call.
    package var seconds: Int
    /// Address space of the process beyond what it begins with.
    package var megabytes: Int

    package init(mode: Mode = .none, seconds: Int = 60, megabytes: Int = 4096) {
        (self.mode, self.seconds, self.megabytes) = (mode, seconds, megabytes)
    }

    /// Where receipts of validations are.
    package var receipts = ReceiptFolder()

    /// Plugins that ship with this installation are validated by its tests.
    package func isolates(_ manifest: Manifest, _ kind: Component.Kind) -> Bool {
        guard Self.kinds.contains(kind) else { return false }
        switch mode {
        case .all: return true
        case .probes: return kind == .dataset || kind == .probe || kind == .quantity
        case .none: return false
        case .auto:
            return !Registry.isShipped(manifest.folder)
                && receipts.receipt(of: manifest)?.covers(level: "standard") != true
        }
    }
}

/// What a process that runs code of plugins can be kept from; not every kernel has all.
package enum SandboxFeature: String, CaseIterable, Sendable {
    /// No program that it starts gains rights.
    case noNewPrivileges = "no_new_privileges"
    /// It writes, makes and removes no files, and has no TCP.
    case landlock
    /// It opens no sockets and starts no processes.
    case seccomp
    /// Its address space, files and core dumps are limited.
    case limits

    package static var available: [SandboxFeature] {
        let mask = sz_sandbox_available()
        return allCases.filter { mask & $0.bit != 0 }
    }

    private var bit: Int32 {
        switch self {
        case .noNewPrivileges: Int32(SZ_NO_NEW_PRIVILEGES)
        case .landlock: Int32(SZ_LANDLOCK)
        case .seccomp: Int32(SZ_SECCOMP)
        case .limits: Int32(SZ_LIMITS)
        }
    }
}

/// Why a call in another process gave nothing.
package struct SandboxFailure: Error, Hashable, CustomStringConvertible {
    /// In snake_case, for records.
    package var reason: String
    package var description: String
    /// The same with the call, and how to repeat it.
    package var circumstances: String?
}

/// A call that failed, for a replay.
struct CallRecord {
    /// What was asked, with all arrays: the call and what came before it.
    var messages: [Data] = []
    /// What the function was answered, up to the first answer that is large: those about graphs are small, gradients are not.
    var answers: [Data] = []
    private var room = 1 << 20

    mutating func add(answer: MessageWriter) {
        let bytes = answer.count - answer.begin
        room = bytes <= min(room, 4096) ? room - bytes : 0
        if room > 0 { answers.append(answer.written) }
    }
}

/// A process that runs the code of one plugin for this one, made when it is first needed and again after every failure.
final class Sandbox {
    private let folder: String
    private let isolation: Isolation
    private var process: SandboxProcess?
    /// Counts the processes: a new one has to be told everything again.
    private(set) var generation = 0

    var isRunning: Bool { process != nil }

    init(folder: String, _ isolation: Isolation) { (self.folder, self.isolation) = (folder, isolation) }

    private let turn = Mutex(())

    /// For calls that threads of the engine make: one after the other, each with what it does with its answer.
    func withTurn<E: Error>(_ body: () throws(E) -> Void) throws(E) {
        try turn.withLock { _ throws(E) in try body() }
    }

    /// Sends a message and waits for the answer. A process that fails is ended; `SandboxFailure` says how.
    /// - Parameters:
    ///   - before: writes what a record has to have before the message.
    ///   - network: what the plugin's calls for the network get, if it may make any.
    ///   - failed: gets the record of a message after which the process failed.
    func exchange(
        _ kind: Channel.Kind, before: ((inout MessageWriter) throws -> Void)? = nil,
        network: ((inout MessageReader, inout MessageWriter) throws -> Void)? = nil,
        failed: (CallRecord) -> Void = { _ in }, _ write: (inout MessageWriter) throws -> Void
    ) throws -> MessageReader {
        var record = CallRecord()
        var isSent = false
        do {
            let process = try start()
            process.channel.forgetOutgrown()
            let end = try process.channel.send(kind, write)
            isSent = true
            while true {
                var (kind, message) = try process.channel.receive(milliseconds: 1000 * isolation.seconds)
                switch kind {
                case .answer: return message
                case .failure: throw PluginError(try message.text(), try message.text())
                case .room: try process.channel.giveRoom(message)
                case .network:
                    guard let network else { throw Channel.Broken.malformed }
                    try process.channel.send(.answer, after: end) { answer in
                        try network(&message, &answer)
                        record.add(answer: answer)
                    }
                default: throw Channel.Broken.malformed
                }
            }
        } catch let broken as Channel.Broken {
            let failure = process?.end(of: broken)
            if let process, isSent {
                if let before, let text = try? process.channel.text(before) { record.messages.append(text) }
                if let text = try? process.channel.text(write) { record.messages.append(text) }
                failed(record)
            }
            process = nil
            throw failure ?? SandboxFailure(reason: "plugin_crashed", description: "its process could not be started")
        }
    }

    private func start() throws -> SandboxProcess {
        if let process { return process }
        let new = try SandboxProcess(folder: folder, isolation)
        process = new
        generation += 1
        return new
    }
}

/// One process and the channel to it.
final class SandboxProcess {
    let channel: Channel
    private let nursery: Nursery
    private let id: pid_t
    private let seconds: Int
    private var hasEnded = false

    private static let firstBytes = 1 << 16

    /// Descriptors of the process: its socket, the region it reads, the one it writes, and the heap of this process.
    static let socket: Int32 = 3, reads: Int32 = 4, writes: Int32 = 5, heap: Int32 = 6

    init(folder: String, _ isolation: Isolation) throws {
        seconds = isolation.seconds
        var ends: [Int32] = [-1, -1], readOnly: Int32 = -1, unused: Int32 = -1
        guard sz_socket_pair(&ends) == 0 else { throw PluginError(folder, "no sockets: \(Self.reason())") }
        let sent = sz_memory_file(Int64(Self.firstBytes), &readOnly)
        let received = sz_memory_file(Int64(Self.firstBytes), &unused)
        defer { for descriptor in [ends[1], readOnly, unused] where descriptor >= 0 { close(descriptor) } }
        guard sent >= 0, received >= 0 else { throw PluginError(folder, "no shared memory: \(Self.reason())") }

        let outgoing = try Region(sent, bytes: Self.firstBytes, isWritable: true)
        let incoming = try Region(received, bytes: Self.firstBytes, isWritable: false)
        let heap = SharedHeap.start()
        channel = Channel(socket: ends[0], outgoing: outgoing, incoming: incoming, sharesHeap: heap != nil) {
            try outgoing.enlarge($1)
        }

        (nursery, id) = try Nursery.start(
            folder: folder, megabytes: isolation.megabytes, threads: sz_threads(),
            files: [ends[1], readOnly, received, heap?.descriptor ?? readOnly])
    }

    deinit {
        if !hasEnded { _ = nursery.end(id, milliseconds: 0) }
    }

    private static func reason() -> String { String(cString: strerror(errno)) }

    /// Ends the process and says how it came to that.
    func end(of broken: Channel.Broken) -> SandboxFailure {
        hasEnded = true
        // A process that has crashed is about to end by itself; any other one is ended.
        let end = nursery.end(id, milliseconds: broken == .closed ? 1000 : 0)
        let status = end?.status ?? 0, isGone = end.map { !$0.wasKilled } ?? false
        switch broken {
        case .silent:
            return SandboxFailure(
                reason: "plugin_timed_out", description: "no answer within \(seconds) s; its process was ended")
        case .malformed:
            return SandboxFailure(reason: "plugin_crashed", description: "its process sent nonsense; it was ended")
        case .closed where !isGone:
            return SandboxFailure(
                reason: "plugin_crashed", description: "its process closed the connection; it was ended")
        case .closed:
            let end = ProcessEnd(status: status)
            let reason =
                switch end {
                case .exit: "plugin_exited"
                case .signal(let number): "plugin_crashed_\(ProcessEnd.name(ofSignal: number).lowercased())"
                }
            return SandboxFailure(reason: reason, description: "its process ended with \(end)")
        }
    }
}
