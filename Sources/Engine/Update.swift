import CShims

/// A function that a run calls for one parameter when its gradient is there: it adds to the gradient, or changes the
/// parameter. Updates of a block run in the order they are given.
package struct Update {
    /// Memory that the function reads or writes: of an elementwise one, as many numbers as the gradient has.
    package struct Operand {
        let pointer: UnsafeMutableRawPointer
        let bytes: Int
        let isWrite: Bool

        package init(_ pointer: UnsafeMutableRawPointer, bytes: Int, isWrite: Bool) {
            (self.pointer, self.bytes, self.isWrite) = (pointer, bytes, isWrite)
        }

        var range: Range<UInt> { UInt(bitPattern: pointer)..<UInt(bitPattern: pointer) + UInt(bytes) }
    }

    /// How elements are divided into the parts that the function is called for. It does not depend on the threads.
    package struct Parts: Hashable, Sendable {
        package let count: Int
        package let elementsPerUnit: Int
        package let unitsPerPart: Int
        package let threads: Int

        package var units: Int { count / elementsPerUnit }
        package var parts: Int { (units + unitsPerPart - 1) / unitsPerPart }

        /// The elements of some units.
        package func elements(_ units: Range<Int>) -> Range<Int> {
            units.lowerBound * elementsPerUnit..<min(units.upperBound * elementsPerUnit, count)
        }

        package init(count: Int, elementsPerUnit: Int, threads: Int) {
            self.count = count
            self.elementsPerUnit = elementsPerUnit
            self.threads = threads
            let wanted = min(max(count / 16, Parts.fewest), Parts.most)
            // Parts begin on cache lines: at multiples of 16 elements.
            let aligned = 16 >> min(elementsPerUnit.trailingZeroBitCount, 4)
            unitsPerPart = (max(wanted / elementsPerUnit, 1) + aligned - 1) / aligned * aligned
        }

        /// Elements of a part: calls should cost little beside their work, and what they touch stay in the cache.
        private static let fewest = 2048, most = 16384
    }

    /// Where the gradient is: that of a block, or a part of it.
    let gradient: UnsafeMutableRawPointer
    /// Its elements.
    let count: Int
    /// Whether the function may be called for any part of them.
    package let isElementwise: Bool
    let operands: [Operand]
    package let kernel: sz_kernel
    /// What the kernel gets for the given parts, valid as long as the closure.
    package let arguments: (Parts) -> UnsafeRawPointer

    package init(
        gradient: UnsafeMutableRawPointer, count: Int, isElementwise: Bool, operands: [Operand],
        kernel: @escaping sz_kernel,
        arguments: @escaping (Parts) -> UnsafeRawPointer
    ) {
        (self.gradient, self.count) = (gradient, count)
        (self.isElementwise, self.operands) = (isElementwise, operands)
        (self.kernel, self.arguments) = (kernel, arguments)
    }

    /// A Swift function, called for the whole gradient.
    package init(
        gradient: UnsafeMutableRawPointer, count: Int, operands: [Operand], function: @escaping () -> Void
    ) {
        let box = Function(call: function)
        self.init(
            gradient: gradient, count: count, isElementwise: false, operands: operands,
            kernel: { box, _, _, _ in
                if let box { Unmanaged<Function>.fromOpaque(box).takeUnretainedValue().call() }
            },
            arguments: { _ in UnsafeRawPointer(Unmanaged.passUnretained(box).toOpaque()) })
    }

    private final class Function {
        let call: () -> Void
        init(call: @escaping () -> Void) { self.call = call }
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
