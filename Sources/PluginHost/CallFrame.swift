import CShims
import Engine
import Foundation
import Manifests
import Protocols

/// What a pointer or node argument stands for in one call.
package struct Operand {
    package enum Value {
        case memory(UnsafeMutableRawPointer?)
        case node(Int32)
    }
    package var value: Value
    package var shape: [Int]
    /// Of a tensor of the batch.
    package var field: Field?

    package init(_ value: Value, shape: [Int], field: Field? = nil) {
        (self.value, self.shape, self.field) = (value, shape, field)
    }
}

/// What a call needs once its arguments are in place: pointers only, so that calling counts no references.
struct PreparedCall {
    let address: UnsafeMutableRawPointer
    let signature: OpaquePointer
    let values: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    let result: UnsafeMutablePointer<Double>
    let message: UnsafeMutablePointer<CChar>
    /// Where the number of the step goes, if the function takes it: an i64.
    let step: UnsafeMutablePointer<UInt64>?
    let hasStatus: Bool
    /// Of `values`: the arguments, and canaries behind them.
    let count: Int

    func set(step number: Int) { step?.pointee = UInt64(bitPattern: Int64(number)) }

    func call() -> Int32 {
        message[0] = 0
        guard sz_call(signature, address, values, result) == 0 else { return CallFrame.changedFloatMode }
        return hasStatus ? UnsafeRawPointer(result).load(as: Int32.self) : 0
    }

    var returned: Double { result[0] }
}

/// One bound function with memory for its arguments: filled once per parameter for optimizers, once per call for probes,
/// then called without any allocation.
final class CallFrame {
    private let function: Function
    private let signature: OpaquePointer
    private let precision: Precision
    private let context: CallContext
    /// 8 bytes per argument; `values[i]` points to `slots + i`.
    private let slots: UnsafeMutablePointer<UInt64>
    /// What the slots of numbers by reference point to.
    private let numbers: UnsafeMutablePointer<UInt64>
    private let values: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    private let result: UnsafeMutablePointer<Double>
    private let message: UnsafeMutablePointer<CChar>
    static let messageSize = 256
    private var workspaces: [Int: UnsafeMutableRawPointer] = [:]
    /// The call itself, valid as long as the frame.
    let prepared: PreparedCall
    /// What `call` returns if the function changed the floating-point mode, which `sz_call` has restored.
    static let changedFloatMode = Int32.min  // SZ_CHANGED_MODE

    init(
        _ function: Function, address: UnsafeMutableRawPointer, precision: Precision, context: CallContext
    ) throws(PluginError) {
        self.function = function
        self.precision = precision
        self.context = context
        let canaries = context.hasCanaries ? Self.canaries : []
        let types = function.arguments.map { $0.type.code(precision) } + canaries.map(\.type)
        let resultType: Int32 =
            switch function.returns {
            case .nothing: Int32(SZ_VOID)
            case .status: Int32(SZ_I32)
            case .output: Int32(SZ_F64)
            }
        guard let signature = sz_signature_create(resultType, types, Int32(types.count), context.place)
        else {
            throw PluginError(context.place, "libffi refuses the signature of '\(function.symbols[precision] ?? "")'")
        }
        self.signature = signature
        let count = max(types.count, 1)
        slots = .allocate(capacity: count)
        slots.initialize(repeating: 0, count: count)
        numbers = .allocate(capacity: count)
        numbers.initialize(repeating: 0, count: count)
        for (i, canary) in canaries.enumerated() { slots[function.arguments.count + i] = canary.bits }
        values = .allocate(capacity: count)
        for i in 0..<count { (values + i).initialize(to: UnsafeMutableRawPointer(slots + i)) }
        result = .allocate(capacity: 2)
        result.initialize(repeating: 0, count: 2)
        message = .allocate(capacity: Self.messageSize)
        message.initialize(repeating: 0, count: Self.messageSize)
        let step = function.arguments.firstIndex { $0.source == .step }
        let slots = slots
        prepared = PreparedCall(
            address: address, signature: signature, values: values, result: result, message: message,
            step: step.map { slots + $0 }, hasStatus: function.returns == .status, count: types.count)
    }

