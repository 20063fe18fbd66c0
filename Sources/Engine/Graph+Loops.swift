/// Recurrences as models write them.
extension Graph {
    /// A scan between `beginScan` and `endScan`: what is built from its nodes is the body.
    package struct OpenScan {
        fileprivate var loop: Loop
        /// Elements of the sequences in one step, in their order.
        package let elements: [Node]
        /// What the step starts from.
        package let carries: [Node]
        fileprivate let layerCount: Int
    }

    /// What a scan gives.
    package struct ScanResult {
        /// The carries after the last step.
        package let last: [Node]
        /// The outputs of all steps, `[length] + shape`.
        package let outputs: [Node]
    }

    /// A recurrence over the first axis of sequences: (carries, elements) ↦ (next carries, outputs), step by step.
    ///
    /// - Parameters:
    ///   - sequences: of shape `[length] + shape`; the body sees one element of each, of shape `shape`.
    ///   - initial: the carries that the first step starts from.
    ///   - length: of the sequences; needed only if there are none.
    ///   - truncate: cuts the cotangents of the carries every so many steps: step i starts from stop_gradient(carry) if i > 0 is a
    ///     multiple of it. The first carries, elements and what the body reads from outside keep their gradients within each
    ///     window. This is truncated back-propagation through time with windows that do not overlap.
    ///   - isReverse: from the last element to the first; outputs stay at their elements.
    ///   - body: gives the next carries, of the shapes of the first ones, and the outputs.
    ///
    /// The body may read any node of the graph; all steps read the same value, random numbers too.
    ///
    /// Source of truncation: Williams and Peng, Neural Computation 2 (1990) 490, with h' = h = `truncate`.
    package func scan(
        over sequences: [Node] = [], initial: [Node], length: Int? = nil, truncate: Int? = nil,
        isReverse: Bool = false,
        body: (_ carries: [Node], _ elements: [Node]) throws -> (next: [Node], outputs: [Node])
    ) throws -> ScanResult {
        let open = try beginScan(
            over: sequences, initial: initial, length: length, truncate: truncate, isReverse: isReverse)
        let (next, outputs) = try body(open.carries, open.elements)
        return try endScan(open, next: next, outputs: outputs)
    }

    package func beginScan(
        over sequences: [Node], initial: [Node], length: Int? = nil, truncate: Int? = nil, isReverse: Bool = false
    ) throws -> OpenScan {
        try check(sequences + initial, for: "scan")
        for sequence in sequences where shape(of: sequence).isEmpty {
            throw GraphError("scan: \(operand(sequence)) has no axis of steps")
        }
        guard let steps = sequences.first.map({ shape(of: $0)[0] }) ?? length, steps > 0 else {
            throw GraphError("scan: no sequences and no length; the number of steps is expected")
        }
        for sequence in sequences where shape(of: sequence)[0] != steps {
            throw GraphError(
                "scan: \(operand(sequences[0])) and \(operand(sequence)) do not fit: \(steps) steps against "
                    + "\(shape(of: sequence)[0])")
        }
        if let length, length != steps {
            throw GraphError("scan: \(operand(sequences[0])) has \(steps) steps; the length is \(length)")
        }
        if let truncate, truncate < 1 { throw GraphError("scan: truncate is \(truncate); at least 1 is expected") }
        for value in initial { try Shape.check([steps] + shape(of: value), for: "scan") }
        var loop = Loop(length: steps, isReverse: isReverse)
        let elements = sequences.map { loop.element(of: $0, in: self) }
        var carries = initial.map { loop.carry(from: $0, in: self) }
        if let truncate, truncate < steps {
            let flows = loop.element(of: try windows(of: truncate, steps: steps, isReverse: isReverse), in: self)
            carries = try carries.map { carry in
                try apply(.select, [flows, carry, try apply(.stopGradient, [carry])])
            }
        }
        return OpenScan(loop: loop, elements: elements, carries: carries, layerCount: layers.count)
    }

    /// `beginScan` with the attributes `length`, `truncate` and `reverse`.
    package func beginScan(
        over sequences: [Node], initial: [Node], attributes: [String: Double]
    ) throws -> OpenScan {
        let options = try Attributes(
            operation: "scan", values: attributes, known: ["length", "truncate", "reverse"])
        return try beginScan(
            over: sequences, initial: initial, length: try options.integer("length"),
            truncate: try options.integer("truncate"), isReverse: try options.flag("reverse"))
    }

    package func endScan(_ open: OpenScan, next: [Node], outputs: [Node]) throws -> ScanResult {
        try check(next + outputs, for: "scan")
        var loop = open.loop
        guard next.count == loop.carries.count else {
            throw GraphError("scan: \(next.count) next carries; \(loop.carries.count) expected")
        }
        for (i, node) in next.enumerated() {
            let first = loop.carries[i].initial
            guard shape(of: node) == shape(of: first) else {
                throw GraphError("scan: carry \(i) becomes \(operand(node)); it began as \(operand(first))")
            }
            loop.carries[i].next = node
        }
        try check(
            layersFrom: open.layerCount, areOutside: Set(loop.carries.map(\.node) + loop.known.keys), of: "scan")
        let (stacks, all) = try scanned(loop, outputs: outputs)
        let step = loop.isReverse ? 0 : loop.length - 1
        let last = stacks.map { stack in
            let piece = Term(graph: self, node: stack).sliced(axis: 0, begin: step, count: 1)
            return piece.reshaped(to: Array(piece.shape.dropFirst())).node
        }
        return ScanResult(last: last, outputs: all)
    }

    /// 0 in the first step of each window but the first one, where no cotangent flows back, else 1; `[steps]`.
    private func windows(of size: Int, steps: Int, isReverse: Bool) throws -> Node {
        var step = Term(graph: self, node: try iota(steps))
        if isReverse { step = Double(steps - 1) - step }
        let inWindow = step - Double(size) * ((1 / Double(size)) * (step + step.constant(0.5))).apply(.floor)
        let isFirst = inWindow.apply(.binary(.equal), step.constant(0))
        return (1 - isFirst * step.apply(.step)).node
    }
}
