import Foundation
import Protocols

extension TextTable {
    /// Observations of one trajectory: a row for each number, a column for each step.
    package init(_ observations: [Observation], mostOfArray: Int = 4) {
        struct Row: Hashable { var output, layer: String }
        let steps = Set(observations.map(\.step)).sorted()
        var cells: [Row: [Int: String]] = [:], order: [Row] = [], hasMore = false
        for observation in observations {
            if let index = observation.index, index >= mostOfArray {
                hasMore = true
                continue
            }
            let index = observation.index.map { "[\($0)]" } ?? ""
            let row = Row(output: "\(observation.probe).\(observation.output)\(index)", layer: observation.layer)
            if cells[row] == nil { order.append(row) }
            cells[row, default: [:]][observation.step] =
                switch observation.value {
                case .number(let value): NumberText.short(value, digits: 5)
                case .missing(let reason): reason
                }
        }
        let columns = steps.count == 1 ? ["value"] : steps.map { "step \($0)" }
        self.init(
            header: ["output", "layer"] + columns, alignments: [.left, .left] + steps.map { _ in .decimal })
        fixed = 2
        rows = order.map { row in [row.output, row.layer] + steps.map { cells[row]?[$0] ?? "" } }
        if hasMore { footer = "of arrays the first \(mostOfArray) numbers; --out writes all" }
    }
}
