/// An operation of a graph with its attributes. The rules (shape, derivative) live with the families in `Operations/`.
package enum Operation: Hashable, Sendable {
    case unary(Unary)
    case binary(Binary)
    /// `select(condition, a, b)`: a where condition ≠ 0, else b; all three broadcast.
    case select
    case matmul(MatMul)
    case reduce(Reduction)
    /// Over the last axis.
    case softmax(Softmax)
    /// Same elements in the same order, other shape.
    case reshape([Int])
    case broadcast([Int])
    /// Of a matrix.
    case transpose
    /// The value itself, with derivative 0.
    case stopGradient

    package static func matmul(transposeA: Bool = false, transposeB: Bool = false) -> Operation {
        .matmul(MatMul(transposeA: transposeA, transposeB: transposeB))
    }
    package static func sum(axes: [Int]? = nil, keep: Bool = false) -> Operation {
        .reduce(Reduction(kind: .sum, axes: axes, keep: keep))
    }
    package static func mean(axes: [Int]? = nil, keep: Bool = false) -> Operation {
        .reduce(Reduction(kind: .mean, axes: axes, keep: keep))
    }
    package static func max(axes: [Int]? = nil, keep: Bool = false) -> Operation {
        .reduce(Reduction(kind: .max, axes: axes, keep: keep))
    }

    var rule: any OperationRule {
        switch self {
        case .unary(let rule): rule
        case .binary(let rule): rule
        case .select: Select()
        case .matmul(let rule): rule
        case .reduce(let rule): rule
        case .softmax(let rule): rule
        case .reshape(let shape): Reshape(shape: shape)
        case .broadcast(let shape): Broadcast(shape: shape)
        case .transpose: Transpose()
        case .stopGradient: StopGradient()
        }
    }
}

/// What the engine knows about an operation, one type for each family.
protocol OperationRule {
    /// As errors, the C service and the documentation call it.
    var name: String { get }
    var inputCount: Int { get }

    /// The shape of the result; throws a sentence if the inputs do not fit.
    func shape(of inputs: [Operand]) throws -> [Int]

    /// What each input receives from the cotangent of the output (of the output's shape), nil for nothing.
    /// Made of graph operations, so that derivatives have derivatives.
    func vjp(_ inputs: [Term], _ output: Term, _ cotangent: Term) -> [Term?]

    /// An equal node made of simpler operations, if this one is only a convenience or can be simplified away.
    func simplified(_ inputs: [Term]) throws -> Term?
}

extension OperationRule {
    func simplified(_ inputs: [Term]) throws -> Term? { nil }
}
