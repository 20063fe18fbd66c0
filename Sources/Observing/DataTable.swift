import Protocols

/// All rows of one split of a dataset, read once, as f64; one row-major column block per field.
package final class DataTable {
    package let fields: [Field]
    package let rows: Int
    private let columns: [Buffer]

    package init(_ dataset: any Dataset, split: String) throws {
        fields = dataset.fields
        rows = try dataset.rows(in: split)
        let rows = rows
        columns = fields.map { Buffer(rows * $0.elements) }
        try dataset.read(
            split, 0..<rows,
            into: columns.map { UnsafeMutableBufferPointer(start: $0.pointer, count: $0.count) })
    }

    /// Of rows that are there: labels, or nothing.
    init(rows: Int, labels: (values: Buffer, field: Field)?) {
        (self.rows, fields, columns) = (rows, labels.map { [$0.field] } ?? [], labels.map { [$0.values] } ?? [])
    }

    /// Rows of field `index` from row `row` on, `[rows, elements]`.
    package func pointer(field index: Int, row: Int = 0) -> UnsafePointer<Double> {
        UnsafePointer(columns[index].pointer + row * fields[index].elements)
    }

    package func index(of name: String) -> Int? { fields.firstIndex { $0.name == name } }
}
