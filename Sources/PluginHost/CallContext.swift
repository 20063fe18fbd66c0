import ArrayFiles
import CSyzygy
import Foundation
import Manifests

/// What all calls into one component share: options, seed, services and the memory behind them.
final class CallContext {
    let component: Component
    let options: [String: JSON]
    let seed: UInt64
    /// The number of updates of the run.
    let steps: Int
    /// Names the random streams: the component, or its key where a study can have several that must not share them.
    let scope: String
    /// The plugin's folder.
    let folder: String
    /// What its data files must be, if that is known.
    private let expected: PluginDigests?
    /// Where relative paths of options begin.
    let dataFolder: String
    /// Further arguments that every call gets behind those of the manifest: a function that takes more than its manifest
    /// says then reads these, not what a register happens to hold.
    var hasCanaries = false
    /// Begin of error messages: `plugin syzygy.sgd/sgd`.
    var place: String { "plugin \(component.fullID)" }

    /// Set while a graph is built.
    var graph: syzygy_graph?
    /// Set while a probe that evaluates the network is called; an attached optimizer's stays.
    var derivatives: DerivativesService?
    /// Set while a procedure is called.
    var record: RecordService?
    private lazy var random = RandomService(seed: seed, scope: scope)
    /// Of a sampler, before each call: what its random streams belong to.
    var epoch = 0 { didSet { random.epoch = UInt64(epoch) } }
    /// Of an initializer or a parametrization, before each call: likewise.
    var parameter = "" { didSet { random.parameter = parameter } }
    private var texts: [String: UnsafeMutableRawPointer] = [:]
    private var lists: [String: UnsafeMutableRawPointer] = [:]
    private var files: [String: FileContents] = [:]
    private var graphTable: UnsafeMutablePointer<syzygy_graph>?
    private var randomTable: UnsafeMutablePointer<syzygy_random>?
    private var objectiveTable: UnsafeMutablePointer<syzygy_objective>?
    private var jacobianTable: UnsafeMutablePointer<syzygy_jacobian>?
    private var recordTable: UnsafeMutablePointer<syzygy_record>?

    init(
        _ component: Component, options: [String: JSON], seed: UInt64, scope: String? = nil, steps: Int,
        folder: String,
        dataFolder: String, expected: PluginDigests? = nil
    ) {
        self.component = component
        self.options = component.options(options)
        self.seed = seed
        self.scope = scope ?? component.fullID
        self.steps = steps
        self.folder = folder
        self.dataFolder = dataFolder
        self.expected = expected
    }

    deinit {
        for pointer in texts.values { pointer.deallocate() }
        for pointer in lists.values { pointer.deallocate() }
        graphTable?.deallocate()
        randomTable?.deallocate()
        objectiveTable?.deallocate()
        jacobianTable?.deallocate()
        recordTable?.deallocate()
    }

    func service(_ service: Argument.Service) throws(PluginError) -> UnsafeMutableRawPointer {
        switch service {
        case .linalg:
            return UnsafeMutableRawPointer(mutating: UnsafeRawPointer(LinalgService.table))
        case .random:
            let table = randomTable ?? .allocate(capacity: 1)
            table.initialize(to: random.table)
            randomTable = table
            return UnsafeMutableRawPointer(table)
        case .graph:
            guard let graph else {
                throw PluginError(place, "asks for \(service.rawValue), which only models and losses can have")
            }
            let table = graphTable ?? .allocate(capacity: 1)
            table.initialize(to: graph)
            graphTable = table
            return UnsafeMutableRawPointer(table)
        case .record:
            guard let record else {
                throw PluginError(place, "asks for \(service.rawValue), which only procedures can have")
            }
            let table = recordTable ?? .allocate(capacity: 1)
            table.initialize(to: record.table)
            recordTable = table
            return UnsafeMutableRawPointer(table)
        case .objective:
            let table = objectiveTable ?? .allocate(capacity: 1)
            table.initialize(to: try network(service).objective)
            objectiveTable = table
            return UnsafeMutableRawPointer(table)
        case .jacobian:
            let table = jacobianTable ?? .allocate(capacity: 1)
            table.initialize(to: try network(service).jacobian)
            jacobianTable = table
            return UnsafeMutableRawPointer(table)
        }
    }

