import Manifests
import PluginHost
import Training

/// Rules that end training early.
extension RunResolver {
    private static let gradientNorm = "gradient_norm"

    mutating func stops() -> [StopRule] {
        let section = DottedKey("stop")
        return (tree[section]?.object?.keys.sorted() ?? []).compactMap { stop(section.appending($0)) }
    }

    private mutating func stop(_ key: DottedKey) -> StopRule? {
        guard let rule = tree[key], let when = rule["when"]?.string else { return nil }
        let conditions = ["below", "above", "within"].filter { rule[$0] != nil }
        guard conditions.count == 1, let bound = rule[conditions[0]]?.double else {
            let found = conditions.isEmpty ? "none" : conditions.joined(separator: ", ")
            add(tree.keyPlace(key), "\(key): a rule has exactly one of below, above, within; found \(found)")
            return nil
        }
        let isWithin = conditions[0] == "within"
        if isWithin != (rule["over"] != nil) {
            add(tree.keyPlace(key), "\(key): 'within' goes with 'over', the number of values that are compared")
            return nil
        }
        let condition: StopRule.Condition =
            switch conditions[0] {
            case "below": .below(bound)
            case "above": .above(bound)
            default: .within(bound, over: rule["over"]?.int ?? 2)
            }
        let watched: StopRule.Watched
        switch when {
        case "loss": watched = .loss
        case Self.gradientNorm: watched = .gradientNorm
        default:
            let words = when.split(separator: ".", maxSplits: 1).map(String.init)
            guard words.count == 2 else {
                let known =
                    ["loss", Self.gradientNorm] + (tree[DottedKey("probes")]?.object?.keys.map { "\($0).…" } ?? [])
                let hint = Nearest.question(for: when, among: ["loss", Self.gradientNorm])
                add(
                    tree.place(key.appending("when")),
                    "\(key).when: '\(when)' is neither the loss nor an output\(hint) (there are: \(known.joined(separator: ", ")))"
                )
                return nil
            }
            watched = .output(probe: words[0], output: words[1], layer: rule["layer"]?.string)
        }
        if case .output = watched {
            if rule["every"] != nil {
                add(
                    tree.keyPlace(key.appending("every")),
                    "\(key).every: outputs are looked at when they are measured; 'at' of the probe says when")
            }
        } else if rule["layer"] != nil {
            add(tree.keyPlace(key.appending("layer")), "\(key).layer: the \(when) is of the whole network")
        }
        let every = rule["every"]?.int ?? (watched == .gradientNorm ? 100 : 1)
        return StopRule(
            key: key.last, watched: watched, condition: condition, every: every, from: rule["from"]?.int ?? 0)
    }

    /// Outputs that rules watch must be measured.
    func problems(ofStops configuration: RunConfiguration) -> [String] {
        guard let stops = configuration.training?.stops, !stops.isEmpty else { return [] }
        let outputs = StudyOutputs([configuration], registry)
        var lines = stops.compactMap { rule -> String? in
            guard case .output(let probe, let output, let layer) = rule.watched else { return nil }
            let key = DottedKey(["stop", rule.key]), name = "\(probe).\(output)"
            if let sentence = outputs.unknown(name) {
                return "\(tree.place(key.appending("when"))): \(key).when: \(sentence)"
            }
            guard layer != nil, outputs.isOfWholeNetwork(name) else { return nil }
            return
                "\(tree.keyPlace(key.appending("layer"))): '\(name)' is measured for the whole network, so it has no layer"
        }
        for probe in configuration.probes where probe.pairs != nil {
            let key = DottedKey(["probes", probe.key])
            lines.append(
                "\(tree.keyPlace(key)): \(key) compares runs at equal steps; runs that 'stop' ends have different last ones"
            )
        }
        return lines
    }
}
