import Foundation

/// What a probe measures along training, one number per step: what the lines of `observations.csv` with the same names
/// have in common.
package struct Series: Hashable, Sendable {
    /// The key of the probe in the study.
    package var probe: String
    /// `binding.output`, or `output`.
    package var output: String
    /// The layer's or parameter's name; empty for a whole network.
    package var layer: String
    /// Position in an array output.
    package var index: Int?

    package init(probe: String, output: String, layer: String = "", index: Int? = nil) {
        self.probe = probe
        self.output = output
        self.layer = layer
        self.index = index
    }

    /// The name claims use: `crh.forward_rga.raw.alpha`.
    package var name: String { "\(probe).\(output)" }
}

/// The observations of one run, in columns: what differs from line to line is numbers, names are stored once.
package struct ObservationTable: Sendable {
    /// In order of first appearance.
    package private(set) var series: [Series] = []
    package private(set) var reasons: [String] = []

    // One entry per line.
    package private(set) var step: [Int] = []
    /// Index into `series`.
    package private(set) var seriesIndex: [Int32] = []
    /// NaN where there is no value.
    package private(set) var value: [Double] = []
    /// Index into `reasons`, or -1 for a number.
    package private(set) var reason: [Int32] = []

    package var count: Int { step.count }

    package init() {}

    /// Reads `observations.csv`. A last line without its end (a run that was killed while writing) is left out.
    package static func read(file: String) throws(StudyError) -> ObservationTable {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw StudyError("\(file): cannot be read")
        }
        var table = ObservationTable()
        let failure = data.withUnsafeBytes { table.read($0.bindMemory(to: UInt8.self)) }
        if let failure { throw StudyError("\(file):\(failure.line): \(failure.sentence)") }
        return table
    }

    private struct Failure { var line: Int, sentence: String }

    private mutating func read(_ bytes: UnsafeBufferPointer<UInt8>) -> Failure? {
        let newline = UInt8(ascii: "\n"), comma = UInt8(ascii: ","), quote = UInt8(ascii: "\"")
        let header = Array(ObservationWriter.header.utf8)
        guard let headerEnd = bytes.firstIndex(of: newline), bytes[..<headerEnd].elementsEqual(header) else {
            return bytes.isEmpty
                ? nil : Failure(line: 1, sentence: "expected the header '\(ObservationWriter.header)'")
        }
        let estimate = (bytes.count - headerEnd) / 48
        step.reserveCapacity(estimate)
        seriesIndex.reserveCapacity(estimate)
        value.reserveCapacity(estimate)
        reason.reserveCapacity(estimate)
        var names = NameTable<Series>(), codes = NameTable<String>()
        var line = 1
        var start = headerEnd + 1
        while start < bytes.count {
            line += 1
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
            if end == bytes.count { break }  // a line that a kill cut short
            guard fields == 6 else { return Failure(line: line, sentence: "expected 7 fields, found \(fields + 1)") }
            guard let number = Self.integer(bytes[start..<ends[0]]) else {
                return Failure(line: line, sentence: "the step is not a number")
            }
            let id = names.index(of: UnsafeBufferPointer(rebasing: bytes[ends[0]..<ends[4]])) {
                Series(
                    probe: Self.text(bytes[(ends[0] + 1)..<ends[1]]),
                    output: Self.text(bytes[(ends[1] + 1)..<ends[2]]),
                    layer: Self.text(bytes[(ends[2] + 1)..<ends[3]]),
                    index: Self.integer(bytes[(ends[3] + 1)..<ends[4]]))
            }
            if ends[4] + 1 < ends[5] {
                guard let measured = Self.real(bytes, ends[4] + 1, ends[5]) else {
                    return Failure(
                        line: line, sentence: "'\(Self.text(bytes[(ends[4] + 1)..<ends[5]]))' is not a number")
                }
                value.append(measured)
                reason.append(-1)
            } else {
                value.append(.nan)
                reason.append(
                    codes.index(of: UnsafeBufferPointer(rebasing: bytes[(ends[5] + 1)..<end])) {
                        Self.text(bytes[(ends[5] + 1)..<end])
                    })
            }
            step.append(number)
            seriesIndex.append(id)
            start = end + 1
        }
        series = names.values
        reasons = codes.values
        return nil
    }

    private static func integer(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Int? {
        var result = 0
        guard !bytes.isEmpty, bytes.count < 19 else { return nil }
        for byte in bytes {
            guard byte >= 48, byte <= 57 else { return nil }
            result = result * 10 + Int(byte - 48)
        }
        return result
    }

    /// `strtod` stops at the comma that follows, so it needs no copy.
    private static func real(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Double? {
        guard let base = bytes.baseAddress else { return nil }
        let text = UnsafeRawPointer(base + start).assumingMemoryBound(to: CChar.self)
        var stop: UnsafeMutablePointer<CChar>?
        let value = strtod(text, &stop)
        guard let stop, UnsafeRawPointer(stop) - UnsafeRawPointer(text) == end - start, value.isFinite else {
            return nil
        }
        return value
    }

    private static func text(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.first == "\"", text.count >= 2 else { return text }
        return text.dropFirst().dropLast().replacingOccurrences(of: "\"\"", with: "\"")
    }
}

/// Numbers byte strings in order of first appearance; a line usually repeats a recent one's successor, so that is tried first.
private struct NameTable<Value> {
    private(set) var values: [Value] = []
    private var names: [UnsafeBufferPointer<UInt8>] = []
    private var numbers: [Int: [Int32]] = [:]
    private var next = 0

    mutating func index(of name: UnsafeBufferPointer<UInt8>, make: () -> Value) -> Int32 {
        if next < names.count, Self.same(names[next], name) {
            defer { next = next + 1 < names.count ? next + 1 : 0 }
            return Int32(next)
        }
        var hasher = Hasher()
        hasher.combine(bytes: UnsafeRawBufferPointer(name))
        let hash = hasher.finalize()
        for number in numbers[hash] ?? [] where Self.same(names[Int(number)], name) {
            next = Int(number) + 1 < names.count ? Int(number) + 1 : 0
            return number
        }
        let number = Int32(values.count)
        values.append(make())
        names.append(name)
        numbers[hash, default: []].append(number)
        next = 0
        return number
    }

    private static func same(_ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>) -> Bool {
        guard a.count == b.count, let left = a.baseAddress, let right = b.baseAddress else {
            return a.count == b.count
        }
        return memcmp(left, right, a.count) == 0
    }
}
