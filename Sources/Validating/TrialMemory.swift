import CShims
import Engine
import Glibc
import Manifests

/// How the memory of a trial call is laid out.
struct MemoryPlan {
    /// Roomy: writable far beyond both ends. At the end or begin of a page: what follows, or comes before, is inaccessible.
    enum Placement { case roomy, atEndOfPage, atBeginOfPage }

    var placement = Placement.roomy
    /// Whether memory that the function must not write is write-protected.
    var protectsInputs = false
    /// Every byte of results before the call. 255 makes floats NaN, as a run does.
    var fill: UInt8 = 255
    /// Bytes for the message, which ends where an inaccessible page begins; nil: the usual buffer.
    var messageSize: Int?
}

/// One buffer of a trial call on pages of its own, aligned to 64 bytes. A fault on these pages is reported by its name.
final class TrialMemory {
    let pointer: UnsafeMutableRawPointer
    let bytes: Int
    private let mapping: UnsafeMutableRawPointer
    private let mapped: Int
    private let margin: Int
    private let tail: Int
    private let watch: Int32
    private static let tailByte: UInt8 = 0xA7

    /// - Parameter alignment: 1 for text, which may begin anywhere.
    init(_ name: String, bytes: Int, _ placement: MemoryPlan.Placement, alignment: Int = 64) throws {
        let page = sysconf(Int32(_SC_PAGESIZE))
        let body = (max(bytes, 1) + page - 1) / page * page
        margin = placement == .roomy ? 16 * page : page
        mapped = body + 2 * margin
        guard let mapping = mmap(nil, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            mapping != MAP_FAILED
        else { throw TrialFailure("no memory for \(name), \(bytes) bytes") }
        self.mapping = mapping
        self.bytes = bytes
        let aligned = (bytes + alignment - 1) / alignment * alignment
        tail = placement == .atEndOfPage ? aligned - bytes : 0
        pointer = mapping + margin + (placement == .atEndOfPage ? body - aligned : 0)
        memset(pointer + bytes, Int32(Self.tailByte), tail)
        if placement != .roomy {
            mprotect(mapping, margin, PROT_NONE)
            mprotect(mapping + margin + body, margin, PROT_NONE)
        }
        watch = sz_guard_add(name, pointer, bytes, pointer - mapping, mapping + mapped - (pointer + bytes))
    }

    deinit {
        sz_guard_forget(watch)
        munmap(mapping, mapped)
    }

    func setWritable(_ isWritable: Bool) {
        mprotect(mapping + margin, mapped - 2 * margin, isWritable ? PROT_READ | PROT_WRITE : PROT_READ)
    }

    func fill(_ byte: UInt8) { memset(pointer, Int32(byte), bytes) }

    /// Whether the bytes between the buffer and the next inaccessible page, fewer than 64, are as they were.
    var isTailIntact: Bool {
        (0..<tail).allSatisfy { pointer.load(fromByteOffset: bytes + $0, as: UInt8.self) == Self.tailByte }
    }

    // MARK: Numbers

    func set(_ values: [Double], _ scalar: Scalar, _ precision: Precision) {
        for (i, value) in values.enumerated() {
            let integer = Int64(exactly: value.rounded()) ?? 0
            switch (scalar, scalar.bytes(precision)) {
            case (.f32, _), (.precision, 4): pointer.storeBytes(of: Float(value), toByteOffset: 4 * i, as: Float.self)
            case (.f64, _), (.precision, _): pointer.storeBytes(of: value, toByteOffset: 8 * i, as: Double.self)
            case (_, 1): pointer.storeBytes(of: UInt8(truncatingIfNeeded: integer), toByteOffset: i, as: UInt8.self)
            case (_, 2):
                pointer.storeBytes(of: Int16(truncatingIfNeeded: integer), toByteOffset: 2 * i, as: Int16.self)
            case (_, 4):
                pointer.storeBytes(of: Int32(truncatingIfNeeded: integer), toByteOffset: 4 * i, as: Int32.self)
            default: pointer.storeBytes(of: integer, toByteOffset: 8 * i, as: Int64.self)
            }
        }
    }

    func values(_ scalar: Scalar, _ precision: Precision) -> [Double] {
        let size = scalar.bytes(precision)
        return (0..<bytes / size).map { i in
            switch (scalar, size) {
            case (.f32, _), (.precision, 4): return Double(pointer.load(fromByteOffset: 4 * i, as: Float.self))
            case (.f64, _), (.precision, _): return pointer.load(fromByteOffset: 8 * i, as: Double.self)
            case (_, 1): return Double(pointer.load(fromByteOffset: i, as: UInt8.self))
            case (_, 2): return Double(pointer.load(fromByteOffset: 2 * i, as: Int16.self))
            case (_, 4): return Double(pointer.load(fromByteOffset: 4 * i, as: Int32.self))
            default: return Double(pointer.load(fromByteOffset: 8 * i, as: Int64.self))
            }
        }
    }

    /// Elements all of whose bytes are this one.
    func elements(of size: Int, filledWith byte: UInt8) -> Set<Int> {
        Set(
            (0..<bytes / size).filter { i in
                (0..<size).allSatisfy { pointer.load(fromByteOffset: i * size + $0, as: UInt8.self) == byte }
            })
    }
}

/// Why a trial cannot be made: nothing that a plugin did wrong.
struct TrialFailure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}
