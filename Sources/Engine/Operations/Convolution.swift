import CShims

/// Convolution as networks use it (cross-correlation), channels last:
/// y[r, p, q, o] = Σ over taps (i, j) and channels c of x[r, p s + i d − padding, q s + j d − padding, c] w[o, i, j, c].
///
/// x is `[rows, h, w, channels]`, w `[outputs, kernel_h, kernel_w, channels / groups]`, y `[rows, h', w', outputs]`; output
/// channels of a group see the input channels of that group only. The three directions are the bilinear map, its transpose in
/// x and its transpose in w: the derivatives of each are the two others.
///
/// With copies, consecutive runs of rows / copies rows have weights of their own. In the graph, weights are operands in the
/// order of axes that the kernels read (`packed`, `turned`); the permutations of derivatives cancel.
package struct Convolution: Hashable, Sendable {
    package enum Direction: String, Sendable {
        /// (x, packed w) -> y.
        case forward = "conv2d"
        /// (cotangent of y, turned w) -> cotangent of x.
        case inputGrad = "conv2d_input_grad"
        /// (x, cotangent of y) -> cotangent of w, `[copies] + shape of w`.
        case weightGrad = "conv2d_weight_grad"
    }
    package var direction = Direction.forward
    /// Height and width.
    package let axes: [WindowAxis]
    package let channels, outputs, groups: Int
    package var copies = 1

    var taps: Int { axes[0].kernel * axes[1].kernel }
    /// Of a group.
    var inputs: Int { channels / groups }
    var columns: Int { outputs / groups }
    var isDepthwise: Bool { inputs == 1 && columns == 1 }

    func image(_ rows: Int) -> [Int] { [rows, axes[0].size, axes[1].size, channels] }
    func result(_ rows: Int) -> [Int] { [rows, axes[0].positions, axes[1].positions, outputs] }
    var weight: [Int] { [copies, outputs, axes[0].kernel, axes[1].kernel, inputs] }

    /// Columns that the kernels find side by side: enough for their widest tile.
    private func panel(_ columns: Int) -> Int { columns % 32 == 0 ? 32 : columns }
    private var panel: Int {
        if isDepthwise { return channels }
        return panel(direction == .inputGrad ? inputs : columns)
    }

    /// Weights with output channels last, in panels: `[copies, panels, taps, inputs, panel]`; depthwise `[copies, taps, channels]`.
    func packed(_ w: Term) -> Term {
        if isDepthwise { return w.reshaped(to: [copies, channels, taps]).permuted([0, 2, 1]) }
        let panel = panel(columns)
        return w.reshaped(to: [copies, outputs / panel, panel, taps, inputs]).permuted([0, 1, 3, 4, 2])
    }

    private func unpacked(_ w: Term) -> Term {
        (isDepthwise ? w.permuted([0, 2, 1]) : w.permuted([0, 1, 4, 2, 3])).reshaped(to: weight)
    }

    /// Weights with input channels last, in panels: `[copies, groups, panels, taps, columns, panel]`; depthwise as `packed`.
    func turned(_ w: Term) -> Term {
        if isDepthwise { return packed(w) }
        let panel = panel(inputs)
        return w.reshaped(to: [copies, groups, columns, taps, inputs / panel, panel]).permuted([0, 1, 4, 3, 2, 5])
    }

    private func unturned(_ w: Term) -> Term {
        isDepthwise ? unpacked(w) : w.permuted([0, 1, 4, 3, 2, 5]).reshaped(to: weight)
    }

    private func turn(_ direction: Direction) -> Operation {
        var other = self
        other.direction = direction
        return Operation(other)
    }
}

extension Convolution: OperationRule {
    var name: String { direction.rawValue }
    var inputCount: Int { 2 }
    var work: Work { .kernel }
    var isCostly: Bool { true }

    /// Built by `Graph.conv2d` and by derivatives, from shapes that fit.
    func shape(of inputs: [Operand]) throws -> [Int] {
        let rows = inputs[0].shape[0]
        let isImage = direction != .inputGrad
        let other = direction == .weightGrad ? Shape.elements(result(rows)) : Shape.elements(weight)
        guard inputs[0].shape == (isImage ? image(rows) : result(rows)), rows % copies == 0,
            Shape.elements(inputs[1].shape) == other
        else { throw GraphError("\(name): \(inputs[0]) and \(inputs[1]) do not fit") }
        let shape =
            switch direction {
            case .forward: result(rows)
            case .inputGrad: image(rows)
            case .weightGrad: weight
            }
        try Shape.check(shape, for: name)
        return shape
    }

