import Engine
import Manifests
import PluginHost
import Protocols

/// Tests of what must hold on any input.
enum PropertyTests {
    static let all = [
        BatteryTest("P1", "declared symmetries and invariances", .standard, for: { $0.hasInvariances }, invariances),
        BatteryTest(
            "P2", "gradients agree with central differences", .standard, for: { $0.hasGradients }, GradientTest.run),
        BatteryTest(
            "P3", "optimizers stay where the gradient is zero, and reduce to what they say", .standard,
            for: { $0.kind == .optimizer }, UpdateProperties.run),
        BatteryTest(
            "P4", "rows depend on their index and the seed only", .standard,
            for: { [.dataset, .sampler, .model].contains($0.kind) || $0.declares(.seedSensitive) }, RowTest.run),
        BatteryTest(
            "P6", "passes of other sizes give the same", .standard, for: { $0.add != nil }, PassTest.run),
        BatteryTest(
            "P5", "single and double precision agree", .deep, for: { $0.precisions.count == 2 && $0.isPlain },
            precisions),
    ]

    private static func invariances(_ examination: Examination, _ subject: Subject) throws {
        for (number, property) in subject.component.properties.enumerated() where property.kind.isInvariance {
            // From small to large: the first failure is a small one.
            for (attempt, size) in [(2, 2, 3), (3, 4, 2), (5, 7, 4), (13, 6, 9), (41, 19, 11)].enumerated() {
                var draw = examination.draw("\(number)/\(attempt)")
                let sizes = TrialSizes(rows: size.0, inputs: size.1, outputs: size.2, classes: min(size.0, 3))
                guard let inputs = try? subject.random(sizes, draw: &draw) else { continue }
                let change = Change(property, subject.component, seed: examination.seed &+ UInt64(attempt))
                guard let input = inputs.first(where: { violation(subject, property, change, $0) != nil }) else {
                    continue
                }
                let small =
                    input.pair != nil ? input : shrink(input) { violation(subject, property, change, $0) != nil }
                let words = violation(subject, property, change, small) ?? ""
                examination.report(
                    .error, at: property.pointer, "not \(property.kind.rawValue): \(words), with \(describe(small))",
                    advice: "correct the function, or leave out the property")
                break
            }
        }
    }

    /// How the results of an input and of the changed input differ; nil if they do not, or are no values.
    private static func violation(
        _ subject: Subject, _ property: Property, _ change: Change, _ input: TrialInput
    ) -> String? {
        guard let changed = change.applied(to: input), let before = try? subject.run(input),
            let after = try? subject.run(changed), before.status == 0
        else { return nil }
        guard after.status == 0 else { return "\(after.words) after the change" }
        let closeness = Closeness(input: input, rtol: property.rtol ?? 1e-8)
        for (name, values) in before.values where !input.tensors.keys.contains(name) {
            let expected = values.map { $0 * change.factor }
            guard let found = after.values[name], closeness.difference(found, expected) != nil else { continue }
            // Numbers that cancel have no digits left, and no relative tolerance: what rounding of the inputs changes counts.
            let slack = 10 * abs(change.factor) * spread(of: name, values, subject, input)
            guard let i = closeness.difference(found, expected, slack: slack) else { continue }
            return "'\(name)'[\(i)] is \(expected[i]) and then \(found[i])"
        }
        return nil
    }

    /// How far an output moves, at most, when every number of the input changes by 1e-12 of itself, three times at random.
    private static func spread(of name: String, _ values: [Double], _ subject: Subject, _ input: TrialInput) -> Double
    {
        var spread = 0.0
        for attempt in 0..<3 {
            var draw = Draw(seed: UInt64(attempt), name: "rounding"), moved = input
            for (argument, tensor) in input.tensors.sorted(by: { $0.key < $1.key }) {
                moved.tensors[argument]?.data = tensor.data.map { $0 * (1 + 1e-12 * (2 * draw.uniform() - 1)) }
            }
            guard let other = (try? subject.run(moved))?.values[name], other.count == values.count else { continue }
            for (a, b) in zip(other, values) where (a - b).isFinite { spread = max(spread, abs(a - b)) }
        }
        return spread
    }

    /// A simpler input that still fails: numbers replaced by 0 or rounded, as long as it does.
    private static func shrink(_ input: TrialInput, fails: (TrialInput) -> Bool) -> TrialInput {
        var small = input
        var tries = 400
        for name in input.tensors.keys.sorted() {
            for i in 0..<(input.tensors[name]?.data.count ?? 0) {
                let value = small.tensors[name]?.data[i] ?? 0
                for simple in [0, value.rounded(), (value * 10).rounded() / 10] where simple != value && tries > 0 {
                    tries -= 1
                    var next = small
                    next.tensors[name]?.data[i] = simple
                    if fails(next) {
                        small = next
                        break
                    }
                }
            }
        }
        return small
    }

    private static func describe(_ input: TrialInput) -> String {
        let texts = input.tensors.sorted { $0.key < $1.key }.map { name, tensor in
            let numbers = tensor.data.prefix(12).map(NumberWords.text).joined(separator: ", ")
            return "\(name) \(tensor.shape) = [\(numbers)\(tensor.data.count > 12 ? ", …" : "")]"
        }
        return texts.isEmpty ? input.label : texts.joined(separator: ", ")
    }

