import Engine
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
    /// Of the bootstrap over samples that intervals come from; 0: none.
    package var replicates: Int
    /// Random cotangents that stand for the outputs in Jacobians; nil: each output.
    package var cotangents: Int?

    package init(
        key: String, probe: any Probe, steps: Set<Int>, split: String = "train", samples: Int? = nil,
        layers: Set<String>? = nil, recorded: Set<Int>? = nil, replicates: Int = 0, cotangents: Int? = nil
    ) {
        (self.key, self.probe, self.steps) = (key, probe, steps)
        (self.split, self.samples, self.layers, self.recorded) = (split, samples, layers, recorded)
        (self.replicates, self.cotangents) = (replicates, cotangents)
    }
}

extension ScheduledProbe {
    fileprivate func isRecorded(at step: Int) -> Bool { recorded?.contains(step) ?? true }
}

/// Measures a network, or what was recorded of one: runs it in f64 over the rows that the due probes ask for, forms each
/// needed quantity once, and hands them to the probes.
package final class Observer {
    /// Rows per pass at most; memory grows with this number, not with the number of samples.
    static let chunk = 512
    /// Numbers of layers' inputs and outputs that a pass holds: images of convolutions are large, so fewer rows.
    static let largestPass = 1 << 24

    let observed: any Observed
    /// nil: arrays are observed.
    private let network: ObservedNetwork?
    let tables: [String: DataTable]
    /// The quantities of plugins; nil: none.
    let definitions: (any QuantityDefinitions)?
    /// The two layers of each pair that was asked for, by its name.
    private(set) var pairs: [String: [String]] = [:]
    /// Under which key everything that was asked for is formed.
    var homes: [Measurement.Key: (QuantityExpression, Measurement.Key)] = [:]
    /// Of probes with states, by key and by what they are about.
    private var memories: [String: [String: ProbeMemory]] = [:]

    package var layers: [String] { observed.shapes.map(\.name) }

    /// `store` holds the initial values when this is called.
    package convenience init(
        _ network: Network, store: ParameterStore, tables: [String: DataTable],
        definitions: (any QuantityDefinitions)? = nil
    ) throws {
        self.init(try ObservedNetwork(network, initial: store), tables, definitions)
    }

    /// An observer of another copy of the network, which shares its programs and memory with this one: they take turns.
    package convenience init(
        sharing other: Observer, store: ParameterStore, tables: [String: DataTable],
        definitions: (any QuantityDefinitions)? = nil
    ) {
        self.init(ObservedNetwork(sharing: other.ownNetwork, initial: store), tables, definitions)
    }

    init(_ observed: any Observed, _ tables: [String: DataTable], _ definitions: (any QuantityDefinitions)?) {
        (self.observed, network) = (observed, observed as? ObservedNetwork)
        (self.tables, self.definitions) = (tables, definitions)
    }

    /// Of an observer that was made of one.
    private var ownNetwork: ObservedNetwork {
        guard let network else { preconditionFailure("arrays are observed, not a network") }
        return network
    }

    /// The loss on any rows, first of all of a split, at the values in `store`.
    package func derivatives(at store: ParameterStore, split: String) -> any Derivatives {
        ownNetwork.move(to: store)
        return ownNetwork.bound(to: tables, split: split, rows: tables[split]?.rows ?? 0)
    }

    /// Every layer (for a probe of parameters: parameter) that a probe asks for must be there.
    package func check(_ probes: [ScheduledProbe]) throws {
        for scheduled in probes {
            let isOfParameters = scheduled.probe.scope == .parameter
            try check(
                scheduled.layers, among: isOfParameters ? observed.parameters : layers,
                kind: isOfParameters ? "parameter" : "layer", of: "probes.\(scheduled.key)")
        }
    }

    /// The same for layers and parameters of `record`.
    package func check(recorded names: Set<String>?) throws {
        try check(names, among: layers + observed.parameters, kind: "layer", of: "record")
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
        ownNetwork.move(to: store)
        try observe(step: step, due: due, record: record)
    }

    /// The same of recorded arrays, or of a network at the values where it is.
    package func observe(step: Int, due: [ScheduledProbe], record: (Observation) -> Void) throws {
        let groups = Dictionary(grouping: due.indices) { index in
            FirstRows(split: due[index].split, most: due[index].samples, cotangents: due[index].cotangents, tables)
        }
        for group in groups.sorted(by: { $0.key < $1.key }) {
            let tasks = group.value.flatMap { index in
                subjects(due[index].probe, due[index].layers).map { subject in
                    let memory = memory(of: due[index], subject)
                    return Task(
                        scheduled: due[index],
                        visit: Visit(
                            taker: due[index].probe, subject: subject, memory: memory,
                            replicates: due[index].isRecorded(at: step) ? due[index].replicates : 0))
                }
            }
            let pass = try measure(rows: group.key, step: step, for: tasks.map(\.visit))
            var estimates: [[Observation]] = []
            for task in tasks {
                var own: [Observation] = []
                try task.scheduled.probe.measure(
                    step: step, layer: task.visit.subject, quantities: pass, memory: task.visit.memory
                ) { observation in
                    guard task.scheduled.isRecorded(at: step) else { return }
                    var named = observation
                    named.probe = task.scheduled.key
                    record(named)
                    if task.visit.replicates > 0 { own.append(named) }
                }
                estimates.append(own)
                task.visit.memory.endObservation()
            }
            if let resampling = pass.resampling {
                try resampling.intervals(tasks.map(\.visit), estimates, step: step).forEach(record)
            }
        }
    }

    private struct Task {
        var scheduled: ScheduledProbe
        var visit: Visit
    }

    /// What asks for quantities, and what it is about.
    struct Visit {
        var taker: any QuantityTaker
        var subject: String
        var memory: ProbeMemory
        /// Of the bootstrap.
        var replicates: Int

        init(taker: any QuantityTaker, subject: String, memory: ProbeMemory, replicates: Int = 0) {
            (self.taker, self.subject, self.memory, self.replicates) = (taker, subject, memory, replicates)
        }

        /// Asks for one quantity.
        init(asking expression: String, of subject: String) {
            self.init(taker: Asking(expression), subject: subject, memory: ProbeMemory())
        }
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

    /// The values of quantities for all layers they exist for, as `(key, quantity)`, the key being `fc1/layer.input` or `labels`;
    /// `undefined` gets the key of a quantity that has no value, and why; without it that is thrown.
    package func quantities(
        _ expressions: [String], split: String, samples: Int?, step: Int = 0, store: ParameterStore,
        undefined: ((String, Undefined) -> Void)? = nil, each: (String, Quantity) throws -> Void
    ) throws {
        ownNetwork.move(to: store)
        let rows = FirstRows(split: split, most: samples, tables)
        let asked = try expressions.flatMap { expression in
            try subjects(scope(of: expression), nil).map { (expression, $0) }
        }
        let pass = try measure(
            rows: rows, step: step,
            for: asked.map { Visit(asking: $0, of: $1) })
        for (expression, subject) in asked {
            let key = subject.isEmpty ? expression : "\(subject)/\(expression)"
            do {
                if let quantity = try pass.quantity(expression, layer: subject) { try each(key, quantity) }
            } catch let reason as Undefined {
                guard let undefined else { throw reason }
                undefined(key, reason)
            }
        }
    }

    /// Quantities of one layer, or of none.
    func quantities(
        of layer: String, _ expressions: [String], split: String, samples: Int?, store: ParameterStore
    ) throws -> any QuantitySource {
        ownNetwork.move(to: store)
        return try measure(
            rows: FirstRows(split: split, most: samples, tables), step: 0,
            for: expressions.map { Visit(asking: $0, of: layer) })
    }

    /// Asks for one quantity.
    private final class Asking: QuantityTaker {
        let needs: [Need]
        init(_ expression: String) { needs = [Need(expression, optional: true)] }
    }

    func subjects(_ probe: any Probe, _ only: Set<String>?) -> [String] {
        guard probe.scope == .layerPair else { return subjects(probe.scope, only) }
        let chosen = subjects(.layer, only)
        return chosen.enumerated().flatMap { i, first in
            let seconds =
                probe.isConsecutive
                ? chosen.dropFirst(i + 1).prefix(1) : chosen.dropFirst(probe.isSymmetric ? i : 0)
            return seconds.map { second in
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
        case .parameter: observed.parameters.filter { only?.contains($0) ?? true }
        case .layerPair, .runPair: []
        }
    }

    /// The first rows of a split.
    struct FirstRows: Hashable, Comparable {
        var split: String
        /// Of this split and of others that are observed with it; `.max`: all.
        private var most: Int
        var count: Int
        /// Random cotangents that stand for the outputs in Jacobians; nil: each output.
        var cotangents: Int?

        init(split: String, most: Int?, cotangents: Int? = nil, _ tables: [String: DataTable]) {
            let available = tables[split]?.rows ?? 0
            count = min(most ?? available, available)
            (self.split, self.cotangents) = (split, cotangents)
            self.most = most ?? .max
        }

        /// As many of another split.
        func of(_ split: String, _ tables: [String: DataTable]) -> FirstRows {
            FirstRows(split: split, most: most == .max ? nil : most, cotangents: cotangents, tables)
        }

        static func < (a: FirstRows, b: FirstRows) -> Bool {
            (a.split, a.count, a.most, a.cotangents ?? 0) < (b.split, b.count, b.most, b.cotangents ?? 0)
        }
    }
}

/// A layer that the model does not have, in one sentence.
package struct UnknownLayer: Error, CustomStringConvertible, Equatable {
    package var description: String
    package init(_ description: String) { self.description = description }
}
