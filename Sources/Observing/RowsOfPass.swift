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

/// The rows of one pass; what is lacking in `sources` the network lacks.
final class RowsOfPass: QuantitySource {
    private let sources: [Measurement.Key: StreamedRows]
    private let program: CaptureProgram
    private let table: DataTable
    private let range: Range<Int>
    private var labels: Labels?

    init(sources: [Measurement.Key: StreamedRows], program: CaptureProgram, table: DataTable, range: Range<Int>) {
        (self.sources, self.program, self.table, self.range) = (sources, program, table, range)
    }

    func quantity(_ expression: String, layer: String) throws -> Quantity? {
        switch sources[Measurement.Key(expression: expression, layer: layer)] {
        case .capture(let capture, let positions, let width):
            guard let values = program.values(capture) else { return nil }
            return Quantity(data: .real(values), shape: [range.count * positions] + (width.map { [$0] } ?? []))
        case .labels(let field, let positions):
            let known =
                labels
                ?? Labels(table.pointer(field: field, row: range.lowerBound), count: range.count * positions)
            labels = known
            return Quantity(data: .integer(UnsafePointer(known.pointer)), shape: [range.count * positions])
        case .undefined(let undefined): throw undefined
        case nil: return nil
        }
    }
}

extension QuantityExpression {
    /// What a recorded array is of.
    var ownScope: ProbeScope { scopes.count == 1 ? scopes[0] : .run }

    /// Of a pair of layers: the same quantity of the layer that it is about, or of no layer; nil if it is about both, or there is
    /// no pair.
    func ofOneLayer(_ pair: [String]?) -> (QuantityExpression, layer: String)? {
        guard let pair else { return nil }
        let layers = Set(arguments.compactMap { $0.member.map { pair[$0.index] } })
        guard layers.count <= 1 else { return nil }
        let own = arguments.map { $0.member?.of ?? $0 }
        let isSquare = own.count == 2 && own[0] == own[1]
        switch function {
        case .rawCross where isSquare: return (QuantityExpression(.rawMoment, [own[0]]), layers.first ?? "")
        case .centredCross where isSquare: return (QuantityExpression(.centredMoment, [own[0]]), layers.first ?? "")
        default: return (QuantityExpression(function, own), layers.first ?? "")
        }
    }
}
