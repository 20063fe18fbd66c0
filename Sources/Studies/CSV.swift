import Foundation

/// How the tables of a study folder are written: RFC 4180 with single line feeds.
package enum CSV {
    /// 17 significant digits, which every reader turns back into the same bits.
    package static func number(_ value: Double) -> String { String(format: "%.17g", value) }

    /// A field in quotes if it holds a comma, a quote or a line break, its quotes doubled.
    package static func field(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == 0x2C || $0 == 0x22 || $0 == 0x0A || $0 == 0x0D }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
