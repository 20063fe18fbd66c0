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
        let isSquare = rule as? Unary == .square || (rule as? Binary == .mul && inputs[0].node == inputs[1].node)
        if !isSquare, rule as? Binary == .mul {
            if axes == 0..<1, shape.count == 3, let product = sumOfOuterProducts(inputs[0], inputs[1]) {
                return product
            }
            return separated(inputs[0], inputs[1], over: axes)
        }
        if rule is MatMul, axes.lowerBound == 0, axes.upperBound == shape.count - 2 { return sumOfProducts }
        guard isSquare else { return nil }
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
        if axes == 1..<3, root.rule is ScatterAdd { return root.squaredNormOfScattered }
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

    /// Σ_s a_si b_sj = aᵀ b.
    private func sumOfOuterProducts(_ a: Term, _ b: Term) -> Term? {
        let (n, m, l) = (shape[0], shape[1], shape[2])
        guard n > 1, m > 1, l > 1 else { return nil }
        if a.shape == [n, 1, l], b.shape == [n, m, 1] { return sumOfOuterProducts(b, a) }
        guard a.shape == [n, m, 1], b.shape == [n, 1, l] else { return nil }
        return a.reshaped(to: [n, m]).matmul(b.reshaped(to: [n, l]), transposeA: true)
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

    /// Σ over the rows of what each copy scatters, squared, = Σ_ij v_i · v_j over pairs with equal indices that are rows: for
    /// fewer values than rows.
    private var squaredNormOfScattered: Term? {
        let (indices, values) = (inputs[0], inputs[1]), zero = values.constant(0)
        let (copies, n) = (indices.shape[0], indices.shape[1])
        guard n < shape[1] else { return nil }
        let isRow = indices.numbersRow(below: shape[1])
        if n == 1 {
            let squares = values.reshaped(to: [copies, shape[2]]).apply(.square)
            return isRow.select(squares, zero).sum(axes: [1])
        }
        let pairs = indices.reshaped(to: [copies, n, 1]).apply(.binary(.equal), indices.reshaped(to: [copies, 1, n]))
        let counted = pairs * isRow.reshaped(to: [copies, n, 1])
        return counted.select(values.matmul(values, transposeB: true), zero).sum(axes: [1, 2])
    }

    /// Σ_s A_s B_s over all leading axes = one product whose inner axis has the terms of all s. Operands that must be copied for
    /// that may not exceed what it saves, the products.
    private var sumOfProducts: Term? {
        guard let rule = rule as? MatMul, shape.count > 2 else { return nil }
        let (a, b) = (inputs[0], inputs[1])
        guard a.shape.count == shape.count, b.shape.count == shape.count else { return nil }
        let (batch, m, n, k) = rule.sizes(a.shape, b.shape)
        let copied = (rule.transposeA ? 0 : m * k) + (rule.transposeB ? n * k : 0)
        guard copied <= m * n else { return nil }
        func joined(_ x: Term, transposed: Bool, columns: Int) -> Term {
            (transposed ? x.transposed : x).reshaped(to: [batch * k, columns])
        }
        return joined(a, transposed: !rule.transposeA, columns: m)
            .matmul(joined(b, transposed: rule.transposeB, columns: n), transposeA: true)
    }
}
