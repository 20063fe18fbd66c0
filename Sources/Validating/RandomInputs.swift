import Engine
import Manifests
import Observing
import PluginHost
import Protocols

/// Sizes of a random input. Functions of a flat array get `inputs · outputs` elements.
struct TrialSizes: CustomStringConvertible {
    var rows = 13
    var inputs = 7
    var outputs = 5
    var classes = 3

    var description: String { "\(rows) rows, \(inputs) inputs, \(outputs) outputs, \(classes) classes" }

    /// All byte counts are multiples of 64, so that a page ends where an array does.
    static let aligned = TrialSizes(rows: 48, inputs: 16, outputs: 32, classes: 8)
}

/// Makes the numbers of an array of this shape.
typealias TrialValues = @Sendable (_ shape: [Int], _ draw: inout Draw) -> [Double]

extension Subject {
    /// Random inputs of these sizes: one for each binding of a probe, one for each example of an operation (whose shapes it
    /// stretches) and of what builds graphs (other rows), one for other kinds.
    func random(
        _ sizes: TrialSizes, options: [String: JSON]? = nil, precision: Precision? = nil, draw: inout Draw,
        label: String? = nil, values: TrialValues = { shape, draw in draw.normal(shape.reduce(1, *)) }
    ) throws -> [TrialInput] {
        let options = try options ?? usualOptions()
        let known = component.precisions
        var input = TrialInput(
            label: label ?? "random numbers, \(sizes)", options: options,
            precision: precision ?? (known.contains(.f64) ? .f64 : .f32))
        input.fields = [.role: 0, .fanIn: sizes.inputs, .fanOut: sizes.outputs]
        input.fields.merge([.epoch: 2, .batchSize: min(5, sizes.rows), .rowCount: sizes.rows]) { $1 }
        input.classes = sizes.classes
        input.seed = 1
        input.step = 3
        guard component.isPlain || component.kind.measures else { return try graphs(input, sizes, &draw, values) }
        switch component.kind {
        case .probe, .quantity: return try probes(input, sizes, &draw, values)
        case .dataset: return try ranges(input)
        case .schedule: return [input]
        case .sampler: return [columns(input, sizes, &draw, values)]
        case .activation, .operation: return try operations(input, sizes, &draw, values)
        default: return [parameters(input, sizes, &draw, values)]
        }
    }

    // MARK: By kind

    private func probes(
        _ input: TrialInput, _ sizes: TrialSizes, _ draw: inout Draw, _ values: TrialValues
    ) throws -> [TrialInput] {
        var input = input
        if component.needsNetwork {
            let (n, p) = (sizes.rows, sizes.inputs)
            input.problem = (Tensor([n, p], values([n, p], &draw)), values([n], &draw), values([p], &draw))
        }
        var arrays = arrays(sizes, &draw, values)
        for split in component.otherSplits(input.options) {
            for (name, array) in self.arrays(sizes, &draw, values) { arrays["\(name)@\(split)"] = array }
        }
        return try component.expandedBindings(input.options).compactMap { binding in
            var input = input
            if !binding.name.isEmpty { input.label += ", binding \(binding.name)" }
            let loader = loader(seed: input.seed)
            let pair = PairArrays(quantities: binding.quantities, arrays: arrays, definitions: loader)
            // Without the value of a quantity of a plugin, the host calls nobody.
            do { input.tensors = try pair.tensors() } catch is Undefined { return nil }
            for argument in component.openArguments {
                input.tensors[argument.name] = given(argument, sizes, arrays, &draw, values)
            }
            if component.scope?.isOfPairs == true { input.pair = pair }
            if component.add != nil, var example = component.examples.first {
                // The passes of a streaming probe are made of whole arrays.
                (example.binding, example.given) = (binding.name.isEmpty ? nil : binding.name, [:])
                input.example = example
            }
            addStates(to: &input)
            return input
        }
    }

    /// What an expression could give for an open argument.
    private func given(
        _ argument: Argument, _ sizes: TrialSizes, _ arrays: [String: RecordedQuantities.Array], _ draw: inout Draw,
        _ values: TrialValues
    ) -> Tensor? {
        let (n, a, b) = (sizes.rows, sizes.inputs, sizes.outputs)
        func tensor(_ shape: [Int]) -> Tensor { Tensor(shape, values(shape, &draw)) }
        switch argument.form {
        case .samples: return tensor([n, a])
        case .weight, .matrix: return tensor([b, a])
        case .vector:
            guard argument.type == .pointer(.i32) else { return tensor([a]) }
            return arrays["labels"].map { Tensor($0.shape, $0.data) }
        case .symmetric:
            // A second moment: of as many rows as it has columns, or it would always be singular.
            let x = values([a, a], &draw)
            let moment = (0..<a * a).map { k in
                (0..<a).reduce(0) { $0 + x[$1 * a + k / a] * x[$1 * a + k % a] } / Double(a)
            }
            return Tensor([a, a], moment)
        case .jacobian, nil: return nil
        }
    }

