import Engine
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing

@Suite struct RecurrentNetTests {
    /// Loss, outputs and all gradients of one training step, compiled step by step and as loops.
    @Test(
        arguments: [
            "recurrent-tanh", "recurrent-gru", "recurrent-lstm", "recurrent-tokens", "recurrent-truncated",
        ], [(Precision.f64, 1e-10), (.f32, 1e-5)])
    func agreesWithPyTorch(reference: String, precision: (Precision, tolerance: Double)) throws {
        for limit in [Graph.unrolledOperations, 0] {
            let errors = try ModelReference(reference).errors(precision.0, unrolledOperations: limit)
            #expect(errors.worst <= precision.tolerance, "\(limit): \(errors)")
        }
    }

    /// Without truncation the gradients are others, the loss is the same.
    @Test func truncationChangesGradientsOnly() throws {
        let errors = try ModelReference("recurrent-truncated").errors(.f64, change: ["truncate": .int(0)])
        #expect(errors.loss <= 1e-12 && errors.output <= 1e-12)
        #expect(errors.gradients["rnn1.hidden.weight"].map { $0 > 1e-4 } ?? false, "\(errors)")
    }

    @Test(arguments: [("tanh", 1), ("gru", 3), ("lstm", 4)]) func shapesOfParameters(cell: String, gates: Int) throws
    {
        let (x, y) = (Field(name: "x", shape: [6, 3]), Field(name: "y", shape: [], classes: 4))
        let result = try evaluateModel(
            Choice(
                component: "recurrent_net", options: ["cell": .string(cell), "hidden": .int(5), "layers": .int(2)]),
            batch: ["x": (x, 2, Array(repeating: 0.5, count: 36)), "y": (y, 2, [0, 1])])
        #expect(result.outputs["output"]?.shape == [2, 4])
        #expect(
            result.blocks.map(\.name) == [
                "rnn1.input.weight", "rnn1.input.bias", "rnn1.hidden.weight", "rnn1.hidden.bias", "rnn2.input.weight",
                "rnn2.input.bias", "rnn2.hidden.weight", "rnn2.hidden.bias", "head.weight", "head.bias",
            ])
        let rows = 5 * gates
        #expect(
            result.blocks.map(\.shape) == [
                [rows, 3], [rows], [rows, 5], [rows], [rows, 5], [rows], [rows, 5], [rows], [4, 5], [4],
            ])
        // U(±1/√hidden), as PyTorch, but for the head also where inputs have another width.
        #expect(result.blocks.allSatisfy { $0.fanIn == 5 })
        #expect(result.blocks.dropLast(2).allSatisfy { $0.fanOut == 5 })
    }

    /// `init` and `gain` are those of all weights, the head's too.
    @Test func everyWeightBeginsAsAsked() throws {
        let (x, y) = (Field(name: "x", shape: [3, 2]), Field(name: "y", shape: [], classes: 4))
        let result = try evaluateModel(
            Choice(
                component: "recurrent_net",
                options: ["cell": "gru", "hidden": .int(5), "init": "glorot_normal", "gain": .double(0.25)]),
            batch: ["x": (x, 1, Array(repeating: 0.5, count: 6)), "y": (y, 1, [0])])
        let weights = result.blocks.filter { $0.role == .weight }
        #expect(weights.map(\.name) == ["rnn1.input.weight", "rnn1.hidden.weight", "head.weight"])
        #expect(weights.allSatisfy { $0.initializer == Initializer(scheme: .glorot_normal, scale: 0.25) })
    }

    /// Real targets [rows, length] are one number at each position, whatever the length; class indices as many as classes.
    @Test(arguments: [nil, 4], ["recurrent_net", "transformer"])
    func targetsAtEachPosition(classes: Int?, model: String) throws {
        let loader = ShippedPlugins.loader()
        let fields = [Field(name: "x", shape: [6, 3]), Field(name: "y", shape: [6], classes: classes)]
        let network = Network(
            model: try loader.model(Choice(component: model, options: ["output": "each"])),
            loss: try loader.loss(Choice(component: "mean_squared_error")), fields: fields)
        let built = try network.build(rows: 2)
        let output = try #require(built.outputs["output"])
        #expect(built.graph.shape(of: output) == [2, 6, classes ?? 1])
    }

    /// Numbers in two axes are no tokens, and tokens have no features.
    @Test(
        arguments: [
            (Field(name: "x", shape: [6]), "not [2, 6] of real numbers"),
            (Field(name: "x", shape: [6, 3], classes: 5), "not [2, 6, 3] of class indices"),
        ], ["recurrent_net", "transformer"])
    func inputsThatAreNoSequences(x: (field: Field, sentence: String), model: String) throws {
        let error = #expect(throws: (any Error).self) {
            try evaluateModel(
                Choice(component: model, options: ["output": "last"]),
                batch: [
                    "x": (x.field, 2, Array(repeating: 0, count: 2 * x.field.elements)),
                    "y": (Field(name: "y", shape: [], classes: 2), 2, [0, 1]),
                ])
        }
        #expect(error.map { "\($0)" }?.contains(x.sentence) ?? false, "\(String(describing: error))")
    }

    @Test func imagesAreNoSequences() throws {
        let error = #expect(throws: (any Error).self) {
            try evaluateModel(
                Choice(component: "recurrent_net"),
                batch: [
                    "x": (Field(name: "x", shape: [2, 3, 4]), 1, Array(repeating: 0, count: 24)),
                    "y": (Field(name: "y", shape: [], classes: 2), 1, [0]),
                ])
        }
        #expect(error.map { "\($0)" }?.contains("not [1, 2, 3, 4]") ?? false, "\(String(describing: error))")
    }

    @Test(arguments: ["recurrent-tanh", "recurrent-gru", "recurrent-lstm", "recurrent-tokens"])
    func gradientsOfSamples(reference: String) throws {
        #expect(try ModelReference(reference).sampleGradientError() <= 1e-12)
    }
}
