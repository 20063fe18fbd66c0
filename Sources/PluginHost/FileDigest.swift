import ArrayFiles
import Foundation
import LinearAlgebra
import Synchronization

/// SHA-256 of open files, each read once as long as it does not change.
package enum FileDigest {
    private struct State: Hashable {
        var device, inode, size, changed, changedNanoseconds: Int
    }

    private static let known = Mutex<[State: String]>([:])

    package static func of(_ file: borrowing FileDescriptor) throws -> String {
        let state = state(of: file)
        if let state, let digest = known.withLock({ $0[state] }) { return digest }
        guard lseek(file.handle, 0, SEEK_SET) == 0 else {
            throw FileError(.system, file.path, "cannot be read: \(systemMessage())")
        }
        let digest = try SHA256.hex(of: file)
        if let state, state == self.state(of: file) { known.withLock { $0[state] = digest } }
        return digest
    }

    /// Which bytes these are; nil as long as the clock of the file system may be too coarse to tell the next change from the last.
    private static func state(of file: borrowing FileDescriptor) -> State? {
        var status = stat(), now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        guard fstat(file.handle, &status) == 0,
            Double(now.tv_sec - status.st_ctim.tv_sec) + 1e-9 * Double(now.tv_nsec - status.st_ctim.tv_nsec) > 0.1
        else { return nil }
        return State(
            device: Int(status.st_dev), inode: Int(status.st_ino), size: Int(status.st_size),
            changed: status.st_ctim.tv_sec, changedNanoseconds: status.st_ctim.tv_nsec)
    }
}
