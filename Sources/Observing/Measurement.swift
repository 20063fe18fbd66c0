import CShims
import Engine
import Manifests
import Protocols

/// The quantities of one observation, each formed once.
final class Measurement: QuantitySource {
    struct Key: Hashable, Comparable {
        var expression: String
        var layer: String

        static func < (a: Key, b: Key) -> Bool { (a.layer, a.expression) < (b.layer, b.expression) }
    }

    private let step: Int
    private var values: [Key: Result<Quantity, Undefined>] = [:]
    /// Further names of quantities that several ask for, such as that of a layer in a pair.
    private var names: [Key: Key] = [:]
    /// Quantities of plugins, evaluated when they are first asked for, and what their passes have left.
    private var definitions: [Key: (quantity: any DefinedQuantity, memory: ProbeMemory)] = [:]
    /// Quantities made of others of this pass when they are first asked for.
    private(set) var derivations: [Key: Derivation] = [:]
    private var owners: [AnyObject] = []
    /// Numbers of what was reserved.
    private var held = 0.0
    var derivatives: (any Derivatives)?
    /// Of other splits, by their names.
    var others: [String: Measurement] = [:]
    /// For probes that ask for intervals.
    var resampling: Resampling?

    init(step: Int = 0) { self.step = step }

    func quantity(_ expression: String, layer: String) throws -> Quantity? {
        let asked = Key(expression: expression, layer: layer), key = names[asked] ?? asked
        if let known = values[key] { return try known.get() }
        if let at = key.expression.utf8.lastIndex(of: UInt8(ascii: "@")) {
            let split = String(key.expression[key.expression.index(after: at)...])
            return try others[split]?.quantity(String(key.expression[..<at]), layer: key.layer)
        }
        if let derivation = derivations[key] {
            let value = try derived(derivation)
            values[key] = .success(value)
            return value
        }
        guard let (defined, memory) = definitions[key] else { return nil }
        do {
            let (value, owner) = try defined.value(step: step, layer: key.layer, quantities: self, memory: memory)
            keep(owner)
            values[key] = .success(value)
            return value
        } catch let undefined as Undefined {
            values[key] = .failure(undefined)
            throw undefined
        }
    }

    private func derived(_ derivation: Derivation) throws -> Quantity {
        let bases = try derivation.bases.compactMap { try quantity($0.key.expression, layer: $0.key.layer) }
        guard bases.count == derivation.bases.count, let (value, owner) = derivation.value(bases) else {
            throw Undefined("no_value")
        }
        keep(owner)
        return value
    }

    func set(_ key: Key, _ value: Result<Quantity, Undefined>) { values[key] = value }

    /// Gives a quantity a further name.
    func name(_ key: Key, also name: Key) { names[name] = key }

    func derive(_ key: Key, _ derivation: Derivation) { derivations[key] = derivation }

    /// Under which keys what a quantity is made of is formed of rows.
    func sources(of key: Key) -> [Key] { derivations[key]?.bases.flatMap { sources(of: $0.key) } ?? [key] }

    func define(_ key: Key, as quantity: any DefinedQuantity, _ memory: ProbeMemory) {
        definitions[key] = (quantity, memory)
    }

    /// Before memory for a quantity is asked for: throws a sentence if there is not enough for all of them.
    func reserve(_ key: Key, numbers: Double) throws {
        held += numbers
        let name = key.layer.isEmpty ? key.expression : "\(key.layer)/\(key.expression)"
        try Memory.check(bytes: Int(min(8 * held, 0x1p60)), for: "\(name): an observation with it needs")
    }

    func keep(_ owner: AnyObject) { owners.append(owner) }

    /// Copies numbers into memory of this measurement.
    func keep(_ numbers: [Double], shape: [Int]) -> Result<Quantity, Undefined> {
        .success(Quantity(data: .real(pointer(numbers)), shape: shape))
    }

    func pointer(_ numbers: [Double]) -> UnsafePointer<Double> {
        let buffer = Buffer(numbers.count)
        numbers.withUnsafeBufferPointer { source in
            guard let base = source.baseAddress else { return }
            buffer.pointer.update(from: base, count: source.count)
        }
        keep(buffer)
        return UnsafePointer(buffer.pointer)
    }

    /// A weight [rows, columns], or wᵀw or wwᵀ of it.
    func setWeight(
        _ key: Key, _ function: QuantityExpression.Function?, _ weight: [Double], rows: Int, columns: Int
    ) throws {
        guard let function else { return set(key, keep(weight, shape: [rows, columns])) }
        let inner = function == .wtw
        let size = inner ? columns : rows
        try reserve(key, numbers: Double(size) * Double(size))
        let gram = Buffer(size * size)
        cblas_dgemm(
            CblasRowMajor, inner ? CblasTrans : CblasNoTrans, inner ? CblasNoTrans : CblasTrans, Int32(size),
            Int32(size), Int32(inner ? rows : columns), 1, weight, Int32(columns), weight, Int32(columns), 0,
            gram.pointer, Int32(size))
        keep(gram)
        set(key, .success(Quantity(data: .real(UnsafePointer(gram.pointer)), shape: [size, size])))
    }

    /// Class indices as integers.
    func setLabels(_ key: Key, _ labels: UnsafePointer<Double>, rows: Int) {
        let labels = Labels(labels, count: rows)
        keep(labels)
        set(key, .success(Quantity(data: .integer(UnsafePointer(labels.pointer)), shape: [rows])))
    }
}

final class Labels {
    let pointer: UnsafeMutablePointer<Int32>

    convenience init(_ values: UnsafePointer<Double>, count: Int) {
        self.init((0..<count).map { Int32(values[$0]) })
    }

    init(_ values: [Int32]) {
        pointer = .allocate(capacity: max(values.count, 1))
        for (i, value) in values.enumerated() { (pointer + i).initialize(to: value) }
    }

    deinit { pointer.deallocate() }
}

extension Measurement {
    /// The accumulator of an expression over rows of the given widths.
    func makeAccumulator(
        _ key: Key, _ expression: QuantityExpression, widths: [Int], samples: Int
    ) throws -> any Accumulator {
        let square = Double(widths[0]) * Double(widths[widths.count - 1]), rows = Double(samples) * Double(widths[0])
        switch expression.function {
        case .mean: break
        case nil: try reserve(key, numbers: rows)
        default: try reserve(key, numbers: square)
        }
        return Self.accumulator(expression, widths: widths, samples: samples)
    }

    static func accumulator(
        _ expression: QuantityExpression, widths: [Int], samples: Int
    ) -> any Accumulator {
        switch expression.function {
        case .rawMoment: return CrossMoment(left: widths[0], right: widths[0], same: true)
        case .centredMoment: return CentredMoment(width: widths[0])
        case .normalizedMoment: return NormalizedMoment(width: widths[0])
        case .mean: return CentredMoment(width: widths[0], wantsMean: true)
        case .rawCross: return CrossMoment(left: widths[0], right: widths[1], same: false)
        case .centredCross: return CentredCross(left: widths[0], right: widths[1])
        case .wtw, .wwt, .rawAGOP, .centredAGOP, nil:
            let basic = expression.arguments[0]
            return Rows(samples: samples, shape: (basic.member?.of ?? basic) == .sampleLoss ? [] : [widths[0]])
        }
    }
}
