import ArgumentParser
import Foundation
import Manifests
import PluginHost
import Studies

/// What this machine and this installation have, and what they lack.
struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what this machine and this installation have, and what they lack.",
        discussion: "Exit status: 0 all is well, 1 something is missing or a plugin cannot be used.")

    @OptionGroup var plugins: PluginOptions

    func run() throws {
        var isWell = true
        func say(_ label: String, _ text: String, isGood: Bool = true) {
            isWell = isWell && isGood
            print("\(isGood ? " " : "!") \(label.padding(toLength: 12, withPad: " ", startingAt: 0))\(text)")
        }
        for (key, value) in Host.description(threads: Host.cores) where key != "threads" {
            say(key, value.string ?? value.text(pretty: false))
        }
        if let root = try? Installation.root {
            say("files", root)
        } else {
            say("files", "not found: set SYZYGY_ROOT to the folder that holds Schemas", isGood: false)
        }
        let registry = plugins.registry
        say(
            "plugins",
            "\(registry.manifests.count) in " + Registry.searchPath(options: plugins.paths).joined(separator: ", "))
        for rejected in registry.rejected { say("", rejected.error.description, isGood: false) }
        for folder in registry.shadowed {
            say("", "\(folder): not used, a plugin of the same id was found before", isGood: false)
        }
        for manifest in registry.manifests {
            guard let warning = FastMath.warning(of: manifest) else { continue }
            say("", "plugin \(manifest.id): \(warning)", isGood: false)
        }
        let shipped = Set(registry.manifests.filter { Registry.isShipped($0.folder) }.map(\.id))
        for collision in Collisions.among(registry.manifests) where !shipped.isSuperset(of: collision.plugins) {
            say("", collision.description, isGood: !collision.isHarmful)
        }
        let features = SandboxFeature.available
        say("sandbox", features.map(\.rawValue).joined(separator: ", "))
        for feature in SandboxFeature.allCases where !features.contains(feature) {
            say(
                "", "this kernel has no \(feature.rawValue): processes of plugins are not kept from \(feature.loss)",
                isGood: false)
        }
        if !isWell { throw ExitCode(1) }
    }
}

/// What a library's start-up code does to numbers.
enum FastMath {
    /// Looks at the file, without opening the library.
    static func warning(of manifest: Manifest) -> String? {
        guard let path = (try? ComponentLoader.libraryPath(of: manifest)) ?? nil,
            (try? ELFFile(path: path))?.hasFastMath == true
        else { return nil }
        return
            "\(path) turns on flush-to-zero when it is loaded (linked with -ffast-math or -Ofast); a run turns it off again"
    }
}

extension SandboxFeature {
    fileprivate var loss: String {
        switch self {
        case .noNewPrivileges: "gaining rights"
        case .landlock: "writing files"
        case .seccomp: "starting processes and opening sockets"
        case .limits: "taking all memory"
        }
    }
}
