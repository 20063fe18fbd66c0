import Engine
import Foundation
import PluginTesting
import Testing

@Suite struct FixedPointTests {
    /// z = tanh(W z + U x + b) for the rows of x: a deep equilibrium layer, a contraction for these weights.
    private static let shapes = [[4, 3], [5, 5], [5, 3], [5]]

    private func layer(_ graph: Graph, _ z: Node, _ x: [Node]) throws -> Node {
        let inner = try graph.apply(.matmul(transposeB: true), [z, x[1]])
        let outer = try graph.apply(.matmul(transposeB: true), [x[0], x[2]])
        let sum = try graph.apply(named: "add", [try graph.apply(named: "add", [inner, outer]), x[3]])
        return try graph.apply(named: "tanh", [sum])
    }

    private func equilibrium(_ graph: Graph, _ x: [Node], tolerance: Double = 1e-15) throws -> Graph.FixedPointResult
    {
        let zero = try graph.broadcast(graph.constant(0), to: [4, 5])
        return try graph.fixedPoint(from: zero, tolerance: tolerance, maximum: 200) { try layer(graph, $0, x) }
    }

    private func values(seed: UInt64) -> [[Double]] {
        var random = SplitMix(seed: seed)
        return Self.shapes.enumerated().map { random.values(elements($1), in: $0 == 1 ? -0.25...0.25 : -1...1) }
    }

    private func inputs(_ values: [[Double]]) -> [String: [Double]] {
        Dictionary(uniqueKeysWithValues: values.enumerated().map { ("x\($0)", $1) })
    }

    /// z = A z + b with A = [[0.5, 0.25], [0, 0.2]]: (I - A)⁻¹ = [[2, 0.625], [0, 1.25]].
    @Test func linear() throws {
        let graph = Graph()
        let a = graph.input("a", shape: [2, 2]), b = graph.input("b", shape: [2, 1]),
            c = graph.input("c", shape: [2, 1])
        let start = graph.input("start", shape: [2, 1])
        let result = try graph.fixedPoint(from: start, tolerance: 1e-15) { z in
            try graph.apply(.binary(.add), [try graph.apply(.matmul(), [a, z]), b])
        }
        let total = try graph.apply(.sum(), [try graph.apply(.binary(.mul), [c, result.solution])])
        let gradients = try graph.gradient(of: total, withRespectTo: [a, b, start])
        let tangent = try graph.jvp(of: [result.solution], along: [(b, c)])
        let jacobian = try graph.jacobian(of: result.solution, withRespectTo: b)
        let values = try evaluate(
            graph, [result.solution, result.residual, result.applications] + gradients + tangent + [jacobian],
            ["a": [0.5, 0.25, 0, 0.2], "b": [3, -2], "c": [1, 4], "start": [7, 9]])
        #expect(agree(values[0], [4.75, -2.5], relative: 1e-14))
        #expect(values[1][0] < 1e-14)
        #expect(values[2][0] > 20 && values[2][0] < 100)
        // w = (I - A)⁻ᵀ c = [2, 5.625]; ∂/∂A = w zᵀ.
        #expect(agree(values[3], [9.5, -5, 5.625 * 4.75, 5.625 * -2.5], relative: 1e-13))
        #expect(agree(values[4], [2, 5.625], relative: 1e-14))
        #expect(values[5] == [0, 0])
        #expect(agree(values[6], [4.5, 5], relative: 1e-14))
        #expect(agree(values[7], [2, 0.625, 0, 1.25], relative: 1e-14))
    }

