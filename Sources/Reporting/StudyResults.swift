import Manifests
import Studies

/// The observations of one run, sorted by series and step.
package struct Curves: Sendable {
    /// `rows[s] ..< rows[s + 1]` are the rows of series s; series that this run never saw may lie beyond the end.
    private(set) var rows: [Int32] = [0]
    private(set) var steps: [Int32] = []
    /// NaN where there is no value.
    private(set) var values: [Double] = []
    /// Index into `StudyResults.reasons`; 0 where there is a value.
    private(set) var reasons: [UInt16] = []

    package func range(_ series: Int) -> Range<Int> {
        series + 1 < rows.count ? Int(rows[series])..<Int(rows[series + 1]) : 0..<0
    }

    /// The row of a series at a step, the later one if a resumed run wrote two.
    func row(_ series: Int, at step: Int) -> Int? {
        range(series).last { steps[$0] == step }
    }

    func lastStep(_ series: Int) -> Int? { range(series).last.map { Int(steps[$0]) } }
    func firstStep(_ series: Int) -> Int? { range(series).first.map { Int(steps[$0]) } }
}

extension Curves {
    init(series: [Int32], steps log: [Int], values logged: [Double], reasons codes: [UInt16], seriesCount: Int) {
        rows = Array(repeating: 0, count: seriesCount + 1)
        for s in series { rows[Int(s) + 1] += 1 }
        for s in 0..<seriesCount { rows[s + 1] += rows[s] }
        var next = rows
        steps = Array(repeating: 0, count: series.count)
        values = Array(repeating: 0, count: series.count)
        reasons = Array(repeating: 0, count: series.count)
        for i in series.indices {
            let row = Int(next[Int(series[i])])
            next[Int(series[i])] += 1
            steps[row] = Int32(clamping: log[i])
            values[row] = logged[i]
            reasons[row] = codes[i]
        }
        for s in 0..<seriesCount where !isAscending(range(s)) { sort(range(s)) }
    }

    private func isAscending(_ range: Range<Int>) -> Bool {
        range.dropFirst().allSatisfy { steps[$0 - 1] <= steps[$0] }
    }

    private mutating func sort(_ range: Range<Int>) {
        let order = range.sorted { (steps[$0], $0) < (steps[$1], $1) }
        steps.replaceSubrange(range, with: order.map { steps[$0] })
        values.replaceSubrange(range, with: order.map { values[$0] })
        reasons.replaceSubrange(range, with: order.map { reasons[$0] })
    }
}

