import Engine
import Observing

/// Copies each run's rows of the training split into the inputs of a program for all runs, `[runs, batch] + shape`.
final class ReplicaBatches {
    /// Where a field of a row is, and goes.
    private struct Part {
        let offset: Int
        let bytes: Int
        let target: UnsafeMutableRawPointer
    }
    private let parts: [Part]
    /// Of a row of a table: all fields in use side by side, so that a row is in one place.
    private let stride: Int
    /// One table for each run.
    private let tables: [UnsafeRawPointer]
    private let orders: [RowOrder]
    private let owned: [UnsafeMutableRawPointer]
    private var isLoaded = false

    /// - Parameters:
    ///   - tables: for each run; runs may share one.
    ///   - isOne: all runs see the same rows at every step.
    init(_ plans: [TrainingPlan], tables: [DataTable], isOne: Bool, program: Program) throws {
        let precision = program.precision
        var parts: [Part] = [], fields: [Int] = [], stride = 0
        for (index, field) in tables[0].fields.enumerated() {
            guard let target = program.inputBuffer(field.name) else { continue }
            parts.append(Part(offset: stride, bytes: field.elements * precision.bytes, target: target))
            fields.append(index)
            stride += field.elements * precision.bytes
        }
        var known: [ObjectIdentifier: UnsafeMutableRawPointer] = [:]
        let runs = isOne ? 1 : tables.count
        self.tables = tables.prefix(runs).map { table in
            let id = ObjectIdentifier(table)
            if let rows = known[id] { return UnsafeRawPointer(rows) }
            let rows = table.records(fields: fields, precision)
            known[id] = rows
            return UnsafeRawPointer(rows)
        }
        owned = Array(known.values)
        orders = try zip(plans, tables).prefix(runs).map { try RowOrder($0, $1) }
        (self.parts, self.stride) = (parts, stride)
    }

    deinit { for pointer in owned { pointer.deallocate() } }

    func load(step: Int) throws {
        if isLoaded, orders[0].isFull { return }
        isLoaded = true
        for run in orders.indices {
            let rows = try orders[run].rows(step: step), table = tables[run]
            for part in parts {
                let target = part.target + run * rows.count * part.bytes, source = table + part.offset
                switch part.bytes {
                case 4: copy(UInt32.self, rows, source, target)
                case 8: copy(UInt64.self, rows, source, target)
                case 16: copy(SIMD2<UInt64>.self, rows, source, target)
                default:
                    for i in 0..<rows.count {
                        (target + i * part.bytes).copyMemory(
                            from: source + Int(rows[i]) * stride, byteCount: part.bytes)
                    }
                }
            }
        }
    }

    /// A row of one value: a load and a store, where a call would cost more.
    private func copy<Value: BitwiseCopyable>(
        _ type: Value.Type, _ rows: UnsafeBufferPointer<Int64>, _ source: UnsafeRawPointer,
        _ target: UnsafeMutableRawPointer
    ) {
        for i in 0..<rows.count {
            let value = source.loadUnaligned(fromByteOffset: Int(rows[i]) * stride, as: type)
            target.storeBytes(of: value, toByteOffset: i * MemoryLayout<Value>.size, as: type)
        }
    }
}

extension DataTable {
    /// All rows with the given fields side by side, in a precision, in memory of the caller's.
    fileprivate func records(fields: [Int], _ precision: Precision) -> UnsafeMutableRawPointer {
        let width = fields.reduce(0) { $0 + self.fields[$1].elements }
        let records = UnsafeMutableRawPointer.allocate(
            byteCount: max(rows * width, 1) * precision.bytes, alignment: 64)
        var column = 0
        for index in fields {
            let values = pointer(field: index), elements = self.fields[index].elements
            for row in 0..<rows {
                for i in 0..<elements {
                    let place = (row * width + column + i) * precision.bytes, value = values[row * elements + i]
                    switch precision {
                    case .f64: records.storeBytes(of: value, toByteOffset: place, as: Double.self)
                    case .f32: records.storeBytes(of: Float(value), toByteOffset: place, as: Float.self)
                    }
                }
            }
            column += elements
        }
        return records
    }
}
