import ArrayFiles
import Foundation
import PluginTesting
import Testing

@Suite struct FileContentsTests {
    /// 17 lines of 1000 digits, made by gzip 1.12.
    private static let text = (0..<17).map { String(repeating: "\($0 % 10)", count: 1000) + "\n" }.joined()

    private static func gzip(_ bytes: [UInt8], in folder: String, name: String = "a") throws -> [UInt8] {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["gzip", "-kf", "\(folder)/\(name)"]
        try process.run()
        process.waitUntilExit()
        return try contents("\(folder)/\(name).gz")
    }

    private func read(_ path: String) throws -> [UInt8] {
        let file = try FileContents(path: path)
        return withExtendedLifetime(file) { Array(file.bytes) }
    }

    @Test func filesAsTheyAre() throws {
        try withTemporaryFolder { folder in
            let bytes = Array(Self.text.utf8)
            try write(bytes, to: folder + "/a")
            try write([], to: folder + "/empty")
            #expect(try read(folder + "/a") == bytes)
            let empty = try FileContents(path: folder + "/empty")
            #expect(empty.bytes.isEmpty && empty.bytes.baseAddress != nil)
        }
    }

    /// A name that ends in .gz is enough; two members one after the other are one file.
    @Test func compressedFiles() throws {
        try withTemporaryFolder { folder in
            let bytes = Array(Self.text.utf8)
            let packed = try Self.gzip(bytes, in: folder)
            #expect(packed.count < bytes.count / 20)
            #expect(try read(folder + "/a.gz") == bytes)
            try write(packed + packed, to: folder + "/twice.gz")
            #expect(try read(folder + "/twice.gz") == bytes + bytes)
            _ = try Self.gzip([], in: folder, name: "empty")
            #expect(try read(folder + "/empty.gz") == [])
            try write(packed, to: folder + "/packed")
            #expect(try read(folder + "/packed") == packed)
        }
    }

    /// The checksum at the end covers everything: a wrong or missing byte is found, unless the bytes stay the same.
    @Test func damagedCompression() throws {
        try withTemporaryFolder { folder in
            let bytes = Array(Self.text.utf8)
            let packed = try Self.gzip(bytes, in: folder)
            for count in 0..<packed.count {
                try write(Array(packed[..<count]), to: folder + "/b.gz")
                let error = #expect(throws: FileError.self, "\(count)") { try FileContents(path: folder + "/b.gz") }
                #expect(error?.code == .damaged)
            }
            for index in packed.indices {
                var wrong = packed
                wrong[index] ^= 0x20
                try write(wrong, to: folder + "/b.gz")
                if let found = try? read(folder + "/b.gz") { #expect(found == bytes) }
            }
            try write(packed + [7], to: folder + "/b.gz")
            let error = #expect(throws: FileError.self) { try FileContents(path: folder + "/b.gz") }
            #expect(error?.message.contains("something follows the compressed data") == true)
            let plain = #expect(throws: FileError.self) {
                try write(bytes, to: folder + "/plain.gz")
                return try FileContents(path: folder + "/plain.gz")
            }
            #expect(
                plain?.message.contains("it does not begin as a .gz file does, with the bytes 1f 8b") == true)
        }
    }

    @Test func theSizeIsLimited() throws {
        try withTemporaryFolder { folder in
            let bytes = Array(Self.text.utf8)
            let packed = try Self.gzip(bytes, in: folder)
            func inflated(limit: Int) throws -> Int {
                try packed.withUnsafeBytes { try InflatedBytes.gzip($0, path: "a", limit: limit).bytes.count }
            }
            #expect(try inflated(limit: bytes.count) == bytes.count)
            let error = #expect(throws: FileError.self) { try inflated(limit: bytes.count - 1) }
            #expect(error?.message.contains("the decompressed data has more than \(bytes.count - 1) bytes") == true)
        }
    }

    @Test func whatIsNoFile() throws {
        try withTemporaryFolder { folder in
            for (name, sentence) in [
                ("absent", "cannot be opened: No such file or directory"), ("", "is not a regular file"),
            ] {
                let error = #expect(throws: FileError.self) { try FileContents(path: "\(folder)/\(name)") }
                #expect(error?.code == .system && error?.message == sentence)
            }
        }
    }
}
