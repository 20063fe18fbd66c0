import Engine
import Manifests
import Protocols

/// What an observer measures: a network at the values of its parameters, or arrays that were recorded of one.
protocol Observed: AnyObject {
    var shapes: [LayerShape] { get }
    /// Of `model.output`: numbers of a row, and rows for each sample.
    var outputWidth: Int { get }
    var outputPositions: Int { get }
    /// Of `targets`: numbers of a row, nil if there are none; of them and of labels: rows for each sample.
    var targetWidth: Int? { get }
    var targetPositions: Int { get }
    /// Outputs that Jacobians are of.
    var jacobianOutputs: Int { get }
    /// Why samples have no loss of their own, if so.
    var coupled: Undefined? { get }
    /// Names of the parameters.
    var parameters: [String] { get }
    /// Where a program that wants it leaves the gradient; nil: none does.
    var gradient: ParameterStore? { get }

    /// Whether there is such a quantity of a layer, of a parameter or of the whole, or what it is made of.
    func has(_ basic: QuantityExpression.Basic, of layer: Int?, parameter: String, split: String) -> Bool
    /// What goes through a layer at some rows.
    func program(_ key: CaptureProgram.Key) throws -> any RowProgram
    /// `[outputs, inputs]`
    func weight(of layer: Int) -> [Double]?
    /// A quantity that depends on no rows, of a layer or of a parameter; nil: there is none.
    func constant(
        _ basic: QuantityExpression.Basic, of layer: Int?, parameter: String
    ) throws(Undefined) -> (values: [Double], shape: [Int])?
    /// The network itself; nil: it is not there.
    func derivatives(on tables: [String: DataTable], split: String, rows: Int) -> (any Derivatives)?
}

struct LayerShape {
    var name: String
    var input, output: Int
    /// Rows of the layer for each row of the batch.
    var positions: Int
    /// Whether the output is computed as input times weight transposed.
    var isProduct: Bool
    /// Whether the Jacobians that are there are those at the input, not the output.
    var hasJacobiansAtInput = false

    var jacobianWidth: Int { hasJacobiansAtInput ? input : output }
}

/// Gives values of some rows of a split.
protocol RowProgram: AnyObject {
    /// - Parameter first: number of the first cotangent.
    func run(on table: DataTable, from row: Int, _ kind: JacobianCotangents, first: Int)
    /// Values of the last run, `[rows · positions, width]`; nil for a capture this program was not made for.
    func values(_ capture: Capture) -> UnsafePointer<Double>?
    /// Of the last run, `[rows · positions, jacobianWidth]`.
    func jacobian(cotangent: Int, layer: Int) -> UnsafePointer<Double>?
}
