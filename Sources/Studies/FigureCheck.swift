import Manifests
import OrderedCollections
import PluginHost

/// The figures of a study, and those that the manifests of its probes declare: whether they can be drawn, and what they name.
struct FigureCheck {
    let tree: StudyTree
    let configuration: RunConfiguration
    let keys: ConfigurationKeys
    let outputs: StudyOutputs

    func problems() -> [String] {
        let list = DottedKey("figures")
        let figures = tree[list]?.array ?? []
        var lines: [String] = []
        for (index, json) in figures.enumerated() {
            let key = list.appending("\(index)")
            let mistakes = Figure.mistakes(in: json, outputs: outputs.all) { outputs.unknown($0) }
            lines += mistakes.map { mistake in
                let here = mistake.path.reduce(key) { $0.appending($1) }
                return "\(mistake.isOfKey ? tree.keyPlace(here) : tree.place(here)): \(mistake.sentence)"
            }
            guard mistakes.isEmpty, let figure = Figure(json) else { continue }
            lines += problems(figure, at: key)
            let others = figures[..<index].compactMap { Figure($0) }
            if let other = others.first(where: { $0.slug == figure.slug }) {
                let what =
                    other.title == figure.title
                    ? "two figures have this title" : "this title and '\(other.title)' give one file name"
                lines.append(
                    "\(tree.place(key.appending("title"))): \(what), \(figure.slug).svg; titles tell figures apart")
            }
        }
        return lines
    }

    private func problems(_ figure: Figure, at key: DottedKey) -> [String] {
        var lines: [String] = []
        for name in figure.settings.keys.sorted() where !keys.all.contains(name) {
            let hint = Nearest.question(for: name, among: keys.all)
            lines.append(
                "\(tree.keyPlace(key.appending("where").appending(name))): the study has no '\(name)'\(hint)")
        }
        if figure.layers != nil {
            let named = figure.expanded(among: outputs.all).outputs
            if !named.isEmpty, named.allSatisfy(outputs.isOfWholeNetwork) {
                lines.append(
                    "\(tree.keyPlace(key.appending("layers"))): '\(named[0])' is measured for the whole network, so it has no layer"
                )
            }
        }
        guard figure.kind == .heat else { return lines }
        let swept = keys.swept
        let list = swept.isEmpty ? "nothing" : swept.joined(separator: ", ")
        for (name, axis) in [(figure.x, "x"), (figure.y, "y")] {
            guard let name else {
                if swept.count == 2, figure.x == nil, figure.y == nil { continue }
                lines.append("\(tree.place(key)): a heat map needs '\(axis)', a swept key (swept: \(list))")
                continue
            }
            // The command line may have taken a key out of the sweep: then the map has one row.
            if case .override = tree.origin(DottedKey(name)), keys.all.contains(name) { continue }
            guard !swept.contains(name) else { continue }
            let hint = Nearest.question(for: name, among: swept)
            lines.append("\(tree.place(key.appending(axis))): '\(name)' is not swept\(hint) (swept: \(list))")
        }
        if let x = figure.x, x == figure.y {
            lines.append("\(tree.place(key.appending("y"))): '\(x)' is x already; a heat map has two keys")
        }
        return lines
    }

    /// Those of the study, then those of manifests, with names in the place of patterns.
    func figures() -> [Figure] {
        let own = (tree[DottedKey("figures")]?.array ?? []).compactMap { Figure($0) }
        let all = (own + ofManifests()).map { figure in
            var figure = figure.expanded(among: outputs.all)
            if figure.kind == .heat, figure.x == nil, keys.swept.count == 2 {
                (figure.y, figure.x) = (keys.swept[0], keys.swept[1])
            }
            return figure
        }
        // What the study draws of a probe takes the place of the same by the manifest.
        return all.enumerated().filter { index, figure in
            let isTwice = all[..<min(index, own.count)].contains {
                $0.kind == figure.kind && $0.outputs == figure.outputs && $0.against == figure.against
            }
            return !figure.outputs.isEmpty && (figure.probe == nil || !isTwice)
        }.map(\.element)
    }

    /// Only where there is something to see: a heat map of two swept keys, curves of several steps or settings.
    private func ofManifests() -> [Figure] {
        func figures(_ name: String, _ kind: Component.Kind, key: String, steps: Int) -> [Figure] {
            guard let (_, component) = try? outputs.registry.component(name, kind: kind) else { return [] }
            return component.figures.compactMap { Figure($0.value) }
                .filter { figure in
                    switch figure.kind {
                    case .heat: keys.swept.count == 2
                    case .curves: steps > 1 || !keys.swept.isEmpty
                    default: true
                    }
                }
                .map { $0.declared(of: key) }
        }
        if let procedure = configuration.procedure {
            return figures(procedure.component, .procedure, key: "procedure", steps: 2)
        }
        return configuration.probes.flatMap {
            figures($0.choice.component, .probe, key: $0.key, steps: $0.sighting.steps.count)
        }
    }

    /// Units and labels of what the figures show, for `study.json`.
    func declarations(of figures: [Figure]) -> OrderedDictionary<String, JSON> {
        var found: OrderedDictionary<String, JSON> = [:]
        for name in figures.flatMap({ $0.outputs + $0.against }) {
            guard let output = outputs.all.first(where: { $0.name == name })?.declaration else { continue }
            var members: OrderedDictionary<String, JSON> = [:]
            if let unit = output.unit { members["unit"] = .string(unit) }
            if !output.labels.isEmpty { members["labels"] = .array(output.labels.map(JSON.string)) }
            if !members.isEmpty { found[name] = .object(members) }
        }
        return found
    }
}

extension Figure {
    /// A manifest's figure for a probe of the study.
    fileprivate func declared(of probe: String) -> Figure {
        var figure = self
        figure.probe = probe
        figure.outputs = outputs.map { "\(probe).\($0)" }
        figure.against = against.map { "\(probe).\($0)" }
        return figure
    }
}