    /// Pointers to nowhere and NaN: as many as there are registers for arguments, and some more.
    private static let canaries: [(type: Int32, bits: UInt64)] =
        Array(repeating: (Int32(SZ_U64), 0x5A5A_5A5A_5A5A_5A58), count: 8)
        + Array(repeating: (Int32(SZ_F64), Double.nan.bitPattern), count: 10)

    deinit {
        sz_signature_destroy(signature)
        slots.deallocate()
        numbers.deallocate()
        values.deallocate()
        result.deallocate()
        message.deallocate()
        for workspace in workspaces.values { free(workspace) }
    }

    /// Fills every argument. `operands` gives pointers and nodes by argument name; `fields`, `rows` and `split` are
    /// the numbers that no option, constant or operand gives.
    func bind(
        _ operands: [String: Operand], fields: [Argument.Field: Int] = [:], rows: Range<Int> = 0..<0, split: Int = 0
    )
        throws(PluginError)
    {
        let sizes = Sizes(operands: operands, context: context, function: function)
        for (i, argument) in function.arguments.enumerated() {
            switch argument.source {
            case .quantity, .output, .state, .accumulator, .variable, .input, .data, .rows, .shape, .classes,
                .sourceRow, .activation, .column:
                switch operands[argument.name]?.value {
                case .memory(let pointer): set(i, pointer)
                case .node(let node): set(i, integer: Int(node), argument)
                case nil: set(i, nil)
                }
            case .parameter(let id): try setOption(i, argument, id)
            case .dimension(let of, let axis): try setSize(i, argument, sizes.axis(of, axis))
            case .count(let of): try setSize(i, argument, sizes.count(of))
            case .sizes(let of):
                if case .parameter(let id) = function.argument(of)?.source { set(i, try context.sizes(of: id)) }
            case .workspace(let factor, let dimensions):
                free(workspaces[i])
                workspaces[i] = nil
                let memory = try Self.zeroed(
                    bytes: 8 * max(sizes.product(factor, dimensions), 1), for: argument, context)
                workspaces[i] = memory
                set(i, memory)
            case .field(.name): set(i, context.keep(context.parameter))
            case .field(let field): set(i, integer: fields[field] ?? 0, argument)
            case .constant(.string(let text)): set(i, context.keep(text))
            case .constant(let value):
                if argument.type.isFloating(precision) {
                    set(i, number: value.double ?? 0, argument)
                } else {
                    set(i, integer: value.int ?? 0, argument)
                }
            case .file(let name): set(i, try context.file(name).bytes)
            case .service(let service): set(i, try context.service(service))
            case .seed: slots[i] = context.seed
            case .step: set(i, integer: 0, argument)
            case .steps: set(i, integer: context.steps, argument)
            case .split: set(i, integer: split, argument)
            case .indexBegin: set(i, integer: rows.lowerBound, argument)
            case .indexEnd: set(i, integer: rows.upperBound, argument)
            case .message: set(i, UnsafeMutableRawPointer(message))
            case .messageSize: set(i, integer: Self.messageSize, argument)
            }
            if argument.isByReference(in: context.component) {
                numbers[i] = slots[i]
                set(i, UnsafeMutableRawPointer(numbers + i))
            }
        }
    }

    /// Gives the function another place for its message than the frame's own; `bind` undoes it.
    func setMessage(_ place: UnsafeMutableRawBufferPointer) {
        for (i, argument) in function.arguments.enumerated() {
            if argument.source == .message { set(i, place.baseAddress) }
            if argument.source == .messageSize { set(i, integer: place.count, argument) }
        }
    }

    /// Scratch on cache lines. A size that no machine has is the caller's mistake, not a crash.
    private static func zeroed(
        bytes: Int, for argument: Argument, _ context: CallContext
    ) throws(PluginError) -> UnsafeMutableRawPointer {
        var memory: UnsafeMutableRawPointer?
        guard posix_memalign(&memory, 64, bytes) == 0, let memory else {
            throw PluginError(context.place, "no memory for workspace '\(argument.name)' of \(bytes) bytes")
        }
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        return memory
    }

    func set(step: Int) { prepared.set(step: step) }

    /// Where the value of a float option goes: f64, once for every argument that takes it.
    func slots(of option: String) -> [UnsafeMutablePointer<UInt64>] {
        function.arguments.indices.filter { function.arguments[$0].source == .parameter(option) }.map {
            function.arguments[$0].isByReference(in: context.component) ? numbers + $0 : slots + $0
        }
    }

