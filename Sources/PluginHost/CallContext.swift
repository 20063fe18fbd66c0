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
    /// Begin of error messages: `plugin syzygy.sgd/sgd`.
    var place: String { "plugin \(component.fullID)" }

    /// Set while a graph is built.
    var graph: GraphService?
    private lazy var random = RandomService(seed: seed, scope: scope)
    private var texts: [String: UnsafeMutableRawPointer] = [:]
    private var lists: [String: UnsafeMutableRawPointer] = [:]
    private var files: [String: (pointer: UnsafeRawPointer, count: Int)] = [:]
    private var graphTable: UnsafeMutablePointer<syzygy_graph>?
    private var randomTable: UnsafeMutablePointer<syzygy_random>?

    init(
        _ component: Component, options: [String: JSON], seed: UInt64, scope: String? = nil, steps: Int = 0, folder: String
    ) {
        self.component = component
        self.options = component.options(options)
        self.seed = seed
        self.scope = scope ?? component.fullID
        self.steps = steps
        self.folder = folder
    }

    deinit {
        for pointer in texts.values { pointer.deallocate() }
        for pointer in lists.values { pointer.deallocate() }
        for file in files.values { file.pointer.deallocate() }
        graphTable?.deallocate()
        randomTable?.deallocate()
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
            table.initialize(to: graph.table)
            graphTable = table
            return UnsafeMutableRawPointer(table)
        }
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
    func keep(_ items: [JSON], as type: ArgumentType, of option: String) -> UnsafeMutableRawPointer {
        let key = "\(option) \(type)"
        if let known = lists[key] { return known }
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(items.count, 1) * 8, alignment: 64)
        lists[key] = memory
        for (i, item) in items.enumerated() {
            let integer = item.int ?? item.string.map { index(of: $0, in: option) } ?? 0
            switch type {
            case .pointer(.f32):
                memory.storeBytes(of: Float(item.double ?? .nan), toByteOffset: i * 4, as: Float.self)
            case .pointer(.f64): memory.storeBytes(of: item.double ?? .nan, toByteOffset: i * 8, as: Double.self)
            case .pointer(.i32): memory.storeBytes(of: Int32(clamping: integer), toByteOffset: i * 4, as: Int32.self)
            default: memory.storeBytes(of: Int64(integer), toByteOffset: i * 8, as: Int64.self)
            }
        }
        return memory
    }

    /// A file of the plugin's folder, read once.
    func file(_ name: String) throws(PluginError) -> (pointer: UnsafeRawPointer, count: Int) {
        if let known = files[name] { return known }
        let path = folder + "/" + name
        guard let data = FileManager.default.contents(atPath: path) else {
            throw PluginError(path, "cannot be read (named in the manifest of \(component.plugin))")
        }
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(data.count, 1), alignment: 64)
        data.copyBytes(to: memory.assumingMemoryBound(to: UInt8.self), count: data.count)
        let file = (UnsafeRawPointer(memory), data.count)
        files[name] = file
        return file
    }

    /// An int option, as sizes use it.
    func integer(_ option: String) -> Int { options[option]?.int ?? 0 }
}
