import Foundation
import Manifests

/// A process that computes runs, told apart from every other one: a process number alone comes back after a restart.
package struct RunHolder: Hashable, Sendable {
    /// The machine since it was started, and the process namespace: within one of them process numbers mean something.
    package var machine: String
    package var host: String
    package var process: Int
    /// Clock ticks from the start of the machine to that of the process.
    package var began: Int

    package init(machine: String, host: String, process: Int, began: Int) {
        (self.machine, self.host, self.process, self.began) = (machine, host, process, began)
    }

    package static let this: RunHolder = {
        let boot = (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? ""
        let space = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")) ?? ""
        let process = Int(getpid())
        return RunHolder(
            machine: boot.trimmingCharacters(in: .whitespacesAndNewlines) + " " + space,
            host: Host.name, process: process, began: start(of: process) ?? 0)
    }()

    /// nil on another machine, where nobody can say.
    package var isAlive: Bool? {
        guard machine == RunHolder.this.machine else { return nil }
        return RunHolder.start(of: process) == began
    }

    /// nil for a process that is not there, or has ended and is only not yet waited for.
    private static func start(of process: Int) -> Int? {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            // The name of the program, in parentheses, may hold anything.
            let name = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[text.index(after: name)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
        return Int(fields[19])
    }
}

/// What a lease file says: who computes a run, and how far it is.
package struct LeaseNote: Hashable, Sendable {
    package var holder: RunHolder
    /// Of this lease alone; the next holder's file is named after it.
    package var token: String
    package var progress = RunProgress()

    /// Lines of this length are replaced in one write.
    static let length = 512

    /// JSON, padded.
    var bytes: [UInt8] {
        let json = JSON.object([
            "host": .string(holder.host), "process": .int(holder.process), "began": .int(holder.began),
            "machine": .string(holder.machine), "token": .string(token),
            "progress": .string(String(progress.line.dropLast())),
        ])
        let text = Array(json.text(pretty: false).utf8)
        return text + Array(repeating: UInt8(ascii: " "), count: max(0, Self.length - 1 - text.count)) + [10]
    }

    /// nil if there is no such file, or none that says this.
    package init?(file: String) {
        guard let text = try? String(contentsOfFile: file, encoding: .utf8),
            let json = try? StrictJSON.parse(text, file: file).root,
            let host = json["host"]?.string, let process = json["process"]?.int, let began = json["began"]?.int,
            let machine = json["machine"]?.string, let token = json["token"]?.string,
            let progress = RunProgress(line: (json["progress"]?.string ?? "")[...])
        else { return nil }
        holder = RunHolder(machine: machine, host: host, process: process, began: began)
        (self.token, self.progress) = (token, progress)
    }

    init(holder: RunHolder, token: String) { (self.holder, self.token) = (holder, token) }
}

/// The leases of a study's runs: of all processes that share its folder, on this machine and others, one computes a run.
///
/// A lease is a file `leases/<run>` that `link` creates, which fails where it exists, on network file systems too. The holder writes
/// its progress into it each second. A lease is stale when its process has ended or, on another machine, when its file has
/// not changed for `patience`; no clocks are compared. The next holder of a stale lease with token t is who links
/// `leases/<run>.t` first. Tokens never come back, so a process that decided long ago that a lease is stale cannot take one that is not.
/// Who gives a lease back removes `leases/<run>` first: what else there is then belongs to nobody.
package final class Leases {
    private let folder: String
    private let holder: RunHolder
    private let patience: Duration
    /// By file, what was last seen of leases of other machines, and since when.
    private var watched: [String: (content: Data, since: ContinuousClock.Instant, hasChanged: Bool)] = [:]

    package init(_ study: StudyFolder, holder: RunHolder = .this, patience: Duration = .seconds(120)) {
        (folder, self.holder, self.patience) = (study.leasesFolder, holder, patience)
    }

    package enum Answer {
        case taken(Lease)
        /// By whom; nil if another process was just quicker.
        case held(LeaseNote?)
    }

    package func take(_ name: String) throws(StudyError) -> Answer {
        try StudyFolder.create(folder)
        let head = "\(folder)/\(name)"
        guard let chain = chain(head) else { return try create(head, after: []) ?? .held(nil) }
        guard let last = chain.last else { return .held(nil) }
        guard !isAlive(last.note, last.file) else { return .held(last.note) }
        let next = "\(head).\(last.note.token)"
        guard let answer = try create(next, after: chain.map(\.file)), case .taken(let lease) = answer else {
            return .held(nil)
        }
        // The former holder's successor may have come and gone meanwhile.
        guard LeaseNote(file: head)?.token == chain[0].note.token else {
            unlink(next)
            return .held(nil)
        }
        return .taken(lease)
    }

    /// Whether the holder of a lease has shown that it lives since this process knows of it; true of none.
    package func isKnownAlive(_ name: String) -> Bool {
        guard let last = chain("\(folder)/\(name)")?.last else { return true }
        return last.note.holder.isAlive ?? (watched[last.file]?.hasChanged ?? false)
    }

    /// Removes what processes of this machine left that were killed: leases of runs that nobody computes, and successors of leases
    /// that were given back.
    package func sweep() {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            let file = "\(folder)/\(name)"
            if name.hasPrefix(".") {
                if LeaseNote(file: file)?.holder.isAlive == false { unlink(file) }
            } else if let run = name.wholeMatch(of: /(.+)\.[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}/)?.1 {
                // Not because its chain cannot be read at this moment: its holder may live.
                if access("\(folder)/\(run)", F_OK) != 0, errno == ENOENT { unlink(file) }
            } else if chain(file)?.last?.note.holder.isAlive == false, case .taken(let lease)? = try? take(name) {
                lease.release()
            }
        }
    }

    /// The lease and its successors; nil if there is none, empty if the first cannot be read.
    private func chain(_ head: String) -> [(file: String, note: LeaseNote)]? {
        guard access(head, F_OK) == 0 else { return nil }
        var chain: [(file: String, note: LeaseNote)] = []
        var file = head
        while let note = LeaseNote(file: file) {
            chain.append((file, note))
            file = "\(head).\(note.token)"
        }
        return chain
    }

    private func isAlive(_ note: LeaseNote, _ file: String) -> Bool {
        if let isAlive = note.holder.isAlive { return isAlive }
        let content = FileManager.default.contents(atPath: file) ?? Data()
        guard let seen = watched[file] else {
            watched[file] = (content, .now, false)
            return true
        }
        if seen.content != content { watched[file] = (content, .now, true) }
        return seen.content != content || seen.since.duration(to: .now) < patience
    }

    /// nil if the file exists.
    private func create(_ file: String, after earlier: [String]) throws(StudyError) -> Answer? {
        let note = LeaseNote(holder: holder, token: UUID().uuidString)
        let draft = "\(folder)/.\(note.token)"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.failure(draft) }
        defer { unlink(draft) }
        guard pwrite(descriptor, note.bytes, note.bytes.count, 0) == note.bytes.count else {
            let failure = Self.failure(draft)
            close(descriptor)
            throw failure
        }
        guard link(draft, file) == 0 else {
            let isThere = errno == EEXIST, failure = Self.failure(file)
            close(descriptor)
            if isThere { return nil }
            throw failure
        }
        return .taken(Lease(note: note, descriptor: descriptor, files: earlier + [file]))
    }

    private static func failure(_ file: String) -> StudyError {
        StudyError("\(file): cannot be written: \(String(cString: strerror(errno)))")
    }
}