    /// Calls the function. Returns the status, 0 for functions without one, or `changedFloatMode`.
    func call() -> Int32 { prepared.call() }

    /// The f64 that the function returned, if it returns an output.
    var returned: Double { prepared.returned }

    /// What the function wrote to its message buffer.
    var text: String {
        message[Self.messageSize - 1] = 0
        return String(cString: message)
    }

    // MARK: Slots

    private func set(_ i: Int, _ pointer: UnsafeMutableRawPointer?) {
        slots[i] = UInt64(UInt(bitPattern: pointer))
    }

    private func set(_ i: Int, _ bytes: UnsafeRawBufferPointer) {
        set(i, UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }

    /// Little-endian: the low bytes of the slot are the value in any integer width.
    private func set(_ i: Int, integer: Int, _ argument: Argument) {
        if argument.type.isFloating(precision) {
            set(i, number: Double(integer), argument)
        } else {
            slots[i] = UInt64(bitPattern: Int64(integer))
        }
    }

    private func set(_ i: Int, number: Double, _ argument: Argument) {
        slots[i] = argument.type.isSingle(precision) ? UInt64(Float(number).bitPattern) : number.bitPattern
    }

    private func setSize(_ i: Int, _ argument: Argument, _ size: Int) throws(PluginError) {
        if let scalar = argument.type.scalar, let limit = scalar.largest, size > limit {
            throw PluginError(
                context.place, "argument '\(argument.name)' is \(scalar.rawValue) and cannot hold \(size)")
        }
        set(i, integer: size, argument)
    }

    private func setOption(_ i: Int, _ argument: Argument, _ id: String) throws(PluginError) {
        guard let value = context.options[id] else {
            throw PluginError(context.place, "the param '\(id)' has no value")
        }
        switch value {
        case .bool(let flag): slots[i] = flag ? 1 : 0
        case .string(let text):
            switch argument.type {
            case .text: set(i, context.keep(text))
            case .pointer: text.isEmpty ? set(i, nil) : set(i, try context.dataFile(text).bytes)
            default: set(i, integer: context.index(of: text, in: id), argument)
            }
        case .array(let items): set(i, try context.keep(items, as: argument.type, of: id))
        default:
            if argument.type.isFloating(precision) {
                set(i, number: value.double ?? .nan, argument)
            } else {
                set(i, integer: value.int ?? 0, argument)
            }
        }
    }
}

extension ArgumentType {
    func code(_ precision: Precision) -> Int32 {
        switch self {
        case .pointer, .text, .texts, .files, .service: Int32(SZ_POINTER)
        case .scalar(let scalar): Int32(scalar.code(precision))
        }
    }

    /// Of a number, also one by reference.
    var scalar: Scalar? {
        switch self {
        case .scalar(let scalar), .pointer(let scalar): scalar
        default: nil
        }
    }

    func isFloating(_ precision: Precision) -> Bool { scalar.map { !$0.isInteger } ?? false }

    func isSingle(_ precision: Precision) -> Bool {
        scalar == .f32 || (scalar == .precision && precision == .f32)
    }
}

extension Scalar {
    func code(_ precision: Precision) -> Int {
        switch self {
        case .i8: SZ_I8
        case .u8: SZ_U8
        case .i16: SZ_I16
        case .u16: SZ_U16
        case .i32: SZ_I32
        case .u32: SZ_U32
        case .i64: SZ_I64
        case .u64, .size: SZ_U64
        case .f32: SZ_F32
        case .f64: SZ_F64
        case .precision: precision == .f32 ? SZ_F32 : SZ_F64
        }
    }

    /// The largest size an integer type can hold; nil for 64 bits and floats.
    var largest: Int? {
        switch self {
        case .i8: 127
        case .u8: 255
        case .i16: 32767
        case .u16: 65535
        case .i32: Int(Int32.max)
        case .u32: Int(UInt32.max)
        default: nil
        }
    }

    package func bytes(_ precision: Precision) -> Int {
        switch self {
        case .i8, .u8: 1
        case .i16, .u16: 2
        case .i32, .u32, .f32: 4
        case .precision: precision == .f32 ? 4 : 8
        default: 8
        }
    }
}
