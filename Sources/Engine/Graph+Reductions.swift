/// Reductions of axes beyond the primitive ones. Axes may be counted from the end; nil means all.
extension Graph {
    /// The reductions that `reduce` knows, by name.
    static let reductions: [String: @Sendable (Graph, Node, [Int], Bool) throws -> Node] = [
        "sum": { try $0.apply(.sum(axes: $2, keep: $3), [$1]) },
        "mean": { try $0.apply(.mean(axes: $2, keep: $3), [$1]) },
        "max": { try $0.apply(.max(axes: $2, keep: $3), [$1]) },
        "min": { graph, x, axes, keep in
            let largest = try graph.apply(.max(axes: axes, keep: keep), [try graph.apply(.unary(.neg), [x])])
            return try graph.apply(.unary(.neg), [largest])
        },
        "prod": { try $0.product($1, axes: $2, keep: $3) },
        "var": { try $0.variance($1, axes: $2, keep: $3) },
        "logsumexp": { try $0.logSumExp($1, axes: $2, keep: $3) },
    ]

    /// The reduction `name` of docs/plugins/graph.md over axes, which disappear or stay with size 1.
    package func reduce(_ name: String, _ x: Node, axes: [Int]?, keep: Bool = false) throws -> Node {
        guard let reduction = Graph.reductions[name] else {
            throw GraphError.unknown("reduction", name, among: Graph.reductions.keys)
        }
        try check([x], for: name)
        return try reduction(self, x, try Reduction.resolved(axes, of: operand(x), for: name), keep)
    }

    /// Σ (x - mean)² / (n - ddof).
    package func variance(_ x: Node, axes: [Int]?, keep: Bool = false, ddof: Int = 0) throws -> Node {
        try check([x], for: "var")
        let axes = try Reduction.resolved(axes, of: operand(x), for: "var")
        let mean = try apply(.mean(axes: axes, keep: true), [x])
        let square = try apply(.unary(.square), [try apply(.binary(.sub), [x, mean])])
        let n = Shape.elements(shape(of: x)) / Shape.elements(shape(of: mean))
        guard ddof >= 0, ddof < n else {
            throw GraphError("var: ddof is \(ddof); 0 to \(n - 1) is expected for n = \(n)")
        }
        let sum = try apply(.sum(axes: axes, keep: keep), [square])
        return try apply(.binary(.mul), [sum, constant(1 / Double(n - ddof))])
    }

    /// log Σ exp(x), the maximum taken out first. -∞ where all x are.
    private func logSumExp(_ x: Node, axes: [Int], keep: Bool) throws -> Node {
        let top = Term(graph: self, node: try apply(.max(axes: axes, keep: true), [x])).apply(.stopGradient)
        let infinite = top.apply(.abs).apply(.binary(.equal), top.constant(.infinity))
        let shift = infinite.select(top.constant(0), top)
        let exponentials = (Term(graph: self, node: x) - shift).apply(.exp)
        let result = exponentials.sum(axes: axes, keep: true).apply(.log) + shift
        return keep ? result.node : result.reshaped(to: try reducedShape(of: x, axes: axes)).node
    }

    private func reducedShape(of x: Node, axes: [Int]) throws -> [Int] {
        try Reduction(kind: .sum, axes: axes).shape(of: [operand(x)])
    }

    /// The product of all elements, by halves: its derivatives hold at zeros too.
    private func product(_ x: Node, axes: [Int], keep: Bool) throws -> Node {
        let rest = try reducedShape(of: x, axes: axes)
        var result = Term(graph: self, node: x)
        for axis in axes {
            while result.shape[axis] > 1 {
                let n = result.shape[axis], half = n / 2
                let product =
                    result.sliced(axis: axis, begin: 0, count: half)
                    * result.sliced(axis: axis, begin: half, count: half)
                let last = result.sliced(axis: axis, begin: n - 1, count: 1)
                result = n % 2 == 0 ? product : Term.concat([product, last], axis: axis)
            }
        }
        return keep ? result.node : result.reshaped(to: rest).node
    }

    /// The index of the first of the largest elements of an axis, which disappears; NaN where one of them is. Its derivative is 0.
    package func argmax(_ x: Node, axis: Int) throws -> Node {
        let axis = try self.axis(axis, of: x, for: "argmax")
        let values = Term(graph: self, node: x).apply(.stopGradient), n = values.shape[axis]
        let top = values.apply(.max(axes: [axis], keep: true))
        let ones = [Int](repeating: 1, count: values.shape.count - axis - 1)
        let numbers = Term(graph: self, node: try iota(n)).reshaped(to: [n] + ones)
        let candidates = values.apply(.binary(.equal), top).select(-numbers, values.constant(-Double(n)))
        let first = -candidates.apply(.max(axes: [axis]))
        let isNumber = top.apply(.binary(.equal), top).reshaped(to: first.shape)
        return isNumber.select(first, first.constant(.nan)).node
    }

    /// Sums along an axis up to each element.
    package func cumulativeSum(
        _ x: Node, axis: Int, isExclusive: Bool = false, isReverse: Bool = false
    ) throws -> Node {
        let axis = try self.axis(axis, of: x, for: "cumsum")
        return try apply(Operation(CumulativeSum(axis: axis, isExclusive: isExclusive, isReverse: isReverse)), [x])
    }

    /// Products along an axis up to each element, by doubling the factors: its derivatives hold at zeros too.
    package func cumulativeProduct(_ x: Node, axis: Int) throws -> Node {
        let axis = try self.axis(axis, of: x, for: "cumprod")
        var result = Term(graph: self, node: x)
        let n = result.shape[axis]
        var distance = 1
        while distance < n {
            let first = result.sliced(axis: axis, begin: 0, count: distance)
            let product =
                result.sliced(axis: axis, begin: 0, count: n - distance)
                * result.sliced(axis: axis, begin: distance, count: n - distance)
            result = Term.concat([first, product], axis: axis)
            distance *= 2
        }
        return result.node
    }
}