    /// What a layer, which is the head too where that matters, and its rows could be.
    private func arrays(
        _ sizes: TrialSizes, _ draw: inout Draw, _ values: TrialValues
    ) -> [String: RecordedQuantities.Array] {
        let (n, a, b, c) = (sizes.rows, sizes.inputs, sizes.outputs, sizes.classes)
        var arrays: [String: RecordedQuantities.Array] = [:]
        func add(_ name: QuantityExpression.Basic, _ shape: [Int]) {
            arrays[name.rawValue] = RecordedQuantities.Array(shape: shape, data: values(shape, &draw))
        }
        for (basic, shape) in [
            (.layerInput, [n, a]), (.layerOutput, [n, b]), (.layerOutputGrad, [n, b]), (.layerInputGrad, [n, a]),
            (.layerWeight, [b, a]), (.layerWeightInitial, [b, a]), (.layerWeightChange, [b, a]), (.layerBias, [b]),
            (.headInput, [n, a]),
            (.headOutput, [n, c]), (.headOutputGrad, [n, c]), (.headInputGrad, [n, a]), (.headWeight, [c, a]),
            (.headWeightInitial, [c, a]), (.headWeightChange, [c, a]), (.headBias, [c]), (.modelOutput, [n, c]),
            (.sampleLoss, [n]),
            (.layerInputJacobian, [n, c, a]), (.layerOutputJacobian, [n, c, b]), (.headInputJacobian, [n, c, a]),
            (.headOutputJacobian, [n, c, c]), (.parameterValue, [a * b]), (.parameterGrad, [a * b]),
        ] as [(QuantityExpression.Basic, [Int])] { add(basic, shape) }
        // Two layers have other widths, two runs the same.
        let (second, outputs) = component.scope == .runPair ? (a, b) : (b, a)
        for (basic, shape) in [
            (.firstInput, [n, a]), (.firstOutput, [n, b]), (.firstOutputGrad, [n, b]), (.firstInputGrad, [n, a]),
            (.firstWeight, [b, a]), (.firstWeightInitial, [b, a]), (.firstWeightChange, [b, a]), (.firstBias, [b]),
            (.firstModelOutput, [n, c]),
            (.firstSampleLoss, [n]), (.firstParameters, [a * b]), (.secondInput, [n, second]),
            (.secondOutput, [n, outputs]), (.secondOutputGrad, [n, outputs]), (.secondInputGrad, [n, second]),
            (.secondWeight, [outputs, second]), (.secondWeightInitial, [outputs, second]),
            (.secondWeightChange, [outputs, second]), (.secondBias, [outputs]),
            (.secondModelOutput, [n, c]), (.secondSampleLoss, [n]), (.secondParameters, [a * b]),
            (.firstInputJacobian, [n, c, a]), (.firstOutputJacobian, [n, c, b]),
            (.secondInputJacobian, [n, c, second]), (.secondOutputJacobian, [n, c, outputs]),
            (.parameters, [a * b]),
        ] as [(QuantityExpression.Basic, [Int])] { add(basic, shape) }
        // All numbers of a layer, in some order.
        func places(_ names: [QuantityExpression.Basic], _ shape: [Int]) {
            let data = draw.permutation(shape.reduce(1, *)).map { Double($0 % max(a, 1)) }
            for name in names { arrays[name.rawValue] = RecordedQuantities.Array(shape: shape, data: data) }
        }
        places([.layerWeightPlace, .firstWeightPlace], [b, a])
        places([.layerBiasPlace, .firstBiasPlace], [b])
        places([.headWeightPlace], [c, a])
        places([.headBiasPlace], [c])
        places([.secondWeightPlace], [outputs, second])
        places([.secondBiasPlace], [outputs])
        let order = draw.permutation(n)
        let labels = order.map { Double($0 % max(c, 1)) }
        arrays[QuantityExpression.Basic.labels.rawValue] = .init(shape: [n], data: labels)
        let targets = labels.flatMap { label in (0..<c).map { Double($0) == label ? 1.0 : 0 } }
        arrays[QuantityExpression.Basic.targets.rawValue] = .init(shape: [n, c], data: targets)
        return arrays
    }

    private func parameters(
        _ input: TrialInput, _ sizes: TrialSizes, _ draw: inout Draw, _ values: TrialValues
    ) -> TrialInput {
        var input = input
        // Parametrizations and initializers know the shape, updates see elements.
        let shape =
            component.kind == .parametrization || component.kind == .initializer
            ? [sizes.outputs, sizes.inputs] : [sizes.outputs * sizes.inputs]
        for argument in component.plainFunction.arguments {
            if case .quantity = argument.source { input.tensors[argument.name] = Tensor(shape, values(shape, &draw)) }
        }
        if component.needsNetwork, let parameters = input.tensors[component.parametersName] {
            // Its matrix stays of a size that is quickly made.
            let rows = min(sizes.rows, max(1, (1 << 22) / max(parameters.data.count, 1)))
            let x = [rows, parameters.data.count]
            input.problem = (Tensor(x, values(x, &draw)), values([rows], &draw), parameters.data)
        }
        addStates(to: &input)
        return input
    }

