import ArrayFiles
import Foundation
import LinearAlgebra
import PluginTesting
import Testing

@Suite struct SHA256Tests {
    private let million = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

    /// FIPS 180-2, appendix B, and the empty message.
    @Test func publishedDigests() {
        #expect(SHA256.hex(of: [UInt8]()) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(SHA256.hex(of: "abc".utf8) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(SHA256.hex(of: repeatElement(UInt8(ascii: "a"), count: 1_000_000)) == million)
    }

    @Test func everyKindOfBytes() {
        let bytes = Array("abc".utf8)
        let expected = SHA256.hex(of: bytes)
        #expect(SHA256.hex(of: Data(bytes)) == expected)
        #expect(bytes.withUnsafeBytes { SHA256.hex(of: $0) } == expected)
        #expect(SHA256.hex(of: bytes.lazy.map { $0 }) == expected)
        #expect(SHA256.hex(of: ("ab" + "c" as NSString as String).utf8) == expected)
        #expect(SHA256.hex(of: Array("abd".utf8)) != expected)
    }

    @Test func filesInPieces() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a"
            try AtomicFile.write(Array(repeating: UInt8(ascii: "a"), count: 1_000_000), to: path)
            #expect(try SHA256.hex(ofFile: path) == million)
            let error = #expect(throws: FileError.self) { try SHA256.hex(ofFile: folder + "/absent") }
            #expect(error?.description == "\(folder)/absent: cannot be opened: No such file or directory")
            #expect(throws: FileError.self) { try SHA256.hex(ofFile: folder) }
        }
    }
}
