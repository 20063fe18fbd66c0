import Engine
import LinearAlgebra
import Observing
import PluginTesting
import Protocols
import Testing

/// Images 4 × 3 × 2 (x as a row) → conv2d to 5 channels, stride 2 along the height → tanh → tokens (positions) to 7 → mean over
/// positions → head. Layers of 1, 6 and again 6 positions.
private final class ConvolutionNet: Model {
    static let steps = ["stride_h": 2.0, "padding": 1]

    func build(in graph: Graph, batch: [String: BatchNode]) throws -> [String: Node] {
        guard let x = batch["x"]?.node else { throw Undefined("no_x") }
        func weight(_ name: String, _ shape: [Int]) throws -> Node {
            try graph.parameter(name, role: .weight, shape: shape, initializer: Initializer(scheme: .lecun_normal))
        }
        let rows = graph.shape(of: x)[0]
        let (w1, w2, w3) = (
            try weight("conv.weight", [5, 3, 3, 2]), try weight("token.weight", [7, 5]),
            try weight("head.weight", [3, 7])
        )
        let image = try graph.reshape(x, to: [rows, 4, 3, 2])
        let y = try graph.apply(named: "conv2d", [image, w1], attributes: Self.steps)
        try graph.layer("conv", input: image, weight: w1, bias: nil, output: y)
        let tokens = try graph.reshape(try graph.apply(named: "tanh", [y]), to: [rows, 6, 5])
        let z = try graph.apply(named: "matmul", [tokens, w2], attributes: ["transpose_b": 1])
        try graph.layer("token", input: tokens, weight: w2, bias: nil, output: z)
        let mean = try graph.apply(named: "mean", [try graph.apply(named: "tanh", [z])], attributes: ["axis": 1])
        let output = try graph.apply(named: "matmul", [mean, w3], attributes: ["transpose_b": 1])
        try graph.layer("head", input: mean, weight: w3, bias: nil, output: output)
        return ["output": output]
    }
}

/// What probes see of layers with several rows for each sample.
@Suite struct PositionTests {
    private let dataset = ArrayDataset(rows: 700, inputs: 24, outputs: 3)
    private let store: ParameterStore
    private let observer: Observer

    init() throws {
        let network = Network(model: ConvolutionNet(), loss: HalfSquares(), fields: dataset.fields)
        store = ParameterStore(blocks: try network.build(rows: 1).graph.blocks, precision: .f64)
        store.initialize(seed: 3)
        observer = try Observer(network, store: store, tables: ["train": try DataTable(dataset, split: "train")])
    }

    private func matrix(_ expression: String, _ layer: String, samples: Int? = nil) throws -> Matrix {
        var found: Matrix?
        try observer.quantities([expression], split: "train", samples: samples, store: store) { key, quantity in
            guard key == (layer.isEmpty ? expression : "\(layer)/\(expression)"), case .real(let data) = quantity.data
            else { return }
            let count = quantity.shape.reduce(1, *)
            found = Matrix(
                rows: quantity.shape[0], columns: count / quantity.shape[0],
                elements: Array(UnsafeBufferPointer(start: data, count: count)))
        }
        return try #require(found)
    }

    private func expectEqual(_ a: Matrix, _ b: Matrix, _ location: SourceLocation = #_sourceLocation) {
        #expect((a - b).frobeniusNorm <= 1e-12 * b.frobeniusNorm, sourceLocation: location)
    }

    /// Rows are positions, and the layer is the product of its matrices: in two passes of the observer.
    @Test(arguments: [("conv", 6, 18, 5), ("token", 6, 5, 7), ("head", 1, 7, 3)])
    func layersAreProducts(_ layer: String, positions: Int, inputs: Int, outputs: Int) throws {
        let x = try matrix("layer.input", layer), y = try matrix("layer.output", layer)
        let w = try matrix("layer.weight", layer)
        #expect([x.rows, x.columns, w.rows, w.columns] == [700 * positions, inputs, outputs, inputs])
        expectEqual(y, x * w.transposed)
        let (g, gx) = (try matrix("layer.output_grad", layer), try matrix("layer.input_grad", layer))
        #expect([g.rows, g.columns, gx.rows, gx.columns] == [700 * positions, outputs, 700 * positions, inputs])
        expectEqual(gx, g * w)
        // Averages over all positions of all samples.
        let n = Double(700 * positions)
        expectEqual(try matrix("moment.raw(layer.input)", layer), (1 / n) * (x.transposed * x))
        expectEqual(try matrix("cross.raw(layer.output_grad, layer.input)", layer), (1 / n) * (g.transposed * x))
        let mean = try matrix("mean(layer.output)", layer).elements
        for j in 0..<outputs {
            #expect(abs(mean[j] - (0..<y.rows).reduce(0) { $0 + y[$1, j] } / n) < 1e-13)
        }
        // Each weight sees every position: ∂(mean loss)/∂W = positions · mean of g_b h_aᵀ.
        let gradient = try matrix("parameter.grad", "\(layer).weight").elements
        let cross = (Double(positions)) * (1 / n * (g.transposed * x))
        for (a, b) in zip(gradient, cross.elements) { #expect(abs(a - b) < 1e-13 * cross.frobeniusNorm) }
    }

    /// The patches of the first two samples, by hand.
    @Test func patchesAreWhatTheKernelCovers() throws {
        let x = try matrix("layer.input", "conv", samples: 2)
        var images = [Double](repeating: 0, count: 48), targets = [Double](repeating: 0, count: 6)
        images.withUnsafeMutableBufferPointer { images in
            targets.withUnsafeMutableBufferPointer { dataset.read("train", 0..<2, into: [images, $0]) }
        }
        for row in 0..<12 {
            let (sample, p, q) = (row / 6, row % 6 / 3, row % 3)
            for column in 0..<18 {
                let (i, j, c) = (2 * p - 1 + column / 6, q - 1 + column % 6 / 2, column % 2)
                let inside = (0..<4).contains(i) && (0..<3).contains(j)
                #expect(x[row, column] == (inside ? images[sample * 24 + i * 6 + j * 2 + c] : 0))
            }
        }
    }

    /// Positions have no output or loss of their own.
    @Test func rowsOfDifferentKindsAreNotPaired() throws {
        #expect(throws: Undefined("rows_differ")) { try matrix("cross.raw(layer.input, model.output)", "conv") }
        #expect(throws: Undefined("rows_differ")) { try matrix("cross.raw(layer.input, head.output)", "token") }
        #expect(try matrix("cross.raw(head.input, model.output)", "").rows == 7)
    }
}
