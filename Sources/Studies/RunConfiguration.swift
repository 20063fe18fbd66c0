import Engine
import Manifests
import Observing
import OrderedCollections
import PluginHost
import Protocols
import Training

/// Everything that decides what one run computes, but its seed.
package struct RunConfiguration: Hashable, Sendable {
    package struct Train: Hashable, Sendable {
        /// Number of updates.
        package var steps: Int
        /// Rows per update; nil: all rows of the train split.
        package var batchSize: Int?
        package var precision: Precision
        package var threads: Int
        /// Runs that one program trains, at most.
        package var together: Int
        package var logEvery: Int
    }

    /// A regularizer under the key the study gives it.
    package struct Regularizer: Hashable, Sendable {
        package var key: String
        package var choice: Choice
        /// nil: all.
        package var parameters: ParameterPattern?
    }

    /// A further model for the loss.
    package struct NamedModel: Hashable, Sendable {
        package var key: String
        package var choice: Choice
    }

    /// First values of some parameters.
    package struct Initializer: Hashable, Sendable {
        package var key: String
        package var choice: Choice
        package var parameters: ParameterPattern
    }

    package struct Parametrization: Hashable, Sendable {
        package var key: String
        package var choice: Choice
        package var parameters: ParameterPattern
    }

    /// Parameters with other options or another optimizer than the rest.
    package struct Group: Hashable, Sendable {
        package var key: String
        package var parameters: ParameterPattern
        /// nil: frozen.
        package var optimizer: Choice?
    }

    /// Which rows of which layers, and when.
    package struct Sighting: Hashable, Sendable {
        package var schedule: Schedule
        package var split: String
        /// The first rows of the split; nil: all.
        package var samples: Int?
        /// nil: all.
        package var layers: [String]?
        /// The steps of the schedule in this run.
        package var steps: [Int]
    }

    package struct ProbeChoice: Hashable, Sendable {
        package var key: String
        package var choice: Choice
        package var sighting: Sighting
        /// Steps at which a state goes on beside those of the sighting; nil: none.
        package var updates: [Int]?
        /// Of a probe of two runs: pairs of a setting, at most.
        package var pairs: Int?
        /// Replicates of the bootstrap; nil: no intervals.
        package var bootstrap: Int?
        /// Random cotangents for Jacobians; nil: every output.
        package var cotangents: Int?
    }

    package struct Record: Hashable, Sendable {
        package var quantities: [String]
        package var sighting: Sighting
    }

    package struct Rule: Hashable, Sendable {
        package var choice: Choice
        /// nil: all.
        package var layers: [String]?
    }

    /// A network and how it learns.
    package struct Training: Hashable, Sendable {
        /// nil: each epoch is a new order of all rows.
        package var sampler: Choice?
        package var model: Choice
        /// In the order of their keys.
        package var others: [NamedModel]
        /// In the order of the file: the first that matches a parameter has it.
        package var initializers: [Initializer]
        package var parametrizations: [Parametrization]
        package var loss: Choice
        /// In place of backpropagation.
        package var rule: Rule?
        package var optimizer: Choice
        /// In the order of the file: a parameter belongs to the first that matches it.
        package var groups: [Group]
        /// In the order of their keys, so that two files that differ in order mean the same run.
        package var regularizers: [Regularizer]
        /// Rules that end training before its last step, in the order of their keys.
        package var stops: [StopRule]
    }

    /// nil: a procedure that makes its data by itself.
    package var dataset: Choice?
    /// nil: the run follows a procedure.
    package var training: Training?
    package var procedure: Choice?
    /// Of a procedure: its threads.
    package var train: Train
    package var probes: [ProbeChoice]
    package var record: Record?
    /// Steps whose checkpoints are kept.
    package var checkpoints: [Int] = []
    /// nil: the run begins at its first values.
    package var fork: Fork?
    /// The same as a study: all defaults present, components with their full ids, keys in one order.
    package var json: JSON
}

extension RunConfiguration {
    /// The configuration with the same in place of all real numbers by which runs that train together may differ.
    fileprivate var withoutNumbers: JSON {
        func stripped(_ json: JSON) -> JSON {
            switch json {
            case .double: .null
            case .object(let members): .object(members.mapValues(stripped))
            default: json
            }
        }
        guard var sections = json.object else { return json }
        if var fork = sections["fork"]?.object {
            fork["run"] = nil
            sections["fork"] = .object(fork)
        }
        for section in ["optimizer", "groups", "regularizers", "model", "models", "initializers"] {
            sections[section] = sections[section].map(stripped)
        }
        return .object(sections)
    }
}

/// One run of a plan.
package struct PlannedRun: Hashable, Sendable {
    /// `<10 hex digits of the identity>-<swept>-s<seed>`, the run's folder.
    package var name: String
    /// SHA-256 of the canonical JSON of configuration, seed and the digests of the plugins and data files used.
    package var identity: String
    /// Dotted keys and their values in this run.
    package var swept: OrderedDictionary<String, JSON>
    package var seed: Int
    package var configuration: RunConfiguration
    /// By dotted key, for every value of the configuration.
    package var origins: OrderedDictionary<String, Origin>
    package var plugins: [PluginDigests]
    /// Files that options name.
    package var files: [DataFile]
    /// Where their relative paths begin: the folder of the study file.
    package var folder: String
    /// `weight_decay=0.001 seed=3`.
    package var label: String
}

/// A study made ready to run.
package struct StudyPlan: Sendable {
    package var name: String
    package var title: String
    package var axes: OrderedDictionary<String, [JSON]>
    package var seeds: [Int]
    /// As in the study file, checked.
    package var claims: JSON
    /// Those of the study and of manifests, checked, with names in the place of patterns.
    package var figures: [Figure]
    /// By name: unit and labels of what figures show.
    package var outputs: OrderedDictionary<String, JSON>
    /// Settings in the order of the sweep (the last key fastest), seeds within each.
    package var runs: [PlannedRun]

    /// Runs by the worker that computes them: those that differ only in their seed and in real numbers of the optimizer, the groups,
    /// the regularizers, the model and the initializers, at most `train.together` in one.
    package static func groups(_ runs: [PlannedRun]) -> [[PlannedRun]] {
        var groups: [[PlannedRun]] = []
        var open: [JSON: Int] = [:]
        for run in runs {
            let together = run.configuration.train.together
            let key = together > 1 ? run.configuration.withoutNumbers : .null
            if together > 1, let index = open[key], groups[index].count < together {
                groups[index].append(run)
            } else {
                open[key] = groups.count
                groups.append([run])
            }
        }
        return groups
    }

    /// `study.json`.
    package var json: JSON {
        var settings: [JSON] = []
        for run in runs where settings.last != .object(run.swept) { settings.append(.object(run.swept)) }
        return .object([
            "format": .int(1), "study": .string(name), "title": .string(title),
            "sweep": .object(axes.mapValues(JSON.array)), "settings": .array(settings),
            "seeds": .array(seeds.map(JSON.int)), "claims": claims,
            "figures": .array(figures.map(\.json)), "outputs": .object(outputs),
            "runs": .array(runs.map { .string($0.name) }),
            "pairs": .array(
                pairs.map {
                    .object([
                        "name": .string($0.name), "first": .string($0.first.name), "second": .string($0.second.name),
                    ])
                }),
        ])
    }
}
