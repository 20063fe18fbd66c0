import Engine
import Glibc
import Manifests
import Observing
import OrderedCollections
import PluginHost
import Protocols

/// Turns the tree of one setting into a configuration: finds the components, fills in defaults, resolves references, and checks
/// every value against the schema and the manifests.
struct RunResolver {
    let registry: Registry
    private let schema: Schema
    /// Where relative paths begin.
    let folder: String
    var tree: StudyTree
    private(set) var problems: [String] = []
    private(set) var entries: OrderedDictionary<DottedKey, Entry> = [:]

    struct Entry {
        var manifest: Manifest
        var component: Component
    }

    init(_ tree: StudyTree, registry: Registry, schema: Schema, folder: String) {
        (self.tree, self.registry, self.schema, self.folder) = (tree, registry, schema, folder)
    }

    /// The plugins that the configuration uses, by id.
    var plugins: [String: Manifest] {
        Dictionary((entries.values.map(\.manifest) + operations).map { ($0.id, $0) }) { first, _ in first }
    }

    /// The plugins of the activations and operations that graphs use, and of quantities.
    var operations: [Manifest] = []

    /// Probes whose quantities are fine, with the plugins of these; settings of a sweep hand it on, for most have the same probes.
    var checkedProbes: [Choice: [Manifest]] = [:]

    /// Paths of the files that options name.
    var files: OrderedSet<String> = []

    /// nil if there are problems.
    mutating func resolve() -> RunConfiguration? {
        for (key, kind) in Self.roles(of: tree) { chooseComponent(key, kind) }
        fillDefaults()
        resolveReferences()
        guard problems.isEmpty else { return nil }
        problems = tree.problems(schema)
        guard problems.isEmpty else { return nil }
        let configuration = configuration()
        return problems.isEmpty ? configuration : nil
    }

    /// The component sections of a study and the kinds they need, in the order of a configuration.
    static func roles(of tree: StudyTree) -> [(key: DottedKey, kind: Component.Kind)] {
        func keyed(_ section: DottedKey, _ kind: Component.Kind) -> [(DottedKey, Component.Kind)] {
            (tree[section]?.object?.keys.sorted() ?? []).map { (section.appending($0), kind) }
        }
        func one(_ section: String, _ kind: Component.Kind) -> [(DottedKey, Component.Kind)] {
            let key = DottedKey(section)
            return tree[key] == nil ? [] : [(key, kind)]
        }
        let initializers = (tree[DottedKey("initializers")]?.object?.keys ?? []).map {
            (DottedKey(["initializers", $0]), Component.Kind.initializer)
        }
        func schedules(_ section: DottedKey) -> [(DottedKey, Component.Kind)] {
            keyed(section.appending("schedules"), .schedule)
        }
        func updates(_ sections: [(DottedKey, Component.Kind)]) -> [(DottedKey, Component.Kind)] {
            sections.filter { tree[$0.0] != nil }.flatMap { [$0] + schedules($0.0) }
        }
        let datasets = tree[dataset] == nil ? [] : [dataset] + datasets(of: tree).dropFirst()
        return datasets.map { ($0, .dataset) } + one("procedure", .procedure) + one("sampler", .sampler)
            + one("model", .model) + keyed(DottedKey("models"), .model) + initializers
            + keyed(DottedKey("parametrizations"), .parametrization) + one("loss", .loss) + one("rule", .rule)
            + updates(keyed(DottedKey("regularizers"), .regularizer) + one("optimizer", .optimizer))
            + groups(of: tree).flatMap { schedules($0) + updates([($0.appending("optimizer"), .optimizer)]) }
            + keyed(DottedKey("probes"), .probe)
    }

    private static let componentSections = [
        "dataset", "procedure", "sampler", "model", "models", "initializers", "parametrizations", "loss", "rule",
        "regularizers",
        "optimizer", "groups", "probes",
    ]

