import Foundation
import Manifests
import OrderedCollections
import Protocols

/// A component whose functions another process calls.
final class IsolatedComponent {
    let component: Component
    let options: [String: JSON]
    private let opening: Opening
    let sandbox: Sandbox
    /// Its number in the process of a generation.
    private var role: (number: Int, generation: Int)?
    private let keep: (Opening, _ what: String, CallRecord) -> String?
    private let opened: ([LoadedFile]) -> Void
    private let note: (String) -> Void
    private var failures = 0

    private static let mostFailures = 3

    /// - Parameters:
    ///   - keep: writes the message of a call that failed, and says how to repeat it.
    ///   - opened: gets the libraries that the process loaded.
    ///   - note: gets a sentence about each failure.
    init(
        _ component: Component, _ opening: Opening, sandbox: Sandbox,
        keep: @escaping (Opening, _ what: String, CallRecord) -> String?,
        opened: @escaping ([LoadedFile]) -> Void, note: @escaping (String) -> Void
    ) {
        (self.component, self.opening, self.sandbox, self.keep) = (component, opening, sandbox, keep)
        (self.opened, self.note) = (opened, note)
        options = opening.options
    }

    /// Makes the process load the component; the rest of the answer is the role's.
    @discardableResult
    func open() throws -> MessageReader {
        var answer = try sandbox.exchange(.open) { try opening.write(to: &$0) }
        role = (try answer.integer(), sandbox.generation)
        let files = try StrictJSON.parse(try answer.text(), file: "answer").root["files"]?.array ?? []
        opened(files.compactMap(LoadedFile.init))
        return answer
    }

    /// Makes sure that there is a process that has the component; which one, of those that there have been.
    func ensureOpen() throws -> Int {
        if role?.generation != sandbox.generation || !sandbox.isRunning { try open() }
        return sandbox.generation
    }

    /// - Parameters:
    ///   - what: the call is, in a few words.
    ///   - before: writes what a replay has to tell the process first.
    ///   - network: answers what the function asks during the call.
    func call(
        what: @autoclosure () -> String, before: ((inout MessageWriter) throws -> Void)? = nil,
        network: ((inout MessageReader, inout MessageWriter) throws -> Void)? = nil,
        _ write: (inout MessageWriter) throws -> Void
    ) throws -> MessageReader {
        guard failures < IsolatedComponent.mostFailures else {
            throw SandboxFailure(
                reason: "plugin_quarantined",
                description: "it has failed \(failures) times and is not called again in this run")
        }
        var remedy: String?
        do {
            _ = try ensureOpen()
            let number = role?.number ?? 0
            return try sandbox.exchange(
                .call,
                before: before.map { write in
                    {
                        try $0.put(0); try write(&$0)
                    }
                }, network: network,
                failed: { remedy = keep(opening, what(), $0) }
            ) { message in
                try message.put(message.isRecord ? 0 : number)
                try write(&message)
            }
        } catch var failure as SandboxFailure {
            failures += 1
            failure.circumstances = "\(what()): " + failure.description + (remedy.map { "; \($0)" } ?? "")
            let what = what()
            let isLast = failures == IsolatedComponent.mostFailures
            note(
                "\(what): plugin \(component.fullID): \(failure)" + (remedy.map { "; \($0)" } ?? "")
                    + (isLast ? "; it has failed \(failures) times and is not called again in this run" : ""))
            throw failure
        }
    }

    /// What a run says that cannot go on without the component.
    func fatal(_ error: any Error) -> PluginError {
        let place = "plugin \(component.fullID)"
        switch error {
        case let error as PluginError: return error
        case let failure as SandboxFailure: return PluginError(place, failure.circumstances ?? failure.description)
        default: return PluginError(place, "its process could not be used (\(error))")
        }
    }
}

/// A dataset whose rows another process fills.
final class IsolatedDataset: Dataset {
    let fields: [Field]
    let splits: [String]
    private let isolated: IsolatedComponent

    init(_ isolated: IsolatedComponent) throws {
        self.isolated = isolated
        var answer: MessageReader
        do { answer = try isolated.open() } catch { throw isolated.fatal(error) }
        splits = try (0..<answer.integer()).map { _ in try answer.text() }
        fields = try (0..<answer.integer()).map { _ in
            let name = try answer.text(), shape = try answer.integers(), classes = try answer.integer()
            return Field(name: name, shape: shape, classes: classes < 0 ? nil : classes)
        }
    }

