import ArrayFiles
import CShims
import Foundation

/// A plugin's folder, held open. Its files are opened beneath it, so that no link leads to another file than the folder's, and
/// only if nobody else can write them.
package struct PluginFolder: ~Copyable {
    private let path: String
    private let folder: FileDescriptor
    private let trust: FileTrust

    package init(_ path: String, trust: FileTrust = .current) throws {
        self.path = path
        self.trust = trust
        let opened = try FileDescriptor(reading: path)
        try trust.check(opened)
        folder = opened
    }

    /// Opens a regular file for reading: a name, or a path without `..`.
    package func open(_ name: String, withoutOpenat2: Bool = false) throws -> FileDescriptor {
        let how = Int32(withoutOpenat2 ? SZ_BENEATH_WITHOUT_OPENAT2 : SZ_BENEATH_AUTOMATIC)
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        for count in 1..<max(parts.count, 1) {
            try trust.check(try beneath(parts[..<count].joined(separator: "/"), how))
        }
        let file = try beneath(name, how)
        _ = try file.size()
        try trust.check(file)
        return file
    }

    private func beneath(_ name: String, _ how: Int32) throws -> FileDescriptor {
        let place = "\(path)/\(name)"
        let handle = sz_open_beneath(folder.handle, name, how)
        guard handle < 0 else { return FileDescriptor(handle: handle, path: place) }
        let reason = errno
        let target = (try? FileManager.default.destinationOfSymbolicLink(atPath: place)).map { " ('\($0)')" } ?? ""
        switch reason {
        case EXDEV:
            throw FileError(
                .system, place,
                "leads out of the plugin's folder\(target); put the file itself there, or install the plugin as a link "
                    + "to its whole folder")
        case ELOOP:
            throw FileError(
                .system, place,
                "is or is behind a symbolic link\(target), which this kernel cannot keep within the folder (no openat2); "
                    + "put the file itself there")
        default:
            throw FileError(.system, place, "cannot be opened: \(String(cString: strerror(reason)))")
        }
    }
}

/// Whose files are used as code: those that only people can write who can change what this program does anyway.
package struct FileTrust: Sendable {
    /// Ids of users.
    package var owners: Set<UInt32>

    package init(owners: Set<UInt32>) { self.owners = owners }

    /// The user, root, the owner of this program, and whom `SYZYGY_TRUSTED_OWNERS` names (names or ids with commas between).
    package static let current: FileTrust = {
        var owners: Set<UInt32> = [0, geteuid()]
        var status = stat()
        if stat("/proc/self/exe", &status) == 0 { owners.insert(status.st_uid) }
        let named = ProcessInfo.processInfo.environment["SYZYGY_TRUSTED_OWNERS"] ?? ""
        for name in named.split(separator: ",") {
            if let id = UInt32(name) {
                owners.insert(id)
            } else if let user = getpwnam(String(name)) {
                owners.insert(user.pointee.pw_uid)
            }
        }
        return FileTrust(owners: owners)
    }()

    package func check(_ file: borrowing FileDescriptor) throws {
        var status = stat()
        guard fstat(file.handle, &status) == 0 else {
            throw FileError(.system, file.path, "cannot be examined: \(systemMessage())")
        }
        let hasList = status.st_mode & 0o020 != 0 && sz_has_access_list(file.handle) != 0
        if let problem = problem(
            file.path, mode: status.st_mode, owner: status.st_uid, group: status.st_gid, hasList: hasList)
        {
            throw FileError(.system, file.path, problem)
        }
    }

    /// Why a file is not used; nil if it may be.
    /// - Parameter hasList: whether an access control list names others.
    package func problem(_ path: String, mode: UInt32, owner: UInt32, group: UInt32, hasList: Bool) -> String? {
        // Names are read from files: only for a sentence that is said.
        var user: String { UserNames.user(owner) ?? String(owner) }
        var facts: String { "mode \(String(mode & 0o7777, radix: 8)), owner \(user)" }
        var quoted: String { "'" + path.replacingOccurrences(of: "'", with: "'\\''") + "'" }
        if mode & 0o002 != 0 {
            return "can be written by everyone (\(facts)), so anyone could change what runs here: chmod o-w \(quoted)"
        }
        if !owners.contains(owner) {
            let me = geteuid(), myself = UserNames.user(me) ?? String(me)
            return
                "belongs to another user (\(facts)), who could change what \(myself) runs: chown \(me) \(quoted), or "
                + "SYZYGY_TRUSTED_OWNERS=\(user) if you trust that user"
        }
        if mode & 0o020 != 0, hasList || !UserNames.isPrivate(group: group, of: owner) {
            let name =
                hasList
                ? "whom its access control list names" : "the group \(UserNames.group(group)?.name ?? String(group))"
            return
                "can be written by \(name) (\(facts)), so its members could change what runs here: chmod g-w \(quoted)"
        }
        return nil
    }
}

/// Names of users and groups, from the system's lists.
private enum UserNames {
    static func user(_ id: UInt32) -> String? {
        withBuffer { buffer in
            var entry = passwd()
            var found: UnsafeMutablePointer<passwd>?
            guard getpwuid_r(id, &entry, buffer, bufferSize, &found) == 0, found != nil else { return nil }
            return String(cString: entry.pw_name)
        }
    }

    static func group(_ id: UInt32) -> (name: String, members: [String])? {
        withBuffer { buffer in
            var entry = Glibc.group()
            var found: UnsafeMutablePointer<Glibc.group>?
            guard getgrgid_r(id, &entry, buffer, bufferSize, &found) == 0, found != nil else { return nil }
            var members: [String] = []
            var next = entry.gr_mem
            while let member = next?.pointee {
                members.append(String(cString: member))
                next = next?.advanced(by: 1)
            }
            return (String(cString: entry.gr_name), members)
        }
    }

    /// Whether a group is its owner alone: root's, or the one of the user's own name, for which systems choose the umask 002.
    static func isPrivate(group id: UInt32, of owner: UInt32) -> Bool {
        if id == 0 { return true }
        guard let group = group(id) else { return id == owner && user(owner) == nil }
        guard let name = user(owner) else { return false }
        return group.name == name && group.members.allSatisfy { $0 == name }
    }

    private static func withBuffer<T>(_ body: (UnsafeMutablePointer<CChar>) -> T?) -> T? {
        let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: bufferSize)
        defer { buffer.deallocate() }
        return body(buffer)
    }

    private static let bufferSize = 1 << 16
}
