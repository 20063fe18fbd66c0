import Manifests
import OrderedCollections
import PluginHost
import Studies

/// What the numbers of a probe mean: two studies measure the same thing if these agree.
struct Definition {
    /// By what they say: `plugin`, `split`, `samples`, `syzygy.crh`.
    let parts: OrderedDictionary<String, OrderedSet<String>>

    /// Options that choose when and where a probe measures, and not what.
    private static let schedule: Set<String> = ["at", "layers", "pairs"]

    init(_ probe: String, _ side: ComparedRuns) {
        var parts: OrderedDictionary<String, OrderedSet<String>> = [:]
        for run in side.runs {
            let record = side.results.runs[run].record
            let isProcedure = probe == "procedure" && record.configuration["procedure"] != nil
            let options = isProcedure ? record.configuration["procedure"] : record.configuration["probes"]?[probe]
            for (key, value) in options?.object ?? [:]
            where !Self.schedule.contains(key) && (!isProcedure || key == "plugin") {
                if !isProcedure, Self.follows("probes.\(probe).\(key)", side.results) { continue }
                parts[key, default: []].append(value.plain)
            }
            let id = options?["plugin"]?.string?.split(separator: "/").first.map(String.init)
            for plugin in record.plugins where plugin.id == id {
                parts["plugin \(plugin.id)", default: []].append(RunFacts.digests(plugin))
            }
        }
        self.parts = parts
    }

    /// `split: train against test`, one for each difference.
    func differences(from other: Definition) -> [String] {
        OrderedSet(Array(parts.keys) + Array(other.parts.keys)).filter {
            parts[$0].map(Set.init) != other.parts[$0].map(Set.init)
        }
        .map { "\($0): \(RunFacts.list(parts[$0])) against \(RunFacts.list(other.parts[$0]))" }
    }

    /// An option that varies within a study without being swept is a reference, `${regularizers.l2.weight_decay}`: by definition it is what it
    /// follows.
    private static func follows(_ key: String, _ results: StudyResults) -> Bool {
        guard let first = results.runs.first, first.record.origins[key] != "sweep" else { return false }
        let words = key.split(separator: ".").map(String.init)
        func value(_ run: StudyResults.Run) -> JSON? {
            words.reduce(run.record.configuration as JSON?) { $0?[$1] }
        }
        let own = value(first)
        return results.runs.contains { value($0) != own }
    }
}

/// What records say of runs beside their numbers.
enum RunFacts {
    /// Keys of the configuration, plugins, data files, and what the machines were, with all values that the runs have.
    static func all(_ side: ComparedRuns) -> OrderedDictionary<String, OrderedSet<String>> {
        var facts: OrderedDictionary<String, OrderedSet<String>> = [:]
        var seen = Set<JSON>()
        for run in side.runs {
            let record = side.results.runs[run].record
            if seen.insert(record.configuration).inserted {
                for key in DottedKey([String]()).leaves(record.configuration) {
                    let value = key.parts.reduce(record.configuration as JSON?) { $0?[$1] }
                    facts[key.description, default: []].append(value?.plain ?? "")
                }
            }
            for plugin in record.plugins { facts["plugin \(plugin.id)", default: []].append(digests(plugin)) }
            for file in record.files {
                facts["file \(file.path)", default: []].append("sha256 " + file.digest.prefix(8))
            }
            for key in ["version", "cpu", "cores", "threads", "blas", "os"] {
                if let value = record.host[key] { facts["host \(key)", default: []].append(value.plain) }
            }
        }
        return facts
    }

    /// Key, values of A, values of B, where they differ.
    static func differences(_ a: ComparedRuns, _ b: ComparedRuns) -> [[String]] {
        let (left, right) = (all(a), all(b))
        return OrderedSet(Array(left.keys) + Array(right.keys)).filter {
            left[$0].map(Set.init) != right[$0].map(Set.init)
        }
        .map { [$0, list(left[$0]), list(right[$0])] }
    }

    static func list(_ values: OrderedSet<String>?) -> String {
        guard let values else { return "–" }
        return values.prefix(6).map { $0.isEmpty ? "none" : NumberText.label($0) }.joined(separator: ", ")
            + (values.count > 6 ? ", …" : "")
    }
}

extension RunFacts {
    /// `0.1.0, manifest 1c128a00, library b2de7cfb, digits.bin 68aea062`
    static func digests(_ plugin: PluginDigests) -> String {
        let files = plugin.fileDigests.map { ", \($0) \($1.prefix(8))" }.joined()
        let library = plugin.libraryDigest.isEmpty ? "" : ", library \(plugin.libraryDigest.prefix(8))"
        return "\(plugin.version), manifest \(plugin.manifestDigest.prefix(8))\(library)\(files)"
    }
}
