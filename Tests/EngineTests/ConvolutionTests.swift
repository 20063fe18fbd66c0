import Engine
import Foundation
import Manifests
import PluginTesting
import Testing

/// Convolution, pooling and patches: PyTorch's numbers, copies, threads, ties, sentences of errors.
@Suite struct ConvolutionTests {
    /// A case of `Tests/References/convolution.py`.
    struct Reference: CustomStringConvertible, Sendable {
        var name: String
        var attributes: [String: Double]
        var shapes: [[Int]]
        var shape: [Int]
        var value: [Double]
        var gradients: [[Double]]
        var description: String { "\(name) \(attributes) \(shapes)" }

        /// Element i of tensor t.
        static func tensor(_ t: Int, _ shape: [Int]) -> [Double] {
            (0..<elements(shape)).map { Double((13 * $0 + 7 * $0 * $0 + 5 * t) % 19 - 9) / 8 }
        }

        static let all: [Reference] = {
            guard let root = try? Installation.root,
                let document = try? StrictJSON.read(root + "/Tests/References/convolution.json")
            else { return [] }
            return (document.root["cases"]?.array ?? []).map { item in
                func numbers(_ value: JSON?) -> [Double] { value?.array?.compactMap(\.double) ?? [] }
                func lists(_ value: JSON?) -> [[Double]] { (value?.array ?? []).map { numbers($0) } }
                let attributes = (item["attributes"]?.object ?? [:]).map { ($0, $1.double ?? 0) }
                return Reference(
                    name: item["name"]?.string ?? "", attributes: Dictionary(uniqueKeysWithValues: attributes),
                    shapes: lists(item["shapes"]).map { $0.map { Int($0) } },
                    shape: numbers(item["shape"]).map { Int($0) }, value: numbers(item["value"]),
                    gradients: lists(item["gradients"]))
            }
        }()
    }

