import Engine
import Manifests
import PluginTesting
import Protocols
import Testing

private func network(
    _ options: [String: JSON], rows: Int = 3, row: [Int] = [4], classes: Int = 2,
    parameters: [String: [Double]] = [:],
    data: [Double]? = nil
) throws -> (output: [Double], blocks: [ParameterBlock]) {
    let field = Field(name: "x", shape: row)
    let x = data ?? (0..<rows * field.elements).map { Double($0 % 7) / 3 - 1 }
    let result = try evaluateModel(
        Choice(component: "mlp", options: options),
        batch: [
            "x": (field, rows, x),
            "y": (Field(name: "y", shape: [], classes: classes), rows, Array(repeating: 0, count: rows)),
        ], parameters: parameters)
    let output = try #require(result.outputs["output"])
    #expect(output.shape == [rows, classes])
    return (output.data, result.blocks)
}

@Suite struct MLPTests {
    @Test func parametersAreNamedByLayer() throws {
        let blocks = try network(["widths": .array([.int(5), .int(6)])]).blocks
        #expect(
            blocks.map(\.name) == [
                "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias", "head.weight", "head.bias",
            ])
        #expect(blocks.map(\.shape) == [[5, 4], [5], [6, 5], [6], [2, 6], [2]])
        #expect(blocks.map(\.role) == [.weight, .bias, .weight, .bias, .weight, .bias])
        #expect(blocks.map(\.fanIn) == [4, 4, 5, 5, 6, 6])
        let bare = try network(["widths": .array([]), "bias": .bool(false)]).blocks
        #expect(bare.map(\.name) == ["head.weight"])
    }

    @Test(arguments: [
        ("torch_linear", 1.5), ("lecun_normal", 1.5), ("glorot_normal", 1.5), ("glorot_uniform", 1.5),
        ("he_normal", 1.5), ("he_uniform", 1.5), ("orthogonal", 1.5), ("normal", 0.25),
        ("uniform", 0.25 * 3.0.squareRoot()),
    ]) func initialization(scheme: String, scale: Double) throws {
        let blocks = try network([
            "widths": .array([.int(5)]), "init": .string(scheme), "gain": .double(1.5), "init_std": .double(0.25),
            "bias_init": .string("zero"),
        ]).blocks
        for block in blocks {
            let expected = block.role == .weight ? (scheme, scale) : ("constant", 0)
            #expect(block.initializer.scheme.rawValue == expected.0)
            #expect(block.initializer.scale == expected.1)
        }
    }

    @Test func biasesBeginAsInTorchByDefault() throws {
        let blocks = try network(["widths": .array([.int(5)])]).blocks
        #expect(blocks.allSatisfy { $0.initializer == Initializer(scheme: .torch_linear) })
    }

    @Test(arguments: [
        ("identity", -0.75), ("relu", 0), ("leaky_relu", -0.0075), ("tanh", -0.6351489523872873),
        ("sigmoid", 0.320821300824607), ("gelu", -0.16997051428265114), ("silu", -0.24061597561845527),
        ("softplus", 0.38687100611489994), ("sin", -0.6816387600233341), ("erf", -0.7111556336535151),
        ("square", 0.5625),
    ]) func activations(name: String, at: Double) throws {
        let output = try network(
            ["widths": .array([.int(1)]), "activation": .string(name), "bias": .bool(false)], rows: 1, row: [],
            parameters: ["fc1.weight": [-0.75], "head.weight": [1, -2]], data: [1]
        ).output
        #expect(abs(output[0] - at) < 1e-14)
        #expect(abs(output[1] + 2 * at) < 1e-14)
    }

    /// The order of hidden units is a symmetry of the network.
    @Test func hiddenUnitsMayBePermuted() throws {
        let w1 = (0..<12).map { Double($0 * 5 % 11) / 7 - 0.6 }
        let b1 = [0.3, -0.2, 0.9]
        let w2 = [0.4, -1.1, 0.7, 0.2, 0.5, -0.3]
        let order = [2, 0, 1]
        let options: [String: JSON] = ["widths": .array([.int(3)]), "activation": .string("gelu")]
        let plain = try network(
            options, parameters: ["fc1.weight": w1, "fc1.bias": b1, "head.weight": w2, "head.bias": [0.1, 0.2]]
        ).output
        let permuted = try network(
            options,
            parameters: [
                "fc1.weight": order.flatMap { Array(w1[4 * $0..<4 * $0 + 4]) }, "fc1.bias": order.map { b1[$0] },
                "head.weight": order.map { w2[$0] } + order.map { w2[3 + $0] }, "head.bias": [0.1, 0.2],
            ]
        ).output
        for (a, b) in zip(plain, permuted) { #expect(abs(a - b) < 1e-14) }
        #expect(abs(plain[0] - plain[1]) > 1e-3)
    }

    /// Loss, outputs and all gradients of one training step.
    @Test(arguments: ["mlp-layer", "mlp-batch", "mlp-rms"], [(Precision.f64, 1e-10), (.f32, 1e-5)])
    func agreesWithPyTorch(reference: String, precision: (Precision, tolerance: Double)) throws {
        let errors = try ModelReference(reference).errors(precision.0)
        #expect(errors.worst <= precision.tolerance, "\(errors)")
    }

    @Test func residualLayersMatter() throws {
        #expect(try ModelReference("mlp-layer").errors(.f64, change: ["residual": .bool(false)]).worst > 1e-3)
        let error = #expect(throws: (any Error).self) {
            try network(["widths": .array([.int(5), .int(6)]), "residual": .bool(true)])
        }
        #expect(error.map { "\($0)" }?.contains("equal widths, not [5, 6]") ?? false, "\(String(describing: error))")
    }

    @Test(arguments: ["mlp-layer", "mlp-batch", "mlp-rms"]) func gradientsOfSamples(reference: String) throws {
        #expect(try ModelReference(reference).sampleGradientError() <= 1e-12)
    }
}
