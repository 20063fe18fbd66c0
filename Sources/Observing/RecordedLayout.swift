import Manifests
import Protocols

/// What recorded arrays are together: layers with their shapes, rows by split, and what depends on no rows. They are checked against
/// one another.
struct RecordedLayout {
    typealias Basic = QuantityExpression.Basic

    /// Rows of a quantity.
    struct Rows {
        let values: Buffer
        var count, width: Int
        /// Of Jacobians, else 1.
        var outputs = 1
        var place: String
        /// Numbers along the first axis.
        var samples: Int
        /// Rows for each sample.
        var positions = 1
    }

    struct Key: Hashable {
        var layer: Int?
        var basic: Basic
        var split: String
    }

    /// All layers that arrays are of.
    let layers: [String]
    private(set) var shapes: [LayerShape] = []
    private(set) var rows: [Key: Rows] = [:]
    /// What depends on no rows, by layer or parameter.
    private(set) var constants: [String: [Basic: (values: [Double], shape: [Int])]] = [:]
    private(set) var tables: [String: DataTable] = [:]
    private(set) var parameters: [String] = []
    private(set) var targetPositions = 1
    private(set) var jacobianOutputs = 0

    /// - Parameter order: of the layers; nil: that of the arrays. Others are left out.
    init(_ arrays: [RecordedArray], layers order: [String]?) throws(ArrayProblem) {
        let all = arrays.compactMap { array in RecordedArray.Name(array.name).map { (array, $0) } }
        layers = Self.layers(all.map(\.1))
        let names = order ?? layers
        for name in names {
            shapes.append(LayerShape(name: name, input: 0, output: 0, positions: 1, isProduct: false))
        }
        var labels: [String: Rows] = [:]
        for (array, name) in all {
            if array.shape.contains(0) {
                throw ArrayProblem(array.place, "has the shape \(array.shape), and so no numbers")
            }
            // The head is the last layer.
            let basic = name.basic.ofLayer ?? name.basic
            let subject = name.basic.ofLayer == nil ? name.subject : names.last
            let layer = basic.rawValue.hasPrefix("layer.") ? names.firstIndex(of: subject ?? "") : nil
            guard layer != nil || !basic.rawValue.hasPrefix("layer.") else { continue }
            if basic.isOfSamples || basic.form == .jacobian {
                let rows = try Self.rows(array, basic)
                if basic == .labels {
                    try Self.checkLabels(rows)
                    labels[name.split] = rows
                } else {
                    let key = Key(layer: layer, basic: basic, split: name.split)
                    if name.basic.ofLayer == nil || self.rows[key] == nil { self.rows[key] = rows }
                }
            } else {
                try add(array, basic, layer: layer, subject ?? "")
            }
        }
        try findShapes(arrays)
        let splits = Set(rows.keys.map(\.split)).union(labels.keys).subtracting(["train"])
        for split in ["train"] + splits.sorted() { try findSamples(of: split, labels[split]) }
    }

    /// In the order in which they appear.
    private static func layers(_ names: [RecordedArray.Name]) -> [String] {
        var layers: [String] = []
        for name in names where name.basic.rawValue.hasPrefix("layer.") && !layers.contains(name.subject) {
            layers.append(name.subject)
        }
        return layers.isEmpty && names.contains { $0.basic.ofLayer != nil } ? ["head"] : layers
    }

    /// What rows of a quantity, or of all quantities of a layer, look like in every split.
    private var known: [String: (rows: Rows, hasWidth: Bool)] = [:]

    private mutating func agree(_ what: String, _ rows: Rows, _ hasWidth: Bool) throws(ArrayProblem) {
        guard let (other, otherHasWidth) = known[what] else { return known[what] = (rows, hasWidth) }
        guard rows.positions == other.positions else {
            throw ArrayProblem(
                rows.place,
                "has \(rows.positions) rows for each sample; \(other.place), of \(what) too, has \(other.positions)")
        }
        guard !hasWidth || !otherHasWidth || rows.width == other.width else {
            throw ArrayProblem(rows.place, "has \(rows.width) columns; \(other.place) has \(other.width)")
        }
    }

    // MARK: Reading

    /// Leading axes are samples and positions.
    private static func rows(_ array: RecordedArray, _ basic: Basic) throws(ArrayProblem) -> Rows {
        let shape = array.shape, axes = basic == .labels || basic == .sampleLoss ? 0 : basic.form == .jacobian ? 2 : 1
        guard shape.count > axes, basic != .sampleLoss || shape.count == 1, !shape.isEmpty else {
            let expected =
                ["one axis, a number for each sample", "[samples, width]", "[samples, outputs, width]"][axes]
            throw ArrayProblem(array.place, "has the shape \(shape); '\(array.name)' is \(expected)")
        }
        return Rows(
            values: array.values, count: shape.dropLast(axes).reduce(1, *), width: axes == 0 ? 1 : shape.last ?? 1,
            outputs: axes == 2 ? shape[shape.count - 2] : 1, place: array.place, samples: shape[0])
    }

    private static func checkLabels(_ rows: Rows) throws(ArrayProblem) {
        for row in 0..<rows.count {
            let value = rows.values.pointer[row]
            guard value >= 0, value < 0x1p31, value == value.rounded() else {
                throw ArrayProblem(rows.place, "label \(row) is \(value); expected class indices 0, 1, …")
            }
        }
    }

