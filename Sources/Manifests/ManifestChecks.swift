/// What must hold of a manifest beyond its schema: names that must exist, types that must fit, duties of the kinds.
struct ManifestChecks {
    let document: Document
    let components: [Component]
    private(set) var problems: [Problem] = []
    /// Of the component that is being checked: its bindings with every value of their params.
    private(set) var bindings: [Binding] = []

    static func problems(in manifest: Manifest) -> [Problem] {
        var checks = ManifestChecks(manifest)
        checks.checkUnique(manifest.components, "component", \.id) { "\($0.pointer)/id" }
        for component in manifest.components { checks.check(component) }
        if checks.problems.isEmpty {
            for component in manifest.components where component.kind.isOperation {
                checks.checkDerivatives(of: component, among: manifest.components.filter(\.kind.isOperation))
            }
        }
        return checks.problems
    }

    private init(_ manifest: Manifest) { (document, components) = (manifest.document, manifest.components) }

    mutating func add(_ pointer: String, key: Bool = false, _ sentence: String) {
        let problem = document.problem(at: pointer, key: key, sentence)
        if !problems.contains(problem) { problems.append(problem) }
    }

    /// Adds a sentence about an unknown name and returns false, unless the name is among the known ones.
    @discardableResult
    mutating func checkKnown(_ name: String, _ what: String, among known: [String], at pointer: String) -> Bool {
        if known.contains(name) { return true }
        let hint = known.isEmpty ? "; there are none" : Nearest.hint(for: name, among: known)
        add(pointer, "unknown \(what) \(quoted(name))\(hint)")
        return false
    }

    mutating func checkUnique<Item>(
        _ items: [Item], _ what: String, _ name: (Item) -> String, at pointer: (Item) -> String
    ) {
        guard items.count > 1 else { return }
        var seen: Set<String> = []
        for item in items where !seen.insert(name(item)).inserted {
            add(pointer(item), "two \(what)s have the name '\(name(item))'")
        }
    }

    /// The product of sizes, nil if it does not fit.
    static func product(_ sizes: [Int]) -> Int? {
        sizes.reduce(1) { product, size in
            let (result, overflow) = (product ?? 0).multipliedReportingOverflow(by: size)
            return product == nil || overflow ? nil : result
        }
    }

    // MARK: - Components

    /// In stages: a mistake in one would only be repeated by the next.
    private mutating func check(_ component: Component) {
        let before = problems.count
        guard checkNumberOfBindings(component) else { return }
        bindings = component.expandedBindings(values: component.allValues)
        checkUnique(component.parameters, "param", \.id) { "\($0.pointer)/id" }
        checkUnique(component.outputs, "output", \.id) { "\($0.pointer)/id" }
        checkUnique(component.state, "state", \.id) { "\($0.pointer)/id" }
        checkUnique(component.accumulators, "accumulator", \.id) { "\($0.pointer)/id" }
        checkUnique(component.variables, "variable", \.id) { "\($0.pointer)/id" }
        for function in component.functions {
            checkUnique(function.arguments, "argument", \.name) { "\($0.pointer)/name" }
        }
        guard problems.count == before else { return }
        for parameter in component.parameters { check(parameter, of: component) }
        for dimension in component.dimensions { check(dimension, of: component) }
        for output in component.outputs { check(output, of: component) }
        for state in component.state { check(state, of: component) }
        for split in component.splits {
            checkSize(split.rows, of: component, at: split.pointer + (split.source == nil ? "" : "/rows"))
        }
        checkOutputs(of: component)
        if component.kind.measures { checkForm(ofProbe: component) }
        guard problems.count == before else { return }
        checkFunctions(of: component)
        guard problems.count == before else { return }
        checkWriters(of: component)
        checkDescribe(of: component)
        checkBindings(of: component)
        checkNeededArguments(of: component)
        checkWrapper(component)
        if component.kind.measures { checkPasses(ofProbe: component) }
        for property in component.properties { check(property, of: component) }
        checkFigures(of: component)
        guard problems.count == before else { return }
        let arrays = neededArrays(of: component)
        for example in component.examples { check(example, of: component, arrays) }
    }