    var isSeeded: Bool { isolated.component.isSeeded }

    func rows(in split: String) throws -> Int {
        do {
            var answer = try isolated.call(what: "rows of '\(split)'") { message in
                try message.put(split)
                try message.put(false)
            }
            return try answer.integer()
        } catch {
            throw isolated.fatal(error)
        }
    }

    func read(_ split: String, _ range: Range<Int>, into buffers: [UnsafeMutableBufferPointer<Double>]) throws {
        guard !range.isEmpty else { return }
        do { try fill(split, range, buffers) } catch { throw isolated.fatal(error) }
    }

    private func fill(
        _ split: String, _ range: Range<Int>, _ buffers: [UnsafeMutableBufferPointer<Double>]
    ) throws {
        var answer = try isolated.call(what: "rows \(range.lowerBound) to \(range.upperBound) of '\(split)'") {
            message in
            try message.put(split)
            try message.put(true)
            try message.put(range.lowerBound)
            try message.put(range.count)
        }
        let sizes = fields.map { range.count * $0.elements }
        var next = UnsafePointer(
            try answer.array(bytes: 8 * sizes.reduce(0, +)).assumingMemoryBound(to: Double.self))
        for (size, buffer) in zip(sizes, buffers) {
            guard buffer.count >= size else { throw Channel.Broken.malformed }
            buffer.baseAddress?.update(from: next, count: size)
            next += size
        }
    }
}

/// A probe that another process calls. What goes wrong there costs values, each with the reason, and never the run.
final class IsolatedProbe: Probe {
    private let isolated: IsolatedComponent
    private let outline: ProbeOutline
    private let expressions, streams: [String]
    private let note: (String) -> Void

    init(_ isolated: IsolatedComponent, note: @escaping (String) -> Void) throws {
        (self.isolated, self.note) = (isolated, note)
        outline = ProbeOutline(isolated.component, isolated.options)
        expressions = OrderedSet(outline.needs.map(\.expression)).elements
        streams = OrderedSet(outline.streamed.map(\.expression)).elements
        // A library that ends the process while it is opened costs values too; the first call tries again.
        do { try isolated.open() } catch is SandboxFailure {}
    }

    var scope: ProbeScope { outline.scope }
    var needs: [Need] { outline.needs }
    var streamed: [Need] { outline.streamed }
    var isSymmetric: Bool { isolated.component.isSymmetricInPairs }
    var isConsecutive: Bool { isolated.component.isConsecutive }
    var hasState: Bool { !isolated.component.state.isEmpty }

    func add(layer: String, rows: any QuantitySource, memory: ProbeMemory) {
        rows.formFinished(streams, layer: layer)
        do {
            try isolated.add(streams, of: rows, layer: layer, memory, note: note)
        } catch {
            let reason = IsolatedComponent.reason(error, IsolatedComponent.pass(of: layer), note: note)
            for binding in outline.bindings { memory.failures[binding.name] = reason }
        }
    }

    func measure(
        step: Int, layer: String, quantities: any QuantitySource, memory: ProbeMemory, record: (Observation) -> Void
    ) throws {
        quantities.form(expressions, layer: layer)
        do {
            var answer = try isolated.measure(expressions, of: quantities, step: step, layer: layer, memory)
            try answer.memory(into: memory)
            for _ in 0..<(try answer.integer()) {
                let output = try answer.text(), index = try answer.integer()
                let value: Observation.Value =
                    try answer.flag() ? .number(try answer.number()) : .missing(reason: try answer.text())
                record(
                    Observation(
                        step: step, probe: "", output: output, layer: layer, index: index < 0 ? nil : index,
                        value: value))
            }
            for _ in 0..<(try answer.integer()) { note(try answer.text()) }
        } catch {
            let reason = IsolatedComponent.reason(error, IsolatedComponent.place(step, layer), note: note)
            for binding in outline.bindings {
                for observation in outline.missing(binding, step: step, layer: layer, reason) { record(observation) }
            }
        }
    }
}
