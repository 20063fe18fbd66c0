import CShims
import Foundation
import Glibc
import Testing

/// Two ends of a conversation in shared memory, here of two threads.
@Suite struct MailboxTests {
    /// One end: the memory it writes, the memory it reads, its socket and what it has collected.
    private final class End: @unchecked Sendable {
        let own: UnsafeMutableRawPointer, other: UnsafeMutableRawPointer
        let socket: Int32
        private var inbox = sz_inbox(seen: 0, is_quick: 1)

        init(_ own: UnsafeMutableRawPointer, _ other: UnsafeMutableRawPointer, _ socket: Int32) {
            (self.own, self.other, self.socket) = (own, other, socket)
        }

        func post(_ number: Int) -> Int32 {
            var frame = sz_frame(kind: 7, version: 1, begin: Int64(number), bytes: Int64(3 * number), region: 5)
            return sz_post(own, other, socket, &frame)
        }

        /// Whoever finds nothing for a while says so in its memory.
        func waitUntilOtherSleeps() { while other.load(fromByteOffset: 4, as: UInt32.self) == 0 { sched_yield() } }

        /// The message's number, or what `sz_collect` says.
        func collect(milliseconds: Int64 = 60000) -> (result: Int32, number: Int) {
            var frame = sz_frame()
            let result = sz_collect(other, own, socket, &inbox, &frame, milliseconds)
            if result == 1, frame.bytes != 3 * frame.begin || frame.kind != 7 || frame.region != 5 { return (-2, 0) }
            return (result, Int(frame.begin))
        }
    }

    private static func withEnds(_ body: (End, End) throws -> Void) throws {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 2 * Int(SZ_MAILBOX_BYTES), alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: 2 * Int(SZ_MAILBOX_BYTES))
        var sockets: [Int32] = [-1, -1]
        try #require(sz_socket_pair(&sockets) == 0)
        defer {
            for socket in sockets where socket >= 0 { close(socket) }
            memory.deallocate()
        }
        let second = memory + Int(SZ_MAILBOX_BYTES)
        try body(End(memory, second, sockets[0]), End(second, memory, sockets[1]))
    }

    /// Every answer is that of its question, whether the other end looks or sleeps.
    @Test func questionsGetTheirAnswers() throws {
        try Self.withEnds { asker, answerer in
            let rounds = 5000
            let thread = Thread {
                for i in 0..<rounds {
                    let (result, number) = answerer.collect()
                    guard result == 1 else { return }
                    if i % 500 == 0 { answerer.waitUntilOtherSleeps() }
                    _ = answerer.post(number + 1)
                }
            }
            thread.start()
            var wrong = 0
            for i in 0..<rounds {
                if i % 700 == 0 { asker.waitUntilOtherSleeps() }
                let posted = asker.post(2 * i)
                let (result, number) = asker.collect()
                if posted != 0 || result != 1 || number != 2 * i + 1 { wrong += 1 }
            }
            #expect(wrong == 0)
        }
    }

    @Test func silenceEnds() throws {
        try Self.withEnds { asker, answerer in
            #expect(asker.collect(milliseconds: 0).result == 0)
            #expect(asker.collect(milliseconds: 20).result == 0)
            // Bytes on the socket are no messages, and do not prolong the wait.
            for _ in 0..<50 { #expect(send(answerer.socket, "", 1, Int32(MSG_NOSIGNAL)) == 1) }
            #expect(asker.collect(milliseconds: 20).result == 0)
            #expect(answerer.post(4) == 0)
            #expect(asker.collect(milliseconds: 20) == (1, 4))
        }
    }

    /// A socket full of bytes that nobody reads does not hold up who posts.
    @Test func aFullSocketHoldsNobodyUp() throws {
        try Self.withEnds { asker, answerer in
            while send(asker.socket, "", 1, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)) == 1 {}
            // What an end that wants to be woken writes.
            answerer.own.storeBytes(of: 1, toByteOffset: 4, as: UInt32.self)
            #expect(asker.post(6) == 0)
            #expect(answerer.collect() == (1, 6))
        }
    }

    @Test func whoIsGoneIsNoticed() throws {
        try Self.withEnds { asker, answerer in
            #expect(answerer.post(8) == 0)
            shutdown(answerer.socket, Int32(SHUT_RDWR))
            // What was said before counts.
            #expect(asker.collect() == (1, 8))
            #expect(asker.collect().result == -1)
        }
    }

    /// A process of several threads, such as this one, must not fork: its copy could wait for a lock for ever.
    @Test func severalThreadsDoNotFork() {
        let thread = Thread { while !Thread.current.isCancelled { sched_yield() } }
        thread.start()
        defer { thread.cancel() }
        while !thread.isExecuting { sched_yield() }
        var control: Int32 = -1
        #expect(sz_nursery_fork(&control) == -1)
    }
}
