import Engine
import LinearAlgebra
import Manifests
import OrderedCollections
import PluginHost
import Protocols

struct Tensor: Hashable {
    var shape: [Int]
    var data: [Double]

    init(_ shape: [Int], _ data: [Double]) { (self.shape, self.data) = (shape, data) }
}

/// What one call gets, beside memory.
struct TrialInput {
    /// `example 'half'`, `7 rows of 3`: how messages name it.
    var label: String
    var options: [String: JSON]
    var precision = Precision.f64
    var seed: UInt64 = 0
    var step = 0
    var steps = 10
    var rows = 0..<0
    var split = 0
    var fields: [Argument.Field: Int] = [.role: 0, .fanIn: 5, .fanOut: 3]
    /// Of columns of labels.
    var classes = 1
    /// By argument; what is not here is a null pointer.
    var tensors: [String: Tensor] = [:]
    /// The network of probes that evaluate one: a least-squares problem.
    var problem: (x: Tensor, y: [Double], parameters: [Double])?
    /// Of a probe of pairs: what its tensors were formed from.
    var pair: PairArrays?
    /// Instead of all that, for functions that build graphs: a case whose expected values do not count.
    var example: Example?
}

extension TrialInput {
    /// The field that an argument is a column of; nil for other arguments.
    fileprivate func field(of argument: Argument, _ tensor: Tensor) -> Field? {
        guard argument.isColumn else { return nil }
        return Field(
            name: argument.name, shape: Array(tensor.shape.dropFirst()),
            classes: argument.type == .pointer(.i32) ? classes : nil)
    }
}

/// What came out of one call.
struct TrialResult {
    var status: Int32 = 0
    /// What a status other than 0 means, or why the host would not call.
    var words = ""
    /// Outputs, and arguments that the function may write.
    var values: OrderedDictionary<String, [Double]> = [:]

    var isUndefined: Bool { status == TrialCall.undefined }

    /// The bits, for comparisons that allow nothing.
    var bits: OrderedDictionary<String, [UInt64]> { values.mapValues { $0.map(\.bitPattern) } }
}

/// One function with its input in memory of its own, to be called once or often.
final class Trial {
    let call: TrialCall
    private let input: TrialInput
    private let plan: MemoryPlan
    private let function: Function
    private var buffers: OrderedDictionary<String, Buffer> = [:]
    private var message: TrialMemory?

    private struct Buffer {
        var memory: TrialMemory
        var scalar: Scalar
        /// nil: a result.
        var first: [Double]?
        var isWritable: Bool
    }

    init(_ component: Component, _ input: TrialInput, _ loader: ComponentLoader, _ plan: MemoryPlan = MemoryPlan())
        throws
    {
        (self.input, self.plan) = (input, plan)
        let choice = Choice(component: component.fullID, options: input.options)
        let derivatives = input.problem.map { problem in
            LeastSquares(
                design: Matrix(
                    rows: problem.x.shape[0], columns: problem.x.shape[1], elements: problem.x.data),
                targets: problem.y, parameters: problem.parameters)
        }
        call = try TrialCall(
            loader, choice, component.kind, function: \.plainFunction, precision: input.precision,
            derivatives: derivatives)
        function = call.function
        var operands: [String: Operand] = [:]
        for argument in function.arguments {
            guard case .pointer(let scalar) = argument.type, argument.isTensorInput else { continue }
            guard let tensor = input.tensors[argument.name] else {
                operands[argument.name] = Operand(.memory(nil), shape: [0, 0])
                continue
            }
            let memory = try TrialMemory(
                argument.name, bytes: tensor.data.count * scalar.bytes(input.precision), plan.placement)
            operands[argument.name] = Operand(
                .memory(memory.pointer), shape: tensor.shape, field: input.field(of: argument, tensor))
            buffers[argument.name] = Buffer(
                memory: memory, scalar: scalar, first: tensor.data, isWritable: call.component.mayWrite(argument))
        }
        let shapes = try resultShapes(operands, loader, choice)
        for argument in function.arguments {
            guard case .pointer(let scalar) = argument.type, let shape = shapes[argument.name] else { continue }
            let memory = try TrialMemory(
                argument.name, bytes: shape.reduce(1, *) * scalar.bytes(input.precision), plan.placement)
            operands[argument.name] = Operand(.memory(memory.pointer), shape: shape)
            buffers[argument.name] = Buffer(memory: memory, scalar: scalar, first: nil, isWritable: true)
        }
        if let size = plan.messageSize {
            message = try TrialMemory("message", bytes: size, .atEndOfPage, alignment: 1)
        }
        try call.bind(
            operands, fields: input.fields, rows: input.rows, split: input.split,
            message: message.map { UnsafeMutableRawBufferPointer(start: $0.pointer, count: $0.bytes) })
    }

