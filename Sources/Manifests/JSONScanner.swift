import OrderedCollections

/// Reads bytes that follow RFC 8259 and our limits, and notes, if asked to, where each value and key begins.
///
/// Stricter than the RFC: UTF-8 without byte-order mark, an object at the root, no repeated key, no U+0000, no lone surrogate,
/// integers in 64 bits, finite doubles, depth at most 16.
struct JSONScanner {
    static let maximumDepth = 16

    private let file: String
    private let bytes: UnsafeBufferPointer<UInt8>
    private var index = 0
    private var line = 1
    /// `index - columnOrigin` is the 0-based column: the line's first byte, moved by continuation bytes of UTF-8.
    private var columnOrigin = 0
    private var depth = 0
    /// Items of the lists that are being read, the innermost last, up to `pendingCount`: a list is made when its length is known.
    private var pending: [JSON] = []
    private var pendingCount = 0
    /// Of the keys of the objects that are being read, the innermost last.
    private var keyLines: [Int] = []
    private let notesPositions: Bool
    private(set) var positions: [String: Position] = [:]
    private(set) var keyPositions: [String: Position] = [:]

    init(_ bytes: UnsafeBufferPointer<UInt8>, file: String, notesPositions: Bool = false) {
        (self.bytes, self.file, self.notesPositions) = (bytes, file, notesPositions)
    }

