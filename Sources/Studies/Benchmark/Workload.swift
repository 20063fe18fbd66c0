import Foundation
import Manifests

/// What `syzygy bench` times: a study, changes to it, and which of its computations.
package struct Workload: Hashable, Sendable {
    /// The computation that is repeated.
    package enum Work: String, Sendable, CaseIterable {
        /// One training step: batch, loss, gradient, regularizers, optimizer.
        case step
        /// The Hessian of the batch's mean loss times a direction.
        case hvp
        /// The squared norm of every sample's gradient.
        case perSampleNorms = "per-sample-norms"
        /// Every sample's gradient.
        case perSampleGradients = "per-sample-gradients"
    }

    package var name: String
    package var file: String
    package var overrides: [String] = []
    package var work = Work.step

    /// A study file, or a name of `Tests/Benchmarks/workloads.json`: names hold neither `/` nor `.`.
    package init(named name: String) throws {
        self.name = name
        file = name
        guard !name.contains("/"), !name.contains(".") else { return }
        let folder = try Installation.root + "/Tests/Benchmarks"
        let table = folder + "/workloads.json"
        let workloads = try JSONFile.read(table).root.object ?? [:]
        guard let entry = workloads[name] else {
            throw StudyError(
                "no workload is called '\(name)'"
                    + Nearest.hint(for: name, among: Array(workloads.keys), label: "known")
                    + "; a study is given by its file, such as studies/mine.yaml")
        }
        guard let study = entry["study"]?.string, let work = Work(rawValue: entry["work"]?.string ?? "step") else {
            throw StudyError("\(table): workload '\(name)' lacks 'study', or its 'work' is unknown")
        }
        file = "\(folder)/\(study)"
        overrides = (entry["overrides"]?.array ?? []).compactMap(\.string)
        self.work = work
    }
}
