import Foundation
import Manifests
import OrderedCollections
import PluginHost

/// Reads studies and turns them into plans; runs no plugin code.
package struct StudyPlanner: Sendable {
    let registry: Registry
    private let schema: Schema

    /// `schema` is `Schemas/study.schema.json`.
    package init(registry: Registry, schema: Schema) {
        self.registry = registry
        self.schema = schema
    }

    package init(registry: Registry) throws {
        self.init(registry: registry, schema: try Installation.schema("study.schema.json"))
    }

    /// The runs of a study file with the changes of the command line. Throws one line for each mistake.
    package func plan(file: String, overrides: [String] = []) throws(StudyError) -> StudyPlan {
        let folder = URL(fileURLWithPath: file).deletingLastPathComponent().standardizedFileURL.path
        return try plan(try YAMLDocument.read(file: file), overrides: overrides, folder: folder)
    }

    /// `folder` is where relative paths of data files begin.
    package func plan(
        _ document: Document, overrides: [String] = [], folder: String = "."
    ) throws(StudyError) -> StudyPlan {
        var tree = StudyTree(document)
        var parsed: [Override] = []
        for words in overrides { parsed.append(try Override(words)) }
        let sweep = try StudySweep(&tree, parsed, registry)
        // Values with references are checked per run, when they are known.
        let early = tree.problems(schema, skippingReferences: true)
        guard early.isEmpty else { throw StudyError(lines: early) }
        guard sweep.problems.isEmpty else { throw StudyError(lines: sweep.problems) }
        let seeds = try seeds(tree)
        let points = try sweep.points(seeds: seeds.count)
        let settings = try SettingResolver(
            tree: tree, sweep: sweep, registry: registry, schema: schema, folder: folder
        ).settings(points)

        var problems: OrderedSet<String> = []
        var figures: [Figure] = []
        var declarations: OrderedDictionary<String, JSON> = [:]
        let swept = Self.values(of: sweep.keys, in: settings.map(\.swept))
        if let first = settings.first?.configuration {
            let configurations = settings.map(\.configuration)
            let keys = ConfigurationKeys(swept: swept.keys.elements, configurations)
            let outputs = StudyOutputs(configurations, registry)
            problems.formUnion(ClaimCheck(tree: tree, keys: keys, outputs: outputs).problems())
            let check = FigureCheck(tree: tree, configuration: first, keys: keys, outputs: outputs)
            problems.formUnion(check.problems())
            figures = check.figures()
            declarations = check.declarations(of: figures)
        }
        guard problems.isEmpty else { throw StudyError(lines: problems.elements) }
        let names = SweepNames(swept.keys)
        var digests: [String: PluginDigests] = [:]
        var known: [String: DataFile] = [:]
        var sources = ForkSources(folder: folder)
        var runs: [PlannedRun] = []
        for setting in settings {
            let plugins = try plugins(of: setting.resolver, &digests)
            let files = try files(of: setting.resolver, in: folder, &known)
            for seed in seeds {
                runs.append(
                    try run(
                        setting.configuration, setting.resolver, plugins, files, folder, setting.swept, seed: seed,
                        names,
                        &sources))
            }
        }
        return StudyPlan(
            name: tree[DottedKey("study")]?.string ?? "", title: tree[DottedKey("title")]?.string ?? "",
            axes: swept, seeds: seeds,
            claims: tree[DottedKey("claims")] ?? .array([]), figures: figures, outputs: declarations, runs: runs)
    }

    /// The runs of records (with their files), resolved again; they must mean what they meant when they were planned.
    package func runs(of records: [(record: RunRecord, file: String)]) throws(StudyError) -> [PlannedRun] {
        var digests: [String: PluginDigests] = [:]
        var files: [String: DataFile] = [:]
        // Many records differ in their seed only.
        var resolved: [JSON: Resolved] = [:]
        var runs: [PlannedRun] = []
        for (record, file) in records {
            let known: Resolved
            if let earlier = resolved[record.configuration] {
                known = earlier
            } else {
                known = try resolve(record, file, &digests, &files)
            }
            resolved[record.configuration] = known
            var sources = ForkSources(folder: record.folder)
            let run = try run(
                known.configuration, known.resolver, known.plugins, known.files, record.folder, record.swept,
                seed: record.seed, SweepNames(record.swept.keys), &sources)
            for (planned, found) in zip(record.plugins, run.plugins) where planned != found {
                let what = found.differences(from: planned).joined(separator: "; ")
                throw StudyError(
                    "plugin \(planned.id) changed since the run was planned (\(what)); start the study again")
            }
            for (planned, found) in zip(record.files, run.files) where planned != found {
                throw StudyError(
                    "data file '\(planned.path)' changed since the run was planned; start the study again")
            }
            guard run.identity == record.identity else {
                throw StudyError(
                    "\(file): the identity does not match configuration, seed and plugins; start the study again")
            }
            runs.append(run)
        }
        return runs
    }

    private struct Resolved {
        var configuration: RunConfiguration
        var resolver: RunResolver
        var plugins: [PluginDigests]
        var files: [DataFile]
    }

    private func resolve(
        _ record: RunRecord, _ file: String, _ digests: inout [String: PluginDigests],
        _ known: inout [String: DataFile]
    ) throws(StudyError) -> Resolved {
        var study = record.configuration.object ?? [:]
        study["study"] = .string(record.study)
        var resolver = RunResolver(
            StudyTree(Document(file: file, root: .object(study))), registry: registry, schema: schema,
            folder: record.folder)
        guard let configuration = resolver.resolve() else { throw StudyError(lines: resolver.problems) }
        return Resolved(
            configuration: configuration, resolver: resolver, plugins: try plugins(of: resolver, &digests),
            files: try files(of: resolver, in: record.folder, &known))
    }

    // MARK: - Parts

    /// The plugins of a setting with the digests of their files, each file read once.
    private func plugins(
        of resolver: RunResolver, _ digests: inout [String: PluginDigests]
    ) throws(StudyError) -> [PluginDigests] {
        var plugins: [PluginDigests] = []
        for (id, manifest) in resolver.plugins.sorted(by: { $0.key < $1.key }) {
            if digests[id] == nil {
                do {
                    digests[id] = try ComponentLoader.digests(of: manifest)
                } catch {
                    throw StudyError("\(error)")
                }
            }
            if let plugin = digests[id] { plugins.append(plugin) }
        }
        return plugins
    }

    /// The data files of a setting, in the order of their paths, each read once.
    private func files(
        of resolver: RunResolver, in folder: String, _ known: inout [String: DataFile]
    ) throws(StudyError) -> [DataFile] {
        var files: [DataFile] = []
        for path in resolver.files.sorted() {
            do {
                let location = ComponentLoader.location(of: path, in: folder)
                let file = try known[path] ?? DataFile(path: path, location: location)
                known[path] = file
                files.append(file)
            } catch {
                throw StudyError("\(error)")
            }
        }
        return files
    }

    private func run(
        _ configuration: RunConfiguration, _ resolver: RunResolver, _ plugins: [PluginDigests],
        _ files: [DataFile], _ folder: String,
        _ swept: OrderedDictionary<String, JSON>, seed: Int, _ names: SweepNames, _ sources: inout ForkSources
    ) throws(StudyError) -> PlannedRun {
        var (configuration, files) = (configuration, files)
        if let fork = configuration.fork {
            let name = try sources.find(fork, for: configuration.json, seed: seed)
            configuration.fork?.run = name
            configuration.json = StudyTree.setting(configuration.json, ["fork", "run"], .string(name))
            files.append(try sources.file(fork, run: name))
        }
        let identity = Identity.of(
            configuration: configuration.json, seed: seed, plugins: plugins, files: files)
        var origins: OrderedDictionary<String, Origin> = [:]
        for (section, value) in configuration.json.object ?? [:] {
            for key in DottedKey(section).leaves(value) { origins[key.description] = resolver.tree.origin(key) }
        }
        return PlannedRun(
            name: names.folder(identity, swept, seed: seed), identity: identity, swept: swept, seed: seed,
            configuration: configuration, origins: origins, plugins: plugins,
            files: files, folder: folder, label: names.label(swept, seed: seed))
    }

    /// The distinct values of each swept key as the runs have them: `1e-3` of a float is 0.001. Keys that no run sweeps are none.
    private static func values(
        of keys: [String], in settings: [OrderedDictionary<String, JSON>]
    ) -> OrderedDictionary<String, [JSON]> {
        OrderedDictionary(
            uniqueKeysWithValues: keys.compactMap { key in
                let values = OrderedSet(settings.lazy.compactMap { $0[key] }).elements
                return values.isEmpty ? nil : (key, values)
            })
    }

    private func seeds(_ tree: StudyTree) throws(StudyError) -> [Int] {
        let key = DottedKey("seeds")
        let seeds: [Int]
        switch tree[key] {
        case nil: return [0]
        case .string(let range)?:
            let ends = range.split(separator: ".").compactMap { Int($0) }
            guard ends.count == 2, ends[0] <= ends[1] else {
                throw StudyError("\(tree.place(key)): seeds '\(range)' is not a range from low to high, such as 0..4")
            }
            guard ends[1] - ends[0] < 100_000 else {
                throw StudyError(
                    "\(tree.place(key)): seeds '\(range)' are more than the 100000 runs that are planned at once")
            }
            seeds = Array(ends[0]...ends[1])
        case .array(let items)?: seeds = items.compactMap(\.int)
        case let one?: seeds = one.int.map { [$0] } ?? []
        }
        if let twice = seeds.enumerated().first(where: { seeds[..<$0.offset].contains($0.element) }) {
            throw StudyError("\(tree.place(key.appending("\(twice.offset)"))): seed \(twice.element) appears twice")
        }
        return seeds
    }
}

extension DottedKey {
    /// The keys of all values below, objects that are values themselves (`at`) not taken apart.
    package func leaves(_ json: JSON) -> [DottedKey] {
        guard !["at", "update", "parameters"].contains(last), let members = json.object else { return [self] }
        return members.flatMap { appending($0.key).leaves($0.value) }
    }
}
