import Foundation

/// Where the fields of a line of `observations.csv` are.
struct ObservationLine {
    var number: Int
    var step: Int
    /// -1: not known yet.
    var series: Int32 = -1
    /// From the comma behind the step to that before the value.
    var name: Range<Int>
    var value: Range<Int>
    var reason: Range<Int>
    /// Of the line feed.
    var end: Int

    /// - Parameter expected: the number and the name of the series that the line probably has.
    static func read(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, _ number: Int,
        expected: (number: Int32, name: UnsafeBufferPointer<UInt8>)?
    ) -> Result<ObservationLine, ObservationTable.Failure> {
        if let expected, let line = ObservationLine(bytes, from: start, number, expected.number, expected.name) {
            return .success(line)
        }
        let newline = UInt8(ascii: "\n"), comma = UInt8(ascii: ","), quote = UInt8(ascii: "\"")
        // Positions of the six separators; commas inside quotes do not count.
        var ends = InlineArray<6, Int>(repeating: 0)
        var fields = 0
        var isQuoted = false
        var end = start
        while end < bytes.count, isQuoted || bytes[end] != newline {
            let byte = bytes[end]
            if byte == quote { isQuoted.toggle() }
            if byte == comma, !isQuoted {
                if fields < 6 { ends[fields] = end }
                fields += 1
            }
            end += 1
        }
        if end == bytes.count { return .failure(.init(line: 0)) }
        guard fields == 6 else {
            return .failure(.init(line: number, sentence: "expected 7 fields, found \(fields + 1)"))
        }
        guard let step = ObservationTable.integer(bytes[start..<ends[0]]) else {
            return .failure(.init(line: number, sentence: "the step is not a number"))
        }
        return .success(
            ObservationLine(
                number: number, step: step, name: ends[0]..<ends[4], value: (ends[4] + 1)..<ends[5],
                reason: (ends[5] + 1)..<end, end: end))
    }
}

extension ObservationLine {
    /// A line of the expected series with a value and no reason: only its step and its end are looked for.
    init?(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, _ number: Int, _ series: Int32,
        _ name: UnsafeBufferPointer<UInt8>
    ) {
        let comma = UInt8(ascii: ",")
        guard let base = bytes.baseAddress, let expected = name.baseAddress else { return nil }
        var step = 0
        var at = start
        let limit = min(start + 18, bytes.count)
        while at < limit, case let digit = bytes[at] &- 48, digit <= 9 {
            step = step * 10 + Int(digit)
            at += 1
        }
        let value = at + name.count + 1
        guard at > start, value < bytes.count, memcmp(base + at, expected, name.count) == 0,
            bytes[value - 1] == comma,
            let found = memchr(base + value, Int32(UInt8(ascii: "\n")), bytes.count - value)
        else { return nil }
        let end = UnsafePointer(found.assumingMemoryBound(to: UInt8.self)) - base
        guard end > value + 1, bytes[end - 1] == comma else { return nil }
        self.init(
            number: number, step: step, series: series, name: at..<(value - 1), value: value..<(end - 1),
            reason: end..<end, end: end)
    }
}

extension Series {
    /// From `,probe,output,layer,index`.
    init(_ bytes: UnsafeBufferPointer<UInt8>, _ name: Range<Int>) {
        var fields: [Slice<UnsafeBufferPointer<UInt8>>] = []
        var isQuoted = false
        var start = name.lowerBound + 1
        for at in start...name.upperBound {
            if at < name.upperBound, bytes[at] == UInt8(ascii: "\"") { isQuoted.toggle() }
            guard at == name.upperBound || bytes[at] == UInt8(ascii: ",") && !isQuoted else { continue }
            fields.append(bytes[start..<at])
            start = at + 1
        }
        let texts = fields.prefix(3).map(ObservationTable.text)
        self.init(
            probe: texts[0], output: texts[1], layer: texts[2], index: fields.last.flatMap(ObservationTable.integer))
    }
}
