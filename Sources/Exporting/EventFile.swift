/// The bytes of an event file of TensorBoard.
///
/// Records: length (8 bytes), masked CRC-32C of it, an event, masked CRC-32C of that (tensorflow/core/lib/io/record_writer.h).
/// Events are protocol buffers (tensorflow/core/util/event.proto, framework/summary.proto): `Event { double wall_time = 1; int64 step = 2;
/// string file_version = 3; Summary summary = 5 }`, `Summary { repeated Value value = 1 }`, `Value { string tag = 1; float simple_value = 2 }`.
struct EventFile {
    private(set) var bytes: [UInt8] = []
    private let time: Double

    /// - Parameter time: wall time of all events, in seconds since 1970.
    init(time: Double) {
        self.time = time
        var event = Message()
        event.add(1, time)
        event.add(3, Array("brain.Event:2".utf8))
        append(event.bytes)
    }

    mutating func add(step: Int, _ scalars: [(tag: String, value: Float)]) {
        var summary = Message()
        for (tag, scalar) in scalars {
            var value = Message()
            value.add(1, Array(tag.utf8))
            value.add(2, scalar)
            summary.add(1, value.bytes)
        }
        var event = Message()
        event.add(1, time)
        event.add(2, UInt64(step))
        event.add(5, summary.bytes)
        append(event.bytes)
    }

    private mutating func append(_ event: [UInt8]) {
        let length = withUnsafeBytes(of: UInt64(event.count).littleEndian) { Array($0) }
        bytes += length
        bytes += Self.checksum(length)
        bytes += event
        bytes += Self.checksum(event)
    }

    /// Masked, as files of records have it.
    private static func checksum(_ bytes: [UInt8]) -> [UInt8] {
        let crc = bytes.reduce(UInt32.max) { crc, byte in crc >> 8 ^ table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)]
        }
        let value = ~crc
        return withUnsafeBytes(of: ((value >> 15 | value << 17) &+ 0xA282_EAD8).littleEndian) { Array($0) }
    }

    /// Castagnoli's polynomial.
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { crc, _ in crc >> 1 ^ (crc & 1 == 1 ? 0x82F6_3B78 : 0) }
    }

    /// Fields of a protocol buffer.
    private struct Message {
        private(set) var bytes: [UInt8] = []

        private mutating func varint(_ value: UInt64) {
            var rest = value
            while rest >= 0x80 {
                bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            bytes.append(UInt8(rest))
        }

        mutating func add(_ field: UInt64, _ value: UInt64) {
            varint(field << 3)
            varint(value)
        }

        mutating func add(_ field: UInt64, _ value: Double) {
            varint(field << 3 | 1)
            withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
        }

        mutating func add(_ field: UInt64, _ value: Float) {
            varint(field << 3 | 5)
            withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
        }

        mutating func add(_ field: UInt64, _ content: [UInt8]) {
            varint(field << 3 | 2)
            varint(UInt64(content.count))
            bytes += content
        }
    }
}
