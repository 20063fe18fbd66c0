import CSyzygy
import Engine
import Manifests
import Protocols

/// Calls of one function of a component on memory that the caller owns, without the checks of a run: for validation.
package final class TrialCall {
    package let function: Function
    package let precision: Precision
    private let loaded: LoadedComponent
    private let frame: CallFrame

    /// - Parameter derivatives: the network that services evaluate, for probes.
    package init(
        _ loader: ComponentLoader, _ choice: Choice, _ kind: Component.Kind,
        function: (Component) -> Function = \.call, precision: Precision, derivatives: (any Derivatives)? = nil
    ) throws {
        loaded = try loader.component(choice, kind)
        self.function = function(loaded.component)
        self.precision = precision
        loaded.context.derivatives = derivatives.map(DerivativesService.init)
        frame = try loaded.frame(self.function, precision)
    }

    package var component: Component { loaded.component }

    /// The shape of an output or a variable for these arguments, without rows and described axes.
    package func shape(
        _ extents: [OutputDeclaration.Extent], for operands: [String: Operand]
    ) throws -> [Int] {
        try Sizes(operands: operands, context: loaded.context, function: function).shape(extents)
    }

    /// - Parameter message: where the function may write its message; nil: memory of its own.
    package func bind(
        _ operands: [String: Operand], fields: [Argument.Field: Int] = [:], rows: Range<Int> = 0..<0, split: Int = 0,
        message: UnsafeMutableRawBufferPointer? = nil
    ) throws {
        try frame.bind(operands, fields: fields, rows: rows, split: split)
        if let message { frame.setMessage(message) }
    }

    /// The status, 0 for functions without one, `changedFloatMode` if the function did that.
    package func call(step: Int = 0) -> Int32 {
        frame.set(step: step)
        return frame.call()
    }

    package static let changedFloatMode = CallFrame.changedFloatMode
    package var returned: Double { frame.returned }
    package var text: String { frame.text }

    /// What a status other than 0 means, in words.
    package func words(_ status: Int32) -> String { loaded.error(status, text).sentence }

    /// The status of an input without a value.
    package static let undefined = Int32(SYZYGY_UNDEFINED)
}
