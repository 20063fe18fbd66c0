/// Normalizations, made of operations that have all derivatives. Variances are those of the values themselves (divided by n).
extension Graph {
    /// (x - mean) / √(variance + epsilon) over the given axes.
    private func standardized(_ x: Term, over axes: [Int], epsilon: Double) -> Term {
        let centred = x - x.mean(axes: axes)
        return centred * (centred.apply(.square).mean(axes: axes) + x.constant(epsilon)).inverseRoot
    }

    /// Scale and shift of the last axes, those of them that are there.
    private func scaled(_ x: Term, _ parameters: ArraySlice<Node>, for what: String) throws -> Node {
        let terms = parameters.map { Term(graph: self, node: $0) }
        for (name, term) in zip(["scale", "shift"], terms)
        where Shape.broadcast(x.shape, term.shape) != x.shape {
            throw GraphError(
                "\(what): \(name) \(operand(term.node)) does not fit \(x.shape): sizes must be equal or 1, "
                    + "compared from the last axis")
        }
        var result = x
        if let scale = terms.first { result = result * scale }
        if terms.count > 1 { result = result + terms[1] }
        return result.node
    }

    /// Over the last `axes` axes of x, then times scale plus shift, which have these axes; both may be left out.
    ///
    /// Source: Ba, Kiros, Hinton, arXiv 1607.06450, equation 4.
    package func layerNorm(
        _ x: Node, _ parameters: ArraySlice<Node> = [], axes count: Int = 1, epsilon: Double
    ) throws -> Node {
        let (term, axes) = try lastAxes(count, of: x, parameters, for: "layer_norm", epsilon)
        return try scaled(standardized(term, over: axes, epsilon: epsilon), parameters, for: "layer_norm")
    }

    /// x / √(mean of x² + epsilon) over the last `axes` axes, times scale, which may be left out.
    ///
    /// Source: Zhang and Sennrich, NeurIPS 2019, equation 4.
    package func rmsNorm(
        _ x: Node, _ parameters: ArraySlice<Node> = [], axes count: Int = 1, epsilon: Double
    ) throws -> Node {
        let (term, axes) = try lastAxes(count, of: x, parameters, for: "rms_norm", epsilon)
        let square = term.apply(.square).mean(axes: axes)
        return try scaled(term * (square + term.constant(epsilon)).inverseRoot, parameters, for: "rms_norm")
    }

    private func lastAxes(
        _ count: Int, of x: Node, _ parameters: ArraySlice<Node>, for what: String, _ epsilon: Double
    ) throws -> (Term, [Int]) {
        try check([x] + parameters, for: what)
        let rank = shape(of: x).count
        guard count >= 1, count <= rank else {
            throw GraphError("\(what): axes is \(count); \(operand(x)) has \(rank)")
        }
        try check(epsilon: epsilon, for: what)
        return (Term(graph: self, node: x), Array(rank - count..<rank))
    }

    private func check(epsilon: Double, for what: String) throws {
        guard epsilon >= 0 else { throw GraphError("\(what): epsilon is \(epsilon); at least 0 is expected") }
    }

    /// Each row over all positions and the channels of a group, x `[rows, …, channels]`; scale and shift `[channels]` may be left out.
    ///
    /// Source: Wu and He, ECCV 2018, equation 7.
    package func groupNorm(_ x: Node, _ parameters: ArraySlice<Node> = [], groups: Int, epsilon: Double) throws
        -> Node
    {
        try check([x] + parameters, for: "group_norm")
        let own = shape(of: x)
        guard own.count >= 2, groups >= 1, own[own.count - 1] % groups == 0 else {
            throw GraphError(
                "group_norm: \(groups) groups do not divide the channels of \(operand(x)), its last axis")
        }
        try check(epsilon: epsilon, for: "group_norm")
        let (channels, positions) = (own[own.count - 1], Shape.elements(Array(own[1..<(own.count - 1)])))
        let grouped = Term(graph: self, node: x).reshaped(to: [own[0], positions, groups, channels / groups])
        let result = standardized(grouped, over: [1, 3], epsilon: epsilon).reshaped(to: own)
        return try scaled(result, parameters, for: "group_norm")
    }

    /// Each channel, the last axis of x, over all other axes. In training by the batch's own mean and variance, and the running
    /// ones become (1 - momentum) running + momentum batch, the variance there divided by n - 1 (as PyTorch); in evaluation by
    /// the running ones. Scale and shift `[channels]` may be left out.
    ///
    /// Source: Ioffe and Szegedy, ICML 2015, algorithms 1 and 2.
    package func batchNorm(
        _ x: Node, _ parameters: ArraySlice<Node> = [], runningMean: Node, runningVariance: Node, momentum: Double,
        epsilon: Double
    ) throws -> Node {
        let what = "batch_norm"
        try check([x, runningMean, runningVariance] + parameters, for: what)
        let own = shape(of: x)
        guard let channels = own.last, own.count >= 2 else {
            throw GraphError("\(what): \(operand(x)) is not [rows, …, channels]")
        }
        for (name, node) in [("running mean", runningMean), ("running variance", runningVariance)]
        where shape(of: node) != [channels] {
            throw GraphError(
                "\(what): \(name) \(operand(node)) is not [\(channels)], one for each channel of \(operand(x))")
        }
        try check(epsilon: epsilon, for: what)
        guard momentum >= 0, momentum <= 1 else {
            throw GraphError("\(what): momentum is \(momentum); 0 to 1 is expected")
        }
        let term = Term(graph: self, node: x)
        let (mean, variance) = (Term(graph: self, node: runningMean), Term(graph: self, node: runningVariance))
        guard isTraining else {
            let result = (term - mean) * (variance + term.constant(epsilon)).inverseRoot
            return try scaled(result, parameters, for: what)
        }
        let n = Shape.elements(own) / channels
        guard n > 1 else {
            throw GraphError("\(what): \(operand(x)) has one value for each channel; training needs at least 2")
        }
        let rows = term.reshaped(to: [n, channels])
        let batchMean = rows.mean(axes: [0]), centred = rows - batchMean
        let batchVariance = centred.apply(.square).mean(axes: [0])
        func moved(_ running: Term, _ value: Term) -> Node {
            ((1 - momentum) * running + momentum * value.reshaped(to: [channels])).node
        }
        try assign(runningMean, moved(mean, batchMean))
        try assign(runningVariance, moved(variance, Double(n) / Double(n - 1) * batchVariance))
        let result = centred * (batchVariance + term.constant(epsilon)).inverseRoot
        return try scaled(result.reshaped(to: own), parameters, for: what)
    }
}

extension Term {
    /// Over axes that stay, with size 1.
    func mean(axes: [Int]) -> Term { apply(.mean(axes: axes, keep: true)) }
    /// 1/√x.
    var inverseRoot: Term { apply(.sqrt).apply(.reciprocal) }
}
