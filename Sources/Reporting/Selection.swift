import Manifests
import OrderedCollections
import Studies

/// The runs of a study that `key=value` choose: settings of the sweep, and seeds.
package struct Selection: Sendable {
    package private(set) var settings: [Int]
    /// nil: all.
    package private(set) var seeds: Set<Int>?

    /// Several values of one key choose the runs that have one of them.
    ///
    /// - Parameter conditions: `optimizer.lr=0.1`, `lr=0.1`, `seed=3`.
    package init(_ results: StudyResults, where conditions: [String] = []) throws(StudyError) {
        settings = Array(results.settings.indices)
        var wanted: OrderedDictionary<String, [String]> = [:]
        for condition in conditions {
            guard let sign = condition.firstIndex(of: "="), sign > condition.startIndex else {
                throw StudyError("'\(condition)' chooses no runs; expected key=value, such as optimizer.lr=0.1")
            }
            let key = try results.key(named: String(condition[..<sign]))
            wanted[key, default: []].append(Self.plain(String(condition[condition.index(after: sign)...])))
        }
        for (key, values) in wanted {
            if key == "seed" { try choose(seeds: values, results) } else { try choose(values, of: key, results) }
        }
    }

    private mutating func choose(seeds values: [String], _ results: StudyResults) throws(StudyError) {
        var chosen = Set<Int>()
        for text in values {
            guard let seed = Int(text), results.seeds.contains(seed) else {
                let known = results.seeds.map(String.init)
                throw StudyError("no run has the seed \(text) (there are: \(list(known)))")
            }
            chosen.insert(seed)
        }
        seeds = chosen
    }

    private mutating func choose(_ values: [String], of key: String, _ results: StudyResults) throws(StudyError) {
        let found = settings.map { ($0, results.value(of: key, setting: $0)) }
        for value in values
        where !found.contains(where: { $1.map { StudyResults.matches($0, value, key) } ?? false }) {
            let known = OrderedSet(found.compactMap(\.1)).map { results.label($0, of: key) }
            throw StudyError("no run has \(key) = \(NumberText.label(value)) (there are: \(list(known)))")
        }
        settings = found.filter { _, text in
            values.contains { value in text.map { StudyResults.matches($0, value, key) } ?? false }
        }.map(\.0)
    }

    /// `[128, 64]` as settings have it, `128, 64`.
    private static func plain(_ value: String) -> String {
        guard value.hasPrefix("["), value.hasSuffix("]") else { return value }
        let items = value.dropFirst().dropLast().split(separator: ",")
        return items.map { String($0.drop { $0 == " " }) }.joined(separator: ", ")
    }

    func contains(seed: Int) -> Bool { seeds?.contains(seed) ?? true }

    private func list(_ names: some Collection<String>) -> String {
        names.isEmpty ? "none" : names.prefix(20).joined(separator: ", ") + (names.count > 20 ? ", …" : "")
    }
}

extension StudyResults {
    /// The whole name of a key: `regularizers.l2.weight_decay` for `weight_decay`, where one swept key alone ends like that; any key
    /// of the configuration by its whole name; `seed`.
    func key(named name: String) throws(StudyError) -> String {
        if name == "seed" { return name }
        if let key = try sweptKey(named: name) { return key }
        let configured = OrderedSet(members.compactMap { $0.first }.flatMap { configurationKeys(of: $0) })
        if configured.contains(name) { return name }
        let hint = Nearest.question(for: name, among: shortKeys + sweptKeys + Array(configured))
        let known = sweptKeys.isEmpty ? "the study sweeps nothing" : "swept: \(sweptKeys.joined(separator: ", "))"
        throw StudyError("no run has a '\(name)'\(hint) (\(known))")
    }

    /// The same of swept keys alone; nil if there is none.
    func sweptKey(named name: String) throws(StudyError) -> String? {
        if sweptKeys.contains(name) { return name }
        let matching = zip(sweptKeys, shortKeys).filter { $0.hasSuffix("." + name) || $1 == name }.map(\.0)
        guard matching.count < 2 else {
            throw StudyError("'\(name)' may be \(matching.joined(separator: " or ")); give the whole name")
        }
        return matching.first
    }

    /// The dotted keys of a run's configuration.
    private func configurationKeys(of run: Int) -> [String] {
        DottedKey([String]()).leaves(runs[run].record.configuration).map(\.description)
    }
}
