import Engine
import Glibc
import Testing

/// Arrays that another mapping of the same file sees.
@Suite struct SharedHeapTests {
    private struct Random {
        var state: UInt64
        mutating func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
    }

    /// Allocating and freeing in any order: live arrays never overlap, keep their bytes, and a reader of the file sees them where
    /// `offset` says.
    @Test func arraysKeepTheirBytes() throws {
        let heap = try #require(SharedHeap.start())
        var random = Random(state: 7)
        var live: [(pointer: UnsafeMutableRawPointer, bytes: Int, mark: UInt8)] = []
        for round in 0..<2000 {
            if live.count < 30, random.next(3) > 0 {
                let bytes = 1 + random.next(60000), mark = UInt8(truncatingIfNeeded: round)
                let pointer = Memory.allocateShareable(bytes: bytes)
                #expect(UInt(bitPattern: pointer) % 64 == 0)
                pointer.initializeMemory(as: UInt8.self, repeating: mark, count: bytes)
                live.append((pointer, bytes, mark))
            } else if !live.isEmpty {
                let array = live.remove(at: random.next(live.count))
                let bytes = UnsafeRawBufferPointer(start: array.pointer, count: array.bytes)
                #expect(bytes.allSatisfy { $0 == array.mark })
                Memory.deallocateShareable(array.pointer)
            }
        }
        var status = stat()
        #expect(fstat(heap.descriptor, &status) == 0)
        let view = try #require(mmap(nil, Int(status.st_size), PROT_READ, MAP_SHARED, heap.descriptor, 0))
        #expect(view != MAP_FAILED)
        defer { munmap(view, Int(status.st_size)) }
        // Large ones are there, small ones are not.
        for array in live {
            let offset = heap.offset(of: array.pointer)
            #expect((offset != nil) == (array.bytes >= 4096))
            if let offset { #expect(memcmp(view + offset, array.pointer, array.bytes) == 0) }
        }
        for array in live { Memory.deallocateShareable(array.pointer) }
        #expect(mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, heap.descriptor, 0) == MAP_FAILED)
    }

    /// What is freed is used again, in one piece: the file does not grow with the number of observations.
    @Test func theFileDoesNotGrowForEver() throws {
        let heap = try #require(SharedHeap.start())
        var status = stat()
        var sizes: [Int] = []
        for _ in 0..<50 {
            let pieces = (0..<8).map { _ in Memory.allocateShareable(bytes: 3 << 20) }
            for piece in pieces { Memory.deallocateShareable(piece) }
            let whole = Memory.allocateShareable(bytes: 24 << 20)
            whole.storeBytes(of: 5, as: Int.self)
            Memory.deallocateShareable(whole)
            _ = fstat(heap.descriptor, &status)
            sizes.append(Int(status.st_size))
        }
        #expect(sizes[49] < 200 << 20, "\(sizes)")
    }
}
