import Protocols

/// What lies between two numbers with a probability of 95 %.
struct Interval: Equatable {
    var low, high: Double

    /// The basic bootstrap interval [2e − q(0.975), 2e − q(0.025)] of an estimate e, with quantiles q of the replicates by linear
    /// interpolation (Davison and Hinkley 1997, section 5.2.1). Where a few samples bias an estimate, as they bias an
    /// alignment downwards, replicates are biased once more in the same direction: turning their quantiles around takes that off.
    init(basic estimate: Double, replicates: [Double]) {
        let sorted = replicates.sorted()
        func quantile(_ p: Double) -> Double {
            let place = p * Double(sorted.count - 1), below = Int(place)
            let above = min(below + 1, sorted.count - 1)
            return sorted[below] + (place - Double(below)) * (sorted[above] - sorted[below])
        }
        (low, high) = (2 * estimate - quantile(0.975), 2 * estimate - quantile(0.025))
    }
}

extension Resampling {
    /// For every number in `estimates` its interval, as two observations: `alpha.low` and `alpha.high`.
    /// - Parameter estimates: of each visit.
    func intervals(
        _ visits: [Observer.Visit], _ estimates: [[Observation]], step: Int
    ) throws -> [Observation] {
        var values: [Observation: [Double]] = [:]
        func name(_ observation: Observation, _ probe: String) -> Observation {
            var name = observation
            (name.probe, name.value) = (probe, .number(0))
            return name
        }
        for number in 0..<(visits.map(\.replicates).max() ?? 0) {
            let replicate = replicate(number, step: step)
            for (visit, own) in zip(visits, estimates) where number < visit.replicates {
                guard let probe = visit.taker as? any Probe, let key = own.first?.probe else { continue }
                try probe.measure(
                    step: step, layer: visit.subject, quantities: replicate,
                    memory: memory(number, probe, visit.subject)
                ) { observation in
                    if case .number(let value) = observation.value {
                        values[name(observation, key), default: []].append(value)
                    }
                }
            }
        }
        return zip(visits, estimates).flatMap { visit, own in
            own.flatMap { estimate in
                bounds(of: estimate, values[name(estimate, estimate.probe)] ?? [], among: visit.replicates)
            }
        }
    }

    private func bounds(of estimate: Observation, _ values: [Double], among replicates: Int) -> [Observation] {
        func bound(_ suffix: String, _ value: Observation.Value) -> Observation {
            var bound = estimate
            bound.output += suffix
            bound.value = value
            return bound
        }
        guard case .number(let number) = estimate.value else {
            return [bound(".low", estimate.value), bound(".high", estimate.value)]
        }
        // An interval of the replicates that happen to be defined would be too narrow.
        guard values.count >= max(2, replicates - replicates / 20) else {
            let reason = Observation.Value.missing(reason: "replicates_undefined")
            return [bound(".low", reason), bound(".high", reason)]
        }
        let interval = Interval(basic: number, replicates: values)
        return [bound(".low", .number(interval.low)), bound(".high", .number(interval.high))]
    }
}
