/// How the numbers of an array lie in a file. Types that `NamedArray` does not have are read, exactly, as a wider one,
/// and never written.
enum Storage: CaseIterable {
    case f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, bool

    var size: Int {
        switch self {
        case .f64, .i64, .u64: 8
        case .f32, .i32, .u32: 4
        case .f16, .bf16, .i16, .u16: 2
        case .i8, .u8, .bool: 1
        }
    }

    /// The name in `.npy` headers without the order of bytes (`<`, `>`, or `|` for single bytes); NumPy has none for bf16.
    var numpy: String? {
        switch self {
        case .f64: "f8"
        case .f32: "f4"
        case .f16: "f2"
        case .bf16: nil
        case .i64: "i8"
        case .i32: "i4"
        case .i16: "i2"
        case .i8: "i1"
        case .u64: "u8"
        case .u32: "u4"
        case .u16: "u2"
        case .u8: "u1"
        case .bool: "b1"
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
        case .i16: "I16"
        case .i8: "I8"
        case .u64: "U64"
        case .u32: "U32"
        case .u16: "U16"
        case .u8: "U8"
        case .bool: "BOOL"
        }
    }

    /// The values of `bytes`, whose count is a multiple of `size`. Booleans become 0 and 1; nil if a u64 is 2^63 or more.
    func decode(_ bytes: UnsafeRawBufferPointer, bigEndian: Bool = false) -> NamedArray.Element? {
        switch self {
        case .f64: .f64(bigEndian ? swapped(bytes).map { Double(bitPattern: $0) } : copy(bytes))
        case .f32: .f32(bigEndian ? swapped(bytes).map { Float(bitPattern: $0) } : copy(bytes))
        case .f16: .f32(integers(bytes, bigEndian).map { Float(Float16(bitPattern: $0)) })
        case .bf16: .f32(integers(bytes, bigEndian).map { (bits: UInt16) in Float(bitPattern: UInt32(bits) << 16) })
        case .i64: .i64(integers(bytes, bigEndian))
        case .i32: .i32(integers(bytes, bigEndian))
        case .i16: .i32(integers(bytes, bigEndian).map { (value: Int16) in Int32(value) })
        case .i8: .i32(bytes.map { Int32(Int8(bitPattern: $0)) })
        case .u64: signed(integers(bytes, bigEndian))
        case .u32: .i64(integers(bytes, bigEndian).map { (value: UInt32) in Int64(value) })
        case .u16: .i32(integers(bytes, bigEndian).map { (value: UInt16) in Int32(value) })
        case .u8: .u8(copy(bytes))
        case .bool: .u8(bytes.map { $0 == 0 ? 0 : 1 })
        }
    }

    private func signed(_ values: [UInt64]) -> NamedArray.Element? {
        values.allSatisfy { $0 <= Int64.max } ? .i64(values.map { Int64($0) }) : nil
    }

    private func integers<Value: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: UnsafeRawBufferPointer, _ bigEndian: Bool
    ) -> [Value] {
        bigEndian ? swapped(bytes) : copy(bytes)
    }

    private func swapped<Value: FixedWidthInteger & BitwiseCopyable>(_ bytes: UnsafeRawBufferPointer) -> [Value] {
        copy(bytes).map { (value: Value) in value.byteSwapped }
    }

    private func copy<Value: BitwiseCopyable>(_ bytes: UnsafeRawBufferPointer) -> [Value] {
        let count = bytes.count / MemoryLayout<Value>.size
        return [Value](unsafeUninitializedCapacity: count) { buffer, filled in
            UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
            filled = count
        }
    }
}
