import Engine
import Foundation
import Manifests
import Observing
import PluginHost
import PluginTesting
import Protocols
import Testing

private let small: [String: JSON] = ["d_model": .int(6), "heads": .int(2), "layers": .int(2), "mlp_ratio": .int(2)]

/// Outputs for two rows of five tokens of a vocabulary of seven.
private func outputs(
    _ options: [String: JSON], tokens: [Double] = [3, 1, 4, 1, 5, 0, 2, 6, 5, 3],
    y: Field = Field(name: "y", shape: [5], classes: 7)
) throws -> (shape: [Int], data: [Double], blocks: [ParameterBlock]) {
    let result = try evaluateModel(
        Choice(component: "transformer", options: small.merging(options) { $1 }),
        batch: [
            "x": (Field(name: "x", shape: [5], classes: 7), 2, tokens),
            "y": (y, 2, Array(repeating: 0, count: 2 * y.elements)),
        ], seed: 3)
    let output = try #require(result.outputs["output"])
    return (output.shape, output.data, result.blocks)
}

@Suite struct TransformerTests {
    /// Loss, outputs and all gradients of one training step.
    @Test(
        arguments: ["transformer-causal", "transformer-post", "transformer-tied"],
        [(Precision.f64, 1e-10), (.f32, 1e-5)])
    func agreesWithPyTorch(reference: String, precision: (Precision, tolerance: Double)) throws {
        let errors = try ModelReference(reference).errors(precision.0)
        #expect(errors.worst <= precision.tolerance, "\(errors)")
    }

    @Test(arguments: [["causal": .bool(false)], ["activation": "relu"], ["heads": .int(2)]] as [[String: JSON]])
    func anotherNetworkDoesNotAgree(change: [String: JSON]) throws {
        #expect(try ModelReference("transformer-causal").errors(.f64, change: change).worst > 1e-4)
    }

    @Test func networksOfOtherParametersAreRefused() throws {
        #expect(throws: PluginMismatch.self) {
            try ModelReference("transformer-causal").errors(.f64, change: ["norm": "rms"])
        }
    }

    /// Dropout changes training steps only.
    @Test func dropoutIsForTraining() throws {
        #expect(try outputs(["dropout": .double(0.5)]).data == outputs([:]).data)
        #expect(try ModelReference("transformer-causal").errors(.f64, change: ["dropout": .double(0.5)]).worst > 1e-2)
    }

    /// A position sees itself and what is before it; without the mask, everything.
    @Test(arguments: [true, false]) func laterTokensAreNotSeen(causal: Bool) throws {
        let before = try outputs(["causal": .bool(causal)])
        let after = try outputs(["causal": .bool(causal)], tokens: [3, 1, 4, 6, 5, 0, 2, 6, 5, 3])
        #expect(before.shape == [2, 5, 7])
        func changed(_ row: Int, _ position: Int) -> Bool {
            (0..<7).contains {
                before.data[(row * 5 + position) * 7 + $0] != after.data[(row * 5 + position) * 7 + $0]
            }
        }
        for position in 0..<5 {
            #expect(changed(0, position) == (!causal || position >= 3))
            #expect(!changed(1, position))
        }
    }

    @Test func parametersAreNamedByBlock() throws {
        let names = try outputs(["layers": .int(1), "norm": "rms", "bias": .bool(false)]).blocks.map(\.name)
        #expect(
            names == [
                "embedding.weight", "positions.weight", "block1.norm1.scale", "block1.query.weight",
                "block1.key.weight",
                "block1.value.weight", "block1.out.weight", "block1.norm2.scale", "block1.fc1.weight",
                "block1.fc2.weight",
                "norm.scale", "head.weight",
            ])
        let bare = try outputs([
            "layers": .int(1), "norm": "none", "bias": .bool(false), "attention_only": .bool(true),
            "positions": "none",
            "unembedding": "tied",
        ])
        #expect(
            bare.blocks.map(\.name) == [
                "embedding.weight", "block1.query.weight", "block1.key.weight", "block1.value.weight",
                "block1.out.weight",
            ])
        #expect(bare.shape == [2, 5, 7])
    }

    /// One output for a row is that of the last position.
    @Test func theLastPosition() throws {
        let each = try outputs([:]),
            last = try outputs(["output": "last"], y: Field(name: "y", shape: [], classes: 7))
        #expect(last.shape == [2, 7])
        for row in 0..<2 {
            for k in 0..<7 { #expect(abs(last.data[7 * row + k] - each.data[(5 * row + 4) * 7 + k]) <= 1e-14) }
        }
    }

    @Test(
        arguments: [
            (["heads": .int(4)], Field(name: "y", shape: [5], classes: 7), "d_model 6 is not a multiple of heads, 4"),
            ([:], Field(name: "y", shape: [], classes: 7), "targets [rows, length]"),
            (["unembedding": "tied"], Field(name: "y", shape: [5], classes: 3), "there are 3 outputs"),
        ] as [([String: JSON], Field, String)])
    func misfitsAreNamed(options: [String: JSON], y: Field, sentence: String) throws {
        let error = #expect(throws: (any Error).self) { try outputs(options, y: y) }
        #expect(error.map { "\($0)" }?.contains(sentence) ?? false, "\(String(describing: error))")
    }

    /// What probes see of outputs with positions: rows of logits and labels that give the loss of each sample.
    @Test func positionsAreObserved() throws {
        let loader = ShippedPlugins.loader(seed: 2)
        let dataset = try loader.dataset(
            Choice(
                component: "random_tokens",
                options: ["train_rows": .int(13), "test_rows": .int(0), "length": .int(5), "vocabulary": .int(7)]))
        let network = Network(
            model: try loader.model(Choice(component: "transformer", options: small)),
            loss: try loader.loss(Choice(component: "cross_entropy")), fields: dataset.fields)
        let store = ParameterStore(blocks: try network.build(rows: 1).graph.blocks, precision: .f64)
        store.initialize(seed: 4)
        let observer = try Observer(network, store: store, tables: ["train": try DataTable(dataset, split: "train")])
        var found: [String: (shape: [Int], data: [Double])] = [:]
        let names = ["model.output", "labels", "targets", "sample.loss", "layer.input"]
        try observer.quantities(names, split: "train", samples: 11, store: store) { key, quantity in
            let count = quantity.shape.reduce(1, *)
            switch quantity.data {
            case .real(let data): found[key] = (quantity.shape, (0..<count).map { data[$0] })
            case .integer(let data): found[key] = (quantity.shape, (0..<count).map { Double(data[$0]) })
            }
        }
        let (logits, labels) = (try #require(found["model.output"]), try #require(found["labels"]))
        let (targets, losses) = (try #require(found["targets"]), try #require(found["sample.loss"]))
        #expect(logits.shape == [55, 7] && labels.shape == [55] && targets.shape == [55, 7] && losses.shape == [11])
        #expect(found["block2.fc2/layer.input"]?.shape == [55, 12])
        for sample in 0..<11 {
            var loss = 0.0
            for row in 5 * sample..<5 * sample + 5 {
                let z = logits.data[7 * row..<7 * row + 7], label = Int(labels.data[row])
                #expect(targets.data[7 * row + label] == 1)
                loss += (log(z.reduce(0) { $0 + exp($1) }) - logits.data[7 * row + label]) / 5
            }
            #expect(abs(loss - losses.data[sample]) <= 1e-12)
        }
    }

    @Test(arguments: ["transformer-causal", "transformer-post", "transformer-tied"]) func gradientsOfSamples(
        reference: String
    ) throws {
        #expect(try ModelReference(reference).sampleGradientError() <= 1e-12)
    }
}
