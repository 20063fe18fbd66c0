/// What the sources of arguments need: the table of `docs/plugins/manifest.md`.
extension ManifestChecks {
    static func name(of source: Argument.Source) -> String {
        switch source {
        case .quantity: "quantity"
        case .input: "input"
        case .data: "data"
        case .activation: "activation"
        case .column: "column"
        case .output: "output"
        case .state: "state"
        case .accumulator: "accumulator"
        case .variable: "variable"
        case .parameter: "param"
        case .dimension: "dim"
        case .count: "count"
        case .sizes: "sizes"
        case .rows: "rows"
        case .shape: "shape"
        case .classes: "classes"
        case .field: "field"
        case .constant: "const"
        case .workspace: "workspace"
        case .file: "file"
        case .service: "service"
        case .seed: "seed"
        case .step: "step"
        case .steps: "steps"
        case .split: "split"
        case .sourceRow: "source_row"
        case .indexBegin: "index_begin"
        case .indexEnd: "index_end"
        case .message: "message"
        case .messageSize: "message_size"
        }
    }

    /// The kinds that have the source.
    static func kinds(of source: Argument.Source) -> [Component.Kind] {
        switch source {
        case .quantity: [.probe, .quantity, .optimizer, .regularizer, .parametrization, .initializer, .rule]
        case .variable: [.parametrization]
        case .input: [.model, .loss, .activation, .operation]
        case .data: [.procedure, .dataset]
        case .activation: [.loss]
        case .column: [.sampler]
        case .output:
            [
                .dataset, .sampler, .initializer, .model, .parametrization, .activation, .operation, .loss,
                .regularizer, .schedule, .probe, .quantity, .rule,
            ]
        case .state: [.optimizer, .regularizer, .probe, .rule]
        case .accumulator: [.probe, .quantity]
        case .field(let field): field.kinds
        case .step: [.optimizer, .regularizer, .schedule, .probe, .quantity]
        case .steps: [.schedule]
        case .split, .indexBegin, .indexEnd, .rows, .shape, .classes, .sourceRow: [.dataset]
        default: Component.Kind.allCases
        }
    }

    /// The types an argument may have, as written in a manifest.
    func types(of argument: Argument, in function: Function, _ component: Component) -> [String] {
        let ownPrecision = function.isPerPrecision ? "T*" : "f64*"
        let integers = ["i32", "i64", "u32", "u64", "size"]
        switch argument.source {
        case .quantity(let text, _, _):
            if component.kind == .rule { return ["i32"] }
            guard component.kind.measures else { return [ownPrecision] }
            if argument.form == .vector { return ["f64*", "i32*"] }
            if argument.form != nil { return ["f64*"] }
            return text == "labels" ? ["i32*"] : text == nil ? openTypes(argument, component) : ["f64*"]
        case .input: return component.kind.isOperation ? [ownPrecision] : ["i32"]
        case .data: return component.kind == .dataset ? ["i32*", "f64*"] : ["f64*"]
        case .activation: return ["i32"]
        case .column: return ["i32*", "f64*"]
        case .output(let id):
            if component.kind.buildsGraphs { return ["i32*"] }
            if component.kind.isOperation { return [ownPrecision] }
            return ["\(component.output(id)?.type.rawValue ?? "f64")*"]
        case .state(let id):
            if component.kind == .rule { return ["i32"] }
            guard component.kind == .probe else { return [ownPrecision] }
            return ["\(component.state.first { $0.id == id }?.type.rawValue ?? "f64")*"]
        case .accumulator(let id):
            return ["\(component.accumulators.first { $0.id == id }?.type.rawValue ?? "f64")*"]
        case .variable: return [function.pointer == component.call.pointer ? "i32" : "f64*"]
        case .parameter(let id):
            switch component.parameter(id)?.type {
            case .bool: return ["u8"]
            case .enum: return ["i32"]
            case .int: return ["i64", "i32"]
            case .string, .activation: return ["char*"]
            case .intList: return ["i64*"]
            case .floatList: return ["f64*"]
            case .enumList: return ["i32*"]
            case .stringList: return ["char**"]
            case .file: return ["u8*", "char*"]
            case .fileList: return ["u8**", "char**"]
            default: return ["f64"]
            }
        case .field(.name): return ["char*"]
        case .dimension, .count, .field: return integers
        case .sizes, .rows, .shape, .classes, .sourceRow: return ["i64*"]
        case .constant: return Scalar.allCases.map(\.rawValue) + ["char*"]
        case .workspace: return Scalar.allCases.map { "\($0.rawValue)*" }
        case .file: return ["u8*"]
        case .service: return ["service"]
        case .seed: return ["u64"]
        case .step, .steps, .indexBegin, .indexEnd: return ["i64"]
        case .split: return ["i32"]
        case .message: return ["char*"]
        case .messageSize: return ["size"]
        }
    }

    /// Of an argument whose quantity the bindings give: labels are integers, everything else is f64; none for a mixture.
    private func openTypes(_ argument: Argument, _ component: Component) -> [String] {
        let types = Set(component.bindings.map { $0.quantities[argument.name] == "labels" ? "i32*" : "f64*" })
        return types.count == 1 ? Array(types) : []
    }

    /// A source in a sentence: `param 'lr' of type float`.
    func describe(_ source: Argument.Source, _ component: Component) -> String {
        switch source {
        case .quantity(let text, _, _): "quantity \(text.map { "'\($0)'" } ?? "of a binding")"
        case .output(let id): "output '\(id)'"
        case .state(let id): "state '\(id)'"
        case .accumulator(let id): "accumulator '\(id)'"
        case .variable(let id): "variable '\(id)'"
        case .parameter(let id): "param '\(id)' of type \(component.parameter(id)?.type.rawValue ?? "")"
        case .input(let id): "input '\(id)'"
        default: "'\(Self.name(of: source))'"
        }
    }

    static func isCountable(_ source: Argument.Source, _ component: Component) -> Bool {
        switch source {
        case .quantity, .state, .accumulator, .file, .data, .column: true
        case .input: component.kind.isOperation
        case .output: !component.kind.buildsGraphs
        case .parameter(let id): component.parameter(id).map { $0.type.isList || $0.type.isFile } ?? false
        default: false
        }
    }

    static func hasAxes(_ source: Argument.Source, _ component: Component) -> Bool {
        switch source {
        case .input, .variable, .activation: true
        default: isCountable(source, component)
        }
    }

    static func fits(_ value: Int, _ type: Scalar) -> Bool {
        switch type {
        case .i8: Int8(exactly: value) != nil
        case .u8: UInt8(exactly: value) != nil
        case .i16: Int16(exactly: value) != nil
        case .u16: UInt16(exactly: value) != nil
        case .i32: Int32(exactly: value) != nil
        case .u32: UInt32(exactly: value) != nil
        case .u64, .size: value >= 0
        default: true
        }
    }
}

extension Component {
    /// Whether what it measures is a network, not two of them.
    var mayEvaluate: Bool { kind == .quantity || kind == .probe && scope != .runPair }

    /// Whether it is of one of these kinds, called once for a run.
    func isOfRun(_ kinds: [Kind]) -> Bool { scope == .run && kinds.contains(kind) }

    /// Every value a placeholder can take in some study.
    func allValues(_ parameter: String) -> [String] { self.parameter(parameter)?.values ?? [] }
}
