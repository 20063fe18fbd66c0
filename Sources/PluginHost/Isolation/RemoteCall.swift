import CSyzygy
import Engine
import Manifests
import Protocols

/// One call of a function, here or in a process of its own.
struct FunctionCall {
    var function: Function
    var operands: [String: Operand]
    var fields: [Argument.Field: Int] = [:]
    /// Of a dataset.
    var rows = 0..<0
    var split = 0
    /// The graph that it describes.
    var graph: GraphService?
}

extension LoadedComponent {
    /// Makes a call that ends before anything else happens; throws what its status says. What it writes through operands is there
    /// afterwards.
    func perform(_ call: FunctionCall) throws {
        let (status, text) =
            switch code {
            case .here: try make(call)
            case .elsewhere(let isolated): try isolated.make(call, context)
            }
        if let failure = call.graph?.failure { throw PluginError(context.place, failure) }
        if status != 0 { throw error(status, text) }
    }

    fileprivate func make(_ call: FunctionCall, table: syzygy_graph? = nil) throws -> (status: Int32, text: String) {
        context.graph = table ?? call.graph?.table
        defer { context.graph = nil }
        let frame = try frame(call.function)
        try frame.bind(call.operands, fields: call.fields, rows: call.rows, split: call.split)
        let status = frame.call()
        return (status, frame.text)
    }
}

extension IsolatedComponent {
    /// Makes a call in the other process; one that fails there ends the run.
    fileprivate func make(_ call: FunctionCall, _ context: CallContext) throws -> (status: Int32, text: String) {
        do {
            let answerGraph = call.graph.map { service in
                { (request: inout MessageReader, answer: inout MessageWriter) in
                    try service.answer(&request, &answer)
                }
            }
            // `start`, or `describe`.
            let isStart = call.function.pointer != component.call.pointer
            var answer = try self.call(what: "'\(call.function.symbol(.f64))'", network: answerGraph) { message in
                try message.put(isStart)
                try message.put(context.parameter)
                try message.put(context.epoch)
                for number in [call.rows.lowerBound, call.rows.upperBound, call.split] { try message.put(number) }
                try message.put(call.fields.count)
                for (field, value) in call.fields.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                    try message.put(field.rawValue)
                    try message.put(value)
                }
                try message.put(call.operands.count)
                for (name, operand) in call.operands.sorted(by: { $0.key < $1.key }) {
                    try message.put(name)
                    try message.put(operand, bytes: call.bytes(of: name))
                }
            }
            let status = Int32(truncatingIfNeeded: try answer.integer()), text = try answer.text()
            for (memory, bytes) in call.written {
                memory.copyMemory(from: try answer.array(bytes: bytes), byteCount: bytes)
            }
            return (status, text)
        } catch {
            throw fatal(error)
        }
    }
}

extension FunctionCall {
    /// Of what an operand points to; 0 where it points to nothing.
    fileprivate func bytes(of name: String) -> Int {
        guard let operand = operands[name], case .memory(.some) = operand.value,
            case .pointer(let scalar)? = function.argument(name)?.type
        else { return 0 }
        return operand.shape.reduce(1, *) * scalar.bytes(.f64)
    }

    /// What the function writes, in one order.
    fileprivate var written: [(memory: UnsafeMutableRawPointer, bytes: Int)] {
        function.arguments.compactMap { argument in
            switch argument.source {
            case .output, .variable, .rows, .shape, .classes, .sourceRow:
                guard case .memory(let memory?) = operands[argument.name]?.value else { return nil }
                return (memory, bytes(of: argument.name))
            default: return nil
            }
        }
    }

    /// Makes a call that another process asked for.
    static func answer(_ message: inout MessageReader, _ channel: Channel, _ loaded: LoadedComponent) throws {
        let isStart = try message.flag()
        let component = loaded.component
        guard let function = isStart ? component.start ?? component.describe : component.call else {
            throw Channel.Broken.malformed
        }
        // A name, even an empty one, is a part of the names of streams.
        let parameter = try message.text()
        if !parameter.isEmpty { loaded.context.parameter = parameter }
        loaded.context.epoch = try message.integer()
        var call = FunctionCall(function: function, operands: [:])
        let begin = try message.integer(), end = try message.integer()
        call.rows = begin..<max(begin, end)
        call.split = try message.integer()
        for _ in 0..<(try message.integer()) {
            guard let field = Argument.Field(rawValue: try message.text()) else { throw Channel.Broken.malformed }
            call.fields[field] = try message.integer()
        }
        var owned: [UnsafeMutableRawPointer] = []
        defer { for memory in owned { memory.deallocate() } }
        for _ in 0..<(try message.integer()) {
            let name = try message.text()
            let operand = try message.operand { bytes in
                let memory = Memory.allocate(bytes: bytes)
                owned.append(memory)
                return memory
            }
            call.operands[name] = operand
        }
        let graph = RemoteGraph(channel)
        let (status, text) = try loaded.make(call, table: graph.table)
        if graph.isBroken { throw Channel.Broken.closed }
        try channel.send(.answer) { answer in
            try answer.put(Int(status))
            try answer.put(text)
            for (memory, bytes) in call.written { try answer.put(memory, bytes: bytes) }
        }
    }
}

extension MessageWriter {
    fileprivate mutating func put(_ operand: Operand, bytes: Int) throws {
        try put(operand.shape)
        try put(operand.field != nil)
        if let field = operand.field {
            try put(field.name)
            try put(field.shape)
            try put(field.classes ?? -1)
        }
        switch operand.value {
        case .node(let node):
            try put(0)
            try put(Int(node))
        case .memory(nil): try put(1)
        case .memory(let memory?):
            try put(2)
            try put(bytes)
            try put(memory, bytes: bytes)
        }
    }
}

extension MessageReader {
    /// Arrays are copied: the function may write some of them.
    fileprivate mutating func operand(_ allocate: (Int) -> UnsafeMutableRawPointer) throws -> Operand {
        let shape = try integers()
        var field: Field?
        if try flag() {
            let name = try text(), shape = try integers(), classes = try integer()
            field = Field(name: name, shape: shape, classes: classes < 0 ? nil : classes)
        }
        switch try integer() {
        case 0: return Operand(.node(Int32(truncatingIfNeeded: try integer())), shape: shape, field: field)
        case 1: return Operand(.memory(nil), shape: shape, field: field)
        default:
            let bytes = try integer(), source = try array(bytes: bytes), memory = allocate(bytes)
            memory.copyMemory(from: source, byteCount: bytes)
            return Operand(.memory(memory), shape: shape, field: field)
        }
    }
}
