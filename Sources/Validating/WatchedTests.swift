import Foundation
import Manifests
import PluginHost

/// Calls of which Valgrind watches every access to memory: what it finds fails these tests, not what comes out.
enum WatchedTests {
    static let all = [
        BatteryTest(
            "R2", "no access outside memory, no use of unwritten memory", .deep, for: { _ in true }, tool: .memcheck,
            calls
        ),
        BatteryTest(
            "T2", "no two threads use one place without order", .deep, for: { $0.isCalledByThreads }, tool: .helgrind,
            threads),
    ]

    /// The examples as runs call them, then inputs of other sizes and numbers, and other options.
    private static func calls(_ examination: Examination, _ subject: Subject) throws {
        let component = subject.component
        for example in component.examples {
            examination.begin("example '\(example.name)'")
            _ = try? ExampleRun(component, example, subject.registry).results()
        }
        var draw = examination.draw()
        let sizes = [
            TrialSizes(rows: 7, inputs: 5, outputs: 3, classes: 2),
            TrialSizes(rows: 1, inputs: 1, outputs: 1, classes: 1),
            TrialSizes(rows: 17, inputs: 3, outputs: 11, classes: 4),
        ]
        for size in sizes {
            for input in (try? subject.random(size, draw: &draw)) ?? [] {
                _ = InputTests.run(examination, subject, input)
            }
        }
        let usual = try subject.usualOptions()
        for number in 0..<3 {
            var options = usual
            for parameter in component.parameters {
                if let value = OptionValues(parameter, component).random(&draw) { options[parameter.id] = value }
            }
            let label = "random options \(number)"
            let inputs = try? subject.random(sizes[0], options: options, draw: &draw, label: label)
            for input in (inputs ?? []).prefix(2) { _ = InputTests.run(examination, subject, input) }
        }
    }

    /// Two threads with arguments of their own, which begin after a first call, and then do not wait for each other.
    private static func threads(_ examination: Examination, _ subject: Subject) throws {
        var draw = examination.draw()
        let sizes = TrialSizes(rows: 11, inputs: 7, outputs: 5)
        let trials = try (0..<2).compactMap { _ -> Trial? in
            guard let input = try subject.random(sizes, draw: &draw).first else { return nil }
            let trial = try subject.trial(input)
            trial.reset()
            _ = trial.step()
            return trial
        }
        guard trials.count == 2 else { return }
        examination.begin("two threads")
        let pair = TrialPair(trials)
        let isDone = DispatchSemaphore(value: 0)
        Thread {
            for round in 0..<5 { _ = pair.trials[1].step(round) }
            isDone.signal()
        }.start()
        for round in 0..<5 { _ = pair.trials[0].step(round) }
        isDone.wait()
    }

    /// Each is used by one thread.
    private struct TrialPair: @unchecked Sendable {
        let trials: [Trial]
        init(_ trials: [Trial]) { self.trials = trials }
    }
}
