import CShims
import Foundation
import Manifests
import Protocols

/// A copy of the nursery at work: gives up what code of plugins must not have, then plays the roles of one plugin's components for the
/// process that asked for it.
package final class SandboxServer {
    private let registry: Registry
    private let channel: Channel
    private var roles: [Role] = []
    private var notes: [String] = []

    private enum Role {
        case dataset(any Dataset)
        case probe(any Probe)
        case quantity(any DefinedQuantity)
        case update(UpdateRole)
        /// A function that is called by itself, mostly to describe a graph.
        case function(LoadedComponent)
    }

    init(_ registry: Registry, _ channel: Channel) { (self.registry, self.channel) = (registry, channel) }

    /// In the process that a `SandboxProcess` stands for.
    package convenience init(_ registry: Registry, megabytes: Int, threads: Int) throws {
        sz_set_threads(Int32(threads))
        func region(_ descriptor: Int32, isWritable: Bool) throws -> Region {
            var status = stat()
            guard fstat(descriptor, &status) == 0, fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else {
                throw PluginError("syzygy sandbox", "is started by other commands only")
            }
            return try Region(descriptor, bytes: Int(status.st_size), isWritable: isWritable)
        }
        let incoming = try region(SandboxProcess.reads, isWritable: false)
        let outgoing = try region(SandboxProcess.writes, isWritable: true)
        let heap = try region(SandboxProcess.heap, isWritable: false)
        let channel = Channel(socket: SandboxProcess.socket, outgoing: outgoing, incoming: incoming, heap: heap) {
            try $0.askForRoom($1)
        }
        self.init(registry, channel)
        _ = sz_sandbox_enter(Int64(megabytes) << 20)
    }

    /// Answers until the other process has enough.
    package func run() {
        while let (kind, message) = try? channel.receive() {
            channel.forgetOutgrown()
            do {
                var message = message
                notes = []
                switch kind {
                case .open: try open(&message)
                case .call: try call(&message)
                default: return
                }
            } catch is Channel.Broken {
                return
            } catch {
                let failure = error as? PluginError
                let place = failure?.place ?? "plugin \(registry.manifests.first?.id ?? "")"
                let isSent = try? channel.send(.failure) { answer in
                    try answer.put(place)
                    try answer.put(failure?.sentence ?? "\(error)")
                }
                if isSent == nil { return }
            }
        }
    }

    private func open(_ message: inout MessageReader) throws {
        let opening = try Opening(&message)
        var files: [LoadedFile] = []
        let loader = ComponentLoader(
            registry: registry, seed: opening.seed, steps: opening.steps, dataFolder: opening.dataFolder,
            expected: opening.expected.map { [$0] } ?? [], note: { [weak self] in self?.notes.append($0) },
            opened: { files.append($0) })
        let choice = Choice(component: opening.component, options: opening.options)
        let role: Role
        let isWrapper = try registry.component(opening.component, kind: opening.kind).1.isWrapper
        switch opening.kind {
        // The rows of the other dataset come with each call.
        case .dataset where !isWrapper: role = .dataset(try loader.dataset(choice))
        case .probe: role = .probe(try loader.probe(choice))
        case .quantity: role = .quantity(try loader.quantity(choice))
        case .regularizer: role = .update(UpdateRole(try loader.regularizer(choice, key: opening.key)))
        case let kind where Isolation.kinds.contains(kind):
            role = .function(try loader.component(choice, kind, key: opening.key))
        default: throw Channel.Broken.malformed
        }
        roles.append(role)
        try channel.send(.answer) { answer in
            try answer.put(roles.count - 1)
            try answer.put(JSON.object(["files": .array(files.map(\.json))]).text(pretty: false))
            guard case .dataset(let dataset) = role else { return }
            try answer.put(dataset.splits.count)
            for split in dataset.splits { try answer.put(split) }
            try answer.put(dataset.fields.count)
            for field in dataset.fields {
                try answer.put(field.name)
                try answer.put(field.shape)
                try answer.put(field.classes ?? -1)
            }
        }
    }

    private func call(_ message: inout MessageReader) throws {
        let index = try message.integer()
        guard roles.indices.contains(index) else { throw Channel.Broken.malformed }
        switch roles[index] {
        case .dataset(let dataset): try read(dataset, &message)
        case .probe(let probe): try measure(probe, &message)
        case .quantity(let quantity): try evaluate(quantity, &message)
        case .update(let update): try update.answer(&message, channel)
        case .function(let loaded): try FunctionCall.answer(&message, channel, loaded)
        }
    }

    /// The number of rows of a split, or some of them.
    private func read(_ dataset: any Dataset, _ message: inout MessageReader) throws {
        let split = try message.text()
        guard try message.flag() else {
            let rows = try dataset.rows(in: split)
            try channel.send(.answer) { try $0.put(rows) }
            return
        }
        let begin = try message.integer(), count = try message.integer()
        let sizes = dataset.fields.map { count * $0.elements }
        try channel.send(.answer) { answer in
            let memory = try answer.reserve(8 * sizes.reduce(0, +)).assumingMemoryBound(to: Double.self)
            var next = memory
            let buffers = sizes.map { size in
                defer { next += size }
                return UnsafeMutableBufferPointer(start: next, count: size)
            }
            try dataset.read(split, begin..<begin + count, into: buffers)
        }
    }

    /// The rows of a pass.
    private func take(
        _ rows: ReceivedQuantities, _ layer: String, _ memory: ProbeMemory, for taker: any QuantityTaker
    ) throws {
        taker.add(layer: layer, rows: rows, memory: memory)
        try channel.send(.answer) { answer in
            try answer.put(memory)
            try answer.put(notes.count)
            for note in notes { try answer.put(note) }
        }
    }

    private func evaluate(_ quantity: any DefinedQuantity, _ message: inout MessageReader) throws {
        let isLast = try message.flag(), layer = try message.text()
        let memory = ProbeMemory()
        try message.memory(into: memory)
        let quantities = try ReceivedQuantities(&message, channel)
        guard isLast else { return try take(quantities, layer, memory, for: quantity) }
        let value = DefinedValue(quantity, step: try message.integer(), layer, quantities, memory)
        try channel.send(.answer) { answer in
            try answer.put([""], of: value, layer: layer)
            try answer.put(notes.count)
            for note in notes { try answer.put(note) }
        }
    }

    private func measure(_ probe: any Probe, _ message: inout MessageReader) throws {
        let isLast = try message.flag(), layer = try message.text()
        let memory = ProbeMemory()
        try message.memory(into: memory)
        let quantities = try ReceivedQuantities(&message, channel)
        guard isLast else { return try take(quantities, layer, memory, for: probe) }
        var observations: [Observation] = []
        try probe.measure(
            step: try message.integer(), layer: layer, quantities: quantities, memory: memory
        ) { observations.append($0) }
        try channel.send(.answer) { answer in
            try answer.put(memory)
            try answer.put(observations.count)
            for observation in observations {
                try answer.put(observation.output)
                try answer.put(observation.index ?? -1)
                switch observation.value {
                case .number(let value):
                    try answer.put(true)
                    try answer.put(value)
                case .missing(let reason):
                    try answer.put(false)
                    try answer.put(reason)
                }
            }
            try answer.put(notes.count)
            for note in notes { try answer.put(note) }
        }
    }
}

/// The value of a quantity of a plugin, or why there is none.
private struct DefinedValue: QuantitySource {
    private let value: Result<(value: Quantity, owner: AnyObject), any Error>

    init(
        _ quantity: any DefinedQuantity, step: Int, _ layer: String, _ quantities: any QuantitySource,
        _ memory: ProbeMemory
    ) {
        value = Result { try quantity.value(step: step, layer: layer, quantities: quantities, memory: memory) }
    }

    func quantity(_ expression: String, layer: String) throws -> Quantity? { try value.get().value }
}
