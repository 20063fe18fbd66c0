import CShims
import Foundation

/// One end of a conversation between two processes: a region of memory for each direction, which holds a mailbox and the message,
/// and a socket that wakes who sleeps and says who is gone. Large arrays are copied once, into the region.
final class Channel: @unchecked Sendable {
    /// What a message is about.
    enum Kind: Int32 {
        /// A role is asked for; a call of it; the answer; a failure with a sentence.
        case open, call, answer, failure
        /// Asked back during a call: the network; more room in the region that the worker writes.
        case network, room
    }

    /// The other end is gone, silent or talks nonsense.
    enum Broken: Error { case closed, silent, malformed }

    /// The largest message.
    static let mostBytes = 1 << 36

    let socket: Int32
    private let outgoing: Region
    private let incoming: Region
    private var inbox = sz_inbox(seen: 0, is_quick: 1)
    /// The heap of the end that asks, as the other one sees it.
    private let heap: Region?
    /// Whether the other end sees the heap of this process.
    private let sharesHeap: Bool
    /// How the region that this end writes gets larger.
    private let grow: (Channel, Int) throws -> Void
    private lazy var more: (Int) throws -> Void = { [unowned self] in try grow(self, $0) }

    init(
        socket: Int32, outgoing: Region, incoming: Region, heap: Region? = nil, sharesHeap: Bool = false,
        grow: @escaping (Channel, Int) throws -> Void
    ) {
        (self.socket, self.outgoing, self.incoming, self.grow) = (socket, outgoing, incoming, grow)
        (self.heap, self.sharesHeap) = (heap, sharesHeap)
    }

    deinit { close(socket) }

    /// Where messages begin.
    static let firstByte = Int(SZ_MAILBOX_BYTES)

    /// Sends a message, returns where it ends.
    /// - Parameter begin: the end of what the other end still uses.
    @discardableResult
    func send(
        _ kind: Kind, after begin: Int = firstByte, _ write: (inout MessageWriter) throws -> Void = { _ in }
    ) throws -> Int {
        var writer = MessageWriter(outgoing, begin: (begin + 63) & ~63, heap: sharesHeap ? .current : nil, grow: more)
        try write(&writer)
        try send(kind, begin: writer.begin, bytes: writer.count - writer.begin)
        return writer.count
    }

    private func send(_ kind: Kind, begin: Int, bytes: Int) throws {
        // Of the whole region, which may have grown.
        let region = Int64(outgoing.bytes)
        var frame = sz_frame(
            kind: kind.rawValue, version: 1, begin: Int64(begin), bytes: Int64(bytes), region: region)
        guard sz_post(outgoing.base, incoming.base, socket, &frame) == 0 else { throw Broken.closed }
    }

    /// The next message, within a time.
    func receive(milliseconds: Int = -1) throws -> (kind: Kind, message: MessageReader) {
        var frame = sz_frame()
        switch sz_collect(incoming.base, outgoing.base, socket, &inbox, &frame, Int64(milliseconds)) {
        case 1: break
        case 0: throw Broken.silent
        default: throw Broken.closed
        }
        guard let kind = Kind(rawValue: frame.kind), frame.version == 1 else { throw Broken.malformed }
        if Int(frame.region) > incoming.bytes { try incoming.map(Int(frame.region)) }
        guard frame.bytes >= 0, frame.begin >= 0 else { throw Broken.malformed }
        // Who asks for room says in `bytes` how much.
        let isHere = frame.begin <= incoming.bytes && frame.bytes <= incoming.bytes - Int(frame.begin)
        guard kind == .room || isHere else { throw Broken.malformed }
        return (kind, MessageReader(incoming, begin: Int(frame.begin), bytes: Int(frame.bytes)))
    }

    /// A message with all its arrays, for the record; nothing is sent.
    func text(_ write: (inout MessageWriter) throws -> Void) throws -> Data {
        var writer = MessageWriter(outgoing, begin: Channel.firstByte, heap: nil, isRecord: true, grow: more)
        try write(&writer)
        return writer.written
    }

    /// An array in the heap of the other end, valid until the next message.
    func heapArray(at offset: Int, bytes: Int) throws -> UnsafeMutableRawPointer {
        guard let heap, offset >= 0, bytes >= 0, bytes <= Int.max - offset else { throw Broken.malformed }
        if offset + bytes > heap.bytes { try heap.mapAll() }
        guard offset + bytes <= heap.bytes else { throw Broken.malformed }
        return heap.base + offset
    }

    /// Nothing of the messages so far is in use any more.
    func forgetOutgrown() {
        heap?.forgetOutgrown()
        outgoing.forgetOutgrown()
        incoming.forgetOutgrown()
    }

    /// Asks the other end for room, without touching the message that is being written.
    func askForRoom(_ bytes: Int) throws {
        try send(.room, begin: 0, bytes: bytes)
        let (kind, _) = try receive()
        guard kind == .room else { throw Broken.malformed }
        try outgoing.map(bytes)
    }

    /// Gives room that was asked for.
    func giveRoom(_ message: MessageReader) throws {
        guard message.bytes <= Channel.mostBytes else { throw Broken.malformed }
        try incoming.enlarge(message.bytes)
        try send(.room, begin: 0, bytes: 0)
    }
}

/// A file of memory that two processes map.
final class Region {
    private let descriptor: Int32
    private let isWritable: Bool
    private(set) var base: UnsafeMutableRawPointer
    private(set) var bytes: Int
    /// Smaller mappings, which pointers may still lead to.
    private var outgrown: [UnsafeMutableRawBufferPointer] = []

    init(_ descriptor: Int32, bytes: Int, isWritable: Bool) throws {
        (self.descriptor, self.bytes, self.isWritable) = (descriptor, bytes, isWritable)
        base = try Region.map(descriptor, bytes, isWritable)
    }

    deinit {
        forgetOutgrown()
        munmap(base, bytes)
        close(descriptor)
    }

    func forgetOutgrown() {
        for mapping in outgrown { munmap(mapping.baseAddress, mapping.count) }
        outgrown = []
    }

    private static func map(_ descriptor: Int32, _ bytes: Int, _ isWritable: Bool) throws -> UnsafeMutableRawPointer {
        let base = mmap(nil, bytes, isWritable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, descriptor, 0)
        guard let base, base != MAP_FAILED else { throw Channel.Broken.malformed }
        return base
    }

    /// Maps so many bytes of the file, which has them.
    func map(_ bytes: Int) throws {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_size >= bytes else { throw Channel.Broken.malformed }
        let new = try Region.map(descriptor, bytes, isWritable)
        outgrown.append(UnsafeMutableRawBufferPointer(start: base, count: self.bytes))
        (base, self.bytes) = (new, bytes)
    }

    /// Maps as much as the file has now.
    func mapAll() throws {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Channel.Broken.malformed }
        try map(Int(status.st_size))
    }

    /// Makes the file larger and maps all of it.
    func enlarge(_ bytes: Int) throws {
        guard bytes > self.bytes else { return }
        guard ftruncate(descriptor, bytes) == 0 else { throw Channel.Broken.malformed }
        try map(bytes)
    }
}
