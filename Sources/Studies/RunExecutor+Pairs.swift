import ArrayFiles
import Engine
import Foundation
import Manifests
import Observing
import Protocols
import Training

/// Networks of two runs come together by the parameters that each keeps in its folder.
extension RunExecutor {
    private static func file(_ folder: String, _ step: Int) -> String {
        "\(folder)/parameters/\(StudyFolder.name(step: step)).safetensors"
    }

    /// Writes `parameters/step-00000100.safetensors`, whole or not at all.
    static func keep(_ store: ParameterStore, step: Int, in folder: String) throws {
        try StudyFolder.create(folder + "/parameters")
        let arrays = store.blocks.map {
            NamedArray(
                $0.name, shape: $0.shape, reading: store.values + $0.offset * store.precision.bytes, store.precision)
        }
        try Safetensors.write(arrays, metadata: ["step": "\(step)"], to: file(folder, step))
    }

    /// Sets a store to what `keep` wrote.
    private static func load(_ store: ParameterStore, step: Int, from folder: String) throws {
        let file = file(folder, step)
        let arrays = try Safetensors.read(file).arrays
        for (index, block) in store.blocks.enumerated() {
            guard let array = arrays.first(where: { $0.name == block.name }), array.shape == block.shape else {
                throw StudyError(
                    "\(file): has no '\(block.name)' of shape \(block.shape); 'syzygy run --fresh' begins anew")
            }
            switch array.data {
            case .f32(let values): store.set(block: index, values.map(Double.init))
            case .f64(let values): store.set(block: index, values)
            default: throw StudyError("\(file): '\(block.name)' is neither f32 nor f64")
            }
        }
    }

    /// Measures the probes of two runs, at each of their steps, on the rows of the first.
    package func measure(
        _ runs: [PlannedRun], folders: [String], note: @escaping (String) -> Void, record: (Observation) -> Void
    ) throws {
        let first = try trainingPlan(of: runs[0], failures: folders[0] + "/failures", note: note)
        let second = try trainingPlan(of: runs[1], first.dataset, note: note)
        let due = first.probes.filter { $0.probe.scope == .runPair }
        var tables: [String: DataTable] = [:]
        for split in Set(due.map(\.split)) { tables[split] = try DataTable(first.dataset, split: split) }
        var stores: [ParameterStore] = []
        let observers = try [first, second].map { plan in
            let built = try plan.network.build(rows: 1)
            let store = ParameterStore(blocks: built.graph.blocks, precision: plan.precision)
            try built.initialize(store, seed: plan.seed)
            stores.append(store)
            return try Observer(plan.network, store: store, tables: tables, definitions: plan.definitions)
        }
        try observers[0].check(due)
        let pair = RunPairObserver(first: observers[0], second: observers[1])
        for step in Set(due.flatMap(\.steps)).sorted() {
            for (store, folder) in zip(stores, folders) { try Self.load(store, step: step, from: folder) }
            for scheduled in due where scheduled.steps.contains(step) {
                try pair.measure(scheduled, step: step, stores, record: record)
            }
        }
    }
}

/// The body of the hidden command `syzygy pair FILE FOLDER FOLDER`: measures two finished runs and writes their values into a file,
/// whole or not at all.
package struct PairWorker {
    private let file: String
    private let folders: [String]
    private let planner: StudyPlanner

    package init(file: String, folders: [String], planner: StudyPlanner) {
        (self.file, self.folders, self.planner) = (file, folders, planner)
    }

    /// The exit status.
    package func run(_ executor: RunExecutor) -> Int32 {
        let pipe = dup(1)
        dup2(2, 1)
        do {
            var records: [(RunRecord, String)] = []
            for folder in folders { records.append((try RunRecord.read(folder: folder), folder + "/run.json")) }
            let runs = try planner.runs(of: records.map { (record: $0.0, file: $0.1) })
            let log = RunLog()
            let part = file + ".part"
            let writer = try ObservationWriter(path: part)
            try executor.measure(runs, folders: folders, note: log.write) { writer.append($0) }
            try writer.flush()
            guard rename(part, file) == 0 else {
                throw StudyError("\(file): cannot be written: \(String(cString: strerror(errno)))")
            }
            return 0
        } catch {
            let sentence = "\(error)".split(whereSeparator: \.isNewline).joined(separator: "; ")
            RunOutput.send(JSON.object(["error": .string(sentence)]).text(pretty: false) + "\n", to: pipe)
            return 1
        }
    }
}
