import Manifests
import PluginHost
import Protocols

/// The dataset that one is made of in an example: the arrays that its arguments from `data` are given.
final class GivenDataset: Dataset {
    let fields: [Field]
    let splits: [String]
    private var counts: [String: Int] = [:]
    private var columns: [String: [Double]] = [:]

    let isSeeded = false

    /// - Parameters:
    ///   - array: what is given by the name of an argument.
    ///   - classes: of labels; by default one more than the largest.
    init(_ component: Component, classes: Int?, _ array: (String) -> (shape: [Int], data: [Double])?) {
        var fields: [Field] = []
        var largest = 0.0
        for argument in component.call.arguments {
            guard case .data(let name, let split) = argument.source, let given = array(argument.name) else {
                continue
            }
            let isLabels = argument.type == .pointer(.i32)
            if isLabels { largest = max(largest, given.data.max() ?? 0) }
            if !fields.contains(where: { $0.name == name }) {
                fields.append(Field(name: name, shape: Array(given.shape.dropFirst()), classes: isLabels ? 1 : nil))
            }
            counts[split] = given.shape.first ?? 0
            columns["\(split)/\(name)"] = given.data
        }
        self.fields = fields.map { field in
            var field = field
            if field.classes != nil { field.classes = classes ?? Int(largest) + 1 }
            return field
        }
        splits = Set(component.data.map(\.split) + component.splits.compactMap(\.source)).sorted()
    }

    func rows(in split: String) -> Int { counts[split] ?? 0 }

    func read(_ split: String, _ range: Range<Int>, into buffers: [UnsafeMutableBufferPointer<Double>]) {
        for (field, buffer) in zip(fields, buffers) {
            let values = columns["\(split)/\(field.name)"] ?? []
            for i in buffer.indices {
                let place = range.lowerBound * field.elements + i
                buffer[i] = place < values.count ? values[place] : 0
            }
        }
    }
}

extension Subject {
    /// The dataset of a component under these options. What it may be made of is that of the example, or of the first.
    func dataset(_ options: [String: JSON], seed: UInt64, _ example: Example? = nil) throws -> any Dataset {
        let example = try example ?? self.example(with: options)
        let source = component.isWrapper ? example?.source(of: component) : nil
        return try loader(seed: seed).dataset(choice(options), of: source)
    }

    /// The example that has these options, else the first.
    func example(with options: [String: JSON]) throws -> Example? {
        try component.examples.first { try $0.options(of: component) == options } ?? component.examples.first
    }
}

extension Example {
    func source(of component: Component) -> GivenDataset {
        GivenDataset(component, classes: integer("classes")) { array($0) }
    }
}
