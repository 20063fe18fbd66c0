import Engine
import Foundation
import Manifests
import PluginTesting
import Testing

/// Values and gradients of operations against PyTorch and NumPy, and what they do at the edges.
@Suite struct OperationValueTests {
    /// A case of `Tests/References/operations.py`.
    struct Reference: CustomStringConvertible, Sendable {
        var name: String
        var attributes: [String: Double]
        var axes: [Int]?
        var inputs: [(shape: [Int], values: [Double])]
        var shape: [Int]
        var value, cotangent: [Double]
        /// Nil for inputs that are not differentiated.
        var gradients: [[Double]?]
        var description: String { "\(name) \(attributes) \(inputs.map(\.shape))" }

        init(_ item: JSON) {
            name = item["name"]?.string ?? ""
            attributes = Dictionary(
                uniqueKeysWithValues: (item["attributes"]?.object ?? [:]).map { ($0, $1.double ?? 0) })
            axes = item["axes"]?.array?.compactMap(\.int)
            inputs = (item["inputs"]?.array ?? []).map {
                (OperationValueTests.sizes($0["shape"]), $0["values"].numbers)
            }
            shape = OperationValueTests.sizes(item["shape"])
            (value, cotangent) = (item["value"].numbers, item["c"].numbers)
            gradients = (item["gradients"]?.array ?? []).map { $0.array == nil ? nil : Optional($0).numbers }
        }
    }

    static let document: JSON? = {
        guard let root = try? Installation.root else { return nil }
        return try? StrictJSON.read(root + "/Tests/References/operations.json").root
    }()
    static let references = (document?["cases"]?.array ?? []).map(Reference.init)

    fileprivate static func sizes(_ value: JSON?) -> [Int] { value.numbers.map { Int($0) } }

    @Test func referencesAreThere() { #expect(Self.references.count == 108) }

    @Test(arguments: references)
    func equalsReference(_ reference: Reference) throws {
        let graph = Graph()
        let nodes = reference.inputs.enumerated().map { graph.input("x\($0)", shape: $1.shape) }
        let y =
            try reference.axes.map { try graph.apply(named: reference.name, nodes[0], list: $0) }
            ?? graph.apply(named: reference.name, nodes, attributes: reference.attributes)
        #expect(graph.shape(of: y) == reference.shape)
        let gradients = try graph.vjp(
            of: y, cotangent: graph.input("c", shape: reference.shape), withRespectTo: nodes)
        var inputs = ["c": reference.cotangent]
        for (i, input) in reference.inputs.enumerated() { inputs["x\(i)"] = input.values }
        for precision in Precision.allCases {
            let values = try evaluate(graph, [y] + gradients, inputs, precision: precision)
            for (mine, theirs) in zip(values, [reference.value] + reference.gradients) {
                guard let theirs else { continue }
                let size = max(1, theirs.map { abs($0) }.max() ?? 1)
                #expect(agree(mine, theirs, relative: precision == .f64 ? 1e-12 : 1e-5, floor: size), "\(precision)")
            }
        }
    }

    // MARK: Edges

    private func values(
        _ precision: Precision, _ inputs: [(shape: [Int], values: [Double])],
        _ build: (Graph, [Node]) throws -> [Node]
    ) throws -> [[Double]] {
        let graph = Graph()
        let nodes = inputs.enumerated().map { graph.input("x\($0)", shape: $1.shape) }
        let named = Dictionary(uniqueKeysWithValues: inputs.enumerated().map { ("x\($0)", $1.values) })
        return try evaluate(graph, try build(graph, nodes), named, precision: precision)
    }

    @Test(arguments: Precision.allCases)
    func numbersThatAreNoRows(_ precision: Precision) throws {
        let indices: [Double] = [0, -1, 2, 3, 0.5, .nan, .infinity, 1]
        let results = try values(precision, [([3, 2], [1, 2, 3, 4, 5, 6]), ([8], indices)]) { graph, x in
            let rows = try graph.gather(x[0], x[1])
            let ones = try graph.broadcast(graph.constant(1), to: [8, 2])
            let taken = try graph.takeAlong(x[0], try graph.slice(x[1], axis: 0, end: 3))
            return [rows, try graph.scatterAdd(x[1], ones, rows: 3), taken]
        }
        #expect(Array(results[0].prefix(2)) == [1, 2] && Array(results[0][4..<6]) == [5, 6])
        #expect(results[0][2..<4].allSatisfy(\.isNaN) && results[0][6..<14].allSatisfy(\.isNaN))
        #expect(Array(results[0].suffix(2)) == [3, 4])
        #expect(results[1] == [1, 1, 1, 1, 1, 1])
        #expect(results[2][0] == 1 && results[2][1].isNaN && results[2][2].isNaN)
    }

    /// f32 does not number more than 2^24 rows.
    @Test func tablesThatFloatsCannotNumber() throws {
        let graph = Graph()
        let table = try graph.broadcast(graph.input("x", shape: [1, 1]), to: [(1 << 24) + 1, 1])
        let row = try graph.gather(table, graph.input("i", shape: [1]))
        #expect(
            message { _ = try Program(graph, outputs: [row], precision: .f32, parameters: nil) }
                == "gather: 16777217 rows; f32 can number 16777216 of them, use f64")
    }

