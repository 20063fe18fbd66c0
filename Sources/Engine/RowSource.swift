/// A table whose rows make up an input: row i of a run is row `order[i]` of the table.
package struct RowSource {
    /// In the program's precision.
    let rows: UnsafeRawPointer
    /// Where the run finds the order of its rows.
    let order: UnsafePointer<UnsafePointer<Int64>?>

    package init(rows: UnsafeRawPointer, order: UnsafePointer<UnsafePointer<Int64>?>) {
        (self.rows, self.order) = (rows, order)
    }
}
