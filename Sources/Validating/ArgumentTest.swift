import Manifests
import PluginHost

/// C9: an argument whose value no example needs could be bound to anything, and the examples would pass.
enum ArgumentTest {
    /// Something that an example gives, and that can be given otherwise.
    private enum Given: Hashable {
        case option(String)
        case array(String)
        case field(Argument.Field)
        case seed, step
    }

    static func run(_ examination: Examination, _ subject: Subject) throws {
        let arguments = subject.component.plainFunction.arguments
        var tried: Set<Int> = []
        var open = arguments.compactMap { argument in given(argument, subject).map { (argument, $0) } }
        for (number, input) in try subject.examples().enumerated() where !open.isEmpty {
            examination.begin(input.label)
            // Whether it gives what it should is for C1.
            guard let before = try? subject.run(input), before.status == 0 || before.isUndefined else { continue }
            tried.insert(number)
            open.removeAll { argument, given in
                (0..<4).contains { attempt in
                    var draw = examination.draw("\(number)/\(argument.name)/\(attempt)")
                    guard let changed = changed(input, given, subject, attempt, &draw) else { return false }
                    examination.begin("\(input.label), another '\(argument.name)'")
                    // What is refused has been seen.
                    guard let after = try? subject.run(changed) else { return true }
                    return isSeen(before, after, input, given, subject.component)
                }
            }
        }
        for (argument, given) in open {
            var draw = examination.draw()
            let isTried = try subject.examples().enumerated().contains { number, input in
                tried.contains(number) && changed(input, given, subject, 0, &draw) != nil
            }
            guard isTried else { continue }
            examination.report(
                .warning, at: argument.pointer,
                "another '\(argument.name)' changes no result of any example: bound to something else it would pass",
                advice: "add an example in which it matters, or leave the argument out")
        }
    }

    private static func given(_ argument: Argument, _ subject: Subject) -> Given? {
        let component = subject.component, isPlain = component.isPlain
        switch argument.source {
        // What may be there for its sizes alone.
        case .quantity where component.kind == .initializer: return nil
        case .input
        where component.kind == .model
            && component.call.arguments.contains(where: { $0.source == .dimension(of: argument.name, .classes) }):
            return nil
        case .parameter(let id): return .option(id)
        case .input(let id), .state(let id): return .array(isPlain ? argument.name : id)
        case .quantity, .column, .data, .activation: return .array(argument.name)
        case .seed: return .seed
        case .step: return .step
        case .field(.name): return nil
        case .field(let field): return .field(field)
        default: return nil
        }
    }

    /// The same with other values; nil if there are none, or the example gives none.
    private static func changed(
        _ input: TrialInput, _ given: Given, _ subject: Subject, _ attempt: Int, _ draw: inout Draw
    ) -> TrialInput? {
        var changed = input
        switch given {
        case .option(let id):
            guard let parameter = subject.component.parameter(id),
                let value = OptionValues(parameter, subject.component).random(&draw),
                value != input.options[id] ?? parameter.defaultValue
            else { return nil }
            changed.options[id] = value
        case .array(let name):
            if let tensor = input.tensors[name] {
                let type = subject.component.plainFunction.argument(name)?.type
                let isInteger = type == .pointer(.i32) || type == .pointer(.i64)
                changed.tensors[name]?.data = others(tensor.data, isInteger: isInteger, attempt, &draw)
            } else if let array = input.example?.array(name) {
                let isInteger = array.data.allSatisfy { $0 == $0.rounded() && $0 >= 0 } && name != "output"
                changed.example?.given[name] = .array(
                    shape: array.shape, data: others(array.data, isInteger: isInteger, attempt, &draw))
            } else {
                return nil
            }
        case .field(let field): changed.fields[field] = (input.fields[field] ?? 0) + 1 + attempt
        case .seed: changed.seed = input.seed &+ UInt64(1 + attempt)
        case .step: changed.step = input.step + [1, 10, 100, 1000][attempt % 4]
        }
        return changed
    }

    /// Classes and tokens stay among those that there are.
    private static func others(_ data: [Double], isInteger: Bool, _ attempt: Int, _ draw: inout Draw) -> [Double] {
        guard isInteger else { return zip(data, draw.normal(data.count)).map { $0 + $1 } }
        let count = Int(data.max() ?? 0) + 1
        if attempt % 2 == 0 { return data.map { Double((Int($0) + 1) % max(count, 1)) } }
        return Array(data.dropFirst() + data.prefix(1))
    }

    private static func isSeen(
        _ before: TrialResult, _ after: TrialResult, _ input: TrialInput, _ given: Given, _ component: Component
    ) -> Bool {
        guard before.status == after.status else { return true }
        guard before.status == 0 else { return before.words != after.words }
        for (name, bits) in before.bits {
            if given == .array(name), let tensor = input.tensors[name] {
                // What a function writes itself it may also have left alone.
                let first = tensor.data.map { input.precision == .f32 ? Double(Float($0)) : $0 }
                if before.values[name] != first { return true }
            } else if after.bits[name] != bits {
                return true
            }
        }
        return false
    }
}
