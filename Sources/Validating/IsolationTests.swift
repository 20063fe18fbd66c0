import Manifests
import PluginHost
import Protocols

/// Tests of components where runs isolate them (docs/plugins/isolation.md).
enum IsolationTests {
    static let all = [
        BatteryTest(
            "I1", "works in a process without files, sockets and much memory", .standard,
            for: { [.probe, .quantity, .dataset].contains($0.kind) }, examples)
    ]

    /// A process that may do little must give what this one gives.
    private static func examples(_ examination: Examination, _ subject: Subject) throws {
        for example in subject.component.examples {
            func results(_ isolation: Isolation) throws -> [String: [Observation.Value]] {
                try ExampleRun(subject.component, example, subject.registry, isolation: isolation).results()
            }
            examination.begin("example '\(example.name)'")
            guard let own = try? results(Isolation()) else { continue }
            examination.begin("example '\(example.name)' in a process of its own")
            let advice = "compute from the arguments alone: no files, no sockets, no processes, at most 4 GiB"
            let isolated: [String: [Observation.Value]]
            do {
                isolated = try results(Isolation(mode: .all, seconds: 20))
            } catch {
                examination.report(
                    .error, at: example.pointer, "isolated, example '\(example.name)': \(error)", advice: advice)
                continue
            }
            for (name, values) in own.sorted(by: { $0.key < $1.key }) where isolated[name] != values {
                examination.report(
                    .error, at: example.pointer,
                    "isolated, example '\(example.name)' gives \(name) = \(words(isolated[name] ?? [])), "
                        + "otherwise \(words(values))",
                    advice: advice)
            }
        }
    }

    private static func words(_ values: [Observation.Value]) -> String {
        let words = values.prefix(4).map { value in
            switch value {
            case .number(let number): NumberWords.text(number)
            case .missing(let reason): "no value (\(reason))"
            }
        }
        return words.joined(separator: ", ") + (values.count > 4 ? ", …" : "")
    }
}
