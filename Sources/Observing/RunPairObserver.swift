import Engine
import Manifests
import Protocols

/// Measures probes of two networks, a first and a second, on the same rows.
package struct RunPairObserver {
    private let observers: [Observer]

    /// - Parameters:
    ///   - first: the observer of the first network, and `second` of the second, both of the same tables.
    package init(first: Observer, second: Observer) { observers = [first, second] }

    /// Measures one probe on the values in two stores: once for each layer that both networks have if it asks for quantities of
    /// layers, else once.
    package func measure(
        _ scheduled: ScheduledProbe, step: Int, _ stores: [ParameterStore], record: (Observation) -> Void
    ) throws {
        let probe = scheduled.probe
        let wanted = try probe.needs.reduce(into: Set<QuantityExpression.Basic>()) { wanted, need in
            wanted.formUnion(try observers[0].basics(of: QuantityExpression(need.expression)))
        }
        let isOfLayers = wanted.contains { $0.scopes.contains(.layerPair) && $0.member != nil }
        let common = observers[0].layers.filter(observers[1].layers.contains)
        let chosen = common.filter { scheduled.layers?.contains($0) ?? true }
        for subject in isOfLayers ? chosen : [""] {
            let quantities = try self.quantities(wanted, subject, scheduled, stores)
            try probe.measure(step: step, layer: subject, quantities: quantities, memory: ProbeMemory()) {
                var observation = $0
                observation.probe = scheduled.key
                record(observation)
            }
        }
    }

    private func quantities(
        _ wanted: Set<QuantityExpression.Basic>, _ subject: String, _ scheduled: ScheduledProbe,
        _ stores: [ParameterStore]
    ) throws -> RunPairQuantities {
        var arrays: [String: RecordedQuantities.Array] = [:]
        var undefined: [QuantityExpression.Basic: Undefined] = [:]
        for (index, observer) in observers.enumerated() {
            // What belongs to neither is the first's.
            let own = wanted.filter { ($0.member?.index ?? 0) == index }.sorted { $0.rawValue < $1.rawValue }
            guard !own.isEmpty else { continue }
            let pass = try observer.quantities(
                of: subject, own.map { ($0.member?.of ?? $0).rawValue }, split: scheduled.split,
                samples: scheduled.samples, store: stores[index])
            for basic in own {
                do {
                    let name = (basic.member?.of ?? basic).rawValue
                    guard let quantity = try pass.quantity(name, layer: subject) else { continue }
                    arrays[subject.isEmpty ? basic.rawValue : "\(subject)/\(basic.rawValue)"] = .init(quantity)
                } catch let reason as Undefined {
                    undefined[basic] = reason
                }
            }
        }
        return RunPairQuantities(
            recorded: RecordedQuantities(arrays, definitions: observers[0].definitions), observer: observers[0],
            undefined: undefined)
    }
}

/// Quantities of two runs, formed from rows of both.
private struct RunPairQuantities: QuantitySource {
    let recorded: RecordedQuantities
    let observer: Observer
    let undefined: [QuantityExpression.Basic: Undefined]

    func quantity(_ expression: String, layer: String) throws -> Quantity? {
        for argument in try observer.basics(of: QuantityExpression(expression)) {
            if let reason = undefined[argument] { throw reason }
        }
        return try recorded.quantity(expression, layer: layer)
    }
}

extension RecordedQuantities.Array {
    fileprivate init(_ quantity: Quantity) {
        let count = quantity.shape.reduce(1, *)
        let data: [Double] =
            switch quantity.data {
            case .real(let values): Array(UnsafeBufferPointer(start: values, count: count))
            case .integer(let values): (0..<count).map { Double(values[$0]) }
            }
        self.init(shape: quantity.shape, data: data)
    }
}
