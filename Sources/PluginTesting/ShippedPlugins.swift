import Foundation
import Manifests
import PluginHost

/// The first-party plugins, for tests: manifests from `Plugins/`, libraries from beside the test executable.
package enum ShippedPlugins {
    package static let registry: Registry = {
        let root = (try? Installation.root) ?? FileManager.default.currentDirectoryPath
        return Registry(paths: [root + "/Plugins"])
    }()

    package static func loader(seed: UInt64 = 0, steps: Int = 0, dataFolder: String = ".") -> ComponentLoader {
        ComponentLoader(registry: registry, seed: seed, steps: steps, dataFolder: dataFolder)
    }
}
