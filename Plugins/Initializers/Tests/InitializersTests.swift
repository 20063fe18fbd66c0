import Engine
import LinearAlgebra
import Manifests
import PluginHost
import PluginTesting
import Testing

private func values(
    _ component: String, _ options: [String: JSON] = [:], shape: [Int], name: String = "w", seed: UInt64 = 5,
    key: String? = nil
) throws -> [Double] {
    let count = shape.reduce(1, *)
    let initial = (0..<count).map { (i: Int) -> Double in
        let step = (i * 5 + i / 4) % 13
        return 0.3 * Double(step) - 1.7
    }
    let graph = Graph()
    _ = try graph.parameter(name, role: .weight, shape: shape, initializer: Initializer(scheme: .constant, scale: 0))
    let initializer = try ShippedPlugins.loader(seed: seed).initializer(
        Choice(component: component, options: options), key: key)
    return try initializer.values(of: graph.blocks[0], initial: initial)
}

/// a aᵀ of rows of `columns` numbers.
private func gram(_ a: [Double], columns: Int) -> [Double] {
    let rows = a.count / columns
    return (0..<rows * rows).map { (i: Int) -> Double in
        let (one, other) = (i / rows * columns, i % rows * columns)
        var sum = 0.0
        for j in 0..<columns { sum += a[one + j] * a[other + j] }
        return sum
    }
}

private func transposed(_ a: [Double], columns: Int) -> [Double] {
    let rows = a.count / columns
    return (0..<a.count).map { (i: Int) -> Double in a[i % rows * columns + i / rows] }
}

private func largest(_ a: [Double], _ b: [Double]) -> Double {
    a.count == b.count && !a.isEmpty ? zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) } : .infinity
}

@Suite struct InitializersTests {
    /// Wide ones have orthonormal rows, tall ones columns, convolutions as matrices [out, rest]; times the gain.
    @Test(arguments: [[3, 7], [7, 3], [5, 5], [4, 3, 3, 2], [40, 3, 1, 2], [1, 6], [6]])
    func orthogonalMatrices(shape: [Int]) throws {
        let gain = 1.5
        let w = try values("orthogonal", ["gain": .double(gain)], shape: shape)
        let rows = shape[0], columns = w.count / rows
        let product =
            rows <= columns ? gram(w, columns: columns) : gram(transposed(w, columns: columns), columns: rows)
        let size = min(rows, columns)
        let expected = (0..<size * size).map { (i: Int) -> Double in i / size == i % size ? gain * gain : 0 }
        #expect(largest(product, expected) < 1e-13)
    }

    /// Uniform among orthogonal matrices: entries have mean 0 and variance 1/n, and no column is preferred.
    @Test func orthogonalMatricesAreUniform() throws {
        var mean = 0.0, square = 0.0, trace = 0.0
        let runs = 400
        for seed in 0..<runs {
            let w = try values("orthogonal", shape: [3, 3], seed: UInt64(seed))
            mean += w[1] / Double(runs)
            square += w[4] * w[4] / Double(runs)
            trace += (w[0] + w[4] + w[8]) / Double(runs)
        }
        // The trace of a Haar-distributed matrix has mean 0 and variance 1.
        #expect(abs(mean) < 5 / (3 * Double(runs)).squareRoot() && abs(trace) < 5 / Double(runs).squareRoot())
        #expect(abs(square - 1.0 / 3) < 5 * (4.0 / 45 / Double(runs)).squareRoot())
    }

    /// Streams belong to the seed, the key in the study and the parameter.
    @Test func everyParameterHasItsOwnNumbers() throws {
        let one = try values("orthogonal", shape: [4, 6])
        #expect(try values("orthogonal", shape: [4, 6]) == one)
        #expect(try values("orthogonal", shape: [4, 6], name: "v") != one)
        #expect(try values("orthogonal", shape: [4, 6], seed: 6) != one)
        #expect(try values("orthogonal", shape: [4, 6], key: "initializers.a") != one)
    }

    /// What is left is w projected on its first singular vectors: its distance is that of the other singular values.
    @Test(arguments: [1, 2, 3]) func lowRanks(rank: Int) throws {
        let w = try values("scaled", shape: [5, 7])
        let low = try values("low_rank", ["rank": .int(rank)], shape: [5, 7])
        let s = try Matrix(rows: 5, columns: 7, elements: w).singularValues()
        let kept = try Matrix(rows: 5, columns: 7, elements: low).singularValues()
        func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        let distance = norm(zip(w, low).map { $0 - $1 }), expected = norm(Array(s[rank...]))
        #expect(abs(distance - expected) < 1e-12 && expected > 0.1)
        let first = (0..<5).map { (i: Int) -> Double in i < rank ? s[i] : 0 }
        #expect(largest(kept, first) < 1e-12)
        let normed = try values("low_rank", ["rank": .int(rank), "keep_norm": .bool(true)], shape: [5, 7])
        #expect(abs(norm(w) - norm(normed)) < 1e-12 * norm(w) && largest(normed, low) > 1e-3)
    }

    @Test func fullRankAndZerosStay() throws {
        #expect(try values("low_rank", ["rank": .int(5)], shape: [5, 7]) == values("scaled", shape: [5, 7]))
        let graph = Graph()
        _ = try graph.parameter(
            "w", role: .weight, shape: [3, 4], initializer: Initializer(scheme: .constant, scale: 0))
        for keep in [false, true] {
            let choice = Choice(component: "low_rank", options: ["keep_norm": .bool(keep)])
            let zeros = try ShippedPlugins.loader().initializer(choice).values(
                of: graph.blocks[0], initial: Array(repeating: 0, count: 12))
            #expect(zeros == Array(repeating: 0, count: 12))
        }
    }

    @Test func theIdentityIsForMatrices() throws {
        #expect(try values("identity", ["gain": .double(2)], shape: [2, 3]) == [2, 0, 0, 0, 2, 0])
        #expect(
            throws: PluginError(
                "plugin syzygy.initializers/identity",
                "w: failed (invalid arguments): the identity is for matrices; this parameter has more than 2 axes")
        ) { try values("identity", shape: [2, 3, 4]) }
        #expect(
            throws: PluginError(
                "plugin syzygy.initializers/identity", "w: asks for axis 1 of 'w', which has 1 axes here")
        ) { try values("identity", shape: [5]) }
    }

    @Test func valuesThatAreNotFiniteAreRefused() throws {
        #expect(
            throws: PluginError(
                "plugin syzygy.initializers/scaled", "w: value 0 of 6 is not finite or not written")
        ) { try values("scaled", ["alpha": .double(1.7e308)], shape: [2, 3]) }
    }
}
