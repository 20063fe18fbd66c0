import ArrayFiles
import Foundation
import Manifests
import Studies

/// The last parameters of each run, `<run>.safetensors`, by their names: `fc1.weight`.
enum WeightExport {
    static func write(_ source: ExportSource, to folder: String) throws -> String {
        var written = 0, without: [String] = []
        for record in source.records {
            guard let (arrays, step) = try parameters(of: record, source.folder), !arrays.isEmpty else {
                without.append(record.name)
                continue
            }
            try StudyFolder.create(folder)
            try Safetensors.write(
                arrays,
                metadata: [
                    "run": record.name, "identity": record.identity, "seed": "\(record.seed)", "step": "\(step)",
                    "setting": JSON.object(record.swept).text(pretty: false),
                ], to: "\(folder)/\(record.name).safetensors")
            written += 1
        }
        guard written > 0 else {
            throw StudyError(
                "\(source.folder.path): no run has a checkpoint.safetensors or has recorded layer.weight; "
                    + "'syzygy run' writes checkpoints at the end of runs")
        }
        let rest =
            without.isEmpty
            ? "" : "; \(without.count) without parameters: \(without.prefix(3).joined(separator: ", "))"
        return "\(folder): parameters of \(Words.count(written, "run"))\(rest)"
    }

    /// Those of the checkpoint, else the weights of the last arrays that were recorded.
    private static func parameters(
        of record: RunRecord, _ folder: StudyFolder
    ) throws -> (arrays: [NamedArray], step: Int)? {
        let run = folder.runFolder(record.name), prefix = "parameter/", suffix = "/layer.weight"
        let checkpoint = run + "/checkpoint.safetensors"
        if FileManager.default.fileExists(atPath: checkpoint) {
            let arrays = try Safetensors.read(checkpoint) { $0.hasPrefix(prefix) }.arrays
            return (arrays.map { $0.named(String($0.name.dropFirst(prefix.count))) }, record.step)
        }
        let files = (try? FileManager.default.contentsOfDirectory(atPath: run + "/arrays")) ?? []
        guard let last = files.filter({ $0.hasSuffix(".npz") }).max(),
            let step = Int(last.filter { $0.isASCII && $0.isNumber })
        else { return nil }
        let arrays = try NPZ.read("\(run)/arrays/\(last)") { $0.hasSuffix(suffix) }
        return (arrays.map { $0.named("\($0.name.dropLast(suffix.count)).weight") }, step)
    }
}

extension NamedArray {
    fileprivate func named(_ name: String) -> NamedArray {
        var array = self
        array.name = name
        return array
    }
}
