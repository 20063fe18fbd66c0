import Manifests
import Protocols

/// Where a streaming probe's rows come from.
enum StreamedRows {
    /// `width` is nil for a number per sample.
    case capture(Capture, positions: Int, width: Int?)
    case labels(field: Int, positions: Int)
    case undefined(Undefined)

    var capture: Capture? { if case .capture(let capture, _, _) = self { capture } else { nil } }
}

/// The rows of one pass, and finished values; what is lacking in both the network lacks.
final class RowsOfPass: QuantitySource {
    private let sources: [Measurement.Key: StreamedRows]
    private let finished: Measurement
    private let values: (Capture) -> UnsafePointer<Double>?
    private let table: DataTable
    private let range: Range<Int>
    private var labels: Labels?

    init(
        sources: [Measurement.Key: StreamedRows], finished: Measurement, table: DataTable, range: Range<Int>,
        values: @escaping (Capture) -> UnsafePointer<Double>?
    ) {
        (self.sources, self.finished) = (sources, finished)
        (self.values, self.table, self.range) = (values, table, range)
    }

    func quantity(_ expression: String, layer: String) throws -> Quantity? {
        switch sources[Measurement.Key(expression: expression, layer: layer)] {
        case .capture(let capture, let positions, let width):
            guard let values = values(capture) else { return nil }
            return Quantity(data: .real(values), shape: [range.count * positions] + (width.map { [$0] } ?? []))
        case .labels(let field, let positions):
            let known =
                labels
                ?? Labels(table.pointer(field: field, row: range.lowerBound), count: range.count * positions)
            labels = known
            return Quantity(data: .integer(UnsafePointer(known.pointer)), shape: [range.count * positions])
        case .undefined(let undefined): throw undefined
        case nil: return try finished.quantity(expression, layer: layer)
        }
    }
}
