import LinearAlgebra
import Testing

@Suite struct DenseTests {
    /// [4, 4], positive definite, and what NumPy 2.4.6 says of it.
    private let symmetric = Matrix([[4, 1, -2, 0.5], [1, 3, 0, 1], [-2, 0, 5, -1], [0.5, 1, -1, 2]])
    private let eigenvalues = [1.047138640929087, 2.3609454269745447, 3.602574400339762, 6.989341531756605]
    private let eigenvectors = Matrix([
        [-0.2695752192603055, 0.5187947492237331, -0.3245014994934472, -0.7435589997876064],
        [-0.7174994986878304, 0.23482246109287186, -0.32874040391810944, 0.5674351310773387],
        [0.22717960250456745, 0.7939353884583266, 0.5049175736331961, 0.2512255381042264],
        [-0.6007604337415514, -0.21301882287181995, 0.7291685453272297, -0.24904440338690398],
    ])
    /// [5, 3]; its first column has norm 5.5.
    private let tall = Matrix([[1, 2, -1], [0.5, -3, 2], [4, 0, 1], [-2, 1.5, 0.25], [3, -1, -1]])

    @Test func eighOfTwoByTwo() throws {
        let (values, vectors) = try Matrix([[2, 1], [1, 2]]).eigh()
        #expect(close(values, [1, 3]))
        #expect(abs(vectors[0, 0] + vectors[0, 1]) < 1e-15)  // row 0 is ±(1, -1)/√2
        #expect(abs(vectors[1, 0] - vectors[1, 1]) < 1e-15)
    }

    @Test func eighMatchesNumPyAndReconstructs() throws {
        let (values, vectors) = try symmetric.eigh()
        #expect(close(values, eigenvalues))
        for i in 0..<4 {
            let sign = vectors[i, 0] * eigenvectors[i, 0] < 0 ? -1.0 : 1.0
            #expect(close(vectors.row(i), eigenvectors.row(i).map { sign * $0 }))
        }
        #expect(close(vectors.transposed * Matrix.diagonal(values) * vectors, symmetric))
        #expect(close(Matrix.product(vectors, vectors, transposeB: true), .identity(4)))
    }

    @Test func eighWithoutVectorsAndInPlace() throws {
        var values = [0.0, 0, 0, 0]
        try Dense.eigh(n: 4, symmetric.elements, values: &values, vectors: nil)
        #expect(close(values, eigenvalues))
        var both = symmetric.elements
        try both.withUnsafeMutableBufferPointer { buffer in
            let base = try #require(buffer.baseAddress)
            try Dense.eigh(n: 4, base, values: &values, vectors: base)
        }
        #expect(both == (try symmetric.eigh().vectors.elements))
    }

    @Test func eighTakesRoundingButNotAsymmetry() throws {
        var nearly = symmetric
        nearly[2, 1] = 1e-9
        #expect(close(try nearly.eigh().values, eigenvalues, 1e-8))
        var other = symmetric
        other[3, 1] = 1.5
        let error = #expect(throws: LinearAlgebraError.self) { _ = try other.eigh() }
        #expect(error?.code == .notSymmetric)
        #expect(error?.message.contains("[3, 1] is 1.5, [1, 3] is 1.0") == true)
    }

    @Test func svdMatchesNumPyAndReconstructs() throws {
        for matrix in [tall, tall.transposed, 1e-160 * tall, 1e160 * tall] {
            let scale = matrix.frobeniusNorm / tall.frobeniusNorm
            let (u, s, vt) = try matrix.svd()
            #expect(close(s.map { $0 / scale }, [5.696532814823531, 4.206384743114146, 1.8488756806597966]))
            #expect(u.rows == matrix.rows && u.columns == 3 && vt.rows == 3 && vt.columns == matrix.columns)
            #expect(close((1 / scale) * (u * Matrix.diagonal(s) * vt), (1 / scale) * matrix))
            #expect(close(Matrix.product(u, u, transposeA: true), .identity(3)))
            #expect(close(Matrix.product(vt, vt, transposeB: true), .identity(3)))
            #expect(close(try matrix.singularValues().map { $0 / scale }, s.map { $0 / scale }))
        }
    }

    @Test func svdOfRankOneAndOfZero() throws {
        let column = Matrix([[3], [0], [4]])
        #expect(close(try column.singularValues(), [5]))
        let outer = column * Matrix([[1, 2, 2, 0]])
        #expect(close(try outer.singularValues(), [15, 0, 0]))
        #expect(try Matrix(rows: 2, columns: 3).singularValues() == [0, 0])
    }

