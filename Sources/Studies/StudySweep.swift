import Manifests
import OrderedCollections
import PluginHost

/// What a study sweeps: the axes of the file as the command line has changed them, and points to add and to leave out.
struct StudySweep {
    /// Axes that advance together have a dimension; the last one runs fastest.
    private(set) var dimensions: [[SweepAxis]] = []
    private(set) var excluded: [[SweepCondition]] = []
    private(set) var included: [[SweepCondition]] = []
    /// Keys of the file's axes to which the command line gives one value.
    private(set) var fixed: [DottedKey: JSON] = [:]
    /// The command line has changed an axis of the file, so points may coincide that did not.
    private(set) var isChanged = false
    /// The values of the file by key, which `when` and `exclude` may still say.
    private(set) var written: [DottedKey: [SweepAxis.Value]] = [:]
    /// Values of the command line for keys within sections that have alternatives.
    private(set) var inside: [Override] = []
    /// Sections that the study has in its alternatives only.
    private(set) var missing: Set<DottedKey> = []
    var problems: [String] = []
    private let registry: Registry

    var axes: [SweepAxis] { dimensions.flatMap { $0 } }

    /// All keys that points may set, those of further points last.
    var keys: [String] {
        let further = included.flatMap { $0.map(\.key) }.filter { fixed[$0] == nil }
        return OrderedSet(axes.map(\.key.description) + further.map(\.description)).elements
    }

    func place(of key: DottedKey) -> String? { axes.first { $0.key == key }?.place }

    /// Reads the sweep of the file and applies the command line to it and to the tree.
    init(_ tree: inout StudyTree, _ overrides: [Override], _ registry: Registry) throws(StudyError) {
        self.registry = registry
        let alternatives = Self.alternatives(in: tree)
        // A section that stands in alternatives only is checked, and its options are found, as the first of them.
        for (key, part) in alternatives where tree[key] == nil && OptionTypes.sections.contains(key.description) {
            tree.set(key, part.json, .sweep(part.place, key: part.keyPlace), from: part.source)
            missing.insert(key)
        }
        readFile(tree)
        // A new section begins with its plugin or parameters, wherever they stand on the command line.
        let begins = overrides.filter(\.beginsSection).sorted { $0.key.parts.count < $1.key.parts.count }
        for override in begins + overrides.filter({ !$0.beginsSection }) { try apply(override, to: &tree) }
        // A mistake in an axis is one mistake, not a second one about the key that then has none.
        if problems.isEmpty { check(tree) }
        func settled(_ condition: SweepCondition) -> SweepCondition {
            var condition = condition
            condition.allowed = Set(condition.candidates(written[condition.key] ?? []).map(\.meaning))
            return condition
        }
        excluded = excluded.map { $0.map(settled) }
        for i in dimensions.indices {
            for j in dimensions[i].indices {
                dimensions[i][j].conditions = dimensions[i][j].conditions.map(settled)
            }
        }
    }

    func types(_ tree: StudyTree) -> OptionTypes {
        OptionTypes(
            tree, registry,
            alternatives: axes.filter(\.hasNames).flatMap { axis in axis.values.map { (axis.key, $0.json) } })
    }

    /// All alternatives of the file, before its axes can be read.
    private static func alternatives(in tree: StudyTree) -> [(key: DottedKey, part: SweepPart)] {
        let sweep = SweepPart(tree, DottedKey("sweep"))
        let zipped = sweep["zip"]?.children.flatMap(\.part.children) ?? []
        return (sweep.children + zipped).flatMap { name, part in
            (part["alternatives"]?.json.object == nil ? [] : part["alternatives"]?.children ?? []).map {
                (DottedKey(name), $0.part)
            }
        }
    }

    // MARK: - The file

