import Manifests
import OrderedCollections
import Studies

/// B − A for each output that both sides measure in the same way.
package struct Comparison: Sendable {
    struct Side: Sendable {
        var value: Aggregate
        var numbers: [Double]
        var step: Int?
    }

    struct Row: Sendable {
        var series: Series
        /// Of the keys by which runs are matched.
        var keys: [String]
        var a: Side
        var b: Side
        /// nil where a side has no value.
        var difference: Difference?
        /// Of pairs, in the order of the seeds.
        var differences: [Double]
        /// Why pairs, or values, are missing.
        var missing: [String]
    }

    package let a: ComparedRuns
    package let b: ComparedRuns
    /// Keys that vary on a side; runs are compared where they agree.
    let keys: [String]
    private(set) var rows: [Row] = []
    /// Facts that differ: what, on side A, on side B.
    package let facts: [[String]]
    /// Outputs that are defined differently, one sentence for each probe.
    package private(set) var refused: [String] = []
    /// What has no partner.
    private(set) var notes: [String] = []

    /// - Parameter request: its outputs, layers and moment.
    package init(_ a: ComparedRuns, _ b: ComparedRuns, _ request: TableRequest) throws(StudyError) {
        (self.a, self.b) = (a, b)
        facts = RunFacts.differences(a, b)
        let varying = OrderedSet(a.varying + b.varying)
        keys = varying.filter { key in
            [a, b].allSatisfy { side in side.runs.contains { side.value(of: key, run: $0) != nil } }
        }
        let groups = try (Self.groups(a, keys), Self.groups(b, keys))
        let common = groups.0.keys.filter { groups.1[$0] != nil }
        guard !common.isEmpty else { throw StudyError(Self.nothingInCommon(a, b, keys)) }
        let wanted = try (Self.lines(a, request), Self.lines(b, request))
        let lines = try lines(wanted.0)
        var barred = Set<String>()
        for probe in OrderedSet(lines.map { a.results.series[$0.a].probe }) {
            let differences = Definition(probe, a).differences(from: Definition(probe, b))
            if !differences.isEmpty {
                barred.insert(probe)
                refused.append(
                    "the outputs of '\(probe)' are defined differently: \(differences.joined(separator: "; "))")
            }
        }
        for line in lines where !barred.contains(a.results.series[line.a].probe) {
            for group in common {
                guard let left = groups.0[group], let right = groups.1[group] else { continue }
                if let row = row(line, group, left, right, request.moment) { rows.append(row) }
            }
        }
        notes = partners(groups.0, groups.1) + outputs(wanted.0, wanted.1)
        notes +=
            a.results.unfinished(a.selection).map { "A: \($0)" }
            + b.results.unfinished(b.selection).map { "B: \($0)" }
    }

    /// Runs by the values of the keys, then by seed.
    private typealias Groups = OrderedDictionary<[String], OrderedDictionary<Int, Int>>

    private static func groups(_ side: ComparedRuns, _ keys: [String]) throws(StudyError) -> Groups {
        var groups: Groups = [:]
        for run in side.runs {
            let values = keys.map { side.value(of: $0, run: run) ?? "" }
            let seed = side.results.runs[run].seed
            guard groups[values]?[seed] == nil else {
                let others = side.varying.filter { !keys.contains($0) }
                throw StudyError(
                    "\(side.name): several runs have the seed \(seed); choose by \(others.joined(separator: " and ")), such as \(side.name):\(others.first ?? "key")=\(others.first.flatMap { side.value(of: $0, run: run) } ?? "value")"
                )
            }
            groups[values, default: [:]][seed] = run
        }
        for group in groups.keys { groups[group]?.sort() }
        return groups
    }

    private static func nothingInCommon(_ a: ComparedRuns, _ b: ComparedRuns, _ keys: [String]) -> String {
        func values(_ side: ComparedRuns, _ key: String) -> String {
            RunFacts.list(OrderedSet(side.runs.compactMap { side.value(of: key, run: $0) }))
        }
        let sides = keys.map { "\($0) is \(values(a, $0)) in A, \(values(b, $0)) in B" }
        return
            "no setting of \(a.name) is one of \(b.name): \(sides.joined(separator: "; ")); choose runs of a side with OUT:key=value"
    }

    /// What the request names of a side.
    private static func lines(_ side: ComparedRuns, _ request: TableRequest) throws(StudyError) -> [TableLine] {
        var outputs = request.outputs
        if outputs.isEmpty {
            let headline = side.results.headline()
            guard !request.layers.isEmpty else { return headline }
            outputs = headline.map(\.output)
        }
        do {
            return try side.results.lines(outputs, layers: request.layers)
        } catch {
            throw StudyError("\(side.name): \(error)")
        }
    }

    /// The series of A that B has too, by their numbers in each. Pairs of runs have no seed.
    private func lines(_ wanted: [TableLine]) throws(StudyError) -> [(a: Int, b: Int)] {
        let numbers = Dictionary(
            b.results.series.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        let found = wanted.filter { !a.results.isOfPairs($0.series) }
            .compactMap { line in numbers[a.results.series[line.series]].map { (a: line.series, b: $0) } }
        guard found.isEmpty else { return found }
        throw StudyError("\(a.name) and \(b.name) have no output of single runs in common")
    }

    /// Outputs of one side alone, and those of pairs of runs.
    private func outputs(_ left: [TableLine], _ right: [TableLine]) -> [String] {
        var notes: [String] = []
        for (name, own, other) in [("A", left, b), ("B", right, a)] {
            let known = Set(other.results.series.map(\.name))
            let results = name == "A" ? a.results : b.results
            let alone = OrderedSet(own.map { results.series[$0.series].name }.filter { !known.contains($0) })
            if !alone.isEmpty { notes.append("left out: \(name) alone has \(Self.list(Array(alone), 6))") }
        }
        let ofPairs = OrderedSet(left.filter { a.results.isOfPairs($0.series) }.map(\.output))
        if !ofPairs.isEmpty { notes.append("left out: of pairs of runs, \(Self.list(Array(ofPairs), 6))") }
        return notes
    }

    private func row(
        _ line: (a: Int, b: Int), _ keys: [String], _ left: OrderedDictionary<Int, Int>,
        _ right: OrderedDictionary<Int, Int>,
        _ moment: Figure.Moment
    ) -> Row? {
        let stepA = a.step(line.a, moment, of: Array(left.values)),
            stepB = b.step(line.b, moment, of: Array(right.values))
        guard let stepA, let stepB else { return nil }
        let seeds = left.keys.filter { right[$0] != nil }
        var numbersA: [Double] = [], numbersB: [Double] = [], differences: [Double] = []
        var missing: [String] = []
        func value(_ side: ComparedRuns, _ series: Int, _ step: Int, _ run: Int) -> Double? {
            switch side.results.value(series, at: step, run: run) {
            case .number(let number): return number
            case .missing(let reason):
                missing.append(reason)
                return nil
            }
        }
        if seeds.isEmpty {
            numbersA = left.values.compactMap { value(a, line.a, stepA, $0) }
            numbersB = right.values.compactMap { value(b, line.b, stepB, $0) }
        }
        for seed in seeds {
            guard let runA = left[seed], let runB = right[seed] else { continue }
            let x = value(a, line.a, stepA, runA), y = value(b, line.b, stepB, runB)
            guard let x, let y else { continue }
            numbersA.append(x)
            numbersB.append(y)
            differences.append(y - x)
        }
        return Row(
            series: a.results.series[line.a], keys: keys,
            a: Side(value: Aggregate(numbersA), numbers: numbersA, step: stepA),
            b: Side(value: Aggregate(numbersB), numbers: numbersB, step: stepB),
            difference: seeds.isEmpty ? Difference(numbersA, numbersB) : Difference(paired: differences),
            differences: differences, missing: missing)
    }

    /// Seeds and settings of one side alone.
    private func partners(_ left: Groups, _ right: Groups) -> [String] {
        let names = SweepNames(keys)
        var notes: [String] = []
        for (name, own, others) in [("A", left, right), ("B", right, left)] {
            func place(_ group: [String]) -> String {
                zip(keys, group).map { "\(names[$0])=\($1)" }.joined(separator: " ")
            }
            let alone = own.keys.filter { others[$0] == nil }.map(place)
            if !alone.isEmpty { notes.append("left out: \(name) alone has \(Self.list(alone, 4))") }
            var lonely: OrderedDictionary<[Int], [String]> = [:]
            for (group, runs) in own {
                let seeds = runs.keys.filter { others[group]?[$0] == nil }
                if !seeds.isEmpty, seeds.count < runs.count { lonely[Array(seeds), default: []].append(place(group)) }
            }
            for (seeds, places) in lonely {
                let everywhere = places.count == own.keys.filter { others[$0] != nil }.count
                let here = everywhere ? "" : " for \(Self.list(places, 4))"
                notes.append("left out: \(name) alone has the seeds \(Self.list(seeds.map(String.init), 12))\(here)")
            }
        }
        return notes
    }

    private static func list(_ names: [String], _ most: Int) -> String {
        names.prefix(most).joined(separator: ", ") + (names.count > most ? " and \(names.count - most) more" : "")
    }
}
