import CSyzygy
import Manifests
import Protocols

/// A procedure whose function loops by itself and records through `syzygy.record/1`.
final class PluginProcedure: Procedure {
    private let loaded: LoadedComponent

    init(_ loaded: LoadedComponent) { self.loaded = loaded }

    var data: [(field: String, split: String)] { loaded.component.data }

    func run(_ data: [DataField], _ listener: any ProcedureListener) throws -> Bool {
        let arguments = loaded.component.call.arguments.filter {
            if case .data = $0.source { true } else { false }
        }
        var operands: [String: Operand] = [:]
        for (argument, data) in zip(arguments, data) {
            operands[argument.name] = Operand(
                .memory(UnsafeMutableRawPointer(mutating: data.values)), shape: [data.rows] + data.field.shape,
                field: data.field)
        }
        let sizes = Sizes(operands: operands, context: loaded.context)
        var shapes: [String: [Int]] = [:]
        for output in loaded.component.outputs { shapes[output.id] = try sizes.shape(of: output) }
        let service = RecordService(loaded.component.outputs, shapes, listener)
        loaded.context.record = service
        defer { loaded.context.record = nil }
        let frame = try loaded.frame()
        try frame.bind(operands)
        let status = frame.call()
        if let failure = service.failure { throw PluginError(loaded.context.place, failure) }
        if let error = service.error { throw error }
        if Int(status) == SYZYGY_CANCELLED, service.isCancelled { return false }
        try loaded.check(status, frame)
        return true
    }
}

extension ComponentLoader {
    package func procedure(_ choice: Choice) throws -> any Procedure {
        PluginProcedure(try component(choice, .procedure))
    }
}

/// `syzygy.record/1`: a table of C functions whose context is one of these objects, made for one run.
final class RecordService {
    private let outputs: [OutputDeclaration]
    private let shapes: [String: [Int]]
    private let listener: any ProcedureListener
    private var step = 0
    /// The plugin's first mistake, in one sentence.
    private(set) var failure: String?
    /// What went wrong in the host.
    private(set) var error: (any Error)?
    private(set) var isCancelled = false
    private(set) var table = syzygy_record()

    init(_ outputs: [OutputDeclaration], _ shapes: [String: [Int]], _ listener: any ProcedureListener) {
        (self.outputs, self.shapes, self.listener) = (outputs, shapes, listener)
        table.struct_size = UInt32(MemoryLayout<syzygy_record>.size)
        table.context = Unmanaged.passUnretained(self).toOpaque()
        table.values = { context, step, output, values, count in
            RecordService.call(context, step) { service in
                let (output, shape) = try service.output(output)
                guard count == shape.reduce(1, *), let values else {
                    throw Misuse(
                        "values: '\(output.id)' has \(shape.reduce(1, *)) numbers, got \(values == nil ? 0 : count)")
                }
                try service.record(output, shape, UnsafeBufferPointer(start: values, count: Int(count)))
            }
        }
        table.undefined = { context, step, output, reason in
            RecordService.call(context, step) { service in
                let (output, _) = try service.output(output)
                let reason = reason.map { String(cString: $0) } ?? ""
                guard reason.isReasonCode else {
                    throw Misuse(
                        "undefined: the reason of '\(output.id)' is no word in snake_case: '\(reason.prefix(80))'")
                }
                try service.listener.record(service.observation(output, nil, .missing(reason: reason)))
            }
        }
        table.progress = { context, step in
            RecordService.call(context, step) { service in
                if try !service.listener.progress(step: service.step) { service.isCancelled = true }
            }
        }
    }

    private struct Misuse: Error {
        let sentence: String
        init(_ sentence: String) { self.sentence = sentence }
    }

    private static func call(
        _ context: UnsafeMutableRawPointer?, _ step: Int64, _ body: (RecordService) throws -> Void
    ) -> syzygy_status {
        guard let context else { return Int32(SYZYGY_INVALID) }
        let service = Unmanaged<RecordService>.fromOpaque(context).takeUnretainedValue()
        do {
            guard step >= service.step else {
                throw Misuse("step \(step) is recorded after step \(service.step)")
            }
            service.step = Int(step)
            try body(service)
            return Int32(service.isCancelled ? SYZYGY_CANCELLED : SYZYGY_OK)
        } catch let misuse as Misuse {
            service.failure = service.failure ?? misuse.sentence
            return Int32(SYZYGY_INVALID)
        } catch {
            service.error = service.error ?? error
            return Int32(SYZYGY_IO)
        }
    }

    private func output(_ name: UnsafePointer<CChar>?) throws -> (OutputDeclaration, [Int]) {
        let name = name.map { String(cString: $0) } ?? ""
        guard let output = outputs.first(where: { $0.id == name }), let shape = shapes[name] else {
            throw Misuse("no output '\(name)'" + Nearest.hint(for: name, among: outputs.map(\.id)))
        }
        return (output, shape)
    }

    private func observation(_ output: OutputDeclaration, _ index: Int?, _ value: Observation.Value) -> Observation {
        Observation(step: step, probe: "", output: output.id, index: index, value: value)
    }

    private func record(_ output: OutputDeclaration, _ shape: [Int], _ values: UnsafeBufferPointer<Double>) throws {
        guard shape.count < 2 else {
            return try listener.record(step: step, output: output.id, shape: shape, values: Array(values))
        }
        for (i, value) in values.enumerated() {
            try listener.record(observation(output, shape.isEmpty ? nil : i, output.checked(value, reason: "")))
        }
    }
}
