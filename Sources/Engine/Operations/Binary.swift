import Glibc

/// Functions of two numbers, applied element by element with NumPy's broadcasting.
/// The raw value names the operation and its kernel.
package enum Binary: String, CaseIterable, Sendable {
    case add, sub, mul, div, maximum, minimum
    /// 1 where a > b, else 0.
    case greater
    case greaterEqual = "greater_equal"
    /// 1 where a = b, else 0.
    case equal
    /// a to the power b.
    case pow
}

extension Operation {
    package static func binary(_ function: Binary) -> Operation { Operation(function) }
    /// `select(condition, a, b)`: a where condition ≠ 0, else b; all three broadcast.
    package static let select = Operation(Select())
}

extension Binary: OperationRule {
    package var name: String { rawValue }
    var inputCount: Int { 2 }

    func shape(of inputs: [Operand]) throws -> [Int] { try broadcastShape(of: inputs, for: name) }
    var work: Work { .map(rawValue) }

    func batched(_ inputs: [BatchedTerm], copies: Int) -> Term {
        let aligned = alignedOperands(inputs)
        return aligned[0].apply(.binary(self), aligned[1])
    }

    func vjp(_ inputs: [Term], _ output: Term, _ c: Term) -> [Term?] {
        let (a, b) = (inputs[0], inputs[1])
        let parts: (Term, Term)
        switch self {
        case .add: parts = (c, c)
        case .sub: parts = (c, -c)
        case .mul: parts = (c * b, c * a)
        case .div: parts = (c / b, -(c * output / b))
        case .maximum: parts = shares(c, of: a, over: b)
        case .minimum: parts = shares(c, of: b, over: a)
        case .greater, .greaterEqual, .equal: return [nil, nil]
        case .pow:
            let isZero = a.apply(.binary(.equal), c.constant(0))
            let slope = output * isZero.select(c.constant(0), a.apply(.log))  // x^y log(x) -> 0 for x -> 0
            let power = c * b * a.apply(.binary(.pow), b - c.constant(1))
            // x^0 is 1 at x = 0 too.
            let isFlat = b.apply(.binary(.equal), c.constant(0))
            parts = (b.constantValue == nil ? isFlat.select(c.constant(0), power) : power, c * slope)
        }
        return [parts.0.unbroadcast(to: a.shape), parts.1.unbroadcast(to: b.shape)]
    }

    /// All of c to a where a > b, half to each where they are equal, else to b.
    private func shares(_ c: Term, of a: Term, over b: Term) -> (Term, Term) {
        let share = a.apply(.binary(.greater), b) + 0.5 * a.apply(.binary(.equal), b)
        return (c * share, c * (1 - share))
    }

    func simplified(_ inputs: [Term]) throws -> Term? {
        if let narrow = narrowed(inputs, .binary(self)) { return narrow }
        let (a, b) = (inputs[0], inputs[1])
        let (x, y) = (a.constantValue, b.constantValue)
        if let x, let y { return a.constant(value(x, y)) }
        switch self {
        case .add where y == 0: return a
        case .add where x == 0: return b
        case .sub where y == 0: return a
        case .sub where x == 0: return -b
        case .mul where y == 1: return a
        case .mul where x == 1: return b
        case .mul where y == -1: return -a
        case .mul where x == -1: return -b
        case .add: return a.joined(with: b)
        case .div where y == 1: return a
        case .pow where y == 0: return a.constant(1).broadcast(to: a.shape)
        case .pow where y == 1: return a
        case .pow where y == 2: return a.apply(.square)
        case .pow where y == 3: return a * a.apply(.square)
        case .pow where y == 0.5: return a.apply(.sqrt)
        case .pow where y == -1: return a.apply(.reciprocal)
        default: return nil
        }
    }

    private func value(_ x: Double, _ y: Double) -> Double {
        switch self {
        case .add: x + y
        case .sub: x - y
        case .mul: x * y
        case .div: x / y
        case .maximum: x > y || x.isNaN ? x : y
        case .minimum: x < y || x.isNaN ? x : y
        case .greater: x > y ? 1 : 0
        case .greaterEqual: x >= y ? 1 : 0
        case .equal: x == y ? 1 : 0
        case .pow: Glibc.pow(x, y)
        }
    }
}

package struct Select: OperationRule {
    var name: String { "select" }
    var inputCount: Int { 3 }

    func shape(of inputs: [Operand]) throws -> [Int] { try broadcastShape(of: inputs, for: name) }
    var work: Work { .map(name) }

    func batched(_ inputs: [BatchedTerm], copies: Int) -> Term {
        let aligned = alignedOperands(inputs)
        return aligned[0].select(aligned[1], aligned[2])
    }

    func vjp(_ inputs: [Term], _ output: Term, _ c: Term) -> [Term?] {
        let zero = c.constant(0)
        return [
            nil,
            inputs[0].select(c, zero).unbroadcast(to: inputs[1].shape),
            inputs[0].select(zero, c).unbroadcast(to: inputs[2].shape),
        ]
    }

    func simplified(_ inputs: [Term]) throws -> Term? { narrowed(inputs, .select) }
}

private func alignedOperands(_ inputs: [BatchedTerm]) -> [Term] {
    let rank = inputs.map(\.shape.count).max() ?? 0
    return inputs.map { $0.aligned(rank: rank) }
}

func broadcastShape(of inputs: [Operand], for name: String) throws -> [Int] {
    var shape = inputs[0].shape
    for i in inputs.indices.dropFirst() {
        guard let joint = Shape.broadcast(shape, inputs[i].shape) else {
            let all = inputs.map(\.description).joined(separator: " and ")
            throw GraphError(
                "\(name): \(all) do not fit: sizes must be equal or 1, compared from the last axis")
        }
        shape = joint
    }
    try Shape.check(shape, for: name)
    return shape
}

/// Operands that are broadcasts give way to what they repeat: the operation broadcasts by itself. Nil if there are none.
private func narrowed(_ inputs: [Term], _ operation: Operation) -> Term? {
    let narrow = inputs.map(\.withoutBroadcast)
    guard zip(narrow, inputs).contains(where: { $0.node != $1.node }) else { return nil }
    let wide = inputs.reduce([]) { Shape.broadcast($0, $1.shape) ?? $0 }
    let result =
        narrow.count == 2
        ? narrow[0].apply(operation, narrow[1]) : narrow[0].apply(operation, narrow[1], narrow[2])
    return result.shape == wide ? result : result.broadcast(to: wide)
}
