import Manifests
import PluginHost

/// Tests of components where runs isolate them (docs/plugins/isolation.md).
enum IsolationTests {
    static let all = [
        BatteryTest(
            "I1", "works in a process without files, sockets and much memory", .standard,
            for: { [.probe, .dataset].contains($0.kind) }, examples)
    ]

    private static func examples(_ examination: Examination, _ subject: Subject) throws {
        for example in subject.component.examples {
            examination.begin("example '\(example.name)' in a process of its own")
            let disagreements: [String]
            do {
                let run = try ExampleRun(
                    subject.component, example, subject.registry, isolation: Isolation(mode: .all, seconds: 20))
                disagreements = try run.disagreements()
            } catch {
                disagreements = ["\(error)"]
            }
            for sentence in disagreements {
                examination.report(
                    .error, at: example.pointer, "isolated, example '\(example.name)': \(sentence)",
                    advice: "compute from the arguments alone: no files, no sockets, no processes, at most 4 GiB")
            }
        }
    }
}
