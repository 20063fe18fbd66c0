import Engine
import Manifests

/// A C function that a manifest binds, as a compiler should see it.
package struct Prototype: Hashable, Sendable {
    package struct Parameter: Hashable, Sendable {
        package var name: String
        /// `const double *`
        package var type: String
        /// What is passed, by width and class.
        package var value: MachineType
        /// Where the value comes from and its shape.
        package var comment: String
        /// In the manifest, for messages.
        package var pointer: String
    }

    package var symbol: String
    package var returns: String
    package var result: MachineType
    package var parameters: [Parameter]
    /// The components that call it: `probe sparsity: Fraction of zero entries.`
    package var users: [String]
    /// In the manifest, for messages.
    package var pointer: String

    /// Equal for the C compiler.
    private func agrees(with other: Prototype) -> Bool {
        returns == other.returns && parameters.map(\.type) == other.parameters.map(\.type)
    }

    /// One for every symbol of a manifest, in its order.
    ///
    /// - Throws: if two components give one symbol different types.
    package static func all(of manifest: Manifest) throws(ManifestError) -> [Prototype] {
        var found: [Prototype] = []
        for component in manifest.components {
            for function in component.functions {
                for precision in Precision.allCases {
                    guard let symbol = function.symbols[precision] else { continue }
                    let reader = PrototypeReader(component: component, function: function, precision: precision)
                    let prototype = reader.prototype(symbol)
                    guard let index = found.firstIndex(where: { $0.symbol == symbol }) else {
                        found.append(prototype)
                        continue
                    }
                    guard found[index].agrees(with: prototype) else {
                        let sentence =
                            "the function '\(symbol)' has other types here than for \(found[index].users[0]); "
                            + "a C function has one list of types"
                        throw ManifestError([
                            manifest.document.problem(at: "\(function.pointer)/symbol", sentence)
                        ])
                    }
                    let users = prototype.users.filter { !found[index].users.contains($0) }
                    found[index].users += users
                }
            }
        }
        return found
    }
}

/// What crosses the border for one value: all that a calling convention sees, and what a pointer points to.
package enum MachineType: Hashable, Sendable {
    case nothing
    case integer(bytes: Int)
    case float(bytes: Int)
    indirect case pointer(MachineType)
    /// A struct, or what a pointer to anything points to.
    case opaque

    package init(_ type: ArgumentType, _ precision: Precision) {
        switch type {
        case .scalar(let scalar): self = MachineType(scalar, precision)
        case .pointer(let scalar): self = .pointer(MachineType(scalar, precision))
        case .text: self = .pointer(.integer(bytes: 1))
        case .texts, .files: self = .pointer(.pointer(.integer(bytes: 1)))
        case .service: self = .pointer(.opaque)
        }
    }

    private init(_ scalar: Scalar, _ precision: Precision) {
        switch scalar {
        case .i8, .u8: self = .integer(bytes: 1)
        case .i16, .u16: self = .integer(bytes: 2)
        case .i32, .u32: self = .integer(bytes: 4)
        case .i64, .u64, .size: self = .integer(bytes: 8)
        case .f32: self = .float(bytes: 4)
        case .f64: self = .float(bytes: 8)
        case .precision: self = .float(bytes: precision == .f32 ? 4 : 8)
        }
    }
}

/// The types and comments of one function of a component.
private struct PrototypeReader {
    let component: Component
    let function: Function
    let precision: Precision

    func prototype(_ symbol: String) -> Prototype {
        let name = function.pointer.split(separator: "/").last ?? ""
        let role = name == "call" ? "" : "\(name) of "
        let user = role + "\(component.kind.rawValue) \(component.id)"
        let (returns, result): (String, MachineType) =
            switch function.returns {
            case .nothing: ("void", .nothing)
            case .status: ("int32_t", .integer(bytes: 4))
            case .output: ("double", .float(bytes: 8))
            }
        return Prototype(
            symbol: symbol, returns: returns, result: result,
            parameters: function.arguments.map { argument in
                Prototype.Parameter(
                    name: argument.name, type: type(of: argument),
                    value: MachineType(argument.type, precision), comment: comment(argument),
                    pointer: argument.pointer)
            },
            users: [user], pointer: function.pointer)
    }

