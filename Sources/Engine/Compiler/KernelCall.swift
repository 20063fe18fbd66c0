import CShims

/// A tensor in memory.
struct Buffer {
    let pointer: UnsafeMutableRawPointer
    let shape: [Int]
    let precision: Precision

    var count: Int { Shape.elements(shape) }
    var bytes: Range<UInt> {
        let begin = UInt(bitPattern: pointer)
        return begin..<begin + UInt(count * precision.bytes)
    }
}

/// Which bytes of an operand a share of a call's units touches.
package enum Access: Hashable, Sendable {
    case all
    /// Unit u touches bytes u · n ..< (u + 1) · n.
    case perUnit(Int)
}

/// One step of a program: a kernel with its arguments, whose units can be shared between threads.
///
/// The kernel writes its units' equal parts of the output and nothing else, and its results do not depend on how the
/// units are shared.
struct KernelCall {
    /// In the table of `sz_find_kernel`.
    let kernel: String
    let units: Int
    /// Floating-point operations, as `Program.flops` counts them.
    let flops: Double
    /// For each input.
    let reads: [Access]
    let arguments: (StepMemory) throws -> UnsafeMutableRawPointer

    /// - Parameter arguments: the C struct that the kernel takes; it may be made with memory that lives as long as the program.
    init<Arguments: BitwiseCopyable>(
        _ kernel: String, units: Int, flops: Double, reads: [Access],
        arguments: @escaping (StepMemory) throws -> Arguments
    ) {
        self.kernel = kernel
        self.units = units
        self.flops = flops
        self.reads = reads
        self.arguments = { memory in memory.keep(try arguments(memory)) }
    }
}

/// What the steps of a program point to: arguments, scratch and objects of libraries. Lives as long as the program.
final class StepMemory {
    /// Threads that run a step, at most; scratch is needed for each.
    let threads: Int
    /// Of the networks that run together, for random numbers.
    let seeds: [UInt64]
    /// The number of the step, for random numbers; set before a run.
    let step: UnsafeMutablePointer<Int64>
    private var memory: [UnsafeMutableRawPointer] = []
    private var releases: [() -> Void] = []
    private var shared: [Int: UnsafeMutableRawPointer] = [:]

    init(threads: Int, seeds: [UInt64]) {
        (self.threads, self.seeds) = (threads, seeds)
        step = .allocate(capacity: 1)
        step.initialize(to: 0)
    }

    deinit {
        step.deallocate()
        for release in releases { release() }
        for pointer in memory { pointer.deallocate() }
    }

    func keep<T: BitwiseCopyable>(_ value: T) -> UnsafeMutableRawPointer { UnsafeMutableRawPointer(keep([value])) }

    func keep<T: BitwiseCopyable>(_ values: [T]) -> UnsafeMutablePointer<T> {
        let target = UnsafeMutablePointer<T>.allocate(capacity: max(values.count, 1))
        target.initialize(from: values, count: values.count)
        memory.append(UnsafeMutableRawPointer(target))
        return target
    }

    /// Zeroed memory on cache lines.
    func scratch(bytes: Int) -> UnsafeMutableRawPointer {
        let pointer = Memory.zeroed(bytes: bytes)
        memory.append(pointer)
        return pointer
    }

    /// So many bytes, a multiple of 64, for each thread, one after the other. Steps that ask for as many share them.
    func scratch(bytesPerThread: Int) -> UnsafeMutableRawPointer {
        let pointer = shared[bytesPerThread] ?? scratch(bytes: bytesPerThread * threads)
        shared[bytesPerThread] = pointer
        return pointer
    }

    /// Calls `body` when the program goes.
    func atEnd(_ body: @escaping () -> Void) { releases.append(body) }
}
