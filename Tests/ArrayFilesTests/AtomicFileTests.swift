import ArrayFiles
import Foundation
import PluginTesting
import Testing

@Suite struct AtomicFileTests {
    @Test func writesAndReplaces() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/run.json"
            try AtomicFile.write([1, 2, 3], to: path)
            try AtomicFile.write([], to: folder + "/empty")
            try AtomicFile.write([4], to: path)
            #expect(try contents(path) == [4])
            #expect(try contents(folder + "/empty") == [])
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["empty", "run.json"])
        }
    }

    @Test func aFailureLeavesNothingBehind() throws {
        try withTemporaryFolder { folder in
            let occupied = folder + "/occupied"
            try FileManager.default.createDirectory(atPath: occupied, withIntermediateDirectories: false)
            let error = #expect(throws: FileError.self) { try AtomicFile.write([1], to: occupied) }
            #expect(error?.code == .system && error?.path == occupied)
            #expect(error?.message == "cannot rename the finished file to this name: Is a directory")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["occupied"])

            let absent = #expect(throws: FileError.self) { try AtomicFile.write([1], to: folder + "/no/such/file") }
            #expect(absent?.message == "cannot create a file in this folder: No such file or directory")
        }
    }

    /// Two arrays of one name are refused before the old file is touched.
    @Test func refusedContentKeepsTheOldFile() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a.npz"
            try NPZ.write([NamedArray("x", shape: [], .f64([1]))], to: path)
            let before = try contents(path)
            #expect(throws: FileError.self) {
                try NPZ.write(Array(repeating: NamedArray("x", shape: [], .f64([2])), count: 2), to: path)
            }
            #expect(try contents(path) == before)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.npz"])
        }
    }
}
