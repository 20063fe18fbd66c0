import Engine
import LinearAlgebra
import Manifests
import PluginHost

/// Tests of calls with unusual sizes, numbers and options.
enum InputTests {
    static let all = [
        BatteryTest("C5", "sizes from 1 to large, wide and tall", .standard, for: { _ in true }, sizes),
        BatteryTest(
            "C6", "elementwise functions give the same on parts", .standard, for: { $0.isPlain && $0.isElementwise },
            parts),
        BatteryTest("C7", "zeros, equal, tiny and huge numbers, rank 1", .standard, for: { $0.isPlain }, specials),
        BatteryTest(
            "C8", "options at their bounds and at random", .standard, for: { !$0.parameters.isEmpty }, options),
        BatteryTest("C12", "outputs are inside their range", .standard, for: { $0.hasRange }, ranges),
    ]

    /// Calls once. Nil if the input does not suit the component.
    static func run(_ examination: Examination, _ subject: Subject, _ input: TrialInput) -> TrialResult? {
        examination.begin(input.label)
        do {
            let result = try subject.run(input)
            if result.status == TrialCall.changedFloatMode {
                examination.report(
                    .error, "changed the floating-point mode, with \(input.label)",
                    advice: "restore the mode before returning")
            }
            return result
        } catch {
            return nil
        }
    }

    /// Whether a failure on ordinary input ends a run.
    private static func mustSucceed(_ component: Component) -> Bool {
        [.optimizer, .regularizer, .activation, .operation, .schedule, .rule].contains(component.kind)
    }

    /// What a run would refuse in the result of a call that succeeded on ordinary numbers; nil if nothing.
    private static func fault(_ result: TrialResult, _ input: TrialInput, _ component: Component) -> String? {
        switch component.kind {
        case .sampler:
            let rows = input.fields[.rowCount] ?? 0
            let values = result.values[component.plainName(of: "order")] ?? []
            guard let i = values.firstIndex(where: { $0 < 0 || $0 >= Double(rows) }) else { return nil }
            return "place \(i) of the epoch has the row \(NumberWords.text(values[i])) of 0 ..< \(rows)"
        case .optimizer, .regularizer, .initializer:
            for (name, values) in result.values {
                guard let i = values.firstIndex(where: { !$0.isFinite }) else { continue }
                return "'\(name)'[\(i)] is \(values[i])"
            }
            return nil
        default: return nil
        }
    }

    private static func sizes(_ examination: Examination, _ subject: Subject) throws {
        var draw = examination.draw()
        var sizes = [
            TrialSizes(rows: 1, inputs: 1, outputs: 1, classes: 1),
            TrialSizes(rows: 1, inputs: 7, outputs: 5, classes: 2),
            TrialSizes(rows: 7, inputs: 1, outputs: 1, classes: 2),
            TrialSizes(rows: 2, inputs: 3, outputs: 1, classes: 2),
            TrialSizes(rows: 3, inputs: 2, outputs: 4, classes: 3),
            TrialSizes(rows: 5, inputs: 11, outputs: 13, classes: 4),
            TrialSizes(rows: 41, inputs: 3, outputs: 2, classes: 5),
            TrialSizes(rows: 97, inputs: 31, outputs: 29, classes: 7),
        ]
        if subject.component.isPlain {
            sizes.append(
                subject.component.kind.measures
                    ? TrialSizes(rows: 1009, inputs: 67, outputs: 43, classes: 10)
                    : TrialSizes(rows: 1009, inputs: 1000, outputs: 1000, classes: 10))
        }
        for size in sizes {
            for input in try subject.random(size, draw: &draw) {
                guard let result = run(examination, subject, input) else { continue }
                if result.status == 0, let fault = fault(result, input, subject.component) {
                    return examination.report(
                        .error, at: subject.component.plainFunction.pointer, "\(fault), with \(input.label)",
                        advice: "a run would end here")
                }
                guard result.status != 0, !result.isUndefined, result.status != TrialCall.changedFloatMode else {
                    continue
                }
                examination.report(
                    mustSucceed(subject.component) ? .error : .note, "\(result.words), with \(input.label)",
                    advice: mustSucceed(subject.component) ? "a run would end here" : "")
            }
        }
    }

    /// What is called on parts by several threads must give what it gives on the whole.
    private static func parts(_ examination: Examination, _ subject: Subject) throws {
        var draw = examination.draw()
        let component = subject.component
        for whole in try subject.random(TrialSizes(inputs: 16, outputs: 13), draw: &draw) {
            guard let expected = run(examination, subject, whole), expected.status == 0 else { continue }
            // Parts begin on cache lines: at multiples of 16 elements.
            let count = 16 * 13
            var sums: [String: Double] = [:], pieces: [String: [Double]] = [:]
            for part in [0..<48, 48..<176, 176..<count] {
                var input = whole
                input.label = "elements \(part.lowerBound) ..< \(part.upperBound) of \(count)"
                for (name, tensor) in whole.tensors {
                    input.tensors[name] = Tensor([part.count], Array(tensor.data[part]))
                }
                guard let result = run(examination, subject, input), result.status == 0 else { return }
                for (name, values) in result.values {
                    if values.count == part.count {
                        pieces[name, default: []] += values
                    } else {
                        sums[name, default: 0] += values.first ?? 0
                    }
                }
            }
            for (name, values) in expected.values {
                let found = values.count == count ? pieces[name] ?? [] : [sums[name] ?? .nan]
                guard let i = Closeness(input: whole).difference(found, values) else { continue }
                examination.report(
                    .error, at: component.plainFunction.argument(name)?.pointer,
                    "'\(name)'[\(i)] is \(values[i]) for all elements together and \(found[i]) for parts",
                    advice: "an element may depend on its own numbers only; else leave out \"elementwise\": true")
                return
            }
        }
    }

