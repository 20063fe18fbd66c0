import Foundation
import Manifests
import OrderedCollections

/// When a probe measures; step t is the state after t updates, so step 0 is the initial network.
package enum ProbeSchedule: Hashable, Sendable {
    case first
    case last
    /// 0, k, 2k, … and the last step.
    case every(Int)
    /// The distinct values of round(T^(i/(m−1))), i = 0…m−1, with 0 and T.
    case log(Int)
    case steps([Int])

    /// The steps at which the probe measures in a run of `total` steps, ascending.
    package func steps(total: Int) -> [Int] {
        switch self {
        case .first: [0]
        case .last: [total]
        case .every(let stride): Array(Swift.stride(from: 0, to: total, by: stride)) + [total]
        case .log(let count): Self.logSteps(count, total: total)
        case .steps(let steps): Array(Set(steps)).sorted()
        }
    }

    private static func logSteps(_ count: Int, total: Int) -> [Int] {
        guard count > 1, total > 0 else { return total > 0 ? [0, total] : [0] }
        var steps: Set<Int> = [0, total]
        for i in 0..<count {
            steps.insert(Int(pow(Double(total), Double(i) / Double(count - 1)).rounded()))
        }
        return steps.sorted()
    }

    /// Reads a value that the study's schema has accepted.
    package init?(_ json: JSON) {
        switch json {
        case .string("first"): self = .first
        case .string("last"): self = .last
        case .object(let object):
            guard let (key, value) = object.elements.first, object.count == 1 else { return nil }
            switch (key, value) {
            case ("every", .int(let stride)): self = .every(stride)
            case ("log", .int(let count)): self = .log(count)
            case ("steps", .array(let items)):
                let steps = items.compactMap { item -> Int? in if case .int(let step) = item { step } else { nil } }
                guard steps.count == items.count else { return nil }
                self = .steps(steps)
            default: return nil
            }
        default: return nil
        }
    }

    package var json: JSON {
        switch self {
        case .first: .string("first")
        case .last: .string("last")
        case .every(let stride): .object(["every": .int(stride)])
        case .log(let count): .object(["log": .int(count)])
        case .steps(let steps): .object(["steps": .array(steps.map(JSON.int))])
        }
    }
}
