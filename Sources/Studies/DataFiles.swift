import ArrayFiles
import Foundation
import LinearAlgebra
import Manifests
import OrderedCollections
import PluginHost

/// A file that an option of a study names, as it was when the run was planned.
package struct DataFile: Hashable, Sendable {
    /// As the study says it.
    package var path: String
    package var bytes: Int
    package var digest: String

    package var json: JSON {
        .object(["path": .string(path), "bytes": .int(bytes), "sha256": .string(digest)])
    }

    init(path: String, location: String) throws {
        self.path = path
        bytes = try FileDescriptor(reading: location).size()
        digest = try SHA256.hex(ofFile: location)
    }

    init?(_ json: JSON) {
        guard let path = json["path"]?.string, let bytes = json["bytes"]?.int, let digest = json["sha256"]?.string
        else { return nil }
        (self.path, self.bytes, self.digest) = (path, bytes, digest)
    }

    /// Why a path cannot be read, with what is there instead; nil if it can.
    static func problem(with path: String, in folder: String) -> String? {
        let location = ComponentLoader.location(of: path, in: folder)
        do {
            _ = try FileDescriptor(reading: location).size()
            return nil
        } catch {
            let parent = (location as NSString).deletingLastPathComponent
            let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
            let name = (location as NSString).lastPathComponent
            let reason = (error as? FileError)?.message ?? "\(error)"
            // MNIST and others are handed out compressed.
            let nearest =
                names.contains(name + ".gz")
                ? "; did you mean '\(name).gz'?"
                : Nearest.question(for: name, among: names.sorted().filter { $0 != name })
            return "'\(path)' \(reason)\(nearest) (looked for \(location))"
        }
    }
}
