import Engine
import LinearAlgebra
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing

/// Arrays that were recorded of a network, in its place.
@Suite struct RecordedTests {
    /// Keeps what it gets, by layer or pair and expression.
    private final class Reader: Probe {
        let scope: ProbeScope
        let needs: [Need]
        private(set) var found: [String: [Double]] = [:]

        init(_ needs: [String], scope: ProbeScope = .layer) {
            (self.needs, self.scope) = (needs.map { Need($0) }, scope)
        }

        func measure(
            step: Int, layer: String, quantities: any QuantitySource, memory: ProbeMemory,
            record: (Observation) -> Void
        ) throws {
            for need in needs {
                guard let quantity = try quantities.quantity(need.expression, layer: layer) else { continue }
                let count = quantity.shape.reduce(1, *)
                found["\(layer) \(need.expression)"] =
                    switch quantity.data {
                    case .real(let values): Array(UnsafeBufferPointer(start: values, count: count))
                    case .integer(let values): (0..<count).map { Double(values[$0]) }
                    }
            }
        }
    }

    private static let rows = ["layer.input", "layer.output", "layer.output_grad", "layer.input_grad"]
    private static let others = [
        "layer.output_jacobian", "layer.input_jacobian", "layer.weight", "layer.weight_initial", "layer.bias",
        "model.output", "sample.loss", "targets",
    ]
    private static let layered =
        rows + others + [
            "layer.weight_change", "moment.raw(layer.input)", "moment.centred(layer.output)",
            "moment.normalized(layer.output_grad)", "moment.raw(layer.input_grad)", "mean(layer.output)",
            "cross.raw(layer.output, layer.output_grad)", "cross.centred(layer.input, layer.input_grad)",
            "agop.raw(layer.input_jacobian)", "agop.centred(layer.output_jacobian)", "wtw(layer.weight_change)",
            "wwt(layer.weight)", "moment.raw(head.input)", "wwt(head.weight)", "cross.raw(head.input, model.output)",
        ]
    private static let paired = ["cross.centred(first.output, second.output_grad)", "wwt(second.weight)"]

    /// 5 inputs, 4 hidden units, 3 outputs, 1,100 rows, after a step.
    private func network() throws -> (observer: Observer, store: ParameterStore, arrays: [RecordedArray]) {
        let dataset = ArrayDataset(rows: 1100, inputs: 5, outputs: 3)
        let network = Network(
            model: TanhNet(inputs: 5, width: 4, outputs: 3), loss: HalfSquares(), fields: dataset.fields)
        let store = ParameterStore(blocks: try network.build(rows: 1).graph.blocks, precision: .f64)
        store.initialize(seed: 3)
        let observer = try Observer(network, store: store, tables: ["train": try DataTable(dataset, split: "train")])
        for block in store.blocks.indices {
            store.set(block: block, store.copy(block: block).map { $0 * 1.25 + 0.01 })
        }
        var arrays: [RecordedArray] = []
        try observer.quantities(Self.rows + Self.others, split: "train", samples: nil, store: store) {
            name, quantity in
            guard case .real(let values) = quantity.data else { return }
            let count = quantity.shape.reduce(1, *)
            arrays.append(
                RecordedArray(name, shape: quantity.shape, place: name) { target in
                    for i in 0..<count { target[i] = values[i] }
                })
        }
        return (observer, store, arrays)
    }

