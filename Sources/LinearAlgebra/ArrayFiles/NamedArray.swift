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

    /// The number of values held, whatever `shape` says.
    package var count: Int {
        switch data {
        case .f64(let values): values.count
        case .f32(let values): values.count
        case .i32(let values): values.count
        case .i64(let values): values.count
        case .u8(let values): values.count
        }
    }

    /// The values as f64; integers beyond 2⁵³ are rounded.
    package var doubles: [Double] {
        switch data {
        case .f64(let values): values
        case .f32(let values): values.map(Double.init)
        case .i32(let values): values.map(Double.init)
        case .i64(let values): values.map(Double.init)
        case .u8(let values): values.map(Double.init)
        }
    }
}
