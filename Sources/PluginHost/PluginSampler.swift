import Engine
import Manifests
import Protocols

/// A sampler whose function writes the rows of an epoch.
final class PluginSampler: Sampler {
    private let loaded: LoadedComponent

    init(_ loaded: LoadedComponent) { self.loaded = loaded }

    func epochRows(of rows: Int) throws -> Int {
        guard let shape = loaded.component.output("order")?.shape, shape != [.rows] else { return rows }
        let count = try Sizes(operands: [:], context: loaded.context).shape(shape)[0]
        guard count > 0 else { throw PluginError(loaded.context.place, "its epoch has no rows") }
        return count
    }

    func attach(to rows: SampledRows) throws -> any AttachedSampler { try AttachedPluginSampler(loaded, rows) }
}

/// The function with the columns that it asks for.
private final class AttachedPluginSampler: AttachedSampler {
    private let loaded: LoadedComponent
    private let rows: SampledRows
    private var columns: [String: Operand] = [:]
    private var owned: [UnsafeMutableRawPointer] = []

    init(_ loaded: LoadedComponent, _ rows: SampledRows) throws {
        (self.loaded, self.rows) = (loaded, rows)
        let component = loaded.component
        for argument in component.call.arguments {
            guard case .column(let choice) = argument.source else { continue }
            let name = component.text(of: choice, options: loaded.context.options)
            guard let index = rows.fields.firstIndex(where: { $0.name == name }) else {
                let hint = Nearest.hint(for: name, among: rows.fields.map(\.name), label: "it has")
                throw PluginError(loaded.context.place, "the dataset has no field '\(name)'\(hint)")
            }
            let field = rows.fields[index]
            columns[argument.name] = Operand(
                .memory(try copy(index, as: argument.type)), shape: [rows.count] + field.shape, field: field)
        }
    }

    deinit { for memory in owned { memory.deallocate() } }

    /// Labels as integers, anything as numbers; the function cannot change what is trained on.
    private func copy(_ index: Int, as type: ArgumentType) throws -> UnsafeMutableRawPointer {
        let field = rows.fields[index], count = rows.count * field.elements, values = rows.column(index)
        let memory = Memory.allocate(bytes: max(count, 1) * 8)
        owned.append(memory)
        guard type == .pointer(.i32) else {
            memory.copyMemory(from: values, byteCount: count * 8)
            return memory
        }
        guard field.classes != nil else {
            throw PluginError(
                loaded.context.place,
                "asks for labels, but the field '\(field.name)' of the dataset holds real numbers")
        }
        for i in 0..<count { memory.storeBytes(of: Int32(values[i]), toByteOffset: 4 * i, as: Int32.self) }
        return memory
    }

    func write(epoch: Int, into order: UnsafeMutableBufferPointer<Int64>) throws {
        order.update(repeating: .min)
        let context = loaded.context
        context.epoch = epoch
        var operands = columns
        for argument in loaded.component.call.arguments {
            guard case .output = argument.source else { continue }
            operands[argument.name] = Operand(.memory(order.baseAddress), shape: [order.count])
        }
        try loaded.perform(
            FunctionCall(
                function: loaded.component.call, operands: operands,
                fields: [.epoch: epoch, .batchSize: rows.batchSize, .rowCount: rows.count]))
        guard let bad = order.firstIndex(where: { !(0..<Int64(rows.count)).contains($0) }) else { return }
        let what =
            order[bad] == .min ? "leaves place \(bad) unwritten" : "writes the row \(order[bad]) at place \(bad)"
        throw PluginError(
            context.place, "epoch \(epoch): \(what); the training split has the rows 0 ..< \(rows.count)")
    }
}
