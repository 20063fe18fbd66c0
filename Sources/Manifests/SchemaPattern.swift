import Foundation
import Synchronization

/// A regular expression of a schema. Names and words come again and again in manifests, so what has matched once is remembered.
final class SchemaPattern: Sendable {
    let text: String
    /// Of a pattern such as `^x-`: what a text begins with, and nothing else is asked.
    private let prefix: String?
    private let expression: NSRegularExpression
    private let matched = Mutex<Set<String>>([])
    private static let mostRemembered = 4096

    /// nil if the text is no regular expression. It is read by ICU, except that `$` means the very end of a text as in ECMA-262.
    init?(_ text: String) {
        var changed = "", escaped = false, bracket = false
        for character in text {
            changed += character == "$" && !escaped && !bracket ? "\\z" : String(character)
            bracket = escaped ? bracket : character == "[" || bracket && character != "]"
            escaped = character == "\\" && !escaped
        }
        guard let expression = try? NSRegularExpression(pattern: changed) else { return nil }
        (self.text, self.expression) = (text, expression)
        let rest = text.dropFirst()
        let isPlain = rest.utf8.allSatisfy {
            $0 == UInt8(ascii: "-") || ($0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "z"))
        }
        prefix = text.hasPrefix("^") && isPlain ? String(rest) : nil
    }

    func matches(_ text: String) -> Bool {
        if let prefix { return text.utf8.starts(with: prefix.utf8) }
        if matched.withLock({ $0.contains(text) }) { return true }
        let range = NSRange(location: 0, length: text.utf16.count)
        guard expression.firstMatch(in: text, range: range) != nil else { return false }
        matched.withLock { if $0.count < Self.mostRemembered { $0.insert(text) } }
        return true
    }
}
