import Foundation
import LinearAlgebra
import Manifests

/// Two runs of one setting that differ in their seed; the first has the smaller one.
package struct RunPair: Sendable {
    package var first, second: PlannedRun

    /// Names the file of its values: other runs have another one.
    package var name: String {
        let identity = SHA256.hex(of: Array("\(first.identity) \(second.identity)".utf8))
        return "\(identity.prefix(10))\(first.name.dropFirst(10))-s\(second.seed)"
    }
}

extension StudyPlan {
    /// The pairs that probes of two runs measure: of each setting all, in the order of their seeds, as far as the study wants
    /// them.
    package var pairs: [RunPair] {
        var settings: [[PlannedRun]] = []
        for run in runs {
            guard run.configuration.mostPairs != nil else { continue }
            if settings.last?.first?.configuration == run.configuration {
                settings[settings.count - 1].append(run)
            } else {
                settings.append([run])
            }
        }
        return settings.flatMap { runs in
            let sorted = runs.sorted { $0.seed < $1.seed }
            let all = sorted.indices.flatMap { i in
                sorted[(i + 1)...].map { RunPair(first: sorted[i], second: $0) }
            }
            return all.prefix(runs[0].configuration.mostPairs ?? 0)
        }
    }
}

extension RunConfiguration {
    /// Of a setting; nil without a probe of two runs.
    var mostPairs: Int? { probes.compactMap(\.pairs).max() }

    /// The steps at which a run keeps its parameters for probes of two runs.
    var keptSteps: Set<Int> { Set(probes.filter { $0.pairs != nil }.flatMap(\.sighting.steps)) }
}

extension StudyFolder {
    package var pairsFile: String { path + "/pairs.csv" }
    package var pairsFolder: String { path + "/pairs" }
    /// The values of a pair of runs, `observations.csv` of both together.
    package func pairFile(_ name: String) -> String { "\(pairsFolder)/\(name).csv" }

    /// `pairs.csv`: the values of all pairs of a plan that are measured.
    func writePairs(_ plan: StudyPlan) throws(StudyError) {
        guard !plan.pairs.isEmpty else { return }
        var text = Data("first,second,\(ObservationWriter.header)\n".utf8)
        for pair in plan.pairs {
            guard let data = FileManager.default.contents(atPath: pairFile(pair.name)) else { continue }
            let names = Data("\(CSV.field(pair.first.name)),\(CSV.field(pair.second.name)),".utf8)
            for line in data.split(separator: UInt8(ascii: "\n")).dropFirst() {
                text.append(names)
                text.append(line)
                text.append(UInt8(ascii: "\n"))
            }
        }
        do {
            try text.write(to: URL(fileURLWithPath: pairsFile), options: .atomic)
        } catch {
            throw StudyError("\(pairsFile): cannot be written: \(error)")
        }
    }
}
