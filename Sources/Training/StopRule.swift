import Engine
import Observing
import Protocols

/// When a run has done what it was for.
package struct StopRule: Hashable, Sendable {
    package enum Watched: Hashable, Sendable {
        /// The data loss of the batch.
        case loss
        /// The Euclidean norm of the gradient that the optimizer was given last: that of the data loss and the regularizers, over all trained parameters.
        case gradientNorm
        /// A probe's output; of all layers if none is named.
        case output(probe: String, output: String, layer: String?)
    }

    package enum Condition: Hashable, Sendable {
        case below(Double)
        case above(Double)
        /// The last `over` values differ by at most this.
        case within(Double, over: Int)
    }

    /// The key of the study.
    package var key: String
    package var watched: Watched
    package var condition: Condition
    /// Steps between two looks at the loss or the gradient; outputs are looked at when they are measured.
    package var every: Int
    /// The first step at which it may hold.
    package var from: Int

    package init(key: String, watched: Watched, condition: Condition, every: Int, from: Int) {
        (self.key, self.watched, self.condition, self.every, self.from) = (key, watched, condition, every, from)
    }
}

/// Follows one run and says when a rule holds. A rule about an output holds when it holds for all its layers and elements, each of
/// which has a value.
final class StopWatch {
    /// One number along training; an output has one for each layer and element.
    private struct Series: Hashable {
        var layer: String
        var index: Int?
    }

    private let rules: [StopRule]
    /// For each rule the last values of each series, the latest at the end; empty after a missing one.
    private var recent: [[Series: [Double]]]
    /// For each rule, whether something was measured at this step.
    private var isNew: [Bool]

    /// nil without rules, so that a run without them pays nothing.
    init?(_ rules: [StopRule]) {
        guard !rules.isEmpty else { return nil }
        self.rules = rules
        recent = Array(repeating: [:], count: rules.count)
        isNew = Array(repeating: false, count: rules.count)
    }

    func take(_ observation: Observation) {
        for (index, rule) in rules.enumerated() {
            guard case .output(let probe, let output, let layer) = rule.watched, probe == observation.probe,
                output == observation.output, layer == nil || layer == observation.layer
            else { continue }
            let series = Series(layer: observation.layer, index: observation.index)
            guard case .number(let value) = observation.value, value.isFinite else {
                recent[index][series] = []
                continue
            }
            remember(value, of: series, rule: index)
        }
    }

    private func remember(_ value: Double, of series: Series, rule index: Int) {
        var values = recent[index][series] ?? []
        values.append(value)
        recent[index][series] = values.suffix(rules[index].condition.memory)
        isNew[index] = true
    }

    /// What the first rule that holds behind a step says: `'fitted' at step 1200: loss 9.7e-05 is below 0.0001`.
    func verdict(step: Int, loss: Double, store: ParameterStore) -> String? {
        for (index, rule) in rules.enumerated() {
            switch rule.watched {
            case .output: break
            case .loss:
                // Before the first step no batch has a loss.
                guard step > 0, step % rule.every == 0 else { continue }
                remember(loss, of: Series(layer: ""), rule: index)
            case .gradientNorm:
                guard step > 0, step % rule.every == 0 else { continue }
                remember(store.gradientNorm, of: Series(layer: ""), rule: index)
            }
            guard isNew[index] else { continue }
            isNew[index] = false
            if step >= rule.from, !recent[index].isEmpty, recent[index].values.allSatisfy(rule.condition.holds) {
                return "'\(rule.key)' at step \(step): \(rule.words(Array(recent[index].values)))"
            }
        }
        return nil
    }

    // MARK: - Checkpoints

    var states: [(name: String, tensor: ProbeMemory.Tensor)] {
        rules.indices.flatMap { index in
            recent[index].map { series, values in
                let tensor = ProbeMemory.Tensor(shape: [values.count], isInteger: false)
                tensor.set(values)
                return (name(index, series), tensor)
            }
        }
    }

    func setState(_ name: String, _ tensor: ProbeMemory.Tensor) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, let index = rules.firstIndex(where: { "stop.\($0.key)" == parts[0] }) else {
            return false
        }
        recent[index][Series(layer: parts[1], index: Int(parts[2]))] = tensor.numbers
        return true
    }

    private func name(_ rule: Int, _ series: Series) -> String {
        "stop.\(rules[rule].key)/\(series.layer)/\(series.index.map(String.init) ?? "")"
    }
}

extension StopRule.Condition {
    /// How many values it is about.
    fileprivate var memory: Int { if case .within(_, let over) = self { over } else { 1 } }

    fileprivate func holds(_ values: [Double]) -> Bool {
        guard values.count == memory, let low = values.min(), let high = values.max() else { return false }
        return switch self {
        case .below(let bound): high < bound
        case .above(let bound): low > bound
        case .within(let width, _): high - low <= width
        }
    }
}

extension StopRule {
    fileprivate func words(_ values: [[Double]]) -> String {
        let name =
            switch watched {
            case .loss: "loss"
            case .gradientNorm: "gradient_norm"
            case .output(let probe, let output, let layer):
                "\(probe).\(output)" + (layer.map { " of \($0)" } ?? "")
            }
        let latest = values.compactMap(\.last)
        func text(_ value: Double?) -> String { value.map { "\(Float($0))" } ?? "none" }
        switch condition {
        case .below(let bound): return "\(name) \(text(latest.max())) is below \(bound)"
        case .above(let bound): return "\(name) \(text(latest.min())) is above \(bound)"
        case .within(let width, let over):
            return "the last \(over) values of \(name) are within \(width)"
        }
    }
}

extension ParameterStore {
    /// Of the last gradient of all trained parameters, summed in f64.
    fileprivate var gradientNorm: Double {
        trainedBlocks.reduce(0) { sum, index in
            copyGradient(block: index).reduce(sum) { $0 + $1 * $1 }
        }.squareRoot()
    }
}