    private mutating func check(_ parameter: ParameterDeclaration, of component: Component) {
        if component.reservedKeys.contains(parameter.id) {
            add(
                "\(parameter.pointer)/id", "param '\(parameter.id)' has the name of a key that studies give a meaning"
            )
        }
        let type = parameter.type
        let isEnum = type == .enum || type == .enumList
        if isEnum, parameter.values.isEmpty {
            return add(parameter.pointer, "param '\(parameter.id)' of type \(type.rawValue) needs 'values'")
        }
        let misplaced = [
            ("values", !isEnum && type != .activation), ("min", !type.isNumeric), ("max", !type.isNumeric),
            ("scale", !type.isNumeric),
            ("exclusive_min", parameter.minimum == nil), ("exclusive_max", parameter.maximum == nil),
            ("min_items", !type.isList), ("max_items", !type.isList),
        ]
        for (key, isMisplaced) in misplaced where isMisplaced {
            guard parameter.keys.contains(key) else { continue }
            let here = "\(parameter.pointer)/\(key)"
            let reason = key.hasPrefix("exclusive") ? "without '\(key.suffix(3))'" : "for type \(type.rawValue)"
            add(here, key: true, "'\(key)' of param '\(parameter.id)' has no meaning \(reason)")
        }
        if let minimum = parameter.minimum, let maximum = parameter.maximum, maximum.isLess(than: minimum) == true {
            return add(
                "\(parameter.pointer)/max",
                "max \(maximum.brief) of param '\(parameter.id)' is below its min \(minimum.brief)")
        }
        if let low = parameter.minimumCount, let high = parameter.maximumCount, high < low {
            return add(
                "\(parameter.pointer)/max_items",
                "max_items \(high) of param '\(parameter.id)' is below its min_items \(low)")
        }
        guard let value = parameter.defaultValue else { return }
        if case .failure(let problem) = parameter.check(value) {
            add("\(parameter.pointer)/default\(problem.path)", "default: \(problem.sentence)")
        } else if type.isFile, value != .string(""), value != .array([]) {
            let none = type == .file ? "\"\"" : "[]"
            add(
                "\(parameter.pointer)/default",
                "param '\(parameter.id)': only \(none), no file, can be the default of files; data that the plugin "
                    + "ships are bound with \"from\": \"file\"")
        }
    }

    private mutating func check(_ dimension: Dimension, of component: Component) {
        if dimension.name == "rows" {
            add(dimension.pointer, key: true, "'rows' is the number of rows of a call and cannot be a dim")
        } else if dimension.name == "describe" {
            add(dimension.pointer, key: true, "'describe' stands for the axes that it writes and cannot be a dim")
        }
        checkSize(dimension.size, of: component, at: dimension.pointer)
    }

    private mutating func checkSize(_ size: Size, of component: Component, at pointer: String) {
        switch size {
        case .constant: break
        case .described: checkHasDescribe(component, at: pointer)
        case .source: break
        case .parameter(let id): checkIntParameter(id, of: component, at: "\(pointer)/param")
        case .axis(let name, let axis, _):
            // The shapes of variables are known before there are nodes.
            let function =
                component.kind == .parametrization
                ? component.start ?? component.call
                : component.measuringFunctions.first { $0.argument(name) != nil } ?? component.call
            // A sampler's epoch has its size before the call; `checkOrder` sees to its own dims.
            if component.kind != .sampler, let target = function.argument(name), case .output = target.source {
                return add(
                    "\(pointer)/of", "a dim cannot be measured on output '\(name)', whose shape may depend on it")
            }
            checkAxis(axis, of: name, in: function, component, at: pointer)
        }
    }

    private mutating func checkIntParameter(_ id: String, of component: Component, at pointer: String) {
        guard checkKnown(id, "param", among: component.parameters.map(\.id), at: pointer),
            let parameter = component.parameter(id), parameter.type != .int
        else { return }
        add(pointer, "a size must be an int param, but '\(id)' is of type \(parameter.type.rawValue)")
    }