    /// The training rows of a sampler: labels that all occur where there are rows enough, numbers >= 0 for real fields.
    private func columns(
        _ input: TrialInput, _ sizes: TrialSizes, _ draw: inout Draw, _ values: TrialValues
    ) -> TrialInput {
        var input = input
        let order = draw.permutation(sizes.rows)
        for argument in component.call.arguments {
            guard case .column = argument.source else { continue }
            let isLabels = argument.type == .pointer(.i32)
            let numbers = values([sizes.rows], &draw).map { abs($0) }
            input.tensors[argument.name] = Tensor(
                [sizes.rows], isLabels ? order.map { Double($0 % max(sizes.classes, 1)) } : numbers)
        }
        return input
    }

    private func ranges(_ input: TrialInput) throws -> [TrialInput] {
        let dataset = try dataset(input.options, seed: input.seed)
        var input = input
        if component.isWrapper, let example = try example(with: input.options) {
            // What it is made of is that of an example.
            let given = try self.input(of: example)
            (input.tensors, input.classes) = (given.tensors, given.classes)
        }
        return try dataset.splits.enumerated().compactMap { index, split in
            let rows = try dataset.rows(in: split)
            guard rows > 0 else { return nil }
            input.split = index
            input.rows = rows / 3..<min(rows / 3 + 16, rows)
            input.label = "rows \(input.rows.lowerBound) ..< \(input.rows.upperBound) of '\(split)'"
            return input
        }
    }

    /// Shapes of an example with every size replaced by another one, equal sizes by equal ones. An activation's is a vector.
    private func operations(
        _ input: TrialInput, _ sizes: TrialSizes, _ draw: inout Draw, _ values: TrialValues
    ) throws -> [TrialInput] {
        let inputs = component.plainFunction.arguments.filter(\.isTensorInput)
        if component.isElementwise {
            var input = input
            let shape = [sizes.inputs * sizes.outputs]
            for argument in inputs { input.tensors[argument.name] = Tensor(shape, values(shape, &draw)) }
            return [input]
        }
        return try examples().map { example in
            var input = input
            input.options = example.options
            var renamed: [Int: Int] = [:]
            let fresh = [sizes.rows, sizes.inputs, sizes.outputs, sizes.classes]
            for argument in inputs {
                guard let tensor = example.tensors[argument.name] else { continue }
                let shape = tensor.shape.map { size in
                    if size == 1 { return 1 }
                    renamed[size] = renamed[size] ?? fresh[renamed.count % fresh.count]
                    return renamed[size] ?? size
                }
                input.tensors[argument.name] = Tensor(shape, values(shape, &draw))
            }
            return input
        }
    }

    /// Examples with as many rows as `sizes` has; parameters of models are as they are initialized.
    private func graphs(
        _ input: TrialInput, _ sizes: TrialSizes, _ draw: inout Draw, _ values: TrialValues
    ) throws -> [TrialInput] {
        let names = Set(
            component.call.arguments.compactMap { argument in
                switch argument.source {
                case .input(let name): name
                case .data, .activation: argument.name
                case .quantity(let quantity?, _, _) where quantity != "layer.weight": argument.name
                default: nil
                }
            })
        let chosen = component.examples.first { example in
            (try? example.options(of: component)) == input.options
        }
        return (chosen ?? component.examples.first).map { example in
            var example = example
            for (name, given) in example.given {
                guard case .array(let shape, let data) = given, !component.isOption(name) else { continue }
                guard names.contains(name) || component.kind == .parametrization else {
                    if component.kind == .model { example.given[name] = nil }
                    continue
                }
                let isParameter = component.kind == .parametrization
                let changed = isParameter ? shape : [sizes.rows] + shape.dropFirst()
                let count = changed.reduce(1, *)
                // Labels, one-hot rows and tokens must stay what they are.
                let isInteger = !isParameter && data.allSatisfy { $0 == $0.rounded() } && name != "output"
                example.given[name] = .array(
                    shape: changed,
                    data: isInteger && !data.isEmpty
                        ? (0..<count).map { data[$0 % data.count] } : values(changed, &draw))
            }
            var input = input
            input.example = example
            return [input]
        } ?? []
    }
}

extension Component {
    /// Splits, other than its own, of which a probe takes quantities.
    fileprivate func otherSplits(_ options: [String: JSON]) -> Set<String> {
        let options = self.options(options)
        return Set(measuringFunctions.flatMap(\.arguments).compactMap { $0.split.flatMap { options[$0]?.string } })
    }

    fileprivate func isOption(_ id: String) -> Bool { parameter(id) != nil }
}
