import Engine
import OrderedCollections

/// A worked case of a component: the type check of its C function.
package struct Example: Sendable {
    package enum Given: Hashable, Sendable {
        case array(shape: [Int], data: [Double])
        /// An option, or a number such as `step`.
        case value(JSON)
    }

    package enum Expected: Hashable, Sendable {
        case number(Double)
        case array(shape: [Int], data: [Double])
        /// No value, with the reason code if the example names one.
        case undefined(reason: String?)
    }

    package var name: String
    package var given: OrderedDictionary<String, Given>
    package var expected: OrderedDictionary<String, Expected>
    package var precision: Precision
    package var binding: String?
    package var split: String?
    package var rtol: Double
    package var atol: Double
    package var pointer: String
}
