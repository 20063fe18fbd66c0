import Foundation
import Manifests
import OrderedCollections
import Studies

/// The runs of a study folder, in the order of its plan; observations are read run by run.
package struct ExportSource {
    package let folder: StudyFolder
    let records: [RunRecord]
    /// Swept keys, the seed not among them.
    let sweptKeys: [String]
    private let probes: Set<String>?

    /// - Parameter probes: keys of those whose observations are wanted; empty: all.
    package init(_ path: String, probes: [String] = []) throws(StudyError) {
        folder = StudyFolder(path)
        records = try folder.records()
        sweptKeys = Array(OrderedSet(records.flatMap(\.swept.keys)))
        guard !records.isEmpty else { throw StudyError("\(path): no run has begun; 'syzygy run' computes them") }
        self.probes = probes.isEmpty ? nil : Set(probes)
        let known = OrderedSet(records.flatMap(\.probes)).elements
        guard let unknown = probes.first(where: { !known.contains($0) }) else { return }
        throw StudyError(
            "--probe \(unknown): the study has none" + Nearest.hint(for: unknown, among: known, label: "it has"))
    }

    /// Empty for a run that failed before its first step.
    func observations(of record: RunRecord) throws(StudyError) -> ObservationTable {
        let file = folder.observationsFile(record.name)
        guard FileManager.default.fileExists(atPath: file) else { return ObservationTable() }
        return try ObservationTable.read(file: file)
    }

    func isWanted(_ series: Series) -> Bool { probes?.contains(series.probe) ?? true }
}

extension RunRecord {
    /// The keys under which it records.
    fileprivate var probes: [String] {
        configuration["procedure"] == nil ? configuration["probes"]?.object?.keys.elements ?? [] : ["procedure"]
    }
}

/// In which form results leave.
package enum ExportFormat: String, CaseIterable, Sendable {
    case csv, npz, tensorboard, safetensors

    /// Inside the study folder.
    package var defaultName: String {
        switch self {
        case .csv: "export.csv"
        case .npz: "export.npz"
        case .tensorboard: "tensorboard"
        case .safetensors: "weights"
        }
    }

    /// Writes to `path`. Returns a sentence about what is there.
    package func write(_ source: ExportSource, to path: String) throws -> String {
        switch self {
        case .csv: try CSVExport.write(source, to: path)
        case .npz: try NPZExport.write(source, to: path)
        case .tensorboard: try EventExport.write(source, to: path)
        case .safetensors: try WeightExport.write(source, to: path)
        }
    }
}
