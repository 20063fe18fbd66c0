import Manifests
import OrderedCollections

/// What must hold between the axes and points of a sweep.
extension StudySweep {
    /// Swept keys must be places of a configuration, and conditions must be able to hold.
    mutating func check(_ tree: StudyTree) {
        let types = types(tree)
        for axis in axes { checkKey(axis.key, axis.hasNames, axis.place, types) }
        for dimension in dimensions {
            guard let longest = dimension.max(by: { $0.values.count < $1.values.count }),
                let shortest = dimension.min(by: { $0.values.count < $1.values.count })
            else { continue }
            if longest.values.count != shortest.values.count {
                problems.append(
                    "\(shortest.place): zip advances its keys together, and \(shortest.key) has \(shortest.values.count) values where \(longest.key) has \(longest.values.count)"
                )
            }
        }
        var earlier: Set<DottedKey> = Set(fixed.keys)
        for dimension in dimensions {
            for condition in dimension.flatMap(\.conditions) {
                if !earlier.contains(condition.key), axes.contains(where: { $0.key == condition.key }) {
                    problems.append(
                        "\(condition.keyPlace): \(condition.key) is swept here or after this key; write it before")
                } else {
                    check(condition)
                }
            }
            earlier.formUnion(dimension.map(\.key))
        }
        for condition in excluded.flatMap({ $0 }) { check(condition) }
        for condition in included.flatMap({ $0 }) {
            let names = (written[condition.key] ?? []).compactMap(\.name)
            checkKey(condition.key, !names.isEmpty, condition.keyPlace, types)
            if !names.isEmpty { check(condition) }
        }
    }

    private mutating func checkKey(_ key: DottedKey, _ hasNames: Bool, _ place: String, _ types: OptionTypes) {
        if types.isSection(key) {
            guard !hasNames else { return }
            problems.append(
                "\(place): '\(key)' is a whole section; its alternatives need names, such as \(key): {alternatives: {one: {…}, other: {…}}}"
            )
        } else if !types.owners.contains(key.parent.description) {
            let hint =
                key.parts.count == 1
                ? Nearest.question(for: key.last, among: OptionTypes.sections)
                : Nearest.question(for: key.parent.description, among: types.owners) { "\($0).\(key.last)" }
            problems.append("\(place): swept key '\(key)' is not an option of this study\(hint)")
        }
    }

    /// A key that is swept, and values that it has.
    private mutating func check(_ condition: SweepCondition) {
        let key = condition.key
        let known = (written[key] ?? []) + (axes.first { $0.key == key }?.values ?? [])
        guard !known.isEmpty else {
            let swept = OrderedSet(written.keys.map(\.description) + axes.map(\.key.description)).sorted()
            let hint = Nearest.hint(for: key.description, among: swept, label: "swept")
            problems.append("\(condition.keyPlace): '\(key)' is not swept\(hint)")
            return
        }
        for wanted in condition.candidates(known) where !known.contains(where: { $0.shown.isEqual(to: wanted) }) {
            let text = SweepNames.text(wanted), texts = OrderedSet(known.map { SweepNames.text($0.shown) }).elements
            let nearest = wanted.isNumber ? "" : Nearest.question(for: text, among: texts)
            let list = texts.prefix(12).joined(separator: ", ") + (texts.count > 12 ? ", …" : "")
            problems.append("\(condition.place): \(key) has no value \(text)\(nearest) (it has: \(list))")
        }
    }
}
