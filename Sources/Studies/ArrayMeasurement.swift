import Manifests
import Observing
import PluginHost
import Protocols

/// Probes on arrays that something else recorded: `syzygy measure`.
package struct ArrayMeasurement {
    private let files: [ArrayFile]
    private let names: ArrayNames
    private let layers: [String]?
    private let samples, replicates: Int?
    private let probes: [ProbeWords]

    /// - Parameters:
    ///   - steps: of the files; nil: the last numbers in their names.
    ///   - probes: `alignment`, or with a key for tables `crh=alignment`.
    ///   - options: `variant=[raw]` of all probes that have it, `crh.variant=[raw]` of one.
    ///   - map: `input=R,weight=W`: which array is which quantity.
    ///   - layers: their order, and which; nil: all, in the order of the arrays.
    ///   - samples: the first of so many; nil: all.
    ///   - replicates: of the bootstrap that intervals come from; nil: none.
    package init(
        files: [String], steps: [Int]?, probes: [String], options: [String], map: [String], layers: [String]?,
        samples: Int?, replicates: Int?, registry: Registry
    ) throws(StudyError) {
        self.files = try ArrayFile.all(files, steps: steps)
        names = try ArrayNames(map)
        (self.layers, self.samples, self.replicates) = (layers, samples, replicates)
        self.probes = try ProbeWords.all(probes, options, registry)
    }

    /// - Parameters:
    ///   - note: gets sentences about what has no value.
    ///   - record: gets what is measured, in the order of the steps.
    package func run(
        _ loader: ComponentLoader, note: (String) -> Void, record: (Observation) throws -> Void
    ) throws {
        let scheduled = try probes.map { words in
            ScheduledProbe(
                key: words.key, probe: try loader.probe(words.choice), steps: [], samples: samples,
                replicates: words.component.studyKeys.contains("bootstrap") ? replicates ?? 0 : 0)
        }
        var previous: Observer?
        var said: Set<String> = []
        for file in files {
            let arrays = try file.arrays(names)
            let observer = try Observer(recorded: arrays, layers: layers, definitions: loader)
            try check(observer, file)
            // States go on from step to step.
            for (name, tensor) in previous?.states ?? [] { _ = observer.setState(name, tensor) }
            previous = observer
            for (words, probe) in zip(probes, scheduled) {
                let lacking = try observer.lacking(for: probe)
                for sentence in lacking + (words.component.needsNetwork ? [Self.noNetwork] : [])
                where said.insert("\(probe.key) \(sentence)").inserted {
                    note("\(file.path): probe '\(probe.key)': \(sentence)")
                }
            }
            var observations: [Observation] = []
            try observer.observe(step: file.step, due: scheduled) { observations.append($0) }
            try observations.forEach(record)
        }
    }

    private static let noNetwork = "evaluates the network itself, which is not in arrays"

    private func check(_ observer: Observer, _ file: ArrayFile) throws(StudyError) {
        if let layer = layers?.first(where: { !observer.recordedLayers.contains($0) }) {
            throw StudyError(
                "\(file.path): --layers: no array is of a layer '\(layer)'"
                    + Nearest.hint(for: layer, among: observer.recordedLayers, label: "it has"))
        }
        let rows = observer.recordedSamples
        if let samples, samples > rows {
            throw StudyError("\(file.path): --samples \(samples): there are \(rows)")
        }
    }
}

/// A probe of the command line with its options.
private struct ProbeWords {
    var key: String
    var choice: Choice
    let component: Component

    private init(_ words: String, _ registry: Registry) throws(StudyError) {
        let parts = words.split(separator: "=", maxSplits: 1).map(String.init)
        guard let name = parts.last else { throw StudyError("--probe: expected a probe, such as alignment") }
        do {
            component = try registry.component(name, kind: .probe).1
        } catch {
            throw StudyError("--probe \(words): \(error.sentence)")
        }
        guard component.scope != .runPair else {
            throw StudyError("--probe \(words): it compares two runs; arrays are of one")
        }
        key = parts.count == 2 ? parts[0] : component.id
        choice = Choice(component: component.fullID, options: component.options())
    }

    static func all(_ words: [String], _ options: [String], _ registry: Registry) throws(StudyError) -> [ProbeWords] {
        var probes: [ProbeWords] = []
        for word in words {
            let probe = try ProbeWords(word, registry)
            guard !probes.contains(where: { $0.key == probe.key }) else {
                throw StudyError(
                    "--probe \(word): '\(probe.key)' is there already; give it a key: --probe other=\(word)")
            }
            probes.append(probe)
        }
        for option in options { try set(option, of: &probes) }
        for probe in probes {
            for parameter in probe.component.parameters where probe.choice.options[parameter.id] == nil {
                throw StudyError("probe '\(probe.key)' needs \(parameter.summary); give --set \(parameter.id)=…")
            }
        }
        return probes
    }

    private static func set(_ words: String, of probes: inout [ProbeWords]) throws(StudyError) {
        guard let equals = words.firstIndex(of: "="), equals != words.startIndex else {
            throw StudyError("--set \(words): expected option=value, such as variant=[raw]")
        }
        var name = String(words[..<equals])
        let value = try YAMLDocument.value(String(words[words.index(after: equals)...]), of: "--set \(words)")
        var chosen = Array(probes.indices)
        if let dot = name.firstIndex(of: ".") {
            let key = String(name[..<dot])
            chosen = chosen.filter { probes[$0].key == key }
            if chosen.isEmpty {
                let hint = Nearest.hint(for: key, among: probes.map(\.key), label: "there are")
                throw StudyError("--set \(words): no probe '\(key)'\(hint)")
            }
            name = String(name[name.index(after: dot)...])
        }
        let having = chosen.filter { probes[$0].component.parameter(name) != nil }
        guard !having.isEmpty else {
            let known = chosen.flatMap { probes[$0].component.parameters.map(\.id) }
            throw StudyError("--set \(words): unknown option '\(name)'" + Nearest.hint(for: name, among: known))
        }
        for index in having {
            switch probes[index].component.parameter(name)?.check(value) {
            case .success(let value): probes[index].choice.options[name] = value
            case .failure(let problem): throw StudyError("--set \(words): \(problem.sentence)")
            case nil: break
            }
        }
    }
}
