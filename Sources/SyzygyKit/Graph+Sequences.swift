/// Positions of a sequence that a model has outputs for.
public enum SequenceOutput: String, CaseIterable, Sendable { case each, last, mean }

extension Graph {
    /// The number of outputs of a head for targets `y`: `labels`, the number of classes, for class indices; for real targets
    /// (0) what one row, or one position, has. Nil, with an error, where `y` has no positions.
    public func outputs(for y: Node, labels: Int, at positions: SequenceOutput) -> Int? {
        let own = y.shape
        guard positions != .each || own.count >= 2 else {
            _ = fail("outputs at each position need targets [rows, length] or [rows, length, outputs], not \(own)")
            return nil
        }
        return labels > 0 ? labels : own.dropFirst(positions == .each ? 2 : 1).reduce(1, *)
    }

    /// Whether the inputs of a model of sequences are tokens `[rows, length]`, of which there are `vocabulary` (0: real
    /// numbers), or vectors `[rows, length, features]`. Nil, with an error, if neither.
    public func areTokens(_ x: Node, vocabulary: Int, model: StaticString) -> Bool? {
        let own = x.shape
        if own.count == 2, vocabulary > 0 { return true }
        if own.count == 3, vocabulary == 0 { return false }
        _ = fail(
            "\(model) takes tokens [rows, length], which are class indices, or vectors [rows, length, features], not \(own) of "
                + (vocabulary > 0 ? "class indices" : "real numbers"))
        return nil
    }
}

extension Node {
    /// What a head works on: `[rows, length, d]` for `each`, else `[rows, d]`.
    public func positions(_ output: SequenceOutput) -> Node {
        switch output {
        case .each: self
        case .last: element(-1, axis: 1)
        case .mean: mean([1])
        }
    }
}
