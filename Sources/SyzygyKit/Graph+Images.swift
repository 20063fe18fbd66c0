import CSyzygy

/// Layers of networks for images, which are channels-last: `[rows, height, width, channels]`.
extension Graph {
    /// A convolution, declared as a layer so that probes can observe it.
    ///
    /// - Parameters:
    ///   - outputs: channels of the result; the weight `name.weight` is `[outputs, kernel, kernel, channels]`
    ///   - padding: zeros at every side; nil for as many as keep the size at stride 1 (the odd one below and on the right)
    ///   - bias: how `name.bias`, `[outputs]`, begins; nil for a layer without bias
    /// - Returns: `[rows, height', width', outputs]`, with the bias; probes see the layer's output without it.
    public func conv(
        _ input: Node, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int? = nil, name: String,
        weight: Initializer = Initializer("torch_linear"), bias: Initializer? = nil
    ) -> Node {
        guard input.id >= 0 else { return input }
        let sizes = input.shape
        guard sizes.count == 4 else {
            return fail("layer \(name) takes images [rows, height, width, channels], not \(sizes)")
        }
        let weights = parameter(
            "\(name).weight", role: .weight, shape: [outputs, kernel, kernel, sizes[3]], initializer: weight)
        let biases = bias.map {
            parameter(
                "\(name).bias", role: .bias, shape: [outputs], initializer: $0, fanIn: kernel * kernel * sizes[3],
                fanOut: outputs)
        }
        let (before, after) = (Double(padding ?? (kernel - 1) / 2), Double(padding ?? kernel / 2))
        let output = apply(
            "conv2d", [input, weights],
            [
                "stride": Double(stride), "padding_top": before, "padding_left": before, "padding_bottom": after,
                "padding_right": after,
            ])
        return declared(output, input, weights, biases, name)
    }
}

extension Node {
    /// Rows as images `[rows, height, width, channels]`: of the given height, width and channels, or, with no sizes, as they are, where
    /// `[rows, height, width]` gets its one channel.
    public func images(_ sizes: [Int] = []) -> Node {
        let own = shape
        guard sizes.isEmpty else {
            guard sizes.count == 3, own.dropFirst().reduce(1, *) == sizes.reduce(1, *) else {
                return graph.fail("\(own) are no rows of images of height, width and channels \(sizes)")
            }
            return reshaped(to: own.prefix(1) + sizes)
        }
        return own.count == 3 ? reshaped(to: own + [1]) : self
    }

    /// Of windows size × size side by side, each channel for itself.
    public func maxPooled(_ size: Int) -> Node { apply("max_pool", ["size": Double(size)]) }
    public func averagePooled(_ size: Int) -> Node { apply("average_pool", ["size": Double(size)]) }

    /// Over all positions: `[rows, …, channels]` -> `[rows, channels]`.
    public func positionMean() -> Node {
        let rank = shape.count
        return rank > 2 ? mean(Array(1..<rank - 1)) : self
    }
}
