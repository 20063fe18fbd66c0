import CShims
import Glibc
import Synchronization

/// Memory for large arrays that other processes may read: one file that grows, which they get once; from then on they are told where
/// an array is in it.
package final class SharedHeap: Sendable {
    /// For reading only.
    package let descriptor: Int32
    private let file: Int32
    private let base: UInt
    private let state: Mutex<State>

    private struct State {
        /// Bytes of the file.
        var end = SharedHeap.page
        /// Ranges of it that nobody uses, in order, with something between.
        var free: [Range<Int>] = []
        /// What is used: sizes by where they begin.
        var sizes: [Int: Int] = [:]
    }

    private static let page = 4096
    /// Addresses that it may use; memory is taken when it is needed.
    private static let reserved = 1 << 38
    /// Unused ranges up to this size keep their memory, so that it need not be cleared again.
    private static let kept = 64 << 20

    private static let isStarted = Atomic<Bool>(false)
    private static let only = SharedHeap()

    /// Begins to put arrays here. nil if the system refuses; they are copied then.
    package static func start() -> SharedHeap? {
        isStarted.store(true, ordering: .relaxed)
        return only
    }

    /// That of this process, if it has begun.
    package static var current: SharedHeap? { isStarted.load(ordering: .relaxed) ? only : nil }

    private init?() {
        var readable: Int32 = -1
        let file = sz_memory_file(Int64(Self.page), &readable)
        guard file >= 0 else { return nil }
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let base = mmap(nil, Self.reserved, PROT_NONE, flags, -1, 0), base != MAP_FAILED else {
            close(file)
            close(readable)
            return nil
        }
        (self.file, descriptor, self.base) = (file, readable, UInt(bitPattern: base))
        state = Mutex(State())
    }

    /// Where an array is in the file; nil if it is elsewhere.
    package func offset(of pointer: UnsafeRawPointer) -> Int? {
        let address = UInt(bitPattern: pointer)
        return address >= base && address < base + UInt(Self.reserved) ? Int(address - base) : nil
    }

    /// nil for small arrays, which are as well copied, and if there is no room.
    fileprivate func allocate(bytes: Int) -> UnsafeMutableRawPointer? {
        guard bytes >= Self.page else { return nil }
        let size = (bytes + Self.page - 1) / Self.page * Self.page
        return state.withLock { state in
            let begin: Int
            if let index = state.free.firstIndex(where: { $0.count >= size }) {
                let range = state.free[index]
                begin = range.lowerBound
                if range.count == size {
                    state.free.remove(at: index)
                } else {
                    state.free[index] = begin + size..<range.upperBound
                }
            } else {
                begin = state.end
                let target = UnsafeMutableRawPointer(bitPattern: base + UInt(begin))
                guard begin + size <= Self.reserved, ftruncate(file, begin + size) == 0,
                    mmap(target, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, begin) != MAP_FAILED
                else { return nil }
                state.end = begin + size
            }
            state.sizes[begin] = size
            return UnsafeMutableRawPointer(bitPattern: base + UInt(begin))
        }
    }

    fileprivate func free(at begin: Int) {
        state.withLock { state in
            guard let size = state.sizes.removeValue(forKey: begin) else { return }
            var range = begin..<begin + size
            var index = state.free.firstIndex { $0.lowerBound > begin } ?? state.free.count
            if index < state.free.count, state.free[index].lowerBound == range.upperBound {
                range = range.lowerBound..<state.free.remove(at: index).upperBound
            }
            if index > 0, state.free[index - 1].upperBound == range.lowerBound {
                index -= 1
                range = state.free.remove(at: index).lowerBound..<range.upperBound
            }
            state.free.insert(range, at: index)
            if range.count > Self.kept {
                madvise(UnsafeMutableRawPointer(bitPattern: base + UInt(range.lowerBound)), range.count, MADV_REMOVE)
            }
        }
    }
}

extension Memory {
    /// For arrays that probes read, on cache lines; in the heap that other processes see, if there is one and they are large.
    package static func allocateShareable(bytes: Int) -> UnsafeMutableRawPointer {
        SharedHeap.current?.allocate(bytes: bytes) ?? .allocate(byteCount: max(bytes, 8), alignment: 64)
    }

    /// Of `allocateShareable`.
    package static func deallocateShareable(_ pointer: UnsafeMutableRawPointer) {
        if let heap = SharedHeap.current, let offset = heap.offset(of: pointer) {
            heap.free(at: offset)
        } else {
            pointer.deallocate()
        }
    }
}
