import ArrayFiles
import Foundation
import Manifests
import PluginTesting
import Studies
import Testing

/// The inputs that fuzzing keeps (`Tests/Fuzzing`), once more: none crashes, and of each kind some are accepted and some refused.
@Suite struct FuzzingCorpusTests {
    private static let corpus = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../Fuzzing/corpus")

    private static let readers: [String: @Sendable (Data) throws -> Void] = [
        "json": { _ = try StrictJSON.parse(Array($0), file: "f") },
        "manifest": { _ = try Manifest(StrictJSON.parse(Array($0), file: "f"), folder: "") },
        "study": { data in
            let planner = try StudyPlanner(registry: ShippedPlugins.registry)
            let text = String(decoding: data, as: UTF8.self)
            _ = try planner.plan(try YAMLDocument.parse(text, file: "f"), folder: "/nowhere")
        },
        "safetensors": { data in _ = try data.withUnsafeBytes { try Safetensors.read($0, path: "f") } },
        "npz": { data in _ = try data.withUnsafeBytes { try NPZ.read($0, path: "f") } },
    ]

    @Test(.timeLimit(.minutes(2)), arguments: readers.keys.sorted()) func survives(_ target: String) throws {
        let folder = Self.corpus.appendingPathComponent(target)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        let reader = try #require(Self.readers[target])
        var accepted = 0
        for name in names {
            let data = try Data(contentsOf: folder.appendingPathComponent(name))
            if (try? reader(data)) != nil { accepted += 1 }
        }
        #expect(accepted > 0 && names.count - accepted > 10, "\(accepted) of \(names.count) accepted")
    }

    /// Images and labels in one file, as `Tests/Fuzzing/idx.c` takes them.
    @Test func imagesSurvive() throws {
        let folder = Self.corpus.appendingPathComponent("idx"), mark = Data("labels:".utf8)
        var accepted = 0, refused = 0
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            let data = try Data(contentsOf: folder.appendingPathComponent(name))
            guard let middle = data.range(of: mark, options: .backwards) else { continue }
            try withTemporaryFolder { place in
                try data[..<middle.lowerBound].write(to: URL(fileURLWithPath: place + "/images"))
                try data[middle.upperBound...].write(to: URL(fileURLWithPath: place + "/labels"))
                let options: [String: JSON] = ["images": .string("images"), "labels": .string("labels")]
                do {
                    let loader = ShippedPlugins.loader(dataFolder: place)
                    _ = try loader.dataset(Choice(component: "syzygy.images/idx", options: options)).rows(in: "train")
                    accepted += 1
                } catch {
                    refused += 1
                }
            }
        }
        #expect(refused > 10, "\(accepted) accepted, \(refused) refused")
    }
}
