/// Comfort for plugins written in Swift: thin views over the pointers and services of `syzygy.h`. Public, unlike the
/// rest of the package, because plugins live in packages of their own; it depends on the C header only.
@_exported import CSyzygy

/// What a function declared with `"returns": "status"` returns; the raw values are those of `syzygy.h`.
public enum Status: syzygy_status, Sendable {
    case ok, cancelled, invalid, unsupported, undefined, noMemory, io, `internal`
}

/// The `message` buffer of a call: one line of UTF-8 for the host.
public struct Message {
    let buffer: UnsafeMutablePointer<CChar>
    let size: Int

    /// `buffer` and `size` as the arguments bound to `message` and `message_size`.
    public init(_ buffer: UnsafeMutablePointer<CChar>, size: Int) {
        self.buffer = buffer
        self.size = size
    }

    /// Writes `text`, cut at the last whole character that fits, and a terminating zero.
    public func write(_ text: String) {
        guard size > 0 else { return }
        var end = 0
        for character in text.unicodeScalars {
            let units = UTF8.encode(character).map(Array.init) ?? []
            guard end + units.count < size else { break }
            for unit in units {
                buffer[end] = CChar(bitPattern: unit)
                end += 1
            }
        }
        buffer[end] = 0
    }
}
