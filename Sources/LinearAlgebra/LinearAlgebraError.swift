/// A matrix routine that has no result for its input.
package struct LinearAlgebraError: Error, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable {
        case notFinite = "not_finite"
        case notSymmetric = "not_symmetric"
        case notPositiveDefinite = "not_positive_definite"
        case noConvergence = "no_convergence"
        case size
        case memory
    }

    package let code: Code
    /// One sentence: which routine, what it found, what it needs.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
