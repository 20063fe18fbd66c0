extension ManifestChecks {
    mutating func checkFunctions(of component: Component) {
        let reservesPrecision = [.optimizer, .regularizer, .activation, .operation].contains(component.kind)
        for function in component.functions {
            if function.isPerPrecision, !reservesPrecision {
                add(
                    "\(function.pointer)/symbol",
                    "only optimizers, regularizers and operations have one symbol per precision; a \(component.kind.rawValue) has one symbol"
                )
            }
            if !function.isPerPrecision, let generic = function.arguments.first(where: \.type.isGeneric) {
                let advice =
                    component.kind.measures
                    ? "quantities of a \(component.kind.rawValue) are always f64"
                    : "give one symbol per precision: {\"f32\": …, \"f64\": …}"
                add(
                    "\(generic.pointer)/type",
                    "argument '\(generic.name)' has type \(generic.type), but 'symbol' is one "
                        + "function; \(advice)")
                continue
            }
            for argument in function.arguments { check(argument, in: function, component) }
            checkMessage(function)
        }
        if let start = component.start,
            start.isPerPrecision != component.call.isPerPrecision
                || start.isPerPrecision && Set(start.symbols.keys) != Set(component.call.symbols.keys)
        {
            add("\(start.pointer)/symbol", "'start' must have symbols for the same precisions as 'call'")
        }
    }

    // MARK: - One argument

    private mutating func check(_ argument: Argument, in function: Function, _ component: Component) {
        let kinds = Self.kinds(of: argument.source)
        guard kinds.contains(component.kind) else {
            let list = kinds.map { "\($0.rawValue)s" }.joined(separator: ", ")
            return add(
                "\(argument.pointer)/from",
                "argument '\(argument.name)': '\(Self.name(of: argument.source))' is for "
                    + "\(list), not for \(component.kind.withArticle)")
        }
        let isDescribe = component.describe?.pointer == function.pointer
        guard Self.isDescribing(argument.source) ? isDescribe : !isDescribe || Self.isKnownFirst(argument.source)
        else {
            let reason = isDescribe ? "runs before any row is asked for" : "is the one that writes sizes"
            return add(
                "\(argument.pointer)/from",
                "argument '\(argument.name)': '\(Self.name(of: argument.source))' has no meaning here; 'describe' \(reason)"
            )
        }
        guard checkSource(of: argument, in: function, component) else { return }
        let expected = types(of: argument, in: function, component)
        if expected.isEmpty {
            add(
                argument.pointer,
                "the bindings give argument '\(argument.name)' labels (i32*) as well as real quantities (f64*)")
        } else if !expected.contains("\(argument.passedType(in: component))") {
            add(
                "\(argument.pointer)/type",
                "argument '\(argument.name)' has type \(argument.type), but "
                    + "\(describe(argument.source, component)) needs \(expected.joined(separator: " or "))")
        }
    }

    /// Checks the names a source mentions; false after a mistake that makes the type meaningless.
    private mutating func checkSource(of argument: Argument, in function: Function, _ component: Component) -> Bool {
        let here = argument.pointer
        switch argument.source {
        case .quantity(let text, let isWritable, _):
            return checkQuantity(text, isWritable, of: argument, component)
        case .output(let id):
            if component.start?.pointer == function.pointer {
                add("\(here)/from", "'start' runs before the first step and has no outputs")
                return false
            }
            return checkKnown(id, "output", among: component.outputs.map(\.id), at: "\(here)/output")
        case .variable(let id):
            return checkKnown(id, "variable", among: component.variables.map(\.id), at: "\(here)/variable")
        case .state(let id): return checkKnown(id, "state", among: component.state.map(\.id), at: "\(here)/state")
        case .accumulator(let id):
            return checkKnown(
                id, "accumulator", among: component.accumulators.map(\.id), at: "\(here)/accumulator")
        case .parameter(let id):
            guard checkKnown(id, "param", among: component.parameters.map(\.id), at: "\(here)/param") else {
                return false
            }
            let isShort = argument.passedType(in: component) == .scalar(.i32)
            guard isShort, let parameter = component.parameter(id), parameter.type == .int else { return true }
            guard let low = parameter.minimum?.double, let high = parameter.maximum?.double,
                low >= Double(Int32.min), high <= Double(Int32.max)
            else {
                add(
                    "\(here)/type",
                    "argument '\(argument.name)' has type i32, but param '\(id)' has no min and max inside 32 bits")
                return false
            }
            return true
        case .dimension(let name, let axis):
            checkAxis(axis, of: name, in: function, component, at: here)
        case .count(let name):
            checkTarget(name, "elements to count", in: function, at: here) { Self.isCountable($0, component) }
        case .sizes(let name):
            checkTarget(name, "list of files", in: function, at: here) { source in
                if case .parameter(let id) = source { component.parameter(id)?.type == .fileList } else { false }
            }
        case .rows(let id):
            return checkKnown(id, "split", among: component.splits.map(\.name), at: "\(here)/split")
        case .shape(let id), .classes(let id):
            return checkKnown(id, "output", among: component.outputs.map(\.id), at: "\(here)/output")
        case .workspace(let factor, let dims):
            for name in dims {
                checkKnown(name, "dim", among: component.dimensions.map(\.name), at: "\(here)/elements")
            }
            if !(1...1 << 32).contains(factor) {
                add("\(here)/elements", "the factor of a workspace must be from 1 to 2^32")
            }
        case .constant(let value):
            let type = argument.passedType(in: component)
            let fits =
                switch type {
                case .scalar(let scalar) where scalar.isInteger: value.int.map { Self.fits($0, scalar) } ?? false
                case .text: value.string != nil
                default: value.double != nil
                }
            if !fits { add("\(here)/value", "\(value.brief) is no value of type \(type)") }
            return fits
        case .activation(let name, let view):
            guard checkChoice(name, "activation", component, at: here) else { return false }
            guard let view else { return true }
            return checkChoice(view, "view", component, at: here)
        case .column(let name): return checkChoice(name, "column", component, at: here)
        case .service(.graph) where !component.kind.buildsGraphs:
            add(
                "\(here)/service",
                "syzygy.graph/1 is for models, parametrizations, losses and rules, not for \(component.kind.withArticle)"
            )
        case .service(.objective) where !component.mayEvaluate && !component.isOfRun([.optimizer]):
            add(
                "\(here)/service",
                "syzygy.objective/1 is for quantities, for probes of one run, and for optimizers per run")
        case .service(.record) where component.kind != .procedure:
            add("\(here)/service", "syzygy.record/1 is for procedures, not for \(component.kind.withArticle)")
        case .service(.jacobian) where !component.mayEvaluate:
            add("\(here)/service", "syzygy.jacobian/1 is for quantities, and for probes of one run")
        case .field where component.kind == .optimizer && component.scope == .run:
            add(
                "\(here)/from", "argument '\(argument.name)': an optimizer per run has many parameters, so no 'field'"
            )
        default: break
        }
        return true
    }

    private mutating func checkQuantity(
        _ text: String?, _ isWritable: Bool, of argument: Argument, _ component: Component
    ) -> Bool {
        let here = "\(argument.pointer)/quantity"
        guard checkForm(of: argument, text, component), checkSplit(of: argument, component) else { return false }
        guard !component.kind.measures else {
            if isWritable {
                add(
                    "\(argument.pointer)/access",
                    "a \(component.kind.rawValue) may not change '\(argument.name)'; only optimizers and regularizers write"
                )
            }
            if argument.form != nil { return true }
            guard let text else {
                if component.bindings.isEmpty {
                    add(
                        argument.pointer,
                        "argument '\(argument.name)' has no quantity, and there are no bindings to give it")
                }
                return !component.bindings.isEmpty
            }
            return checkExpression(text, of: component, at: here) != nil
        }
        let isParametrization = component.kind == .parametrization, isInitializer = component.kind == .initializer
        let known =
            component.kind == .rule
            ? Self.ruleQuantities
            : ["parameter.value"] + (isParametrization || isInitializer ? [] : ["parameter.grad"])
        guard let text else {
            add(argument.pointer, "argument '\(argument.name)' needs 'quantity': \(known.joined(separator: " or "))")
            return false
        }
        guard checkKnown(text, "quantity of \(component.kind.rawValue)s", among: known, at: here) else {
            return false
        }
        let isStart = argument.pointer.hasPrefix("\(component.pointer)/start/")
        if component.kind == .rule, isWritable {
            add("\(argument.pointer)/access", "a rule gets nodes and changes nothing")
        }
        if isParametrization, isWritable || !isStart {
            add(
                argument.pointer,
                "the values of a parameter are for 'start' of a parametrization, which may not change them")
        }
        if isInitializer, isWritable {
            add(
                "\(argument.pointer)/access",
                "an initializer may not change the values that the model says; it writes its output")
        }
        // `start` may move the initial values; a step of a regularizer may not.
        if isWritable, component.kind == .regularizer, !isStart, text != "parameter.grad" {
            add("\(argument.pointer)/access", "a regularizer's call may only change parameter.grad")
        }
        return true
    }

    /// Probes may take quantities of another split, which a study names by a param.
    private mutating func checkSplit(of argument: Argument, _ component: Component) -> Bool {
        guard let id = argument.split else { return true }
        let here = "\(argument.pointer)/split", before = problems.count
        if component.kind != .probe || component.scope == .runPair {
            add(here, "only probes of one run take quantities of another split")
        } else if component.add?.argument(argument.name) != nil {
            add(here, "'add' takes rows of the probe's own split")
        } else if let parameter = component.parameter(id) {
            if parameter.type != .string {
                add(here, "param '\(id)' is \(parameter.type.words); the name of a split is a string")
            }
        } else {
            let strings = component.parameters.filter { $0.type == .string }.map(\.id)
            add(here, "there is no param '\(id)' to name the split" + Nearest.hint(for: id, among: strings))
        }
        return problems.count == before
    }

    private static let ruleQuantities = [
        "layer.input", "layer.output", "layer.weight", "layer.output_grad", "head.output_grad",
    ]

    /// The expression, if it is one and exists in the probe's scope.
    mutating func checkExpression(_ text: String, of component: Component, at pointer: String) -> QuantityExpression?
    {
        let expression: QuantityExpression
        do throws(UnknownQuantity) {
            expression = try QuantityExpression(text)
        } catch {
            add(pointer, error.sentence)
            return nil
        }
        guard expression.split == nil else {
            add(pointer, "'\(expression)' names a split; datasets have others: say a param by 'split'")
            return nil
        }
        if let scope = component.scope, !expression.scopes.contains(scope) {
            add(pointer, Self.misplaced(expression, in: scope))
            return nil
        }
        do throws(UnknownQuantity) {
            let resolved = try quantities.resolve(expression)
            guard let scope = component.scope, !resolved.scopes.contains(scope) else { return expression }
            add(pointer, "'\(expression)' is made of quantities that do not exist per \(scope.rawValue)")
        } catch {
            add(pointer, error.sentence)
        }
        return nil
    }

    /// nil if a plugin that is not at hand says it.
    func form(of text: String) -> QuantityExpression.Form? {
        (try? QuantityExpression(text)).flatMap { try? quantities.resolve($0).form }
    }

    // MARK: - Axes

    mutating func checkAxis(
        _ axis: Axis, of name: String, in function: Function, _ component: Component, at pointer: String
    ) {
        let isGraph = component.kind.buildsGraphs
        // Classes belong to a tensor of the batch, which need not be an argument itself.
        if axis == .classes || axis == .labels, isGraph, function.argument(name) == nil { return }
        let isFound = checkTarget(name, "axes", in: function, at: pointer) { Self.hasAxes($0, component) }
        guard isFound, let target = function.argument(name) else { return }
        guard case .index(let index) = axis else {
            switch target.source {
            case .input, .data, .activation, .column: return
            default: break
            }
            return add("\(pointer)/axis", "only inputs have the axis \"\(axis)\", and '\(name)' is none")
        }
        for (rank, what) in ranks(of: target, component) where index >= rank {
            let axes =
                rank == 1 ? "1 axis (0)" : "\(rank) axes (\((0..<rank).map(String.init).joined(separator: ", ")))"
            let has = rank == 0 ? "is a single number" : "has \(axes)"
            return add("\(pointer)/axis", "axis \(index) of '\(name)' does not exist: \(what) \(has)")
        }
    }

    /// Checks that `of` names an argument of the function with the wanted property.
    @discardableResult
    private mutating func checkTarget(
        _ name: String, _ what: String, in function: Function, at pointer: String, _ fits: (Argument.Source) -> Bool
    ) -> Bool {
        let possible = function.arguments.filter { fits($0.source) }.map(\.name)
        if function.argument(name) == nil || possible.contains(name) {
            return checkKnown(name, "argument", among: possible, at: "\(pointer)/of")
        }
        let list = possible.isEmpty ? "no argument has" : "those that have: \(possible.joined(separator: ", "))"
        add("\(pointer)/of", "argument '\(name)' has no \(what) (\(list))")
        return false
    }

    /// The possible ranks of an argument with what gives them; empty if unknown.
    private func ranks(of argument: Argument, _ component: Component) -> [(rank: Int, what: String)] {
        switch argument.source {
        // As the network has.
        case .quantity where [.parametrization, .initializer, .rule].contains(component.kind): []
        case .state where component.kind == .rule: []
        case .quantity where argument.form != nil:
            argument.form.map { [($0.rank, "'\(argument.name)', \($0.words),")] } ?? []
        case .quantity:
            bindings.compactMap { binding in
                guard let text = binding.quantities[argument.name], let form = form(of: text) else { return nil }
                return (form.rank, "'\(text)'")
            }
        case .output(let id): component.output(id)?.rank.map { [($0, "output '\(id)'")] } ?? []
        case .state(let id):
            [(component.state.first { $0.id == id }?.shape?.count ?? 1, "state '\(id)'")]
        case .accumulator(let id):
            [(component.accumulators.first { $0.id == id }?.shape.count ?? 1, "accumulator '\(id)'")]
        case .parameter(let id): [(1, "param '\(id)'")]
        case .file(let file): [(1, "file '\(file)'")]
        default: []
        }
    }

    // MARK: - The whole function

    private mutating func checkMessage(_ function: Function) {
        let hasMessage = function.arguments.contains { $0.source == .message }
        if hasMessage != function.arguments.contains(where: { $0.source == .messageSize }) {
            let (one, other) = hasMessage ? ("message", "message_size") : ("message_size", "message")
            add("\(function.pointer)/args", "an argument from '\(one)' needs one from '\(other)'")
        }
    }

    /// Every output is written by exactly one argument, or returned.
    mutating func checkWriters(of component: Component) {
        let function = component.call
        var writers: [String: [(name: String, pointer: String)]] = [:]
        if case .output(let id) = function.returns {
            let here = "\(function.pointer)/returns/output"
            if checkKnown(id, "output", among: component.outputs.map(\.id), at: here) {
                writers[id] = [("the result", here)]
                if ![.probe, .regularizer, .schedule].contains(component.kind) {
                    add(here, "only probes, regularizers and schedules return an output")
                } else if component.output(id)?.shape != [] {
                    add(here, "output '\(id)' is returned, so its shape must be []")
                }
            }
        }
        for argument in function.arguments {
            if case .output(let id) = argument.source {
                writers[id, default: []].append(("'\(argument.name)'", argument.pointer))
            }
        }
        // The outputs of a procedure are recorded by name.
        for output in component.outputs where component.kind != .procedure {
            let writers = writers[output.id] ?? []
            if writers.isEmpty {
                add(output.pointer, "output '\(output.id)' is written by no argument and is not the result")
            }
            if writers.count > 1 {
                add(
                    writers[1].pointer,
                    "output '\(output.id)' is written twice, by \(writers[0].name) and \(writers[1].name)")
            }
        }
        if case .output = component.start?.returns {
            add("\(component.pointer)/start/returns", "'start' has no outputs; return \"status\"")
        }
    }
}