    /// Every section whose keys have values: what can be swept and overridden.
    static func sections(of tree: StudyTree) -> [DottedKey] {
        roles(of: tree).map(\.key) + groups(of: tree) + [DottedKey("train"), DottedKey("record"), DottedKey("fork")]
            + (tree[DottedKey("stop")]?.object?.keys.map { DottedKey(["stop", $0]) } ?? [])
    }

    // MARK: - Components and defaults

    private mutating func chooseComponent(_ key: DottedKey, _ kind: Component.Kind) {
        let nameKey = key.appending("plugin")
        guard let section = tree[key]?.object, let name = section["plugin"]?.string else { return }
        let entry: Entry
        do throws(PluginError) {
            let (manifest, component) = try registry.component(name, kind: kind)
            entry = Entry(manifest: manifest, component: component)
        } catch {
            return add(tree.place(nameKey), "\(nameKey): \(error.sentence)")
        }
        entries[key] = entry
        for use in entry.component.uses { findOperation(use.name, at: nameKey) }
        checkSource(of: key, entry.component)
        let parameters = entry.component.parameters
        let own = entry.component.studyKeys
        for option in section.keys where !own.contains(option) && !parameters.contains(where: { $0.id == option }) {
            let known = own.dropFirst() + parameters.map(\.id)
            let nearest = Nearest.question(for: option, among: known)
            let has = known.isEmpty ? "no options" : known.joined(separator: ", ")
            let place = tree.keyPlace(key.appending(option))
            add(place, "unknown key '\(option)' in \(key)\(nearest) (\(entry.component.id) has: \(has))")
        }
        tree.resolve(nameKey, .string(entry.component.fullID))
        for parameter in parameters {
            if let value = parameter.defaultValue {
                fill(key.appending(parameter.id), value)
            } else if section[parameter.id] == nil {
                let help = parameter.help.map { ": \($0)" } ?? ""
                add(
                    tree.keyPlace(key),
                    "\(key): \(entry.component.id) needs '\(parameter.id)', \(parameter.type.words)\(help)")
            }
        }
    }

    private mutating func fillDefaults() {
        let train = DottedKey("train")
        if tree[train]?.object != nil {
            fill(train.appending("batch_size"), .string("full"))
            fill(train.appending("precision"), .string("f32"))
            fill(train.appending("threads"), .int(1))
            fill(train.appending("together"), .int(1))
            fill(train.appending("log_every"), .int(100))
        }
        let procedure = DottedKey("procedure")
        if tree[procedure]?.object != nil { fill(procedure.appending("threads"), .int(1)) }
        let probes = tree[DottedKey("probes")]?.object?.keys.map { DottedKey(["probes", $0]) } ?? []
        for key in probes + [DottedKey("record")] where tree[key]?.object != nil {
            fill(key.appending("at"), .string("last"))
            fill(key.appending("split"), .string("train"))
            if entries[key]?.component.scope == .runPair { fill(key.appending("pairs"), .int(45)) }
        }
    }

    private mutating func fill(_ key: DottedKey, _ value: JSON) {
        if tree[key] == nil { tree.set(key, value, .default) }
    }

    private mutating func resolveReferences() {
        var resolver = ReferenceResolver(tree)
        for section in Self.componentSections + ["train", "record", "stop", "fork"] {
            let key = DottedKey(section)
            guard let value = tree[key] else { continue }
            tree.resolve(key, resolver.value(value, at: key))
        }
        problems += resolver.problems
    }

    // MARK: - Typed values

