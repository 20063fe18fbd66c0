import CSyzygy

/// Layers of models with their parameters, and the pieces of attention.
extension Graph {
    /// Rows `name.weight` `[count, width]` by index: `[…]` -> `[…, width]`. NaN for an index that is no row.
    public func embedding(
        _ indices: Node, count: Int, width: Int, name: String, weight: Initializer = Initializer("normal")
    ) -> Node {
        parameter("\(name).weight", role: .weight, shape: [count, width], initializer: weight).rows(at: indices)
    }

    /// (x - mean) / √(variance + epsilon) over the last axes, times `name.scale` plus `name.shift`, which have these axes.
    public func layerNorm(_ input: Node, name: String, axes: Int = 1, epsilon: Double = 1e-5) -> Node {
        let own = Array(input.shape.suffix(axes))
        return apply(
            "layer_norm", [input] + scaleAndShift(name, own), ["axes": Double(axes), "epsilon": epsilon])
    }

    /// x / √(mean of x² + epsilon) over the last axes, times `name.scale`.
    public func rmsNorm(_ input: Node, name: String, axes: Int = 1, epsilon: Double = 1e-5) -> Node {
        let scale = scaleAndShift(name, Array(input.shape.suffix(axes)), hasShift: false)
        return apply("rms_norm", [input] + scale, ["axes": Double(axes), "epsilon": epsilon])
    }

    /// Each row of `[rows, …, channels]` over all positions and the channels of a group, times `name.scale` plus `name.shift`.
    public func groupNorm(_ input: Node, groups: Int, name: String, epsilon: Double = 1e-5) -> Node {
        apply(
            "group_norm", [input] + scaleAndShift(name, Array(input.shape.suffix(1))),
            ["groups": Double(groups), "epsilon": epsilon])
    }

    /// Each channel, the last axis, over all other axes: by the batch's own mean and variance in training, by the statistics
    /// `name.mean` and `name.variance` in an evaluation; times `name.scale` plus `name.shift`.
    public func batchNorm(_ input: Node, name: String, momentum: Double = 0.1, epsilon: Double = 1e-5) -> Node {
        let channels = Array(input.shape.suffix(1)), parameters = scaleAndShift(name, channels)
        guard input.id >= 0 else { return input }
        let mean = statistic("\(name).mean", shape: channels)
        let variance = statistic("\(name).variance", shape: channels, initializer: Initializer("constant", 1))
        return apply(
            "batch_norm", [input, mean, variance] + parameters, ["momentum": momentum, "epsilon": epsilon])
    }

    private func scaleAndShift(_ name: String, _ shape: [Int], hasShift: Bool = true) -> [Node] {
        let ones = Initializer("constant", 1)
        let scale = parameter("\(name).scale", role: .scale, shape: shape, initializer: ones)
        return hasShift
            ? [scale, parameter("\(name).shift", role: .bias, shape: shape, initializer: .zero)] : [scale]
    }

    /// softmax(q kᵀ / √d) v over the last two axes, `[…, length, d]`: scaled dot-product attention (Vaswani et al., NeurIPS 2017,
    /// equation 1). The mask, `[queries, keys]` or broadcast to `[…, queries, keys]`, is 0 where a query must not look.
    public func attention(_ queries: Node, _ keys: Node, _ values: Node, mask: Node? = nil) -> Node {
        guard let width = queries.shape.last else { return queries }
        let scores = (1 / Double(width).squareRoot()) * queries.matmul(keys, transposedOther: true)
        return scores.softmax(mask: mask).matmul(values)
    }
}

extension Node {
    /// `[rows, length, heads · d]` -> `[rows, heads, length, d]`.
    public func splitHeads(_ heads: Int) -> Node {
        let own = shape
        guard id >= 0 else { return self }
        guard own.count == 3, heads > 0, own[2] % heads == 0 else {
            return graph.fail("\(own) is not [rows, length, features] with features for \(heads) heads")
        }
        return reshaped(to: [own[0], own[1], heads, own[2] / heads]).permuted([0, 2, 1, 3])
    }

    /// `[rows, heads, length, d]` -> `[rows, length, heads · d]`.
    public func mergedHeads() -> Node {
        let own = shape
        guard id >= 0 else { return self }
        guard own.count == 4 else { return graph.fail("\(own) is not [rows, heads, length, features]") }
        return permuted([0, 2, 1, 3]).reshaped(to: [own[0], own[2], own[1] * own[3]])
    }
}
