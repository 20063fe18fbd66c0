import Manifests
import OrderedCollections
import Studies

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

/// Claims against results.
package enum Claims {
    /// One verdict for each claim of the study, in its order.
    package static func evaluate(_ results: StudyResults) -> [Verdict] {
        results.claims.map { evaluate($0, results) }
    }

    static func evaluate(_ claim: Claim, _ results: StudyResults) -> Verdict {
        do {
            let measured = try Reading(claim.measure, results)
            var verdict = Verdict(
                claim: claim, outcome: .fails, finding: "", measured: measured.aggregate, compared: nil)
            let value = measured.value
            let text: String
            switch claim.relation {
            case .equals(let asked, let within):
                text = measured.text(beside: [asked - within, asked + within])
                verdict.set(abs(value - asked) <= within)
                verdict.finding =
                    "\(text) \(verdict.verb("is", "is not")) \(NumberText.label(asked)) within \(NumberText.label(within))"
                    + " (off by \(short(abs(value - asked))))"
            case .equalsRelatively(let asked, let within):
                text = measured.text(beside: [asked * (1 - within), asked * (1 + within)])
                verdict.set(abs(value - asked) <= within * abs(asked))
                verdict.finding =
                    "\(text) \(verdict.verb("is", "is not")) \(NumberText.label(asked)) within a fraction \(NumberText.label(within))"
                    + " (off by \(asked == 0 ? short(abs(value)) : short(abs(value - asked) / abs(asked))))"
            case .atLeast(let asked):
                text = measured.text(beside: [asked])
                verdict.set(value >= asked)
                verdict.finding = "\(text) is \(verdict.verb("at least", "less than")) \(NumberText.label(asked))"
            case .atMost(let asked):
                text = measured.text(beside: [asked])
                verdict.set(value <= asked)
                verdict.finding = "\(text) is \(verdict.verb("at most", "more than")) \(NumberText.label(asked))"
            case .exceeds(let other, let by):
                let compared = try Reading(other, results)
                text = measured.text(beside: [compared.value + by])
                verdict.compared = compared.aggregate
                verdict.set(value - compared.value > by)
                verdict.finding =
                    "\(text) \(verdict.verb("exceeds", "does not exceed")) \(compared.text(beside: [value - by]))"
                    + " by \(verdict.holds ? short(value - compared.value) : NumberText.label(by))"
                    + (verdict.holds
                        ? " (asked: \(NumberText.label(by)))" : " (difference: \(short(value - compared.value)))")
            }
            return verdict
        } catch {
            return Verdict(
                claim: claim, outcome: .undecided(error.message), finding: "", measured: nil, compared: nil)
        }
    }

    private static func short(_ value: Double) -> String {
        NumberText.rounded(value)
    }
}

extension Verdict {
    fileprivate mutating func set(_ holds: Bool) { outcome = holds ? .holds : .fails }
    fileprivate func verb(_ yes: String, _ no: String) -> String { holds ? yes : no }
}

/// Why something asked for has no value.
struct Undecided: Error { var message: String }

/// The measured side of a claim, read off the runs.
///
/// Within a run the statistic is taken over layers and indices (for the median: none, all values are pooled), then
/// over runs, so every run counts once. The interval is that of the runs' means.
private struct Reading {
    var value: Double
    var aggregate: Aggregate
    var statistic: Claim.Statistic

