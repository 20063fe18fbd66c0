import LinearAlgebra
import Protocols

/// f(θ) = (1/n) Σ_s ½ (x_s · θ − y_s)², whose derivatives have closed forms: Hessian and Gauss-Newton matrix are Xᵀ X / n everywhere.
/// Its one layer is `linear`. Only the rows a probe owns exist.
package final class LeastSquares: Derivatives {
    private let design: Matrix
    private let targets: [Double]
    /// The current ones.
    private let parameters: () -> [Double]

    package init(design: Matrix, targets: [Double], parameters: @autoclosure @escaping () -> [Double]) {
        (self.design, self.targets, self.parameters) = (design, targets, parameters)
    }

    /// Its gradient at the current parameters.
    var gradient: [Double] {
        let errors = zip(times(parameters()), targets).map { ($0 - $1) / Double(samples) }
        return transposed(errors)
    }

    package var parameterCount: Int { design.columns }
    private var samples: Int { design.rows }

    package func readParameters(into out: UnsafeMutablePointer<Double>) {
        out.update(from: parameters(), count: parameterCount)
    }

    package func rowCount(_ rows: RowSelection) throws -> Int {
        guard case .own = rows else { throw Undefined("only_own_rows") }
        return samples
    }

    package func evaluate(
        _ quantity: ObjectiveQuantity, at point: UnsafePointer<Double>?, rows: RowSelection,
        along vector: UnsafePointer<Double>?, into out: UnsafeMutablePointer<Double>
    ) throws {
        _ = try rowCount(rows)
        let theta = point.map { Array(UnsafeBufferPointer(start: $0, count: parameterCount)) } ?? parameters()
        let errors = zip(times(theta), targets).map { $0 - $1 }
        let n = Double(samples)
        switch quantity {
        case .value: out[0] = errors.reduce(0) { $0 + $1 * $1 } / (2 * n)
        case .gradient: give(transposed(errors.map { $0 / n }), to: out)
        case .hessianProduct, .gaussNewtonProduct:
            let v = (0..<parameterCount).map { vector?[$0] ?? .nan }
            give(transposed(times(v).map { $0 / n }), to: out)
        case .sampleGradients: give((0..<samples).flatMap { s in row(s).map { errors[s] * $0 } }, to: out)
        case .sampleSquaredNorms:
            give((0..<samples).map { s in row(s).reduce(0) { $0 + $1 * $1 } * errors[s] * errors[s] }, to: out)
        }
    }

    package func width(of node: String) throws -> Int {
        switch node {
        case "parameters", "linear.input": return parameterCount
        case "output", "linear.output": return 1
        default: throw Undefined("no_such_node")
        }
    }

    package func jacobian(
        _ product: JacobianProduct, of output: String, variable: String, at point: UnsafePointer<Double>?,
        rows: RowSelection, along vector: UnsafePointer<Double>, into out: UnsafeMutablePointer<Double>
    ) throws {
        guard variable == "parameters" else { throw Undefined("only_parameters") }
        switch product {
        case .forward: give(times((0..<parameterCount).map { vector[$0] }), to: out)
        case .backward: give(transposed((0..<samples).map { vector[$0] }), to: out)
        }
    }

    private func row(_ s: Int) -> ArraySlice<Double> {
        design.elements[s * design.columns..<(s + 1) * design.columns]
    }

    /// X v.
    private func times(_ v: [Double]) -> [Double] {
        (0..<samples).map { s in zip(row(s), v).reduce(0) { $0 + $1.0 * $1.1 } }
    }

    /// Xᵀ u.
    private func transposed(_ u: [Double]) -> [Double] {
        (0..<parameterCount).map { j in (0..<samples).reduce(0) { $0 + design[$1, j] * u[$1] } }
    }

    private func give(_ values: [Double], to out: UnsafeMutablePointer<Double>) {
        out.update(from: values, count: values.count)
    }
}
