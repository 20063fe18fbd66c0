import Glibc

/// Buffers on cache lines, and numbers in and out of them.
package enum Memory {
    /// What this machine has; more is refused with a sentence before it is asked for.
    static let available = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))

    package static func check(bytes: Int, for what: String) throws {
        guard bytes > available else { return }
        func gigabytes(_ bytes: Int) -> String { "\((bytes + (1 << 30) - 1) >> 30) GiB" }
        throw GraphError("\(what) \(gigabytes(bytes)) of memory; this machine has \(gigabytes(available))")
    }

    static func zeroed(bytes: Int) -> UnsafeMutableRawPointer {
        let size = max((bytes + 63) / 64 * 64, 64)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: size)
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
        switch precision {
        case .f32:
            let floats = target.assumingMemoryBound(to: Float.self)
            for i in values.indices { floats[i] = Float(values[i]) }
        case .f64:
            target.assumingMemoryBound(to: Double.self).update(from: values, count: values.count)
        }
    }
}
