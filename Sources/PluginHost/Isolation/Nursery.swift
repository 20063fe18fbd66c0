import CShims
import Foundation
import Manifests
import Synchronization

/// A process of this program that makes copies of itself for plugins: a copy takes a tenth of the time of a program that starts anew. It
/// runs no code of plugins.
package final class Nursery: Sendable {
    private let control: Int32
    private let lock = Mutex(())
    private static let current = Mutex<Nursery?>(nil)

    /// Descriptor of the nursery's end.
    private static let controlOfNursery: Int32 = 3

    /// A copy with four files as its descriptors 3 to 6, and its nursery.
    static func start(
        folder: String, megabytes: Int, threads: Int32, files: [Int32]
    ) throws -> (nursery: Nursery, process: pid_t) {
        var task = sz_task()
        (task.megabytes, task.threads) = (Int64(megabytes), threads)
        let path = Array(folder.utf8) + [0]
        guard path.count <= Int(SZ_PATH_BYTES) else { throw PluginError(folder, "the path is too long") }
        withUnsafeMutableBytes(of: &task.folder) { $0.copyBytes(from: path) }
        // A nursery that somebody has ended is replaced once.
        for _ in 0..<2 {
            let nursery = try current.withLock { known in
                let nursery = try known ?? Nursery()
                known = nursery
                return nursery
            }
            let process = nursery.lock.withLock { _ in sz_nursery_start(nursery.control, &task, files) }
            if process > 0 { return (nursery, process) }
            current.withLock { $0 = $0 === nursery ? nil : $0 }
        }
        throw PluginError(folder, "no process: the one that makes others has ended")
    }

    /// Waits for a copy to end by itself, then ends it; nil if nobody knows its status.
    func end(_ process: pid_t, milliseconds: Int32) -> (status: Int32, wasKilled: Bool)? {
        var wasKilled: Int32 = 0
        let status = lock.withLock { _ in sz_nursery_end(control, process, milliseconds, &wasKilled) }
        return status < 0 ? nil : (status, wasKilled != 0)
    }

    private init(control: Int32) { self.control = control }

    /// Makes the nursery of a run by forking, which costs less still than starting the program again. The process must have one thread.
    /// Returns true in the nursery and its copies, when they are done.
    /// - Parameter registry: its manifests need not be read again.
    package static func fork(knowing registry: Registry) throws -> Bool {
        known.withLock { $0 = registry }
        var control: Int32 = -1
        switch sz_nursery_fork(&control) {
        case 0:
            let kept = environment
            for name in ProcessInfo.processInfo.environment.keys where kept[name] == nil { unsetenv(name) }
            for (name, value) in kept { setenv(name, value, 1) }
            try serve(control)?.run()
            return true
        case 1...: current.withLock { $0 = Nursery(control: control) }
        default: break  // one is started when it is needed
        }
        return false
    }

    private init() throws {
        var ends: [Int32] = [-1, -1]
        guard sz_socket_pair(&ends) == 0 else {
            throw PluginError("plugins", "no sockets: \(String(cString: strerror(errno)))")
        }
        control = ends[0]
        defer { close(ends[1]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, 2, 1)
        // By way of another number: a descriptor copied onto itself would be closed on exec.
        posix_spawn_file_actions_adddup2(&actions, ends[1], Self.controlOfNursery + 100)
        posix_spawn_file_actions_adddup2(&actions, Self.controlOfNursery + 100, Self.controlOfNursery)
        posix_spawn_file_actions_addclose(&actions, Self.controlOfNursery + 100)

        let executable = Installation.executable ?? "/proc/self/exe"
        let words = [executable, "sandbox"].map { (word: String) in strdup(word) }
        let variables = Self.environment.map { strdup("\($0.key)=\($0.value)") }
        defer { (words + variables).forEach { free($0) } }
        var id: pid_t = 0
        let code = posix_spawn(&id, executable, &actions, nil, words + [nil], variables + [nil])
        guard code == 0 else {
            close(ends[0])
            throw PluginError("plugins", "no process: \(String(cString: strerror(code)))")
        }
    }

    deinit { close(control) }

    /// Only what numbers and libraries depend on.
    private static var environment: [String: String] {
        let kept = ["OMP_", "OPENBLAS_", "SYZYGY_", "LD_LIBRARY_PATH"]
        var environment = ProcessInfo.processInfo.environment.filter { variable in
            kept.contains { variable.key.hasPrefix($0) }
        }
        environment["LC_ALL"] = "C.UTF-8"
        environment["SWIFT_BACKTRACE"] = "enable=no"  // it would start a process
        return environment
    }

    /// The body of the hidden command `syzygy sandbox`. Returns in each copy, with the server of its plugin; nil in the nursery at its end.
    package static func serve() throws -> SandboxServer? { try serve(controlOfNursery) }

    private static func serve(_ control: Int32) throws -> SandboxServer? {
        var task = sz_task()
        // The manifest is read here, so that copies begin with all that reading needs.
        guard sz_nursery_serve(control, &task, { Nursery.prepare($0) }) == 1 else { return nil }
        let registry = prepared.withLock { $0 } ?? Registry(paths: [])
        return try SandboxServer(registry, megabytes: Int(task.megabytes), threads: Int(task.threads))
    }

    private static let known = Mutex<Registry?>(nil)
    /// Of the plugin that the next copy is for.
    private static let prepared = Mutex<Registry?>(nil)

    private static func prepare(_ task: UnsafePointer<sz_task>?) {
        guard let task else { return }
        let folder = withUnsafeBytes(of: task.pointee.folder) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        let registry = known.withLock { $0?.only(folder) } ?? Registry(paths: [folder])
        prepared.withLock { $0 = registry }
    }
}
