import Glibc

/// Buffers on cache lines, and numbers in and out of them.
package enum Memory {
    /// What this machine has; more is refused with a sentence before it is asked for.
    private static let available = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))

    package static func check(bytes: Int, for what: String) throws {
        guard bytes > available else { return }
        func gigabytes(_ bytes: Int) -> String { "\((bytes + (1 << 30) - 1) >> 30) GiB" }
        throw GraphError("\(what) \(gigabytes(bytes)) of memory; this machine has \(gigabytes(available))")
    }

    /// For `deallocate()`. Large buffers lie in huge pages where the system gives them: they are first touched in a fraction of
    /// the time.
    package static func allocate(bytes: Int) -> UnsafeMutableRawPointer {
        let size = max((bytes + 63) / 64 * 64, 64), hugePage = 1 << 21
        guard size >= 2 * hugePage else { return .allocate(byteCount: size, alignment: 64) }
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: hugePage)
        madvise(memory, size, MADV_HUGEPAGE)
        return memory
    }

    static func zeroed(bytes: Int) -> UnsafeMutableRawPointer {
        let memory = allocate(bytes: bytes)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: max((bytes + 63) / 64 * 64, 64))
        return memory
    }

    static func read(_ source: UnsafeRawPointer, count: Int, _ precision: Precision) -> [Double] {
        switch precision {
        case .f32:
            let floats = source.assumingMemoryBound(to: Float.self)
            return (0..<count).map { Double(floats[$0]) }
        case .f64:
            return Array(UnsafeBufferPointer(start: source.assumingMemoryBound(to: Double.self), count: count))
        }
    }

    static func isFinite(_ source: UnsafeRawPointer, count: Int, _ precision: Precision) -> Bool {
        switch precision {
        case .f32:
            UnsafeBufferPointer(start: source.assumingMemoryBound(to: Float.self), count: count)
                .allSatisfy(\.isFinite)
        case .f64:
            UnsafeBufferPointer(start: source.assumingMemoryBound(to: Double.self), count: count)
                .allSatisfy(\.isFinite)
        }
    }

    static func write(_ values: [Double], to target: UnsafeMutableRawPointer, _ precision: Precision) {
        values.withUnsafeBufferPointer { write($0, to: target, precision) }
    }

    /// f32 rounds to nearest.
    package static func write(
        _ values: UnsafeBufferPointer<Double>, to target: UnsafeMutableRawPointer, _ precision: Precision
    ) {
        guard let base = values.baseAddress else { return }
        switch precision {
        case .f32:
            let floats = target.assumingMemoryBound(to: Float.self)
            for i in values.indices { floats[i] = Float(values[i]) }
        case .f64: target.copyMemory(from: base, byteCount: 8 * values.count)
        }
    }

    /// Writes `count` numbers that `draw` makes in f64, piece by piece: it gets the index of the first one and where to put them.
    package static func fill(
        _ target: UnsafeMutableRawPointer, count: Int, _ precision: Precision,
        _ draw: (Int, UnsafeMutableBufferPointer<Double>) -> Void
    ) {
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 4096) { memory in
            for begin in stride(from: 0, to: count, by: memory.count) {
                let piece = UnsafeMutableBufferPointer(rebasing: memory[..<min(memory.count, count - begin)])
                draw(begin, piece)
                write(UnsafeBufferPointer(piece), to: target + begin * precision.bytes, precision)
            }
        }
    }
}