    private var isStart: Bool { function.pointer == component.start?.pointer }

    // MARK: Types

    private func type(of argument: Argument) -> String {
        let isConstant = !mayWrite(argument)
        switch argument.type {
        case .scalar(let scalar): return isNode(argument) ? "syzygy_node" : name(scalar)
        case .pointer(let scalar): return (isConstant ? "const " : "") + pointee(argument, scalar) + " *"
        case .text: return (isConstant ? "const " : "") + "char *"
        case .texts: return "const char *const *"
        case .files: return "const uint8_t *const *"
        case .service:
            guard case .service(let service) = argument.source else { return "const void *" }
            let structure = service.rawValue.split(separator: "/")[0].replacing(".", with: "_")
            return "const \(structure) *"
        }
    }

    private func pointee(_ argument: Argument, _ scalar: Scalar) -> String {
        isNode(argument) ? "syzygy_node" : name(scalar)
    }

    private func isNode(_ argument: Argument) -> Bool {
        guard component.kind.buildsGraphs, !isStart else { return false }
        switch argument.source {
        case .input, .output, .variable, .activation: return true
        case .quantity, .state: return component.kind == .rule
        default: return false
        }
    }

    private func mayWrite(_ argument: Argument) -> Bool {
        switch argument.source {
        case .output, .variable, .workspace, .message, .rows, .shape, .classes, .sourceRow, .accumulator: true
        case .quantity(_, let isWritable, _): isWritable
        case .state(let id): component.state.first { $0.id == id }?.isMutable ?? true
        default: false
        }
    }

    private func name(_ scalar: Scalar) -> String {
        switch scalar {
        case .i8: "int8_t"
        case .u8: "uint8_t"
        case .i16: "int16_t"
        case .u16: "uint16_t"
        case .i32: "int32_t"
        case .u32: "uint32_t"
        case .i64: "int64_t"
        case .u64: "uint64_t"
        case .f32: "float"
        case .f64: "double"
        case .size: "size_t"
        case .precision: precision == .f32 ? "float" : "double"
        }
    }

    // MARK: Comments

    private func comment(_ argument: Argument) -> String {
        switch argument.source {
        case .quantity(let text, let isWritable, let isOptional):
            return quantity(text, argument) + (isWritable ? ", read and written" : "")
                + (isOptional ? ", null if the network lacks it" : "")
        case .input(let name):
            return component.kind.isOperation
                ? "input \(name)" : name == "output" ? "node of the model's output" : "node of the batch's \(name)"
        case .data(let field, let split): return "\(field) of split \(split), all rows"
        case .activation(let name, let view):
            return "node of the model's \(words(name))" + (view.map { " where x is \(words($0))" } ?? "")
        case .column(let name): return "all training rows of \(words(name))"
        case .output(let id):
            let place = component.kind.buildsGraphs ? "place for the node of " : "output "
            return place + id + shape(component.output(id)?.shape)
        case .state(let id):
            let declared = component.state.first { $0.id == id }?.shape
            switch (component.kind, component.scope) {
            case (.rule, _): return "node of state \(id), of the weight's shape"
            case (.optimizer, .run): return "state \(id), of all parameters"
            default: return "state \(id)\(declared.map { shape($0) } ?? ", of the parameter's shape")"
            }
        case .accumulator(let id):
            return "accumulator \(id)\(shape(component.accumulators.first { $0.id == id }?.shape))"
        case .variable(let id):
            let variable = component.variables.first { $0.id == id }
            let axes = variable?.shape.map { shape($0) } ?? ", of the parameter's shape"
            return isStart ? "first values of \(id)\(axes)" : "node of variable \(id)\(axes)"
        case .parameter(let id): return parameter(id)
        case .dimension(let of, let axis):
            return axis == .classes ? "classes, or columns, of \(of)" : "size of axis \(axis) of \(of)"
        case .count(let of): return "elements of \(of)"
        case .sizes(let of): return "bytes of each of \(of)"
        case .field(let field):
            switch field {
            case .role: return "0 weight, 1 bias, 2 scale, 3 other"
            case .epoch: return "number of the epoch, from 0"
            case .batchSize: return "rows of a step"
            case .rowCount: return "rows of the training split"
            default: return "\(field.rawValue) of the parameter"
            }
        case .constant(let value): return "always \(value.text(pretty: false))"
        case .workspace(let factor, let dimensions):
            let factors = (factor == 1 && !dimensions.isEmpty ? [] : ["\(factor)"]) + dimensions
            return "scratch [\(factors.joined(separator: "*"))]"
        case .file(let name): return "bytes of the plugin's file \(name)"
        case .service(let service): return "service \(service.rawValue)"
        case .rows(let split): return "place for the rows of split \(split)"
        case .shape(let output): return "place for the axes of one row of \(output), at most 8; a 0 ends them"
        case .classes(let output): return "place for the classes of \(output)"
        case .seed: return "seed of the run and the component"
        case .step: return "steps done, 0 before the first"
        case .steps: return "steps of the run"
        case .split:
            return component.splits.enumerated().map { "\($0) \($1.name)" }.joined(separator: ", ")
        case .indexBegin: return "first row"
        case .sourceRow: return "place for the row that each row comes from [rows]"
        case .indexEnd: return "after the last row"
        case .message: return "place for one line of text"
        case .messageSize: return "its size in bytes"
        }
    }