/// A lease that this process holds.
package final class Lease {
    private var note: LeaseNote
    private let descriptor: Int32
    /// The stale ones that it follows, and its own.
    private let files: [String]

    fileprivate init(note: LeaseNote, descriptor: Int32, files: [String]) {
        (self.note, self.descriptor, self.files) = (note, descriptor, files)
    }

    deinit { close(descriptor) }

    /// Shows that the holder lives; false if another process took it for dead and has the lease.
    package func renew(_ progress: RunProgress) -> Bool {
        note.progress = progress
        let bytes = note.bytes
        // A full disk does not fail it: the length stays.
        _ = pwrite(descriptor, bytes, bytes.count, 0)
        return access("\(files[0]).\(note.token)", F_OK) != 0
    }

    package func release() { for file in files { unlink(file) } }
}

extension StudyFolder {
    package var leasesFolder: String { path + "/leases" }

    /// Who computes a run now; nil if nobody does, as far as this machine can tell.
    package func lease(of name: String) -> LeaseNote? {
        var file = "\(leasesFolder)/\(name)"
        var last: LeaseNote?
        while let note = LeaseNote(file: file) {
            last = note
            file = "\(leasesFolder)/\(name).\(note.token)"
        }
        return last?.holder.isAlive == false ? nil : last
    }
}
