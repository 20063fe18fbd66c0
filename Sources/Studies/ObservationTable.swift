import ArrayFiles
import Foundation
import LinearAlgebra

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

    /// The name claims use: `crh.forward_rga.raw.alpha`; without a probe `loss`.
    package var name: String { probe.isEmpty ? output : "\(probe).\(output)" }
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

    /// Which observations of a series are read: all, or that of its last or first step alone.
    package enum Kept: Sendable { case all, last, first }

    /// Reads `observations.csv`. A last line without its end (a run that was killed while writing) is left out.
    ///
    /// Lines that are not kept are passed over: their values are not looked at.
    /// - Parameter end: what the file was when its run ended; nil: it has not.
    package static func read(
        file: String, _ kept: Kept = .all, as end: ObservationWriter.Position? = nil
    ) throws(StudyError) -> ObservationTable {
        let bytes: [UInt8]
        do {
            bytes = try FileDescriptor.contents(of: file)
        } catch {
            throw StudyError("\(error)")
        }
        if let end, bytes.count != end.bytes || SHA256.hex(of: bytes) != end.sha256 {
            throw StudyError(
                "\(file): is not what the run wrote (its record has the SHA-256 of \(end.bytes) bytes); restore it, or remove the "
                    + "run's folder, and 'syzygy run' computes the run again")
        }
        var table = ObservationTable()
        let failure = bytes.withUnsafeBufferPointer { table.read($0, kept) }
        if let failure { throw StudyError("\(file):\(failure.line): \(failure.sentence)") }
        return table
    }

    struct Failure: Error {
        /// 0: the end of the file came before that of the line.
        var line: Int
        var sentence = ""
    }

    private mutating func read(_ bytes: UnsafeBufferPointer<UInt8>, _ kept: Kept) -> Failure? {
        let newline = UInt8(ascii: "\n")
        let header = Array(ObservationWriter.header.utf8)
        guard let headerEnd = bytes.firstIndex(of: newline), bytes[..<headerEnd].elementsEqual(header) else {
            return bytes.isEmpty
                ? nil : Failure(line: 1, sentence: "expected the header '\(ObservationWriter.header)'")
        }
        if kept == .all {
            let estimate = (bytes.count - headerEnd) / 48
            step.reserveCapacity(estimate)
            seriesIndex.reserveCapacity(estimate)
            value.reserveCapacity(estimate)
            reason.reserveCapacity(estimate)
        }
        var names = NameTable<Series>(), codes = NameTable<String>()
        // Of each series the line that is kept, its values read when all lines are known.
        var chosen: [ObservationLine] = []
        var number = 1
        var start = headerEnd + 1
        while start < bytes.count {
            number += 1
            var line: ObservationLine
            switch ObservationLine.read(bytes, from: start, number, expected: names.expected) {
            case .success(let found): line = found
            case .failure(let failure): return failure.line == 0 ? finish(bytes, chosen, &names, &codes) : failure
            }
            if line.series < 0 {
                line.series = names.index(of: UnsafeBufferPointer(rebasing: bytes[line.name])) {
                    Series(bytes, line.name)
                }
            } else {
                names.advance()
            }
            start = line.end + 1
            if kept == .all {
                if let failure = append(line, bytes, &codes) { return failure }
            } else if Int(line.series) == chosen.count {
                chosen.append(line)
            } else {
                // Of two lines of one step the later counts.
                let other = chosen[Int(line.series)].step
                if kept == .last ? line.step >= other : line.step <= other { chosen[Int(line.series)] = line }
            }
        }
        return finish(bytes, chosen, &names, &codes)
    }

    private mutating func finish(
        _ bytes: UnsafeBufferPointer<UInt8>, _ chosen: [ObservationLine], _ names: inout NameTable<Series>,
        _ codes: inout NameTable<String>
    ) -> Failure? {
        for line in chosen {
            if let failure = append(line, bytes, &codes) { return failure }
        }
        series = names.values
        reasons = codes.values
        return nil
    }

    private mutating func append(
        _ line: ObservationLine, _ bytes: UnsafeBufferPointer<UInt8>, _ codes: inout NameTable<String>
    ) -> Failure? {
        if line.value.isEmpty {
            value.append(.nan)
            let code = bytes[line.reason]
            reason.append(codes.index(of: UnsafeBufferPointer(rebasing: code)) { Self.text(code) })
        } else {
            guard let measured = Self.real(bytes, line.value) else {
                return Failure(line: line.number, sentence: "'\(Self.text(bytes[line.value]))' is not a number")
            }
            value.append(measured)
            reason.append(-1)
        }
        step.append(line.step)
        seriesIndex.append(line.series)
        return nil
    }

    static func integer(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Int? {
        var result = 0
        guard !bytes.isEmpty, bytes.count < 19 else { return nil }
        for byte in bytes {
            guard byte >= 48, byte <= 57 else { return nil }
            result = result * 10 + Int(byte - 48)
        }
        return result
    }

    /// `strtod` stops at the comma that follows, so it needs no copy.
    static func real(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Double? {
        guard let base = bytes.baseAddress else { return nil }
        let text = UnsafeRawPointer(base + range.lowerBound).assumingMemoryBound(to: CChar.self)
        var stop: UnsafeMutablePointer<CChar>?
        let value = strtod(text, &stop)
        guard let stop, UnsafeRawPointer(stop) - UnsafeRawPointer(text) == range.count, value.isFinite else {
            return nil
        }
        return value
    }

    static func text(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.first == "\"", text.count >= 2 else { return text }
        return text.dropFirst().dropLast().replacingOccurrences(of: "\"\"", with: "\"")
    }
}

/// Numbers byte strings in order of first appearance; a line usually repeats a recent one's successor, so that is tried first.
struct NameTable<Value> {
    private(set) var values: [Value] = []
    private var names: [UnsafeBufferPointer<UInt8>] = []
    private var numbers: [Int: [Int32]] = [:]
    private var next = 0

    /// What probably comes next.
    var expected: (number: Int32, name: UnsafeBufferPointer<UInt8>)? {
        next < names.count ? (Int32(next), names[next]) : nil
    }

    /// What was expected came.
    mutating func advance() { next = next + 1 < names.count ? next + 1 : 0 }

    mutating func index(of name: UnsafeBufferPointer<UInt8>, make: () -> Value) -> Int32 {
        if next < names.count, Self.same(names[next], name) {
            defer { advance() }
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
