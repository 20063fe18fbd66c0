import Manifests

/// Numbers that something else recorded, by the name of a quantity: `fc1/layer.input`, `labels`, `head.input@test`.
package struct RecordedArray {
    package let name: String
    package let shape: [Int]
    /// For errors: the file, and the name that the array has there.
    package let place: String
    let values: Buffer

    /// - Parameter fill: writes the numbers, row-major.
    package init(
        _ name: String, shape: [Int], place: String, fill: (UnsafeMutableBufferPointer<Double>) -> Void
    ) {
        (self.name, self.shape, self.place) = (name, shape, place)
        values = Buffer(shape.reduce(1, *), unset: true)
        fill(UnsafeMutableBufferPointer(start: values.pointer, count: values.count))
    }
}

/// What is wrong with recorded arrays, in a sentence with the place.
package struct ArrayProblem: Error, CustomStringConvertible, Equatable {
    package var description: String
    package init(_ place: String, _ sentence: String) { description = "\(place): \(sentence)" }
}

extension RecordedArray {
    /// What a name says: the layer or parameter, if any, the quantity, and the split.
    struct Name {
        var subject: String
        var basic: QuantityExpression.Basic
        var split: String

        /// nil: not the name of a quantity that others are made of.
        init?(_ text: String) {
            var text = text[...], subject = ""
            split = "train"
            if let at = text.lastIndex(of: "@"), !text[at...].contains("/") {
                split = String(text[text.index(after: at)...])
                text = text[..<at]
            }
            if let slash = text.lastIndex(of: "/") {
                subject = String(text[..<slash])
                text = text[text.index(after: slash)...]
            }
            guard let basic = QuantityExpression.Basic(rawValue: String(text)), basic.member == nil else {
                return nil
            }
            let isOfSubject = basic.rawValue.hasPrefix("layer.") || basic.rawValue.hasPrefix("parameter.")
            guard isOfSubject != subject.isEmpty else { return nil }
            (self.subject, self.basic) = (subject, basic)
        }
    }

    /// Whether arrays of this name are used.
    package static func isQuantity(_ name: String) -> Bool { Name(name) != nil }
}
