import CShims
import Foundation
import Manifests
import PluginHost

/// Tests of what calls cost and leave behind.
enum ResourceTests {
    static let all = [
        BatteryTest("R1", "1,000 calls leave nothing behind", .standard, for: { $0.isPlain }, leaks),
        BatteryTest("R3", "how time grows with size", .deep, for: { $0.isPlain && $0.kind != .schedule }, growth),
    ]

    private static let calls = 1000

    private static func leaks(_ examination: Examination, _ subject: Subject) throws {
        var draw = examination.draw()
        for input in try subject.random(TrialSizes(), draw: &draw).prefix(2) {
            guard let trial = try CallTests.trial(examination, subject, input) else { continue }
            // What a first call sets up, and what the allocator keeps, is there then.
            for _ in 0..<50 {
                trial.reset()
                _ = trial.step()
            }
            let before = ProcessState.now(), bytes = sz_heap_bytes(), mappings = mappingCount()
            for _ in 0..<calls {
                trial.reset()
                _ = trial.step()
            }
            let grown = Int(sz_heap_bytes()) - Int(bytes), after = ProcessState.now()
            let pointer = subject.component.plainFunction.pointer
            if grown > 8 * calls {
                examination.report(
                    .error, at: pointer, "\(calls) calls leave \(grown) bytes allocated, with \(input.label)",
                    advice: "free what a call allocates, or use a workspace")
            }
            if mappingCount() > mappings + calls / 10 {
                examination.report(
                    .error, at: pointer, "\(calls) calls leave \(mappingCount() - mappings) mappings behind")
            }
            for change in before.changes(to: after) {
                examination.report(
                    .error, at: pointer, "calls change \(change), with \(input.label)",
                    advice: "close what a call opens, join what it starts, and leave the process as it is found")
            }
        }
    }

    private static func mappingCount() -> Int {
        (try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8))?.utf8.count { $0 == 10 } ?? 0
    }

    /// The exponent p of time ~ size^p between the two largest of some sizes; a note, for the reader.
    private static func growth(_ examination: Examination, _ subject: Subject) throws {
        var times: [Double] = []
        for factor in [1, 2, 4, 8] {
            var draw = examination.draw()
            let sizes = TrialSizes(rows: 64 * factor, inputs: 16 * factor, outputs: 16 * factor, classes: 4)
            guard let input = try? subject.random(sizes, draw: &draw).first,
                let trial = try CallTests.trial(examination, subject, input)
            else { return }
            var best = Double.infinity
            for _ in 0..<7 {
                trial.reset()
                let start = ContinuousClock.now
                _ = trial.step()
                best = min(best, (ContinuousClock.now - start) / .seconds(1))
            }
            times.append(best)
        }
        let exponent = log2(times[3] / times[2])
        examination.report(
            .note, at: subject.component.plainFunction.pointer,
            String(
                format:
                    "%.3g s where every size is 8 times the smallest; doubling them multiplies the time by 2^%.1f",
                times[3], exponent))
    }
}