    private func words(_ choice: Argument.Choice) -> String {
        switch choice {
        case .named(let name): name
        case .parameter(let id): "(param \(id))"
        }
    }

    private func quantity(_ text: String?, _ argument: Argument) -> String {
        if let form = argument.form { return "given, \(form.words)" }
        guard let text else {
            let all = component.bindings.compactMap { $0.quantities[argument.name] }
            let unique = all.enumerated().filter { !all[..<$0.offset].contains($0.element) }.map(\.element)
            let shown = unique.prefix(2).joined(separator: ", ")
            return unique.count > 2 ? "by binding \(shown), ..." : "by binding \(shown)"
        }
        if component.kind == .rule { return "node of \(text)" }
        if component.kind == .optimizer, component.scope == .run { return "\(text) of all parameters" }
        guard component.kind.measures else { return "\(text), of the parameter's shape" }
        return text + ((try? QuantityExpression(text)).map { " [\($0.axes)]" } ?? "")
    }

    private func parameter(_ id: String) -> String {
        guard let parameter = component.parameter(id) else { return id }
        let values =
            parameter.type == .enum || parameter.type == .enumList
            ? ": " + parameter.values.enumerated().map { "\($0) \($1)" }.joined(separator: ", ")
            : parameter.bounds.isEmpty ? "" : " \(parameter.bounds)"
        return "param \(id)\(values)"
    }

    private func shape(_ shape: [OutputDeclaration.Extent]?) -> String {
        guard let shape else { return "" }
        let axes = shape.map { extent in
            switch extent {
            case .rows: "rows"
            case .constant(let size): "\(size)"
            case .dimension(let name): name
            case .described: "..."
            }
        }
        return " [\(axes.joined(separator: ", "))]"
    }
}

extension QuantityExpression {
    /// The axes as `docs/quantities.md` names them.
    fileprivate var axes: String {
        switch function {
        case .rawMoment, .centredMoment, .normalizedMoment, .rawAGOP, .centredAGOP: return "d, d"
        case .rawCross, .centredCross: return "d_p, d_q"
        case .mean: return "d"
        case .wtw: return "d_in, d_in"
        case .wwt: return "d_out, d_out"
        case nil: if definition != nil { return "as its plugin says" }
        }
        guard let basic = arguments.first else { return "" }
        switch basic.member?.of ?? basic.ofLayer ?? basic {
        case .layerInput, .layerInputGrad: return "n, d_in"
        case .layerOutput, .layerOutputGrad: return "n, d_out"
        case .layerInputJacobian: return "n, C, d_in"
        case .layerOutputJacobian: return "n, C, d_out"
        case .layerWeight, .layerWeightInitial, .layerWeightChange, .layerWeightPlace: return "d_out, d_in"
        case .layerBias, .layerBiasPlace: return "d_out"
        case .modelOutput, .targets: return "n, C"
        case .parameterValue, .parameterGrad, .parameters: return "count"
        default: return "n"
        }
    }
}