    private func network(_ service: Argument.Service) throws(PluginError) -> DerivativesService {
        guard let derivatives else {
            throw PluginError(place, "asks for \(service.rawValue), which there is none of here")
        }
        return derivatives
    }

    func index(of text: String, in option: String) -> Int {
        component.parameter(option)?.values.firstIndex(of: text) ?? 0
    }

    func keep(_ text: String) -> UnsafeMutableRawPointer {
        if let known = texts[text] { return known }
        let bytes = Array(text.utf8) + [0]
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 8)
        memory.copyMemory(from: bytes, byteCount: bytes.count)
        texts[text] = memory
        return memory
    }

    /// A list option as an array of the argument's element type.
    func keep(
        _ items: [JSON], as type: ArgumentType, of option: String
    ) throws(PluginError) -> UnsafeMutableRawPointer {
        let key = "\(option) \(type)"
        if let known = lists[key] { return known }
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(items.count, 1) * 8, alignment: 64)
        lists[key] = memory
        for (i, item) in items.enumerated() {
            let integer = item.int ?? item.string.map { index(of: $0, in: option) } ?? 0
            switch type {
            case .texts:
                memory.storeBytes(of: keep(item.string ?? ""), toByteOffset: i * 8, as: UnsafeMutableRawPointer.self)
            case .files:
                let bytes = try dataFile(item.string ?? "").bytes
                memory.storeBytes(of: bytes.baseAddress, toByteOffset: i * 8, as: UnsafeRawPointer?.self)
            case .pointer(.f32):
                memory.storeBytes(of: Float(item.double ?? .nan), toByteOffset: i * 4, as: Float.self)
            case .pointer(.f64): memory.storeBytes(of: item.double ?? .nan, toByteOffset: i * 8, as: Double.self)
            case .pointer(.i32): memory.storeBytes(of: Int32(clamping: integer), toByteOffset: i * 4, as: Int32.self)
            default: memory.storeBytes(of: Int64(integer), toByteOffset: i * 8, as: Int64.self)
            }
        }
        return memory
    }

    /// A file of the plugin's folder.
    func file(_ name: String) throws(PluginError) -> FileContents {
        try contents("\(folder)/\(name)") {
            let file = try PluginFolder(folder).open(name)
            if let wanted = expected?.fileDigests[name] {
                let found = try FileDigest.of(file)
                guard found == wanted else {
                    throw PluginError(
                        place,
                        "'\(name)' changed since the run was planned: expected SHA-256 \(wanted), found \(found)")
                }
            }
            return try FileContents(file)
        }
    }

    /// A file that an option names.
    func dataFile(_ path: String) throws(PluginError) -> FileContents {
        let location = ComponentLoader.location(of: path, in: dataFolder)
        return try contents(location) { try FileContents(path: location) }
    }

    private func contents(_ path: String, _ open: () throws -> FileContents) throws(PluginError) -> FileContents {
        if let known = files[path] { return known }
        do {
            let file = try open()
            files[path] = file
            return file
        } catch let error as PluginError {
            throw error
        } catch {
            throw PluginError(place, "\(error)")
        }
    }

    /// The numbers of bytes of the files that an option lists.
    func sizes(of option: String) throws(PluginError) -> UnsafeMutableRawPointer {
        let key = "\(option) sizes"
        if let known = lists[key] { return known }
        var sizes: [Int64] = []
        for item in options[option]?.array ?? [] { sizes.append(Int64(try dataFile(item.string ?? "").bytes.count)) }
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(sizes.count, 1) * 8, alignment: 64)
        memory.copyMemory(from: sizes, byteCount: sizes.count * 8)
        lists[key] = memory
        return memory
    }

    /// An int option, as sizes use it.
    func integer(_ option: String) -> Int { options[option]?.int ?? 0 }
}
