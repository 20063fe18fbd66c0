import CShims

/// Memory that a step reads or writes.
package struct Touch: Hashable, Sendable {
    /// Addresses of the whole operand.
    package let bytes: Range<UInt>
    package let access: Access
    package let isWrite: Bool

    package init(bytes: Range<UInt>, access: Access, isWrite: Bool) {
        (self.bytes, self.access, self.isWrite) = (bytes, access, isWrite)
    }

    /// What the given units touch.
    package func bytes(of units: Range<Int>) -> Range<UInt> {
        if units.isEmpty { return bytes.lowerBound..<bytes.lowerBound }
        guard case .perUnit(let size) = access else { return bytes }
        let begin = min(bytes.lowerBound + UInt(units.lowerBound * size), bytes.upperBound)
        return begin..<min(bytes.lowerBound + UInt(units.upperBound * size), bytes.upperBound)
    }

    /// Whether the order of two touches matters where they overlap.
    func meets(_ other: Touch) -> Bool { (isWrite || other.isWrite) && bytes.overlaps(other.bytes) }
}

/// What the planner knows of a step: its units and the memory they touch.
package struct Task: Sendable {
    package let units: Int
    /// Shares begin at multiples of this many units.
    package let grain: Int
    package let touches: [Touch]
    let flops: Double
    /// Cycles of one thread, roughly.
    let cost: Double
    /// Whether several threads can do it at once: no unit touches what another one writes.
    let isShareable: Bool

    init(units: Int, grain: Int = 1, touches: [Touch], flops: Double) {
        self.units = units
        self.grain = grain
        self.touches = touches
        self.flops = flops
        cost = flops / 64 + touches.reduce(0) { $0 + Double($1.bytes.count) } / 16
        isShareable =
            units > grain
            && touches.allSatisfy { write in
                guard write.isWrite else { return true }
                guard case .perUnit = write.access else { return false }
                return touches.allSatisfy {
                    !$0.meets(write) || ($0.bytes.lowerBound == write.bytes.lowerBound && $0.access == write.access)
                }
            }
    }
}

extension Task {
    /// Tasks that keep the same shares.
    init(together tasks: [Task]) {
        self.init(
            units: tasks[0].units, grain: tasks.map(\.grain).max() ?? 1, touches: tasks.flatMap(\.touches),
            flops: tasks.reduce(0) { $0 + $1.flops })
    }
}

/// A kernel with its arguments in place.
package struct Step {
    package let name: String
    package let task: Task
    package let kernel: sz_kernel
    package let arguments: UnsafeRawPointer

    func share(_ units: Range<Int>) -> sz_share {
        sz_share(run: kernel, arguments: arguments, begin: Int64(units.lowerBound), end: Int64(units.upperBound))
    }
}
