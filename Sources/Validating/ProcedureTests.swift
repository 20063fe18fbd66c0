import Manifests
import PluginHost
import Protocols

/// Tests of what owns its whole loop.
enum ProcedureTests {
    static let all = [
        BatteryTest(
            "C10", "a procedure ends when it is told to", .standard, for: { $0.kind == .procedure }, cancelled)
    ]

    /// Says at the first opportunity that the procedure shall end, and counts what it does then.
    private final class Impatient: ProcedureListener {
        private(set) var questions = 0, late = 0

        func record(_ observation: Observation) { if questions > 0 { late += 1 } }
        func record(step: Int, output: String, shape: [Int], values: [Double]) { if questions > 0 { late += 1 } }

        func progress(step: Int) -> Bool {
            if questions > 0 { late += 1 }
            questions += 1
            return false
        }
    }

    private static func cancelled(_ examination: Examination, _ subject: Subject) throws {
        let component = subject.component
        for example in component.examples {
            examination.begin("example '\(example.name)', told to end")
            let listener = Impatient()
            let isWhole = try ExampleRun(component, example, subject.registry).procedure(listener)
            if listener.questions == 0 {
                examination.report(
                    .warning, at: component.call.pointer,
                    "never asks whether to end, in example '\(example.name)': an interrupted run waits for all of it",
                    advice: "call progress once per step")
            } else if listener.late > 0 || isWhole {
                return examination.report(
                    .error, at: component.call.pointer,
                    "goes on when it is told to end, in example '\(example.name)': \(listener.late) call(s) of the host "
                        + "after that\(isWhole ? ", and no SYZYGY_CANCELLED" : "")",
                    advice: "return SYZYGY_CANCELLED when progress does")
            }
        }
    }

    /// C2 and C3: the data of a procedure, where nothing follows it and where it cannot be written.
    static func data(_ examination: Examination, _ subject: Subject, _ plan: MemoryPlan) throws {
        for example in subject.component.examples {
            examination.begin("example '\(example.name)'")
            let run = try ExampleRun(subject.component, example, subject.registry)
            var memory: [String: TrialMemory] = [:]
            // The procedure may say no to what it gets: what it does to memory is asked here.
            _ = try? run.procedure(Silent()) { name, values in
                let own = try TrialMemory(name, bytes: 8 * values.count, plan.placement)
                own.set(values, .f64, .f64)
                if plan.protectsInputs { own.setWritable(false) }
                memory[name] = own
                return own.pointer
            }
            for (name, own) in memory.sorted(by: { $0.key < $1.key }) where !own.isTailIntact {
                examination.report(
                    .error, at: subject.component.call.argument(name)?.pointer,
                    "wrote behind the end of '\(name)', with example '\(example.name)'",
                    advice: "compare the loops with the sizes that the manifest gives the function")
            }
        }
    }

    private final class Silent: ProcedureListener {
        func record(_ observation: Observation) {}
        func record(step: Int, output: String, shape: [Int], values: [Double]) {}
        func progress(step: Int) -> Bool { true }
    }
}

extension Component {
    /// A procedure with data.
    var takesData: Bool {
        kind == .procedure && call.arguments.contains { if case .data = $0.source { true } else { false } }
    }
}
