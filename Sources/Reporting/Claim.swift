import Manifests
import Studies

/// What a study asserts (docs/study.md): a measured side, and a number or another measured side to compare it with.
package struct Claim: Hashable, Sendable {
    package enum Statistic: String, CaseIterable, Sendable { case mean, min, max, median }

    /// At which of its recorded steps an output is read.
    package typealias Moment = Figure.Moment

    /// A statistic of one output over all runs that match `settings`.
    package struct Measure: Hashable, Sendable {
        package var statistic: Statistic
        /// `probe.output`.
        package var output: String
        /// Nil: all layers.
        package var layer: String?
        /// Position in an array output; nil: all elements.
        package var index: Int?
        package var moment: Moment
        /// Swept keys and values; empty: all runs.
        package var settings: [String: String]

        package init(
            _ statistic: Statistic, _ output: String, layer: String? = nil, index: Int? = nil,
            at moment: Moment = .last,
            where settings: [String: String] = [:]
        ) {
            self.statistic = statistic
            self.output = output
            self.layer = layer
            self.index = index
            self.moment = moment
            self.settings = settings
        }
    }

    /// What the measured value m must satisfy: |m − x| ≤ within, |m − x| ≤ within·|x|, m ≥ x, m ≤ x, or m > other + by.
    package enum Relation: Hashable, Sendable {
        case equals(Double, within: Double)
        case equalsRelatively(Double, within: Double)
        case atLeast(Double)
        case atMost(Double)
        case exceeds(Measure, by: Double)
    }

    package var say: String
    package var measure: Measure
    package var relation: Relation

    package init(_ say: String, _ measure: Measure, _ relation: Relation) {
        self.say = say
        self.measure = measure
        self.relation = relation
    }
}

extension Claim {
    init(_ tree: JSON, at location: String) throws(StudyError) {
        try tree.check(
            keys: ["say", "that", "equals", "within", "within_relative", "at_least", "at_most", "exceeds", "by"],
            at: location)
        guard let that = tree["that"] else {
            throw StudyError("\(location): expected 'that', the measured side")
        }
        measure = try Measure(that, at: location + ".that")
        say = tree["say"]?.string ?? measure.description
        let relations = ["equals", "at_least", "at_most", "exceeds"].filter { tree[$0] != nil }
        guard relations.count == 1 else {
            throw StudyError("\(location): expected exactly one of equals, at_least, at_most, exceeds")
        }
        if let other = tree["exceeds"] {
            let by = tree["by"] == nil ? 0 : try tree.number("by", at: location)
            relation = .exceeds(try Measure(other, at: location + ".exceeds"), by: by)
        } else if tree["at_least"] != nil {
            relation = .atLeast(try tree.number("at_least", at: location))
        } else if tree["at_most"] != nil {
            relation = .atMost(try tree.number("at_most", at: location))
        } else if tree["within_relative"] != nil {
            relation = .equalsRelatively(
                try tree.number("equals", at: location), within: try tree.number("within_relative", at: location))
        } else {
            relation = .equals(
                try tree.number("equals", at: location), within: try tree.number("within", at: location))
        }
    }
}

extension Claim.Measure {
    init(_ tree: JSON, at location: String) throws(StudyError) {
        let statistics = Claim.Statistic.allCases.map(\.rawValue)
        try tree.check(keys: statistics + ["layer", "index", "at", "where"], at: location)
        let given = Claim.Statistic.allCases.filter { tree[$0.rawValue] != nil }
        guard given.count == 1, let output = tree[given[0].rawValue]?.string else {
            throw StudyError("\(location): expected one of mean, min, max, median with the name of an output")
        }
        statistic = given[0]
        self.output = output
        layer = tree["layer"]?.string
        index = tree["index"]?.int
        settings = Dictionary(
            (tree["where"]?.object ?? [:]).map { ($0.key, $0.value.plain) }, uniquingKeysWith: { first, _ in first })
        switch tree["at"] {
        case nil, .string("last"): moment = .last
        case .string("first"): moment = .first
        case .int(let step): moment = .step(step)
        default: throw StudyError("\(location).at: expected last, first or a step")
        }
    }

    /// `mean crh.forward_rga.raw.alpha of fc2 at step 10 where weight_decay = 0.1`.
    package var description: String {
        var text = "\(statistic.rawValue) \(output)" + (index.map { "[\($0)]" } ?? "")
        if let layer { text += " of \(layer)" }
        switch moment {
        case .last: break
        case .first: text += " at the first step"
        case .step(let step): text += " at step \(step)"
        }
        let conditions = settings.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)" }
        return conditions.isEmpty ? text : text + " where " + conditions.joined(separator: ", ")
    }
}

extension JSON {
    fileprivate func check(keys: [String], at location: String) throws(StudyError) {
        guard let object else { throw StudyError("\(location): expected an object, found \(brief)") }
        for key in object.keys where !keys.contains(key) {
            throw StudyError("\(location): unknown key '\(key)'\(Nearest.hint(for: key, among: keys))")
        }
    }

    fileprivate func number(_ key: String, at location: String) throws(StudyError) -> Double {
        guard let value = self[key]?.double else { throw StudyError("\(location).\(key): expected a number") }
        return value
    }
}
