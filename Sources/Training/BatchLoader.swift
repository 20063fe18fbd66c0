import Engine
import Observing

/// Copies rows of the training split, converted once to the run's precision, into a program's inputs.
final class BatchLoader {
    private struct Source {
        let rows: UnsafeMutableRawPointer
        let target: UnsafeMutableRawPointer
        let bytes: Int
    }
    private let sources: [Source]
    private let sampler: Sampler
    private var isLoaded = false

    init(table: DataTable, sampler: Sampler, program: Program, precision: Precision) {
        self.sampler = sampler
        sources = table.fields.indices.compactMap { index in
            let field = table.fields[index]
            guard let target = program.inputBuffer(field.name) else { return nil }
            let rows = table.copy(field: index, precision)
            return Source(rows: rows, target: target, bytes: field.elements * precision.bytes)
        }
    }

    deinit { for source in sources { source.rows.deallocate() } }

    func load(step: Int) {
        if sampler.isFull && isLoaded { return }
        isLoaded = true
        let rows = sampler.rows(step: step)
        for source in sources {
            var target = source.target
            for row in rows {
                target.copyMemory(from: source.rows + Int(row) * source.bytes, byteCount: source.bytes)
                target += source.bytes
            }
        }
    }
}

extension DataTable {
    /// All rows of a field in a precision, in memory of the caller's.
    func copy(field index: Int, _ precision: Precision) -> UnsafeMutableRawPointer {
        let count = rows * fields[index].elements
        let copy = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * precision.bytes, alignment: 64)
        let values = pointer(field: index)
        switch precision {
        case .f64:
            copy.initializeMemory(as: Double.self, from: values, count: count)
        case .f32:
            let floats = copy.bindMemory(to: Float.self, capacity: count)
            for i in 0..<count { (floats + i).initialize(to: Float(values[i])) }
        }
        return copy
    }
}