    func vjp(_ inputs: [Term], _ output: Term, _ c: Term) -> [Term?] {
        let (a, b) = (inputs[0], inputs[1])
        switch direction {
        case .forward:
            // Steps run in the order of their making: what follows on the images is then done while these are in the cache.
            let weights = packed(a.apply(turn(.weightGrad), c))
            return [c.apply(turn(.inputGrad), turned(unpacked(b))), weights]
        case .inputGrad:
            return [c.apply(turn(.forward), packed(unturned(b))), turned(c.apply(turn(.weightGrad), a))]
        case .weightGrad:
            return [b.apply(turn(.inputGrad), turned(c)), a.apply(turn(.forward), packed(c))]
        }
    }

    /// Rows of all copies follow each other; weights, if they differ, become more copies.
    func batched(_ inputs: [BatchedTerm], copies count: Int) -> Term {
        func joined(_ x: BatchedTerm) -> Term {
            let all = x.all(count)
            return all.reshaped(to: [all.shape[0] * all.shape[1]] + all.shape.dropFirst(2))
        }
        var rule = self
        let isShared = direction != .weightGrad && copies == 1 && !inputs[1].isBatched
        if !isShared { rule.copies = count * copies }
        let result = joined(inputs[0]).apply(Operation(rule), isShared ? inputs[1].term : joined(inputs[1]))
        return result.reshaped(to: [count, result.shape[0] / count] + result.shape.dropFirst())
    }

    func call(_ inputs: [Buffer], _ output: Buffer, _ precision: Precision) -> KernelCall {
        let (a, b) = (inputs[0], inputs[1]), rows = a.shape[0]
        let isWeightGrad = direction == .weightGrad
        let flops = 2 * Double(rows) * Double(Shape.elements(result(1)) * taps * self.inputs)
        return KernelCall(
            name, units: isWeightGrad ? copies * outputs : rows, flops: flops,
            reads: [isWeightGrad ? .all : .perUnit(a.count / rows * precision.bytes), .all]
        ) { memory in
            var c = sz_conv()
            (c.a, c.b, c.out) = (UnsafeRawPointer(a.pointer), UnsafeRawPointer(b.pointer), output.pointer)
            (c.rows, c.copies, c.groups) = (Int64(rows), Int64(copies), Int64(groups))
            (c.channels, c.outputs, c.panel) = (Int64(channels), Int64(outputs), Int64(panel))
            c.axis = (axes[0].inC, axes[1].inC)
            let kind =
                switch direction {
                case .forward: SZ_CONV_FORWARD
                case .inputGrad: SZ_CONV_INPUT_GRAD
                case .weightGrad: SZ_CONV_WEIGHT_GRAD
                }
            let (kindInC, bytes) = (Int32(kind), Int32(precision.bytes))
            var scratch: Int64 = 0
            let plan = memory.scratch(bytes: Int(sz_conv_plan(&c, kindInC, bytes, nil, &scratch)))
            _ = sz_conv_plan(&c, kindInC, bytes, plan, &scratch)
            c.plan = UnsafeRawPointer(plan)
            c.scratch = memory.scratch(bytesPerThread: Int(scratch))
            c.scratch_stride = scratch
            return c
        }
    }
}

extension Graph {
    /// y of `Convolution` for x `[rows, height, width, channels]` and w `[outputs, kernel_h, kernel_w, channels / groups]`.
    package func conv2d(_ x: Node, _ w: Node, steps: WindowSteps = WindowSteps(), groups: Int = 1) throws -> Node {
        try check([x, w], for: "conv2d")
        let (image, weight) = (operand(x), operand(w))
        guard weight.shape.count == 4 else {
            throw GraphError("conv2d: \(weight) is not [outputs, kernel height, kernel width, channels]")
        }
        let axes = try steps.axes(on: image, kernel: Array(weight.shape[1...2]), for: "conv2d")
        let (channels, outputs) = (image.shape[3], weight.shape[0])
        guard groups > 0, channels % groups == 0, outputs % groups == 0 else {
            throw GraphError(
                "conv2d: \(groups) groups do not divide \(channels) input and \(outputs) output channels")
        }
        guard channels == groups * weight.shape[3] else {
            let each =
                groups == 1 ? "takes \(weight.shape[3])" : "takes \(weight.shape[3]) in each of \(groups) groups"
            throw GraphError("conv2d: \(image) has \(channels) channels, \(weight) \(each)")
        }
        let rule = Convolution(axes: axes, channels: channels, outputs: outputs, groups: groups)
        let wide = Term(graph: self, node: try reshape(w, to: rule.weight))
        return try apply(Operation(rule), [x, rule.packed(wide).node])
    }
}
