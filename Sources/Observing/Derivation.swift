import CShims
import Manifests
import Protocols

/// A quantity made of others by small products instead of rows.
///
/// - Gradients at the input of a layer are those at the output times W by definition, so E[g_a g_aᵀ] = Wᵀ E[g_b g_bᵀ] W and
///   E[h g_aᵀ] = E[h g_bᵀ] W.
/// - Representations at the output are W times those at the input, so E[h_b h_bᵀ] = W E[h_a h_aᵀ] Wᵀ; only where others ask for those
///   at the input. This and the one before lose what rounding does to the rows themselves, ε ‖W‖².
/// - Raw moments are centred ones and the product of means, E[p qᵀ] = Cov(p, q) + p̄ q̄ᵀ, which cancels nothing; where others ask for
///   the centred ones.
struct Derivation {
    typealias Base = (key: Measurement.Key, expression: QuantityExpression)

    enum Side {
        /// Of gradients, made at the output.
        case input
        /// Of representations, made at the input.
        case output
    }

    private enum Rule {
        /// Which of the two axes is multiplied; the weight is `[outputs, inputs]`.
        case across(Side, left: Bool, right: Bool, weight: [Double], outputs: Int, inputs: Int)
        case means
    }

    private(set) var bases: [Base]
    private var rule: Rule

    /// From the other side of a layer; nil: there is none, or rows must be formed.
    init?(_ expression: QuantityExpression, _ key: Measurement.Key, at side: Side, _ observer: Observer) {
        guard let function = expression.function,
            [.rawMoment, .centredMoment, .rawCross, .centredCross, .mean].contains(function)
        else { return nil }
        let across = expression.arguments.map { $0.across(to: side) }
        guard let basic = zip(expression.arguments, across).first(where: { $1 != nil })?.0,
            let layer = observer.layerIndex(of: basic, key.layer)
        else { return nil }
        // Of a pair both could be on this side, of layers with weights of their own.
        guard expression.arguments.indices.allSatisfy({ across[$0] == nil || expression.arguments[$0] == basic })
        else { return nil }
        let shape = observer.observed.shapes[layer]
        guard side == .input || shape.isProduct, let weight = observer.observed.weight(of: layer) else { return nil }
        let base = QuantityExpression(function, zip(expression.arguments, across).map { $1 ?? $0 })
        bases = [(.init(expression: base.description, layer: key.layer), base)]
        let isMoment = function == .rawMoment || function == .centredMoment
        rule = .across(
            side, left: isMoment || function == .mean || across[0] != nil,
            right: isMoment || across.count == 2 && across[1] != nil, weight: weight, outputs: shape.output,
            inputs: shape.input)
    }

    /// From the centred moment, which is the first base, and means; nil if it is not a raw one.
    init?(centring expression: QuantityExpression, _ key: Measurement.Key) {
        let centred: QuantityExpression.Function
        switch expression.function {
        case .rawMoment: centred = .centredMoment
        case .rawCross: centred = .centredCross
        default: return nil
        }
        let parts =
            [QuantityExpression(centred, expression.arguments)]
            + expression.arguments.map { QuantityExpression(.mean, [$0]) }
        bases = parts.map { (.init(expression: $0.description, layer: key.layer), $0) }
        rule = .means
    }

    /// - Parameter bases: as in `bases`.
    func value(_ bases: [Quantity]) -> (quantity: Quantity, owner: AnyObject)? {
        guard case .real(let data) = bases[0].data else { return nil }
        switch rule {
        case .across(let side, let left, let right, let weight, let outputs, let inputs):
            return Self.across(bases[0].shape, data, side, left, right, weight, outputs, inputs)
        case .means:
            guard case .real(let left) = bases[1].data, case .real(let right) = bases[bases.count - 1].data
            else { return nil }
            let (rows, columns) = (bases[0].shape[0], bases[0].shape[1]), sum = Buffer(rows * columns, unset: true)
            sum.pointer.update(from: data, count: rows * columns)
            cblas_dger(
                CblasRowMajor, Int32(rows), Int32(columns), 1, left, 1, right, 1, sum.pointer, Int32(columns))
            return (Quantity(data: .real(UnsafePointer(sum.pointer)), shape: [rows, columns]), sum)
        }
    }

    private static func across(
        _ base: [Int], _ data: UnsafePointer<Double>, _ side: Side, _ left: Bool, _ right: Bool, _ weight: [Double],
        _ outputs: Int, _ inputs: Int
    ) -> (quantity: Quantity, owner: AnyObject) {
        var data = data, shape = base + (base.count == 1 ? [1] : []), buffer = Buffer(0)
        let isInput = side == .input, width = Int32(inputs)
        let (old, new) = isInput ? (outputs, inputs) : (inputs, outputs)
        if left {
            let product = Buffer(new * shape[1], unset: true)
            cblas_dgemm(
                CblasRowMajor, isInput ? CblasTrans : CblasNoTrans, CblasNoTrans, Int32(new), Int32(shape[1]),
                Int32(old), 1, weight, width, data, Int32(shape[1]), 0, product.pointer, Int32(shape[1]))
            (shape[0], data, buffer) = (new, UnsafePointer(product.pointer), product)
        }
        if right {
            let product = Buffer(shape[0] * new, unset: true)
            cblas_dgemm(
                CblasRowMajor, CblasNoTrans, isInput ? CblasNoTrans : CblasTrans, Int32(shape[0]), Int32(new),
                Int32(old), 1, data, Int32(old), weight, width, 0, product.pointer, Int32(new))
            (shape[1], data, buffer) = (new, UnsafePointer(product.pointer), product)
        }
        // Rounding alone tells the two halves apart.
        if left, right { mirror(buffer.pointer, width: new) }
        return (Quantity(data: .real(data), shape: base.count == 1 ? [new] : shape), buffer)
    }
}

extension QuantityExpression.Basic {
    /// `layer.output_grad` for `layer.input_grad`, `layer.input` for `layer.output`, and so on.
    fileprivate func across(to side: Derivation.Side) -> QuantityExpression.Basic? {
        guard self != .modelOutput else { return nil }
        let (own, other) = side == .input ? (".input_grad", ".output_grad") : (".output", ".input")
        guard rawValue.hasSuffix(own) else { return nil }
        return QuantityExpression.Basic(rawValue: rawValue.dropLast(own.count) + other)
    }
}
