import CShims
import Manifests
import Protocols

/// A quantity of `layer.input_grad` made of one of `layer.output_grad`: gradients at the input are those at the output times W by
/// definition, so E[g_a g_aᵀ] = Wᵀ E[g_b g_bᵀ] W and E[h g_aᵀ] = E[h g_bᵀ] W. That needs no rows, and two small products.
struct Derivation {
    var base: QuantityExpression
    var key: Measurement.Key
    /// Multiplied by Wᵀ from the left, by W from the right.
    private var left, right: Bool
    /// `[outputs, inputs]`
    private var weight: [Double]
    private var outputs, inputs: Int

    /// nil: rows must be formed.
    init?(_ expression: QuantityExpression, _ key: Measurement.Key, _ observer: Observer) {
        guard let function = expression.function,
            [.rawMoment, .centredMoment, .rawCross, .centredCross, .mean].contains(function)
        else { return nil }
        let atOutput = expression.arguments.map(\.atOutput)
        guard let basic = zip(expression.arguments, atOutput).first(where: { $1 != nil })?.0,
            let layer = observer.layerIndex(of: basic, key.layer)
        else { return nil }
        base = QuantityExpression(function, zip(expression.arguments, atOutput).map { $1 ?? $0 })
        // Of a pair both could be gradients at inputs, of layers with weights of their own.
        guard expression.arguments.allSatisfy({ $0.atOutput == nil || $0 == basic }) else { return nil }
        self.key = Measurement.Key(expression: base.description, layer: key.layer)
        let isMoment = function == .rawMoment || function == .centredMoment
        left = isMoment || function == .mean || atOutput[0] != nil
        right = isMoment || atOutput.count == 2 && atOutput[1] != nil
        let shape = observer.shapes[layer]
        (weight, outputs, inputs) = (observer.weights.values(shape.weight), shape.output, shape.input)
    }

    func value(_ base: Quantity) -> (quantity: Quantity, owner: AnyObject)? {
        guard case .real(var data) = base.data else { return nil }
        var shape = base.shape + (base.shape.count == 1 ? [1] : []), buffer = Buffer(0)
        if left {
            let product = Buffer(inputs * shape[1], unset: true)
            cblas_dgemm(
                CblasRowMajor, CblasTrans, CblasNoTrans, Int32(inputs), Int32(shape[1]), Int32(outputs), 1, weight,
                Int32(inputs), data, Int32(shape[1]), 0, product.pointer, Int32(shape[1]))
            (shape[0], data, buffer) = (inputs, UnsafePointer(product.pointer), product)
        }
        if right {
            let product = Buffer(shape[0] * inputs, unset: true)
            cblas_dgemm(
                CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(shape[0]), Int32(inputs), Int32(outputs), 1, data,
                Int32(outputs), weight, Int32(inputs), 0, product.pointer, Int32(inputs))
            (shape[1], data, buffer) = (inputs, UnsafePointer(product.pointer), product)
        }
        // Rounding alone tells the two halves apart.
        if left, right { mirror(buffer.pointer, width: inputs) }
        return (Quantity(data: .real(data), shape: base.shape.count == 1 ? [inputs] : shape), buffer)
    }
}

extension QuantityExpression.Basic {
    /// `layer.output_grad` for `layer.input_grad`, and so on.
    fileprivate var atOutput: QuantityExpression.Basic? {
        guard rawValue.hasSuffix(".input_grad") else { return nil }
        return QuantityExpression.Basic(rawValue: rawValue.dropLast("input_grad".count) + "output_grad")
    }
}
