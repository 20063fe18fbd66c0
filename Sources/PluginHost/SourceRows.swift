import Engine
import Manifests
import Protocols

/// The rows of the dataset that another one is made of, read once and kept as long as they are asked for.
final class SourceRows {
    let dataset: any Dataset
    private let component: Component
    private var tables: [String: Table] = [:]

    /// All rows of a split, a block for each field, and labels as integers where a function asks for them.
    private final class Table {
        let rows: Int
        let columns: [UnsafeMutableBufferPointer<Double>]
        private var labels: [Int: UnsafeMutableBufferPointer<Int32>] = [:]

        init(_ dataset: any Dataset, _ split: String) throws {
            rows = try dataset.rows(in: split)
            let rows = rows
            columns = dataset.fields.map { field in
                let count = max(rows * field.elements, 1)
                let memory = Memory.allocate(bytes: 8 * count).bindMemory(to: Double.self, capacity: count)
                return UnsafeMutableBufferPointer(start: memory, count: rows * field.elements)
            }
            try dataset.read(split, 0..<rows, into: columns)
        }

        deinit {
            for column in columns { column.baseAddress?.deallocate() }
            for column in labels.values { column.deallocate() }
        }

        /// nil if a row's label is none of 0 ..< classes.
        func labels(of column: Int, classes: Int) -> UnsafeMutableBufferPointer<Int32>? {
            if let known = labels[column] { return known }
            guard columns[column].allSatisfy({ $0 >= 0 && $0 < Double(classes) }) else { return nil }
            let integers = UnsafeMutableBufferPointer<Int32>.allocate(capacity: max(rows, 1))
            for row in 0..<rows { integers[row] = Int32(columns[column][row]) }
            labels[column] = integers
            return integers
        }
    }

    init(_ dataset: any Dataset, for component: Component) { (self.dataset, self.component) = (dataset, component) }

    /// Lets go of the rows; whoever asks again waits for them again.
    func release() { tables = [:] }

    private func table(_ split: String) throws -> Table {
        if let known = tables[split] { return known }
        guard dataset.splits.contains(split) else {
            throw PluginError(
                "plugin \(component.fullID)",
                "is made of a dataset that has no split '\(split)'"
                    + Nearest.hint(for: split, among: dataset.splits, label: "it has"))
        }
        let table = try Table(dataset, split)
        tables[split] = table
        return table
    }

    /// What the arguments from `data` of a function stand for.
    func operands(of function: Function) throws -> [String: Operand] {
        var operands: [String: Operand] = [:]
        for argument in function.arguments {
            guard case .data(let name, let split) = argument.source else { continue }
            let table = try table(split)
            guard let column = dataset.fields.firstIndex(where: { $0.name == name }) else {
                throw PluginError(
                    "plugin \(component.fullID)",
                    "is made of a dataset that has no field '\(name)'"
                        + Nearest.hint(for: name, among: dataset.fields.map(\.name), label: "it has"))
            }
            let field = dataset.fields[column]
            var memory = UnsafeMutableRawPointer(table.columns[column].baseAddress)
            if argument.type == .pointer(.i32) {
                guard let classes = field.classes, field.elements == 1 else {
                    throw PluginError(
                        "plugin \(component.fullID)",
                        "asks for labels, but the field '\(name)' of the dataset it is made of holds real numbers")
                }
                guard let labels = table.labels(of: column, classes: classes) else {
                    throw PluginError(
                        "plugin \(component.fullID)",
                        "is made of a dataset whose labels '\(name)' of '\(split)' are not all in 0..<\(classes)")
                }
                memory = UnsafeMutableRawPointer(labels.baseAddress)
            }
            operands[argument.name] = Operand(.memory(memory), shape: [table.rows] + field.shape, field: field)
        }
        return operands
    }

    /// Copies a field of some rows of a split.
    func copy(_ column: Int, of split: String, _ rows: [Int], into buffer: UnsafeMutableBufferPointer<Double>) throws
    {
        let elements = dataset.fields[column].elements
        guard let from = try table(split).columns[column].baseAddress, let to = buffer.baseAddress,
            buffer.count >= rows.count * elements
        else { return }
        for (place, row) in rows.enumerated() {
            (to + place * elements).update(from: from + row * elements, count: elements)
        }
    }
}
