import Foundation
import LinearAlgebra
import Manifests
import OrderedCollections
import PluginHost

/// What makes two runs the same run.
enum Identity {
    /// SHA-256 of the canonical JSON of `{configuration, files, host, plugins, seed}`. Keys are sorted at every depth, so the order of a file
    /// does not matter, but for `groups` and `initializers`, of which the first that matches counts; the values are those of the resolved configuration,
    /// so `1e-3` and `0.001` are one. `host` is the version of this program: another one computes again what it might compute otherwise.
    static func of(configuration: JSON, seed: Int, plugins: [PluginDigests], files: [DataFile]) -> String {
        let used = plugins.sorted { $0.id < $1.id }.map(\.json)
        var sections = configuration.object ?? [:]
        for section in ["groups", "initializers"] {
            guard let members = sections[section]?.object else { continue }
            sections[section] = .array(members.map { .object([$0: $1]) })
        }
        var whole: OrderedDictionary<String, JSON> = [
            "configuration": .object(sections), "host": .string(Version.current), "plugins": .array(used),
            "seed": .int(seed),
        ]
        if !files.isEmpty { whole["files"] = .array(files.map(\.json)) }
        return SHA256.hex(of: canonical(.object(whole)).text(pretty: false).utf8)
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

/// Short names of swept keys and values, for folders, tables and the terminal.
package struct SweepNames: Sendable {
    private let short: OrderedDictionary<String, String>

    /// Keys are cut to their last words, as long as they stay distinct; `optimizer.plugin` is the `optimizer`.
    package init(_ keys: some Sequence<String>) {
        let keys = Array(keys)
        let roles = keys.map { $0.hasSuffix(".plugin") ? String($0.dropLast(".plugin".count)) : $0 }
        var short: OrderedDictionary<String, String> = [:]
        for (key, role) in zip(keys, roles) {
            let words = role.split(separator: ".")
            let tails = (1...max(1, words.count)).map { words.suffix($0).joined(separator: ".") }
            short[key] =
                tails.first { tail in roles.filter { $0 == tail || $0.hasSuffix("." + tail) }.count == 1 } ?? role
        }
        self.short = short
    }

    package subscript(key: String) -> String { short[key] ?? key }

    /// `weight_decay=0.001 seed=3`.
    package func label(_ swept: OrderedDictionary<String, JSON>, seed: Int? = nil) -> String {
        (swept.map { "\(self[$0])=\(Self.text($1, of: $0))" } + (seed.map { ["seed=\($0)"] } ?? []))
            .joined(separator: " ")
    }

    /// `3f1c2b4d5e-weight_decay0.001-s1`.
    func folder(_ identity: String, _ swept: OrderedDictionary<String, JSON>, seed: Int) -> String {
        let words = swept.map { "\(self[$0])\(Self.text($1, of: $0))" }.joined(separator: "-")
        let safe = words.map { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) ? $0 : "-" }
        return ([String(identity.prefix(10)), String(safe.prefix(80)), "s\(seed)"]).filter { !$0.isEmpty }.joined(
            separator: "-")
    }

    /// The same for the value of a key: `adam` for the plugin `syzygy.adam/adam`.
    private static func text(_ json: JSON, of key: String) -> String { component(text(json), of: key) }

    /// The words of a swept value with a component's id alone where the key names one.
    package static func component(_ words: String, of key: String) -> String {
        key.hasSuffix(".plugin") ? words.split(separator: "/").last.map(String.init) ?? words : words
    }

    /// A value without quotes; lists as `128x64`.
    package static func text(_ json: JSON) -> String {
        switch json {
        case .string(let text): text
        case .array(let items): items.map(text).joined(separator: "x")
        case .object(let members): members["plugin"].map(text) ?? json.text(pretty: false)
        case .double: json.int.map(String.init) ?? json.text(pretty: false)
        default: json.text(pretty: false)
        }
    }
}
