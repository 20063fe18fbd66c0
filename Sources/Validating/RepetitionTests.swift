import Engine
import Foundation
import Manifests
import PluginHost
import Synchronization

/// Tests of calling again: in this process, in another one, in threads, after a checkpoint.
enum RepetitionTests {
    static let all = [
        BatteryTest("D1", "equal calls give equal results", for: { _ in true }, repeated),
        BatteryTest(
            "D2", "other processes give equal results", .standard, for: { _ in true }, variations: 2, processes),
        BatteryTest("T1", "two threads give what one gives", .standard, for: { $0.isCalledByThreads }, threads),
        BatteryTest(
            "X1", "a run that is interrupted and resumed ends like one that is not", .standard,
            for: { [.optimizer, .regularizer].contains($0.kind) || $0.kind == .probe && !$0.state.isEmpty }, resumed),
    ]

    private static func inputs(_ examination: Examination, _ subject: Subject) throws -> [TrialInput] {
        var draw = examination.draw("inputs")
        let sizes = [TrialSizes(), TrialSizes(rows: 17, inputs: 11, outputs: 3, classes: 4)]
        return try subject.examples() + sizes.flatMap { try subject.random($0, draw: &draw) }
    }

    private static func repeated(_ examination: Examination, _ subject: Subject) throws {
        let inputs = try inputs(examination, subject)
        // Memory of one call stays while others are made, so that no two have one address.
        var kept: [Trial] = []
        func trajectory(_ input: TrialInput) throws -> [TrialResult] {
            guard subject.component.isPlain else { return [try subject.run(input)] }
            let trial = try subject.trial(input)
            kept.append(trial)
            trial.reset()
            return (0..<(subject.component.isUpdate ? 3 : 1)).map { trial.result(trial.step(input.step + $0)) }
        }
        var first: [[TrialResult]?] = []
        for input in inputs {
            examination.begin(input.label)
            first.append(try? trajectory(input))
        }
        // Each again, after others.
        for (i, input) in inputs.enumerated() {
            examination.begin("\(input.label), again")
            guard let expected = first[i], let found = try? trajectory(input) else { continue }
            guard !zip(expected, found).allSatisfy({ $0.status == $1.status && $0.bits == $1.bits }) else { continue }
            return examination.report(
                .error, at: subject.component.plainFunction.pointer,
                "another call with the same arguments gives another result, with \(input.label)",
                advice: "keep nothing between calls: no static or global variables; the host keeps state")
        }
        guard subject.component.isPlain, !subject.component.isUpdate else { return }
        // Where a call was made before, in the same memory.
        for (trial, input) in zip(kept, inputs) {
            examination.begin("\(input.label), in the same memory")
            let a = trial.run(), b = trial.run()
            guard a.status != b.status || a.bits != b.bits else { continue }
            return examination.report(
                .error, at: subject.component.plainFunction.pointer,
                "a second call in the same memory gives another result, with \(input.label)",
                advice: "keep nothing between calls, not even by the address of an argument")
        }
    }

    private static func processes(_ examination: Examination, _ subject: Subject) throws {
        chdir(examination.variation == 0 ? "/" : "/usr")
        setlocale(LC_ALL, "")
        srand(UInt32(7919 * examination.variation + 1))
        for input in try inputs(examination, subject) {
            examination.begin(input.label)
            guard let result = try? subject.run(input) else { continue }
            examination.note("\(input.label) \(result.status)")
            for (name, bits) in result.bits { examination.note("\(name) \(bits)") }
        }
    }

    // MARK: Threads

    private static func threads(_ examination: Examination, _ subject: Subject) throws {
        var draw = examination.draw()
        let sizes =
            subject.component.isElementwise || subject.component.isUpdate
            ? TrialSizes(inputs: 512, outputs: 512) : TrialSizes(rows: 101, inputs: 67, outputs: 53)
        guard let a = try subject.random(sizes, draw: &draw).first,
            let b = try subject.random(sizes, draw: &draw).first
        else { return }
        let rounds = 200
        func trials() throws -> [Trial] {
            try [a, b].map { input in
                let trial = try subject.trial(input)
                trial.reset()
                // The first call in turn: what a plugin sets up once is set up.
                _ = trial.step()
                return trial
            }
        }
        examination.begin("one thread")
        let alone = try trials()
        defer { withExtendedLifetime(alone) {} }
        let expected = alone.map { trial in (0..<rounds).map { round in digest(trial, round) } }
        examination.begin("two threads")
        let pair = SharedTrials(trials: try trials())
        // On a busy machine threads wait long for each other: then fewer rounds must do.
        let meeting = Meeting(), deadline = ContinuousClock.now + .seconds(15)
        let found = Mutex([[UInt64]](repeating: [], count: 2))
        let call = { @Sendable (index: Int) in
            var digests: [UInt64] = []
            for round in 0..<rounds {
                if index == 0, ContinuousClock.now > deadline { meeting.end() }
                meeting.wait(2 * (round + 1))
                if meeting.isOver { break }
                digests.append(digest(pair.trials[index], round))
            }
            found.withLock { $0[index] = digests }
        }
        let isDone = DispatchSemaphore(value: 0)
        Thread {
            call(1)
            isDone.signal()
        }.start()
        call(0)
        isDone.wait()
        for (index, digests) in found.withLock({ $0 }).enumerated() {
            guard let round = digests.indices.first(where: { digests[$0] != expected[index][$0] }) else { continue }
            return examination.report(
                .error, at: subject.component.plainFunction.pointer,
                "gives another result while another thread calls it too, at round \(round) of \(rounds)",
                advice: "use a workspace instead of static memory; the host calls this function from several threads")
        }
    }

