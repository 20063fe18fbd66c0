/// Rows of the dataset that a derivative is taken on.
package enum RowSelection: Hashable, Sendable {
    /// Those that the study gives the probe.
    case own
    /// `begin ..< begin + count` of a split; nil: the probe's split, all rows from `begin` on.
    case range(split: String?, begin: Int, count: Int?)
    /// A list, in its order; a row that appears twice counts twice.
    case list(split: String?, [Int])
}

/// What an objective can say at a point. Parameters θ are numbered in the order of their declaration, without gaps; ℓ_s is the
/// loss of sample s, f the mean over the rows (or the loss of the batch, where samples have none of their own), always
/// without regularizers.
package enum ObjectiveQuantity: Hashable, Sendable {
    /// f, one number.
    case value
    /// ∂f/∂θ, `[P]`.
    case gradient
    /// (∂²f/∂θ²) v, `[P]`.
    case hessianProduct
    /// (1/n) Σ_s J_sᵀ H_s J_s v with J_s the Jacobian of the outputs, H_s the Hessian of ℓ_s with respect to them, `[P]`.
    case gaussNewtonProduct
    /// ∂ℓ_s/∂θ, `[rows, P]`.
    case sampleGradients
    /// |∂ℓ_s/∂θ|², `[rows]`.
    case sampleSquaredNorms

    package var needsVector: Bool { self == .hessianProduct || self == .gaussNewtonProduct }
}

/// J v row by row, or uᵀ J.
package enum JacobianProduct: Hashable, Sendable { case forward, backward }

/// A network's loss and outputs as functions of its parameters, with their derivatives, in f64: what the services `objective` and
/// `jacobian` offer to plugins. `point` nil means the current parameters. Buffers have the sizes that `count` and `width` say.
///
/// Throws `Undefined` where a value does not exist, and a sentence for names and rows that do not.
package protocol Derivatives: AnyObject {
    var parameterCount: Int { get }
    func readParameters(into out: UnsafeMutablePointer<Double>)
    func rowCount(_ rows: RowSelection) throws -> Int
    /// `vector` is null for quantities that need none.
    func evaluate(
        _ quantity: ObjectiveQuantity, at point: UnsafePointer<Double>?, rows: RowSelection,
        along vector: UnsafePointer<Double>?, into out: UnsafeMutablePointer<Double>) throws
    /// Elements for each row of `output`, `<layer>.output` or `<layer>.input`; all elements of `parameters`.
    func width(of node: String) throws -> Int
    /// Forward: of v at `variable` to `[rows, width(output)]`; backward: of u `[rows, width(output)]` to `variable`. A variable is
    /// `parameters` (`[P]`, summed over the rows backward) or `<layer>.input` (`[rows, width]`).
    func jacobian(
        _ product: JacobianProduct, of output: String, variable: String, at point: UnsafePointer<Double>?,
        rows: RowSelection, along vector: UnsafePointer<Double>, into out: UnsafeMutablePointer<Double>) throws
}

extension Derivatives {
    /// Numbers that a quantity has.
    package func count(_ quantity: ObjectiveQuantity, rows: RowSelection) throws -> Int {
        switch quantity {
        case .value: 1
        case .gradient, .hessianProduct, .gaussNewtonProduct: parameterCount
        case .sampleGradients: try rowCount(rows) * parameterCount
        case .sampleSquaredNorms: try rowCount(rows)
        }
    }

    /// Numbers that a node has on these rows.
    package func count(_ node: String, rows: RowSelection) throws -> Int {
        let width = try width(of: node)
        return node == "parameters" ? width : try rowCount(rows) * width
    }
}