    init(_ measure: Claim.Measure, _ results: StudyResults) throws(Undecided) {
        let series = try Self.series(measure, results)
        let settings = try results.settings(where: measure.settings)
        var values: [Double] = []
        var missing: [String] = []
        for setting in settings {
            for run in results.members(of: series[0], setting: setting) {
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
        if results.isOfPairs(series[0]) { aggregate.halfWidth = nil }
        statistic = measure.statistic
        guard let value = aggregate[measure.statistic] else {
            throw Self.noValue(measure, series: series, settings: settings, missing: aggregate, results)
        }
        self.value = value
    }

    /// `0.83 ± 0.01`; for other statistics than the mean the number alone. With more digits where rounding would put
    /// the value on a `limit` or across it: 0.9496 is no "0.95" where 0.95 was asked for.
    func text(beside limits: [Double]) -> String {
        let usual = MeasuredText(aggregate)
        if statistic == .mean, let usual, usual.exponent == 0, agrees(Double(usual.mean), limits) {
            return usual.plain
        }
        let digits = (3...17).first { agrees(Double(NumberText.short(value, digits: $0)), limits) } ?? 17
        let number = NumberText.short(value, digits: digits)
        guard statistic == .mean else { return "\(statistic.rawValue) \(number)" }
        return aggregate.halfWidth.map { "\(number) ± \(NumberText.short($0, digits: 1))" } ?? number
    }

    /// Whether a rounded value lies on the same side of every limit as the value itself.
    private func agrees(_ rounded: Double?, _ limits: [Double]) -> Bool {
        guard let rounded else { return false }
        return limits.allSatisfy { (value < $0) == (rounded < $0) && (value > $0) == (rounded > $0) }
    }

    private static func series(_ measure: Claim.Measure, _ results: StudyResults) throws(Undecided) -> [Int] {
        let named = results.series.indices.filter { results.series[$0].name == measure.output }
        guard !named.isEmpty else {
            let names = Array(Set(results.series.map(\.name))).sorted()
            guard !names.isEmpty else { throw Undecided(message: "no run has recorded anything") }
            throw Undecided(
                message: "no output '\(measure.output)' was recorded\(hint(for: measure.output, among: names))")
        }
        var matching = named
        if let index = measure.index {
            matching = named.filter { results.series[$0].index == index }
            guard !matching.isEmpty else {
                let last = named.compactMap { results.series[$0].index }.max()
                let known = last.map { "it has elements 0 to \($0)" } ?? "it is a single number"
                throw Undecided(message: "'\(measure.output)' has no element \(index) (\(known))")
            }
        }
        guard let layer = measure.layer else { return matching }
        matching = matching.filter { results.series[$0].layer == layer }
        guard !matching.isEmpty else {
            var layers: [String] = []
            for s in named where !layers.contains(results.series[s].layer) { layers.append(results.series[s].layer) }
            let known =
                layers == [""] ? "it is recorded for the whole network" : "has: \(layers.joined(separator: ", "))"
            throw Undecided(message: "'\(measure.output)' has no layer '\(layer)' (\(known))")
        }
        return matching
    }

    /// The nearest name, else those of the same probe with the same last word, else of any probe with it.
    private static func hint(for output: String, among names: [String]) -> String {
        let question = Nearest.question(for: output, among: names)
        if !question.isEmpty { return question }
        let word = output.split(separator: ".").last ?? ""
        let probe = output.prefix { $0 != "." } + "."
        let alike = names.filter { $0.hasSuffix("." + word) || $0.hasPrefix(probe) }
        let best = OrderedSet(alike.filter { $0.hasSuffix("." + word) && $0.hasPrefix(probe) } + alike + names)
            .prefix(3)
        return " (there is, for instance: \(best.joined(separator: ", ")))"
    }

    private static func noValue(
        _ measure: Claim.Measure, series: [Int], settings: [Int], missing: Aggregate, _ results: StudyResults
    ) -> Undecided {
        if case .step(let step) = measure.moment {
            let steps = Set(
                settings.flatMap { setting in
                    results.members(of: series[0], setting: setting).flatMap { run in
                        let curves = results.sources[run].curves
                        return series.flatMap { s in curves.range(s).map { Int(curves.steps[$0]) } }
                    }
                })
            if !steps.contains(step), let nearest = steps.min(by: { (abs($0 - step), $0) < (abs($1 - step), $1) }) {
                return Undecided(
                    message: "'\(measure.output)' was not recorded at step \(step); nearest: step \(nearest)")
            }
        }
        let reasons = missing.missing.isEmpty ? "no matching run finished" : missing.reasons
        return Undecided(message: "'\(measure.output)' has no values (\(reasons))")
    }
}

extension StudyResults {
    /// The settings in which these keys have these values.
    func settings(where wanted: [String: String]) throws(Undecided) -> [Int] {
        var settings = Array(self.settings.indices)
        for (key, wanted) in wanted.sorted(by: { $0.key < $1.key }) {
            let values = settings.map { value(of: key, setting: $0) }
            guard values.contains(where: { $0 != nil }) else {
                let swept =
                    sweptKeys.isEmpty
                    ? "the study sweeps nothing" : "swept: \(sweptKeys.joined(separator: ", "))"
                throw Undecided(message: "no run has a '\(key)' (\(swept))")
            }
            let matching = zip(settings, values).filter { $1.map { Self.matches($0, wanted, key) } ?? false }.map(\.0)
            guard !matching.isEmpty else {
                var known: [String] = []
                for value in values.compactMap({ $0 }) where !known.contains(value) { known.append(value) }
                throw Undecided(
                    message:
                        "no run has \(key) = \(NumberText.label(wanted)) (there are: \(known.map(NumberText.label).joined(separator: ", ")))"
                )
            }
            settings = matching
        }
        return settings
    }

    static func matches(_ value: String, _ wanted: String, _ key: String) -> Bool {
        if SweepNames.component(value, of: key) == wanted { return true }
        if let a = Double(value), let b = Double(wanted) { return a == b }
        return value == wanted
    }

    /// The text of a swept key, by its full name or its last words, or of another key of the configuration; nil if it
    /// has none.
    func value(of key: String, setting: Int) -> String? {
        if let column = sweptKeys.firstIndex(where: { $0 == key || $0.hasSuffix("." + key) }),
            !settings[setting][column].isEmpty
        {
            return settings[setting][column]
        }
        guard let run = members[setting].first else { return nil }
        var value: JSON? = runs[run].record.configuration
        for word in key.split(separator: ".") { value = value?[String(word)] }
        return value?.plain
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
