import Engine
import ArrayFiles
import Observing
import PluginHost
import Protocols
import Training

/// Computes one run: loads its components, trains, and hands on what is measured.
package struct RunExecutor {
    private let registry: Registry

    package init(registry: Registry) { self.registry = registry }

    /// Trains and observes until the end or cancellation; writes arrays and the checkpoint into the run's folder.
    package func run(_ run: PlannedRun, _ output: RunOutput) throws -> Outcome {
        let configuration = run.configuration
        let precision = configuration.train.precision
        let session = try Session(try trainingPlan(of: run, note: output.note))
        try session.observer.check(recorded: configuration.record?.sighting.layers.map(Set.init))
        let outcome = try session.run(observed: output.record) { session in
            if let record = configuration.record, record.sighting.steps.contains(session.step) {
                try write(record, of: session, to: output.folder)
            }
            try output.finished(step: session.step, loss: session.batchLoss)
            return !output.isCancelled
        }
        try writeCheckpoint(session, precision, to: output.folder)
        return outcome
    }

    /// What a run trains, its plugins opened.
    package func trainingPlan(of run: PlannedRun, note: @escaping (String) -> Void) throws -> TrainingPlan {
        let configuration = run.configuration
        let seed = UInt64(run.seed)
        let loader = ComponentLoader(registry: registry, seed: seed, dataFolder: run.folder, note: note)
        let dataset = try loader.dataset(configuration.dataset)
        try checkRows(configuration, dataset)
        let network = Network(
            model: try loader.model(configuration.model), loss: try loader.loss(configuration.loss),
            fields: dataset.fields)
        return TrainingPlan(
            network: network, dataset: dataset,
            regularizers: try configuration.regularizers.map { ($0.key, try loader.regularizer($0.choice)) },
            optimizer: try loader.optimizer(configuration.optimizer),
            probes: try configuration.probes.map { probe in
                ScheduledProbe(
                    key: probe.key, probe: try loader.probe(probe.choice), steps: Set(probe.sighting.steps),
                    split: probe.sighting.split, samples: probe.sighting.samples,
                    layers: probe.sighting.layers.map(Set.init))
            },
            steps: configuration.train.steps, batchSize: configuration.train.batchSize,
            precision: configuration.train.precision, seed: seed)
    }

    /// What planning checks where the manifest says the rows; here they may come from a file.
    private func checkRows(_ configuration: RunConfiguration, _ dataset: any Dataset) throws {
        func check(_ wanted: Int?, _ key: String, in split: String, _ remedy: String) throws {
            let rows = try dataset.rows(in: split)
            guard let wanted, wanted > rows else { return }
            throw StudyError("\(key): \(wanted) is more than the \(rows) rows of the split '\(split)'; \(remedy)")
        }
        try check(configuration.train.batchSize, "train.batch_size", in: "train", "'full' takes all")
        let sightings = configuration.probes.map { ("probes.\($0.key)", $0.sighting) }
        for (key, sighting) in sightings + (configuration.record.map { [("record", $0.sighting)] } ?? []) {
            try check(sighting.samples, "\(key).samples", in: sighting.split, "without 'samples' all are taken")
        }
    }

    /// `arrays/step-00004000.npz` with keys such as `fc1/layer.input`.
    private func write(_ record: RunConfiguration.Record, of session: Session, to folder: String) throws {
        try StudyFolder.create(folder + "/arrays")
        var arrays: [NamedArray] = []
        let sighting = record.sighting
        try session.observer.quantities(
            record.quantities, split: sighting.split, samples: sighting.samples, store: session.store
        ) { name, quantity in
            if let layers = sighting.layers, let slash = name.firstIndex(of: "/"),
                !layers.contains(String(name[..<slash]))
            {
                return
            }
            let count = quantity.shape.reduce(1, *)
            let data: NamedArray.Element =
                switch quantity.data {
                case .real(let values): .f64(Array(UnsafeBufferPointer(start: values, count: count)))
                case .integer(let values): .i32(Array(UnsafeBufferPointer(start: values, count: count)))
                }
            arrays.append(NamedArray(name, shape: quantity.shape, data))
        }
        let number = String(session.step)
        let padded = String(repeating: "0", count: max(0, 8 - number.count)) + number
        try NPZ.write(arrays, to: "\(folder)/arrays/step-\(padded).npz")
    }

    private func writeCheckpoint(_ session: Session, _ precision: Precision, to folder: String) throws {
        let arrays = session.checkpoint.map { NamedArray($0.name, shape: $0.shape, reading: $0.values, precision) }
        try Safetensors.write(arrays, metadata: ["step": "\(session.step)"], to: folder + "/checkpoint.safetensors")
    }
}

extension NamedArray {
    /// A copy of numbers in memory.
    init(_ name: String, shape: [Int], reading values: UnsafeRawPointer, _ precision: Precision) {
        let bytes = UnsafeRawBufferPointer(start: values, count: shape.reduce(1, *) * precision.bytes)
        switch precision {
        case .f32: self.init(name, shape: shape, .f32(Array(bytes.bindMemory(to: Float.self))))
        case .f64: self.init(name, shape: shape, .f64(Array(bytes.bindMemory(to: Double.self))))
        }
    }
}
