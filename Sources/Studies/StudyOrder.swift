import LinearAlgebra

/// In which order the runs of a study start.
package struct StudyOrder: Hashable, Sendable {
    package enum Kind: String, CaseIterable, Sendable { case random, grid }

    /// `random` shows early what a sweep is about, and one that is stopped has points everywhere; `grid` is the order of the plan,
    /// seeds innermost.
    package var kind: Kind
    /// Other random orders.
    package var sweepSeed: Int

    package init(_ kind: Kind, sweepSeed: Int = 0) { (self.kind, self.sweepSeed) = (kind, sweepSeed) }

    /// The groups of runs that one program trains, as they start. A group's place among others depends on them and the seed of the
    /// sweep alone, so that a grid which is extended is not shuffled anew.
    package func sorted(_ groups: [[PlannedRun]]) -> [[PlannedRun]] {
        guard kind == .random else { return groups }
        let keys = groups.map { SHA256.hex(of: Array("\(sweepSeed) \($0.first?.identity ?? "")".utf8)) }
        return groups.indices.sorted { (keys[$0], $0) < (keys[$1], $1) }.map { groups[$0] }
    }
}