    private mutating func add(
        _ array: RecordedArray, _ basic: Basic, layer: Int?, _ subject: String
    ) throws(ArrayProblem) {
        let isMatrix = basic.form == .weight || basic.form == .matrix
        guard !isMatrix || array.shape.count == 2 else {
            throw ArrayProblem(
                array.place,
                "has the shape \(array.shape); '\(array.name)' is [outputs, inputs], of a convolution "
                    + "[outputs, kernel height × kernel width × channels]")
        }
        if layer == nil, basic == .parameterValue || basic == .parameterGrad, !parameters.contains(subject) {
            parameters.append(subject)
        }
        let values = Array(UnsafeBufferPointer(start: array.values.pointer, count: array.values.count))
        let place = layer.map { shapes[$0].name } ?? subject
        constants[place, default: [:]][basic] = (values, isMatrix ? array.shape : [values.count])
    }

    /// Widths of the layers; all arrays of one must agree.
    private mutating func findShapes(_ arrays: [RecordedArray]) throws(ArrayProblem) {
        for index in shapes.indices {
            let name = shapes[index].name
            var known: [Bool: (size: Int, place: String)] = [:]
            func take(_ size: Int, isInput: Bool, _ what: String, _ place: String) throws(ArrayProblem) {
                let (expected, other) = known[isInput] ?? (size, place)
                guard size == expected else {
                    throw ArrayProblem(
                        place,
                        "has \(size) \(what); layer '\(name)' has \(expected) \(isInput ? "inputs" : "outputs") in \(other)"
                    )
                }
                known[isInput] = (size, other)
            }
            for array in arrays {
                guard let own = RecordedArray.Name(array.name) else { continue }
                let isHead = own.basic.ofLayer != nil && index == shapes.count - 1
                guard own.subject == name && own.basic.rawValue.hasPrefix("layer.") || isHead else { continue }
                let shape = array.shape, basic = own.basic.ofLayer ?? own.basic
                switch basic {
                case .layerInput, .layerInputGrad, .layerInputJacobian:
                    try take(shape.last ?? 0, isInput: true, "columns", array.place)
                case .layerOutput, .layerOutputGrad, .layerOutputJacobian:
                    try take(shape.last ?? 0, isInput: false, "columns", array.place)
                case .layerBias, .layerBiasPlace:
                    try take(shape.reduce(1, *), isInput: false, "numbers", array.place)
                default:
                    try take(shape.last ?? 0, isInput: true, "columns", array.place)
                    try take(shape.first ?? 0, isInput: false, "rows", array.place)
                }
            }
            (shapes[index].input, shapes[index].output) = (known[true]?.size ?? 0, known[false]?.size ?? 0)
            func isThere(_ basic: Basic) -> Bool { rows.keys.contains { $0.layer == index && $0.basic == basic } }
            let hasWeight = constants[name]?[.layerWeight] != nil
            shapes[index].isProduct = isThere(.layerInput) && hasWeight && !isThere(.layerOutput)
            shapes[index].hasJacobiansAtInput = isThere(.layerInputJacobian) && !isThere(.layerOutputJacobian)
        }
    }

    /// The number of samples of a split: that of the array with fewest along its first axis. Others have as many rows, or a
    /// multiple.
    private mutating func findSamples(of split: String, _ labels: Rows?) throws(ArrayProblem) {
        let own = rows.filter { $0.key.split == split }.sorted { $0.value.place < $1.value.place }
        guard let fewest = (own.map(\.value) + (labels.map { [$0] } ?? [])).min(by: { $0.samples < $1.samples })
        else {
            tables[split] = DataTable(rows: 0, labels: nil)
            return
        }
        func positions(_ rows: Rows) throws(ArrayProblem) -> Int {
            guard rows.count.isMultiple(of: fewest.samples) else {
                throw ArrayProblem(
                    rows.place,
                    "has \(rows.count) rows; expected \(fewest.samples), the number of samples in "
                        + "\(fewest.place), or a multiple")
            }
            return rows.count / fewest.samples
        }
        for (key, var rows) in own {
            rows.positions = try positions(rows)
            self.rows[key] = rows
            if key.basic.form == .jacobian {
                guard [0, rows.outputs].contains(jacobianOutputs) else {
                    throw ArrayProblem(rows.place, "is of \(rows.outputs) outputs; others are of \(jacobianOutputs)")
                }
                jacobianOutputs = rows.outputs
            }
            if let other = own.first(where: { $0.key.layer == key.layer })?.value, key.layer != nil,
                other.count != rows.count
            {
                throw ArrayProblem(
                    rows.place, "has \(rows.count) rows; \(other.place), of the same layer, has \(other.count)")
            }
            try agree(key.layer.map { "layer '\(shapes[$0].name)'" } ?? key.basic.rawValue, rows, key.layer == nil)
            if let layer = key.layer { shapes[layer].positions = rows.positions }
        }
        let targets = Key(layer: nil, basic: .targets, split: split)
        targetPositions = rows[targets]?.positions ?? targetPositions
        guard var labels else { return tables[split] = DataTable(rows: fewest.samples, labels: nil) }
        let perSample = try positions(labels)
        labels.positions = perSample
        // They are columns, or there are none.
        try agree("targets", labels, false)
        targetPositions = perSample
        let classes = 1 + (0..<labels.count).reduce(0) { max($0, Int(labels.values.pointer[$1])) }
        tables[split] = DataTable(
            rows: fewest.samples,
            labels: (labels.values, Field(name: "y", shape: perSample == 1 ? [] : [perSample], classes: classes)))
        let outputs = rows[Key(layer: nil, basic: .modelOutput, split: split)]
        guard rows[targets] == nil, let width = outputs?.width, width >= classes else { return }
        let oneHot = Buffer(labels.count * width)
        for row in 0..<labels.count { oneHot.pointer[row * width + Int(labels.values.pointer[row])] = 1 }
        rows[targets] = Rows(
            values: oneHot, count: labels.count, width: width, place: labels.place, samples: labels.samples,
            positions: perSample)
    }
}
