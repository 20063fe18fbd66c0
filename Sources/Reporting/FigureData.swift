import Manifests
import OrderedCollections

/// What a figure draws: its outputs, the layers that each has, and the settings.
struct FigureData {
    let charts: Figures
    let figure: Figure
    let settings: [Int]
    /// By output and layer the series; of an array in the order of its elements.
    let series: OrderedDictionary<String, OrderedDictionary<String, [Int]>>
    /// All layers of the outputs, in the order of the network.
    let layers: [String]

    var results: StudyResults { charts.results }

    init(_ figure: Figure, _ charts: Figures) throws(Undecided) {
        (self.figure, self.charts) = (figure, charts)
        let results = charts.results
        settings = try results.settings(where: figure.settings).filter { !results.finished[$0].isEmpty }
        guard !settings.isEmpty else { throw Undecided(message: "no run of these settings has finished") }
        differing = results.sweptKeys.indices.filter { [settings] column in
            Set(settings.map { results.settings[$0][column] }).count > 1
        }
        let wanted = OrderedSet(figure.outputs + figure.against)
        var found: [String: [String: [Int]]] = [:]
        for (number, key) in results.series.enumerated() where wanted.contains(key.name) {
            found[key.name, default: [:]][key.layer, default: []].append(number)
        }
        let order = Dictionary(
            results.layers.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        func sorted(_ names: some Collection<String>) -> [String] {
            names.sorted { (order[$0] ?? .max, $0) < (order[$1] ?? .max, $1) }
        }
        var series: OrderedDictionary<String, OrderedDictionary<String, [Int]>> = [:]
        for name in wanted {
            guard let ofLayers = found[name] else { continue }
            series[name] = OrderedDictionary(
                uniqueKeysWithValues: sorted(ofLayers.keys).map { layer in
                    (
                        layer,
                        (ofLayers[layer] ?? []).sorted {
                            (results.series[$0].index ?? 0) < (results.series[$1].index ?? 0)
                        }
                    )
                })
        }
        self.series = series
        guard !series.isEmpty else {
            throw Undecided(
                message: "no finished run has recorded \(figure.outputs.prefix(3).joined(separator: ", "))")
        }
        let all = sorted(Set(figure.outputs.flatMap { series[$0]?.keys.elements ?? [] }))
        for layer in figure.layers ?? [] where !all.contains(layer) {
            let hint = Nearest.question(for: layer, among: all)
            throw Undecided(
                message: "there is no layer '\(layer)'\(hint) (there are: \(all.joined(separator: ", ")))")
        }
        layers = figure.layers ?? all
    }

    /// A number at the moment of the figure, over the runs of a setting.
    func value(_ series: Int, setting: Int) -> Aggregate? {
        switch figure.moment {
        case .last: return results.last(series, setting: setting)?.value
        case .first:
            guard let step = results.firstStep(series, setting: setting) else { return nil }
            return results.aggregate(series, at: step, runs: results.finished(of: series, setting: setting))
        case .step(let step):
            return results.aggregate(series, at: step, runs: results.finished(of: series, setting: setting))
        }
    }

    var when: String {
        switch figure.moment {
        case .last: "at the last step"
        case .first: "at the first step"
        case .step(let step): "at step \(step)"
        }
    }

    // MARK: - Names

    /// The names of the outputs without the words that all of them begin or end with.
    func shortNames(_ names: [String]) -> [String: String] {
        guard names.count > 1 else { return Dictionary(uniqueKeysWithValues: names.map { ($0, $0) }) }
        var words = names.map { $0.split(separator: ".").map(String.init) }
        while let first = words[0].first, words.allSatisfy({ $0.count > 1 && $0[0] == first }) {
            for i in words.indices { words[i].removeFirst() }
        }
        while let last = words[0].last, words.allSatisfy({ $0.count > 1 && $0.last == last }) {
            for i in words.indices { words[i].removeLast() }
        }
        return Dictionary(zip(names, words.map { $0.joined(separator: ".") }), uniquingKeysWith: { a, _ in a })
    }

    /// The words that `shortNames` leave out: `crh · normalized.cos_dev`; of a single output its name.
    func common(_ names: [String]) -> String {
        guard names.count > 1, let first = names.first, let short = shortNames(names)[first] else {
            return names.first ?? ""
        }
        guard let middle = first.range(of: short) else { return "" }
        return [first[..<middle.lowerBound], first[middle.upperBound...]]
            .map { $0.split(separator: ".").joined(separator: ".") }.filter { !$0.isEmpty }.joined(separator: " · ")
    }

    func unit(_ name: String) -> String { results.outputs[name]?.unit.map { " [\($0)]" } ?? "" }

    /// The swept keys in which the settings drawn differ.
    private let differing: [Int]

    /// `weight_decay=1e-3`: a setting without the keys in which those drawn do not differ.
    func label(_ setting: Int) -> String { results.label(setting: setting, columns: differing) }

    /// They differ in one number, so they have an order.
    var isOrdered: Bool {
        differing.count == 1 && settings.allSatisfy { Double(results.settings[$0][differing[0]]) != nil }
    }

    /// The words that all names end with: `normalized.alpha`; of a single output its name.
    func commonEnd(_ names: [String]) -> String {
        guard names.count > 1, let first = names.first, let short = shortNames(names)[first],
            let end = first.range(of: short)?.upperBound
        else { return names.count == 1 ? names[0] : "" }
        return first[end...].split(separator: ".").joined(separator: ".")
    }
}
