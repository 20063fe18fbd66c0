/// Rows of a table, in the order of a selection.
struct DataRows {
    let table: DataTable
    /// Where this part begins in the whole selection.
    var begin = 0
    let count: Int
    /// Of the table; nil: `first ..< first + count`.
    private let indices: ArraySlice<Int>?
    private let first: Int

    init(_ table: DataTable, first: Int, count: Int) {
        (self.table, self.first, self.count, indices) = (table, first, count, nil)
    }

    init(_ table: DataTable, _ list: ArraySlice<Int>) {
        (self.table, count, indices, first) = (table, list.count, list, 0)
    }

    /// Pieces of at most `size` rows, one after the other.
    func parts(_ size: Int) -> [DataRows] {
        stride(from: 0, to: count, by: max(size, 1)).map { begin in
            let end = min(begin + max(size, 1), count)
            var part: DataRows
            if let indices {
                part = DataRows(table, indices[indices.startIndex + begin..<indices.startIndex + end])
            } else {
                part = DataRows(table, first: first + begin, count: end - begin)
            }
            part.begin = begin
            return part
        }
    }

    /// Writes field `index` of every row, one after the other.
    func copy(field index: Int, to target: UnsafeMutablePointer<Double>) {
        let size = table.fields[index].elements
        guard let indices else {
            return target.update(from: table.pointer(field: index, row: first), count: count * size)
        }
        for (i, row) in indices.enumerated() {
            (target + i * size).update(from: table.pointer(field: index, row: row), count: size)
        }
    }
}
