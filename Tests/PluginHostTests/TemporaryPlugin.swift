import Foundation
import PluginHost
import Testing

/// A plugin made for one test: a folder with C source compiled by plain `cc`, as a third party would, and its manifest.
///
/// Folders are removed when the process ends, not before: an open library stays known by its inode, and a new file that
/// gets the inode of a removed one would be taken for it.
struct TemporaryPlugin {
    private static let root: String = {
        atexit { try? FileManager.default.removeItem(atPath: TemporaryPlugin.root) }
        return FileManager.default.temporaryDirectory.path + "/syzygy-tests-\(getpid())"
    }()
    /// What `--plugin-path` would name; the plugin is the folder `plugin` in it.
    let path: String
    var folder: String { path + "/plugin" }
    var library: String { folder + "/libCase.so" }

    init(source: String = "", manifest: String? = nil, flags: [String] = []) throws {
        path = Self.root + "/\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try manifest?.write(toFile: folder + "/plugin.json", atomically: true, encoding: .utf8)
        guard !source.isEmpty else { return }
        try source.write(toFile: folder + "/case.c", atomically: true, encoding: .utf8)
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments = ["cc", "-O1", "-fPIC", "-shared", "-o", library, folder + "/case.c", "-lm"] + flags
        try compiler.run()
        compiler.waitUntilExit()
        try #require(compiler.terminationStatus == 0)
    }

    func write(_ bytes: [UInt8], to name: String) throws -> String {
        let file = folder + "/" + name
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }

    var registry: Registry { Registry(paths: [path]) }
    var loader: ComponentLoader { ComponentLoader(registry: registry, seed: 9) }

    /// A manifest around the JSON of its components.
    static func manifest(library: String = "\"Case\"", _ components: String) -> String {
        """
        {"manifest": 1, "id": "org.example.case", "version": "1.0.0", "name": "Case", "summary": "For a test.",
         "license": "MIT", "library": \(library), "components": [\(components)]}
        """
    }
}