    @Test(arguments: Precision.allCases)
    func masksHideEverything(_ precision: Precision) throws {
        // Hidden: NaN and infinities. Rows: one that sees two equal numbers, one that sees nothing, one that sees only -∞.
        let x: [Double] = [.nan, 3, 3, .infinity, .nan, 1, 2, -.infinity, -.infinity]
        let mask: [Double] = [0, 1, 1, 0, 0, 0, 0, 1, 1]
        let results = try values(precision, [([3, 3], x), ([3, 3], mask)]) { graph, x in
            let y = try graph.apply(named: "softmax", x)
            let c = try graph.apply(named: "iota", [], attributes: ["count": 3])
            let gradient = try graph.vjp(
                of: y, cotangent: try graph.broadcast(c, to: [3, 3]), withRespectTo: [x[0], x[1]])
            return [y] + gradient
        }
        #expect(results[0] == [0, 0.5, 0.5, 0, 0, 0, 0, 0, 0])
        #expect(results[1] == [0, -0.25, 0.25, 0, 0, 0, 0, 0, 0])
        #expect(results[2] == [Double](repeating: 0, count: 9))
    }

    @Test(arguments: Precision.allCases)
    func reductionsOfInfinitiesAndNaN(_ precision: Precision) throws {
        let x: [Double] = [-.infinity, -.infinity, 1000, 1000, .nan, 7, 5, 5, 1, .infinity]
        let results = try values(precision, [([5, 2], x)]) { graph, x in
            try ["logsumexp", "argmax", "min", "prod", "cumsum"].map {
                try graph.apply(named: $0, x, attributes: $0 == "argmax" || $0 == "cumsum" ? [:] : ["axis": -1])
            }
        }
        let log2 = precision == .f64 ? log(2.0) : Double(Float(log(2.0)))
        #expect(results[0][0] == -.infinity && results[0][2].isNaN && results[0][4] == .infinity)
        #expect(agree([results[0][1], results[0][3]], [1000 + log2, 5 + log2], relative: 1e-7))
        #expect(results[1].map(\.isNaN) == [false, false, true, false, false])
        #expect([0, 1, 3, 4].map { results[1][$0] } == [0, 0, 0, 1])
        #expect(results[2][2].isNaN && results[2][0] == -.infinity && results[2][3] == 5)
        #expect(results[3][0] == .infinity && results[3][1] == 1e6 && results[3][3] == 25)
        #expect(results[4][0] == -.infinity && Array(results[4][6...]) == [5, 10, 1, .infinity])
    }

    /// In f32, 2^24 + 1 is 2^24.
    @Test func sumsAccumulateInDoublePrecision() throws {
        let n = 5000
        let x = [16_777_216.0] + [Double](repeating: 1, count: n - 1)
        let indices = [Double](repeating: 0, count: n)
        let results = try values(.f32, [([n, 1], x), ([n], indices)]) { graph, x in
            [
                try graph.slice(try graph.cumulativeSum(x[0], axis: 0), axis: 0, begin: -1),
                try graph.scatterAdd(x[1], x[0], rows: 1),
            ]
        }
        #expect(results == [[Double(Float(16_777_216 + n - 1))], [Double(Float(16_777_216 + n - 1))]])
    }