    @Test func choleskySolveMatchesNumPy() throws {
        let b = Matrix([[1, -2], [0, 3], [2, 1], [5, -1]])
        let x = try symmetric.choleskySolve(b)
        #expect(close(x.row(0), [0.9397590361445782, -1.0200803212851406]))
        #expect(close(x.row(3), [3.831325301204819, -1.389558232931727]))
        #expect(close(symmetric * x, b))
        #expect(try Matrix([[4]]).choleskySolve(Matrix([[2, -6, 1]])).elements == [0.5, -1.5, 0.25])
    }

    @Test func choleskySolveOfIndefiniteMatrix() {
        var b = [1.0, 2]
        let error = #expect(throws: LinearAlgebraError.self) {
            try Dense.choleskySolve(n: 2, k: 1, [1, 2, 2, 1], &b)
        }
        #expect(error?.code == .notPositiveDefinite)
        #expect(error?.message.contains("leading minor of order 2 of 2") == true)
        #expect(b == [1, 2])
    }

    @Test func qrMatchesNumPyUpToItsSigns() throws {
        let (q, r) = try tall.qr()
        #expect(close(q.row(0), [0.18181818181818188, 0.5587063851617279, -0.03960704220707044]))
        #expect(close(q.row(4), [0.5454545454545454, -0.11639716357536006, -0.6032684563032147]))
        #expect(close(r.row(0), [5.5, -1, 0.09090909090909094]))
        #expect(close(r.row(1), [0, 3.9051248379533274, -1.6732092263957994]))
        #expect(close(r.row(2), [0, 0, 2.0626697316570217]))
        let wide = tall.transposed
        let (p, s) = try wide.qr()
        #expect(p.rows == 3 && p.columns == 3 && s.rows == 3 && s.columns == 5)
        for (matrix, q, r) in [(tall, q, r), (wide, p, s)] {
            #expect(close(q * r, matrix))
            #expect(close(Matrix.product(q, q, transposeA: true), .identity(3)))
            #expect((0..<3).allSatisfy { r[$0, $0] >= 0 })
            #expect((0..<3).allSatisfy { i in (0..<i).allSatisfy { r[i, $0] == 0 } })
        }
        // Unlike LAPACK's own choice, -I is not its own Q.
        #expect(try (-1 * Matrix.identity(2)).qr().r == .identity(2))
    }

    /// Q of the rotated matrix is the rotated Q, which holds only with a fixed sign of R.
    @Test func qrFollowsRotations() throws {
        let rotation = try Matrix(rows: 5, columns: 5, elements: (0..<25).map { Double($0 * $0 % 17) }).qr().q
        #expect(close(try (rotation * tall).qr().q, rotation * (try tall.qr().q)))
        #expect(close(try (rotation * tall).singularValues(), try tall.singularValues()))
    }

    @Test func gemmInAllFourForms() throws {
        let (m, n, k) = (2, 4, 3)
        let a = Matrix([[1, 2, 3], [-1, 0, 2]])
        let b = Matrix([[1, 0, 2, -1], [3, 1, 0, 0], [-2, 5, 1, 4]])
        let expected = Matrix([[1, 17, 5, 11], [-5, 10, 0, 9]])
        for (ta, tb) in [(false, false), (true, false), (false, true), (true, true)] {
            let (left, right) = (ta ? a.transposed : a, tb ? b.transposed : b)
            #expect(Matrix.product(left, right, transposeA: ta, transposeB: tb) == expected)
            var c = Array(repeating: 2.0, count: m * n)
            try Dense.gemm(
                transposeA: ta, transposeB: tb, m: m, n: n, k: k, alpha: 2, left.elements, right.elements, beta: -1,
                &c)
            #expect(c == expected.elements.map { 2 * $0 - 2 })
        }
    }

    @Test func gemmWithoutTermsOrRows() throws {
        var c = [1.0, 2, 3, 4, 5, 6]
        try Dense.gemm(m: 2, n: 3, k: 0, [], [], beta: 0.5, &c)
        #expect(c == [0.5, 1, 1.5, 2, 2.5, 3])
        try Dense.gemm(m: 0, n: 3, k: 4, [], [], &c)
        #expect(c == [0.5, 1, 1.5, 2, 2.5, 3])
        c = [.nan, .nan, .nan, .nan, .nan, .nan]
        try Dense.gemm(m: 2, n: 3, k: 1, [1, 2], [1, 1, 1], &c)
        #expect(c == [1, 1, 1, 2, 2, 2])  // beta 0 does not read c
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity])
    func notFinite(value: Double) {
        for at in [0, 7, 15] {
            var bad = symmetric
            bad.elements[at] = value
            let place = "element [\(at / 4), \(at % 4)] is \(value)"
            let attempts: [() throws -> Void] = [
                { _ = try bad.eigh() }, { _ = try bad.svd() }, { _ = try bad.singularValues() }, { _ = try bad.qr() },
                { _ = try bad.choleskySolve(Matrix(rows: 4, columns: 2)) },
                { _ = try symmetric.choleskySolve(bad) },
            ]
            for attempt in attempts {
                let error = #expect(throws: LinearAlgebraError.self) { try attempt() }
                #expect(error?.code == .notFinite && error?.message.contains(place) == true)
            }
        }
    }

    @Test func sizesOutOfRange() {
        var x = [0.0]
        let attempts: [(String, () throws -> Void)] = [
            ("gemm: m is -1", { try Dense.gemm(m: -1, n: 1, k: 1, [0], [0], &x) }),
            ("gemm: k is 2147483648", { try Dense.gemm(m: 1, n: 1, k: 1 << 31, [0], [0], &x) }),
            ("eigh: n is 32001", { try Dense.eigh(n: 32_001, [0], values: &x, vectors: nil) }),
            ("svd: n is -3", { try Dense.svd(m: 2, n: -3, [0], u: nil, s: &x, vt: nil) }),
            ("svd: min(m, n) is 20001", { try Dense.svd(m: 20_001, n: 20_002, [0], u: nil, s: &x, vt: nil) }),
            ("cholesky_solve: k is -1", { try Dense.choleskySolve(n: 1, k: -1, [1], &x) }),
            ("eigh: the matrix is [5, 3]", { _ = try tall.eigh() }),
        ]
        for (sentence, attempt) in attempts {
            let error = #expect(throws: LinearAlgebraError.self) { try attempt() }
            #expect(error?.code == .size && error?.description.hasPrefix(sentence) == true, "\(sentence)")
        }
    }

    @Test func emptyMatrices() throws {
        #expect(try Matrix(rows: 0, columns: 0).eigh().values == [])
        #expect(try Matrix(rows: 3, columns: 0).svd().s == [])
        #expect(try Matrix(rows: 0, columns: 2).qr().r.elements == [])
        #expect(try Matrix(rows: 0, columns: 0).choleskySolve(Matrix(rows: 0, columns: 2)).elements == [])
    }

    @Test func matrixBasics() {
        let a = Matrix([[1, 2, 3], [4, 5, 6]])
        #expect(a[1, 2] == 6 && a.transposed[2, 1] == 6 && a.transposed.rows == 3 && a.transposed.transposed == a)
        #expect(a.row(1) == [4, 5, 6] && a.trace == 6 && Matrix.diagonal([1, 2])[1, 1] == 2)
        #expect(abs(a.frobeniusNorm - 91.0.squareRoot()) < 1e-14)
        #expect(Matrix([[3e200, 4e200]]).frobeniusNorm.isFinite)
        #expect((a + a) - 2 * a == Matrix(rows: 2, columns: 3))
        #expect((a * Matrix(rows: 3, columns: 0)).elements == [])
        #expect(Matrix(rows: 2, columns: 0) * Matrix(rows: 0, columns: 3) == Matrix(rows: 2, columns: 3))
    }

    /// Sizes beyond LAPACK's blocks, where the blocked code runs.
    @Test func largerThanOneBlock() throws {
        let (m, n) = (157, 131)
        let a = Matrix(rows: m, columns: n, elements: normal(m * n))
        let gram = Matrix.product(a, a, transposeA: true)
        let (values, vectors) = try gram.eigh()
        let (u, s, vt) = try a.svd()
        #expect(close(s.map { $0 * $0 }.reversed(), values, 1e-11))
        #expect(close(vectors.transposed * Matrix.diagonal(values) * vectors, gram, 1e-11))
        #expect(close(u * Matrix.diagonal(s) * vt, a, 1e-12))
        let (q, r) = try a.qr()
        #expect(close(q * r, a, 1e-12))
        let x = try gram.choleskySolve(a.transposed)  // the pseudo-inverse
        #expect(close(x * a, .identity(n), 1e-9))
        #expect(try a.svd().u == u)  // the same bits again
    }
}

private func normal(_ count: Int) -> [Double] {
    Array(unsafeUninitializedCapacity: count) {
        Stream(seed: 3, name: "matrix").normal(into: UnsafeMutableBufferPointer(rebasing: $0[..<count]))
        $1 = count
    }
}

/// Equal sizes, and a largest difference below `tolerance` times the largest expected magnitude (at least 1e-300).
/// 1e-14 is about 50 units in the last place: backward stable routines on a handful of well-conditioned numbers.
private func close(_ a: [Double], _ b: [Double], _ tolerance: Double = 1e-14) -> Bool {
    let scale = b.reduce(1e-300) { max($0, abs($1)) }
    return a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance * scale }
}

private func close(_ a: Matrix, _ b: Matrix, _ tolerance: Double = 1e-14) -> Bool {
    a.rows == b.rows && a.columns == b.columns && close(a.elements, b.elements, tolerance)
}
