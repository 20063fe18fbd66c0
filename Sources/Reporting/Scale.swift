import Foundation
import Manifests

/// Maps data to the length of an axis, and says where its ticks are.
package struct Scale: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case linear
        case log
        /// Logarithmic, with 0 in a place of its own before the smallest positive value.
        case logWithZero
        /// Linear within ±threshold, logarithmic beyond: sign(x) log(1 + |x|/threshold).
        case symlog(threshold: Double)
        /// 0, 1, 2, … at equal distances under names.
        case categories([String])
    }

    package struct Tick: Hashable, Sendable {
        package var value: Double
        package var label: String
    }

    package var kind: Kind
    package var low: Double
    package var high: Double

    package init(kind: Kind, low: Double, high: Double) {
        self.kind = kind
        self.low = low
        self.high = high
    }

    /// How much of the axis a zero takes on `logWithZero`.
    package static let zeroWidth = 0.09

    /// 0 at `low`, 1 at `high`. Values that a logarithm cannot show lie at 0.
    package func position(_ value: Double) -> Double {
        switch kind {
        case .linear: high > low ? (value - low) / (high - low) : 0.5
        case .log: value > 0 && high > low ? Foundation.log(value / low) / Foundation.log(high / low) : 0
        case .logWithZero:
            if value <= 0 {
                0
            } else if high > low {
                Scale.zeroWidth + (1 - Scale.zeroWidth) * Foundation.log(value / low) / Foundation.log(high / low)
            } else {
                1
            }
        case .symlog(let threshold):
            (Scale.symlog(value, threshold) - Scale.symlog(low, threshold))
                / (Scale.symlog(high, threshold) - Scale.symlog(low, threshold))
        case .categories(let names): (value + 0.5) / Double(max(1, names.count))
        }
    }

    private static func symlog(_ value: Double, _ threshold: Double) -> Double {
        value < 0 ? -log1p(-value / threshold) : log1p(value / threshold)
    }

    /// About `count` ticks with short labels, all within the axis.
    package func ticks(_ count: Int = 4) -> [Tick] {
        switch kind {
        case .linear: linearTicks(count)
        case .log: decades(count, from: low).map { Tick(value: $0, label: NumberText.tick($0)) }
        case .logWithZero:
            [Tick(value: 0, label: "0")]
                + decades(count, from: low).map { Tick(value: $0, label: NumberText.tick($0)) }
        case .symlog(let threshold): symlogTicks(threshold)
        case .categories(let names): names.enumerated().map { Tick(value: Double($0), label: $1) }
        }
    }

    /// Multiples of 1, 2 or 5 times a power of ten.
    private func linearTicks(_ count: Int) -> [Tick] {
        guard high > low, count > 0 else { return [Tick(value: low, label: NumberText.tick(low))] }
        let step = Scale.niceStep((high - low) / Double(max(2, count - 1)))
        let first = (low / step - 1e-9).rounded(.up)
        let last = (high / step + 1e-9).rounded(.down)
        guard last >= first, last - first < 100 else { return [] }
        return stride(from: first, through: last, by: 1).map { k in
            let value = k * step
            return Tick(value: value, label: NumberText.tick(abs(value) < step / 2 ? 0 : value))
        }
    }

    /// The nearest of 1, 2, 5 times a power of ten.
    static func niceStep(_ rough: Double) -> Double {
        let power = pow(10, log10(rough).rounded(.down))
        let digit = rough / power
        return power * (digit < 1.5 ? 1 : digit < 3 ? 2 : digit < 7 ? 5 : 10)
    }

    /// Powers of ten, every k-th if there are many; with 2 and 5 between them if there are fewer than two.
    private func decades(_ count: Int, from low: Double) -> [Double] {
        guard low > 0, high > low else { return low > 0 ? [low] : [] }
        let slack = 1 + 1e-9
        let first = Int(log10(low / slack).rounded(.up))
        let last = Int(log10(high * slack).rounded(.down))
        if last - first < 1 {
            let near = (first - 2...last + 1).flatMap { power in [1.0, 2, 5].map { $0 * pow(10, Double(power)) } }
            return near.filter { $0 >= low / slack && $0 <= high * slack }
        }
        let stride = max(1, (last - first + count) / max(1, count))
        // Aligned to the upper end, where the interesting values of a step axis are.
        return (first...last).filter { (last - $0) % stride == 0 }.map { pow(10, Double($0)) }
    }

    private func symlogTicks(_ threshold: Double) -> [Tick] {
        let top = Int(log10(max(abs(low), abs(high))).rounded(.down))
        let bottom = Int(log10(threshold).rounded(.up))
        let stride = max(1, (top - bottom) / 2)
        let powers = (bottom...max(bottom, top)).filter { (top - $0) % stride == 0 }.map { pow(10, Double($0)) }
        let values = powers.reversed().map { -$0 } + [0] + powers
        return values.filter { $0 >= low && $0 <= high }.map { Tick(value: $0, label: NumberText.tick($0)) }
    }
}