    mutating func scan() throws(Problem) -> JSON {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
            throw problem("the file begins with a byte-order mark; save it as UTF-8 without one")
        }
        skipSpace()
        guard next == UInt8(ascii: "{") else { throw problem("expected '{', the begin of an object, found \(found)") }
        let root = try value(at: "")
        skipSpace()
        if next != nil { throw problem("expected the end of the file after the last '}', found \(found)") }
        return root
    }

    // MARK: - Values

    private mutating func value(at pointer: String) throws(Problem) -> JSON {
        if notesPositions { positions[pointer] = position }
        switch next {
        case UInt8(ascii: "{"): return try object(at: pointer)
        case UInt8(ascii: "["): return try array(at: pointer)
        case UInt8(ascii: "\""): return .string(try string())
        case .some(UInt8(ascii: "-")), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return try number()
        default:
            let word = peekWord()
            guard let value = Self.words[word] else {
                throw problem(
                    word.isEmpty
                        ? "expected a value, found \(found)"
                        : "expected a value, found '\(word)' (words are true, false and null; text needs quotes)")
            }
            index += word.utf8.count
            return value
        }
    }

    private static let words: [String: JSON] = ["true": .bool(true), "false": .bool(false), "null": .null]

    private mutating func object(at pointer: String) throws(Problem) -> JSON {
        try descend()
        var members = OrderedDictionary<String, JSON>(minimumCapacity: 4)
        let firstLine = keyLines.count
        var more = !take("}")
        while more {
            skipSpace()
            guard next == UInt8(ascii: "\"") else {
                let comma = next == UInt8(ascii: "}") && !members.isEmpty
                throw problem(
                    comma
                        ? "expected a key after ',', found '}' (JSON has no trailing commas)"
                        : "expected a key in double quotes, found \(found)")
            }
            let place = position
            let key = try string()
            // Swift compares strings by canonical equivalence, so keys that only look alike are repeats as well.
            let (first, index) = members.updateValue(.null, forKey: key, insertingAt: members.count)
            if first != nil {
                let line = keyLines[firstLine + index]
                throw problem("key \(quoted(key)) is given twice; the first is in line \(line)", at: place)
            }
            keyLines.append(place.line)
            let child = notesPositions ? Pointer.child(pointer, key) : ""
            if notesPositions { keyPositions[child] = place }
            skipSpace()
            guard take(":") else { throw problem("expected ':' after key \(quoted(key)), found \(found)") }
            skipSpace()
            members.values[index] = try value(at: child)
            more = try separator(closing: "}")
        }
        depth -= 1
        keyLines.removeSubrange(firstLine...)
        return .object(members)
    }

    private mutating func array(at pointer: String) throws(Problem) -> JSON {
        try descend()
        let first = pendingCount
        var more = !take("]")
        while more {
            skipSpace()
            if next == UInt8(ascii: "]") {
                throw problem("expected a value after ',', found ']' (JSON has no trailing commas)")
            }
            addPending(try value(at: notesPositions ? Pointer.child(pointer, pendingCount - first) : ""))
            more = try separator(closing: "]")
        }
        depth -= 1
        let items = Array(pending[first..<pendingCount])
        pendingCount = first
        return .array(items)
    }

    private mutating func addPending(_ item: JSON) {
        if pendingCount < pending.count { pending[pendingCount] = item } else { pending.append(item) }
        pendingCount += 1
    }

    private mutating func descend() throws(Problem) {
        depth += 1
        if depth > Self.maximumDepth { throw problem("more than \(Self.maximumDepth) levels of nesting") }
        index += 1
        skipSpace()
    }

    /// After a member or item: whether another follows.
    private mutating func separator(closing: Unicode.Scalar) throws(Problem) -> Bool {
        skipSpace()
        if take(",") { return true }
        guard take(closing) else { throw problem("expected ',' or '\(closing)', found \(found)") }
        return false
    }

    private mutating func number() throws(Problem) -> JSON {
        let begin = index, place = position
        let isNegative = take("-")
        // The digits as one integer, which has wrapped around if there are more than 19.
        var mantissa: UInt64 = 0
        let integer = digits(&mantissa)
        guard integer > 0 else { throw problem("expected a digit after '-', found \(found)") }
        if integer > 1, bytes[index - integer] == UInt8(ascii: "0") {
            throw problem("a number has no leading zeros", at: place)
        }
        var isInteger = true, fraction = 0
        if take(".") {
            isInteger = false
            fraction = digits(&mantissa)
            guard fraction > 0 else { throw problem("expected a digit after the decimal point, found \(found)") }
        }
        var hasExponent = false
        if take("e") || take("E") {
            (isInteger, hasExponent) = (false, true)
            if !take("+") { _ = take("-") }
            var exponent: UInt64 = 0
            guard digits(&exponent) > 0 else { throw problem("expected a digit in the exponent, found \(found)") }
        }
        if isInteger, integer <= 18 { return .int(isNegative ? -Int(mantissa) : Int(mantissa)) }
        // Two exact doubles, so their quotient is the nearest double to the number.
        if !isInteger, !hasExponent, integer + fraction <= 15 {
            let value = Double(mantissa) / Self.powersOfTen[fraction]
            return .double(isNegative ? -value : value)
        }
        let text = String(decoding: bytes[begin..<index], as: UTF8.self)
        if isInteger {
            if let value = Int(text) { return .int(value) }
            throw problem(
                "integer \(text) does not fit into 64 bits; write it with a decimal point if it may be rounded",
                at: place)
        }
        guard let value = Double(text), value.isFinite else {
            throw problem("number \(text) is too large for a double", at: place)
        }
        return .double(value)
    }

    private static let powersOfTen: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ]

    /// How many digits there are; they are appended to a number.
    private mutating func digits(_ number: inout UInt64) -> Int {
        let begin = index
        while let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
            number = number &* 10 &+ UInt64(byte - UInt8(ascii: "0"))
            index += 1
        }
        return index - begin
    }

    // MARK: - Strings

    /// The text of a string after its escapes are resolved.
    private mutating func string() throws(Problem) -> String {
        let begin = position
        index += 1
        let first = index
        skipPlainText()
        if next == UInt8(ascii: "\"") {
            index += 1
            return String(decoding: bytes[first..<index - 1], as: UTF8.self)
        }
        var text = Array(bytes[first..<index])
        while true {
            guard let byte = next else { throw problem("the string that begins here has no end", at: begin) }
            switch byte {
            case UInt8(ascii: "\""):
                index += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): text.append(contentsOf: Array(String(try escape()).utf8))
            case 0x0A, 0x0D: throw problem("the string that begins here does not end on its line", at: begin)
            case 0..<0x20:
                throw problem("control character \(hex(Int(byte))) in a string; write \\u00\(twoDigits(byte))")
            case 0x80...:
                let length = sequenceLength()
                guard length > 0 else { throw problem("byte 0x\(twoDigits(byte)) is not UTF-8") }
                text.append(contentsOf: bytes[index..<index + length])
                index += length
                columnOrigin += length - 1
            default:
                text.append(byte)
                index += 1
            }
        }
    }

    /// Over what needs no thought: ASCII without quotes, escapes and control characters.
    private mutating func skipPlainText() {
        while index < bytes.count {
            let byte = bytes[index]
            guard byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else { return }
            index += 1
        }
    }

    private mutating func escape() throws(Problem) -> Unicode.Scalar {
        let place = position
        index += 1
        let letter = next
        index += 1
        switch letter {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): break
        default:
            throw problem("unknown escape in a string (known: \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX)", at: place)
        }
        var code = try hexCode(place)
        if code == 0 { throw problem("\\u0000 is not allowed", at: place) }
        if (0xD800...0xDBFF).contains(code), next == UInt8(ascii: "\\"), byte(at: index + 1) == UInt8(ascii: "u") {
            index += 2
            let low = try hexCode(place)
            if (0xDC00...0xDFFF).contains(low) { code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00) }
        }
        guard let scalar = Unicode.Scalar(code) else {
            throw problem("\(hex(Int(code))) is half of a surrogate pair", at: place)
        }
        return scalar
    }

    private mutating func hexCode(_ place: Position) throws(Problem) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw problem("\\u needs four hexadecimal digits", at: place)
            }
            code = code << 4 | UInt32(digit)
            index += 1
        }
        return code
    }

    /// Bytes of the well-formed UTF-8 sequence at `index` (Unicode 15, table 3-7); 0 if it is not one.
    private func sequenceLength() -> Int {
        guard let first = next else { return 0 }
        let length: Int, second: ClosedRange<UInt8>
        switch first {
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        default: return 0
        }
        for offset in 1..<length {
            guard let byte = byte(at: index + offset), (offset == 1 ? second : 0x80...0xBF).contains(byte) else {
                return 0
            }
        }
        return length
    }

    // MARK: - Bytes

    private var next: UInt8? { byte(at: index) }
    private func byte(at index: Int) -> UInt8? { index < bytes.count ? bytes[index] : nil }
    private var position: Position { Position(line: line, column: index - columnOrigin + 1) }

    private mutating func skipSpace() {
        while let byte = next {
            switch byte {
            case 0x20, 0x09, 0x0D: index += 1
            case 0x0A:
                index += 1
                line += 1
                columnOrigin = index
            default: return
            }
        }
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: scalar) else { return false }
        index += 1
        return true
    }

    private func peekWord() -> String {
        var end = index
        while let byte = byte(at: end), end - index < 20, Character(Unicode.Scalar(byte)).isLetter, byte < 0x80 {
            end += 1
        }
        return String(decoding: bytes[index..<end], as: UTF8.self)
    }

    private var found: String {
        guard let byte = next else { return "the end of the file" }
        switch byte {
        case UInt8(ascii: "'"): return "' (JSON uses double quotes)"
        case UInt8(ascii: "/"), UInt8(ascii: "#"): return "'\(Unicode.Scalar(byte))' (JSON has no comments)"
        case 0x21..<0x7F: return "'\(Unicode.Scalar(byte))'"
        default: return "byte 0x\(twoDigits(byte))"
        }
    }

    private func twoDigits(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }
    private func hex(_ code: Int) -> String {
        let digits = String(code, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    private func problem(_ sentence: String, at place: Position? = nil) -> Problem {
        Problem(file: file, position: place ?? position, sentence: sentence)
    }
}