    private static func specials(_ examination: Examination, _ subject: Subject) throws {
        var draw = examination.draw()
        // Runs check the inputs of probes, and give these no infinity and no NaN.
        for special in SpecialValues.all where special.isFinite || !subject.component.kind.measures {
            let inputs = try? subject.random(
                TrialSizes(), draw: &draw, label: special.name, values: special.values)
            for input in inputs ?? [] { _ = run(examination, subject, input) }
        }
    }

    private static func options(_ examination: Examination, _ subject: Subject) throws {
        var draw = examination.draw()
        let component = subject.component
        let usual = try subject.usualOptions()
        var sets: [(label: String, options: [String: JSON])] = []
        for parameter in component.parameters {
            for value in OptionValues(parameter, component).bounds {
                sets.append(
                    ("\(parameter.id) = \(value.text(pretty: false))", usual.merging([parameter.id: value]) { $1 }))
            }
            checkRefusal(examination, parameter)
        }
        let count = examination.level == .deep ? 50 : component.isPlain ? 20 : 4
        for number in 0..<count {
            var options = usual
            for parameter in component.parameters {
                if let value = OptionValues(parameter, component).random(&draw) { options[parameter.id] = value }
            }
            sets.append(("random options \(number)", options))
        }
        for (label, options) in sets {
            examination.begin(label)
            guard let inputs = try? subject.random(TrialSizes(), options: options, draw: &draw) else { continue }
            for var input in inputs.prefix(3) {
                input.label = "\(label), \(input.label)"
                _ = run(examination, subject, input)
            }
        }
    }

    /// A value outside the bounds must not reach the function.
    private static func checkRefusal(_ examination: Examination, _ parameter: ParameterDeclaration) {
        guard parameter.type == .int || parameter.type == .float else { return }
        var outside: [JSON] = []
        if let minimum = parameter.minimum?.double { outside.append(.double(minimum.rounded(.down) - 1)) }
        if let maximum = parameter.maximum?.double { outside.append(.double(maximum.rounded(.up) + 1)) }
        for value in outside {
            if case .success = parameter.check(value) {
                examination.report(.error, at: parameter.pointer, "the host accepts \(parameter.id) = \(value.brief)")
            }
        }
    }

    private static func ranges(_ examination: Examination, _ subject: Subject) throws {
        var draw = examination.draw()
        let component = subject.component
        var seen: [String: (lowest: Double, highest: Double)] = [:]
        for repetition in 0..<(examination.level == .deep ? 20 : 6) {
            let size = TrialSizes(rows: 7 + 5 * repetition, inputs: 3 + 2 * repetition, outputs: 5, classes: 3)
            for input in try subject.random(size, draw: &draw) {
                guard let result = run(examination, subject, input), result.status == 0 else { continue }
                for output in component.outputs where output.lowest != nil || output.highest != nil {
                    guard let values = result.values[component.plainName(of: output.id)] else { continue }
                    // As in a run: rounding may pass the bound by a little.
                    let slack = 1e-9 * max(1, abs(output.lowest ?? 0), abs(output.highest ?? 0))
                    for value in values where value.isFinite {
                        let known = seen[output.id] ?? (value, value)
                        seen[output.id] = (min(known.lowest, value), max(known.highest, value))
                        guard
                            value < (output.lowest ?? -.infinity) - slack
                                || value > (output.highest ?? .infinity) + slack
                        else { continue }
                        return examination.report(
                            .error, at: "\(output.pointer)/range",
                            "'\(output.id)' is \(value), with \(input.label)",
                            advice: "correct the function or the range; a run records such values as out_of_range")
                    }
                }
            }
        }
        for output in component.outputs {
            guard let lowest = output.lowest, let highest = output.highest, let reached = seen[output.id],
                reached.highest - reached.lowest < 0.5 * (highest - lowest)
            else { continue }
            examination.report(
                .note, at: "\(output.pointer)/range",
                "random inputs gave '\(output.id)' from \(reached.lowest) to \(reached.highest) only")
        }
    }
}

/// When two results that rounding may separate count as equal.
struct Closeness {
    var rtol: Double

    init(input: TrialInput, rtol: Double? = nil) {
        self.rtol = rtol ?? (input.precision == .f64 ? 1e-10 : 1e-4)
    }

    /// The first element that differs by more than `rtol` of the largest one, or `slack` if that is more; nil if none does.
    func difference(_ values: [Double], _ expected: [Double], slack: Double = 0) -> Int? {
        guard values.count == expected.count else { return 0 }
        let scale = expected.reduce(1e-300) { $1.isFinite ? max($0, abs($1)) : $0 }
        let allowed = max(rtol * scale, slack)
        return values.indices.first { i in
            let (a, b) = (values[i], expected[i])
            if a.isNaN || b.isNaN { return a.isNaN != b.isNaN }
            return a != b && !(abs(a - b) <= allowed)
        }
    }
}

extension Component {
    fileprivate var hasRange: Bool {
        isPlain && outputs.contains { $0.lowest != nil || $0.highest != nil }
    }

    /// The name under which a trial gives an output: that of its argument, or its own if it is returned.
    func plainName(of output: String) -> String {
        plainFunction.arguments.first { $0.source == .output(output) }?.name ?? output
    }
}
