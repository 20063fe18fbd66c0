import Manifests
import OrderedCollections
import Studies

/// What a table shows of a study, and how.
package struct TableRequest: Sendable {
    package enum Show: String, CaseIterable, Sendable { case mean, median, values, n, all }

    /// Names and patterns of outputs; empty: the headline numbers.
    package var outputs: [String] = []
    /// Empty: all.
    package var layers: [String] = []
    /// `key=value`
    package var conditions: [String] = []
    package var moment = Figure.Moment.last
    /// What has columns: swept keys, `seed`, `output`, `layer`; the rest has rows. Empty: all swept keys.
    package var pivot: [String] = []
    package var show = Show.mean

    package init() {}

    /// The observations that it needs.
    package var kept: ObservationTable.Kept {
        switch moment {
        case .last: .last
        case .first: .first
        case .step: .all
        }
    }
}

/// A series as tables name it.
struct TableLine: Hashable {
    var series: Int
    var probe: String
    /// `crh.forward_rga.raw.alpha`, of an array `ranks.singular_values[3]`.
    var output: String
    var layer: String
}

extension StudyResults {
    /// The series that names and patterns stand for, in the order of the patterns, then of recording; layers in the order of the network.
    func lines(_ patterns: [String], layers wanted: [String]) throws(StudyError) -> [TableLine] {
        let names = OrderedSet(series.indices.filter { !isBound.contains($0) }.map { series[$0].name })
        guard !names.isEmpty else { throw StudyError("\(name): no run has recorded anything") }
        var chosen: OrderedSet<String> = []
        for pattern in patterns {
            let matching = names.filter { OutputPattern(pattern).match($0) != nil }
            // The end of an interval has no row of its own unless it is asked for.
            let ends = series.map(\.name).filter { $0 == pattern }
            guard !matching.isEmpty || !ends.isEmpty else { throw StudyError(unknown(output: pattern, names)) }
            chosen.formUnion(matching.isEmpty ? ends : Array(matching))
        }
        let known = OrderedSet(series.filter { chosen.contains($0.name) }.map(\.layer))
        for layer in wanted where !known.contains(layer) {
            let others = known.filter { !$0.isEmpty }
            let hint = Nearest.question(for: layer, among: others)
            let there =
                others.isEmpty
                ? "these outputs are of the whole network" : "there are: \(others.joined(separator: ", "))"
            throw StudyError("no output has the layer '\(layer)'\(hint) (\(there))")
        }
        let order = Dictionary(layers.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        let ranks = Dictionary(chosen.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        let found = series.indices.filter { ranks[series[$0].name] != nil }
        return found.filter { wanted.isEmpty || wanted.contains(series[$0].layer) }
            .map { number in
                let key = series[number]
                let rank = (ranks[key.name] ?? 0, order[key.layer] ?? 0, key.index ?? 0)
                return (rank, line(number))
            }
            .sorted { $0.0 < $1.0 }.map(\.1)
    }

    func line(_ number: Int) -> TableLine {
        let key = series[number]
        return TableLine(
            series: number, probe: key.probe, output: key.name + (key.index.map { "[\($0)]" } ?? ""), layer: key.layer
        )
    }

    private func unknown(output pattern: String, _ names: OrderedSet<String>) -> String {
        let probe = pattern.prefix { $0 != "." }
        let own = names.filter { $0.hasPrefix("\(probe).") }
        let word = pattern.split(separator: ".").last.map { "." + $0 } ?? ""
        let alike = names.filter { $0.hasSuffix(word) }
        let near = Nearest.question(for: pattern, among: names)
        let some = Array(OrderedSet(Array(alike) + Array(own) + Array(names)).prefix(6))
        let sentence = pattern.contains("*") ? "no output matches '\(pattern)'" : "no run has recorded '\(pattern)'"
        return sentence + near
            + " (there are: \(some.joined(separator: ", "))\(names.count > some.count ? ", …" : ""))"
    }

    /// The headline numbers: metrics of whole networks first, then those of layers. Without `matrices`, of the matrices only what
    /// claims name.
    func headline(matrices: Bool = true) -> [TableLine] {
        let metrics = Outline(self).headline(claimed: Set(claims.flatMap(\.outputs)), matrices: matrices)
        let ordered = metrics.filter { $0.layers == [""] } + metrics.filter { $0.layers != [""] }
        return ordered.flatMap { metric in
            metric.layers.flatMap { layer in metric.bindings.compactMap { metric[$0, layer].map(line) } }
        }
    }
}
