import Manifests
import OrderedCollections
import PluginHost

/// What a study and its manifests say of keys that may be swept, whichever alternatives a section has.
struct OptionTypes {
    private let registry: Registry
    /// The study, and once more with each alternative.
    private let trees: [StudyTree]
    /// The sections that have options.
    let owners: OrderedSet<String>

    init(_ tree: StudyTree, _ registry: Registry, alternatives: [(key: DottedKey, json: JSON)]) {
        self.registry = registry
        trees =
            [tree]
            + alternatives.map { key, json in
                var other = tree
                other.set(key, json, .file)
                return other
            }
        owners = OrderedSet(
            trees.flatMap { tree in
                RunResolver.sections(of: tree).filter { tree[$0]?.object != nil }.map(\.description)
            })
    }

    /// Sections whose keys the user chooses.
    static let keyedSections = [
        "models", "initializers", "parametrizations", "regularizers", "groups", "probes", "stop",
    ]

    /// Whole sections of the top level.
    static let sections =
        ["dataset", "procedure", "sampler", "model", "loss", "rule", "optimizer", "train", "record", "fork"]
        + keyedSections

    /// Whether a key names a section as a whole, which may have alternatives.
    func isSection(_ key: DottedKey) -> Bool {
        let parent = key.parent
        if key.parts.count == 1 { return Self.sections.contains(key.last) }
        if Self.keyedSections.contains(parent.description) { return true }
        return parent.last == "schedules" && trees.contains { $0[parent.parent]?.object != nil }
    }

    /// True if an option of a component is a list, or a key of the study itself that is one.
    func isList(_ key: DottedKey) -> Bool {
        trees.contains { tree in
            let (kind, component) = component(tree, key)
            guard let kind else { return key.parts[0] == "record" }
            let isGroup = Self.isOfGroup(key)
            let lists =
                kind == .probe || kind == .rule
                ? ["layers"]
                : isGroup || [.regularizer, .initializer, .parametrization].contains(kind) ? ["parameters"] : []
            return lists.contains(key.last) || component?.parameter(key.last)?.type.isList ?? false
        }
    }

    /// Whether an option takes integers only.
    func isInteger(_ key: DottedKey) -> Bool {
        let own = ["steps", "batch_size", "threads", "together", "log_every", "samples", "bootstrap", "cotangents"]
        if ["train", "record", "probes"].contains(key.parts[0]), own.contains(key.last) { return true }
        return trees.contains { component($0, key).component?.parameter(key.last)?.type == .int }
    }

    private static func isOfGroup(_ key: DottedKey) -> Bool { key.parts.count == 3 && key.parts[0] == "groups" }

    /// The component whose option a key is, and its kind; of a group that of the optimizer.
    private func component(_ tree: StudyTree, _ key: DottedKey) -> (kind: Component.Kind?, component: Component?) {
        let section = Self.isOfGroup(key) ? DottedKey("optimizer") : key.parent
        guard let kind = RunResolver.roles(of: tree).first(where: { $0.key == section })?.kind else {
            return (nil, nil)
        }
        let name = tree[section.appending("plugin")]?.string
        return (kind, name.flatMap { try? registry.component($0, kind: kind).1 })
    }
}
