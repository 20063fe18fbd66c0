import Foundation
import LinearAlgebra
import Manifests
import OrderedCollections
import PluginHost

/// What makes two runs the same run.
enum Identity {
    /// SHA-256 of the canonical JSON of `{configuration, plugins, seed}`. Keys are sorted at every depth, so the order of a file
    /// does not matter; the values are those of the resolved configuration, so `1e-3` and `0.001` are one.
    static func of(configuration: JSON, seed: Int, plugins: [PluginDigests]) -> String {
        let used = plugins.sorted { $0.id < $1.id }.map(\.json)
        let whole = JSON.object(["configuration": configuration, "plugins": .array(used), "seed": .int(seed)])
        return SHA256.hex(of: canonical(whole).text(pretty: false).utf8)
    }

    static func canonical(_ json: JSON) -> JSON {
        switch json {
        case .array(let items): return .array(items.map(canonical))
        case .object(let members):
            var sorted: OrderedDictionary<String, JSON> = [:]
            for key in members.keys.sorted() { sorted[key] = members[key].map(canonical) }
            return .object(sorted)
        case .double(let value) where value == 0: return .double(0)  // -0 is 0
        default: return json
        }
    }
}
