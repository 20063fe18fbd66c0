import Engine
import Manifests
import PluginHost

/// Tests of single calls: results of the examples, and what is done to memory.
enum CallTests {
    static let all = [
        BatteryTest("C1", "golden examples, with arguments behind the last one", for: { _ in true }, examples),
        BatteryTest(
            "C2", "nothing before or behind an array is touched", for: { $0.hasArrays || $0.takesData }, edges),
        BatteryTest(
            "C3", "what is not declared writable is not written", for: { $0.hasInputs || $0.takesData }, readOnly),
        BatteryTest("C4", "every element of every output is written", for: { $0.hasResults }, written),
        BatteryTest("C9", "every argument matters in some example", .standard, for: { _ in true }, ArgumentTest.run),
        BatteryTest(
            "C11", "messages stay in their buffer, end, and are UTF-8", .standard, for: { $0.hasMessage }, messages),
    ]

    private static func examples(_ examination: Examination, _ subject: Subject) throws {
        for example in subject.component.examples {
            examination.begin("example '\(example.name)'")
            let disagreements: [String]
            do {
                let run = try ExampleRun(subject.component, example, subject.registry, hasCanaries: true)
                disagreements = try run.disagreements()
            } catch {
                disagreements = ["\(error)"]
            }
            for sentence in disagreements {
                examination.report(
                    .error, at: example.pointer, "example '\(example.name)': \(sentence)",
                    advice: "compare the C signature with the manifest, argument by argument, then the numbers")
            }
        }
    }

    /// The examples, and random inputs of some sizes.
    static func inputs(
        _ examination: Examination, _ subject: Subject, _ sizes: [TrialSizes] = [TrialSizes()]
    ) throws -> [TrialInput] {
        var draw = examination.draw("inputs")
        return try subject.examples() + sizes.flatMap { try subject.random($0, draw: &draw) }
    }

    /// Makes a trial, unless a random input does not suit the component: that is the battery's fault.
    static func trial(
        _ examination: Examination, _ subject: Subject, _ input: TrialInput, _ plan: MemoryPlan = MemoryPlan()
    ) throws -> Trial? {
        examination.begin(input.label)
        do {
            return try subject.trial(input, plan)
        } catch {
            if input.label.hasPrefix("example") { throw error }
            examination.report(.note, "not called with \(input.label): \(error)")
            return nil
        }
    }

    private static func edges(_ examination: Examination, _ subject: Subject) throws {
        for placement in [MemoryPlan.Placement.atEndOfPage, .atBeginOfPage] {
            if subject.component.takesData {
                try ProcedureTests.data(examination, subject, MemoryPlan(placement: placement))
                continue
            }
            for input in try inputs(examination, subject, [.aligned]) {
                let plan = MemoryPlan(placement: placement)
                guard let trial = try trial(examination, subject, input, plan) else { continue }
                _ = trial.run()
                for name in trial.overrun {
                    examination.report(
                        .error, at: subject.component.plainFunction.argument(name)?.pointer,
                        "wrote behind the end of '\(name)', with \(input.label)",
                        advice: "compare the loops with the sizes that the manifest gives the function")
                }
            }
        }
    }

    private static func readOnly(_ examination: Examination, _ subject: Subject) throws {
        if subject.component.takesData {
            return try ProcedureTests.data(examination, subject, MemoryPlan(protectsInputs: true))
        }
        for input in try inputs(examination, subject) {
            let plan = MemoryPlan(protectsInputs: true)
            guard let trial = try trial(examination, subject, input, plan) else { continue }
            _ = trial.run()
        }
    }

    private static func written(_ examination: Examination, _ subject: Subject) throws {
        let component = subject.component
        for input in try inputs(examination, subject) {
            var untouched: [String: Set<Int>]?
            for fill: UInt8 in [255, 0x4B] {
                guard let trial = try trial(examination, subject, input, MemoryPlan(fill: fill)) else { continue }
                // A call that fails, or has no value, owes no results.
                guard trial.run().status == 0 else { continue }
                untouched =
                    untouched.map { known in
                        trial.untouched.merging(known) { $0.intersection($1) }
                    } ?? trial.untouched
            }
            for (name, elements) in (untouched ?? [:]).sorted(by: { $0.key < $1.key }) where !elements.isEmpty {
                let argument = component.plainFunction.argument(name)
                if case .output(let id) = argument?.source, component.output(id)?.mayBeUndefined == true { continue }
                examination.report(
                    .error, at: argument?.pointer,
                    "left \(elements.count) element(s) of '\(name)' unwritten, the first at \(elements.min() ?? 0), "
                        + "with \(input.label)",
                    advice: "write every element, or declare \"nan\": \"undefined_value\"")
            }
        }
    }

    private static func messages(_ examination: Examination, _ subject: Subject) throws {
        let pointer = subject.component.plainFunction.arguments.first { $0.source == .message }?.pointer
        var inputs = try inputs(examination, subject)
        var draw = examination.draw("messages")
        for special in SpecialValues.all where special.isFinite {
            inputs += try subject.random(TrialSizes(), draw: &draw, label: special.name, values: special.values)
        }
        for input in inputs {
            for size in [256, 31, 1] {
                let plan = MemoryPlan(messageSize: size)
                guard let trial = try trial(examination, subject, input, plan) else { continue }
                _ = trial.run()
                guard let bytes = trial.messageBytes else { continue }
                guard let end = bytes.firstIndex(of: 0) else {
                    examination.report(
                        .error, at: pointer,
                        "the message in a buffer of \(size) bytes has no end, with \(input.label)",
                        advice: "write it with snprintf(message, size, …)")
                    continue
                }
                if String(validating: bytes[..<end], as: UTF8.self) == nil {
                    examination.report(
                        .error, at: pointer, "the message is not UTF-8, with \(input.label)",
                        advice: "use ASCII, or cut texts at whole characters")
                }
            }
        }
    }
}

extension Component {
    fileprivate func has(_ isWanted: (Argument) -> Bool) -> Bool {
        isPlain && plainFunction.arguments.contains(where: isWanted)
    }

    fileprivate var hasArrays: Bool { hasInputs || hasResults }
    fileprivate var hasInputs: Bool { has { $0.isTensorInput } }
    fileprivate var hasMessage: Bool { has { $0.source == .message } }

    fileprivate var hasResults: Bool {
        has { argument in
            switch argument.source {
            case .output, .variable: true
            default: false
            }
        }
    }
}
