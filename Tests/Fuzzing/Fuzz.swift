import ArrayFiles
import Foundation
import Manifests
import PluginHost
import Studies

/// `FUZZ_TARGET=json fuzz CORPUS [options of libFuzzer]`: gives one of our readers whatever bytes find new code in it. None may crash,
/// hang or take memory without measure. See README.md.
@main
enum Fuzz {
    typealias Reader = @Sendable (UnsafeRawBufferPointer) -> Void

    static let readers: [String: Reader] = [
        "json": { bytes in
            guard let document = try? StrictJSON.parse(Array(bytes), file: "f") else { return }
            // What has been read can be written, and means the same.
            let again = try? StrictJSON.parse(document.root.text(pretty: true), file: "f")
            precondition(again?.root == document.root)
        },
        "manifest": { bytes in
            guard let document = try? StrictJSON.parse(Array(bytes), file: "f") else { return }
            for schema in schemas { _ = schema.problems(in: document) }
            guard let manifest = try? Manifest(document, folder: "") else { return }
            for component in manifest.components { _ = component.expandedBindings() }
        },
        "study": { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            guard let document = try? YAMLDocument.parse(text, file: "f") else { return }
            _ = try? planner?.plan(document, folder: "/nowhere")
        },
        "safetensors": { _ = try? Safetensors.read($0, path: "f") },
        "npz": { _ = try? NPZ.read($0, path: "f") },
    ]

    static let schemas = ["plugin", "study", "run"].compactMap { try? Installation.schema("\($0).schema.json") }
    static let planner = try? StudyPlanner(
        registry: Registry(paths: [(try? Installation.root).map { $0 + "/Plugins" } ?? ""]))
    static let target = ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? ""
    static let reader = readers[target]

    static func main() {
        guard reader != nil else {
            print("FUZZ_TARGET must be one of \(readers.keys.sorted().joined(separator: ", "))")
            exit(64)
        }
        precondition(schemas.count == 3 && planner != nil)
        var count = CommandLine.argc
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
        exit(
            runDriver(&count, &arguments) { bytes, count in
                Fuzz.reader?(UnsafeRawBufferPointer(start: bytes, count: count))
                return 0
            })
    }
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ read: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32
