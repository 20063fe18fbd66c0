import Engine
import LinearAlgebra
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
        let session = try Session(try plan(run, precision, note: output.note))
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

    private func plan(
        _ run: PlannedRun, _ precision: Precision, note: @escaping (String) -> Void
    ) throws -> TrainingPlan {
        let configuration = run.configuration
        let seed = UInt64(run.seed)
        let loader = ComponentLoader(
            registry: registry, seed: seed, steps: configuration.train.steps, note: note)
        let dataset = try loader.dataset(configuration.dataset)
        let network = Network(
            model: try loader.model(configuration.model), loss: try loader.loss(configuration.loss),
            fields: dataset.fields)
        return TrainingPlan(
            network: network, dataset: dataset,
            regularizers: try configuration.regularizers.map { term in
                RegularizerTerm(
                    key: term.key, regularizer: try loader.regularizer(term.choice, key: "regularizers.\(term.key)"),
                    parameters: term.parameters)
            },
            optimizer: try loader.optimizer(configuration.optimizer),
            groups: try configuration.groups.map { group in
                ParameterGroup(
                    key: group.key, parameters: group.parameters,
                    optimizer: try group.optimizer.map { try loader.optimizer($0, key: "groups.\(group.key)") })
            },
            probes: try configuration.probes.map { probe in
                ScheduledProbe(
                    key: probe.key, probe: try loader.probe(probe.choice), steps: Set(probe.sighting.steps),
                    split: probe.sighting.split, samples: probe.sighting.samples,
                    layers: probe.sighting.layers.map(Set.init))
            },
            steps: configuration.train.steps, batchSize: configuration.train.batchSize, precision: precision,
            seed: seed)
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
        let arrays = session.checkpoint.map { tensor in
            let count = tensor.shape.reduce(1, *)
            let data: NamedArray.Element =
                switch precision {
                case .f32:
                    .f32(
                        Array(
                            UnsafeRawBufferPointer(start: tensor.values, count: 4 * count).bindMemory(to: Float.self))
                    )
                case .f64:
                    .f64(
                        Array(
                            UnsafeRawBufferPointer(start: tensor.values, count: 8 * count).bindMemory(to: Double.self)
                        ))
                }
            return NamedArray(tensor.name, shape: tensor.shape, data)
        }
        try Safetensors.write(arrays, metadata: ["step": "\(session.step)"], to: folder + "/checkpoint.safetensors")
    }
}
