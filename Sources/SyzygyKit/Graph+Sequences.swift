/// Positions of a sequence that a model has outputs for.
public enum SequenceOutput: String, CaseIterable, Sendable { case each, last, mean }

extension Graph {
    /// The number of outputs of a head for targets `y`: `classes` for labels `[rows]` and `[rows, length]`; for real targets
    /// `[rows, …]` and `[rows, length, …]` what one row, or one position, has. Nil, with an error, where `y` has no positions.
    public func outputs(for y: Node, classes: Int, at positions: SequenceOutput) -> Int? {
        let own = y.shape
        guard positions == .each else { return classes }
        guard own.count >= 2 else {
            _ = fail("outputs at each position need targets [rows, length] or [rows, length, outputs], not \(own)")
            return nil
        }
        return own.count == 2 ? classes : own.dropFirst(2).reduce(1, *)
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