    private static func precisions(_ examination: Examination, _ subject: Subject) throws {
        var draw = examination.draw()
        for input in try subject.random(TrialSizes(inputs: 37, outputs: 29), precision: .f64, draw: &draw) {
            var double = input, single = input
            for (name, tensor) in input.tensors {
                double.tensors[name]?.data = tensor.data.map { Double(Float($0)) }
            }
            single.tensors = double.tensors
            single.precision = .f32
            guard let a = InputTests.run(examination, subject, double), a.status == 0,
                let b = InputTests.run(examination, subject, single), b.status == 0
            else { continue }
            for (name, expected) in a.values {
                let closeness = Closeness(input: single, rtol: 1e-6 * Double(max(expected.count, 100)).squareRoot())
                guard let i = closeness.difference(b.values[name] ?? [], expected) else { continue }
                examination.report(
                    .error, at: subject.component.plainFunction.pointer,
                    "'\(name)'[\(i)] is \(expected[i]) in f64 and \(b.values[name]?[i] ?? .nan) in f32",
                    advice: "compare the two functions; long sums need f64 also for f32 elements")
                return
            }
        }
    }
}

/// What a property says may be done to an input.
private struct Change {
    private let property: Property
    private let component: Component
    private let seed: UInt64
    /// What outputs are multiplied with.
    let factor: Double
    private let scale: Double

    init(_ property: Property, _ component: Component, seed: UInt64) {
        (self.property, self.component, self.seed) = (property, component, seed)
        var draw = Draw(seed: seed, name: "change/\(property.pointer)")
        scale = 0.25 + 3 * draw.uniform()
        var factor = 1.0
        if property.kind == .scaleEquivariant, let degree = property.degree {
            factor = 1
            let whole = Int(degree.rounded())
            for _ in 0..<abs(whole) { factor *= whole > 0 ? scale : 1 / scale }
            if degree != degree.rounded() { factor = .nan }
        }
        self.factor = factor
    }

    /// nil if the property does not speak of such an input.
    func applied(to input: TrialInput) -> TrialInput? {
        guard !factor.isNaN else { return nil }
        var changed = input
        if let pair = input.pair, property.names.allSatisfy({ $0 == "first" || $0 == "second" }) {
            guard let other = try? pair.changed(property, seed: seed, scale: scale),
                let tensors = try? other.tensors()
            else { return nil }
            (changed.pair, changed.tensors) = (other, tensors)
            return changed
        }
        var draw = Draw(seed: seed, name: "apply/\(property.pointer)")
        if property.kind == .symmetric {
            guard property.names.count == 2, let a = input.tensors[property.names[0]],
                let b = input.tensors[property.names[1]], a.shape == b.shape
            else { return nil }
            changed.tensors[property.names[0]] = b
            changed.tensors[property.names[1]] = a
            return changed
        }
        let names = property.names.isEmpty ? input.tensors.keys.sorted() : property.names
        var common: [Int: [Int]] = [:], bases: [Int: [[Double]]] = [:]
        for name in names {
            guard let tensor = input.tensors[name] else { continue }
            let rows = tensor.shape.first ?? 1, columns = tensor.shape.count > 1 ? tensor.shape[1] : 1
            let isMoment = tensor.shape.count == 2 && isSquareForm(name)
            switch property.kind {
            case .scaleInvariant, .scaleEquivariant: changed.tensors[name]?.data = tensor.data.map { $0 * scale }
            case .translationInvariant:
                let shift = draw.normal(columns)
                changed.tensors[name]?.data = tensor.data.enumerated().map { $1 + shift[$0 % columns] }
            case .samplePermutationInvariant:
                let order = common[rows] ?? draw.permutation(rows)
                common[rows] = order
                changed.tensors[name]?.data = order.flatMap { tensor.data[$0 * columns..<($0 + 1) * columns] }
            case .neuronPermutationInvariant:
                let order = common[columns] ?? draw.permutation(columns)
                common[columns] = order
                changed.tensors[name]?.data = (0..<tensor.data.count).map { k in
                    tensor.data[(isMoment ? order[k / columns] : k / columns) * columns + order[k % columns]]
                }
            case .orthogonalInvariant:
                let width = tensor.shape.last ?? 1
                let basis = bases[width] ?? draw.orthogonal(width)
                bases[width] = basis
                var data = rotated(tensor.data, basis)
                if isMoment { data = transposed(rotated(transposed(data, width), basis), width) }
                changed.tensors[name]?.data = data
            default: return nil
            }
        }
        return changed
    }

    /// Both axes of the argument are the same neurons.
    private func isSquareForm(_ name: String) -> Bool {
        if let form = component.measuredArgument(name)?.form { return form == .symmetric }
        return component.expandedBindings().contains { binding in
            guard let expression = binding.quantities[name].flatMap({ try? QuantityExpression($0) }) else {
                return false
            }
            return expression.form == .symmetric
        }
    }

    /// Every row in the new basis.
    private func rotated(_ data: [Double], _ basis: [[Double]]) -> [Double] {
        let d = basis.count
        return (0..<data.count / max(d, 1)).flatMap { row in
            basis.map { axis in (0..<d).reduce(0) { $0 + axis[$1] * data[row * d + $1] } }
        }
    }

    private func transposed(_ data: [Double], _ d: Int) -> [Double] { data.indices.map { data[$0 % d * d + $0 / d] } }
}

extension Property.Kind {
    var isInvariance: Bool {
        [
            .symmetric, .scaleInvariant, .scaleEquivariant, .orthogonalInvariant, .translationInvariant,
            .samplePermutationInvariant, .neuronPermutationInvariant,
        ].contains(self)
    }
}

extension Component {
    func declares(_ kind: Property.Kind) -> Bool { properties.contains { $0.kind == kind } }

    fileprivate var hasInvariances: Bool {
        (isPlain || kind.measures) && properties.contains { $0.kind.isInvariance }
    }

    fileprivate var hasGradients: Bool {
        kind == .loss || kind.isOperation && !derivatives.isEmpty && precisions.contains(.f64)
            || kind == .regularizer && !outputs.isEmpty && precisions.contains(.f64)
    }
}
