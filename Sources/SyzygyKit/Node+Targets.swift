/// Targets of losses. An output `[rows, …, K]` has K numbers at each of the positions that its middle axes count.
extension Node {
    /// A batch's targets in the shape of the outputs: class indices, of the outputs' shape without the last axis, become one-hot
    /// rows; real targets keep their numbers. Nil where the shapes do not fit.
    ///
    /// - Parameter classes: the columns of the targets: classes, or real numbers for each row.
    public func targets(for outputs: Node, classes: Int) -> Node? {
        let own = shape, wanted = outputs.shape
        guard let last = wanted.last else { return nil }
        if last > 1, own == wanted.dropLast() {
            return classes == last ? apply("one_hot", ["classes": Double(classes)]) : nil
        }
        guard own.first == wanted.first, classes == own.dropFirst().reduce(1, *),
            classes == wanted.dropFirst().reduce(1, *)
        else { return nil }
        return own == wanted ? self : reshaped(to: wanted)
    }

    /// The shape of outputs that fit these targets, in words.
    public func expectedOutputs(classes: Int) -> String {
        let own = Array(shape.dropFirst())
        let isReal = !own.isEmpty && classes == own.reduce(1, *)
        return "[" + (["rows"] + (isReal ? own : own + [classes]).map(String.init)).joined(separator: ", ") + "]"
    }

    /// `[rows, …]` -> `[rows]`.
    public func rowMean() -> Node {
        let rank = shape.count
        return rank > 1 ? mean(Array(1..<rank)) : self
    }
}
