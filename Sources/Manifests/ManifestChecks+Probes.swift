import Protocols

/// The forms of probes: one call, passes of rows, states.
extension ManifestChecks {
    /// Why a quantity is none of the scope.
    static func misplaced(_ expression: QuantityExpression, in scope: ProbeScope) -> String {
        let here = "but this probe is per \(scope.rawValue)"
        if scope.isOfPairs, let basic = expression.arguments.first(where: { !$0.scopes.contains(scope) }) {
            let name = basic.rawValue.hasPrefix("layer.") ? String(basic.rawValue.dropFirst(6)) : basic.rawValue
            let pairs = ["first.\(name)", "second.\(name)"].filter {
                QuantityExpression.Basic(rawValue: $0)?.scopes.contains(scope) ?? false
            }
            let hint = pairs.isEmpty ? "" : "; it has \(pairs.joined(separator: " and "))"
            return "'\(expression)' is not about a \(scope.words), \(here)\(hint)"
        }
        let scopes = expression.scopes.map(\.rawValue)
        guard !scopes.isEmpty else { return "'\(expression)' mixes quantities of different scopes" }
        return "'\(expression)' exists per \(scopes.joined(separator: " and per ")), \(here)"
    }

    /// Which functions there are, and what is kept between them.
    mutating func checkForm(ofProbe component: Component) {
        let isStreaming = component.call.pointer.hasSuffix("/finish")
        let index = Pointer.tokens(component.pointer).last.flatMap { Int($0) } ?? 0
        let hasCall = document.root["components"]?[index]?["call"] != nil
        if isStreaming, hasCall {
            add(
                "\(component.pointer)/call", key: true,
                "\(component.kind.withArticle) has 'call', or 'add' and 'finish'; this one has both"
            )
        } else if !isStreaming, !hasCall {
            add(component.pointer, "\(component.kind.withArticle) needs 'call', or 'add' and 'finish'")
        } else if isStreaming, component.add == nil {
            add(component.pointer, "'finish' needs 'add', which is called for each pass of rows")
        } else if !isStreaming, let extra = component.add ?? component.begin {
            add(
                extra.pointer, key: true,
                "\(component.kind.withArticle) that has 'call' takes no passes: 'finish' goes with 'begin' and 'add'")
        }
        if isStreaming == component.accumulators.isEmpty {
            let pointer = component.accumulators.first?.pointer ?? component.pointer
            add(
                pointer,
                isStreaming
                    ? "'add' needs 'accumulators' to collect in"
                    : "'accumulators' are for probes with 'add' and 'finish'; what outlives an observation is 'state'"
            )
        }
        for accumulator in component.accumulators { checkKept(accumulator.shape, accumulator.pointer, component) }
        for state in component.state {
            checkKept(state.shape ?? [], state.pointer, component)
            if state.shape == nil, component.scope != .parameter {
                add("\(state.pointer)/like", "only a probe per parameter has states like it; give a 'shape'")
            }
            switch state.initializer {
            case .normal, .uniform:
                add("\(state.pointer)/init", "a state of a probe begins with zeros, ones, a constant or a copy")
            case .constant(let value):
                if value.overRootOfFanIn { add(value.pointer, "a probe knows no fan_in") }
            case .copyOfParameter:
                if state.shape != nil || state.type == .i64 {
                    add(
                        "\(state.pointer)/init",
                        "a copy of the parameter is f64 and of its shape: \"like\": \"parameter\"")
                }
            }
        }
        if component.isConsecutive, component.scope != .layerPair {
            add("\(component.pointer)/consecutive", key: true, "only layers follow one another: per layer_pair")
        }
        if component.scope == .runPair, let add = component.add {
            self.add(add.pointer, key: true, "a probe per run_pair takes no passes; it has 'call'")
        }
        if component.scope == .runPair, let state = component.state.first {
            add(state.pointer, "two runs have no state together")
        }
    }

    /// A shape that must not depend on how rows come.
    private mutating func checkKept(_ shape: [OutputDeclaration.Extent], _ pointer: String, _ component: Component) {
        for (axis, extent) in shape.enumerated() {
            let here = "\(pointer)/shape/\(axis)"
            switch extent {
            case .constant: break
            case .rows, .described: add(here, "the size of what is kept is an integer or a name of 'dims'")
            case .dimension(let name):
                checkKnown(name, "dim", among: component.dimensions.map(\.name), at: here)
                checkIsFixed(name, here, component)
            }
        }
    }

    private mutating func checkIsFixed(_ name: String, _ pointer: String, _ component: Component) {
        guard let add = component.add, let size = component.dimensions.first(where: { $0.name == name })?.size,
            case .axis(let argument, .index(0), _) = size, let target = add.argument(argument),
            case .quantity = target.source, component.isOfRows(target)
        else { return }
        self.add(pointer, "'\(name)' is the number of rows of '\(argument)', which differs from pass to pass")
    }

    /// What passes give, and what they may touch.
    mutating func checkPasses(ofProbe component: Component) {
        guard let adding = component.add else {
            for argument in component.call.arguments {
                if case .accumulator = argument.source {
                    add(argument.pointer, "there are no passes to accumulate over")
                }
            }
            return
        }
        for output in component.outputs {
            for (axis, extent) in (output.shape ?? []).enumerated() {
                if case .dimension(let name) = extent {
                    checkIsFixed(name, "\(output.pointer)/shape/\(axis)", component)
                }
            }
        }
        for function in [component.begin, component.add].compactMap(\.self) {
            if case .output = function.returns { add("\(function.pointer)/returns", "only 'finish' has outputs") }
            for argument in function.arguments {
                switch argument.source {
                case .output: add("\(argument.pointer)/from", "only 'finish' has outputs")
                case .state: add("\(argument.pointer)/from", "only 'finish' has states")
                case .service(let service) where service.needsNetwork:
                    add("\(argument.pointer)/service", "only 'finish' may evaluate the network")
                case .quantity where function.pointer != adding.pointer:
                    add("\(argument.pointer)/from", "'begin' runs before the first rows; it has no quantities")
                default: break
                }
            }
        }
        let rows = adding.arguments.filter { if case .quantity = $0.source { true } else { false } }
        if !rows.contains(where: component.isOfRows) {
            add("\(adding.pointer)/args", "'add' needs a quantity with a row for each sample")
        }
        for argument in rows {
            if let other = component.call.argument(argument.name), other.source != argument.source {
                add(other.pointer, "argument '\(argument.name)' is another quantity in 'add'")
            }
        }
        for accumulator in component.accumulators {
            for function in component.measuringFunctions
            where !function.arguments.contains(where: { $0.source == .accumulator(accumulator.id) }) {
                let name = function.pointer.split(separator: "/").last ?? ""
                add(accumulator.pointer, "accumulator '\(accumulator.id)' is no argument of '\(name)'")
            }
        }
    }
}
