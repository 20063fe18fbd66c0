import Foundation
import Manifests
import OrderedCollections
import Studies

/// One side of a comparison: a study, a part of one, or a run.
package struct ComparedRuns: Sendable {
    /// As the user wrote it.
    package let name: String
    package let results: StudyResults
    let selection: Selection
    /// Positions of the chosen runs.
    let runs: [Int]

    /// - Parameter text: the folder of a study, `OUT:optimizer.lr=0.1,seed=3`, or the folder of a run.
    package init(reading text: String, _ kept: ObservationTable.Kept = .all) throws(StudyError) {
        let (folder, conditions) = Self.split(text)
        let isRun = FileManager.default.fileExists(atPath: folder + "/run.json")
        let results = try isRun ? StudyResults.read(run: folder, kept) : StudyResults.read(folder: folder, kept)
        try self.init(name: text, results, where: conditions)
    }

    package init(name: String, _ results: StudyResults, where conditions: [String] = []) throws(StudyError) {
        self.name = name
        self.results = results
        let selection: Selection
        do {
            selection = try Selection(results, where: conditions)
        } catch {
            throw StudyError("\(name): \(error)")
        }
        self.selection = selection
        runs = selection.settings.flatMap { results.members[$0] }
            .filter { selection.contains(seed: results.runs[$0].seed) }
        guard !runs.isEmpty else { throw StudyError("\(name): no run has left a record") }
    }

    /// The folder, and the conditions behind the last colon; commas in brackets part elements of a list.
    private static func split(_ text: String) -> (folder: String, conditions: [String]) {
        guard !FileManager.default.fileExists(atPath: text), let colon = text.lastIndex(of: ":") else {
            return (text, [])
        }
        var conditions = [""]
        var depth = 0
        for letter in text[text.index(after: colon)...] {
            depth += letter == "[" ? 1 : letter == "]" ? -1 : 0
            if letter == ",", depth == 0 {
                conditions.append("")
            } else {
                conditions[conditions.count - 1].append(letter)
            }
        }
        return (String(text[..<colon]), conditions)
    }

    /// Keys in which the chosen runs differ, seeds aside.
    var varying: [String] {
        results.sweptKeys.indices.filter { column in
            Set(runs.map { results.settings[results.runs[$0].setting][column] }).count > 1
        }.map { results.sweptKeys[$0] }
    }

    func value(of key: String, run: Int) -> String? {
        results.value(of: key, setting: results.runs[run].setting)
    }

    /// The step at which these runs are compared: as a table of them has it.
    func step(_ series: Int, _ moment: Figure.Moment, of runs: [Int]) -> Int? {
        let finished = runs.filter { results.runs[$0].isFinished }.map { results.runs[$0].curves }
        return switch moment {
        case .last: finished.compactMap { $0.lastStep(series) }.max()
        case .first: finished.compactMap { $0.firstStep(series) }.min()
        case .step(let step): step
        }
    }
}
