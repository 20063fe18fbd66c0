/// What the host keeps for a probe about one layer, parameter, pair or run. Names are `id`, of a binding `binding:id`.
package final class ProbeMemory {
    /// Numbers of 8 bytes, f64 or i64, that begin as zeros.
    package final class Tensor {
        package let shape: [Int]
        package let isInteger: Bool
        package let pointer: UnsafeMutableRawPointer

        package init(shape: [Int], isInteger: Bool) {
            (self.shape, self.isInteger) = (shape, isInteger)
            let bytes = 8 * max(shape.reduce(1, *), 1)
            pointer = .allocate(byteCount: bytes, alignment: 64)
            pointer.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        }

        deinit { pointer.deallocate() }

        /// Its values, also integers.
        package var numbers: [Double] {
            (0..<count).map {
                isInteger
                    ? Double(pointer.load(fromByteOffset: 8 * $0, as: Int64.self))
                    : pointer.load(fromByteOffset: 8 * $0, as: Double.self)
            }
        }

        package func set(_ numbers: [Double]) {
            for (i, number) in numbers.prefix(count).enumerated() {
                if isInteger {
                    pointer.storeBytes(of: Int64(number), toByteOffset: 8 * i, as: Int64.self)
                } else {
                    pointer.storeBytes(of: number, toByteOffset: 8 * i, as: Double.self)
                }
            }
        }

        package var count: Int { shape.reduce(1, *) }
        package var bytes: Int { 8 * count }
    }

    /// Of one observation, over its passes of rows.
    package var accumulators: [String: Tensor] = [:]
    /// Of the whole run: they are part of its checkpoint.
    package var states: [String: Tensor] = [:]
    /// By binding: the shapes that arguments had in the passes so far, with 0 for the number of rows. A binding that is not here has
    /// had no pass.
    package var shapes: [String: [String: [Int]]] = [:]
    /// By binding: the reason code of the pass that failed.
    package var failures: [String: String] = [:]

    package init() {}

    /// Forgets the passes.
    package func endObservation() {
        accumulators = [:]
        shapes = [:]
        failures = [:]
    }
}
