/// Values and gradients of all parameters of a network, each in one contiguous buffer with named blocks.
package final class ParameterStore {
    package let precision: Precision
    package init(precision: Precision) { self.precision = precision }
}
