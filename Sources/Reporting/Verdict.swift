/// Whether a claim holds, with the numbers on both sides.
package struct Verdict: Hashable, Sendable {
    package enum Outcome: Hashable, Sendable {
        case holds
        case fails
        /// Something is missing: which, and what is there instead. Counts as a failure.
        case undecided(String)
    }

    package var claim: Claim
    package var outcome: Outcome
    /// What was measured, against what was asked: `0.83 ± 0.01 exceeds 0.41 ± 0.03 by 0.42 (asked: 0)`.
    package var finding: String
    /// How many runs stand behind it, and what is missing: `N = 4, missing: run_diverged`.
    package var note: String {
        let sides = [measured, compared].compactMap { $0 }.map { side in
            "N = \(side.n)" + (side.missing.isEmpty ? "" : ", missing: \(side.reasons)")
        }
        return sides.count == 2 && sides[0] != sides[1] ? sides.joined(separator: " against ") : sides.first ?? ""
    }
    /// The measured side, and the side it is to exceed.
    package var measured: Aggregate?
    package var compared: Aggregate?

    package var holds: Bool { outcome == .holds }

    /// `ok  Later layers align better: 0.83 ± 0.01 exceeds 0.41 ± 0.03 by 0.42 (asked: 0); N = 5`
    package var line: String {
        switch outcome {
        case .holds: "ok  \(claim.say): \(finding); \(note)"
        case .fails: "FAIL  \(claim.say): \(finding); \(note)"
        case .undecided(let reason): "FAIL  \(claim.say): cannot be decided: \(reason)"
        }
    }
}

package enum Claims {
    package static func evaluate(_ results: StudyResults) -> [Verdict] {
        results.claims.map { evaluate($0, results) }
    }

    static func evaluate(_ claim: Claim, _ results: StudyResults) -> Verdict {
        do {
            let measured = try Reading(claim.measure, results)
            var verdict = Verdict(
                claim: claim, outcome: .fails, finding: "", measured: measured.aggregate, compared: nil)
            let value = measured.value
            let text = measured.text
            switch claim.relation {
            case .equals(let asked, let within):
                verdict.set(abs(value - asked) <= within)
                verdict.finding = "\(text) \(verdict.verb("is", "is not")) \(short(asked)) within \(short(within))"
                    + " (off by \(short(abs(value - asked))))"
            case .equalsRelatively(let asked, let within):
                verdict.set(abs(value - asked) <= within * abs(asked))
                verdict.finding = "\(text) \(verdict.verb("is", "is not")) \(short(asked)) within a fraction \(short(within))"
                    + " (off by \(asked == 0 ? short(abs(value)) : short(abs(value - asked) / abs(asked))))"
            case .atLeast(let asked):
                verdict.set(value >= asked)
                verdict.finding = "\(text) is \(verdict.verb("at least", "less than")) \(short(asked))"
            case .atMost(let asked):
                verdict.set(value <= asked)
                verdict.finding = "\(text) is \(verdict.verb("at most", "more than")) \(short(asked))"
            case .exceeds(let other, let by):
                let compared = try Reading(other, results)
                verdict.compared = compared.aggregate
                verdict.set(value - compared.value > by)
                verdict.finding = "\(text) \(verdict.verb("exceeds", "does not exceed")) \(compared.text)"
                    + " by \(short(verdict.holds ? value - compared.value : by))"
                    + (verdict.holds ? " (asked: \(short(by)))" : " (difference: \(short(value - compared.value)))")
            }
            return verdict
        } catch {
            return Verdict(claim: claim, outcome: .undecided(error.message), finding: "", measured: nil, compared: nil)
        }
    }

    private static func short(_ value: Double) -> String {
        NumberText.label(Double(NumberText.short(value)) ?? value)
    }
}

extension Verdict {
    fileprivate mutating func set(_ holds: Bool) { outcome = holds ? .holds : .fails }
    fileprivate func verb(_ yes: String, _ no: String) -> String { holds ? yes : no }
}

/// Why a measured side has no value.
private struct Undecided: Error { var message: String }

/// The measured side of a claim, read off the runs.
///
/// Within a run the statistic is taken over layers and indices (for the median: none, all values are pooled), then over runs, so every
/// run counts once. The interval is that of the runs' means.
private struct Reading {
    var value: Double
    var aggregate: Aggregate
    var statistic: Claim.Statistic