    private mutating func configuration() -> RunConfiguration? {
        var choices: OrderedDictionary<DottedKey, Choice> = [:]
        for (key, entry) in entries { choices[key] = choice(key, entry) }
        checkSources()
        for key in Self.datasets(of: tree).dropFirst().reversed() {
            let source = choices[key]
            choices[key.parent]?.of = source.map { [$0] } ?? []
        }
        for (key, entry) in entries where entry.component.studyKeys.contains("schedules") {
            let schedules = schedules(of: key, for: entry.component, choices)
            choices[key]?.schedules = schedules
        }
        if let procedure = choices[DottedKey("procedure")] {
            checkData(of: DottedKey("procedure"))
            return RunConfiguration(
                dataset: choices[DottedKey("dataset")], training: nil, procedure: procedure,
                train: .init(
                    steps: 0, precision: .f64, threads: tree[DottedKey("procedure.threads")]?.int ?? 1, together: 1,
                    logEvery: 100),
                probes: [], record: nil, json: json())
        }
        checkPrecision()
        guard let train = train(), let dataset = choices[DottedKey("dataset")],
            let model = choices[DottedKey("model")],
            let loss = choices[DottedKey("loss")], let optimizer = choices[DottedKey("optimizer")]
        else { return nil }
        let regularizers = entries.filter { $0.value.component.kind == .regularizer }.keys.compactMap { key in
            choices[key].map {
                RunConfiguration.Regularizer(
                    key: key.last, choice: $0, parameters: ParameterPattern(tree[key.appending("parameters")]))
            }
        }
        let parametrizations = entries.filter { $0.value.component.kind == .parametrization }.keys.compactMap { key in
            choices[key].flatMap { choice in
                ParameterPattern(tree[key.appending("parameters")]).map {
                    RunConfiguration.Parametrization(key: key.last, choice: choice, parameters: $0)
                }
            }
        }
        let others = choices.filter { $0.key.parts[0] == "models" }.map {
            RunConfiguration.NamedModel(key: $0.key.last, choice: $0.value)
        }
        let initializers = entries.filter { $0.value.component.kind == .initializer }.keys.compactMap { key in
            choices[key].flatMap { choice in
                ParameterPattern(tree[key.appending("parameters")]).map {
                    RunConfiguration.Initializer(key: key.last, choice: choice, parameters: $0)
                }
            }
        }
        let groups = groups(choices)
        var probes: [RunConfiguration.ProbeChoice] = []
        for (key, choice) in choices where key.parts[0] == "probes" {
            guard let sighting = sighting(key, steps: train.steps) else { continue }
            if entries[key]?.component.scope == .run, sighting.layers != nil {
                let place = tree.keyPlace(key.appending("layers"))
                add(place, "\(key).layers: \(choice.component) measures the whole network, so it takes no layers")
            }
            checkQuantities(of: key, choice)
            let updates = updates(key, steps: train.steps)
            probes.append(
                .init(
                    key: key.last, choice: choice, sighting: sighting, updates: updates,
                    pairs: tree[key.appending("pairs")]?.int, bootstrap: tree[key.appending("bootstrap")]?.int,
                    cotangents: tree[key.appending("cotangents")]?.int))
        }
        let training = RunConfiguration.Training(
            sampler: choices[DottedKey("sampler")], model: model, others: others, initializers: initializers,
            parametrizations: parametrizations, loss: loss,
            rule: choices[DottedKey("rule")].map {
                .init(choice: $0, layers: tree[DottedKey("rule.layers")]?.array?.compactMap(\.string))
            },
            optimizer: optimizer, groups: groups,
            regularizers: regularizers, stops: stops())
        let configuration = RunConfiguration(
            dataset: dataset, training: training, train: train, probes: probes, record: record(steps: train.steps),
            checkpoints: checkpoints(steps: train.steps), fork: fork(steps: train.steps), json: json())
        problems += problems(ofStops: configuration)
        return configuration
    }

    private mutating func train() -> RunConfiguration.Train? {
        // An epoch of a sampler may have other rows.
        if tree[DottedKey("sampler")] == nil {
            checkRows(DottedKey("train.batch_size"), in: "train", remedy: "'full' takes all")
        }
        guard let train = tree[DottedKey("train")], let steps = train["steps"]?.int,
            let precision = train["precision"]?.string.flatMap(Precision.init),
            let threads = train["threads"]?.int, let together = train["together"]?.int,
            let logEvery = train["log_every"]?.int
        else { return nil }
        return .init(
            steps: steps, batchSize: train["batch_size"]?.int, precision: precision, threads: threads,
            together: together, logEvery: logEvery)
    }