    private static func digest(_ trial: Trial, _ round: Int) -> UInt64 {
        var digest = UInt64(bitPattern: Int64(trial.step(round)))
        for values in trial.result(0).values.values {
            for value in values { digest = (digest ^ value.bitPattern) &* 0x100_0000_01B3 }
        }
        return digest
    }

    /// Each trial is used by one thread.
    private struct SharedTrials: @unchecked Sendable { let trials: [Trial] }

    /// Lets threads begin a round together.
    private final class Meeting: Sendable {
        private let arrived = Atomic<Int>(0)
        private let hasEnded = Atomic<Bool>(false)

        /// For both threads after the next `wait`.
        func end() { hasEnded.store(true, ordering: .releasing) }
        var isOver: Bool { hasEnded.load(ordering: .acquiring) }

        func wait(_ count: Int) {
            arrived.add(1, ordering: .acquiringAndReleasing)
            var spins = 0
            while arrived.load(ordering: .acquiring) < count {
                spins += 1
                // A thread that gives up its core comes back too late to meet anybody.
                if spins % 10_000 == 0 { sched_yield() }
            }
        }
    }

    // MARK: Checkpoints

    private static func resumed(_ examination: Examination, _ subject: Subject) throws {
        if subject.component.kind == .probe { return try PassTest.resumed(examination, subject) }
        let component = subject.component, half = 7, count = 41
        var benches: [UpdateBench] = []
        for options in try [subject.usualOptions()] + component.examples.map({ try $0.options(of: component) }) {
            for precision in component.precisions.sorted(by: { $0.rawValue < $1.rawValue }) {
                var draw = examination.draw("gradients")
                let start = draw.normal(count), gradients = (0..<2 * half).map { _ in draw.normal(count) }
                let problem = component.needsNetwork ? draw.problem(parameters: count) : nil
                func bench() throws -> UpdateBench {
                    let bench = try UpdateBench(
                        subject.choice(options), kind: component.kind, values: [("p", [count], start)],
                        precision: precision, problem: problem, loader: subject.loader(seed: examination.seed))
                    benches.append(bench)
                    return bench
                }
                func run(_ bench: UpdateBench, _ steps: Range<Int>) throws {
                    for step in steps {
                        bench.set(step: step)
                        if component.kind == .optimizer {
                            try bench.update([gradients[step]])
                        } else {
                            bench.setGradient(gradients[step])
                            _ = try bench.penalty()
                        }
                    }
                }
                examination.begin("\(half) steps, a checkpoint, \(half) steps, \(precision.rawValue)")
                let whole = try bench(), before = try bench(), after = try bench()
                try run(whole, 0..<2 * half)
                try run(before, 0..<half)
                after.store.set(block: 0, before.values())
                for state in component.state {
                    if let values = before.state("\(state.id)/p") { after.setState("\(state.id)/p", values) }
                }
                try run(after, half..<2 * half)
                let pairs =
                    [
                        ("the parameter", whole.values(), after.values()),
                        ("the gradient", whole.gradient(), after.gradient()),
                    ]
                    + component.state.map {
                        ($0.id, whole.state("\($0.id)/p") ?? [], after.state("\($0.id)/p") ?? [])
                    }
                for (name, a, b) in pairs {
                    guard let i = a.indices.first(where: { a[$0].bitPattern != b[$0].bitPattern }) else { continue }
                    return examination.report(
                        .error, at: component.call.pointer,
                        "a resumed run differs: element \(i) of \(name) is \(b[i]), \(a[i]) without the interruption",
                        advice: "keep in \"state\" all that a later step needs; count steps with \"from\": \"step\"")
                }
            }
        }
        withExtendedLifetime(benches) {}
    }
}

extension Component {
    var isUpdate: Bool { kind == .optimizer || kind == .regularizer }

    /// At the same time by several threads.
    var isCalledByThreads: Bool {
        (isUpdate || kind.isOperation)
            && call.arguments.allSatisfy { if case .service = $0.source { false } else { true } }
    }
}
