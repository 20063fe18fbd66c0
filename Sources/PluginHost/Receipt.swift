import ArrayFiles
import Foundation
import LinearAlgebra
import Manifests
import OrderedCollections

/// What validation found about exactly these bytes of a plugin. The host may ask for it before it lets a component into its own
/// process.
package struct Receipt: Sendable {
    package var digests: PluginDigests
    /// `quick`, `standard` or `deep`.
    package var level: String
    package var seed: UInt64
    /// Whether no test failed.
    package var hasPassed: Bool
    /// Tests by outcome.
    package var counts: OrderedDictionary<String, Int>
    /// One object for each finding, as validation writes it.
    package var findings: [JSON]
    /// The program and machine that validated.
    package var host: OrderedDictionary<String, JSON>

    package init(
        digests: PluginDigests, level: String, seed: UInt64, hasPassed: Bool, counts: OrderedDictionary<String, Int>,
        findings: [JSON], host: OrderedDictionary<String, JSON>
    ) {
        (self.digests, self.level, self.seed, self.hasPassed) = (digests, level, seed, hasPassed)
        (self.counts, self.findings, self.host) = (counts, findings, host)
    }

    package static let levels = ["quick", "standard", "deep"]

    /// Whether the plugin has passed at that level or a higher one.
    package func covers(level wanted: String) -> Bool {
        guard let own = Self.levels.firstIndex(of: level), let least = Self.levels.firstIndex(of: wanted) else {
            return false
        }
        return hasPassed && own >= least
    }
}

/// The folder of receipts. A receipt is found by the digests of all files it speaks of, so a changed byte voids it.
package struct ReceiptFolder: Sendable {
    package var path: String

    /// By default `$XDG_STATE_HOME/syzygy/receipts`, else `~/.local/state/syzygy/receipts`.
    package init(path: String? = nil) {
        let environment = ProcessInfo.processInfo.environment
        let state = environment["XDG_STATE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        self.path = path ?? (state ?? (environment["HOME"] ?? "") + "/.local/state") + "/syzygy/receipts"
    }

    /// Where the receipt of these files is, or would be.
    package func file(for digests: PluginDigests) -> String {
        "\(path)/\(digests.id)-\(SHA256.hex(of: Array(JSON.object(digests.members).text(pretty: false).utf8)).prefix(32)).json"
    }

    /// The receipt of a plugin as it is now; nil if there is none, or one of other bytes.
    package func receipt(of manifest: Manifest) -> Receipt? {
        guard let digests = try? ComponentLoader.digests(of: manifest, locatesSystem: true) else { return nil }
        return receipt(for: digests)
    }

    package func receipt(for digests: PluginDigests) -> Receipt? {
        guard let root = try? StrictJSON.read(file(for: digests)).root, root["receipt"]?.int == 1,
            root["plugin"]?.isEqual(to: .object(digests.members)) == true, let level = root["level"]?.string,
            let seed = root["seed"]?.string.flatMap({ UInt64($0) }), let hasPassed = root["passed"]?.bool
        else { return nil }
        return Receipt(
            digests: digests, level: level, seed: seed, hasPassed: hasPassed,
            counts: (root["counts"]?.object ?? [:]).compactMapValues(\.int),
            findings: root["findings"]?.array ?? [], host: root["host"]?.object ?? [:])
    }

    /// Writes a receipt, in one piece; returns its file.
    package func write(_ receipt: Receipt) throws -> String {
        let json = JSON.object([
            "receipt": .int(1), "plugin": .object(receipt.digests.members), "level": .string(receipt.level),
            "seed": .string(String(receipt.seed)), "passed": .bool(receipt.hasPassed),
            "counts": .object(receipt.counts.mapValues { .int($0) }), "findings": .array(receipt.findings),
            "host": .object(receipt.host),
        ])
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let file = file(for: receipt.digests)
        try Data((json.text(pretty: true) + "\n").utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
        return file
    }
}

extension PluginDigests {
    fileprivate var members: OrderedDictionary<String, JSON> {
        [
            "id": .string(id), "version": .string(version), "manifest": .string(manifestDigest),
            "library": .string(libraryDigest), "files": .object(fileDigests.mapValues { .string($0) }),
        ]
    }
}