    private mutating func record(steps: Int) -> RunConfiguration.Record? {
        let key = DottedKey("record")
        guard let record = tree[key], let sighting = sighting(key, steps: steps) else { return nil }
        let quantities = (record["quantities"]?.array ?? []).compactMap(\.string)
        var canonical: [String] = []
        for (index, text) in quantities.enumerated() {
            let place = tree.place(key.appending("quantities").appending("\(index)"))
            do throws(UnknownQuantity) {
                let expression = try QuantityExpression(text), resolved = try resolve(expression)
                if let split = expression.split { checkSplit(split, place, "record.quantities: '\(text)'") }
                if resolved.basics.contains(where: { $0.member != nil }) {
                    add(place, "record.quantities: '\(text)' is of pairs; arrays are of single layers")
                } else if resolved.scopes.isEmpty {
                    add(place, "record.quantities: '\(text)' mixes quantities of different scopes")
                }
                canonical.append(expression.definition == nil ? text : expression.description)
            } catch {
                add(place, "record.quantities: \(error.sentence)")
            }
        }
        return .init(quantities: canonical, sighting: sighting)
    }

    /// When the state of a probe goes on, if the study says it.
    private mutating func updates(_ key: DottedKey, steps total: Int) -> [Int]? {
        guard let value = tree[key.appending("update")], let schedule = Schedule(value) else { return nil }
        guard schedule.count(until: total) <= Schedule.most else {
            add(
                tree.place(key.appending("update")),
                "\(key).update: more than \(Schedule.most) updates of a state in a run")
            return nil
        }
        return schedule.steps(until: total)
    }

    private mutating func sighting(_ key: DottedKey, steps total: Int) -> RunConfiguration.Sighting? {
        let section = tree[key]
        guard let at = section?["at"], let schedule = Schedule(at), let split = section?["split"]?.string else {
            return nil
        }
        let count = schedule.count(until: total)
        guard count <= Schedule.most else {
            add(
                tree.place(key.appending("at")),
                "\(key).at: \(count) observations of a run are too many; at most \(Schedule.most) are expected")
            return nil
        }
        if case .steps(let steps) = schedule, let beyond = steps.last(where: { $0 > total }) {
            add(tree.place(key.appending("at")), "\(key).at: step \(beyond) lies beyond the last step, \(total)")
        }
        checkSplit(split, tree.place(key.appending("split")), "\(key).split")
        checkRows(key.appending("samples"), in: split, remedy: "without 'samples' all are taken")
        return .init(
            schedule: schedule, split: split, samples: section?["samples"]?.int,
            layers: section?["layers"]?.array?.compactMap(\.string), steps: schedule.steps(until: total))
    }

    private mutating func checkpoints(steps total: Int) -> [Int] {
        let key = DottedKey("checkpoints")
        guard let schedule = tree[key].flatMap(Schedule.init) else { return [] }
        guard schedule.count(until: total) <= 10_000 else {
            add(tree.place(key), "checkpoints: more than 10000 of a run")
            return []
        }
        if case .steps(let steps) = schedule, let beyond = steps.last(where: { $0 > total }) {
            add(tree.place(key), "checkpoints: step \(beyond) lies beyond the last step, \(total)")
        }
        return schedule.steps(until: total)
    }

    private mutating func fork(steps total: Int) -> Fork? {
        let key = DottedKey("fork")
        guard let fork = tree[key] else { return nil }
        guard let study = fork["study"]?.string, let step = fork["step"]?.int else {
            // Either may be swept, so the schema does not ask for them.
            let missing = ["study", "step"].filter { fork[$0] == nil }.map { "'\($0)'" }.joined(separator: " and ")
            add(tree.keyPlace(key), "fork: needs \(missing) too")
            return nil
        }
        if step >= total {
            add(tree.place(key.appending("step")), "fork.step: \(step) is not before the last step, \(total)")
        }
        let location = ComponentLoader.location(of: study, in: folder)
        if access(location + "/study.json", F_OK) != 0 {
            add(
                tree.place(key.appending("study")),
                "fork.study: no study.json in \(location); expected the folder that 'syzygy run' wrote")
        }
        return Fork(study: study, step: step, conditions: fork["where"]?.object ?? [:], run: fork["run"]?.string)
    }

