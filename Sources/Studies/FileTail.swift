import Foundation

/// What is new at the end of a file that grows. A file that became shorter, or is another one of the same name, is new as a whole. One that became
/// shorter and longer again between two looks is taken for one that grew: a run that goes on from a checkpoint writes the same bytes again.
struct FileTail {
    /// How many bytes were used: whole lines.
    private(set) var offset = 0
    private var file: (device: UInt64, node: UInt64)?
    private var size = 0

    /// How long a block is that is read at once; no line is longer.
    static let block = 1 << 22

    enum News {
        case nothing
        /// Bytes from the offset on; those that `use` does not take come again when the file has grown.
        case appended([UInt8])
        /// The same, of a file that begins anew: what was read before is void.
        case anew([UInt8])
    }

    /// Looks at the file's status, and reads a block if it has grown or `isPartial`.
    mutating func look(_ path: String, isPartial: Bool = false) -> News {
        var status = stat()
        guard stat(path, &status) == 0 else {
            defer { self = FileTail() }
            return file == nil ? .nothing : .anew([])
        }
        let now = (device: UInt64(status.st_dev), node: UInt64(status.st_ino)), length = Int(status.st_size)
        let isAnew = file.map { $0 != now || length < size } ?? false
        if isAnew { self = FileTail() }
        guard isAnew || isPartial || length != size else { return .nothing }
        (file, size) = (now, length)
        let bytes = read(path, length)
        return isAnew ? .anew(bytes) : bytes.isEmpty ? .nothing : .appended(bytes)
    }

    mutating func use(_ bytes: Int) { offset += bytes }

    private func read(_ path: String, _ length: Int) -> [UInt8] {
        let wanted = min(Self.block, length - offset)
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0, wanted > 0 else {
            if descriptor >= 0 { close(descriptor) }
            return []
        }
        defer { close(descriptor) }
        return [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
            while filled < wanted {
                let count = pread(
                    descriptor, buffer.baseAddress.map { $0 + filled }, wanted - filled, off_t(offset + filled))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                filled += count
            }
        }
    }
}
