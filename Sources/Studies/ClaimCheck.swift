import Manifests

/// Checks that claims are complete and speak of what the study measures, so that a slip shows before the runs and not after.
struct ClaimCheck {
    let tree: StudyTree
    let keys: ConfigurationKeys
    let outputs: StudyOutputs

    func problems() -> [String] {
        let claims = DottedKey("claims")
        return (tree[claims]?.array ?? []).indices.flatMap { index -> [String] in
            problems(claim: claims.appending("\(index)"))
        }
    }

    private func problems(claim key: DottedKey) -> [String] {
        let claim = tree[key]
        func has(_ name: String) -> Bool { claim?[name] != nil }
        var lines: [String] = []
        let relations = ["equals", "at_least", "at_most", "exceeds"].filter(has)
        if relations.count != 1 {
            lines.append(
                "\(tree.place(key)): a claim has exactly one of equals, at_least, at_most, exceeds; found \(list(relations))"
            )
        }
        let tolerances = ["within", "within_relative"].filter(has)
        if has("equals") != (tolerances.count == 1) {
            lines.append(
                "\(tree.place(key)): equals goes with one of within, within_relative; found \(list(tolerances))")
        }
        if has("by"), !has("exceeds") { lines.append("\(tree.place(key)): by belongs to exceeds") }
        for side in ["that", "exceeds"] where has(side) { lines += problems(side: key.appending(side)) }
        return lines
    }

    private func problems(side key: DottedKey) -> [String] {
        let side = tree[key]?.object ?? [:]
        let statistics = ["mean", "min", "max", "median"].filter { side[$0] != nil }
        guard statistics.count == 1, let output = side[statistics[0]]?.string else {
            return ["\(tree.place(key)): expected exactly one of mean, min, max, median; found \(list(statistics))"]
        }
        var lines: [String] = []
        if let sentence = outputs.unknown(output) {
            lines.append("\(tree.place(key.appending(statistics[0]))): \(sentence)")
        }
        if side["layer"] != nil, outputs.isOfWholeNetwork(output) {
            lines.append(
                "\(tree.keyPlace(key.appending("layer"))): '\(output)' is measured for the whole network, so it has no layer"
            )
        }
        for name in side["where"]?.object?.keys ?? [] where !keys.all.contains(name) {
            let hint = Nearest.question(for: name, among: keys.all)
            lines.append(
                "\(tree.keyPlace(key.appending("where").appending(name))): the study has no '\(name)'\(hint)")
        }
        return lines
    }

    private func list(_ names: [String]) -> String { names.isEmpty ? "none" : names.joined(separator: ", ") }
}
