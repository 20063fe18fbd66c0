/// The lines of a part of `observations.csv`: from its beginning or from that of a line, to wherever it ends. Values are looked at when they are asked for.
struct ObservationLines {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var names = NameTable<Series>()
    /// Of whole lines.
    private(set) var used = 0
    /// The number of the next line.
    private(set) var line: Int
    private(set) var failure: ObservationTable.Failure?

    /// `bytes` must outlive it.
    init(_ bytes: UnsafeBufferPointer<UInt8>, isBeginning: Bool, line: Int) {
        (self.bytes, self.line) = (bytes, line)
        guard isBeginning else { return }
        let header = (ObservationWriter.header + "\n").utf8
        if bytes.starts(with: header) {
            used = header.count
            self.line += 1
        } else if bytes.contains(UInt8(ascii: "\n")) {
            failure = .init(line: 1, sentence: "expected the header '\(ObservationWriter.header)'")
        } else {
            isAtEnd = true
        }
    }

    private var isAtEnd = false

    struct Item {
        var step: Int
        /// In order of first appearance in this part.
        var series: Int
        fileprivate var value: Range<Int>
        fileprivate var reason: Range<Int>
        fileprivate var line: Int
    }

    mutating func next() -> Item? {
        guard failure == nil, !isAtEnd, used < bytes.count else { return nil }
        switch ObservationLine.read(bytes, from: used, line, expected: names.expected) {
        case .failure(let failure):
            // Its end has not come yet.
            isAtEnd = failure.line == 0
            if !isAtEnd { self.failure = failure }
            return nil
        case .success(let found):
            var series = Int(found.series)
            if series < 0 {
                let name = found.name
                series = Int(
                    names.index(of: UnsafeBufferPointer(rebasing: bytes[name])) { Series(bytes, name) })
            } else {
                names.advance()
            }
            used = found.end + 1
            line += 1
            return Item(
                step: found.step, series: series, value: found.value, reason: found.reason, line: found.number)
        }
    }

    func series(_ number: Int) -> Series { names.values[number] }

    func reason(of item: Item) -> String { ObservationTable.text(bytes[item.reason]) }

    /// NaN where there is none.
    mutating func value(of item: Item) -> Double {
        guard !item.value.isEmpty else { return .nan }
        if let value = ObservationTable.real(bytes, item.value) { return value }
        failure = .init(
            line: item.line, sentence: "'\(ObservationTable.text(bytes[item.value]))' is not a number")
        return .nan
    }
}
