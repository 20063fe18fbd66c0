import Engine

/// Tensors of a run by the names that checkpoints give them.
package typealias NamedTensor = (name: String, shape: [Int], values: UnsafeMutableRawPointer)

/// Copies of all tensors that a run needs to go on, taken now and then, so that its last steps can be repeated.
final class Recollection {
    /// Steps from one to the next: copying costs little beside them, and so does repeating them once.
    static let interval = 100

    /// Of the run's step at which the copies were taken.
    private(set) var step = 0
    private let tensors: [(name: String, from: UnsafeMutableRawPointer, copy: UnsafeMutableRawPointer, bytes: Int)]

    init(of tensors: [NamedTensor], _ precision: Precision) {
        self.tensors = tensors.map { tensor in
            let bytes = tensor.shape.reduce(1, *) * precision.bytes
            let copy = Memory.allocate(bytes: bytes)
            return (tensor.name, tensor.values, copy, bytes)
        }
    }

    deinit { for tensor in tensors { tensor.copy.deallocate() } }

    /// Before a step, now and then. Once, parameters that are not finite are not taken: what came before them tells
    /// where that came from.
    func take(step: Int, of store: ParameterStore) {
        if step > self.step, step - self.step <= Recollection.interval, !store.isFinite { return }
        take(step: step)
    }

    /// Before a step.
    func take(step: Int) {
        self.step = step
        for tensor in tensors { tensor.copy.copyMemory(from: tensor.from, byteCount: tensor.bytes) }
    }

    func restore() {
        for tensor in tensors { tensor.from.copyMemory(from: tensor.copy, byteCount: tensor.bytes) }
    }

    /// Sets the tensors of another session of the same run.
    func restore(into others: [NamedTensor]) {
        let copies = Dictionary(tensors.map { ($0.name, $0) }) { first, _ in first }
        for other in others {
            guard let own = copies[other.name] else { continue }
            other.values.copyMemory(from: own.copy, byteCount: own.bytes)
        }
    }
}
