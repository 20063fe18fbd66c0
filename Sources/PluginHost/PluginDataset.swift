import Foundation
import Manifests
import Protocols

/// A dataset whose rows a plugin's function fills; those of another dataset if it is made of one.
final class PluginDataset: Dataset {
    let fields: [Field]
    let splits: [String]
    private let loaded: LoadedComponent
    private let description: Description
    private let source: SourceRows?
    /// The outputs that the function writes, and the field that each is.
    private var written: [(output: OutputDeclaration, field: Int)] = []
    /// Fields of the source that are as they are there, and which of ours each is.
    private var taken: [(column: Int, field: Int)] = []
    /// Splits that have not been read to their end.
    private var unread: Set<String>

    init(_ loaded: LoadedComponent, of dataset: (any Dataset)? = nil) throws {
        self.loaded = loaded
        let component = loaded.component
        if component.isWrapper, dataset == nil {
            throw PluginError(loaded.context.place, "is made of another dataset, and there is none")
        }
        source = dataset.map { SourceRows($0, for: component) }
        description = try Description(loaded, source)
        splits = component.splits.map(\.name)
        unread = Set(splits)
        let sizes = Sizes(operands: try source?.operands(of: component.call) ?? [:], context: loaded.context)
        var fields = dataset?.fields ?? []
        for output in component.outputs {
            let place = fields.firstIndex { $0.name == output.id } ?? fields.count
            let field = try Self.field(output, sizes, description, of: dataset)
            if place < fields.count { fields[place] = field } else { fields.append(field) }
            written.append((output, place))
        }
        self.fields = fields
        for column in (dataset?.fields ?? []).indices where !written.contains(where: { $0.field == column }) {
            taken.append((column, column))
        }
    }

    private static func field(
        _ output: OutputDeclaration, _ sizes: Sizes, _ description: Description, of dataset: (any Dataset)?
    ) throws(PluginError) -> Field {
        if let like = output.like {
            guard var field = dataset?.fields.first(where: { $0.name == like }) else {
                let names = dataset?.fields.map(\.name) ?? []
                throw PluginError(
                    sizes.context.place,
                    "'\(output.id)' is like '\(like)', which the dataset it is made of does not have"
                        + Nearest.hint(for: like, among: names, label: "it has"))
            }
            field.name = output.id
            return field
        }
        let shape = try sizes.shape(of: output) + (description.shapes[output.id] ?? [])
        guard shape.allSatisfy({ $0 > 0 }), Sizes.elements(shape) <= 0x1p40 else {
            throw PluginError(
                sizes.context.place,
                "a row of '\(output.id)' has the shape \(shape); expected sizes of at least 1, at most 2^40 elements"
            )
        }
        var classes = description.classes[output.id]
        if let size = output.classes, size != .described { classes = try sizes.size(size) }
        return Field(name: output.id, shape: shape, classes: classes)
    }

    var isSeeded: Bool { loaded.component.isSeeded || source?.dataset.isSeeded == true }

    private func declared(_ split: String) throws(PluginError) -> Split {
        guard let declared = loaded.component.splits.first(where: { $0.name == split }) else {
            throw PluginError(
                loaded.context.place, "has no split '\(split)' (it has \(splits.joined(separator: ", ")))")
        }
        return declared
    }

    func rows(in split: String) throws -> Int {
        let declared = try declared(split), rows: Int
        if declared.rows == .source, let name = declared.source, let source {
            rows = try source.dataset.rows(in: name)
        } else {
            rows =
                try description.rows[split] ?? Sizes(operands: [:], context: loaded.context).size(declared.rows)
        }
        // The host keeps all rows as f64, and perhaps once more while a plugin fills them.
        let types = written.reduce(into: [:]) { $0[$1.field] = $1.output.type.bytes(.f64) }
        let bytes = fields.enumerated().reduce(0.0) { sum, item in
            sum + Double(8 + (types[item.0] ?? 8)) * Double(rows) * Double(item.1.elements)
        }
        let memory = Double(ProcessInfo.processInfo.physicalMemory)
        guard bytes < memory else {
            func gibibytes(_ bytes: Double) -> String { String(format: "%.3g GiB", bytes / 1_073_741_824) }
            throw PluginError(
                loaded.context.place,
                "the \(rows) rows of '\(split)' take \(gibibytes(bytes)) of memory; "
                    + "this machine has \(gibibytes(memory))")
        }
        return rows
    }

    func read(_ split: String, _ range: Range<Int>, into buffers: [UnsafeMutableBufferPointer<Double>]) throws {
        guard let index = splits.firstIndex(of: split) else { return }
        defer { letGo(split, range) }
        guard !range.isEmpty else { return }
        let call = loaded.component.call
        let outputs = written.map { item in
            OutputBuffer(
                item.output, shape: [range.count] + fields[item.field].shape, over: buffers[item.field])
        }
        var operands = try source?.operands(of: call) ?? [:]
        var rows = Array(range.lazy.map(Int64.init))
        for argument in call.arguments {
            switch argument.source {
            case .output(let id): operands[argument.name] = outputs.first { $0.declaration.id == id }?.operand
            default: break
            }
        }
        let writesRows = call.arguments.first { $0.source == .sourceRow }
        if writesRows != nil { rows = Array(repeating: .min, count: range.count) }
        try rows.withUnsafeMutableBytes { places in
            if let writesRows {
                operands[writesRows.name] = Operand(.memory(places.baseAddress), shape: [range.count])
            }
            try loaded.perform(FunctionCall(function: call, operands: operands, rows: range, split: index))
        }
        for (output, item) in zip(outputs, written) {
            try check(output, fields[item.field], split, range, into: buffers[item.field])
        }
        try take(rows, split, range, into: buffers)
    }

    /// When every split has been read to its end, nothing needs the rows of the source any more.
    private func letGo(_ split: String, _ range: Range<Int>) {
        guard let source, range.upperBound == (try? rows(in: split)) else { return }
        unread.remove(split)
        if unread.isEmpty { source.release() }
    }

    private func check(
        _ output: OutputBuffer, _ field: Field, _ split: String, _ range: Range<Int>,
        into buffer: UnsafeMutableBufferPointer<Double>
    ) throws {
        for i in 0..<min(output.count, buffer.count) {
            let value = output.value(i)
            guard value.isFinite else {
                throw PluginError(
                    loaded.context.place,
                    "'\(field.name)' of row \(range.lowerBound + i / field.elements) of "
                        + "'\(split)' is \(value) or was not written")
            }
            if let classes = field.classes, value < 0 || value >= Double(classes) || value != value.rounded() {
                throw PluginError(
                    loaded.context.place,
                    "label \(String(format: "%g", value)) in row \(range.lowerBound + i / field.elements) of "
                        + "'\(split)' is outside 0..<\(classes)")
            }
            buffer[i] = value
        }
    }

    /// The fields that rows have from where they come from.
    private func take(
        _ rows: [Int64], _ split: String, _ range: Range<Int>, into buffers: [UnsafeMutableBufferPointer<Double>]
    ) throws {
        guard let source, let name = try declared(split).source else { return }
        let count = try source.dataset.rows(in: name)
        if let place = rows.firstIndex(where: { !(0..<Int64(count)).contains($0) }) {
            let what = rows[place] == .min ? "no row" : "row \(rows[place])"
            throw PluginError(
                loaded.context.place,
                "row \(range.lowerBound + place) of '\(split)' comes from \(what) of '\(name)', which has the rows "
                    + "0 ..< \(count)")
        }
        let indices = rows.map(Int.init)
        for (column, field) in taken { try source.copy(column, of: name, indices, into: buffers[field]) }
    }
}
