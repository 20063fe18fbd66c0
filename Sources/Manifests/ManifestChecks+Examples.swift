extension ManifestChecks {
    /// An array that examples give by name, and its rank where it is known.
    typealias NeededArray = (name: String, rank: Int?, isRequired: Bool)

    mutating func check(_ example: Example, of component: Component, _ arrays: [NeededArray]) {
        if !component.precisions.contains(example.precision) {
            let list = component.precisions.map(\.rawValue).sorted().joined(separator: ", ")
            add(
                "\(example.pointer)/dtype",
                "example \(quoted(example.name)) runs in \(example.precision.rawValue), "
                    + "but '\(component.id)' has functions for \(list) only")
        }
        if let binding = example.binding {
            let known = bindings.map(\.name).filter { !$0.isEmpty }
            checkKnown(binding, "binding", among: known, at: "\(example.pointer)/binding")
        }
        if let split = example.split {
            checkKnown(split, "split", among: component.splits.map(\.name), at: "\(example.pointer)/split")
        }
        checkGiven(example, component, arrays)
        checkExpected(example, component)
    }

    // MARK: - Given

    private mutating func checkGiven(_ example: Example, _ component: Component, _ arrays: [NeededArray]) {
        let numbers = neededNumbers(of: component)
        let states = component.state.map(\.id)
        let known = arrays.map(\.name) + states + component.parameters.map(\.id) + numbers.map(\.name)
        for (name, value) in example.given {
            let here = Pointer.child("\(example.pointer)/given", name)
            if case .array(let shape, let data) = value { checkArray(shape, data.count, at: here) }
            let mayBeParameterOfModel = component.kind == .model && isArray(value)
            guard known.contains(name) else {
                if !mayBeParameterOfModel {
                    add(
                        here, key: true,
                        "example \(quoted(example.name)) gives the unknown \(quoted(name))"
                            + Nearest.hint(for: name, among: known))
                }
                continue
            }
            if let array = arrays.first(where: { $0.name == name }) {
                check(value, isArrayOfRank: array.rank, name, at: here)
            } else if states.contains(name) {
                check(value, isArrayOfRank: nil, name, at: here)
            } else if case .value(let json) = value {
                checkOption(json, name, component, at: here)
            } else {
                add(here, "'\(name)' must be a value of a param or a number, got an array")
            }
        }
        let required = component.parameters.map { ($0.id, $0.defaultValue == nil) }
        for (name, isRequired) in arrays.map({ ($0.name, $0.isRequired) }) + required + numbers
        where isRequired && example.given[name] == nil {
            add("\(example.pointer)/given", "example \(quoted(example.name)) does not give '\(name)'")
        }
        if component.kind == .dataset, let begin = integer("begin", example), let end = integer("end", example),
            begin < 0 || end < begin
        {
            add("\(example.pointer)/given/end", "rows \(begin) ..< \(end) are no range")
        }
    }

    private mutating func checkOption(_ json: JSON, _ name: String, _ component: Component, at pointer: String) {
        if let parameter = component.parameter(name) {
            if case .failure(let problem) = parameter.check(json) { add(pointer + problem.path, problem.sentence) }
        } else if name == "seed" {
            if json.string.flatMap({ UInt64($0) }) == nil {
                add(pointer, "seed must be a decimal number in quotes, below 2^64, got \(json.brief)")
            }
        } else if json.int.map({ $0 < 0 }) ?? true {
            add(pointer, "\(name) must be an integer >= 0, got \(json.brief)")
        }
    }

    func neededArrays(of component: Component) -> [NeededArray] {
        let random = component.state.filter { state in
            switch state.initializer {
            case .normal, .uniform: true
            default: false
            }
        }
        let needsNetwork = component.needsNetwork
        // The network of an example is linear: losses ½ (x_s · parameters − y_s)². An optimizer has its parameters.
        let network = needsNetwork ? [("x", 2, true), ("y", 1, true)] : []
        let parameters = needsNetwork && component.kind.measures ? [("parameters", 1, true)] : []
        let function = component.kind == .parametrization ? component.start ?? component.call : component.call
        let taking = component.kind.measures ? component.measuringFunctions.flatMap(\.arguments) : function.arguments
        let arguments = taking.compactMap {
            argument -> NeededArray? in
            switch argument.source {
            case .input(let id): return (id, nil, true)
            case .data: return (argument.name, nil, true)
            case .activation, .column: return (argument.name, nil, true)
            case .quantity(_, _, let isOptional):
                if let form = argument.form { return (argument.name, form.rank, !isOptional) }
                let ranks = Set(bindings.compactMap { $0.quantities[argument.name] }.map { form(of: $0)?.rank })
                let isKnown = component.kind.measures && ranks.count == 1
                return (argument.name, isKnown ? ranks.first ?? nil : nil, !isOptional)
            default: return nil
            }
        }
        // Without `start`, a random state has no value that an example could know.
        return (network + parameters).map { ($0.0, Optional($0.1), $0.2) } + arguments
            + (component.start == nil ? random.map { ($0.id, nil, true) } : [])
    }

    /// Numbers an example gives by name beside params.
    private func neededNumbers(of component: Component) -> [(name: String, isRequired: Bool)] {
        var numbers: [(String, Bool)] = []
        for argument in component.call.arguments + (component.start?.arguments ?? []) {
            switch argument.source {
            case .seed: numbers.append(("seed", true))
            case .step: numbers.append(("step", component.kind == .schedule))
            case .steps: numbers.append(("steps", true))
            case .field(.name): break
            case .field(let field): numbers.append((field.rawValue, true))
            case .indexBegin: numbers.append(("begin", true))
            case .indexEnd: numbers.append(("end", true))
            default: break
            }
        }
        switch component.kind {
        case .model, .loss: numbers.append(("classes", false))
        case .dataset where component.isWrapper: numbers.append(("classes", false))
        case .sampler: numbers += [("classes", false), ("row_count", false), ("batch_size", false)]
        case .optimizer, .regularizer, .parametrization, .initializer:
            numbers += [("fan_in", false), ("fan_out", false), ("role", false)]
        default: break
        }
        if [.dataset, .sampler, .initializer].contains(component.kind), !numbers.contains(where: { $0.0 == "seed" }) {
            numbers.append(("seed", false))
        }
        return numbers
    }

    // MARK: - Expected

    private mutating func checkExpected(_ example: Example, _ component: Component) {
        let outputs = component.outputs.map(\.id)
        let known: [String]
        switch component.kind {
        case .optimizer, .regularizer:
            known =
                outputs + component.state.map(\.id)
                + component.call.arguments.compactMap { argument in
                    if case .quantity(_, isWritable: true, _) = argument.source { argument.name } else { nil }
                }
        case .loss:
            known =
                outputs + ["output_grad"]
                + component.call.arguments.compactMap { argument in
                    if case .activation = argument.source { "\(argument.name)_grad" } else { nil }
                }
        case .parametrization: known = outputs + component.variables.map(\.id)
        case .rule: known = outputs
        case .dataset: known = outputs + component.data.map(\.field).filter { !outputs.contains($0) }
        default: known = outputs + component.state.map(\.id)
        }
        for (name, value) in example.expected {
            let here = Pointer.child("\(example.pointer)/expect", name)
            guard known.contains(name) else {
                add(
                    here, key: true,
                    "example \(quoted(example.name)) expects the unknown \(quoted(name))"
                        + Nearest.hint(for: name, among: known))
                continue
            }
            let output = component.output(name)
            switch value {
            case .undefined:
                if output?.mayBeUndefined != true {
                    add(here, "'\(name)' cannot be undefined; an output that can says \"nan\": \"undefined_value\"")
                }
            case .number:
                let isNumberOfProbe = component.kind == .probe && component.state.contains { $0.id == name }
                if output == nil && !isNumberOfProbe || output?.shape?.isEmpty == false {
                    add(here, "'\(name)' is an array, got a number")
                }
            case .array(let shape, let data):
                checkArray(shape, data.count, at: here)
                if let rank = output?.rank, shape.count != rank {
                    add(here, "'\(name)' \(words(rank)), got shape \(text(shape))")
                } else if component.kind == .dataset, let begin = integer("begin", example),
                    let end = integer("end", example),
                    let rows = shape.first, 0 <= begin, begin <= end, rows != end - begin
                {
                    add(
                        "\(here)/shape",
                        "'\(name)' has \(rows) rows, but the example asks for rows \(begin) ..< \(end)")
                }
            }
        }
    }

    // MARK: - Arrays

    private mutating func checkArray(_ shape: [Int], _ count: Int, at pointer: String) {
        let elements = Self.product(shape)
        guard elements != count else { return }
        let needed = elements.map(String.init) ?? "more than there are integers"
        add("\(pointer)/data", "data has \(count) numbers, but shape \(text(shape)) needs \(needed)")
    }

    private mutating func check(_ value: Example.Given, isArrayOfRank rank: Int?, _ name: String, at pointer: String)
    {
        guard case .array(let shape, _) = value else {
            return add(pointer, "'\(name)' must be an array: {\"shape\": […], \"data\": […]}")
        }
        if let rank, shape.count != rank {
            add("\(pointer)/shape", "'\(name)' \(words(rank)), got shape \(text(shape))")
        }
    }

    private func words(_ rank: Int) -> String {
        rank == 0 ? "is a single number" : rank == 1 ? "has 1 axis" : "has \(rank) axes"
    }

    private func text(_ shape: [Int]) -> String { "[\(shape.map(String.init).joined(separator: ", "))]" }

    private func isArray(_ value: Example.Given) -> Bool { if case .array = value { true } else { false } }

    private func integer(_ name: String, _ example: Example) -> Int? {
        if case .value(let json)? = example.given[name] { json.int } else { nil }
    }
}