    @Test func powersOfZero() throws {
        let results = try values(.f64, [([3], [0, 0, 2]), ([3], [0, 2, 0])]) { graph, x in
            let y = try graph.apply(named: "pow", x)
            return [y]
                + (try graph.vjp(of: y, cotangent: try graph.broadcast(graph.constant(1), to: [3]), withRespectTo: x))
        }
        #expect(results[0] == [1, 0, 1])
        #expect(results[1] == [0, 0, 0])
        #expect(results[2] == [0, 0, log(2.0)])
    }

    // MARK: Batch normalization in training

    private struct Trained: Sendable {
        var shape: [Int]
        var momentum: Double
        var scale, shift, mean, variance: [Double]
        var steps: [(x: [Double], c: [Double], value: [Double], gradients: [[Double]])]
    }

    private static let trained = (document?["batch_norm"]?.array ?? []).map { item in
        Trained(
            shape: sizes(item["shape"]), momentum: item["momentum"]?.double ?? 0, scale: item["scale"].numbers,
            shift: item["shift"].numbers, mean: item["mean"].numbers, variance: item["variance"].numbers,
            steps: (item["steps"]?.array ?? []).map { step in
                (
                    step["x"].numbers, step["c"].numbers, step["value"].numbers,
                    (step["gradients"]?.array ?? []).map { Optional($0).numbers }
                )
            })
    }

    /// Three steps: each one's result and gradients, and the statistics after them, which are those PyTorch has.
    @Test(arguments: [0, 1], [1, 3])
    func batchNormOfThreeSteps(_ index: Int, threads: Int) throws {
        let run = try #require(Self.trained.count == 2 ? Self.trained[index] : nil)
        let graph = Graph(isTraining: true), channels = [run.scale.count]
        let x = graph.input("x", shape: run.shape), c = graph.input("c", shape: run.shape)
        func parameter(_ name: String, _ role: ParameterRole, _ value: Double) throws -> Node {
            try graph.parameter(
                name, role: role, shape: channels, initializer: Initializer(scheme: .constant, scale: value))
        }
        let (mean, variance) = (try parameter("mean", .statistic, 0), try parameter("variance", .statistic, 1))
        let (scale, shift) = (try parameter("scale", .scale, 1), try parameter("shift", .bias, 0))
        let y = try graph.batchNorm(
            x, [scale, shift], runningMean: mean, runningVariance: variance, momentum: run.momentum, epsilon: 1e-5)
        let gradients = try graph.vjp(of: y, cotangent: c, withRespectTo: [x, scale, shift])
        #expect(graph.trainedNodes == [scale, shift] && graph.assignments.count == 2)
        let store = ParameterStore(blocks: graph.blocks, precision: .f64)
        store.initialize(seed: 1)
        store.set(block: 2, run.scale)
        store.set(block: 3, run.shift)
        let program = try Program(
            graph, outputs: [y] + gradients, precision: .f64, parameters: store, assignments: graph.assignments,
            threads: threads)
        for step in run.steps {
            program.setInput("x", step.x)
            program.setInput("c", step.c)
            program.run()
            #expect(agree(program.copy(y), step.value, relative: 1e-12))
            for (node, expected) in zip(gradients, step.gradients) {
                #expect(agree(program.copy(node), expected, relative: 1e-11))
            }
        }
        #expect(agree(store.copy(block: 0), run.mean, relative: 1e-13))
        #expect(agree(store.copy(block: 1), run.variance, relative: 1e-13))
        #expect(store.copy(block: 2) == run.scale && store.copy(block: 3) == run.shift)
    }
}

extension JSON? {
    /// The numbers of an array.
    fileprivate var numbers: [Double] { self?.array?.compactMap(\.double) ?? [] }
}
