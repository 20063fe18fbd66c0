/// One of several parts of a study's runs, of equal size, for machines that share the work.
package struct Shard: Hashable, Sendable, CustomStringConvertible {
    /// From 1.
    package var index: Int
    package var count: Int

    /// Reads `3/20`.
    package init?(_ text: String) {
        let fields = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
        guard fields.count == 2, let index = fields[0], let count = fields[1], index >= 1, index <= count else {
            return nil
        }
        (self.index, self.count) = (index, count)
    }

    package var description: String { "\(index)/\(count)" }

    /// Every count-th program of the plan, whatever is done already: runs that train together stay together.
    func runs(of plan: StudyPlan) -> [PlannedRun] {
        StudyPlan.groups(plan.runs).enumerated().filter { $0.offset % count == index - 1 }.flatMap(\.element)
    }
}
