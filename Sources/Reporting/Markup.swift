/// HTML or SVG text. Interpolated strings are escaped, interpolated markup is not: `"<p>\(title)</p>"` is safe for
/// every title.
package struct Markup: Hashable, Sendable, ExpressibleByStringInterpolation {
    package var text: String

    init(raw text: String) { self.text = text }
    package init(stringLiteral value: String) { text = value }
    package init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }

    static func + (a: Markup, b: Markup) -> Markup { Markup(raw: a.text + b.text) }
    static func += (a: inout Markup, b: Markup) { a.text += b.text }

    package struct StringInterpolation: StringInterpolationProtocol {
        var text = ""

        package init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity * 2) }
        package mutating func appendLiteral(_ literal: String) { text += literal }
        package mutating func appendInterpolation(_ string: String) { text += Markup.escape(string) }
        package mutating func appendInterpolation(_ markup: Markup) { text += markup.text }
        package mutating func appendInterpolation(_ parts: [Markup]) { for part in parts { text += part.text } }
        package mutating func appendInterpolation(_ number: Int) { text += String(number) }
        /// A coordinate, to a tenth.
        package mutating func appendInterpolation(_ coordinate: Double) { text += Markup.tenths(coordinate) }
    }

    /// The five characters that mean something in HTML and XML, and the control characters that XML forbids.
    package static func escape(_ string: String) -> String {
        var text = ""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "\"": text += "&quot;"
            case "'": text += "&#39;"
            case "\n", "\t", "\r": text.unicodeScalars.append(scalar)
            case let other where other.value < 0x20 || other.value == 0x7F || other.value & 0xFFFE == 0xFFFE:
                text += "\u{FFFD}"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    static func tenths(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e9 else { return "0" }
        let scaled = Int((value * 10).rounded())
        let sign = scaled < 0 ? "-" : ""
        let (whole, tenth) = scaled.magnitude.quotientAndRemainder(dividingBy: 10)
        return tenth == 0 ? "\(sign)\(whole)" : "\(sign)\(whole).\(tenth)"
    }
}
