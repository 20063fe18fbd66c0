import Manifests
import OrderedCollections

/// Short names of swept keys and values, for folders, tables and the terminal.
package struct SweepNames: Sendable {
    private let short: OrderedDictionary<String, String>

    /// Keys are cut to their last words, as long as they stay distinct.
    package init(_ keys: some Sequence<String>) {
        let keys = Array(keys)
        var short: OrderedDictionary<String, String> = [:]
        for key in keys {
            let words = key.split(separator: ".")
            let tails = (1...max(1, words.count)).map { words.suffix($0).joined(separator: ".") }
            short[key] = tails.first { tail in keys.filter { $0 == tail || $0.hasSuffix("." + tail) }.count == 1 } ?? key
        }
        self.short = short
    }

    package subscript(key: String) -> String { short[key] ?? key }

    /// `weight_decay=0.001 seed=3`.
    package func label(_ swept: OrderedDictionary<String, JSON>, seed: Int) -> String {
        (swept.map { "\(self[$0])=\(Self.text($1))" } + ["seed=\(seed)"]).joined(separator: " ")
    }

    /// `3f1c2b4d5e-weight_decay0.001-s1`.
    func folder(_ identity: String, _ swept: OrderedDictionary<String, JSON>, seed: Int) -> String {
        let words = swept.map { "\(self[$0])\(Self.text($1))" }.joined(separator: "-")
        let safe = words.map { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) ? $0 : "-" }
        return ([String(identity.prefix(10)), String(safe.prefix(80)), "s\(seed)"]).filter { !$0.isEmpty }.joined(separator: "-")
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