    @Test func referencesAreThere() { #expect(Reference.all.count == 25) }

    /// The numbers are exact in both precisions; only the means of windows are rounded.
    @Test(arguments: Reference.all)
    func equalsPyTorch(_ reference: Reference) throws {
        let graph = Graph()
        let nodes = reference.shapes.indices.map { graph.input("x\($0)", shape: reference.shapes[$0]) }
        let y = try graph.apply(named: reference.name, nodes, attributes: reference.attributes)
        #expect(graph.shape(of: y) == reference.shape)
        let c = graph.input("c", shape: reference.shape)
        let gradients = try graph.vjp(of: y, cotangent: c, withRespectTo: nodes)
        var inputs = ["c": Reference.tensor(2, reference.shape)]
        for (i, shape) in reference.shapes.enumerated() { inputs["x\(i)"] = Reference.tensor(i, shape) }
        for precision in Precision.allCases {
            let values = try evaluate(graph, [y] + gradients, inputs, precision: precision)
            let relative = reference.name != "average_pool" ? 0 : precision == .f64 ? 1e-14 : 1e-6
            for (mine, theirs) in zip(values, [reference.value] + reference.gradients) {
                #expect(agree(mine, theirs, relative: relative), "\(precision)")
            }
        }
    }

    /// One network with all kinds of layers: a convolution, its strided, grouped and depthwise forms, both poolings.
    private struct Net {
        let graph = Graph()
        let x: Node
        let weights: [Node]
        let loss: Node
        let gradients: [Node]

        init(rows: Int) throws {
            let graph = graph
            func call(_ name: String, _ inputs: [Node], _ attributes: [String: Double] = [:]) throws -> Node {
                try graph.apply(named: name, inputs, attributes: attributes)
            }
            x = graph.input("x", shape: [rows, 9, 7, 3])
            weights = try [[8, 3, 2, 3], [6, 2, 3, 4], [6, 3, 3, 1], [5, 1, 2, 6]].enumerated().map { i, shape in
                try graph.parameter(
                    "w\(i)", role: .weight, shape: shape, initializer: Initializer(scheme: .lecun_normal))
            }
            var h = try call("tanh", [try call("conv2d", [x, weights[0]], ["padding": 1])])
            h = try call("max_pool", [h], ["size": 2, "stride": 1])
            h = try call(
                "tanh", [try call("conv2d", [h, weights[1]], ["stride": 2, "groups": 2, "padding_left": 2])])
            h = try call("conv2d", [h, weights[2]], ["groups": 6, "padding": 1])
            h = try call("average_pool", [h], ["size_h": 2, "size_w": 1])
            h = try call("tanh", [try call("conv2d", [h, weights[3]], ["dilation": 2])])
            loss = try call("mean", [try call("square", [h])])
            gradients = try graph.gradient(of: loss, withRespectTo: weights + [x])
        }
    }

    @Test(arguments: Precision.allCases)
    func everyNumberOfThreadsGivesTheSameBits(_ precision: Precision) throws {
        let net = try Net(rows: 7)
        var random = SplitMix(seed: 8)
        let x = random.values(7 * 9 * 7 * 3)
        let store = ParameterStore(blocks: net.graph.blocks, precision: precision)
        store.initialize(seed: 3)
        var expected: [[UInt64]] = []
        for threads in [1, 2, 3, 5] {
            let program = try Program(
                net.graph, outputs: [net.loss] + net.gradients, precision: precision, parameters: store,
                threads: threads)
            program.setInput("x", x)
            #expect(program.conflicts() == [])
            program.run()
            let values = ([net.loss] + net.gradients).map { program.copy($0).map(\.bitPattern) }
            if threads == 1 { expected = values }
            #expect(values == expected, "\(threads) threads")
            program.run()
            #expect(([net.loss] + net.gradients).map { program.copy($0).map(\.bitPattern) } == expected)
            guard threads == 1 else { continue }
            for step in program.steps where step.task.units > 2 {
                #expect(undeclaredAccess(of: step, 1..<step.task.units - 1) == nil, "\(step.name)")
            }
        }
        #expect(expected.allSatisfy { $0.contains { Double(bitPattern: $0) != 0 } })
    }

    /// Sizes that make the kernels divide their work, each in a way of its own.
    struct Division: CustomStringConvertible, Sendable {
        var description: String
        var image: [Int]
        var weight: [Int]
        var attributes: [String: Double]

        static let all = [
            Division("parts of the depth", [5, 4, 3, 150], [70, 3, 3, 150], ["padding": 1]),
            Division("lines of an image", [2, 21, 19, 20], [18, 3, 2, 20], ["stride_w": 1, "padding_top": 1]),
            Division("blocks of samples", [37, 3, 5, 17], [15, 2, 2, 17], ["padding": 1]),
            Division("vectors of output channels", [41, 9, 7, 3], [34, 3, 3, 3], ["padding": 1]),
            Division("a large gradient", [3, 5, 7, 90], [165, 3, 3, 90], ["padding": 1]),
            Division("whole images", [7, 5, 3, 40], [33, 1, 1, 40], [:]),
            Division("taps that see nothing", [3, 2, 3, 16], [18, 7, 5, 16], ["padding": 4]),
            Division(
                "phases of a stride", [3, 9, 8, 34], [40, 3, 3, 34], ["stride_h": 2, "stride_w": 3, "padding": 1]),
            Division("positions between taps", [2, 8, 7, 36], [67, 1, 2, 36], ["stride": 3]),
            Division(
                "an image with many positions", [2, 67, 65, 4], [6, 3, 3, 4], ["padding": 1, "dilation_w": 2]),
        ]

        private init(_ name: String, _ image: [Int], _ weight: [Int], _ attributes: [String: Double]) {
            (description, self.image, self.weight, self.attributes) = (name, image, weight, attributes)
        }
    }

    /// Against the product of patches and weights, whose kernels are others; and the same bits for every number of threads.
    @Test(arguments: Division.all, Precision.allCases)
    func divisionsEqualProductsOfPatches(_ division: Division, _ precision: Precision) throws {
        let graph = Graph()
        let x = graph.input("x", shape: division.image), w = graph.input("w", shape: division.weight)
        let y = try graph.apply(named: "conv2d", [x, w], attributes: division.attributes)
        let c = graph.input("c", shape: graph.shape(of: y))
        let outputs = division.weight[0], depth = elements(division.weight) / outputs
        let sizes = ["size_h": Double(division.weight[1]), "size_w": Double(division.weight[2])]
        let patches = try graph.apply(
            named: "patches", [x], attributes: division.attributes.merging(sizes) { a, _ in a })
        let matrix = try graph.reshape(w, to: [outputs, depth])
        let product = try graph.reshape(
            try graph.apply(.matmul(transposeB: true), [patches, matrix]), to: graph.shape(of: y))
        let nodes = [y] + (try graph.vjp(of: y, cotangent: c, withRespectTo: [x, w]))
        let others = [product] + (try graph.vjp(of: product, cotangent: c, withRespectTo: [x, w]))
        var random = SplitMix(seed: 4)
        let inputs = ["x": division.image, "w": division.weight, "c": graph.shape(of: y)]
            .sorted { $0.key < $1.key }.map { ($0.key, random.values(elements($0.value))) }
        var expected: [[UInt64]] = []
        for threads in [1, 2, 3] {
            let program = try Program(graph, outputs: nodes, precision: precision, parameters: nil, threads: threads)
            for (name, values) in inputs { program.setInput(name, values) }
            #expect(program.conflicts() == [])
            program.run()
            let bits = nodes.map { program.copy($0).map(\.bitPattern) }
            if threads == 1 { expected = bits }
            #expect(bits == expected, "\(threads) threads")
        }
        let reference = try evaluate(
            graph, others, Dictionary(uniqueKeysWithValues: inputs), precision: precision)
        for (mine, theirs) in zip(expected, reference) {
            let largest = theirs.reduce(0) { max($0, abs($1)) }
            #expect(
                largest > 0
                    && agree(
                        mine.map(Double.init(bitPattern:)), theirs, relative: precision == .f64 ? 1e-13 : 1e-5,
                        floor: largest)
            )
        }
    }

