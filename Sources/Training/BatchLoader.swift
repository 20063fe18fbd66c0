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
    private var isLoaded = false

    init(table: DataTable, program: Program, precision: Precision) {
        sources = table.fields.indices.compactMap { index in
            let field = table.fields[index]
            guard let target = program.inputBuffer(field.name) else { return nil }
            let count = table.rows * field.elements
            let rows = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * precision.bytes, alignment: 64)
            let values = table.pointer(field: index)
            switch precision {
            case .f64:
                rows.initializeMemory(as: Double.self, from: values, count: count)
            case .f32:
                let floats = rows.bindMemory(to: Float.self, capacity: count)
                for i in 0..<count { (floats + i).initialize(to: Float(values[i])) }
            }
            return Source(rows: rows, target: target, bytes: field.elements * precision.bytes)
        }
    }

    deinit { for source in sources { source.rows.deallocate() } }

    func load(_ sampler: inout Sampler, step: Int) {
        if sampler.isFull && isLoaded { return }
        isLoaded = true
        sampler.withRows(step: step) { rows in
            for source in sources {
                for (position, row) in rows.enumerated() {
                    (source.target + position * source.bytes)
                        .copyMemory(from: source.rows + row * source.bytes, byteCount: source.bytes)
                }
            }
        }
    }
}