    /// Of the network itself, and of some of its arrays.
    @Test(
        arguments: [
            [], ["layer.output", "layer.input_grad", "layer.input_jacobian"],
            // Without what these are made of.
            ["layer.output", "layer.output_grad"],
        ])
    func quantitiesAreThoseOfTheNetwork(without left: [String]) throws {
        let (observer, store, arrays) = try network()
        let own = arrays.filter { array in !left.contains { array.name.hasSuffix("/" + $0) } }
        let recorded = try Observer(recorded: own)
        #expect(recorded.layers == observer.layers && recorded.recordedSamples == 1100)
        for (needs, scope) in [(Self.layered, ProbeScope.layer), (Self.paired, .layerPair)] {
            let (expected, found) = (Reader(needs, scope: scope), Reader(needs, scope: scope))
            try observer.observe(
                step: 0, store: store, due: [ScheduledProbe(key: "p", probe: expected, steps: [0])]
            ) { _ in }
            try recorded.observe(step: 0, due: [ScheduledProbe(key: "p", probe: found, steps: [0])]) { _ in }
            // The first layer has no bias.
            #expect(expected.found.count == (scope == .layer ? 2 * needs.count - 1 : 4 * needs.count))
            let lacking = left.count == 2 ? ["output_grad"] : []
            for (name, values) in expected.found {
                guard !lacking.contains(where: name.contains) else {
                    #expect(found.found[name] == nil, "\(name)")
                    continue
                }
                let scale = values.reduce(0) { max($0, abs($1)) }, own = try #require(found.found[name], "\(name)")
                // The Jacobian at the head is the same for all samples.
                #expect(
                    own.count == values.count && (scale > 0 || name == "head agop.centred(layer.output_jacobian)"))
                #expect(zip(own, values).allSatisfy { abs($0 - $1) <= 1e-13 * scale }, "\(name)")
            }
        }
    }

    private func array(_ name: String, _ shape: Int..., from first: Double = 0) -> RecordedArray {
        RecordedArray(name, shape: shape, place: "f.npz: array '\(name)'") { target in
            for i in target.indices { target[i] = first + Double(i) }
        }
    }

    /// Tokens: leading axes are samples and positions; the head sees one row for each sample.
    @Test func positionsAndTheHead() throws {
        let observer = try Observer(recorded: [
            array("a/layer.input", 5, 3, 2), array("b/layer.input", 5, 4, from: 1), array("head.weight", 7, 4),
            array("labels", 5), array("model.output", 5, 6),
        ])
        let (layers, whole) = (
            Reader(["mean(layer.input)", "wwt(layer.weight)"]),
            Reader(["mean(head.input)", "labels", "targets"], scope: .run)
        )
        try observer.observe(
            step: 0, due: [layers, whole].map { ScheduledProbe(key: "p", probe: $0, steps: []) }
        ) { _ in }
        #expect(layers.found["a mean(layer.input)"] == [14, 15])
        #expect(layers.found["b mean(layer.input)"] == [9, 10, 11, 12])
        #expect(layers.found["a wwt(layer.weight)"] == nil && layers.found["b wwt(layer.weight)"]?.count == 49)
        #expect(whole.found[" mean(head.input)"] == [9, 10, 11, 12] && whole.found[" labels"] == [0, 1, 2, 3, 4])
        #expect(whole.found[" targets"]?.enumerated().allSatisfy { $1 == ($0 % 6 == $0 / 6 ? 1 : 0) } == true)
    }

    /// Of another split there may be other rows, and other arrays.
    @Test func splits() throws {
        let observer = try Observer(recorded: [
            array("a/layer.input", 5, 2), array("a/layer.input@test", 3, 2, from: 1), array("labels@test", 3),
        ])
        let reader = Reader(["mean(layer.input)", "mean(layer.input)@test", "labels", "labels@test"])
        let scheduled = ScheduledProbe(key: "p", probe: reader, steps: [])
        try observer.observe(step: 0, due: [scheduled]) { _ in }
        #expect(reader.found["a mean(layer.input)"] == [4, 5])
        #expect(reader.found["a mean(layer.input)@test"] == [3, 4])
        #expect(reader.found["a labels@test"] == [0, 1, 2] && reader.found["a labels"] == nil)
        #expect(try observer.lacking(for: scheduled) == ["needs 'labels'"])
    }

    /// Which arrays would give what is not there.
    @Test func whatIsLacking() throws {
        let observer = try Observer(recorded: [array("a/layer.input", 5, 2), array("b/layer.weight", 3, 2)])
        func lacking(_ needs: [String], _ scope: ProbeScope) throws -> [String] {
            let reader = Reader(needs, scope: scope)
            return try observer.lacking(for: ScheduledProbe(key: "p", probe: reader, steps: []))
        }
        #expect(
            try lacking(["layer.input", "moment.raw(layer.output)"], .layer) == [
                "needs 'a/layer.output', or 'a/layer.input' and 'a/layer.weight'", "needs 'b/layer.input'",
                "needs 'b/layer.output', or 'b/layer.input' and 'b/layer.weight'",
            ])
        #expect(try lacking(["wwt(head.weight)", "mean(head.input)@test"], .run) == ["needs 'b/layer.input@test'"])
        #expect(
            try lacking(["parameter.value"], .parameter) == [
                "it is per parameter, and there is none: no array has a name such as '<parameter>/parameter.value'"
            ])
    }

    /// Each array is right but for one that contradicts another.
    @Test func shapesThatDoNotFit() throws {
        let good = [array("a/layer.input", 5, 2), array("a/layer.weight", 3, 2)]
        func problem(_ more: RecordedArray...) -> String? {
            #expect(throws: ArrayProblem.self) { try Observer(recorded: good + more) }?.description
        }
        _ = try Observer(recorded: good + [array("a/layer.output_grad", 5, 3), array("a/layer.bias", 3)])
        #expect(
            problem(array("a/layer.output_grad", 5, 4))
                == "f.npz: array 'a/layer.output_grad': has 4 columns; layer 'a' has 3 outputs in f.npz: array 'a/layer.weight'"
        )
        #expect(problem(array("a/layer.bias", 2))?.contains("has 2 numbers; layer 'a' has 3 outputs") == true)
        #expect(
            problem(array("a/layer.weight_initial", 4, 2))?.contains("has 4 rows; layer 'a' has 3 outputs") == true)
        #expect(
            problem(array("b/layer.weight", 3, 2, 7, 7))
                == "f.npz: array 'b/layer.weight': has the shape [3, 2, 7, 7]; 'b/layer.weight' is [outputs, inputs], "
                + "of a convolution [outputs, kernel height × kernel width × channels]")
        #expect(
            problem(array("b/layer.input", 5))
                == "f.npz: array 'b/layer.input': has the shape [5]; 'b/layer.input' is [samples, width]")
        #expect(problem(array("b/layer.input", 5, 0))?.contains("has the shape [5, 0], and so no numbers") == true)
        #expect(
            problem(array("b/layer.input", 7, 6))
                == "f.npz: array 'b/layer.input': has 7 rows; expected 5, the number of samples in "
                + "f.npz: array 'a/layer.input', or a multiple")
        #expect(
            problem(array("a/layer.output_grad", 10, 3))
                == "f.npz: array 'a/layer.output_grad': has 10 rows; f.npz: array 'a/layer.input', of the same layer, has 5"
        )
        #expect(
            problem(array("a/layer.output_jacobian", 5, 7, 3), array("b/layer.output_jacobian", 5, 6, 8))
                == "f.npz: array 'b/layer.output_jacobian': is of 6 outputs; others are of 7")
        #expect(
            problem(array("a/layer.input@test", 4, 3, 2), array("labels@test", 4))
                == "f.npz: array 'a/layer.input@test': has 3 rows for each sample; f.npz: array 'a/layer.input', of layer 'a' "
                + "too, has 1")
        #expect(
            problem(array("labels", 5), array("targets", 5, 3, 2))?.contains("'labels': has 1 rows for each sample")
                == true)
        #expect(
            problem(array("model.output", 5, 3), array("model.output@test", 4, 2))
                == "f.npz: array 'model.output@test': has 2 columns; f.npz: array 'model.output' has 3")
        #expect(
            problem(array("labels", 5, from: 0.5))
                == "f.npz: array 'labels': label 0 is 0.5; expected class indices 0, 1, …")
    }
}
