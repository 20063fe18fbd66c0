/// Sums over products that need not be formed: what makes squared norms of per-sample gradients as cheap as a backward pass.
extension Term {
    /// The factors a, b of a node a_i b_j that varies with one sample per row: `[n, …]` each, with no axis in common but the first.
    var outerFactors: (Term, Term)? {
        if rule is Reshape, inputs[0].shape.first == shape.first { return inputs[0].outerFactors }
        guard rule as? Binary == .mul else { return nil }
        let (a, b) = (inputs[0], inputs[1])
        guard a.shape.count == shape.count, b.shape.count == shape.count, let samples = shape.first,
            a.shape[0] == samples, b.shape[0] == samples,
            shape.indices.dropFirst().allSatisfy({ a.shape[$0] == 1 || b.shape[$0] == 1 })
        else { return nil }
        return (a, b)
    }

    /// Σ of this over adjacent axes, if this is a product whose sum can be had from its factors, for less.
    func sumOfProduct(over axes: Range<Int>) -> Term? {
        if rule as? Binary == .mul { return separated(inputs[0], inputs[1], over: axes) }
        guard rule as? Unary == .square else { return nil }
        var root = inputs[0]
        if axes == 1..<shape.count, root.rule is Reshape, root.inputs[0].shape.first == shape.first,
            root.inputs[0].shape.count > 1
        {
            root = root.inputs[0]
            return root.apply(.square).sumOfProduct(over: 1..<root.shape.count)
        }
        if root.rule as? Binary == .mul {
            return separated(root.inputs[0], root.inputs[1], over: axes, squared: true)
        }
        return axes == 1..<3 && shape.count == 3 ? root.squaredNormOfProduct : nil
    }

    /// Σ a b = (Σ a) (Σ b) if each summed axis belongs to one of them only.
    private func separated(_ a: Term, _ b: Term, over axes: Range<Int>, squared: Bool = false) -> Term? {
        func padded(_ x: Term) -> [Int] { [Int](repeating: 1, count: shape.count - x.shape.count) + x.shape }
        let (ofA, ofB) = (padded(a), padded(b))
        guard axes.allSatisfy({ ofA[$0] == 1 || ofB[$0] == 1 }) else { return nil }
        func summed(_ x: Term, _ sizes: [Int]) -> Term {
            let own = axes.filter { sizes[$0] != 1 }
            let wide = (squared ? x.apply(.square) : x).reshaped(to: sizes)
            let rest = sizes.indices.filter { !axes.contains($0) }.map { sizes[$0] }
            return (own.isEmpty ? wide : wide.sum(axes: own)).reshaped(to: rest)
        }
        let rest = shape.indices.filter { !axes.contains($0) }.map { shape[$0] }
        let product = summed(a, ofA) * summed(b, ofB)
        return product.shape == rest ? product : nil
    }

    /// |A_s B_s|² for each s = Σ (AᵀA) ∘ (B Bᵀ), with k x k matrices: for this node a product `[n, m, k] · [n, k, l]` with k so
    /// small that it costs less than the product.
    private var squaredNormOfProduct: Term? {
        guard let rule = rule as? MatMul else { return nil }
        let (a, b) = (inputs[0], inputs[1])
        let (_, m, l, k) = rule.sizes(a.shape, b.shape)
        guard k * k * (m + l + 1) < (k + 1) * m * l else { return nil }
        let left = a.matmul(a, transposeA: !rule.transposeA, transposeB: rule.transposeA)
        let right = b.matmul(b, transposeA: rule.transposeB, transposeB: !rule.transposeB)
        return (left * right).sum(axes: [1, 2])
    }
}
