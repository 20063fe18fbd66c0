import SyzygyKit
import Testing

/// The bytes of a buffer of `capacity` after writing `text` with the given `size`; untouched bytes are 0x55.
private func written(_ text: String, size: Int, capacity: Int = 16) -> [UInt8] {
    var buffer = [CChar](repeating: 0x55, count: capacity)
    buffer.withUnsafeMutableBufferPointer { bytes in
        guard let base = bytes.baseAddress else { return }
        Message(base, size: size).write(text)
    }
    return buffer.map(UInt8.init(bitPattern:))
}

@Suite struct MessageTests {
    @Test func aTextThatFitsEndsWithZero() {
        #expect(written("zero", size: 9) == Array("zero".utf8) + [0] + Array(repeating: 0x55, count: 11))
    }

    /// Nothing is written beyond `size`, and no character is cut in half: γ has two bytes, 𝛾 four.
    @Test(arguments: [
        ("abcdef", 4, "abc"), ("aγγ", 5, "aγ"), ("aγγ", 6, "aγγ"), ("a𝛾b", 5, "a"), ("a𝛾b", 6, "a𝛾"), ("abc", 1, ""),
    ]) func aLongTextIsCut(text: String, size: Int, kept: String) {
        let expected = Array(kept.utf8) + [0]
        #expect(written(text, size: size) == expected + Array(repeating: 0x55, count: 16 - expected.count))
    }

    @Test func noRoomNoWrite() {
        #expect(written("abc", size: 0) == Array(repeating: 0x55, count: 16))
    }
}
