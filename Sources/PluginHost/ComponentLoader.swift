import CSyzygy
import Engine
import Foundation
import LinearAlgebra
import Manifests
import OrderedCollections
import Protocols

/// Opens the libraries of chosen components and makes them play their roles.
package final class ComponentLoader {
    let registry: Registry
    private let seed: UInt64
    private let steps: Int
    private let dataFolder: String
    /// Gets a sentence about something that a record has no column for, such as the words of a failing probe.
    let note: (String) -> Void
    private let isolation: Isolation
    private var sandboxes: [String: Sandbox] = [:]
    private let hasCanaries: Bool
    private var libraries: [String: Library] = [:]
    /// Quantities of plugins, by expression.
    var definitions: [String: any DefinedQuantity] = [:]
    /// What the plugins must be, by id: as they were when the run was planned.
    private let expected: [String: PluginDigests]
    /// Gets the libraries that were loaded for a plugin.
    private let opened: ((LoadedFile) -> Void)?

    /// - Parameters:
    ///   - steps: the number of updates of the run, for schedules.
    ///   - dataFolder: where relative paths of options begin: the folder of the study file.
    ///   - isolation: which components run in processes of their own.
    ///   - hasCanaries: whether calls get further arguments behind those of the manifest, as validation wants it.
    ///   - expected: what plugins must be; those that are not among them may be anything.
    ///   - opened: gets the libraries that were loaded, of this process and others.
    package init(
        registry: Registry, seed: UInt64, steps: Int = 0, dataFolder: String = ".",
        isolation: Isolation = Isolation(), hasCanaries: Bool = false,
        expected: [PluginDigests] = [], note: @escaping (String) -> Void = { _ in },
        opened: ((LoadedFile) -> Void)? = nil
    ) {
        self.registry = registry
        self.seed = seed
        self.steps = steps
        self.dataFolder = dataFolder
        self.isolation = isolation
        self.hasCanaries = hasCanaries
        self.expected = Dictionary(expected.map { ($0.id, $0) }) { first, _ in first }
        self.opened = opened
        self.note = note
    }

    /// The components that run in a process of their own, if the registry has such.
    func isolated(
        _ choice: Choice, _ kind: Component.Kind, key: String? = nil
    ) throws(PluginError) -> IsolatedComponent? {
        let (manifest, component) = try registry.component(choice.component, kind: kind)
        guard isolation.isolates(manifest, kind) else { return nil }
        let process = "\(manifest.folder) \(Isolation.process(of: kind))"
        let sandbox = sandboxes[process] ?? Sandbox(folder: manifest.folder, isolation)
        sandboxes[process] = sandbox
        let opening = Opening(
            kind: kind, component: component.fullID, options: component.options(choice.options), seed: seed,
            steps: steps, dataFolder: dataFolder, key: key, expected: expected[manifest.id])
        let keep = { [folder = manifest.folder, isolation] opening, what, record in
            isolation.failures.flatMap { Replay.write(opening, folder: folder, what: what, record, to: $0) }
        }
        return IsolatedComponent(
            component, opening, sandbox: sandbox, keep: keep,
            opened: { [weak self] in self?.report($0, of: manifest.id) }, note: note)
    }

    /// Hands on what was loaded, and says what its start-up code did.
    private func report(_ files: [LoadedFile], of plugin: String) {
        for var file in files {
            file.plugin = plugin
            file.path = URL(fileURLWithPath: file.path).path
            opened?(file)
            if file.changesFloatMode {
                note(
                    "plugin \(plugin): loading \(file.path) changed the floating-point mode (flush-to-zero), which was "
                        + "restored; link it without -ffast-math and -Ofast")
            }
        }
    }

    /// - Parameter source: what it is made of, in place of what the choice says.
    package func dataset(_ choice: Choice, of source: (any Dataset)? = nil) throws -> any Dataset {
        if let source = try source ?? choice.of.first.map({ try dataset($0) }) {
            return try PluginDataset(component(choice, .dataset, key: choice.streams), of: source)
        }
        if let isolated = try isolated(choice, .dataset) { return try IsolatedDataset(isolated) }
        return try PluginDataset(try component(choice, .dataset))
    }

    package func model(_ choice: Choice) throws -> any Model {
        PluginModel(try component(choice, .model))
    }

    package func sampler(_ choice: Choice) throws -> any Sampler { PluginSampler(try component(choice, .sampler)) }

    /// - Parameter key: the key in the study, which names the random streams; by default the component does.
    package func initializer(_ choice: Choice, key: String? = nil) throws -> any ParameterInitializer {
        PluginInitializer(try component(choice, .initializer, key: key))
    }

    package func parametrization(_ choice: Choice) throws -> any Parametrization {
        PluginParametrization(try component(choice, .parametrization))
    }

    package func loss(_ choice: Choice) throws -> any Loss {
        PluginLoss(try component(choice, .loss))
    }

    /// - Parameter key: the key in the study, which names the random streams; by default the component does.
    package func regularizer(_ choice: Choice, key: String? = nil) throws -> any Regularizer {
        if let isolated = try isolated(choice, .regularizer, key: key) {
            return try IsolatedRegularizer(isolated, try schedules(choice))
        }
        return PluginUpdate(try component(choice, .regularizer, key: key), choice, try schedules(choice))
    }

    /// - Parameter key: as of a regularizer.
    package func optimizer(_ choice: Choice, key: String? = nil) throws -> any Optimizer {
        PluginUpdate(try component(choice, .optimizer, key: key), choice, try schedules(choice))
    }

    package func schedule(_ choice: Choice) throws -> PluginSchedule {
        try PluginSchedule(try component(choice, .schedule))
    }

    private func schedules(_ choice: Choice) throws -> [String: PluginSchedule] {
        try choice.schedules.mapValues(schedule)
    }

    package func probe(_ choice: Choice) throws -> any Probe {
        if let isolated = try isolated(choice, .probe) { return try IsolatedProbe(isolated, note: note) }
        return try PluginProbe(try component(choice, .probe), note: note)
    }

    /// The function of a component that runs no engine: for tests and examples.
    func component(
        _ choice: Choice, _ kind: Component.Kind, key: String? = nil
    ) throws(PluginError) -> LoadedComponent {
        let (manifest, component) = try registry.component(choice.component, kind: kind)
        let code: LoadedComponent.Code
        if let isolated = try isolated(choice, kind, key: key) {
            do { try isolated.open() } catch { throw isolated.fatal(error) }
            code = .elsewhere(isolated)
        } else {
            code = .here(try library(of: manifest))
        }
        let context = CallContext(
            component, options: choice.options, seed: seed, scope: key, steps: steps, folder: manifest.folder,
            dataFolder: dataFolder, expected: expected[manifest.id])
        context.hasCanaries = hasCanaries
        return LoadedComponent(component: component, code: code, loader: self, context: context)
    }

    /// The file that the value of an option means.
    package static func location(of path: String, in dataFolder: String) -> String {
        path.hasPrefix("/") ? path : "\(dataFolder)/\(path)"
    }

    private func library(of manifest: Manifest) throws(PluginError) -> Library {
        if let open = libraries[manifest.id] { return open }
        let expected = expected[manifest.id]
        let digest = SHA256.hex(of: manifest.document.json)
        if let expected, expected.manifestDigest != digest {
            throw PluginError(
                "\(manifest.folder)/plugin.json",
                "changed since the run was planned: expected SHA-256 \(expected.manifestDigest), found \(digest)")
        }
        let library: Library =
            switch manifest.library {
            case .system(let name): try Library(system: name, expected: expected?.libraryDigest)
            case .named(let name):
                try Library(path: Self.path(of: name, folder: manifest.folder), expected: expected?.libraryDigest)
            }
        libraries[manifest.id] = library
        if opened != nil || library.changesFloatMode { report(library.loaded, of: manifest.id) }
        return library
    }

    /// `lib<name>.so` in the plugin's folder, else beside the executable, where first-party plugins are built.
    /// - Parameter executable: by default this one.
    package static func path(
        of name: String, folder: String, beside executable: String? = Installation.executable
    ) throws(PluginError) -> String {
        let file = "lib\(name).so"
        let places = [folder, ((executable ?? "") as NSString).deletingLastPathComponent]
        for place in places where FileManager.default.fileExists(atPath: "\(place)/\(file)") {
            return "\(place)/\(file)"
        }
        throw PluginError(
            "\(folder)/plugin.json",
            "library '\(file)' not found in \(places.joined(separator: " or ")); was the plugin built?")
    }

    /// The plugin's own library; nil if it binds one of the system.
    package static func libraryPath(
        of manifest: Manifest, beside executable: String? = Installation.executable
    ) throws -> String? {
        guard case .named(let name) = manifest.library else { return nil }
        return try path(of: name, folder: manifest.folder, beside: executable)
    }
}