    private mutating func readFile(_ tree: StudyTree) {
        let alternatives = Self.alternatives(in: tree).map { ($0.key, $0.part.json) }
        var grammar = SweepGrammar(isInteger: OptionTypes(tree, registry, alternatives: alternatives).isInteger)
        var places: [DottedKey: String] = [:]
        func read(_ name: String, _ part: SweepPart) -> SweepAxis? {
            let key = DottedKey(name)
            if let first = places.updateValue(part.keyPlace, forKey: key) {
                grammar.add(part.keyPlace, "\(key) is swept already (\(first)); a key has one axis")
                return nil
            }
            return grammar.axis(key, part)
        }
        for (name, part) in SweepPart(tree, DottedKey("sweep")).children {
            switch name {
            case "zip":
                for (_, zip) in part.children {
                    let axes = zip.children.compactMap { read($0.name, $0.part) }
                    if axes.count == zip.children.count, !axes.isEmpty {
                        dimensions.append(axes)
                        grammar.checkRepetitions(axes)
                    }
                }
            case "exclude": excluded = part.children.map { grammar.conditions($0.part) }
            case "include": included = part.children.map { grammar.conditions($0.part) }
            default:
                guard let axis = read(name, part) else { continue }
                dimensions.append([axis])
                grammar.checkRepetitions([axis])
            }
        }
        problems += grammar.problems
        for axis in axes { written[axis.key] = axis.values }
    }

    // MARK: - The command line

    /// A list given to an option that is not a list, or an axis as in the file, sweeps it; a name or a list of names chooses among
    /// alternatives; any other value takes the key out of the sweep.
    private mutating func apply(_ override: Override, to tree: inout StudyTree) throws(StudyError) {
        let key = override.key, value = override.value, types = types(tree)
        try tree.check(override)
        let position = dimensions.firstIndex { $0.contains { $0.key == key } }
        if position != nil { isChanged = true }
        if let axis = axes.first(where: { $0.key == key }), axis.hasNames, let names = Self.names(value) {
            return try choose(names, of: axis, override, &tree)
        }
        if SweepGrammar.isAxis(value)
            || key.parts.count > 1 && value.array != nil
                && (!types.isList(key) || value.array?.contains { $0.array != nil } == true)
        {
            guard value.array?.isEmpty != true else {
                throw StudyError("override '\(override.words)': an empty list of values")
            }
            var grammar = SweepGrammar(isInteger: types.isInteger)
            var axis = grammar.axis(key, SweepPart(override))
            if let axis { grammar.checkRepetitions([axis]) }
            problems += grammar.problems
            // The condition of the file goes on to hold.
            if let old = axes.first(where: { $0.key == key }), axis?.conditions.isEmpty == true {
                axis?.conditions = old.conditions
            }
            if let axis { replace(axis) }
            return
        }
        if let position {
            dimensions[position].removeAll { $0.key == key }
            if dimensions[position].isEmpty { dimensions.remove(at: position) }
        }
        if position != nil || included.contains(where: { $0.contains { $0.key == key } }) { fixed[key] = value }
        missing.remove(key)
        tree.set(key, value, .override(override.words))
        if axes.contains(where: { $0.hasNames && $0.key != key && key.parts.starts(with: $0.key.parts) }) {
            inside.append(override)
        }
    }

    private static func names(_ value: JSON) -> [String]? {
        if let name = value.string { return [name] }
        guard let items = value.array, !items.isEmpty else { return nil }
        let names = items.compactMap(\.string)
        return names.count == items.count ? names : nil
    }

    private mutating func choose(
        _ names: [String], of axis: SweepAxis, _ override: Override, _ tree: inout StudyTree
    ) throws(StudyError) {
        var axis = axis
        var chosen: [SweepAxis.Value] = []
        for name in names {
            guard let value = axis.values.first(where: { $0.name == name }) else {
                let hint = Nearest.hint(for: name, among: axis.values.compactMap(\.name))
                throw StudyError("override '\(override.words)': \(axis.key) has no alternative '\(name)'\(hint)")
            }
            chosen.append(value)
        }
        axis.values = chosen
        guard override.value.string != nil else { return replace(axis) }
        for index in dimensions.indices { dimensions[index].removeAll { $0.key == axis.key } }
        dimensions.removeAll(where: \.isEmpty)
        fixed[axis.key] = .string(names[0])
        missing.remove(axis.key)
        tree.set(axis.key, chosen[0].json, .override(override.words), from: chosen[0].source)
        for other in inside where other.key.parts.starts(with: axis.key.parts) {
            tree.set(other.key, other.value, .override(other.words))
        }
    }

    /// In its old place, so that names of runs stay; a new axis runs fastest.
    private mutating func replace(_ axis: SweepAxis) {
        for index in dimensions.indices {
            guard let position = dimensions[index].firstIndex(where: { $0.key == axis.key }) else { continue }
            dimensions[index][position] = axis
            return
        }
        dimensions.append([axis])
    }
}
