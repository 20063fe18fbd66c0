import Manifests
import OrderedCollections
import PluginHost

/// Turns the points of a sweep into settings: configurations with what tables say of them.
struct SettingResolver {
    struct Setting {
        var swept: OrderedDictionary<String, JSON>
        var resolver: RunResolver
        var configuration: RunConfiguration
    }

    let tree: StudyTree
    let sweep: StudySweep
    let registry: Registry
    let schema: Schema
    let folder: String

    /// Sections that no study can be without.
    private static let required = ["dataset", "procedure", "model", "loss", "optimizer", "train"]

    /// Points with one configuration are one setting.
    func settings(_ points: [SweepPoint]) throws(StudyError) -> [Setting] {
        var problems: OrderedSet<String> = []
        var settings: [Setting] = []
        var known: [JSON: Int] = [:]
        var checkedProbes: [Choice: [Manifest]] = [:]
        var base = tree
        for section in ["sweep", "seeds", "claims", "figures"] { base.set(DottedKey(section), nil, .file) }
        for point in points {
            let lacking = sweep.missing.filter { point.values[$0] == nil }
            if let section = lacking.first(where: { Self.required.contains($0.last) }) {
                let place = point.place ?? sweep.place(of: section) ?? tree.place(section)
                problems.append(
                    "\(place): the point needs one of the alternatives of \(section): the study has no other")
                continue
            }
            var resolver = RunResolver(
                setting(point, without: lacking, base), registry: registry, schema: schema, folder: folder)
            resolver.checkedProbes = checkedProbes
            let configuration = resolver.resolve()
            checkedProbes = resolver.checkedProbes
            problems.formUnion(resolver.problems)
            guard let configuration else { continue }
            let setting = Setting(
                swept: swept(point, resolver), resolver: resolver, configuration: configuration)
            if let first = known[configuration.json] {
                if let place = point.place, !sweep.isChanged {
                    problems.append(
                        "\(place): the sweep has this point already (\(Self.words(settings[first].swept)))")
                }
                continue
            }
            known[configuration.json] = settings.count
            settings.append(setting)
        }
        guard problems.isEmpty else { throw StudyError(lines: problems.elements) }
        return settings
    }

    /// Sections first, then what the command line and the sweep change inside them.
    private func setting(_ point: SweepPoint, without lacking: Set<DottedKey>, _ base: StudyTree) -> StudyTree {
        var tree = base
        for section in lacking { tree.set(section, nil, .file) }
        let order = point.values.sorted { $0.key.parts.count < $1.key.parts.count }
        for (key, value) in order {
            let place = value.place
            tree.set(key, value.json, .sweep(place, key: sweep.place(of: key) ?? place), from: value.source)
            guard value.name != nil else { continue }
            for override in sweep.inside where override.key.parts.starts(with: key.parts) {
                tree.set(override.key, override.value, .override(override.words))
            }
        }
        return tree
    }

    /// The swept values of a point in the order of the axes; a further point also says what it has for keys that others sweep.
    private func swept(_ point: SweepPoint, _ resolver: RunResolver) -> OrderedDictionary<String, JSON> {
        var swept: OrderedDictionary<String, JSON> = [:]
        for axis in sweep.axes {
            if let value = point.values[axis.key] {
                swept[axis.key.description] = value.name.map(JSON.string) ?? resolver.tree[axis.key]
            } else if point.place != nil, !axis.hasNames,
                sweep.holds(axis.conditions, { point.values[$0]?.shown ?? resolver.tree[$0] })
            {
                swept[axis.key.description] = resolver.tree[axis.key]
            }
        }
        for (key, value) in point.values where swept[key.description] == nil {
            swept[key.description] = value.name.map(JSON.string) ?? resolver.tree[key]
        }
        return swept
    }

    private static func words(_ swept: OrderedDictionary<String, JSON>) -> String {
        swept.isEmpty ? "the study itself" : swept.map { "\($0): \($1.text(pretty: false))" }.joined(separator: ", ")
    }
}

/// The keys that `where` of claims and figures may name: those that are swept and those of the configurations.
struct ConfigurationKeys {
    let swept: [String]
    /// Settings may have different ones.
    let all: OrderedSet<String>

    init(swept: [String], _ configurations: [RunConfiguration]) {
        self.swept = swept
        var all = OrderedSet(swept)
        var shapes: Set<[String]> = []
        for configuration in configurations {
            // Many settings differ in numbers only.
            let keys = DottedKey([String]()).leaves(configuration.json).map(\.description)
            if shapes.insert(keys).inserted { all.formUnion(keys) }
        }
        self.all = all
    }
}
