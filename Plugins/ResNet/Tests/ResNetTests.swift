import Engine
import Manifests
import PluginHost
import PluginTesting
import Protocols
import Testing

private func blocks(_ options: [String: JSON] = [:], size: Int = 32) throws -> [ParameterBlock] {
    let graph = Graph()
    let model = try ShippedPlugins.loader().model(Choice(component: "resnet", options: options))
    let fields = [Field(name: "x", shape: [size, size, 3]), Field(name: "y", shape: [], classes: 10)]
    let batch = fields.map { ($0.name, BatchNode(field: $0, node: graph.input($0.name, shape: [1] + $0.shape))) }
    _ = try model.build(in: graph, batch: Dictionary(uniqueKeysWithValues: batch))
    return graph.blocks
}

@Suite struct ResNetTests {
    /// Loss, outputs and all gradients of one training step.
    @Test(arguments: ["resnet"], [(Precision.f64, 1e-10), (.f32, 1e-5)])
    func agreesWithPyTorch(reference: String, precision: (Precision, tolerance: Double)) throws {
        let errors = try ModelReference(reference).errors(precision.0)
        #expect(errors.worst <= precision.tolerance, "\(errors)")
    }

    /// Parameters and the running statistics.
    @Test(arguments: [(Precision.f64, 1e-10), (.f32, 1e-4)])
    func agreesAfterThreeSteps(precision: Precision, tolerance: Double) throws {
        let errors = try ModelReference("resnet").errorsAfterTraining(precision)
        #expect(errors.count == 22 && errors.values.allSatisfy { $0 <= tolerance }, "\(errors)")
    }

    /// The usual ResNet-18 for 32 × 32: 11,173,962 trained numbers, 4,800 means and as many variances.
    @Test func theDefaultIsResNet18() throws {
        let all = try blocks()
        #expect(all.filter(\.isTrained).reduce(0) { $0 + $1.count } == 11_173_962)
        #expect(all.filter { !$0.isTrained }.reduce(0) { $0 + $1.count } == 9_600)
        #expect(all.count { $0.name.hasSuffix(".shortcut.weight") } == 3)
    }

    /// N(0, 2 / fan_out), while optimizers and regularizers that ask are told the fan_in.
    @Test func convolutionsBeginAsInTorchvision() throws {
        let all = try blocks(["width": .int(5), "blocks": .array([.int(1), .int(1)])], size: 8)
        let weight = try #require(all.first { $0.name == "stage2.block1.conv1.weight" })
        #expect(weight.shape == [10, 3, 3, 5] && weight.fanIn == 45 && weight.fanOut == 90)
        #expect(weight.initializer == Initializer(scheme: .normal, scale: (2.0 / 90).squareRoot()))
    }

    @Test func withoutNormalizationThereAreBiases() throws {
        let names = try blocks(["width": .int(2), "blocks": .array([.int(1)]), "norm": "none"], size: 8).map(\.name)
        #expect(
            names == [
                "stem.weight", "stem.bias", "stage1.block1.conv1.weight", "stage1.block1.conv1.bias",
                "stage1.block1.conv2.weight", "stage1.block1.conv2.bias", "head.weight", "head.bias",
            ])
    }

    @Test(arguments: ["resnet"]) func gradientsOfSamples(reference: String) throws {
        #expect(try ModelReference(reference).sampleGradientError() <= 1e-12)
    }
}