    private mutating func check(_ output: OutputDeclaration, of component: Component) {
        let isNode = component.kind.buildsGraphs
        for (axis, extent) in (output.shape ?? []).enumerated() {
            let here = "\(output.pointer)/shape/\(axis)"
            switch extent {
            case .constant: break
            case .rows:
                if !(component.kind == .dataset || component.kind == .sampler || isNode) || axis > 0 {
                    add(here, "'rows' can only be the first axis, of a dataset, sampler, model or loss")
                }
            case .described:
                if axis == 0 || axis + 1 < output.shape?.count ?? 0 {
                    add(here, "'describe' can only be the end of a shape")
                } else {
                    checkHasDescribe(component, at: here)
                }
            case .dimension(let name):
                checkKnown(name, "dim", among: component.dimensions.map(\.name), at: here)
            }
        }
        if let lowest = output.lowest, let highest = output.highest, lowest > highest {
            add(
                "\(output.pointer)/range",
                "the range of output '\(output.id)' ends at \(JSON.double(highest).brief), "
                    + "below its begin \(JSON.double(lowest).brief)")
        }
        guard let classes = output.classes else { return }
        if classes == .described { checkHasDescribe(component, at: "\(output.pointer)/classes") }
        if output.type != .i32, classes != .described || output.type != .f64 {
            add(
                "\(output.pointer)/dtype",
                "labels ('classes') have dtype i32, but '\(output.id)' is \(output.type.rawValue)")
        }
        if case .parameter(let id) = classes {
            checkIntParameter(id, of: component, at: "\(output.pointer)/classes/param")
        }
    }

    private mutating func check(_ state: StateDeclaration, of component: Component) {
        let values: [StateDeclaration.Value] =
            switch state.initializer {
            case .constant(let value): [value]
            case .normal(let mean, let deviation): [mean, deviation]
            case .uniform(let low, let high): [low, high]
            case .copyOfParameter: []
            }
        for value in values {
            guard let id = value.parameter,
                checkKnown(id, "param", among: component.parameters.map(\.id), at: "\(value.pointer)/param"),
                let type = component.parameter(id)?.type, type != .float, type != .int
            else { continue }
            add(
                "\(value.pointer)/param",
                "a state's first value needs a float or int param, but '\(id)' is of type \(type.rawValue)")
        }
    }

    // MARK: - Duties of the kinds

    private mutating func checkOutputs(of component: Component) {
        switch component.kind {
        case .dataset:
            for output in component.outputs where output.like == nil && output.shape?.first != .rows {
                add("\(output.pointer)/shape", "the shape of dataset output '\(output.id)' must begin with \"rows\"")
            }
        case .parametrization:
            if component.outputs.map(\.id) != ["value"] {
                add("\(component.pointer)/outputs", "a parametrization has one output, with the id 'value'")
            }
            for variable in component.variables {
                for (axis, extent) in (variable.shape ?? []).enumerated() {
                    let here = "\(variable.pointer)/shape/\(axis)"
                    switch extent {
                    case .constant: break
                    case .rows, .described: add(here, "a variable's sizes are integers or names of 'dims'")
                    case .dimension(let name):
                        checkKnown(name, "dim", among: component.dimensions.map(\.name), at: here)
                    }
                }
            }
        case .model:
            if component.output("output") == nil {
                add("\(component.pointer)/outputs", "a model needs an output with the id 'output'")
            }
        case .loss:
            for output in component.outputs {
                if output.id != "sample_loss" {
                    add(
                        "\(output.pointer)/id",
                        "the output of a loss must have the id 'sample_loss', got '\(output.id)'")
                } else if output.shape != [.rows] && output.shape != [] {
                    add(
                        "\(output.pointer)/shape",
                        "sample_loss must have shape [\"rows\"] (the host takes the mean) or []")
                }
            }
        case .regularizer:
            for output in component.outputs where output.id != "value" || output.shape != [] {
                add(output.pointer, "the output of a regularizer must have the id 'value' and shape []")
            }
        case .schedule:
            for output in component.outputs where output.id != "factor" || output.shape != [] {
                add(output.pointer, "the output of a schedule must have the id 'factor' and shape []")
            }
        case .rule: checkParts(of: component)
        case .activation, .operation: checkResult(of: component)
        case .sampler: checkOrder(of: component)
        case .quantity: checkValue(of: component)
        case .initializer:
            if component.outputs.map(\.id) != ["value"] || component.outputs[0].shape != nil {
                add(
                    "\(component.pointer)/outputs",
                    "an initializer has one output, with the id 'value' and the parameter's shape, so without 'shape'"
                )
            }
        case .optimizer, .probe, .procedure: break
        }
    }

