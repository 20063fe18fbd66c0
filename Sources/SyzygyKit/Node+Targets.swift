/// Targets of losses. An output `[rows, …, K]` has K numbers at each of the positions that its middle axes count.
extension Node {
    /// A batch's targets in the shape of the outputs: class indices, of the outputs' shape without the last axis, become one-hot
    /// rows; real targets keep their numbers. Nil where the shapes do not fit.
    ///
    /// - Parameter labels: the number of classes of class indices; 0 if the targets are real numbers.
    public func targets(for outputs: Node, labels: Int) -> Node? {
        let own = shape, wanted = outputs.shape
        if labels > 0 {
            guard own == wanted.dropLast(), wanted.last == labels else { return nil }
            return apply("one_hot", ["classes": Double(labels)])
        }
        guard own.first == wanted.first, own.reduce(1, *) == wanted.reduce(1, *) else { return nil }
        return own == wanted ? self : reshaped(to: wanted)
    }

    /// The shape of outputs that fit these targets, in words.
    public func expectedOutputs(labels: Int) -> String {
        let own = Array(shape.dropFirst())
        let sizes = labels > 0 ? own + [labels] : own.isEmpty ? [1] : own
        return "[" + (["rows"] + sizes.map(String.init)).joined(separator: ", ") + "]"
    }

    /// `[rows, …]` -> `[rows]`.
    public func rowMean() -> Node {
        let rank = shape.count
        return rank > 1 ? mean(Array(1..<rank)) : self
    }
}
