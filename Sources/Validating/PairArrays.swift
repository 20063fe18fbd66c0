import LinearAlgebra
import Manifests
import Observing
import OrderedCollections
import Protocols

/// The rows of a first and a second layer or run, and the quantities that a probe takes of them: what properties of pairs change.
struct PairArrays {
    /// By argument.
    var quantities: OrderedDictionary<String, String>
    /// By name: `first.output`.
    var arrays: [String: RecordedQuantities.Array]
    /// Quantities of plugins.
    var definitions: any QuantityDefinitions

    /// The arguments, by name.
    func tensors() throws -> [String: Tensor] {
        let recorded = RecordedQuantities(arrays, definitions: definitions)
        var tensors: [String: Tensor] = [:]
        for (argument, expression) in quantities {
            guard let quantity = try recorded.quantity(expression, layer: "") else { continue }
            let count = quantity.shape.reduce(1, *)
            let data: [Double] =
                switch quantity.data {
                case .real(let pointer): (0..<count).map { pointer[$0] }
                case .integer(let pointer): (0..<count).map { Double(pointer[$0]) }
                }
            tensors[argument] = Tensor(quantity.shape, data)
        }
        return tensors
    }

    /// The same after the change that a property speaks of; nil if it does not speak of pairs.
    func changed(_ property: Property, seed: UInt64, scale: Double) throws -> PairArrays? {
        var changed = self
        if property.kind == .symmetric {
            for (name, array) in arrays {
                let other = name.hasPrefix("first.") ? "second." + name.dropFirst(6) : name
                if name.hasPrefix("first."), let second = arrays[other] {
                    changed.arrays[name] = second
                    changed.arrays[other] = array
                }
            }
            return changed
        }
        var draw = Draw(seed: seed, name: "pairs/\(property.pointer)"), orders: [Int: [Int]] = [:]
        let isOfRows = property.kind == .samplePermutationInvariant
        for (name, array) in arrays.sorted(by: { $0.key < $1.key }) {
            let isNamed = property.names.contains { name.hasPrefix($0 + ".") }
            // Rows move with their labels and targets.
            guard isNamed || isOfRows && (name == "labels" || name == "targets") else { continue }
            let rows = array.shape[0], columns = array.shape.dropFirst().reduce(1, *)
            let isMatrix = array.shape.count == 2
            switch property.kind {
            case .scaleInvariant, .scaleEquivariant: changed.arrays[name]?.data = array.data.map { $0 * scale }
            case .translationInvariant where isMatrix:
                let shift = draw.normal(columns)
                changed.arrays[name]?.data = array.data.enumerated().map { $1 + shift[$0 % columns] }
            case .orthogonalInvariant where isMatrix:
                let basis = draw.orthogonal(columns)
                changed.arrays[name]?.data = (0..<rows).flatMap { row in
                    basis.map { axis in
                        (0..<columns).reduce(0) { $0 + axis[$1] * array.data[row * columns + $1] }
                    }
                }
            case .neuronPermutationInvariant where isMatrix:
                let order = draw.permutation(columns)
                changed.arrays[name]?.data = array.data.indices.map { k in
                    array.data[k / columns * columns + order[k % columns]]
                }
            case .samplePermutationInvariant:
                let order = orders[rows] ?? draw.permutation(rows)
                orders[rows] = order
                changed.arrays[name]?.data = order.flatMap { array.data[$0 * columns..<($0 + 1) * columns] }
            default: continue
            }
        }
        return changed
    }
}
