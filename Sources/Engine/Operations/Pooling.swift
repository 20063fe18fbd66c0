import CShims

/// Windows that slide over the images of a batch, `[rows, height, width, channels]`, for each channel by itself. Every case is
/// linear in its last input; `max` names the first of the largest elements, a NaN before numbers (as PyTorch).
package struct Pooling: Hashable, Sendable {
    package enum Kind: String, Sendable {
        /// (x, v of x's shape) -> v where the window's x is largest; with v = x the maximum. Padding is never the largest.
        case maxGather = "max_pool"
        /// (x, v of the windows' shape) -> x's shape: the transpose of `maxGather` in v.
        case maxScatter = "max_pool_grad"
        /// x -> means over windows; padding counts as zeros, like all of the window (PyTorch's count_include_pad).
        case average = "average_pool"
        /// The transpose of `average`.
        case averageGrad = "average_pool_grad"
        /// x -> `[rows · h' · w', kernel_h · kernel_w · channels]`, what each position of a convolution sees.
        case patches
        /// The transpose of `patches`: sums over the windows that contain an element.
        case patchesGrad = "patches_grad"
    }
    package var kind: Kind
    package let axes: [WindowAxis]
    package let channels: Int

    private var taps: Int { axes[0].kernel * axes[1].kernel }
    private var positions: Int { axes[0].positions * axes[1].positions }
    private func image(_ rows: Int) -> [Int] { [rows, axes[0].size, axes[1].size, channels] }
    private func windows(_ rows: Int) -> [Int] { [rows, axes[0].positions, axes[1].positions, channels] }

    private var isTranspose: Bool { [.maxScatter, .averageGrad, .patchesGrad].contains(kind) }
    private var transpose: Pooling {
        var other = self
        other.kind =
            switch kind {
            case .maxGather: .maxScatter
            case .maxScatter: .maxGather
            case .average: .averageGrad
            case .averageGrad: .average
            case .patches: .patchesGrad
            case .patchesGrad: .patches
            }
        return other
    }
}

extension Pooling: OperationRule {
    var name: String { kind.rawValue }
    var inputCount: Int { kind == .maxGather || kind == .maxScatter ? 2 : 1 }
    var work: Work { .kernel }

    private func rows(_ inputs: [[Int]]) -> Int { kind == .patchesGrad ? inputs[0][0] / positions : inputs[0][0] }

    /// Built by `Graph` and by derivatives, from shapes that fit.
    func shape(of inputs: [Operand]) throws -> [Int] {
        let rows = rows(inputs.map(\.shape)), patches = [rows * positions, taps * channels]
        let expected =
            switch kind {
            case .maxGather: [image(rows), image(rows)]
            case .maxScatter: [image(rows), windows(rows)]
            case .average, .patches: [image(rows)]
            case .averageGrad: [windows(rows)]
            case .patchesGrad: [patches]
            }
        guard inputs.map(\.shape) == expected else {
            throw GraphError("\(name): \(inputs[0]) does not fit \(expected)")
        }
        let shape = isTranspose ? image(rows) : kind == .patches ? patches : windows(rows)
        try Shape.check(shape, for: name)
        return shape
    }

    func vjp(_ inputs: [Term], _ output: Term, _ c: Term) -> [Term?] {
        guard inputCount == 2 else { return [c.apply(Operation(transpose))] }
        return [nil, inputs[0].apply(Operation(transpose), c)]
    }

    /// Rows of all copies follow each other.
    func batched(_ inputs: [BatchedTerm], copies: Int) -> Term {
        let joined = inputs.map { input in
            let all = input.all(copies)
            return all.reshaped(to: [copies * all.shape[1]] + all.shape.dropFirst(2)).node
        }
        let graph = inputs[0].term.graph
        let first = Term(graph: graph, node: joined[0])
        let result =
            joined.count == 1
            ? first.apply(Operation(self)) : first.apply(Operation(self), Term(graph: graph, node: joined[1]))
        return result.reshaped(to: [copies, result.shape[0] / copies] + result.shape.dropFirst())
    }

    func call(_ inputs: [Buffer], _ output: Buffer, _ precision: Precision) -> KernelCall {
        let (a, b) = (inputs[0], inputs[inputs.count - 1]), rows = rows(inputs.map(\.shape))
        let kernel =
            switch kind {
            case .maxGather: "max_gather"
            case .maxScatter: "max_scatter"
            case .average: "window_sum"
            case .averageGrad: "window_spread"
            case .patches: "patches"
            case .patchesGrad: "patches_transpose"
            }
        return KernelCall(
            kernel, units: rows, flops: kind == .patches ? 0 : Double(rows * positions * taps * channels),
            reads: inputs.map { .perUnit($0.count / rows * precision.bytes) }
        ) { _ in
            sz_pool(
                a: UnsafeRawPointer(a.pointer), b: UnsafeRawPointer(b.pointer), out: output.pointer,
                channels: Int64(channels), scale: 1 / Double(taps), axis: (axes[0].inC, axes[1].inC))
        }
    }
}

extension Graph {
    private func pooling(_ kind: Pooling.Kind, _ x: Node, kernel: [Int], _ steps: WindowSteps) throws -> Operation {
        try check([x], for: kind.rawValue)
        let axes = try steps.axes(on: operand(x), kernel: kernel, for: kind.rawValue)
        for axis in axes where kind != .patches {
            guard max(axis.before, axis.after) < axis.kernel else {
                throw GraphError(
                    "\(kind.rawValue): padding \(max(axis.before, axis.after)) is not smaller than the window, "
                        + "\(axis.kernel): a window would hold padding only")
            }
            // Dilated taps may step over a small image.
            guard let empty = (0..<axis.positions).first(where: { axis.taps(at: $0).isEmpty }) else { continue }
            throw GraphError(
                "\(kind.rawValue): window \(empty) of \(axis.kernel) elements, \(axis.dilation) apart, holds padding "
                    + "only on \(operand(x)) with padding \(axis.before)")
        }
        return Operation(Pooling(kind: kind, axes: axes, channels: shape(of: x)[3]))
    }

    /// The largest element of each window; the first of equal ones gets the whole cotangent.
    package func maxPool(_ x: Node, size: [Int], steps: WindowSteps) throws -> Node {
        try apply(try pooling(.maxGather, x, kernel: size, steps), [x, x])
    }

    /// The mean of each window, padding included as zeros.
    package func averagePool(_ x: Node, size: [Int], steps: WindowSteps) throws -> Node {
        try apply(try pooling(.average, x, kernel: size, steps), [x])
    }

    /// The rows `[rows · h' · w', kernel_h · kernel_w · channels]` that a convolution multiplies with its weights.
    package func patches(_ x: Node, kernel: [Int], steps: WindowSteps = WindowSteps()) throws -> Node {
        try apply(try pooling(.patches, x, kernel: kernel, steps), [x])
    }
}
