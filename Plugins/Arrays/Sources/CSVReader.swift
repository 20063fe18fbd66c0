import SyzygyKit

#if canImport(Glibc)
    import Glibc
#endif

/// Records of comma-separated values (RFC 4180), lines ending in LF or CRLF; blanks around unquoted fields do not count.
struct CSVReader {
    /// One field, without its quotes.
    struct Field {
        let bytes: UnsafeRawBufferPointer
        let hasDoubledQuotes: Bool

        var text: String {
            guard hasDoubledQuotes else { return String(decoding: bytes, as: UTF8.self) }
            var text: [UInt8] = []
            var isSecond = false
            for byte in bytes {
                isSecond = byte == UInt8(ascii: "\"") && !isSecond
                if !isSecond { text.append(byte) }
            }
            return String(decoding: text, as: UTF8.self)
        }
    }

    private let bytes: UnsafeRawBufferPointer
    private let separator: UInt8
    private let path: String
    private var position = 0
    /// Of the begin of the next record, and of the last one.
    private var nextLine = 1
    private(set) var line = 0

    init(_ file: GivenFile, separator: UInt8) {
        (bytes, path, self.separator) = (file.bytes, file.path, separator)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    func failure(_ text: String) -> Failure { Failure("\(path), line \(line): \(text)") }

    /// Reads the fields of the next record; false at the end of the file.
    mutating func next(_ fields: inout [Field]) throws -> Bool {
        line = nextLine
        fields.removeAll(keepingCapacity: true)
        guard let start = bytes[position...].firstIndex(where: { $0 != 10 && $0 != 13 }) else { return false }
        guard start == position else { throw failure("is empty; every line holds a record") }
        while true {
            fields.append(try field())
            guard position < bytes.count, bytes[position] == separator else { break }
            position += 1
        }
        if position < bytes.count, bytes[position] == 13 { position += 1 }
        if position < bytes.count { position += 1 }  // LF; `field` ends nowhere else
        nextLine += 1
        return true
    }

    /// Reads to the next separator, end of line or end of file.
    private mutating func field() throws -> Field {
        while position < bytes.count, isBlank(bytes[position]) { position += 1 }
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { return try unquoted() }
        let start = position + 1
        var hasDoubledQuotes = false
        position = start
        while true {
            guard position < bytes.count else {
                throw failure("the file ends inside a quoted field; its closing quote is missing")
            }
            if bytes[position] == 10 { nextLine += 1 }
            if bytes[position] == UInt8(ascii: "\"") {
                guard position + 1 < bytes.count, bytes[position + 1] == UInt8(ascii: "\"") else { break }
                hasDoubledQuotes = true
                position += 1
            }
            position += 1
        }
        let content = UnsafeRawBufferPointer(rebasing: bytes[start..<position])
        position += 1
        while position < bytes.count, isBlank(bytes[position]) { position += 1 }
        guard isEnd(position) else { throw failure("text follows the closing quote of a field") }
        return Field(bytes: content, hasDoubledQuotes: hasDoubledQuotes)
    }

    private mutating func unquoted() throws -> Field {
        let start = position
        var end = start
        while !isEnd(position) {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                throw failure(
                    "a quote inside an unquoted field; a field with quotes is written \"like \"\"this\"\"\"")
            }
            if byte == 0 { throw failure("a zero byte; expected text in UTF-8") }
            position += 1
            if !isBlank(byte) { end = position }
        }
        return Field(bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<end]), hasDoubledQuotes: false)
    }

    private func isBlank(_ byte: UInt8) -> Bool { (byte == 32 || byte == 9) && byte != separator }

    private func isEnd(_ i: Int) -> Bool {
        i >= bytes.count || bytes[i] == separator || bytes[i] == 10
            || (bytes[i] == 13 && (i + 1 == bytes.count || bytes[i + 1] == 10))
    }
}

/// A decimal number, `-1.5e3`, infinite if it is too large; nil for anything else, `nan` and `inf` included.
func decimalNumber(_ bytes: UnsafeRawBufferPointer) -> Double? {
    var i = 0
    func digit() -> UInt64? {
        guard i < bytes.count, (48...57).contains(bytes[i]) else { return nil }
        return UInt64(bytes[i] - 48)
    }
    let isNegative = i < bytes.count && bytes[i] == UInt8(ascii: "-")
    if i < bytes.count, isNegative || bytes[i] == UInt8(ascii: "+") { i += 1 }
    var mantissa: UInt64 = 0
    var digits = 0
    var exponent = 0
    while let value = digit() {
        (mantissa, digits, i) = (mantissa &* 10 &+ value, digits + 1, i + 1)
    }
    if i < bytes.count, bytes[i] == UInt8(ascii: ".") {
        i += 1
        while let value = digit() {
            (mantissa, digits, exponent, i) = (mantissa &* 10 &+ value, digits + 1, exponent - 1, i + 1)
        }
    }
    guard digits > 0 else { return nil }
    if i < bytes.count, bytes[i] | 32 == UInt8(ascii: "e") {
        i += 1
        let isDown = i < bytes.count && bytes[i] == UInt8(ascii: "-")
        if i < bytes.count, isDown || bytes[i] == UInt8(ascii: "+") { i += 1 }
        var power = 0
        guard digit() != nil else { return nil }
        while let value = digit() { (power, i) = (min(power * 10 + Int(value), 100_000), i + 1) }
        exponent += isDown ? -power : power
    }
    guard i == bytes.count else { return nil }
    // Both factors are exact, so one rounding is left (Clinger 1990).
    if digits <= 19, mantissa < 1 << 53, abs(exponent) <= 22 {
        let power = powersOfTen[abs(exponent)]
        let value = exponent < 0 ? Double(mantissa) / power : Double(mantissa) * power
        return isNegative ? -value : value
    }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { text in
        for j in 0..<bytes.count { text[j] = CChar(bitPattern: bytes[j]) }
        text[bytes.count] = 0
        return text.baseAddress.map { strtod($0, nil) }
    }
}

private let powersOfTen: [Double] = (0...22).map { power in (0..<power).reduce(1.0) { value, _ in value * 10 } }
