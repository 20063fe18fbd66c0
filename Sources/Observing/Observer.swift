import Engine
import LinearAlgebra
import Manifests
import Protocols

/// A probe of a study: when it measures, and on which rows.
package struct ScheduledProbe {
    package var key: String
    package var probe: any Probe
    package var steps: Set<Int>
    package var split: String
    /// The first rows of the split; nil: all.
    package var samples: Int?
    /// Names of the layers to measure; nil: all.
    package var layers: Set<String>?
    /// The steps whose values are recorded, if they are fewer: at the others only the probe's state goes on.
    package var recorded: Set<Int>?

    package init(
        key: String, probe: any Probe, steps: Set<Int>, split: String = "train", samples: Int? = nil,
        layers: Set<String>? = nil, recorded: Set<Int>? = nil
    ) {
        (self.key, self.probe, self.steps) = (key, probe, steps)
        (self.split, self.samples, self.layers, self.recorded) = (split, samples, layers, recorded)
    }
}

/// Measures a network: runs it in f64 over the rows that the due probes ask for, forms each needed quantity once, and
/// hands them to the probes.
package final class Observer {
    /// Rows per pass at most; memory grows with this number, not with the number of samples.
    static let chunk = 512
    /// Numbers of layers' inputs and outputs that a pass holds: images of convolutions are large, so fewer rows.
    static let largestPass = 1 << 24

    package let layers: [String]
    private let network: Network
    private let parameters: ParameterStore
    private let weights: LayerWeights
    /// The first values, until the first observation makes `initialWeights` of them.
    private var initial: ParameterStore?
    private var initialWeights: [Node: [Double]] = [:]
    private let tables: [String: DataTable]
    private let shapes: [LayerShape]
    private let outputWidth: Int
    /// Rows of the output, and of the targets, for each row of the batch.
    private let outputPositions, targetPositions: Int
    /// Why samples have no loss of their own, if so.
    private let coupled: Undefined?
    private let programs: ProgramCache
    private let derivatives: NetworkDerivatives
    /// The two layers of each pair that was asked for, by its name.
    private var pairs: [String: [String]] = [:]
    /// Of probes with states, by key and by what they are about.
    private var memories: [String: [String: ProbeMemory]] = [:]

    private struct LayerShape {
        var input, output: Int
        var weight: Node
        var bias: Node?
        /// Rows of the layer for each row of the batch.
        var positions: Int
    }

    private struct ProgramKey: Hashable {
        var rows: Int
        var captures: Set<Capture>
        var wantsGradient: Bool
    }

    /// Compiled when first needed, by whichever observer of the network.
    private final class ProgramCache {
        var programs: [ProgramKey: CaptureProgram] = [:]
    }

    /// `store` holds the initial values when this is called.
    package init(_ network: Network, store: ParameterStore, tables: [String: DataTable]) throws {
        self.network = network
        self.tables = tables
        programs = ProgramCache()
        let built = try network.build(rows: 1)
        let graph = built.graph
        guard
            graph.blocks.elementsEqual(
                store.blocks, by: { ($0.name, $0.shape, $0.role) == ($1.name, $1.shape, $1.role) })
        else {
            throw GraphError(
                "the model declares other parameters in an evaluation than in training: "
                    + "\(graph.blocks.map(\.name)) against \(store.blocks.map(\.name))")
        }
        parameters = ParameterStore(blocks: graph.blocks, precision: .f64)
        layers = graph.layers.map(\.name)
        weights = try LayerWeights(built, parameters: parameters)
        shapes = try graph.layers.map { layer in
            let matrices = try graph.matrices(of: layer), size = graph.shape(of: matrices.weight)
            return LayerShape(
                input: size[1], output: size[0], weight: layer.weight, bias: layer.bias,
                positions: graph.shape(of: matrices.output)[0])
        }
        let output = graph.shape(of: built.output).dropFirst()
        (outputWidth, outputPositions) = (output.last ?? 1, output.dropLast().reduce(1, *))
        targetPositions = network.target?.positions(ofOutputs: outputPositions) ?? 1
        do {
            _ = try built.sampleLoss()
            coupled = nil
        } catch let undefined as Undefined {
            coupled = undefined
        }
        derivatives = NetworkDerivatives(
            network, built: built, isSeparable: coupled == nil, current: parameters)
        initial = store.clone(blocks: graph.blocks)
    }

    /// An observer of another copy of the network, which shares its programs and memory with this one: they take turns.
    package init(sharing other: Observer, store: ParameterStore, tables: [String: DataTable]) {
        (network, parameters, self.tables, layers, shapes) =
            (other.network, other.parameters, tables, other.layers, other.shapes)
        (outputWidth, outputPositions, targetPositions) =
            (other.outputWidth, other.outputPositions, other.targetPositions)
        (coupled, programs, derivatives, weights) =
            (other.coupled, other.programs, other.derivatives, other.weights)
        initial = store.clone(blocks: parameters.blocks)
    }

    /// Before anything is measured at the values in `store`.
    private func look(at store: ParameterStore) {
        if let initial {
            parameters.copyValues(from: initial)
            weights.update()
            initialWeights = Dictionary(shapes.map { ($0.weight, weights.values($0.weight)) }) { first, _ in first }
            self.initial = nil
        }
        parameters.copyValues(from: store)
        weights.update()
    }

    /// The loss on any rows, first of all of a split, at the values in `store`.
    package func derivatives(at store: ParameterStore, split: String) -> any Derivatives {
        look(at: store)
        return derivatives.bound(to: tables, split: split, rows: tables[split]?.rows ?? 0)
    }

    /// Every layer (for a probe of parameters: parameter) that a probe asks for must be there.
    package func check(_ probes: [ScheduledProbe]) throws {
        for scheduled in probes {
            let isOfParameters = scheduled.probe.scope == .parameter
            try check(
                scheduled.layers, among: isOfParameters ? parameters.blocks.map(\.name) : layers,
                kind: isOfParameters ? "parameter" : "layer", of: "probes.\(scheduled.key)")
        }
    }

    /// The same for layers and parameters of `record`.
    package func check(recorded names: Set<String>?) throws {
        try check(names, among: layers + parameters.blocks.map(\.name), kind: "layer", of: "record")
    }

    private func check(_ names: Set<String>?, among known: [String], kind: String, of section: String) throws {
        guard let name = names?.sorted().first(where: { !known.contains($0) }) else { return }
        throw UnknownLayer(
            "\(section).layers: the model has no \(kind) '\(name)'"
                + Nearest.hint(for: name, among: known, label: "it has"))
    }

    /// Runs every probe of `due` on the values in `store`.
    package func observe(
        step: Int, store: ParameterStore, due: [ScheduledProbe], record: (Observation) -> Void
    ) throws {
        // Pairs of runs are measured when both have ended.
        let due = due.filter { $0.probe.scope != .runPair }
        guard !due.isEmpty else { return }
        look(at: store)
        for group in Dictionary(grouping: due.indices, by: { FirstRows(due[$0], self) }).sorted(by: {
            $0.key < $1.key
        }) {
            let tasks = group.value.flatMap { index in
                let scheduled = due[index]
                return subjects(scheduled.probe, scheduled.layers).map { subject in
                    Visit(scheduled: scheduled, subject: subject, memory: memory(of: scheduled, subject))
                }
            }
            let pass = try measure(
                rows: group.key, wanted: tasks.map { ($0.scheduled.probe.needs, $0.subject) },
                streams: tasks.filter { !$0.scheduled.probe.streamed.isEmpty })
            for task in tasks {
                let scheduled = task.scheduled, isRecorded = scheduled.recorded?.contains(step) ?? true
                try scheduled.probe.measure(
                    step: step, layer: task.subject, quantities: pass, memory: task.memory
                ) { observation in
                    guard isRecorded else { return }
                    var named = observation
                    named.probe = scheduled.key
                    record(named)
                }
                task.memory.endObservation()
            }
        }
    }

    /// What one call of a probe is about.
    private struct Visit {
        var scheduled: ScheduledProbe
        var subject: String
        var memory: ProbeMemory
    }

    private func memory(of scheduled: ScheduledProbe, _ subject: String) -> ProbeMemory {
        guard scheduled.probe.hasState else { return ProbeMemory() }
        if let known = memories[scheduled.key]?[subject] { return known }
        let memory = ProbeMemory()
        memories[scheduled.key, default: [:]][subject] = memory
        return memory
    }

    /// States of probes by their names in checkpoints, in one order: `probes.ema/average/fc1.weight`.
    package var states: [(name: String, tensor: ProbeMemory.Tensor)] {
        memories.flatMap { key, memories in
            memories.flatMap { subject, memory in
                memory.states.map { ("probes.\(key)/\($0)/\(subject)", $1) }
            }
        }.sorted { $0.0 < $1.0 }
    }

    /// Puts back one of `states`; false if it has no such name.
    package func setState(_ name: String, _ tensor: ProbeMemory.Tensor) -> Bool {
        let parts = name.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, parts[0].hasPrefix("probes.") else { return false }
        let key = String(parts[0].dropFirst("probes.".count))
        let memory = memories[key]?[parts[2]] ?? ProbeMemory()
        memory.states[parts[1]] = tensor
        memories[key, default: [:]][parts[2]] = memory
        return true
    }

    /// The values of basic or derived quantities for all layers they exist for, as `(key, quantity)`, the key being
    /// `fc1/layer.input` or `labels`.
    package func quantities(
        _ expressions: [String], split: String, samples: Int?, store: ParameterStore,
        each: (String, Quantity) throws -> Void
    ) throws {
        look(at: store)
        let available = tables[split]?.rows ?? 0
        let rows = FirstRows(split: split, count: min(samples ?? available, available))
        let subjects = try expressions.map { self.subjects(try QuantityExpression($0).ownScope, nil) }
        let pass = try measure(
            rows: rows,
            wanted: zip(subjects, expressions).flatMap { subjects, expression in
                subjects.map { ([Need(expression, optional: true)], $0) }
            })
        for (subjects, expression) in zip(subjects, expressions) {
            for subject in subjects {
                guard let quantity = try pass.quantity(expression, layer: subject) else { continue }
                try each(subject.isEmpty ? expression : "\(subject)/\(expression)", quantity)
            }
        }
    }

    /// Quantities of one layer, or of none.
    func quantities(
        of layer: String, _ expressions: [String], split: String, samples: Int?, store: ParameterStore
    ) throws -> any QuantitySource {
        look(at: store)
        let available = tables[split]?.rows ?? 0
        return try measure(
            rows: FirstRows(split: split, count: min(samples ?? available, available)),
            wanted: [(expressions.map { Need($0, optional: true) }, layer)])
    }

    private func subjects(_ probe: any Probe, _ only: Set<String>?) -> [String] {
        guard probe.scope == .layerPair else { return subjects(probe.scope, only) }
        let chosen = subjects(.layer, only)
        return chosen.enumerated().flatMap { i, first in
            chosen.dropFirst(probe.isSymmetric ? i : 0).map { second in
                let name = "\(first):\(second)"
                pairs[name] = [first, second]
                return name
            }
        }
    }

    private func subjects(_ scope: ProbeScope, _ only: Set<String>?) -> [String] {
        switch scope {
        case .run: [""]
        case .layer: layers.filter { only?.contains($0) ?? true }
        case .parameter: parameters.blocks.map(\.name).filter { only?.contains($0) ?? true }
        case .layerPair, .runPair: []
        }
    }

    /// The first `count` rows of a split.
    private struct FirstRows: Hashable, Comparable {
        var split: String
        var count: Int

        init(split: String, count: Int) { (self.split, self.count) = (split, count) }

        init(_ scheduled: ScheduledProbe, _ observer: Observer) {
            let available = observer.tables[scheduled.split]?.rows ?? 0
            self.init(split: scheduled.split, count: min(scheduled.samples ?? available, available))
        }

        static func < (a: FirstRows, b: FirstRows) -> Bool { (a.split, a.count) < (b.split, b.count) }
    }

    // MARK: One pass

    private func measure(
        rows: FirstRows, wanted needs: [(needs: [Need], subject: String)], streams streaming: [Visit] = []
    ) throws -> Measurement {
        let pass = Measurement()
        guard let table = tables[rows.split] else { return pass }
        pass.derivatives = derivatives.bound(to: tables, split: rows.split, rows: rows.count)
        var wanted: [Measurement.Key: QuantityExpression] = [:]
        var wantsGradient = false
        var parsed: [String: QuantityExpression] = [:]
        var aliases: [(alias: Measurement.Key, of: Measurement.Key)] = []
        for (needs, subject) in needs {
            for need in needs {
                let expression = try parsed[need.expression] ?? QuantityExpression(need.expression)
                parsed[need.expression] = expression
                wantsGradient = wantsGradient || coupled == nil && expression.arguments == [.parameterGrad]
                let key = Measurement.Key(expression: need.expression, layer: subject)
                if let (own, layer) = expression.ofOneLayer(pairs[subject]) {
                    let shared = Measurement.Key(expression: own.description, layer: layer)
                    wanted[shared] = own
                    aliases.append((key, shared))
                } else {
                    wanted[key] = expression
                }
            }
        }
        let sources = try rowSources(of: streaming, table)
        var streams: [(key: Measurement.Key, accumulator: any Accumulator, captures: [Capture], positions: Int)] = []
        for (key, expression) in wanted.sorted(by: { $0.key < $1.key }) {
            if let captures = captures(expression, layer: key.layer) {
                if let coupled, captures.contains(where: \.needsLoss) {
                    pass.set(key, .failure(coupled))
                    continue
                }
                let positions = captures.map(positions)
                guard Set(positions).count == 1 else {
                    pass.set(key, .failure(Undefined("rows_differ")))
                    continue
                }
                let accumulator = try pass.makeAccumulator(
                    key, expression, widths: captures.map(width), samples: rows.count * positions[0])
                streams.append((key, accumulator, captures, positions[0]))
            } else if expression.arguments != [.parameterGrad] {
                try addStatic(expression, key, table, rows.count, to: pass)
            } else if let coupled {
                pass.set(key, .failure(coupled))
            }
        }
        var captures = Set(streams.flatMap(\.captures) + sources.values.compactMap(\.capture))
        if !streaming.isEmpty, captures.isEmpty { captures = [.modelOutput] }
        for case .layer(let index, .layerInputGrad) in captures { captures.insert(.layer(index, .layerOutputGrad)) }
        let gradient = wantsGradient ? Buffer(parameters.count) : nil
        if !captures.isEmpty || wantsGradient {
            try run(rows, table, captures, gradient) { program, range in
                for stream in streams {
                    stream.accumulator.add(
                        stream.captures.compactMap(program.values), rows: range.count * stream.positions)
                }
                let pass = RowsOfPass(sources: sources, program: program, table: table, range: range)
                for task in streaming {
                    task.scheduled.probe.add(layer: task.subject, rows: pass, memory: task.memory)
                }
            }
        }
        for stream in streams {
            pass.keep(stream.accumulator)
            do {
                let (data, shape) = try stream.accumulator.finish()
                pass.set(stream.key, .success(Quantity(data: .real(data), shape: shape)))
            } catch let undefined as Undefined {
                pass.set(stream.key, .failure(undefined))
            }
        }
        defer { for (alias, key) in aliases { pass.copy(key, to: alias) } }
        if let gradient {
            pass.keep(gradient)
            for block in parameters.blocks where block.isTrained {
                pass.set(
                    .init(expression: "parameter.grad", layer: block.name),
                    .success(
                        Quantity(data: .real(UnsafePointer(gradient.pointer + block.offset)), shape: [block.count])))
            }
        }
        return pass
    }

    private func run(
        _ rows: FirstRows, _ table: DataTable, _ captures: Set<Capture>, _ gradient: Buffer?,
        each: (CaptureProgram, Range<Int>) -> Void
    ) throws {
        let held = shapes.map { $0.positions * ($0.input + $0.output) }.reduce(0, +)
        let chunk = min(Self.chunk, max(1, Self.largestPass / max(held, 1)))
        var row = 0
        while row < rows.count {
            let count = min(chunk, rows.count - row)
            let key = ProgramKey(rows: count, captures: captures, wantsGradient: gradient != nil)
            let program =
                try programs.programs[key]
                ?? CaptureProgram(
                    network, rows: count, captures: captures, wantsGradient: gradient != nil, parameters: parameters)
            programs.programs[key] = program
            program.run(on: table, from: row)
            each(program, row..<row + count)
            if let gradient {
                let chunk = parameters.gradients.assumingMemoryBound(to: Double.self)
                for i in 0..<gradient.count { gradient.pointer[i] += chunk[i] / Double(rows.count) }
            }
            row += count
        }
    }

    /// The captures an expression needs, nil if it does not depend on samples of the network.
    private func captures(_ expression: QuantityExpression, layer: String) -> [Capture]? {
        var captures: [Capture] = []
        for basic in expression.arguments {
            switch basic {
            case .modelOutput: captures.append(.modelOutput)
            case .sampleLoss: captures.append(.sampleLoss)
            case .targets where network.target != nil: captures.append(.targets)
            default:
                let target = basic.member?.of ?? basic.ofLayer ?? basic
                guard target.form == .samples, target != .targets else { return nil }
                let name = basic.member.flatMap { pairs[layer]?[$0.index] } ?? layer
                let index = basic.ofLayer == nil ? layers.firstIndex(of: name) : layers.indices.last
                guard let index else { return nil }
                captures.append(.layer(index, target))
            }
        }
        return captures
    }

    private func width(_ capture: Capture) -> Int {
        switch capture {
        case .modelOutput: outputWidth
        case .sampleLoss: 1
        case .targets: network.target.map { $0.classes ?? $0.elements / targetPositions } ?? 0
        case .layer(let index, let basic):
            basic == .layerInput || basic == .layerInputGrad ? shapes[index].input : shapes[index].output
        }
    }

    /// Rows for each row of the batch.
    private func positions(_ capture: Capture) -> Int {
        switch capture {
        case .layer(let index, _): shapes[index].positions
        case .modelOutput: outputPositions
        case .targets: targetPositions
        case .sampleLoss: 1
        }
    }

    /// Where the rows come from that streaming probes take.
    private func rowSources(of tasks: [Visit], _ table: DataTable) throws -> [Measurement.Key: StreamedRows] {
        var sources: [Measurement.Key: StreamedRows] = [:]
        for task in tasks {
            for need in task.scheduled.probe.streamed {
                let expression = try QuantityExpression(need.expression)
                let key = Measurement.Key(expression: need.expression, layer: task.subject)
                if let captures = captures(expression, layer: task.subject), let capture = captures.first {
                    if let coupled, capture.needsLoss {
                        sources[key] = .undefined(coupled)
                    } else {
                        sources[key] = .capture(
                            capture, positions: positions(capture),
                            width: capture == .sampleLoss ? nil : width(capture))
                    }
                } else if expression.isInteger, let field = table.index(of: "y"), table.fields[field].classes != nil {
                    sources[key] = .labels(field: field, positions: targetPositions)
                }
            }
        }
        return sources
    }

    /// Quantities of parameters and of the data.
    private func addStatic(
        _ expression: QuantityExpression, _ key: Measurement.Key, _ table: DataTable, _ rows: Int,
        to pass: Measurement
    ) throws {
        let basic = expression.arguments[0]
        if basic == .labels {
            guard let field = table.index(of: "y"), table.fields[field].classes != nil else { return }
            pass.setLabels(key, table.pointer(field: field), rows: rows * targetPositions)
            return
        }
        if basic == .parameters {
            let values = parameters.blocks.indices.filter { parameters.blocks[$0].isTrained }
                .flatMap(parameters.copy(block:))
            pass.set(key, pass.keep(values, shape: [values.count]))
            return
        }
        if basic == .parameterValue {
            guard let block = parameters.blocks.firstIndex(where: { $0.name == key.layer }) else { return }
            pass.set(key, pass.keep(parameters.copy(block: block), shape: [parameters.blocks[block].count]))
            return
        }
        let index = basic.ofLayer == nil ? layers.firstIndex(of: key.layer) : layers.indices.last
        guard let index else { return }
        let shape = shapes[index]
        switch basic.ofLayer ?? basic {
        case .layerBias:
            if let bias = shape.bias { pass.set(key, pass.keep(weights.values(bias), shape: [shape.output])) }
        case .layerWeight, .layerWeightInitial:
            let initial = (basic.ofLayer ?? basic) == .layerWeightInitial
            let weight = initial ? initialWeights[shape.weight] ?? [] : weights.values(shape.weight)
            try pass.setWeight(key, expression.function, weight, rows: shape.output, columns: shape.input)
        default: break
        }
    }
}

/// A layer that the model does not have, in one sentence.
package struct UnknownLayer: Error, CustomStringConvertible, Equatable {
    package var description: String
    package init(_ description: String) { self.description = description }
}