/// A component with its opened library and what its calls share.
struct LoadedComponent {
    /// Where its functions are.
    enum Code {
        case here(Library)
        case elsewhere(IsolatedComponent)
    }

    let component: Component
    let code: Code
    let loader: ComponentLoader
    let context: CallContext

    /// The same with a context of its own, for what stays attached while others are.
    func apart() -> LoadedComponent {
        let own = CallContext(
            component, options: context.options, seed: context.seed, scope: context.scope, steps: context.steps,
            folder: context.folder, dataFolder: context.dataFolder)
        own.hasCanaries = context.hasCanaries
        return LoadedComponent(component: component, code: code, loader: loader, context: own)
    }

    func frame(_ function: Function? = nil, _ precision: Precision = .f64) throws(PluginError) -> CallFrame {
        let function = function ?? component.call
        guard let symbol = function.symbols[precision] else {
            let known = function.symbols.keys.map(\.rawValue).sorted().joined(separator: ", ")
            throw PluginError(context.place, "has no function for \(precision.rawValue) (it has \(known))")
        }
        guard case .here(let library) = code else {
            throw PluginError(context.place, "runs in a process of its own, and cannot be called in this one")
        }
        return try CallFrame(function, address: try library.symbol(symbol), precision: precision, context: context)
    }

    /// Turns a status into an error.
    func check(_ status: Int32, _ frame: CallFrame) throws(PluginError) {
        if status != 0 { throw error(status, frame.text) }
    }

    func error(_ status: Int32, _ text: String) -> PluginError {
        if status == CallFrame.changedFloatMode {
            return PluginError(
                context.place,
                "changed the floating-point mode (rounding or flush-to-zero); it must leave it as it finds it")
        }
        let names = [
            SYZYGY_CANCELLED: "cancelled", SYZYGY_INVALID: "invalid arguments", SYZYGY_UNSUPPORTED: "unsupported",
            SYZYGY_UNDEFINED: "undefined", SYZYGY_NO_MEMORY: "out of memory", SYZYGY_IO: "input/output error",
            SYZYGY_INTERNAL: "internal error",
        ]
        return PluginError(
            context.place, "failed (\(names[Int(status)] ?? "status \(status)"))" + (text.isEmpty ? "" : ": \(text)"))
    }
}

extension Choice {
    /// Names the random streams of a dataset made of one with the same component, which must not share them; nil: the component does.
    fileprivate var streams: String? {
        var count = 1, next = of.first
        while let choice = next {
            if choice.component == component { count += 1 }
            next = choice.of.first
        }
        return count == 1 ? nil : "\(component) \(count)"
    }
}
