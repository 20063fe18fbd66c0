import Manifests
import Observing
import PluginHost
import Protocols
import Training

/// From the configuration of a run to what it trains.
extension RunExecutor {
    /// The plans of runs that may train together; they share a dataset that does not depend on the seed. `note` gets the index of a
    /// run and a sentence about it.
    func trainingPlans(
        of runs: [PlannedRun], failures: [String]? = nil, note: @escaping (Int, String) -> Void,
        opened: ((LoadedFile) -> Void)? = nil
    ) throws -> [TrainingPlan] {
        var shared: [Choice: any Dataset] = [:]
        return try runs.enumerated().map { index, run in
            let plan = try trainingPlan(
                of: run, run.configuration.dataset.flatMap { shared[$0] }, failures: failures?[index], opened: opened
            ) { note(index, $0) }
            if !plan.dataset.isSeeded, let choice = run.configuration.dataset { shared[choice] = plan.dataset }
            return plan
        }
    }

    /// What plugins share that live in the process of the run. Those that ship with this installation share nothing, as its tests show.
    func collisions(in run: PlannedRun) -> [String] {
        let used = Set(run.plugins.map(\.id))
        let manifests = registry.manifests.filter { used.contains($0.id) }
        guard manifests.contains(where: { !Registry.isShipped($0.folder) }) else { return [] }
        return Collisions.among(manifests).filter(\.isHarmful).map(\.description)
    }

    /// What a run trains, its plugins opened; `dataset` if it is open already; `failures` where calls that fail in processes of
    /// their own are kept; `opened` gets the libraries.
    package func trainingPlan(
        of run: PlannedRun, _ dataset: (any Dataset)? = nil, failures: String? = nil,
        opened: ((LoadedFile) -> Void)? = nil, note: @escaping (String) -> Void
    ) throws -> TrainingPlan {
        let configuration = run.configuration
        guard let training = configuration.training, let data = configuration.dataset else {
            throw StudyError("\(run.label): follows a procedure, which trains no network")
        }
        let seed = UInt64(run.seed)
        let loader = loader(run, failures: failures, opened: opened, note: note)
        let dataset = try dataset ?? loader.dataset(data)
        try checkRows(configuration, dataset)
        let network = Network(
            model: try loader.model(training.model),
            others: try training.others.map { ($0.key, try loader.model($0.choice)) },
            loss: try loader.loss(training.loss),
            fields: dataset.fields,
            parametrizations: try training.parametrizations.map {
                ParametrizationRule(
                    key: $0.key, parameters: $0.parameters, parametrization: try loader.parametrization($0.choice))
            },
            initializers: try training.initializers.map {
                InitializerRule(
                    key: $0.key, parameters: $0.parameters,
                    initializer: try loader.initializer($0.choice, key: "initializers.\($0.key)"))
            },
            rule: try training.rule.map { LayerRule(rule: try loader.rule($0.choice), layers: $0.layers) })
        return TrainingPlan(
            network: network, dataset: dataset, sampler: try training.sampler.map(loader.sampler),
            regularizers: try training.regularizers.map { term in
                RegularizerTerm(
                    key: term.key, regularizer: try loader.regularizer(term.choice, key: "regularizers.\(term.key)"),
                    parameters: term.parameters)
            },
            optimizer: try loader.optimizer(training.optimizer),
            groups: try training.groups.map { group in
                ParameterGroup(
                    key: group.key, parameters: group.parameters,
                    optimizer: try group.optimizer.map { try loader.optimizer($0, key: "groups.\(group.key)") })
            },
            probes: try configuration.probes.map { probe in
                let steps = Set(probe.sighting.steps)
                return ScheduledProbe(
                    key: probe.key, probe: try loader.probe(probe.choice), steps: steps.union(probe.updates ?? []),
                    split: probe.sighting.split, samples: probe.sighting.samples,
                    layers: probe.sighting.layers.map(Set.init), recorded: probe.updates == nil ? nil : steps,
                    replicates: probe.bootstrap ?? 0, cotangents: probe.cotangents)
            },
            steps: configuration.train.steps, batchSize: configuration.train.batchSize,
            precision: configuration.train.precision, seed: seed, definitions: loader, stops: training.stops)
    }

    func loader(
        _ run: PlannedRun, failures: String?, opened: ((LoadedFile) -> Void)?, note: @escaping (String) -> Void
    ) -> ComponentLoader {
        var isolation = isolation
        isolation.failures = failures
        return ComponentLoader(
            registry: registry, seed: UInt64(run.seed), steps: run.configuration.train.steps, dataFolder: run.folder,
            isolation: isolation, expected: run.plugins.map { lock?.completed($0) ?? $0 }, note: note, opened: opened)
    }

    /// What planning checks where the manifest says the rows; here they may come from a file.
    private func checkRows(_ configuration: RunConfiguration, _ dataset: any Dataset) throws {
        func check(_ wanted: Int?, _ key: String, in split: String, _ remedy: String) throws {
            let rows = try dataset.rows(in: split)
            guard let wanted, wanted > rows else { return }
            throw StudyError("\(key): \(wanted) is more than the \(rows) rows of the split '\(split)'; \(remedy)")
        }
        if configuration.training?.sampler == nil {
            try check(configuration.train.batchSize, "train.batch_size", in: "train", "'full' takes all")
        }
        let sightings = configuration.probes.map { ("probes.\($0.key)", $0.sighting) }
        for (key, sighting) in sightings + (configuration.record.map { [("record", $0.sighting)] } ?? []) {
            try check(sighting.samples, "\(key).samples", in: sighting.split, "without 'samples' all are taken")
        }
    }
}