    /// Copies with their own images, weights or both, at once and one by one; and copies of copies.
    @Test func copiesAreIndependent() throws {
        let net = try Net(rows: 2), graph = net.graph, copies = 3
        let nodes = [net.loss] + net.gradients
        let shapes = ([net.x] + net.weights).map(graph.shape(of:))
        let store = ParameterStore(blocks: graph.blocks, precision: .f64)
        store.initialize(seed: 6)
        var random = SplitMix(seed: 1)
        let all = shapes.enumerated().map { graph.input("all\($0)", shape: [copies] + $1) }
        let values = shapes.map { random.values(copies * elements($0), in: -0.5...0.5) }
        let single = values[0].prefix(elements(shapes[0]))
        for replaced in [[0], [1, 2, 3, 4], [0, 2, 4], [0, 1, 2, 3, 4]] {
            let pairs = replaced.map { (([net.x] + net.weights)[$0], all[$0]) }
            let together = try graph.batched(
                nodes, copies: copies, replacing: Dictionary(uniqueKeysWithValues: pairs))
            var inputs = ["x": Array(single)]
            for i in replaced { inputs["all\(i)"] = values[i] }
            let results = try evaluate(graph, together, inputs, parameters: store)
            for copy in 0..<copies {
                let alone = ParameterStore(blocks: graph.blocks, precision: .f64)
                alone.copyValues(from: store)
                var mine = ["x": Array(single)]
                for i in replaced {
                    let size = elements(shapes[i]), own = Array(values[i][copy * size..<(copy + 1) * size])
                    if i == 0 { mine["x"] = own } else { alone.set(block: i - 1, own) }
                }
                let expected = try evaluate(graph, nodes, mine, parameters: alone)
                for (a, b) in zip(results, expected) {
                    #expect(agree(Array(a[copy * b.count..<(copy + 1) * b.count]), b, relative: 1e-13), "\(replaced)")
                }
            }
        }
        // Two copies of the three: the second with images of the opposite sign.
        let three = try graph.batched(
            [net.gradients[1]], copies: copies, replacing: [net.x: all[0], net.weights[1]: all[2]])
        let six = graph.input("six", shape: [2] + graph.shape(of: all[0]))
        let twice = try graph.batched(three, copies: 2, replacing: [all[0]: six])
        let inputs = ["all0": values[0], "all2": values[2], "six": values[0] + values[0].map { -$0 }]
        let results = try evaluate(graph, three + twice, inputs, parameters: store)
        let negative = try evaluate(
            graph, three, ["all0": values[0].map { -$0 }, "all2": values[2]], parameters: store)
        #expect(agree(results[1], results[0] + negative[0], relative: 1e-13))
    }