    /// z = cos(t z). With s = sin(t z), D = 1 + t s: z' = -z s / D, and z'' = d/dt of that.
    @Test func cosine() throws {
        let graph = Graph()
        let t = graph.input("t", shape: [])
        let z = try graph.fixedPoint(from: graph.constant(1), tolerance: 1e-15, maximum: 300) {
            try graph.apply(.unary(.cos), [try graph.apply(.binary(.mul), [t, $0])])
        }.solution
        let first = try graph.gradient(of: z, withRespectTo: [t])
        let second = try graph.gradient(of: first[0], withRespectTo: [t])
        let values = try evaluate(graph, [z] + first + second, ["t": [1]])
        let point = 0.739_085_133_215_160_6, s = sin(point), k = cos(point), d = 1 + s
        let slope = -point * s / d
        let inner = point + slope  // d(t z)/dt
        let bend = -((slope * s + point * k * inner) * d - point * s * (s + k * inner)) / (d * d)
        #expect(agree(values[0], [point], relative: 1e-15))
        #expect(agree(values[1], [slope], relative: 1e-14))
        #expect(agree(values[2], [bend], relative: 1e-13))
    }

    /// Against 200 steps written out, differentiated as they are.
    @Test func equilibriumEqualsItsSteps() throws {
        let values = values(seed: 3)
        let graph = Graph()
        let x = Self.shapes.enumerated().map { graph.input("x\($0)", shape: $1) }
        var steps = try graph.broadcast(graph.constant(0), to: [4, 5])
        for _ in 0..<200 { steps = try layer(graph, steps, x) }
        func derivatives(_ z: Node) throws -> [Node] {
            let loss = try graph.apply(.sum(), [try graph.apply(.unary(.sin), [z])])
            let first = try graph.gradient(of: loss, withRespectTo: x)
            let norm = try graph.apply(.sum(), [try graph.apply(.unary(.square), [first[1]])])
            return [z] + first + (try graph.gradient(of: norm, withRespectTo: x))
        }
        let expected = try evaluate(graph, try derivatives(steps), inputs(values))
        let nodes = try derivatives(try equilibrium(graph, x).solution)
        for threads in [1, 3] {
            let found = try evaluate(graph, nodes, inputs(values), threads: threads)
            for (a, b) in zip(found, expected) { #expect(agree(a, b, relative: 1e-12)) }
        }
        let single = try evaluate(graph, nodes, inputs(values), precision: .f32)
        for (a, b) in zip(single, expected) { #expect(agree(a, b, relative: 1e-4)) }
    }

    @Test func derivativesEqualDifferences() throws {
        let checker = DerivativeChecker(shapes: Self.shapes, values: values(seed: 4)) { graph, x in
            try equilibrium(graph, x).solution
        }
        let errors = try checker.errors(seed: 5)
        #expect(errors.first <= DerivativeChecker.tolerance && errors.second <= DerivativeChecker.tolerance)
        #expect(errors.firstScale > 1e-2 && errors.secondScale > 1e-2)
    }

    @Test(arguments: [[0], [1, 3], [0, 1, 2, 3]])
    func copiesAreIndependent(_ own: [Int]) throws {
        let graph = Graph(), copies = 3
        let x = Self.shapes.enumerated().map { graph.input("x\($0)", shape: $1) }
        let z = try equilibrium(graph, x)
        let loss = try graph.apply(.sum(), [try graph.apply(.unary(.sin), [z.solution])])
        let nodes = [z.solution, z.residual] + (try graph.gradient(of: loss, withRespectTo: x))
        let all = (0..<copies).map { values(seed: UInt64(10 + $0)) }
        var replaced: [Node: Node] = [:], together = inputs(all[0])
        for i in own {
            replaced[x[i]] = graph.input("all\(i)", shape: [copies] + Self.shapes[i])
            together["all\(i)"] = all.flatMap { $0[i] }
        }
        let batched = try graph.batched(nodes + [z.applications], copies: copies, replacing: replaced)
        let found = try evaluate(graph, batched, together)
        for copy in 0..<copies {
            let mine = Self.shapes.indices.map { own.contains($0) ? all[copy][$0] : all[0][$0] }
            let alone = try evaluate(graph, nodes + [z.applications], inputs(mine))
            for (a, b) in zip(found.dropLast(), alone) {
                #expect(agree(Array(a[copy * b.count..<(copy + 1) * b.count]), b, relative: 1e-12))
            }
            #expect(found[found.count - 1][copy] >= alone[alone.count - 1][0])
        }
    }

    /// Derivatives are as exact for small cotangents as for large ones, in every copy by itself: dz/db of z = z/2 + b is 2.
    @Test(arguments: Precision.allCases)
    func smallCotangentsAreSolvedToo(_ precision: Precision) throws {
        let graph = Graph()
        let b = graph.input("b", shape: [3]), c = graph.input("c", shape: [3])
        let z = try graph.fixedPoint(from: try graph.broadcast(graph.constant(0), to: [3])) {
            try graph.apply(.binary(.add), [try graph.apply(.binary(.mul), [graph.constant(0.5), $0]), b])
        }.solution
        let gradient = try graph.vjp(of: z, cotangent: c, withRespectTo: [b])
        let tangent = try graph.jvp(of: [z], along: [(b, c)])
        let all = try graph.batched(gradient + tangent, copies: 2, replacing: [c: graph.input("all", shape: [2, 3])])
        let small = [1e-9, -3e-9, 2e-9], large = [1, 0.5, -2]
        let values = try evaluate(
            graph, gradient + tangent + all, ["b": [1, 2, 3], "c": small, "all": small + large], precision: precision)
        for (i, result) in values.enumerated() {
            #expect(agree(Array(result.prefix(3)), small.map { 2 * $0 }, relative: 1e-5, floor: 1e-9), "value \(i)")
            if i >= 2 { #expect(agree(Array(result[3...]), large.map { 2 * $0 }, relative: 1e-5), "value \(i)") }
        }
    }

    /// What does not arrive says so, and does not loop for ever: z = 1 - z swings, z = 2 z + 1 runs away, NaN stays.
    @Test func noSolution() throws {
        let graph = Graph()
        let a = graph.input("a", shape: [2])
        let result = try graph.fixedPoint(from: try graph.broadcast(graph.constant(0), to: [2]), maximum: 7) {
            try graph.apply(.binary(.add), [try graph.apply(.binary(.mul), [a, $0]), graph.constant(1)])
        }
        func values(_ numbers: [Double]) throws -> [[Double]] {
            try evaluate(graph, [result.solution, result.applications, result.residual], ["a": numbers])
        }
        #expect(try values([-1, -1]) == [[1, 1], [7], [0.5]])
        #expect(try values([2, 0]) == [[127, 1], [7], [1]])
        let undefined = try values([.nan, 0.5])
        #expect(undefined[0][0].isNaN && undefined[1] == [7] && undefined[2][0].isNaN)
    }

    @Test func whatNeedsNoIteration() throws {
        let graph = Graph()
        let x = graph.input("x", shape: [3])
        let given = try graph.fixedPoint(from: x) { _ in try graph.apply(.unary(.exp), [x]) }
        let same = try graph.fixedPoint(from: x) { $0 }
        let nodes = [given.solution, given.residual, same.solution, same.residual]
        let values = try evaluate(graph, nodes, ["x": [0, 1, 2]])
        #expect(
            values == [[1, exp(1.0), exp(2.0)], [0], [0, 1, 2], [0]]
                || agree(values[0], [1, exp(1.0), exp(2.0)], relative: 1e-15))
        #expect(values[1] == [0] && values[2] == [0, 1, 2] && values[3] == [0])
    }

    @Test func errors() throws {
        let graph = Graph()
        let x = graph.input("x", shape: [3])
        func solve(tolerance: Double = 1e-6, maximum: Int = 5, _ body: (Node) throws -> Node) -> String {
            message { _ = try graph.fixedPoint(from: x, tolerance: tolerance, maximum: maximum, body: body) }
        }
        #expect(
            solve(tolerance: -1) { $0 } == "fixed_point: tolerance is -1.0; a finite number of at least 0 is expected"
        )
        #expect(solve(maximum: 0) { $0 } == "fixed_point: maximum is 0; at least 1 is expected")
        #expect(
            solve { try graph.apply(.sum(), [$0]) }
                == "fixed_point: the body gives [] from x [3]; equal shapes are expected")
    }
}