/// A finished (or failed) study, as its folder tells it: runs, what they measured, and what the study claims.
package struct StudyResults: Sendable {
    package struct Run: Sendable {
        package var record: RunRecord
        /// Position in `settings`.
        package var setting: Int
        package var curves: Curves

        package var name: String { record.name }
        package var seed: Int { record.seed }
        package var isFinished: Bool { record.status == .finished }
    }

    /// What a manifest says of an output.
    package struct Output: Hashable, Sendable {
        package var unit: String?
        /// What the values 0, 1, … stand for, if they are codes.
        package var labels: [String] = []
    }

    package var name: String
    package var title: String
    /// Swept keys, the seed not among them.
    package let sweptKeys: [String]
    /// Swept keys cut to their last words, as long as they stay distinct: `regularizers.l2.weight_decay` →
    /// `weight_decay`.
    package let shortKeys: [String]
    /// The distinct swept values, one text per key, in the order of the sweep; empty for a key that the setting does not sweep.
    package let settings: [[String]]
    /// Of each swept key, whether some of its values are lists.
    private let hasLists: [Bool]
    package var series: [Series]
    /// Reason codes of missing values; the first, empty, stands for a present one.
    package var reasons: [String]
    /// The layers and parameters of all runs, each after the one that it follows in its network.
    package var layers: [String]
    package let runs: [Run]
    package var claims: [Claim]
    /// For each setting the positions of its runs, and of those that finished.
    let members: [[Int]]
    let finished: [[Int]]
    /// The runs, and behind them the pairs of runs, each with what was measured of both.
    let sources: [Run]
    /// Of each setting, among the sources.
    private let pairs: [[Int]]
    /// Planned runs that have no record.
    package var absent = 0
    /// Figures of the study and of manifests.
    package var figures: [Figure] = []
    /// Units and labels by the names of outputs.
    package var outputs: [String: Output] = [:]
    /// The series of the ends of intervals over samples, by the series that they belong to.
    let bounds: [Int: (low: Int, high: Int)]
    let isBound: Set<Int>
    /// Of the series, those that pairs have.
    private let seriesOfPairs: Set<Int>

    package init(
        name: String, title: String, sweptKeys: [String], settings: [[String]], series: [Series], reasons: [String],
        layers: [String] = [], runs: [Run], pairs: [Run] = [], claims: [Claim]
    ) {
        self.name = name
        self.title = title
        self.sweptKeys = sweptKeys
        self.settings = settings
        let names = SweepNames(sweptKeys)
        shortKeys = sweptKeys.map { names[$0] }
        hasLists = sweptKeys.indices.map { column in settings.contains { Self.isList($0[column]) } }
        self.series = series
        self.reasons = reasons
        self.layers = layers
        self.runs = runs
        self.claims = claims
        members = Self.positions(runs, from: 0, settings.count)
        finished = members.map { $0.filter { runs[$0].isFinished } }
        sources = runs + pairs
        self.pairs = Self.positions(pairs, from: runs.count, settings.count)
        let numbers = Dictionary(series.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        func end(_ key: Series, _ word: String) -> Int? {
            numbers[Series(probe: key.probe, output: key.output + word, layer: key.layer, index: key.index)]
        }
        bounds = series.enumerated().reduce(into: [:]) { bounds, item in
            guard let low = end(item.element, ".low"), let high = end(item.element, ".high") else { return }
            bounds[item.offset] = (low, high)
        }
        isBound = Set(bounds.values.flatMap { [$0.low, $0.high] })
        seriesOfPairs =
            pairs.isEmpty ? [] : Set(series.indices.filter { s in pairs.contains { !$0.curves.range(s).isEmpty } })
    }

    func isOfPairs(_ series: Int) -> Bool { seriesOfPairs.contains(series) }

    /// The positions among the sources of what may have a series, and of those that finished.
    func members(of series: Int, setting: Int) -> [Int] { isOfPairs(series) ? pairs[setting] : members[setting] }
    func finished(of series: Int, setting: Int) -> [Int] { isOfPairs(series) ? pairs[setting] : finished[setting] }

    /// The seeds of all runs, ascending.
    package var seeds: [Int] { Set(runs.map(\.seed)).sorted() }

    /// The positions of runs by their settings.
    private static func positions(_ runs: [Run], from start: Int, _ count: Int) -> [[Int]] {
        var positions = [[Int]](repeating: [], count: count)
        for (i, run) in runs.enumerated() { positions[run.setting].append(start + i) }
        return positions
    }

    private static func isList(_ value: String) -> Bool {
        zip(value.utf8, value.utf8.dropFirst()).contains { $0 == (UInt8(ascii: ","), UInt8(ascii: " ")) }
    }

    /// The swept values of a setting as people read them: `1e-3`, `[128, 64]`, `adam`; empty where a key is not swept.
    package func valueLabels(setting: Int) -> [String] {
        zip(sweptKeys, settings[setting]).map { $1.isEmpty ? "" : label($1, of: $0) }
    }

    /// The same of one value, `–` for none.
    func label(_ value: String, of key: String) -> String {
        let column = sweptKeys.firstIndex(of: key)
        let isList = column.map { hasLists[$0] } ?? Self.isList(value)
        if value.isEmpty { return "–" }
        return isList ? "[\(value)]" : NumberText.label(SweepNames.component(value, of: key))
    }

    /// `weight_decay=1e-3 lr=0.1`, or `all runs` without a sweep.
    package func label(setting: Int) -> String {
        sweptKeys.isEmpty ? "all runs" : label(setting: setting, columns: sweptKeys.indices)
    }

    /// The same for some of the swept keys, as far as the setting sweeps them.
    func label(setting: Int, columns: some Sequence<Int>) -> String {
        let (keys, values) = (shortKeys, valueLabels(setting: setting))
        return columns.filter { !values[$0].isEmpty }.map { "\(keys[$0])=\(values[$0])" }.joined(separator: " ")
    }
}