    /// A rule says something about a layer's cotangents, and new values of states have the states' names.
    private mutating func checkParts(of component: Component) {
        let parts = ["input_grad", "weight_grad", "backward_weight"]
        for output in component.outputs {
            checkKnown(
                output.id, "output of rules", among: parts + component.state.map(\.id), at: "\(output.pointer)/id")
        }
        if let both = component.output("backward_weight"), component.output("input_grad") != nil {
            add(both.pointer, "'backward_weight' says what 'input_grad' is; a rule has one of them")
        }
        if !component.outputs.contains(where: { parts.contains($0.id) }) {
            add(
                "\(component.pointer)/outputs",
                "a rule has at least one of the outputs \(parts.joined(separator: ", "))")
        }
    }

    private mutating func checkNeededArguments(of component: Component) {
        let sources = component.call.arguments.map(\.source)
        let here = "\(component.pointer)/call/args"
        switch component.kind {
        case .dataset:
            if !sources.contains(.indexBegin) || !sources.contains(.indexEnd) {
                add(here, "a dataset needs arguments from index_begin and index_end")
            }
        case .parametrization:
            if !sources.contains(.service(.graph)) {
                add(here, "a parametrization needs an argument from service syzygy.graph/1")
            }
            for variable in component.variables {
                for function in component.functions
                where !function.arguments.contains(where: { $0.source == .variable(variable.id) }) {
                    let name = function.pointer.split(separator: "/").last ?? ""
                    add(variable.pointer, "variable '\(variable.id)' is no argument of '\(name)'")
                }
            }
        case .model, .loss, .rule:
            if !sources.contains(.service(.graph)) {
                add(here, "a \(component.kind.rawValue) needs an argument from service syzygy.graph/1")
            }
        case .regularizer:
            if !sources.contains(.quantity("parameter.grad", isWritable: true, isOptional: false)) {
                add(here, "a regularizer needs an argument from quantity parameter.grad with access readwrite")
            }
        case .optimizer:
            if component.scope == .run, component.isElementwise {
                add(
                    "\(component.pointer)/elementwise",
                    "an optimizer per run is called once for all its parameters, so it is not elementwise")
            }
            if !sources.contains(.quantity("parameter.value", isWritable: true, isOptional: false)) {
                add(here, "an optimizer needs an argument from quantity parameter.value with access readwrite")
            }
        case .schedule:
            if component.call.returns != .output("factor") {
                add(
                    "\(component.pointer)/call/returns",
                    "a schedule returns {\"type\": \"f64\", \"output\": \"factor\"}")
            }
            if !sources.contains(.step) { add(here, "a schedule needs an argument from step") }
        case .activation, .operation: checkInputs(of: component)
        case .procedure:
            if !sources.contains(.service(.record)) {
                add(here, "a procedure needs an argument from service syzygy.record/1")
            }
            if component.call.returns != .status {
                add("\(component.pointer)/call/returns", "a procedure returns \"status\"")
            }
        case .initializer:
            if !sources.contains(.quantity("parameter.value", isWritable: false, isOptional: false)) {
                add(here, "an initializer needs an argument from quantity parameter.value")
            }
        case .probe, .quantity, .sampler: break
        }
    }

    private mutating func check(_ property: Property, of component: Component) {
        let arguments = component.measuringFunctions.flatMap(\.arguments).filter { argument in
            if case .quantity = argument.source { true } else { false }
        }
        let known: [String] =
            switch property.kind {
            case .seedSensitive: component.outputs.map(\.id) + component.state.map(\.id)
            default:
                arguments.map(\.name) + (component.scope?.isOfPairs == true ? ["first", "second"] : [])
            }
        let key = property.kind == .symmetric ? "swap" : "of"
        let what = property.kind == .seedSensitive ? "output or state" : "argument from a quantity"
        for (index, name) in property.names.enumerated() {
            checkKnown(name, what, among: known, at: "\(property.pointer)/\(key)/\(index)")
        }
        for (id, value) in property.with.sorted(by: { $0.key < $1.key }) {
            let here = Pointer.child("\(property.pointer)/with", id)
            guard checkKnown(id, "param", among: component.parameters.map(\.id), at: here) else { continue }
            if case .failure(let problem)? = component.parameter(id)?.check(value) {
                add(here + problem.path, problem.sentence)
            }
        }
    }
}
