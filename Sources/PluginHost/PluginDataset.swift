import Foundation
import Manifests
import Protocols

/// A dataset whose rows a plugin's function fills.
final class PluginDataset: Dataset {
    let fields: [Field]
    let splits: [String]
    private let loaded: LoadedComponent

    init(_ loaded: LoadedComponent) throws(PluginError) {
        self.loaded = loaded
        let sizes = Sizes(operands: [:], context: loaded.context)
        splits = loaded.component.splits.map(\.name)
        var fields: [Field] = []
        for output in loaded.component.outputs {
            let shape = try sizes.shape(of: output)
            var classes: Int?
            if let size = output.classes { classes = try sizes.size(size) }
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
        let rows = try Sizes(operands: [:], context: loaded.context).size(declared.rows)
        // The host keeps all rows as f64, and once more while a plugin fills them.
        let bytes = fields.reduce(0.0) { $0 + 16 * Double(rows) * Double($1.elements) }
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
        let outputs = zip(loaded.component.outputs, fields).map { output, field in
            OutputBuffer(output, shape: [range.count] + field.shape)
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
                        "'\(field.name)' of row \(range.lowerBound + i / max(field.elements, 1)) of "
                            + "'\(split)' is \(value) or was not written")
                }
                if let classes = field.classes, value < 0 || value >= Double(classes) {
                    throw PluginError(
                        loaded.context.place,
                        "label \(Int(value)) in row \(range.lowerBound + i) of '\(split)' is outside 0..<\(classes)")
                }
                buffer[i] = value
            }
        }
    }
}
