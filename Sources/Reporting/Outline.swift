import Studies

/// How the outputs of a study belong together, by the structure of their names alone, so that every plugin's outputs
/// find their place: `binding.variant.metric` shares a chart with the other bindings of the metric, `metric` stands
/// for itself.
struct Outline {
    /// One metric of one probe: the same quantity for several bindings and layers.
    struct Metric {
        var probe: String
        /// The last word of the output: `alpha`.
        var name: String
        /// The words that all bindings of this group share at their end: `raw`; empty if there is none.
        var variant: String
        /// What the bindings differ in, in order of appearance: `forward_rga`; `[""]` without bindings.
        var bindings: [String]
        var layers: [String]
        /// Series by binding and layer.
        var cells: [Cell: Int]
        /// The metric `<name>_null` at the same place: what chance alone would give.
        var baseline: [Cell: Int] = [:]

        struct Cell: Hashable { var binding: String, layer: String }

        subscript(binding: String, layer: String) -> Int? { cells[Cell(binding: binding, layer: layer)] }
        /// `crh · alpha · raw`.
        var title: String { ([probe, name] + (variant.isEmpty ? [] : [variant])).joined(separator: " · ") }
        /// Enough bindings for a matrix of layers and bindings, or a matrix of layers for each binding.
        var isMatrix: Bool { bindings.count >= 4 || isOfPairs }
        /// What it is about are pairs of layers, `fc1:fc2`.
        var isOfPairs: Bool { layers.allSatisfy { $0.split(separator: ":").count == 2 } }
    }

    /// In order of first appearance.
    private(set) var metrics: [Metric] = []
    /// Series with an index: elements of array outputs, which tables keep and charts leave out.
    private(set) var arrays: [Int] = []

    init(_ results: StudyResults) {
        let (series, layers) = (results.series, results.layers)
        var positions: [[String]: Int] = [:]
        let withVariants = Outline.probesWithVariants(
            series.indices.filter { !results.isBound.contains($0) }.map { series[$0] })
        // The ends of an interval are drawn with what they are the interval of.
        for (number, key) in series.enumerated() where !results.isBound.contains(number) {
            guard key.index == nil else {
                arrays.append(number)
                continue
            }
            var words = key.output.split(separator: ".").map(String.init)
            let name = words.popLast() ?? key.output
            let variant = words.count >= 2 && withVariants.contains(key.probe) ? words.removeLast() : ""
            let binding = words.joined(separator: ".")
            let id = [key.probe, name, variant]
            let position = positions[id] ?? metrics.count
            if position == metrics.count {
                positions[id] = position
                metrics.append(
                    Metric(probe: key.probe, name: name, variant: variant, bindings: [], layers: [], cells: [:]))
            }
            if !metrics[position].bindings.contains(binding) { metrics[position].bindings.append(binding) }
            if !metrics[position].layers.contains(key.layer) { metrics[position].layers.append(key.layer) }
            metrics[position].cells[.init(binding: binding, layer: key.layer)] = number
        }
        let order = Dictionary(layers.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        for i in metrics.indices {
            let found = metrics[i].layers.enumerated().map { (order[$1] ?? layers.count + $0, $1) }
            metrics[i].layers = found.sorted { $0.0 < $1.0 }.map(\.1)
        }
        attachBaselines()
    }

    /// The probes all of whose bindings have at least two words, the last of which is shared by several:
    /// `relation.variant`.
    private static func probesWithVariants(_ series: [Series]) -> Set<String> {
        var bindings: [String: Set<[Substring]>] = [:]
        for key in series {
            bindings[key.probe, default: []].insert(Array(key.output.split(separator: ".").dropLast()))
        }
        return Set(
            bindings.filter { _, words in
                words.allSatisfy { $0.count >= 2 } && Set(words.map(\.last)).count < words.count
            }.keys)
    }

    private mutating func attachBaselines() {
        var kept: [Metric] = []
        for metric in metrics {
            let owner = metrics.first { other in
                other.name + "_null" == metric.name && other.probe == metric.probe && other.variant == metric.variant
            }
            if owner == nil { kept.append(metric) }
        }
        for i in kept.indices {
            let baseline = metrics.first { other in
                other.name == kept[i].name + "_null" && other.probe == kept[i].probe
                    && other.variant == kept[i].variant
            }
            kept[i].baseline = baseline?.cells ?? [:]
        }
        metrics = kept
    }

    /// The metrics worth showing first, cut to their main bindings: of each probe without bindings all it records; of
    /// each with bindings the first metric in its first variant (unless that is a matrix and `matrices` is false);
    /// and what claims name.
    func headline(claimed: Set<String>, matrices: Bool) -> [Metric] {
        var seen = Set<String>()
        return metrics.compactMap { metric in
            let isMain =
                metric.bindings == [""] || seen.insert(metric.probe).inserted && (matrices || !metric.isMatrix)
            var shown = metric
            shown.bindings = metric.bindings.filter { isMain || claimed.contains(metric.outputName($0)) }
            return shown.bindings.isEmpty ? nil : shown
        }
    }
}

extension Outline.Metric {
    /// The name that claims use: `crh.forward_rga.raw.alpha`.
    func outputName(_ binding: String) -> String {
        [probe, binding, variant, name].filter { !$0.isEmpty }.joined(separator: ".")
    }
}

extension Claim {
    /// The outputs that a claim is about.
    var outputs: [String] {
        if case .exceeds(let other, _) = relation { [measure.output, other.output] } else { [measure.output] }
    }
}