    /// Gradients of samples add up to the gradient, in one call of the weight gradient with a copy for each sample.
    @Test func gradientsOfSamples() throws {
        let one = try Net(rows: 1), rows = 5
        let all = one.graph.input("all", shape: [rows] + one.graph.shape(of: one.x))
        let each = try one.graph.sampleGradients(
            of: one.loss, withRespectTo: one.weights, samples: rows, batch: [one.x: all])
        let whole = try Net(rows: rows)
        let store = ParameterStore(blocks: one.graph.blocks, precision: .f64)
        store.initialize(seed: 9)
        var random = SplitMix(seed: 2)
        let x = random.values(rows * 9 * 7 * 3)
        let samples = try evaluate(one.graph, each, ["all": x], parameters: store)
        let mean = try evaluate(whole.graph, Array(whole.gradients.dropLast()), ["x": x], parameters: store)
        for (a, b) in zip(samples, mean) {
            let average = b.indices.map { i in (0..<rows).reduce(0) { $0 + a[$1 * b.count + i] } / Double(rows) }
            #expect(agree(average, b, relative: 1e-13))
        }
        let program = try Program(one.graph, outputs: each, precision: .f64, parameters: store, threads: 1)
        #expect(program.steps.filter { $0.name == "conv2d_weight_grad" }.count == one.weights.count)
    }

    /// The permutations of weights cancel: a training step permutes each weight once for each direction, nothing else.
    @Test func derivativesUndoNoPermutation() throws {
        let net = try Net(rows: 2)
        let store = ParameterStore(blocks: net.graph.blocks, precision: .f32)
        let program = try Program(
            net.graph, outputs: Array(net.gradients.dropLast()), precision: .f32, parameters: store, threads: 1)
        // Four forward, three of them turned too: the images need no gradient. The depthwise weight has one order only.
        #expect(program.steps.filter { $0.name == "permute" }.count == 6)
        #expect(program.steps.filter { $0.name == "conv2d_input_grad" }.count == 3)
    }

    @Test func tiesAndNaN() throws {
        let graph = Graph()
        let x = graph.input("x", shape: [1, 2, 4, 1])
        let y = try graph.apply(named: "max_pool", [x], attributes: ["size": 2])
        let c = graph.input("c", shape: [1, 1, 2, 1])
        let gradient = try graph.vjp(of: y, cotangent: c, withRespectTo: [x])[0]
        let v = graph.input("v", shape: [1, 2, 4, 1])
        let picked = try graph.jvp(of: [y], along: [(x, v)])[0]
        let values = try evaluate(
            graph, [y, gradient, picked],
            ["x": [3, 1, 2, 7, 3, 3, .nan, 7], "c": [5, -2], "v": [1, 2, 3, 4, 5, 6, 7, 8]])
        #expect(values[0][0] == 3 && values[0][1].isNaN)
        #expect(values[1] == [5, 0, 0, 0, 0, 0, -2, 0])  // the first 3; the NaN
        #expect(values[2] == [1, 7])
        // Padding is never the largest, and counts as zeros in a mean.
        let low = graph.input("low", shape: [1, 1, 2, 1])
        let top = try graph.apply(named: "max_pool", [low], attributes: ["size": 3, "padding": 1])
        let mean = try graph.apply(named: "average_pool", [low], attributes: ["size": 3, "padding": 1])
        #expect(try evaluate(graph, [top, mean], ["low": [-9, -18]]) == [[-9], [-3]])
    }