    init(_ measure: Claim.Measure, _ results: StudyResults) throws(Undecided) {
        let series = try Self.series(measure, results)
        let settings = try Self.settings(measure, results)
        var values: [Double] = []
        var missing: [String] = []
        for setting in settings {
            for run in results.members[setting] {
                var ofRun: [Double] = []
                for s in series {
                    let step: Int? =
                        switch measure.moment {
                        case .first: results.firstStep(s, setting: setting)
                        case .last: results.lastStep(s, setting: setting)
                        case .step(let step): step
                        }
                    guard let step else { continue }
                    switch results.value(s, at: step, run: run) {
                    case .number(let value): ofRun.append(value)
                    case .missing(let reason): missing.append(reason)
                    }
                }
                if measure.statistic == .median {
                    values += ofRun
                } else if let value = Aggregate(ofRun)[measure.statistic] {
                    values.append(value)
                }
            }
        }
        aggregate = Aggregate(values, missing: missing)
        statistic = measure.statistic
        guard let value = aggregate[measure.statistic] else {
            throw Self.noValue(measure, series: series, settings: settings, missing: aggregate, results)
        }
        self.value = value
    }

    /// `0.83 ± 0.01`; for other statistics than the mean the number alone.
    var text: String {
        guard statistic != .mean else { return MeasuredText(aggregate)?.plain ?? "" }
        return "\(statistic.rawValue) \(NumberText.short(value))"
    }

    private static func series(_ measure: Claim.Measure, _ results: StudyResults) throws(Undecided) -> [Int] {
        let named = results.series.indices.filter { results.series[$0].name == measure.output }
        guard !named.isEmpty else {
            let names = Array(Set(results.series.map(\.name))).sorted()
            guard !names.isEmpty else { throw Undecided(message: "no run has recorded anything") }
            let nearest = EditDistance.nearest(to: measure.output, among: names).map { "; nearest: '\($0)'" } ?? ""
            throw Undecided(message: "no output '\(measure.output)' was recorded\(nearest)")
        }
        guard let layer = measure.layer else { return named }
        let matching = named.filter { results.series[$0].layer == layer }
        guard !matching.isEmpty else {
            var layers: [String] = []
            for s in named where !layers.contains(results.series[s].layer) { layers.append(results.series[s].layer) }
            let known = layers == [""] ? "it is recorded for the whole network" : "has: \(layers.joined(separator: ", "))"
            throw Undecided(message: "'\(measure.output)' has no layer '\(layer)' (\(known))")
        }
        return matching
    }

    private static func settings(_ measure: Claim.Measure, _ results: StudyResults) throws(Undecided) -> [Int] {
        var settings = Array(results.settings.indices)
        for (key, wanted) in measure.settings.sorted(by: { $0.key < $1.key }) {
            guard let column = results.sweptKeys.firstIndex(where: { $0 == key || $0.hasSuffix("." + key) }) else {
                let known = results.sweptKeys.isEmpty ? "the study sweeps nothing" : "swept: \(results.sweptKeys.joined(separator: ", "))"
                throw Undecided(message: "'\(key)' is not swept (\(known))")
            }
            settings = settings.filter { matches(results.settings[$0][column], wanted) }
            if settings.isEmpty {
                var values: [String] = []
                for setting in results.settings where !values.contains(setting[column]) { values.append(setting[column]) }
                let known = values.map(NumberText.label).joined(separator: ", ")
                throw Undecided(message: "no run has \(key) = \(NumberText.label(wanted)) (there are: \(known))")
            }
        }
        return settings
    }

    private static func matches(_ value: String, _ wanted: String) -> Bool {
        if let a = Double(value), let b = Double(wanted) { return a == b }
        return value == wanted
    }

    private static func noValue(
        _ measure: Claim.Measure, series: [Int], settings: [Int], missing: Aggregate, _ results: StudyResults
    ) -> Undecided {
        if case .step(let step) = measure.moment {
            let steps = Set(settings.flatMap { setting in
                results.members[setting].flatMap { run in
                    series.flatMap { s in results.runs[run].curves.range(s).map { Int(results.runs[run].curves.steps[$0]) } }
                }
            })
            if !steps.contains(step), let nearest = steps.min(by: { (abs($0 - step), $0) < (abs($1 - step), $1) }) {
                return Undecided(message: "'\(measure.output)' was not recorded at step \(step); nearest: step \(nearest)")
            }
        }
        let reasons = missing.missing.isEmpty ? "no matching run finished" : missing.reasons
        return Undecided(message: "'\(measure.output)' has no values (\(reasons))")
    }
}

extension Aggregate {
    fileprivate subscript(statistic: Claim.Statistic) -> Double? {
        switch statistic {
        case .mean: mean
        case .min: min
        case .max: max
        case .median: median
        }
    }
}

enum EditDistance {
    /// The candidate with the fewest single-character edits, the first among equals.
    static func nearest(to name: String, among candidates: [String]) -> String? {
        candidates.map { (between(name, $0), $0) }.min { $0.0 < $1.0 }?.1
    }

    /// Levenshtein distance.
    static func between(_ a: String, _ b: String) -> Int {
        let b = Array(b)
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let cost = diagonal + (x == y ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(cost, row[j] + 1, diagonal + 1)
            }
        }
        return row[b.count]
    }
}
