import CSyzygy

/// Constants, joints of several nodes, random numbers and statistics.
extension Graph {
    /// Whether the graph is that of a training step; an evaluation (of observations, services, benchmarks) otherwise.
    public var isTraining: Bool { service.pointee.is_training(service.pointee.context) == 1 }

    /// Fixed numbers, row-major.
    public func constant(_ values: [Double], shape: [Int]) -> Node {
        guard values.count == shape.reduce(1, *) else { return fail("\(values.count) values for \(shape)") }
        return node(
            service.pointee.tensor(service.pointee.context, values, shape.map(Int64.init), Int32(shape.count)))
    }

    /// 0, 1, … count - 1.
    public func iota(_ count: Int) -> Node { apply("iota", [], ["count": Double(count)]) }

    /// `[length, length]`: 1 where column <= row, else 0: position i sees positions up to i.
    public func causalMask(_ length: Int) -> Node { apply("tri", [], ["rows": Double(length)]) }

    /// One after the other along an axis; the other sizes are equal.
    public func concat(_ nodes: [Node], axis: Int) -> Node { apply("concat", nodes, ["axis": Double(axis)]) }

    /// Along a new axis; the shapes are equal.
    public func stack(_ nodes: [Node], axis: Int = 0) -> Node { apply("stack", nodes, ["axis": Double(axis)]) }

    /// A block that is kept, in checkpoints too, but not trained: no gradient, no optimizer, no regularizer.
    public func statistic(_ name: String, shape: [Int], initializer: Initializer = .zero) -> Node {
        parameter(name, role: .statistic, shape: shape, initializer: initializer)
    }

    /// What a statistic becomes at the end of each training step, after everything has read the old value. Nothing in an
    /// evaluation.
    public func assign(_ statistic: Node, _ value: Node) {
        _ = service.pointee.assign(service.pointee.context, statistic.id, value.id)
    }

    /// What random numbers look like.
    public enum Distribution: Sendable {
        /// In [0, 1).
        case uniform
        /// Mean 0, variance 1.
        case normal
        /// 1 with this probability, else 0.
        case bernoulli(Double)
    }

    /// Random numbers, new in every step, from the run's seed and the stream's name; the n-th use of a name is a stream of its
    /// own. In training only.
    public func random(_ distribution: Distribution, stream: String, shape: [Int]) -> Node {
        let (name, probability) =
            switch distribution {
            case .uniform: ("uniform", 0.0)
            case .normal: ("normal", 0.0)
            case .bernoulli(let probability): ("bernoulli", probability)
            }
        return node(
            service.pointee.random(
                service.pointee.context, name, probability, stream, shape.map(Int64.init), Int32(shape.count)))
    }
}

/// Reductions, which take axes counted from the front or, negative, from the back; kept axes have size 1.
extension Node {
    public func sum(_ axes: [Int], keep: Bool = false) -> Node { reduced("sum", axes, keep) }
    public func mean(_ axes: [Int], keep: Bool = false) -> Node { reduced("mean", axes, keep) }
    public func max(_ axes: [Int], keep: Bool = false) -> Node { reduced("max", axes, keep) }
    public func min(_ axes: [Int], keep: Bool = false) -> Node { reduced("min", axes, keep) }
    /// The product of the elements.
    public func product(_ axes: [Int], keep: Bool = false) -> Node { reduced("prod", axes, keep) }
    /// Σ (x - mean)² / n.
    public func variance(_ axes: [Int], keep: Bool = false) -> Node { reduced("var", axes, keep) }
    /// log Σ exp(x).
    public func logSumExp(_ axes: [Int], keep: Bool = false) -> Node { reduced("logsumexp", axes, keep) }

    private func reduced(_ op: String, _ axes: [Int], _ keep: Bool) -> Node {
        let result = listed(op, axes), own = shape
        guard keep, result.id >= 0 else { return result }
        let gone = Set(axes.map { $0 < 0 ? $0 + own.count : $0 })
        return result.reshaped(to: own.indices.map { gone.contains($0) ? 1 : own[$0] })
    }
}

/// Pieces and order of elements.
extension Node {
    /// Axis i of the result is axis `axes[i]` of this.
    public func permuted(_ axes: [Int]) -> Node { listed("permute", axes) }

    /// The last two axes exchanged.
    public var transposed: Node { apply("transpose") }

    /// Elements begin, begin + step, … before `end` of an axis; negative numbers count from its end.
    public func sliced(axis: Int, from begin: Int = 0, to end: Int? = nil, step: Int = 1) -> Node {
        guard let end else {
            return apply("slice", ["axis": Double(axis), "begin": Double(begin), "step": Double(step)])
        }
        return apply(
            "slice", ["axis": Double(axis), "begin": Double(begin), "end": Double(end), "step": Double(step)])
    }

    /// One element of an axis, which disappears.
    public func element(_ index: Int, axis: Int) -> Node {
        let own = shape, position = axis < 0 ? axis + own.count : axis
        guard id >= 0, own.indices.contains(position) else { return sliced(axis: axis) }
        let part = sliced(axis: axis, from: index, to: index == -1 ? nil : index + 1)
        return part.reshaped(to: own.indices.filter { $0 != position }.map { own[$0] })
    }

    /// Zeros before and after an axis.
    public func padded(axis: Int, before: Int = 0, after: Int = 0) -> Node {
        apply("pad", ["axis": Double(axis), "before": Double(before), "after": Double(after)])
    }

    /// Rows of this table `[rows, …]`: `indices.shape + […]`; NaN for an index that is no row.
    public func rows(at indices: Node) -> Node { graph.apply("gather", [self, indices]) }

    /// Elements of the last axis: indices `[…]` or `[…, k]` for this `[…, n]`, -> the shape of the indices.
    public func taken(at indices: Node) -> Node { graph.apply("take_along", [self, indices]) }

    /// Matrix product of the last two axes; leading axes broadcast.
    public func matmul(_ other: Node, transposed first: Bool = false, transposedOther second: Bool = false) -> Node {
        graph.apply("matmul", [self, other], ["transpose_a": first ? 1 : 0, "transpose_b": second ? 1 : 0])
    }

    /// Over the last axis, of the elements whose mask is not 0; the others get 0, as do rows without any.
    public func softmax(mask: Node? = nil) -> Node {
        mask.map { graph.apply("softmax", [self, $0]) } ?? apply("softmax")
    }

    /// In training, each element is 0 with probability `rate`, else divided by 1 - rate; in an evaluation nothing happens.
    public func dropout(_ rate: Double, stream: String) -> Node {
        graph.node(graph.service.pointee.dropout(graph.service.pointee.context, id, rate, stream))
    }
}
