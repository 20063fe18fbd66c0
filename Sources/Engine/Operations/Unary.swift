/// Functions of one number, applied to every element. The raw value names the operation and its kernel.
package enum Unary: String, CaseIterable, Sendable {
    case neg, exp, log, log1p, expm1, sqrt, reciprocal, square, abs
    /// -1, 0 or 1.
    case sign
    case tanh, sigmoid, relu
    /// 1 where x > 0, else 0.
    case step
    /// The largest whole number that is not larger.
    case floor
    /// log(1 + exp(x)), without overflow.
    case softplus
    case sin, cos
    /// Φ(x), the standard normal distribution function, accurate in the lower tail too.
    case normalCDF = "normal_cdf"
    case erf
}

extension Operation {
    package static func unary(_ function: Unary) -> Operation { Operation(function) }
}

extension Unary: OperationRule {
    package var name: String { rawValue }
    var inputCount: Int { 1 }
    func shape(of inputs: [Operand]) -> [Int] { inputs[0].shape }
    var work: Work { .map(rawValue) }
    func batched(_ inputs: [BatchedTerm], copies: Int) -> Term { inputs[0].term.apply(self) }

    /// f'(x), given x and y = f(x); nil where it is 0. At a kink it is 0 (relu, abs and sign at 0).
    func derivative(_ x: Term, _ y: Term) -> Term? {
        switch self {
        case .neg: x.constant(-1)
        case .exp: y
        case .log: x.apply(.reciprocal)
        case .log1p: 1 / (1 + x)
        case .expm1: x.apply(.exp)
        case .sqrt: 0.5 / y
        case .reciprocal: -y.apply(.square)
        case .square: 2 * x
        case .abs: x.apply(.sign)
        case .sign, .step, .floor: nil
        case .tanh: 1 - y.apply(.square)
        case .sigmoid: y * (1 - y)
        case .relu: y.apply(.step)  // of y, so that x need not be kept
        case .softplus: x.apply(.sigmoid)
        case .sin: x.apply(.cos)
        case .cos: -x.apply(.sin)
        case .normalCDF: 0.398_942_280_401_432_7 * (-0.5 * x.apply(.square)).apply(.exp)  // 1/√(2π)
        case .erf: 1.128_379_167_095_512_6 * (-x.apply(.square)).apply(.exp)  // 2/√π
        }
    }

    func vjp(_ inputs: [Term], _ output: Term, _ cotangent: Term) -> [Term?] {
        [derivative(inputs[0], output).map { cotangent * $0 }]
    }

    func simplified(_ inputs: [Term]) throws -> Term? {
        let x = inputs[0]
        if self == .neg {
            if let value = x.constantValue { return x.constant(-value) }
            if let inner = x.inputs(of: Unary.neg) { return inner[0] }
        }
        // f(broadcast(x)) = broadcast(f(x)), which has fewer elements.
        let narrow = x.withoutBroadcast
        return narrow.node == x.node ? nil : narrow.apply(self).broadcast(to: x.shape)
    }
}
