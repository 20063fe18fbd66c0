import Foundation
import Manifests
import PluginHost
import Synchronization

/// One test of one component, or of the whole plugin, and what it found.
package struct TestResult: Sendable {
    package enum Outcome: String, Sendable { case passed, failed, skipped }

    package var test: BatteryTest
    /// Empty for tests of the whole plugin.
    package var component: String
    package var outcome: Outcome
    package var findings: [Finding]
    package var seconds: Double
    /// Arguments of `syzygy` that do the same again.
    package var command: [String]
}

/// A plugin and the tests it is put to.
package struct ValidationRun: Sendable {
    package var folder: String
    package var level: ValidationLevel
    package var seed: UInt64
    /// Ids of tests; empty: all.
    package var only: [String]
    /// Ids of components; empty: all.
    package var components: [String]
    /// Of one test, in seconds; nil: that of the level.
    package var timeLimit: Double?
    /// The program, and its arguments before the request: `syzygy plugin validate-one`.
    package var executable: String
    package var arguments: [String]

    package init(
        folder: String, level: ValidationLevel = .standard, seed: UInt64 = 1, only: [String] = [],
        components: [String] = [], timeLimit: Double? = nil, executable: String,
        arguments: [String] = ["plugin", "validate-one"]
    ) {
        self.folder = URL(fileURLWithPath: folder).path
        (self.level, self.seed, self.only, self.components) = (level, seed, only, components)
        (self.timeLimit, self.executable, self.arguments) = (timeLimit, executable, arguments)
    }

    private struct Task {
        var test: BatteryTest
        var component: Component?
    }

    /// Runs the tests, some at once; `report` gets the results in the order of the battery, from one thread at a time.
    package func run(_ report: @escaping @Sendable (TestResult) -> Void) -> [TestResult] {
        let manifest = try? Manifest.load(folder: folder)
        let chosen = BatteryTest.all.filter { test in
            only.isEmpty ? test.level <= level : only.contains(test.id)
        }
        var results: [TestResult] = []
        // Nothing can be said about a plugin that has no manifest or cannot be opened.
        for test in chosen where test.isFoundation {
            results.append(run(Task(test: test)))
        }
        let isSound = manifest != nil && !results.contains { $0.outcome == .failed && isBlocking($0) }
        let tasks = chosen.filter { !$0.isFoundation }.flatMap { test -> [Task] in
            guard let applies = test.applies else { return [Task(test: test)] }
            let all = manifest?.components ?? []
            return all.filter { applies($0) && (components.isEmpty || components.contains($0.id)) }.map {
                Task(test: test, component: $0)
            }
        }
        results.forEach(report)
        guard isSound else {
            let skipped = chosen.filter { !$0.isFoundation }.map { test in
                TestResult(
                    test: test, component: "", outcome: .skipped, findings: [], seconds: 0,
                    command: command(test, nil))
            }
            skipped.forEach(report)
            return results + skipped
        }
        let needsTool = chosen.contains { $0.tool != nil }
        let valgrind = Result {
            if !needsTool { throw TrialFailure("not for these tests") }
            return try Valgrind(executable, pluginFolder: folder)
        }
        let queue = OrderedResults(count: tasks.count, report)
        DispatchQueue.concurrentPerform(iterations: tasks.count) { index in
            queue.give(self.run(tasks[index], valgrind), at: index)
        }
        return results + queue.all
    }

    private func isBlocking(_ result: TestResult) -> Bool {
        result.test.id == "S1" || result.findings.contains { $0.sentence.contains(LoadTests.cannotBeLoaded) }
    }

    /// The arguments of `syzygy` that run one test again.
    private func command(_ test: BatteryTest, _ component: Component?) -> [String] {
        ["plugin", "validate", folder, "--level", level.rawValue, "--only", test.id, "--seed", String(seed)]
            + (component.map { ["--component", $0.id] } ?? [])
    }

    private func run(
        _ task: Task, _ valgrind: Result<Valgrind, any Error> = .failure(TrialFailure("not for these tests"))
    ) -> TestResult {
        var result = TestResult(
            test: task.test, component: task.component?.id ?? "", outcome: .passed, findings: [], seconds: 0,
            command: command(task.test, task.component))
        if task.test.tool != nil, case .failure(let reason) = valgrind {
            result.outcome = .skipped
            result.findings = [Finding(.note, at: task.component?.pointer ?? "", "not checked: \(reason)")]
            return result
        }
        var digests: [String] = []
        for variation in 0..<task.test.variations {
            do {
                let (child, findings) = try runChild(task, variation, valgrind)
                result.seconds += child.seconds
                result.findings += findings
                digests.append(take(child, task, into: &result))
            } catch {
                result.findings.append(Finding(.error, "\(error)"))
            }
            if result.findings.contains(where: { $0.severity == .error }) { break }
        }
        let hasFailed = result.findings.contains { $0.severity == .error }
        if !hasFailed, Set(digests).count > 1 {
            result.findings.append(
                Finding(
                    .error, at: task.component?.pointer ?? "",
                    "results differ between processes with different environments: working directory, variables, "
                        + "addresses, or what freed memory holds",
                    advice: "compute from the arguments alone; look for memory that is read before it is written, "
                        + "getenv, and sums in the order of addresses"))
        }
        result.outcome = result.findings.contains { $0.severity == .error } ? .failed : .passed
        return result
    }

    private func runChild(
        _ task: Task, _ variation: Int, _ valgrind: Result<Valgrind, any Error>
    ) throws -> (ChildProcess, [Finding]) {
        let request = JSON.object([
            "test": .string(task.test.id), "folder": .string(folder), "component": .string(task.component?.id ?? ""),
            "seed": .string(String(seed)), "level": .string(level.rawValue), "variation": .int(variation),
        ])
        var environment = ProcessInfo.processInfo.environment
        environment["OMP_NUM_THREADS"] = "1"
        environment["OPENBLAS_NUM_THREADS"] = "1"
        environment["LC_ALL"] = "C.UTF-8"
        if task.test.variations > 1 { environment.merge(Self.variables(variation)) { $1 } }
        let words = arguments + [request.text(pretty: false)], limit = timeLimit ?? level.timeLimit
        if let tool = task.test.tool {
            return try valgrind.get().run(
                tool, words, environment: environment, timeLimit: timeLimit ?? limit * Valgrind.slowness)
        }
        return (try ChildProcess.run(executable, words, environment: environment, timeLimit: limit), [])
    }

    /// What freed and new memory holds, who runs the program, and where.
    private static func variables(_ variation: Int) -> [String: String] {
        let isFirst = variation == 0
        return [
            "MALLOC_PERTURB_": isFirst ? "85" : "170", "HOME": isFirst ? "/" : "/nowhere",
            "LANG": isFirst ? "C" : "de_DE.UTF-8", "LC_ALL": isFirst ? "C" : "C.UTF-8",
            "TZ": isFirst ? "UTC" : "Asia/Tokyo",
        ]
    }

    /// Reads a child's report; returns its digest.
    private func take(_ child: ChildProcess, _ task: Task, into result: inout TestResult) -> String {
        var label = "", digest = "", isDone = false
        var fault: JSON?
        for line in child.lines {
            guard let json = try? StrictJSON.parse(line, file: "report").root else { continue }
            if let text = json["case"]?.string { label = text }
            if let finding = json["finding"].flatMap(Finding.init), !result.findings.contains(finding) {
                result.findings.append(finding)
            }
            if let given = json["fault"] { fault = given }
            if let text = json["digest"]?.string { digest = text }
            if json["done"] != nil { isDone = true }
        }
        let crash = Crash(child, label: label, fault: fault, isDone: isDone, component: task.component)
        if let finding = crash.finding { result.findings.append(finding) }
        if task.test.id == LoadTests.silenceTest, !child.printed.isEmpty, crash.finding == nil {
            result.findings.append(LoadTests.printed(child.printed))
        }
        return digest
    }
}

/// Results that are ready before their turn wait.
private final class OrderedResults: Sendable {
    private struct State {
        var results: [TestResult?]
        var next = 0
    }
    private let state: Mutex<State>
    private let report: @Sendable (TestResult) -> Void

    init(count: Int, _ report: @escaping @Sendable (TestResult) -> Void) {
        state = Mutex(State(results: Array(repeating: nil, count: count)))
        self.report = report
    }

    func give(_ result: TestResult, at index: Int) {
        state.withLock { state in
            state.results[index] = result
            while state.next < state.results.count, let ready = state.results[state.next] {
                report(ready)
                state.next += 1
            }
        }
    }

    var all: [TestResult] { state.withLock { $0.results.compactMap(\.self) } }
}
