import Protocols

/// A number measured in several runs that differ by their seed only.
///
/// The interval is mean ± t·s/√N, s the sample standard deviation (N − 1) and t the 97.5 % quantile of Student's t
/// with N − 1 degrees of freedom; below two values there is none. Values that do not exist are counted with their
/// reasons and never averaged.
package struct Aggregate: Hashable, Sendable {
    package struct Missing: Hashable, Sendable {
        package var reason: String
        package var count: Int
    }

    /// Number of values.
    package var n = 0
    package var mean: Double?
    /// Half the width of the 95 % interval.
    package var halfWidth: Double?
    /// The ends of that interval; of a single value those of its interval over samples, if it was measured with one.
    package var low: Double?
    package var high: Double?
    /// The sample standard deviation (N − 1); nil below two values.
    package var deviation: Double?
    package var median: Double?
    package var min: Double?
    package var max: Double?
    /// By descending count, then by reason.
    package var missing: [Missing] = []

    package var missingCount: Int { missing.reduce(0) { $0 + $1.count } }
    /// `run_diverged ×2; undefined_value`.
    package var reasons: String {
        missing.map { $0.count == 1 ? $0.reason : "\($0.reason) ×\($0.count)" }.joined(separator: "; ")
    }

    /// Infinities and NaN among the values count as missing, reason `not_finite`.
    package init(_ values: [Double], missing reasons: [String] = []) {
        let finite = values.filter(\.isFinite)
        var counts: [String: Int] = [:]
        for reason in reasons { counts[reason, default: 0] += 1 }
        if finite.count < values.count { counts["not_finite", default: 0] += values.count - finite.count }
        missing = counts.map { Missing(reason: $0.key, count: $0.value) }
            .sorted { ($1.count, $0.reason) < ($0.count, $1.reason) }
        n = finite.count
        guard let first = finite.first else { return }

        // Deviations from the first value: equal values give exactly that mean and a half-width of exactly 0.
        let count = Double(n)
        let mean = first + finite.reduce(0) { $0 + ($1 - first) } / count
        self.mean = mean
        if n >= 2 {
            let squares = finite.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            deviation = (squares / (count - 1)).squareRoot()
            let half = Aggregate.quantile(n) * (squares / (count - 1) / count).squareRoot()
            (halfWidth, low, high) = (half, mean - half, mean + half)
        }
        let sorted = finite.sorted()
        median = n % 2 == 1 ? sorted[n / 2] : sorted[n / 2 - 1] + (sorted[n / 2] - sorted[n / 2 - 1]) / 2
        min = sorted[0]
        max = sorted[n - 1]
    }

    /// Quantiles of up to 64 values, computed once; the rest when asked for.
    private static let quantiles = (2...64).map { StudentT.twoSided(coverage: 0.95, degrees: Double($0 - 1)) ?? .nan }
    private static func quantile(_ n: Int) -> Double {
        n <= 64 ? quantiles[n - 2] : StudentT.twoSided(coverage: 0.95, degrees: Double(n - 1)) ?? .nan
    }
}

extension StudyResults {
    /// A series at one step over the runs of a setting.
    package struct Point: Sendable {
        package var step: Int
        package var value: Aggregate
    }

    /// The step of the last values of a series: the largest that a finished run of the setting recorded.
    package func lastStep(_ series: Int, setting: Int) -> Int? {
        finished(of: series, setting: setting).lazy.compactMap { sources[$0].curves.lastStep(series) }.max()
    }

    /// The smallest step of a series that a finished run of the setting recorded.
    package func firstStep(_ series: Int, setting: Int) -> Int? {
        finished(of: series, setting: setting).lazy.compactMap { sources[$0].curves.firstStep(series) }.min()
    }

    /// The last values over seeds. A run that did not finish is missing with the reason `run_<status>`, unless it
    /// recorded that step.
    package func last(_ series: Int, setting: Int) -> Point? {
        guard let step = lastStep(series, setting: setting) else { return nil }
        return Point(step: step, value: aggregate(series, at: step, runs: members(of: series, setting: setting)))
    }

    /// A series over training, over the finished runs of a setting: one point for each step that one of them
    /// recorded, thinned to `limit` steps.
    package func curve(_ series: Int, setting: Int, limit: Int = Figures.stepLimit) -> [Point] {
        let runs = finished(of: series, setting: setting)
        // Runs of one setting mostly have the same steps, in order.
        var steps: [Int32] = []
        for (i, run) in runs.enumerated() {
            let own = sources[run].curves.steps[sources[run].curves.range(series)]
            if i == 0 {
                steps = Array(own)
            } else if !steps.elementsEqual(own) {
                steps += own
            }
        }
        let isAscending = zip(steps, steps.dropFirst()).allSatisfy { $0 < $1 }
        let all = isAscending ? steps : Set(steps).sorted()
        return Self.thinned(all.count, to: limit).map {
            Point(step: Int(all[$0]), value: aggregate(series, at: Int(all[$0]), runs: runs))
        }
    }

    func aggregate(_ series: Int, at step: Int, runs positions: [Int]) -> Aggregate {
        var values: [Double] = []
        var missing: [String] = []
        for position in positions {
            switch value(series, at: step, run: position) {
            case .number(let value): values.append(value)
            case .missing(let reason): missing.append(reason)
            }
        }
        var aggregate = Aggregate(values, missing: missing)
        // Pairs that share a run are not independent.
        if isOfPairs(series) { (aggregate.halfWidth, aggregate.low, aggregate.high) = (nil, nil, nil) }
        if aggregate.n == 1, let bounds = bounds[series] {
            let low = self.aggregate(bounds.low, at: step, runs: positions).mean
            let high = self.aggregate(bounds.high, at: step, runs: positions).mean
            if let low, let high { (aggregate.low, aggregate.high) = (low, high) }
        }
        return aggregate
    }

    /// A run that a rule ended keeps the values of its end.
    func value(_ series: Int, at step: Int, run: Int) -> Observation.Value {
        // Fields of a source are read in place: a copy of a run counts references to all that its record holds.
        let status = sources[run].record.status, end = sources[run].record.step
        let isHeld = status == .finished && step > end && sources[run].curves.lastStep(series) == end
        guard let row = sources[run].curves.row(series, at: isHeld ? end : step) else {
            return .missing(reason: status == .finished ? "not_recorded" : "run_\(status.rawValue)")
        }
        let reason = sources[run].curves.reasons[row]
        return reason == 0 ? .number(sources[run].curves.values[row]) : .missing(reason: reasons[Int(reason)])
    }

    /// Positions of at most `limit` (and one) of so many: every k-th from the end, so that the last stays, and the first.
    static func thinned(_ count: Int, to limit: Int) -> [Int] {
        guard count > limit else { return Array(0..<count) }
        let stride = (count + limit - 1) / limit
        let kept = (0..<count).filter { (count - 1 - $0) % stride == 0 }
        return kept.first == 0 ? kept : [0] + kept
    }
}
