import Engine
import Manifests
import PluginTesting
import Protocols
import Testing

private func network(
    _ options: [String: JSON], size: [Int] = [5, 7, 3], rows: Int = 2
) throws -> (shape: [Int], blocks: [ParameterBlock]) {
    let x = Field(name: "x", shape: size)
    let result = try evaluateModel(
        Choice(component: "conv_net", options: options),
        batch: [
            "x": (x, rows, (0..<rows * x.elements).map { Double($0 % 7) / 3 - 1 }),
            "y": (Field(name: "y", shape: [], classes: 4), rows, Array(repeating: 0, count: rows)),
        ])
    return (try #require(result.outputs["output"]).shape, result.blocks)
}

@Suite struct ConvNetTests {
    /// Loss, outputs and all gradients of one training step.
    @Test(arguments: ["conv_net", "conv_net-batch"], [(Precision.f64, 1e-10), (.f32, 1e-5)])
    func agreesWithPyTorch(reference: String, precision: (Precision, tolerance: Double)) throws {
        let errors = try ModelReference(reference).errors(precision.0)
        #expect(errors.worst <= precision.tolerance, "\(errors)")
    }

    @Test func anotherNetworkDoesNotAgree() throws {
        let errors = try ModelReference("conv_net").errors(.f64, change: ["activation": "tanh"])
        #expect(errors.worst > 1e-3)
    }

    /// Parameters and the running statistics.
    @Test(arguments: [(Precision.f64, 1e-10), (.f32, 1e-4)])
    func agreesAfterThreeSteps(precision: Precision, tolerance: Double) throws {
        let errors = try ModelReference("conv_net-batch").errorsAfterTraining(precision)
        #expect(errors.count == 4 && errors.values.allSatisfy { $0 <= tolerance }, "\(errors)")
    }

    @Test func parametersAreNamedByLayer() throws {
        let blocks = try network(["channels": .array([.int(6), .int(9)]), "kernel": .int(2), "norm": "batch"]).blocks
        #expect(
            blocks.map(\.name) == [
                "conv1.weight", "conv1.bias", "norm1.scale", "norm1.shift", "norm1.mean", "norm1.variance",
                "conv2.weight", "conv2.bias", "norm2.scale", "norm2.shift", "norm2.mean", "norm2.variance",
                "head.weight",
                "head.bias",
            ])
        #expect(blocks[0].shape == [6, 2, 2, 3] && blocks[6].shape == [9, 2, 2, 6] && blocks[12].shape == [4, 9])
        // In PyTorch: fan_in = inputs · kernel², fan_out = outputs · kernel².
        #expect(blocks[0].fanIn == 12 && blocks[1].fanIn == 12 && blocks[6].fanIn == 24)
        #expect(blocks[0].fanOut == 24 && blocks[6].fanOut == 36)
    }

    /// 5 × 7 pixels: 3 × 5 without zeros around, then 1 × 2 after pooling.
    @Test(arguments: [("flatten", 12), ("average", 6)]) func theHeadSees(head: String, features: Int) throws {
        let result = try network([
            "channels": .array([.int(6)]), "same": .bool(false), "pool_after": .array([.int(1)]),
            "head": .string(head),
        ])
        #expect(result.shape == [2, 4])
        #expect(result.blocks.first { $0.name == "head.weight" }?.shape == [4, features])
    }

    @Test func imagesWithoutChannelsHaveOne() throws {
        #expect(try network(["channels": .array([.int(6)])], size: [5, 7]).blocks[0].shape == [6, 3, 3, 1])
    }

    @Test func flatRowsBecomeImages() throws {
        let image: JSON = .array([.int(4), .int(3), .int(2)])
        let blocks = try network(["channels": .array([.int(6)]), "image": image], size: [24]).blocks
        #expect(blocks[0].shape == [6, 3, 3, 2])
        let error = #expect(throws: (any Error).self) { try network(["image": image], size: [25]) }
        #expect(error.map { "\($0)" }?.contains("[2, 25]") ?? false, "\(String(describing: error))")
    }

    @Test(
        arguments: [
            (
                ["channels": .array([.int(6)]), "pool_after": .array([.int(2)])], [5, 7, 3],
                "pool_after names layer 2; there are 1"
            ),
            (["channels": .array([.int(6)])], [5], "images [rows, height, width, channels], not [2, 5]"),
            (["channels": .array([.int(6)]), "kernel": .int(9), "same": .bool(false)], [5, 7, 3], "conv2d"),
        ] as [([String: JSON], [Int], String)])
    func misfitsAreNamed(options: [String: JSON], size: [Int], sentence: String) throws {
        let error = #expect(throws: (any Error).self) { try network(options, size: size) }
        #expect(error.map { "\($0)" }?.contains(sentence) ?? false, "\(String(describing: error))")
    }

    @Test(arguments: ["conv_net", "conv_net-batch"]) func gradientsOfSamples(reference: String) throws {
        #expect(try ModelReference(reference).sampleGradientError() <= 1e-12)
    }
}
