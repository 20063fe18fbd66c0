/// An activation or operation by name with the values of its options: `tanh`, `swish_beta(beta=2)`.
package struct OperationReference: Hashable, Sendable {
    package let name: String
    package let attributes: [String: Double]

    package init(name: String, attributes: [String: Double] = [:]) {
        (self.name, self.attributes) = (name, attributes)
    }

    /// Nil if the text has another form.
    package init?(_ text: String) {
        let parts = text.split(separator: "(", maxSplits: 1, omittingEmptySubsequences: false)
        name = parts[0].trimmed
        guard OperationReference.isName(name) else { return nil }
        var attributes: [String: Double] = [:]
        if parts.count == 2 {
            guard parts[1].hasSuffix(")") else { return nil }
            for pair in parts[1].dropLast().split(separator: ",", omittingEmptySubsequences: false) {
                let sides = pair.split(separator: "=", omittingEmptySubsequences: false).map(\.trimmed)
                guard sides.count == 2, OperationReference.isName(sides[0]), let value = Double(sides[1]),
                    value.isFinite,
                    attributes.updateValue(value, forKey: sides[0]) == nil
                else { return nil }
            }
        }
        self.attributes = attributes
    }

    private static func isName(_ text: String) -> Bool {
        text.first?.isLetter == true
            && text.utf8.allSatisfy { byte in
                (97...122).contains(byte) || (48...57).contains(byte) || "_-./".utf8.contains(byte)
            }
    }
}

extension Substring {
    fileprivate var trimmed: String { String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
}
