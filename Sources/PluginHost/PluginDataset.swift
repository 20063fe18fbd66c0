import Foundation
import Manifests
import Protocols

/// A dataset whose rows a plugin's function fills.
final class PluginDataset: Dataset {
    let fields: [Field]
    let splits: [String]
    private let loaded: LoadedComponent
    private let description: Description

    init(_ loaded: LoadedComponent) throws(PluginError) {
        self.loaded = loaded
        description = try Description(loaded)
        let sizes = Sizes(operands: [:], context: loaded.context)
        splits = loaded.component.splits.map(\.name)
        var fields: [Field] = []
        for output in loaded.component.outputs {
            let shape = try sizes.shape(of: output) + (description.shapes[output.id] ?? [])
            guard shape.allSatisfy({ $0 > 0 }), Sizes.elements(shape) <= 0x1p40 else {
                throw PluginError(
                    loaded.context.place,
                    "a row of '\(output.id)' has the shape \(shape); expected sizes of at least 1, at most 2^40 elements"
                )
            }
            var classes = description.classes[output.id]
            if let size = output.classes, size != .described { classes = try sizes.size(size) }
            fields.append(Field(name: output.id, shape: shape, classes: classes))
        }
        self.fields = fields
    }

    var isSeeded: Bool { loaded.component.isSeeded }

    func rows(in split: String) throws -> Int {
        guard let declared = loaded.component.splits.first(where: { $0.name == split }) else {
            throw PluginError(
                loaded.context.place, "has no split '\(split)' (it has \(splits.joined(separator: ", ")))")
        }
        let rows =
            try description.rows[split] ?? Sizes(operands: [:], context: loaded.context).size(declared.rows)
        // The host keeps all rows as f64, and perhaps once more while a plugin fills them.
        let bytes = zip(fields, loaded.component.outputs).reduce(0.0) { sum, item in
            sum + Double(8 + item.1.type.bytes(.f64)) * Double(rows) * Double(item.0.elements)
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
        guard let index = splits.firstIndex(of: split), !range.isEmpty else { return }
        let outputs = zip(zip(loaded.component.outputs, fields), buffers).map { item, buffer in
            OutputBuffer(item.0, shape: [range.count] + item.1.shape, over: buffer)
        }
        var operands: [String: Operand] = [:]
        for argument in loaded.component.call.arguments {
            guard case .output(let id) = argument.source else { continue }
            operands[argument.name] = outputs.first { $0.declaration.id == id }?.operand
        }
        let frame = try loaded.frame()
        try frame.bind(operands, rows: range, split: index)
        try loaded.check(frame.call(), frame)
        for ((output, field), buffer) in zip(zip(outputs, fields), buffers) {
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
    }
}
