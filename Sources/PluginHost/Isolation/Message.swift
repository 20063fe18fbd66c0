import Engine
import Foundation

/// Writes numbers, texts and arrays one after the other into a region; arrays begin on cache lines.
struct MessageWriter {
    private let region: Region
    /// Arrays in it are not copied: the reader sees them where they are.
    private let heap: SharedHeap?
    private let grow: (Int) throws -> Void
    let begin: Int
    /// The message is kept, not sent: numbers that another process knows things by are 0 in it.
    let isRecord: Bool
    /// Where it ends so far.
    private(set) var count: Int

    init(
        _ region: Region, begin: Int, heap: SharedHeap?, isRecord: Bool = false, grow: @escaping (Int) throws -> Void
    ) {
        (self.region, self.begin, self.heap, self.grow, count) = (region, begin, heap, grow, begin)
        self.isRecord = isRecord
    }

    /// A copy of what was written.
    var written: Data { Data(bytes: region.base + begin, count: count - begin) }

    /// Forgets what was written.
    mutating func restart() { count = begin }

    /// Room for an array, which the caller fills.
    mutating func reserve(_ bytes: Int) throws -> UnsafeMutableRawPointer {
        let begin = (count + 63) & ~63
        try extend(to: begin + bytes)
        return region.base + begin
    }

    mutating func put(_ array: UnsafeRawPointer, bytes: Int) throws {
        let target = try reserve(bytes)
        if bytes > 0 { target.copyMemory(from: array, byteCount: bytes) }
    }

    /// An array, or where it is in the heap: what `sharedArray` reads.
    mutating func putShared(_ array: UnsafeRawPointer, bytes: Int) throws {
        let offset = heap?.offset(of: array)
        try put(offset ?? -1)
        if offset == nil { try put(array, bytes: bytes) }
    }

    mutating func put(_ value: Int) throws { try store(value) }
    mutating func put(_ value: Double) throws { try store(value) }
    mutating func put(_ value: UInt64) throws { try store(value) }
    mutating func put(_ value: Bool) throws { try store(value ? 1 : 0) }

    mutating func put(_ text: String) throws {
        var text = text
        try text.withUTF8 { bytes in
            try put(bytes.count)
            let begin = count
            try extend(to: (begin + bytes.count + 7) & ~7)
            if let base = bytes.baseAddress { (region.base + begin).copyMemory(from: base, byteCount: bytes.count) }
        }
    }

    mutating func put(_ values: [Int]) throws {
        try put(values.count)
        for value in values { try put(value) }
    }

    private mutating func store<T: BitwiseCopyable>(_ value: T) throws {
        let begin = count
        try extend(to: begin + 8)
        region.base.storeBytes(of: value, toByteOffset: begin, as: T.self)
    }

    private mutating func extend(to end: Int) throws {
        if end > region.bytes { try grow(max(end, 2 * region.bytes)) }
        count = end
    }
}

/// Reads what a `MessageWriter` wrote. The other process may have written anything, and may go on writing: every size is read
/// once and checked.
struct MessageReader {
    private let region: Region
    let bytes: Int
    /// Where it ends.
    private let count: Int
    private var next: Int

    init(_ region: Region, begin: Int, bytes: Int) {
        (self.region, self.bytes, next, count) = (region, bytes, begin, begin + bytes)
    }

    mutating func integer() throws -> Int { try load(Int.self) }
    mutating func number() throws -> Double { try load(Double.self) }
    mutating func word() throws -> UInt64 { try load(UInt64.self) }
    mutating func flag() throws -> Bool { try load(Int.self) != 0 }

    mutating func text() throws -> String {
        let length = try integer()
        guard length >= 0, length <= count - next else { throw Channel.Broken.malformed }
        defer { next = min((next + length + 7) & ~7, count) }
        return String(decoding: UnsafeRawBufferPointer(start: region.base + next, count: length), as: UTF8.self)
    }

    mutating func integers() throws -> [Int] {
        let length = try integer()
        guard length >= 0, length <= (count - next) / 8 else { throw Channel.Broken.malformed }
        return try (0..<length).map { _ in try integer() }
    }

    /// An array of so many bytes, valid until the next message.
    mutating func array(bytes: Int) throws -> UnsafeMutableRawPointer {
        let begin = (next + 63) & ~63
        guard bytes >= 0, begin <= count, bytes <= count - begin else { throw Channel.Broken.malformed }
        next = begin + bytes
        return region.base + begin
    }

    /// One that `putShared` wrote.
    mutating func sharedArray(_ channel: Channel?, bytes: Int) throws -> UnsafeMutableRawPointer {
        let offset = try integer()
        guard offset >= 0 else { return try array(bytes: bytes) }
        guard let channel else { throw Channel.Broken.malformed }
        return try channel.heapArray(at: offset, bytes: bytes)
    }

    private mutating func load<T: BitwiseCopyable>(_ type: T.Type) throws -> T {
        guard next + 8 <= count else { throw Channel.Broken.malformed }
        defer { next += 8 }
        return region.base.loadUnaligned(fromByteOffset: next, as: T.self)
    }
}