    /// Shapes of outputs and variables, by argument.
    private func resultShapes(
        _ operands: [String: Operand], _ loader: ComponentLoader, _ choice: Choice
    ) throws -> [String: [Int]] {
        let component = call.component
        let first = operands.values.first { $0.shape.count > 0 }?.shape ?? []
        var shapes: [String: [Int]] = [:]
        var fields: [Field] = []
        if component.kind == .dataset {
            let source = GivenDataset(component, classes: input.classes) { name in
                input.tensors[name].map { ($0.shape, $0.data) }
            }
            fields = try loader.dataset(choice, of: component.isWrapper ? source : nil).fields
        }
        for argument in function.arguments {
            switch argument.source {
            case .output(let id):
                let declared = component.output(id)
                if let field = fields.first(where: { $0.name == id }) {
                    shapes[argument.name] = [input.rows.count] + field.shape
                } else if component.kind == .sampler, declared?.shape == [.rows] {
                    shapes[argument.name] = [input.fields[.rowCount] ?? 0]
                } else if let extents = declared?.shape {
                    shapes[argument.name] = try call.shape(extents, for: operands)
                } else {
                    shapes[argument.name] = first
                }
            case .sourceRow: shapes[argument.name] = [input.rows.count]
            case .variable(let id):
                let declared = component.variables.first { $0.id == id }
                shapes[argument.name] = try declared?.shape.map { try call.shape($0, for: operands) } ?? first
            default: continue
            }
        }
        return shapes
    }

    /// Gives every buffer the values it has before a call.
    func reset() {
        for buffer in buffers.values {
            buffer.memory.setWritable(true)
            if let first = buffer.first {
                buffer.memory.set(first, buffer.scalar, input.precision)
            } else {
                buffer.memory.fill(plan.fill)
            }
            if plan.protectsInputs, !buffer.isWritable { buffer.memory.setWritable(false) }
        }
        message?.fill(UInt8(ascii: "x"))
        message?.pointer.storeBytes(of: 0, as: UInt8.self)
    }

    /// Calls the function on the values that the buffers have now.
    func step(_ step: Int? = nil) -> Int32 { call.call(step: step ?? input.step) }

    func run() -> TrialResult {
        reset()
        let status = step()
        return result(status)
    }

    func result(_ status: Int32) -> TrialResult {
        var result = TrialResult(status: status, words: status == 0 ? "" : call.words(status))
        for (name, buffer) in buffers where buffer.isWritable {
            result.values[name] = buffer.memory.values(buffer.scalar, input.precision)
        }
        if case .output(let id) = function.returns { result.values[id] = [call.returned] }
        return result
    }

    /// Buffers of which bytes behind the end have changed.
    var overrun: [String] { buffers.filter { !$0.value.memory.isTailIntact }.map(\.key) }

    /// Elements of results that still are as they were filled, by argument.
    var untouched: [String: Set<Int>] {
        var untouched: [String: Set<Int>] = [:]
        for (name, buffer) in buffers where buffer.first == nil {
            let size = buffer.scalar.bytes(input.precision)
            untouched[name] = buffer.memory.elements(of: size, filledWith: plan.fill)
        }
        return untouched
    }

    /// The bytes of the message buffer, if the plan has one.
    var messageBytes: [UInt8]? {
        message.map { message in (0..<message.bytes).map { message.pointer.load(fromByteOffset: $0, as: UInt8.self) }
        }
    }
}

extension Component {
    /// The function that works on plain memory.
    var plainFunction: Function { kind == .parametrization ? start ?? call : call }

    /// Whether `plainFunction` gets arrays and numbers, so that it can be called without a graph and a run, and by itself.
    var isPlain: Bool {
        add == nil
            && plainFunction.arguments.allSatisfy { $0.source != .service(.graph) && $0.source != .service(.record) }
    }

    func mayWrite(_ argument: Argument) -> Bool {
        switch argument.source {
        case .quantity(_, let isWritable, _): isWritable
        case .state(let id): state.first { $0.id == id }?.isMutable ?? true
        case .accumulator: true
        default: false
        }
    }

    /// The array of an example that holds the parameters of its network.
    var parametersName: String {
        let argument = call.arguments.first { argument in
            if case .quantity("parameter.value", _, _) = argument.source { true } else { false }
        }
        return kind.measures ? "parameters" : argument?.name ?? "parameters"
    }
}

extension Argument {
    var isTensorInput: Bool {
        switch source {
        case .quantity, .input, .state, .accumulator, .column, .data: true
        default: false
        }
    }

    /// All rows of a field.
    var isColumn: Bool {
        switch source {
        case .column, .data: true
        default: false
        }
    }
}