    /// The configuration as a study, everything in one order.
    private func json() -> JSON {
        var root = JSON.object([:])
        func copy(_ section: DottedKey, _ names: [String], options: [ParameterDeclaration] = []) {
            func copy(_ key: DottedKey, _ value: JSON?) {
                if let value { root = StudyTree.setting(root, key.parts[...], value) }
            }
            for key in names.map(section.appending) {
                guard let value = tree[key] else { continue }
                switch key.last {
                case "at", "update": copy(key, Schedule(value)?.json)
                case "parameters": copy(key, ParameterPattern(value)?.json)
                default: copy(key, value)
                }
            }
            for key in options.map({ section.appending($0.id) }) { copy(key, tree[key]) }
        }
        let options = entries[DottedKey("optimizer")]?.component.parameters ?? []
        for section in Self.componentSections {
            if section == "groups" {
                for key in Self.groups(of: tree) { copy(key, ["parameters", "frozen"], options: options) }
            }
            for (key, entry) in entries where key.parts[0] == section {
                // Schedules and what a dataset is made of are entries themselves; how many pairs are measured does not change a run.
                let own = entry.component.studyKeys.filter { !["schedules", "of", "pairs"].contains($0) }
                copy(key, own, options: entry.component.parameters)
            }
        }
        copy(DottedKey("train"), ["steps", "batch_size", "precision", "threads", "together", "log_every"])
        copy(DottedKey("record"), ["quantities", "at", "samples", "split", "layers"])
        if let kept = tree[DottedKey("checkpoints")].flatMap(Schedule.init)?.json {
            root = StudyTree.setting(root, ["checkpoints"], kept)
        }
        copy(DottedKey("fork"), ["study", "step", "where", "run"])
        for key in tree[DottedKey("stop")]?.object?.keys.sorted() ?? [] {
            copy(DottedKey(["stop", key]), ["when", "layer", "below", "above", "within", "over", "every", "from"])
        }
        return root
    }

    mutating func add(_ place: String, _ sentence: String) { problems.append("\(place): \(sentence)") }
}

extension StudyTree {
    /// What the schema finds wrong, with the places of overrides and sweeps where values come from there.
    func problems(_ schema: Schema, skippingReferences: Bool = false) -> [String] {
        var document = document
        document.root = root
        let own = schema.problems(in: document) + document.problemsOfSections()
        return own.compactMap { problem in
            let key = DottedKey(Pointer.tokens(problem.pointer))
            if skippingReferences, ReferenceResolver.isReference(self[key]) { return nil }
            switch origin(key) {
            case .override, .sweep: return "\(place(key)): \(problem.sentence)"
            case .default, .file: return problem.description
            }
        }
    }
}

extension Document {
    /// A study trains a network or follows a procedure; it has the sections of one of them.
    fileprivate func problemsOfSections() -> [Problem] {
        let sections = root.object ?? [:]
        guard sections["procedure"] != nil else {
            let needed = ["dataset", "model", "loss", "optimizer", "train"]
            return needed.filter { sections[$0] == nil }.map {
                problem(at: "", "missing key '\($0)' at the top level")
            }
        }
        let own = ["study", "title", "dataset", "procedure", "sweep", "seeds", "claims", "figures"]
        return sections.keys.filter { !own.contains($0) && !$0.hasPrefix("x-") }.map {
            problem(
                at: "/\($0)", key: true, "'\($0)' is for studies that train a network; this one follows a procedure")
        }
    }
}
