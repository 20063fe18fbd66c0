import Foundation

/// When a probe measures, as a function of the number of training steps T.
package enum Schedule: Hashable, Sendable {
    case first
    case last
    /// 0, k, 2k, … and T.
    case every(Int)
    /// 0, T and the distinct values of round(T^(i/(m−1))), i = 0 ..< m.
    case log(Int)
    case steps([Int])

    /// Steps that a schedule may have, at most.
    package static let most = 1_000_000

    /// As many as `steps(until:)` gives, or a few more.
    package func count(until last: Int) -> Int {
        switch self {
        case .first, .last: 1
        case .every(let interval): last / max(interval, 1) + 2
        case .log(let count): max(count, 0) + 2
        case .steps(let list): list.count
        }
    }

    /// The steps in ascending order; step s means "after s updates", so 0 is the initial network.
    package func steps(until last: Int) -> [Int] {
        var steps: Set<Int>
        switch self {
        case .first: steps = [0]
        case .last: steps = [last]
        case .every(let interval): steps = Set(stride(from: 0, through: last, by: max(interval, 1))).union([last])
        case .log(let count):
            steps = [0, last]
            for i in 0..<max(count, 0) where last > 0 && count > 1 {
                steps.insert(Int(pow(Double(last), Double(i) / Double(count - 1)).rounded()))
            }
        case .steps(let list): steps = Set(list)
        }
        return steps.filter { $0 >= 0 && $0 <= last }.sorted()
    }
}
