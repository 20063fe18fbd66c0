import Manifests

/// Datasets that are made of others, `dataset.of`, to any depth.
extension RunResolver {
    static let dataset = DottedKey("dataset")

    /// `dataset`, `dataset.of`, `dataset.of.of`, as far as there are sections.
    static func datasets(of tree: StudyTree) -> [DottedKey] {
        var keys: [DottedKey] = []
        var key = dataset
        while tree[key]?.object != nil {
            keys.append(key)
            key = key.appending("of")
        }
        return keys
    }

    /// Whether a dataset has what it is made of.
    mutating func checkSource(of key: DottedKey, _ component: Component) {
        guard component.isWrapper, tree[key.appending("of")]?["plugin"]?.string == nil else { return }
        let place = tree[key.appending("of")] == nil ? tree.keyPlace(key) : tree.place(key.appending("of"))
        add(
            place,
            "\(key): \(component.id) is made of another dataset; expected one, such as of: {plugin: digits}")
    }

    /// The fields of a dataset, with those of what it is made of.
    func fields(of key: DottedKey) -> [String] {
        guard let component = entries[key]?.component else { return [] }
        let own = component.outputs.map(\.id)
        guard component.isWrapper else { return own }
        return fields(of: key.appending("of")).filter { !own.contains($0) } + own
    }

    /// The fields and splits that a dataset asks for must be there.
    mutating func checkSources() {
        for (key, entry) in entries where entry.component.isWrapper {
            let of = key.appending("of")
            let component = entry.component
            guard let source = entries[of]?.component else { continue }
            let fields = fields(of: of), splits = source.splits.map(\.name)
            let wanted = component.data.map(\.field) + component.outputs.compactMap(\.like)
            for field in Set(wanted).subtracting(fields).sorted() {
                let hint = Nearest.hint(for: field, among: fields, label: "it has")
                add(tree.keyPlace(of), "\(key): \(component.id) needs the field '\(field)' of \(source.id)\(hint)")
            }
            let asked = component.data.map(\.split) + component.splits.compactMap(\.source)
            for split in Set(asked).subtracting(splits).sorted() {
                let hint = Nearest.hint(for: split, among: splits, label: "it has")
                add(tree.keyPlace(of), "\(key): \(component.id) needs the split '\(split)' of \(source.id)\(hint)")
            }
        }
    }

    /// The rows of a split, if the manifests say them; a component that has no such split has none.
    func rows(in split: String, of key: DottedKey = dataset) -> Int? {
        guard let split = entries[key]?.component.splits.first(where: { $0.name == split }) else { return nil }
        switch split.rows {
        case .constant(let rows): return rows
        case .parameter(let id): return tree[key.appending(id)]?.int
        case .source: return split.source.flatMap { rows(in: $0, of: key.appending("of")) }
        case .axis, .described: return nil
        }
    }
}
