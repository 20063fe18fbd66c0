import Engine
import Observing

/// Where each run of a program finds its rows of the training split, converted once to the run's precision.
final class BatchLoader {
    private let sources: [(name: String, rows: UnsafeMutableRawPointer, bytes: Int)]
    private let rowOrder: RowOrder
    /// Where runs find the order of their rows.
    private let order: UnsafeMutablePointer<UnsafePointer<Int64>?>

    init(table: DataTable, order rowOrder: RowOrder, precision: Precision) {
        self.rowOrder = rowOrder
        order = .allocate(capacity: 1)
        order.initialize(to: nil)
        sources = table.fields.indices.map { index in
            let field = table.fields[index]
            return (field.name, table.copy(field: index, precision), table.rows * field.elements * precision.bytes)
        }
    }

    deinit {
        order.deallocate()
        for source in sources { source.rows.deallocate() }
    }

    /// For the program: every run takes rows anew, unless it always takes all of them.
    var rows: [String: RowSource] {
        if rowOrder.isFull { return [:] }
        return Dictionary(
            uniqueKeysWithValues: sources.map { ($0.name, RowSource(rows: $0.rows, order: UnsafePointer(order))) })
    }

    /// Fills the inputs that are the same in every run.
    func fill(_ program: Program) {
        guard rowOrder.isFull else { return }
        for source in sources {
            program.inputBuffer(source.name)?.copyMemory(from: source.rows, byteCount: source.bytes)
        }
    }

    /// The rows of a step.
    func current(step: Int) throws -> [Int] { try rowOrder.rows(step: step).map(Int.init) }

    /// Chooses the rows of the next run.
    func load(step: Int) throws { order.pointee = try rowOrder.rows(step: step).baseAddress }
}

extension DataTable {
    /// All rows of a field in a precision, in memory of the caller's.
    func copy(field index: Int, _ precision: Precision) -> UnsafeMutableRawPointer {
        let count = rows * fields[index].elements
        let copy = Memory.allocate(bytes: count * precision.bytes)
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
