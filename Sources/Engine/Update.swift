import CShims

/// A function that a run calls for one parameter when its gradient is there: it adds to the gradient, or changes the
/// parameter. Updates of a block run in the order they are given.
package struct Update {
    /// Memory that the function reads or writes: one number for each element of the block, or something that is only its
    /// own (nothing else in the run touches it).
    package struct Operand {
        let pointer: UnsafeMutableRawPointer
        let bytes: Int
        let isWrite: Bool

        package init(_ pointer: UnsafeMutableRawPointer, bytes: Int, isWrite: Bool) {
            (self.pointer, self.bytes, self.isWrite) = (pointer, bytes, isWrite)
        }
    }

    /// How the elements of a block are divided into the parts that the function is called for. It depends on the graph and
    /// the block only, not on the threads.
    package struct Parts: Hashable, Sendable {
        /// Elements of the block.
        package let count: Int
        package let elementsPerUnit: Int
        package let unitsPerPart: Int
        package let threads: Int

        package var units: Int { count / elementsPerUnit }
        package var parts: Int { (units + unitsPerPart - 1) / unitsPerPart }

        init(count: Int, elementsPerUnit: Int, unitsPerPart: Int? = nil, threads: Int) {
            self.count = count
            self.elementsPerUnit = elementsPerUnit
            self.threads = threads
            let wanted = min(max(count / 16, Parts.fewest), Parts.most)
            self.unitsPerPart = unitsPerPart ?? max(wanted / elementsPerUnit, 1)
        }

        /// Elements of a part: calls should cost little beside their work, and what they touch stay in the cache.
        private static let fewest = 2048, most = 16384
    }

    /// Index of the parameter in the store.
    package let block: Int
    /// Whether the function may be called for any part of the block.
    package let isElementwise: Bool
    let operands: [Operand]
    let kernel: sz_kernel
    /// What the kernel gets for the given parts, valid as long as the closure.
    let arguments: (Parts) -> UnsafeRawPointer

    package init(
        block: Int, isElementwise: Bool, operands: [Operand], kernel: @escaping sz_kernel,
        arguments: @escaping (Parts) -> UnsafeRawPointer
    ) {
        (self.block, self.isElementwise, self.operands) = (block, isElementwise, operands)
        (self.kernel, self.arguments) = (kernel, arguments)
    }

    func step(_ parts: Parts) -> Step {
        Step(name: "update", task: task(parts), kernel: kernel, arguments: arguments(parts))
    }

    func task(_ parts: Parts) -> Task {
        let touches = operands.map { operand in
            let begin = UInt(bitPattern: operand.pointer)
            return Touch(
                bytes: begin..<begin + UInt(operand.bytes),
                access: isElementwise ? .perUnit(operand.bytes / parts.units) : .all, isWrite: operand.isWrite)
        }
        return Task(units: parts.units, grain: parts.unitsPerPart, touches: touches, flops: 0)
    }
}
