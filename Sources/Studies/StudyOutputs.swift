import Manifests
import OrderedCollections
import PluginHost

/// What the probes or the procedure of a study record, and what to say about names that are not among it.
struct StudyOutputs {
    let registry: Registry
    /// Those of all settings; of two with one key the first.
    let probes: [RunConfiguration.ProbeChoice]
    let hasProcedure: Bool
    /// Bounds of intervals not among them.
    let all: [MeasuredOutput]

    init(_ settings: [RunConfiguration], _ registry: Registry) {
        self.registry = registry
        var known: Set<[JSON?]> = []
        let different = settings.filter {
            known.insert([$0.json["probes"], $0.json["procedure"]?["plugin"]]).inserted
        }
        probes =
            OrderedDictionary(different.flatMap(\.probes).map { ($0.key, $0) }, uniquingKeysWith: { a, _ in a })
            .values.elements
        hasProcedure = different.contains { $0.procedure != nil }
        all = OrderedSet(different.flatMap { Self.outputs(of: $0, registry) }).elements
    }

    private static func outputs(of configuration: RunConfiguration, _ registry: Registry) -> [MeasuredOutput] {
        var all: [MeasuredOutput] = []
        if let procedure = configuration.procedure,
            let (_, component) = try? registry.component(procedure.component, kind: .procedure)
        {
            all += component.outputs.map {
                MeasuredOutput(name: "procedure.\($0.id)", declaration: $0, isOfLayers: false)
            }
        }
        for probe in configuration.probes {
            guard let (_, component) = try? registry.component(probe.choice.component, kind: .probe) else { continue }
            let isOfLayers = component.scope != .run
            for binding in component.expandedBindings(probe.choice.options) {
                all += component.outputs.map {
                    MeasuredOutput(
                        name: "\(probe.key).\(binding.recordedName($0))", declaration: $0, isOfLayers: isOfLayers)
                }
            }
        }
        return all
    }

    func isOfWholeNetwork(_ name: String) -> Bool { all.contains { $0.name == name && !$0.isOfLayers } }

    /// The sentence about a name of an output, a bound of an interval too; nil if there is one.
    func unknown(_ output: String) -> String? {
        let key = output.prefix { $0 != "." }
        let rest = String(output.dropFirst(key.count + 1))
        func own(_ key: some StringProtocol) -> [String] {
            all.map(\.name).filter { $0.hasPrefix("\(key).") }.map { String($0.dropFirst(key.count + 1)) }
        }
        if key == "procedure", hasProcedure {
            let outputs = own(key)
            if outputs.contains(rest) { return nil }
            let hint = Nearest.question(for: rest, among: outputs) { "procedure.\($0)" }
            return "the procedure has no output '\(rest)'\(hint) (it has: \(list(outputs)))"
        }
        guard let probe = probes.first(where: { $0.key == key }) else {
            let keys = probes.map(\.key)
            let hint = Nearest.question(for: String(key), among: keys)
            return "the study has no probe '\(key)'\(hint) (probes: \(list(keys)))"
        }
        var outputs = own(key)
        if probe.bootstrap != nil { outputs += outputs.flatMap { ["\($0).low", "\($0).high"] } }
        guard !outputs.contains(rest) else { return nil }
        let hint = Nearest.question(for: rest, among: outputs) { "\(key).\($0)" }
        return "probe '\(key)' has no output '\(rest)'\(hint) (it has: \(list(outputs)))"
    }

    /// The same about a pattern that matches nothing.
    func unknown(_ pattern: OutputPattern) -> String {
        let key = pattern.text.prefix { $0 != "." }
        let keys = probes.map(\.key) + (hasProcedure ? ["procedure"] : [])
        if pattern.isName || !key.contains("*") && !keys.contains(String(key)) {
            return unknown(pattern.text) ?? "'\(pattern.text)' is the bound of an interval; name its output"
        }
        let names = all.map(\.name).filter { key.contains("*") || $0.hasPrefix("\(key).") }
        let hint = Nearest.question(for: pattern.text, among: names)
        return
            "no output matches '\(pattern.text)'\(hint) (there are: \(list(Array(names.prefix(12))))\(names.count > 12 ? ", …" : ""))"
    }

    private func list(_ names: [String]) -> String { names.isEmpty ? "none" : names.joined(separator: ", ") }
}
