import Engine
import Observing
import Protocols

/// Parameters with an optimizer of their own, or with none.
package struct ParameterGroup {
    /// Its key in the study.
    package var key: String
    package var parameters: ParameterPattern
    /// nil: the parameters keep their first values.
    package var optimizer: (any Optimizer)?

    package init(key: String, parameters: ParameterPattern, optimizer: (any Optimizer)?) {
        (self.key, self.parameters, self.optimizer) = (key, parameters, optimizer)
    }
}

/// A regularizer and the trained parameters it acts on.
package struct RegularizerTerm {
    /// Its key in the study.
    package var key: String
    package var regularizer: any Regularizer
    /// nil: all.
    package var parameters: ParameterPattern?

    package init(key: String, regularizer: any Regularizer, parameters: ParameterPattern? = nil) {
        (self.key, self.regularizer, self.parameters) = (key, regularizer, parameters)
    }
}

/// Which blocks each group has: a parameter belongs to the first group that matches it.
struct Partition {
    /// One list of blocks for each group, in order.
    private(set) var groups: [[Int]] = []
    /// The trained blocks of no group.
    let rest: [Int]
    /// Without those of frozen groups. Statistics belong to no group and are not trained.
    let trained: [Int]

    /// Throws if a group gets no parameter.
    init(_ groups: [ParameterGroup], _ blocks: [ParameterBlock]) throws {
        var owner = [Int?](repeating: nil, count: blocks.count)
        for (index, group) in groups.enumerated() {
            let key = "groups.\(group.key).parameters"
            let matching = try group.parameters.select(from: blocks, for: key)
            let own = matching.filter { owner[$0] == nil }
            guard !own.isEmpty else {
                let taken = matching.map { "\(blocks[$0].name) (\(groups[owner[$0] ?? 0].key))" }
                throw UnmatchedPattern(
                    "\(key): all it matches belongs to groups before it: \(taken.joined(separator: ", "))")
            }
            for block in own { owner[block] = index }
            self.groups.append(own)
        }
        let all = blocks.indices.filter { blocks[$0].isTrained }
        rest = all.filter { owner[$0] == nil }
        trained = all.filter { block in owner[block].map { groups[$0].optimizer != nil } ?? true }
    }

    /// The trained blocks that a regularizer acts on. Throws if there are none.
    func blocks(of term: RegularizerTerm, _ blocks: [ParameterBlock]) throws -> [Int] {
        guard let pattern = term.parameters else { return trained }
        let key = "regularizers.\(term.key).parameters"
        let matching = try pattern.select(from: blocks, for: key)
        let trained = Set(trained)
        let own = matching.filter(trained.contains)
        guard !own.isEmpty else {
            let names = matching.map { blocks[$0].name }.joined(separator: ", ")
            throw UnmatchedPattern("\(key): all it matches is frozen: \(names)")
        }
        return own
    }
}
