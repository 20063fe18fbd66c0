import ArrayFiles
import Manifests
import Observing
import PluginHost
import Protocols
import Training

extension RunExecutor {
    /// Follows a procedure to its end or cancellation. An interrupted one begins anew.
    func follow(_ choice: Choice, _ run: PlannedRun, _ output: RunOutput) throws -> Outcome {
        let loader = loader(
            run, failures: output.folder + "/failures", opened: output.opened, note: output.note)
        let procedure = try loader.procedure(choice)
        let dataset = try run.configuration.dataset.map { try loader.dataset($0) }
        output.note(collisions: collisions(in: run))
        var tables: [String: DataTable] = [:]
        let data = try procedure.data.map { field, split in
            guard let dataset else {
                throw StudyError("the procedure works on '\(field)', and the study has no dataset")
            }
            let table = try tables[split] ?? DataTable(dataset, split: split)
            tables[split] = table
            guard let index = table.index(of: field), table.rows > 0 else {
                throw StudyError("the dataset has no rows of '\(field)' in its split '\(split)'")
            }
            return DataField(field: table.fields[index], rows: table.rows, values: table.pointer(field: index))
        }
        let listener = Listener(output)
        let isDone = try withExtendedLifetime(tables) { try procedure.run(data, listener) }
        try listener.finish()
        return isDone ? .finished : .stopped(step: listener.step)
    }
}

/// Writes what a procedure records into the run's folder: observations of the key `procedure`, and `arrays/step-00000003.npz`.
private final class Listener: ProcedureListener {
    private let output: RunOutput
    private(set) var step = 0
    private var arrays: [NamedArray] = []

    init(_ output: RunOutput) { self.output = output }

    func record(_ observation: Observation) throws {
        try begin(observation.step)
        var named = observation
        named.probe = "procedure"
        output.record(named)
    }

    func record(step: Int, output name: String, shape: [Int], values: [Double]) throws {
        try begin(step)
        arrays.removeAll { $0.name == name }
        arrays.append(NamedArray(name, shape: shape, .f64(values)))
    }

    func progress(step: Int) throws -> Bool {
        try begin(step)
        try output.finished(step: step, loss: .nan)
        return !output.isCancelled
    }

    private func begin(_ step: Int) throws {
        if step > self.step { try writeArrays() }
        self.step = step
    }

    private func writeArrays() throws {
        guard !arrays.isEmpty else { return }
        try StudyFolder.create(output.folder + "/arrays")
        try NPZ.write(arrays, to: "\(output.folder)/arrays/\(StudyFolder.name(step: step)).npz")
        arrays = []
    }

    func finish() throws {
        try writeArrays()
        try output.finished(step: step, loss: .nan)
    }
}