    @Test func sentencesOfErrors() throws {
        func apply(_ name: String, _ shapes: [[Int]], _ attributes: [String: Double] = [:]) -> String {
            message {
                let graph = Graph()
                let inputs = shapes.enumerated().map { graph.input(["x", "weight"][$0], shape: $1) }
                _ = try graph.apply(named: name, inputs, attributes: attributes)
            }
        }
        #expect(
            apply("conv2d", [[7, 5, 6, 3], [4, 3, 3, 2]])
                == "conv2d: x [7, 5, 6, 3] has 3 channels, weight [4, 3, 3, 2] takes 2")
        #expect(
            apply("conv2d", [[7, 5, 6, 4], [4, 3, 3, 4]], ["groups": 2])
                == "conv2d: x [7, 5, 6, 4] has 4 channels, weight [4, 3, 3, 4] "
                + "takes 4 in each of 2 groups")
        #expect(
            apply("conv2d", [[7, 5, 6, 3], [4, 3, 3, 1]], ["groups": 3])
                == "conv2d: 3 groups do not divide 3 input and 4 output channels")
        #expect(
            apply("conv2d", [[7, 5, 3], [4, 3, 3, 3]])
                == "conv2d: x [7, 5, 3] is not [rows, height, width, channels]")
        #expect(
            apply("conv2d", [[7, 5, 6, 3], [4, 9]])
                == "conv2d: weight [4, 9] is not [outputs, kernel height, kernel width, channels]")
        #expect(
            apply("conv2d", [[7, 5, 6, 3], [4, 3, 4, 3]], ["dilation": 2, "padding_top": 1])
                == "conv2d: the kernel spans 7 of the width, x [7, 5, 6, 3] with its padding has 6")
        #expect(
            apply("conv2d", [[7, 5, 6, 3], [4, 3, 3, 3]], ["stride": 0])
                == "conv2d: stride of the height is 0; 1 to 65536 expected")
        #expect(
            apply("conv2d", [[7, 5, 6, 3], [4, 3, 3, 3]], ["padding_left": -1])
                == "conv2d: padding of the width is -1; 0 to 65536 expected")
        #expect(
            apply("conv2d", [[7, 5, 6, 3], [4, 3, 3, 3]], ["strides": 2])
                == "conv2d: unknown attribute 'strides'; did you mean 'stride'?")
        #expect(apply("max_pool", [[7, 5, 6, 3]]) == "max_pool: the attribute 'size' is missing")
        #expect(
            apply("max_pool", [[7, 5, 6, 3]], ["size": 2, "padding": 2])
                == "max_pool: padding 2 is not smaller than the window, 2: a window would hold padding only")
        // Two taps on both sides of an image of one line.
        #expect(
            apply("max_pool", [[7, 1, 6, 3]], ["size": 2, "stride": 1, "dilation_h": 2, "padding": 1])
                == "max_pool: window 0 of 2 elements, 2 apart, holds padding only on x [7, 1, 6, 3] with padding 1")
    }
}

@Suite struct ConvolutionLayerTests {
    @Test func sentencesOfErrors() throws {
        let graph = Graph()
        let x = graph.input("x", shape: [7, 5, 6, 4]), other = graph.input("other", shape: [7, 5, 6, 4])
        func weight(_ name: String, _ shape: [Int]) throws -> Node {
            try graph.parameter(name, role: .weight, shape: shape, initializer: Initializer(scheme: .constant))
        }
        let w = try weight("w", [3, 2, 1, 4]), grouped = try weight("grouped", [6, 2, 1, 2])
        let y = try graph.conv2d(x, w), z = try graph.conv2d(x, grouped, groups: 2)
        #expect(
            message { try graph.layer("conv", input: other, weight: w, bias: nil, output: y) }
                == "layer conv: output [7, 4, 6, 3] is not conv2d of input other [7, 5, 6, 4] and weight w [3, 2, 1, 4]"
        )
        #expect(
            message { try graph.layer("conv", input: x, weight: grouped, bias: nil, output: z) }
                == "layer conv: a convolution in 2 groups is no product with one matrix; probes need 1 group")
        #expect(
            message { try graph.layer("conv", input: x, weight: w, bias: grouped, output: y) }
                == "layer conv: bias grouped [6, 2, 1, 2] is not [3]")
        try graph.layer("conv", input: x, weight: w, bias: nil, output: y)
        // Tokens: the axes between count positions.
        let tokens = graph.input("tokens", shape: [7, 5, 4]), v = try weight("v", [3, 4])
        let u = try graph.apply(.matmul(transposeB: true), [tokens, v])
        #expect(
            message { try graph.layer("dense", input: tokens, weight: v, bias: nil, output: y) }
                == "layer dense: output conv.output [7, 4, 6, 3] is not [7, 5, 3], input times weight transposed")
        try graph.layer("dense", input: tokens, weight: v, bias: nil, output: u)
        let matrices = try graph.layers.map(graph.matrices)
        #expect(matrices.map { graph.shape(of: $0.input) } == [[168, 8], [35, 4]])
        #expect(matrices.map { graph.shape(of: $0.output) } == [[168, 3], [35, 3]])
    }
}
