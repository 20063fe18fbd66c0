/// How the numbers of an array lie in a file. Half precision is read (exactly, as f32) and never written.
enum Storage: CaseIterable {
    case f64, f32, f16, bf16, i64, i32, u8, bool

    var size: Int {
        switch self {
        case .f64, .i64: 8
        case .f32, .i32: 4
        case .f16, .bf16: 2
        case .u8, .bool: 1
        }
    }

    /// The name in `.npy` headers; NumPy has none for bf16.
    var numpy: String? {
        switch self {
        case .f64: "<f8"
        case .f32: "<f4"
        case .f16: "<f2"
        case .bf16: nil
        case .i64: "<i8"
        case .i32: "<i4"
        case .u8: "|u1"
        case .bool: "|b1"
        }
    }

    /// The name in safetensors headers.
    var safetensors: String {
        switch self {
        case .f64: "F64"
        case .f32: "F32"
        case .f16: "F16"
        case .bf16: "BF16"
        case .i64: "I64"
        case .i32: "I32"
        case .u8: "U8"
        case .bool: "BOOL"
        }
    }

    /// The values of `bytes`, whose count is a multiple of `size`. Booleans become 0 and 1.
    func decode(_ bytes: UnsafeRawBufferPointer) -> NamedArray.Element {
        switch self {
        case .f64: .f64(copy(bytes))
        case .f32: .f32(copy(bytes))
        case .f16: .f32((copy(bytes) as [UInt16]).map { Float(Float16(bitPattern: $0)) })
        case .bf16: .f32((copy(bytes) as [UInt16]).map { Float(bitPattern: UInt32($0) << 16) })
        case .i64: .i64(copy(bytes))
        case .i32: .i32(copy(bytes))
        case .u8: .u8(copy(bytes))
        case .bool: .u8(bytes.map { $0 == 0 ? 0 : 1 })
        }
    }

    private func copy<Value: BitwiseCopyable>(_ bytes: UnsafeRawBufferPointer) -> [Value] {
        let count = bytes.count / MemoryLayout<Value>.size
        return [Value](unsafeUninitializedCapacity: count) { buffer, filled in
            UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
            filled = count
        }
    }
}
