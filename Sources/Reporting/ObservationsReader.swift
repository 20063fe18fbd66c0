import Foundation

/// Reads `observations.csv` (`step,probe,output,layer,index,value,reason`) into columns.
///
/// The lines of one step repeat those of the step before, so the key that followed last time is tried first: no line is
/// split or hashed as long as the guess holds.
struct ObservationsReader {
    private(set) var interner = Interner()
    /// The bytes `probe,output,layer,index,` of each series, and the series that followed it last.
    private var keys: [[UInt8]] = []
    private var successors: [Int] = []
    private var numbers: [[UInt8]: Int] = [:]
    private var seriesOfKey: [Int] = []

    private static let comma = UInt8(ascii: ",")
    private static let newline = UInt8(ascii: "\n")
    private static let quote = UInt8(ascii: "\"")
    private static let header = "step,probe,output,layer,index,value,reason\n"

    /// A last line without its end was cut by a kill and is left out.
    mutating func read(_ data: Data, location: String) throws -> Curves.Log {
        var log = Curves.Log()
        try data.withUnsafeBytes { raw in
            let bytes = raw.bindMemory(to: UInt8.self)
            guard let end = bytes.lastIndex(of: Self.newline) else { return }
            guard bytes.starts(with: Self.header.utf8) else {
                throw ReportError("expected the header '\(Self.header.dropLast())'", at: "\(location):1")
            }
            log.reserve(bytes.count / 56)
            var at = Self.header.utf8.count
            var line = 2
            var previous = -1
            while at < end {
                at = try read(UnsafeBufferPointer(rebasing: bytes[...end]), from: at, after: &previous, into: &log) {
                    ReportError($0, at: "\(location):\(line)")
                }
                line += 1
            }
        }
        return log
    }

    /// Reads one line and returns where the next begins. `bytes` ends with a newline, so every scan below stops.
    private mutating func read(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, after previous: inout Int, into log: inout Curves.Log,
        error: (String) -> ReportError
    ) throws -> Int {
        var at = start
        var step = 0
        while case let digit = bytes[at] &- 48, digit <= 9, at - start < 18 {
            step = step * 10 + Int(digit)
            at += 1
        }
        guard at > start, bytes[at] == Self.comma else { throw error("the step is not a whole number") }
        at += 1

        let key = try key(in: bytes, at: at, after: previous, error: error)
        at += keys[key].count
        previous = key

        var value = Double.nan
        let valueStart = at
        if bytes[at] != Self.comma {
            guard let base = bytes.baseAddress else { return at }
            let text = UnsafeRawPointer(base + at).assumingMemoryBound(to: CChar.self)
            var stop: UnsafeMutablePointer<CChar>?
            value = strtod(text, &stop)
            at += stop.map { UnsafePointer($0) - text } ?? 0
        }
        guard bytes[at] == Self.comma else {
            if at > valueStart, bytes[at] == Self.newline { throw error("expected 7 fields, found 6") }
            let field = bytes[valueStart...].prefix { $0 != Self.comma && $0 != Self.newline }
            throw error("expected a number as value, found '\(String(decoding: field, as: UTF8.self))'")
        }
        at += 1
        let reasonStart = at
        while bytes[at] != Self.newline { at += 1 }
        var reason: UInt16 = 0
        if !value.isFinite {
            var fields = bytes[reasonStart..<at]
            if fields.last == UInt8(ascii: "\r") { fields = fields.dropLast() }
            let code = String(decoding: fields, as: UTF8.self)
            reason = interner.number(reason: code.isEmpty ? "not_finite" : code)
        }
        log.append(series: seriesOfKey[key], step: step, value: value, reason: reason)
        return at + 1
    }

    /// The number of the key that begins at `at`: the successor of the one before, if the bytes agree, else by looking it up.
    private mutating func key(
        in bytes: UnsafeBufferPointer<UInt8>, at: Int, after previous: Int, error: (String) -> ReportError
    ) throws -> Int {
        if previous >= 0, case let guess = successors[previous], guess >= 0, matches(keys[guess], bytes, at) {
            return guess
        }
        var end = at
        var commas = 0
        var isQuoted = false
        while commas < 4 {
            if bytes[end] == Self.quote { isQuoted.toggle() }
            if bytes[end] == Self.newline, !isQuoted { throw error("expected 7 fields, found \(commas + 2)") }
            if bytes[end] == Self.comma, !isQuoted { commas += 1 }
            end += 1
            guard end < bytes.count else { throw error("a quoted field does not end") }
        }
        let text = Array(bytes[at..<end])
        let number: Int
        if let known = numbers[text] {
            number = known
        } else {
            number = keys.count
            let fields = fields(text)
            let index = fields[3].isEmpty ? nil : Int(fields[3])
            if index == nil, !fields[3].isEmpty { throw error("the index '\(fields[3])' is not a whole number") }
            keys.append(text)
            numbers[text] = number
            successors.append(-1)
            seriesOfKey.append(
                interner.number(Series(probe: fields[0], output: fields[1], layer: fields[2], index: index)))
        }
        if previous >= 0 { successors[previous] = number }
        return number
    }

    private func matches(_ key: [UInt8], _ bytes: UnsafeBufferPointer<UInt8>, _ at: Int) -> Bool {
        guard at + key.count < bytes.count, let base = bytes.baseAddress else { return false }
        return key.withUnsafeBytes { bytes in bytes.baseAddress.map { memcmp($0, base + at, key.count) == 0 } ?? false }
    }

    /// The four fields of a key, each followed by its comma, quotes removed.
    private func fields(_ key: [UInt8]) -> [String] {
        var fields: [String] = []
        var field: [UInt8] = []
        var isQuoted = false
        for (i, byte) in key.enumerated() {
            if byte == Self.quote {
                // A doubled quote inside quotes is one quote: the second toggles back and is kept.
                if !isQuoted, i > 0, key[i - 1] == Self.quote, !field.isEmpty { field.append(byte) }
                isQuoted.toggle()
            } else if byte == Self.comma, !isQuoted {
                fields.append(String(decoding: field, as: UTF8.self))
                field = []
            } else {
                field.append(byte)
            }
        }
        return fields
    }
}
