import Manifests

/// Memory for one output, pre-filled so that an element left unwritten shows.
final class OutputBuffer {
    let declaration: OutputDeclaration
    let shape: [Int]
    let count: Int
    private let memory: UnsafeMutableRawPointer
    private let ownsMemory: Bool

    /// Memory of its own, or that of `target` if the output is f64 and `target` as large and on cache lines.
    init(
        _ declaration: OutputDeclaration, shape: [Int], over target: UnsafeMutableBufferPointer<Double>? = nil
    ) {
        self.declaration = declaration
        self.shape = shape
        count = shape.reduce(1, *)
        if declaration.type == .f64, let target, target.count == count, let start = target.baseAddress,
            Int(bitPattern: start) % 64 == 0
        {
            (memory, ownsMemory) = (UnsafeMutableRawPointer(start), false)
        } else {
            let bytes = max(count, 1) * declaration.type.bytes(.f64)
            (memory, ownsMemory) = (.allocate(byteCount: bytes, alignment: 64), true)
        }
        for i in 0..<count {
            switch declaration.type {
            case .f32: memory.storeBytes(of: Float.nan, toByteOffset: i * 4, as: Float.self)
            case .i32: memory.storeBytes(of: Int32.min, toByteOffset: i * 4, as: Int32.self)
            case .i64: memory.storeBytes(of: Int64.min, toByteOffset: i * 8, as: Int64.self)
            case .u8: memory.storeBytes(of: 255, toByteOffset: i, as: UInt8.self)
            default: memory.storeBytes(of: Double.nan, toByteOffset: i * 8, as: Double.self)
            }
        }
    }

    deinit { if ownsMemory { memory.deallocate() } }

    var operand: Operand { Operand(.memory(memory), shape: shape) }

    /// Element i; NaN if it was not written (bytes cannot tell).
    func value(_ i: Int) -> Double {
        switch declaration.type {
        case .f32: return Double(memory.load(fromByteOffset: i * 4, as: Float.self))
        case .i32:
            let value = memory.load(fromByteOffset: i * 4, as: Int32.self)
            return value == .min ? .nan : Double(value)
        case .i64:
            let value = memory.load(fromByteOffset: i * 8, as: Int64.self)
            return value == .min ? .nan : Double(value)
        case .u8: return Double(memory.load(fromByteOffset: i, as: UInt8.self))
        default: return memory.load(fromByteOffset: i * 8, as: Double.self)
        }
    }

    /// Of type f64.
    var numbers: UnsafePointer<Double> { UnsafePointer(memory.assumingMemoryBound(to: Double.self)) }

    func store(_ value: Double) { memory.storeBytes(of: value, as: Double.self) }
}
