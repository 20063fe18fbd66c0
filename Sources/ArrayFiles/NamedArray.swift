/// A dense row-major array with its name, as array files hold them.
package struct NamedArray: Equatable, Sendable {
    /// The numbers, by type.
    package enum Element: Equatable, Sendable {
        case f64([Double])
        case f32([Float])
        case i32([Int32])
        case i64([Int64])
        case u8([UInt8])
    }

    package var name: String
    package var shape: [Int]
    package var data: Element

    package init(_ name: String, shape: [Int], _ data: Element) {
        self.name = name
        self.shape = shape
        self.data = data
    }
}

extension NamedArray.Element {
    /// The number of values.
    package var count: Int {
        switch self {
        case .f64(let values): values.count
        case .f32(let values): values.count
        case .i32(let values): values.count
        case .i64(let values): values.count
        case .u8(let values): values.count
        }
    }

    /// The values as they lie in memory and in files: little-endian, without gaps.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        switch self {
        case .f64(let values): try values.withUnsafeBytes(body)
        case .f32(let values): try values.withUnsafeBytes(body)
        case .i32(let values): try values.withUnsafeBytes(body)
        case .i64(let values): try values.withUnsafeBytes(body)
        case .u8(let values): try values.withUnsafeBytes(body)
        }
    }

    var storage: Storage {
        switch self {
        case .f64: .f64
        case .f32: .f32
        case .i32: .i32
        case .i64: .i64
        case .u8: .u8
        }
    }
}

/// The number of values of a shape; nil if a size is negative or the product does not fit.
func elementCount(of shape: [Int]) -> Int? {
    var count = 1
    for size in shape {
        let (product, overflow) = count.multipliedReportingOverflow(by: size)
        if size < 0 || overflow { return nil }
        count = product
    }
    return count
}

extension [NamedArray] {
    /// Checks what both writers need: unique names, and shapes that match their values.
    func requireWritable(to path: String) throws {
        var names: Set<String> = []
        for array in self {
            func refuse(_ message: String) -> FileError { FileError(.invalid, path, key: array.name, message) }
            if array.name.isEmpty { throw refuse("an array without a name cannot be written; give each a name.") }
            if !names.insert(array.name).inserted { throw refuse("two arrays have this name; give each its own.") }
            if elementCount(of: array.shape) != array.data.count {
                throw refuse("shape \(array.shape) does not match its \(array.data.count) values.")
            }
        }
    }
}
