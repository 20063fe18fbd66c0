import Engine
import Foundation
import LinearAlgebra
import Manifests
import PluginHost
import Protocols

/// One worked case: what was given, and what came out by name.
package struct ExampleRun {
    let component: Component
    private let example: Example
    private let registry: Registry
    let choice: Choice
    private let isolation: Isolation
    private let hasCanaries: Bool
    private let passRows: Int

    /// - Parameters:
    ///   - isolation: whether it runs in a process of its own, as runs may do with probes and datasets.
    ///   - hasCanaries: whether calls get further arguments behind those of the manifest.
    ///   - options: instead of those of the example.
    ///   - passRows: rows of a pass of a streaming probe, at most.
    package init(
        _ component: Component, _ example: Example, _ registry: Registry,
        isolation: Isolation = Isolation(), hasCanaries: Bool = false, options: [String: JSON]? = nil,
        passRows: Int = 512
    ) throws {
        self.component = component
        self.example = example
        self.registry = registry
        (self.isolation, self.hasCanaries, self.passRows) = (isolation, hasCanaries, passRows)
        let options = try options ?? example.options(of: component)
        choice = Choice(component: component.fullID, options: options)
    }

    /// One sentence for each number that is not the expected one.
    package func disagreements() throws -> [String] {
        let actual = try results()
        return example.expected.flatMap { name, expected -> [String] in
            guard let values = actual[name] else {
                return ["no value '\(name)' (there are \(actual.keys.sorted().joined(separator: ", ")))"]
            }
            switch expected {
            case .number(let number): return compare(name, values, [number])
            case .array(_, let data): return compare(name, values, data)
            case .undefined(let reason):
                guard case .missing(let given)? = values.first else {
                    return ["\(name) should be undefined, is \(values)"]
                }
                return reason == nil || reason == given
                    ? [] : ["\(name) is undefined for '\(given)', expected '\(reason ?? "")'"]
            }
        }
    }

    private func compare(_ name: String, _ values: [Observation.Value], _ expected: [Double]) -> [String] {
        guard values.count == expected.count else {
            return ["\(name) has \(values.count) numbers, expected \(expected.count)"]
        }
        for (i, (value, number)) in zip(values, expected).enumerated() {
            let tolerance = example.atol + example.rtol * abs(number)
            guard abs(value.number - number) <= tolerance else {
                return ["\(name)[\(i)] is \(value), expected \(number) within \(tolerance)"]
            }
        }
        return []
    }

    func array(_ name: String) -> (shape: [Int], data: [Double])? { example.array(name) }
    func integer(_ name: String) -> Int? { example.integer(name) }

    func loader() -> ComponentLoader {
        let seed = UInt64(clamping: integer("seed") ?? 0)
        // Examples of a plugin name files of its folder.
        let folder = registry.manifests.first { $0.id == component.plugin }?.folder ?? "."
        return ComponentLoader(
            registry: registry, seed: seed, steps: integer("steps") ?? 0, dataFolder: folder,
            isolation: isolation, hasCanaries: hasCanaries)
    }

    /// What came out, by name.
    func results() throws -> [String: [Observation.Value]] {
        let loader = loader()
        switch component.kind {
        case .probe: return try probe(try loader.probe(choice))
        case .quantity: return try quantity(try loader.quantity(choice))
        case .optimizer, .regularizer: return try update(loader)
        case .loss: return try loss(loader)
        case .model: return try model(loader)
        case .dataset: return try dataset(loader)
        case .parametrization: return try parametrization(loader)
        case .activation, .operation: return try operation(loader)
        case .sampler: return try sampler(loader)
        case .initializer: return try initializer(loader)
        case .rule: return try rule(loader)
        case .procedure: return try procedure()
        case .schedule:
            return ["factor": [.number(try loader.schedule(choice).factor(step: integer("step") ?? 0))]]
        }
    }

    // MARK: By kind

    private struct Given: QuantitySource {
        var values: [String: Quantity]
        var derivatives: (any Derivatives)?
        func quantity(_ expression: String, layer: String) -> Quantity? { values[expression] }
    }

    /// - Parameter memory: what was kept before.
    func probe(_ probe: any Probe, memory: ProbeMemory? = nil) throws -> [String: [Observation.Value]] {
        let bindings = component.expandedBindings(choice.options)
        guard let binding = bindings.first(where: { example.binding == nil || $0.name == example.binding }) else {
            throw PluginError(component.fullID, "has no binding '\(example.binding ?? "")'")
        }
        let prefix = binding.name.isEmpty ? "" : binding.name + "."
        var values: [String: [Observation.Value]] = [:]
        let memory = memory ?? ProbeMemory()
        addStates(to: memory, binding)
        try give(binding) { given in
            for pass in passes(of: given, binding) { probe.add(layer: "", rows: pass, memory: memory) }
            try probe.measure(step: integer("step") ?? 0, layer: "", quantities: given, memory: memory) {
                guard $0.output.hasPrefix(prefix) else { return }
                values[String($0.output.dropFirst(prefix.count)), default: []].append($0.value)
            }
        }
        for state in component.state {
            values[state.id] = memory.states[prefix.replacing(".", with: ":") + state.id]?.numbers.map { .number($0) }
        }
        return values
    }

    /// Open arguments go by their names.
    private func quantity(_ quantity: any DefinedQuantity) throws -> [String: [Observation.Value]] {
        let open = component.openArguments.map { ($0.name, $0.name) }
        let binding = component.binding(given: Dictionary(open) { first, _ in first })
        let memory = ProbeMemory()
        var values: [Observation.Value] = []
        try give(binding) { given in
            for pass in passes(of: given, binding) { quantity.add(layer: "", rows: pass, memory: memory) }
            do {
                let (value, owner) = try quantity.value(
                    step: integer("step") ?? 0, layer: "", quantities: given, memory: memory)
                guard case .real(let numbers) = value.data else { return }
                values = withExtendedLifetime(owner) {
                    (0..<value.shape.reduce(1, *)).map { .number(numbers[$0]) }
                }
            } catch let undefined as Undefined {
                values = [.missing(reason: undefined.reason)]
            }
        }
        return ["value": values]
    }

    /// The arrays of the example as quantities, while `body` runs.
    private func give(_ binding: Binding, _ body: (Given) throws -> Void) throws {
        var given = Given(values: [:])
        if let x = array("x"), let y = array("y"), let parameters = array("parameters"), x.shape.count == 2,
            y.data.count == x.shape[0], parameters.data.count == x.shape[1]
        {
            given.derivatives = LeastSquares(
                design: Matrix(rows: x.shape[0], columns: x.shape[1], elements: x.data), targets: y.data,
                parameters: parameters.data)
        }
        var owners: [UnsafeMutableRawPointer] = []
        defer { for owner in owners { owner.deallocate() } }
        for (argument, expression) in binding.quantities {
            guard let array = array(argument) else { continue }
            let memory = UnsafeMutableRawPointer.allocate(byteCount: max(array.data.count, 1) * 8, alignment: 64)
            owners.append(memory)
            if component.measuredArgument(argument)?.type == .pointer(.i32) {
                for (i, value) in array.data.enumerated() {
                    memory.storeBytes(of: Int32(value), toByteOffset: i * 4, as: Int32.self)
                }
                given.values[expression] = Quantity(
                    data: .integer(UnsafePointer(memory.assumingMemoryBound(to: Int32.self))), shape: array.shape)
            } else {
                for (i, value) in array.data.enumerated() {
                    memory.storeBytes(of: value, toByteOffset: i * 8, as: Double.self)
                }
                given.values[expression] = Quantity(
                    data: .real(UnsafePointer(memory.assumingMemoryBound(to: Double.self))), shape: array.shape)
            }
        }
        try body(given)
    }

    /// The states that the example gives; the probe makes the others.
    private func addStates(to memory: ProbeMemory, _ binding: Binding) {
        for state in component.state {
            guard let given = array(state.id) else { continue }
            let tensor = ProbeMemory.Tensor(shape: given.shape, isInteger: state.type == .i64)
            tensor.set(given.data)
            memory.states[binding.name.isEmpty ? state.id : "\(binding.name):\(state.id)"] = tensor
        }
    }

    /// The rows that `add` takes, cut into passes.
    private func passes(of given: Given, _ binding: Binding) -> [Given] {
        guard let add = component.add else { return [] }
        let taken = add.arguments.compactMap { argument in
            binding.quantities[argument.name].map { (expression: $0, isOfRows: argument.isOfRows($0)) }
        }
        let expressions = taken.filter(\.isOfRows).map(\.expression)
        let rows = expressions.compactMap { given.values[$0]?.shape.first }.max() ?? 0
        let finished = given.values.filter { value in taken.contains { !$0.isOfRows && $0.expression == value.key } }
        return stride(from: 0, to: rows, by: passRows).map { begin in
            var pass = Given(values: finished)
            for expression in expressions {
                guard let whole = given.values[expression] else { continue }
                let width = whole.shape.dropFirst().reduce(1, *)
                let count = max(0, min(passRows, whole.shape[0] - begin))
                let data: Quantity.Data =
                    switch whole.data {
                    case .real(let pointer): .real(pointer + begin * width)
                    case .integer(let pointer): .integer(pointer + begin * width)
                    }
                pass.values[expression] = Quantity(data: data, shape: [count] + whole.shape.dropFirst())
            }
            return pass
        }
    }

    private func update(_ loader: ComponentLoader) throws -> [String: [Observation.Value]] {
        let quantities = component.call.arguments.compactMap { argument -> (name: String, quantity: String)? in
            if case .quantity(let quantity?, _, _) = argument.source { (argument.name, quantity) } else { nil }
        }
        guard let value = quantities.first(where: { $0.quantity == "parameter.value" }).flatMap({ array($0.name) })
        else { throw PluginError(component.fullID, "an example must give the argument bound to parameter.value") }
        let roles: [ParameterRole] = [.weight, .bias, .scale, .other]
        let role = integer("role") ?? 0
        var problem: (Matrix, [Double])?
        if let x = array("x"), let y = array("y"), x.shape == [y.data.count, value.data.count] {
            problem = (Matrix(rows: x.shape[0], columns: x.shape[1], elements: x.data), y.data)
        }
        let bench = try UpdateBench(
            choice, kind: component.kind, values: [("p", value.shape.isEmpty ? [1] : value.shape, value.data)],
            precision: example.precision, role: roles.indices.contains(role) ? roles[role] : .other,
            fanIn: integer("fan_in"), problem: problem, loader: loader)
        // Start functions have run on random states; an example states its own.
        bench.store.set(block: 0, value.data)
        for state in component.state {
            if let given = array(state.id) { bench.setState("\(state.id)/p", given.data) }
        }
        bench.set(step: integer("step") ?? 0)
        let gradientName = quantities.first { $0.quantity == "parameter.grad" }?.name
        let gradient = gradientName.flatMap { array($0)?.data } ?? value.data.map { _ in 0 }
        var values: [String: [Observation.Value]] = [:]
        if component.kind == .optimizer {
            try bench.update([gradient])
        } else {
            bench.setGradient(gradient)
            values["value"] = [.number(try bench.penalty())]
        }
        for quantity in quantities {
            let numbers = quantity.quantity == "parameter.grad" ? bench.gradient() : bench.values()
            values[quantity.name] = numbers.map { .number($0) }
        }
        for state in component.state { values[state.id] = bench.state("\(state.id)/p")?.map { .number($0) } }
        return values
    }

    private func parametrization(_ loader: ComponentLoader) throws -> [String: [Observation.Value]] {
        let names = component.start?.arguments.compactMap { argument -> String? in
            if case .quantity = argument.source { argument.name } else { nil }
        }
        guard let value = names?.first.flatMap(array) else {
            throw PluginError(component.fullID, "an example must give the argument bound to parameter.value")
        }
        let roles = ParameterRole.allCases, role = integer("role") ?? 0
        let made = try evaluateParametrization(
            choice, shape: value.shape, values: value.data, role: roles.indices.contains(role) ? roles[role] : .other,
            loader: loader)
        return made.mapValues { $0.map { .number($0) } }
    }

    private func rule(_ loader: ComponentLoader) throws -> [String: [Observation.Value]] {
        var inputs: [String: (shape: [Int], data: [Double])] = [:]
        for argument in component.call.arguments {
            switch argument.source {
            case .quantity(let name?, _, _): inputs[name] = array(argument.name)
            case .state(let id): inputs[id] = array(id) ?? array(argument.name)
            default: continue
            }
        }
        let made = try evaluateRule(choice, inputs: inputs, precision: example.precision, loader: loader)
        return made.mapValues { $0.map { .number($0) } }
    }

    private func operation(_ loader: ComponentLoader) throws -> [String: [Observation.Value]] {
        let inputs = component.inputs.compactMap(array)
        let values = try evaluateOperation(choice, inputs: inputs, precision: example.precision, loader: loader)
        return [component.outputs[0].id: values.map { .number($0) }]
    }

    func field(_ name: String, _ array: (shape: [Int], data: [Double])) -> Field {
        let isTarget = name == "y" && integer("classes") != nil && array.shape.count == 1
        return Field(name: name, shape: Array(array.shape.dropFirst()), classes: isTarget ? integer("classes") : nil)
    }

    private func loss(_ loader: ComponentLoader) throws -> [String: [Observation.Value]] {
        var activations: [(argument: String, name: String, shape: [Int], data: [Double])] = []
        for argument in component.call.arguments {
            guard case .activation(let name, let view) = argument.source, let given = array(argument.name) else {
                continue
            }
            let suffix = view.map { "@\(component.text(of: $0, options: choice.options))" } ?? ""
            let key = component.text(of: name, options: choice.options) + suffix
            activations.append((argument.name, key, given.shape, given.data))
        }
        guard let output = array("output") ?? activations.first.map({ ($0.shape, $0.data) }) else {
            throw PluginError(component.fullID, "an example must give 'output'")
        }
        var targets: [String: (field: Field, data: [Double])] = [:]
        for case .input(let name) in component.call.arguments.map(\.source) where name != "output" {
            if let given = array(name) { targets[name] = (field(name, given), given.data) }
        }
        let result = try evaluateLoss(
            choice, output: output, targets: targets, activations: activations.map { ($0.name, $0.shape, $0.data) },
            precision: example.precision, loader: loader)
        var values: [String: [Observation.Value]] = [
            "sample_loss": result.loss.map { .number($0) }, "output_grad": result.gradients[0].map { .number($0) },
        ]
        for (activation, gradient) in zip(activations, result.gradients.dropFirst()) {
            values["\(activation.argument)_grad"] = gradient.map { .number($0) }
        }
        return values
    }

    private func model(_ loader: ComponentLoader) throws -> [String: [Observation.Value]] {
        var batch: [String: (field: Field, rows: Int, data: [Double])] = [:]
        var parameters: [String: [Double]] = [:]
        let inputs = Set(
            component.call.arguments.compactMap { if case .input(let name) = $0.source { name } else { nil } })
        for (name, _) in example.given {
            guard let given = array(name), component.parameter(name) == nil, name != "classes" else { continue }
            if inputs.contains(name) {
                batch[name] = (field(name, given), given.shape.first ?? 1, given.data)
            } else {
                parameters[name] = given.data
            }
        }
        let rows = batch.values.first?.rows ?? 1
        if batch["y"] == nil, let classes = integer("classes") {
            batch["y"] = (Field(name: "y", shape: [], classes: classes), rows, Array(repeating: 0, count: rows))
        }
        let result = try evaluateModel(
            choice, batch: batch, parameters: parameters, precision: example.precision, loader: loader)
        return result.outputs.mapValues { $0.data.map { .number($0) } }
    }

    private func dataset(_ loader: ComponentLoader) throws -> [String: [Observation.Value]] {
        let dataset = try loader.dataset(choice, of: component.isWrapper ? example.source(of: component) : nil)
        let split = example.split ?? dataset.splits.first ?? "train"
        let rows = try dataset.rows(in: split)
        let range = (integer("begin") ?? 0)..<(integer("end") ?? rows)
        return try readRows(of: dataset, split, range).mapValues { $0.map { .number($0) } }
    }
}

extension Example {
    /// The values of all options under which it runs.
    func options(of component: Component) throws -> [String: JSON] {
        var options: [String: JSON] = [:]
        for (name, given) in given {
            guard let parameter = component.parameter(name) else { continue }
            switch given {
            case .value(let value): options[name] = try parameter.check(value).get()
            case .array(_, let data):
                options[name] = try parameter.check(.array(data.map { .double($0) })).get()
            }
        }
        return component.options(options)
    }

    func array(_ name: String) -> (shape: [Int], data: [Double])? {
        switch given[name] {
        case .array(let shape, let data): (shape, data)
        case .value(let value): value.double.map { ([], [$0]) }
        case nil: nil
        }
    }

    /// An integer, also one in quotes, as seeds are.
    func integer(_ name: String) -> Int? {
        if case .value(let value) = given[name] { value.int ?? value.string.flatMap { Int($0) } } else { nil }
    }
}