extension Scale {
    /// The axis of training steps: logarithmic with a place for 0 if the steps are denser at the start, else linear.
    package static func steps(_ steps: [Int]) -> Scale {
        let positive = steps.filter { $0 > 0 }.sorted()
        guard let first = positive.first, let last = positive.last else {
            return Scale(kind: .linear, low: 0, high: 1)
        }
        let middle = positive[positive.count / 2]
        if last >= 30 * first, middle * 4 <= last {
            return Scale(kind: steps.contains(0) ? .logWithZero : .log, low: Double(first), high: Double(last))
        }
        let low = steps.contains(0) ? 0 : first
        return Scale(kind: .linear, low: Double(low), high: Double(max(last, low + 1)))
    }

    /// The axis of measured values: logarithmic where all are positive and reach over two decades, symlog where zeros
    /// or signs come with four decades, else linear. `edges` (the ends of intervals) may widen the axis but do not
    /// choose its kind.
    package static func values(_ values: [Double], edges: [Double] = []) -> Scale {
        let finite = values.filter(\.isFinite)
        guard let least = finite.min(), let most = finite.max() else { return Scale(kind: .linear, low: 0, high: 1) }
        if least > 0, most >= 100 * least { return logarithmic(finite, edges: edges) }
        let sizes = finite.map(abs).filter { $0 > 0 }.sorted()
        if least <= 0, let biggest = sizes.last, biggest >= 1e4 * sizes[sizes.count / 4] { return symmetric(finite) }
        return linear(finite, edges: edges)
    }

    /// The axis of an asked kind.
    static func values(_ values: [Double], edges: [Double], kind: Figure.Axis?) -> Scale {
        let finite = values.filter(\.isFinite)
        switch kind {
        case nil: return .values(values, edges: edges)
        case .linear: return linear(finite, edges: edges)
        case .log: return logarithmic(finite.filter { $0 > 0 }, edges: edges)
        case .symlog: return symmetric(finite)
        }
    }

    /// Of positive values.
    private static func logarithmic(_ values: [Double], edges: [Double]) -> Scale {
        guard let least = values.min(), let most = values.max() else { return Scale(kind: .log, low: 0.1, high: 10) }
        let low = edges.filter { $0 > least / 3 }.min() ?? least
        let high = edges.filter { $0.isFinite && $0 < most * 3 }.max() ?? most
        return Scale(kind: .log, low: min(low, least) / 1.1, high: max(high, most) * 1.1)
    }

    /// Linear within the lower quartile of the sizes.
    private static func symmetric(_ values: [Double]) -> Scale {
        let sizes = values.map(abs).filter { $0 > 0 }.sorted()
        guard !sizes.isEmpty else { return linear(values, edges: []) }
        return Scale(
            kind: .symlog(threshold: sizes[sizes.count / 4]), low: min(values.min() ?? 0, 0),
            high: max(values.max() ?? 0, 0))
    }

    private static func linear(_ values: [Double], edges: [Double]) -> Scale {
        guard let least = values.min(), let most = values.max() else { return Scale(kind: .linear, low: 0, high: 1) }
        let range = max(most - least, 0)
        let reach = edges.filter { $0.isFinite && $0 > least - range && $0 < most + range }
        var low = min(least, reach.min() ?? least)
        var high = max(most, reach.max() ?? most)
        if least >= 0, most <= 1, most - least > 0.4 { return Scale(kind: .linear, low: 0, high: 1) }
        if least >= 0, low < 0.35 * high { low = 0 }
        if low == high {
            let pad = low == 0 ? 1 : abs(low) * 0.1
            return Scale(kind: .linear, low: low - pad, high: high + pad)
        }
        let pad = 0.04 * (high - low)
        if low != 0 { low -= pad }
        high += pad
        return Scale(kind: .linear, low: low, high: high)
    }
}
