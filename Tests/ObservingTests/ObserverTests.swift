import Engine
import LinearAlgebra
import Observing
import PluginTesting
import Protocols
import Testing

/// A network of 5 inputs, 4 hidden units and 3 outputs on 1,100 rows: three passes of the observer.
private struct Fixture {
    let dataset: ArrayDataset
    let network: Network
    let store: ParameterStore
    let observer: Observer

    init(precision: Precision = .f64) throws {
        dataset = ArrayDataset(rows: 1100, inputs: 5, outputs: 3)
        network = Network(
            model: TanhNet(inputs: 5, width: 4, outputs: 3), loss: HalfSquares(), fields: dataset.fields)
        store = ParameterStore(blocks: try network.build(rows: 1).graph.blocks, precision: precision)
        store.initialize(seed: 3)
        observer = try Observer(network, store: store, tables: ["train": try DataTable(dataset, split: "train")])
    }

    init(_ other: Fixture, network: Network, observer: Observer, store: ParameterStore? = nil) {
        (dataset, self.store, self.network, self.observer) = (other.dataset, store ?? other.store, network, observer)
    }

    func matrix(_ expression: String, _ layer: String, samples: Int? = nil) throws -> Matrix {
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
}

/// A head that declares what comes behind an activation as its output.
private final class ShiftedNet: Model {
    func build(in graph: Graph, batch: [String: BatchNode]) throws -> [String: Node] {
        guard let x = batch["x"]?.node else { throw Undefined("no_x") }
        let weight = try graph.parameter(
            "head.weight", role: .weight, shape: [3, 5], initializer: Initializer(scheme: .torch_linear, scale: 1))
        let product = try graph.apply(named: "matmul", [x, weight], attributes: ["transpose_b": 1])
        let output = try graph.apply(named: "cos", [product])
        try graph.layer("head", input: x, weight: weight, bias: nil, output: output)
        return ["output": output]
    }
}

/// A number for the whole batch that is not a mean over samples.
private final class BatchSquares: Loss {
    func build(in graph: Graph, outputs: [String: Node], batch: [String: BatchNode]) throws -> Node {
        try graph.apply(
            named: "sum", [try HalfSquares().build(in: graph, outputs: outputs, batch: batch)], attributes: [:])
    }
}

/// Notes the shape of what it asked for, or why there is none.
private final class Reader: Probe {
    let scope = ProbeScope.layer
    let needs: [Need]
    private(set) var seen: [String: String] = [:]

    init(_ needs: [String]) { self.needs = needs.map { Need($0) } }

    func measure(
        step: Int, layer: String, quantities: any QuantitySource, memory: ProbeMemory, record: (Observation) -> Void
    ) {
        for need in needs {
            do {
                let shape = try quantities.quantity(need.expression, layer: layer)?.shape.map(String.init)
                seen["\(layer)/\(need.expression)"] = shape?.joined(separator: " × ") ?? "absent"
            } catch {
                seen["\(layer)/\(need.expression)"] = (error as? Undefined)?.reason ?? "\(error)"
            }
        }
    }
}

private func expectEqual(_ a: Matrix, _ b: Matrix, relative: Double, _ location: SourceLocation = #_sourceLocation) {
    #expect((a - b).frobeniusNorm <= relative * b.frobeniusNorm, sourceLocation: location)
}

@Suite struct ObserverTests {
    /// core identity: H_b = W H_a Wᵀ and G_a = Wᵀ G_b W.
    @Test(arguments: ["fc1", "head"]) func momentsObeyTheExactIdentities(layer: String) throws {
        let fixture = try Fixture()
        let w = try fixture.matrix("layer.weight", layer)
        let hb = try fixture.matrix("moment.raw(layer.output)", layer)
        let ha = try fixture.matrix("moment.raw(layer.input)", layer)
        expectEqual(hb, w * ha * w.transposed, relative: 1e-12)
        let ga = try fixture.matrix("moment.raw(layer.input_grad)", layer)
        let gb = try fixture.matrix("moment.raw(layer.output_grad)", layer)
        expectEqual(ga, w.transposed * gb * w, relative: 1e-12)
    }

    /// Streamed moments against the same formulas on the recorded rows, all at once.
    @Test func streamedMomentsEqualTheirDefinition() throws {
        let fixture = try Fixture()
        let x = try fixture.matrix("layer.input", "head")
        #expect(x.rows == 1100 && x.columns == 4)
        let n = Double(x.rows)
        let raw = (1 / n) * (x.transposed * x)
        expectEqual(try fixture.matrix("moment.raw(layer.input)", "head"), raw, relative: 1e-13)
        let mean = (0..<4).map { j in (0..<x.rows).reduce(0) { $0 + x[$1, j] } / n }
        var centred = x
        for i in 0..<x.rows { for j in 0..<4 { centred[i, j] -= mean[j] } }
        expectEqual(
            try fixture.matrix("moment.centred(layer.input)", "head"), (1 / n) * (centred.transposed * centred),
            relative: 1e-12)
        let streamed = try fixture.matrix("mean(layer.input)", "head")
        for j in 0..<4 { #expect(abs(streamed.elements[j] - mean[j]) < 1e-14) }
        let g = try fixture.matrix("layer.output_grad", "head")
        let h = try fixture.matrix("layer.output", "head")
        expectEqual(
            try fixture.matrix("cross.raw(layer.output_grad, layer.output)", "head"), (1 / n) * (g.transposed * h),
            relative: 1e-12)
        var unit = x
        for i in 0..<x.rows {
            let norm = (0..<4).reduce(0) { $0 + x[i, $1] * x[i, $1] }.squareRoot()
            for j in 0..<4 { unit[i, j] /= norm }
        }
        let unitMean = (0..<4).map { j in (0..<x.rows).reduce(0) { $0 + unit[$1, j] } / n }
        for i in 0..<x.rows { for j in 0..<4 { unit[i, j] -= unitMean[j] } }
        expectEqual(
            try fixture.matrix("moment.normalized(layer.input)", "head"), (1 / n) * (unit.transposed * unit),
            relative: 1e-12)
    }

    /// Asked for together, moments are made of one another; they are what they are alone, in every combination that one observation
    /// may want.
    @Test(arguments: [
        ["moment.raw(layer.input)", "moment.raw(layer.output)"],
        ["moment.raw(layer.input)", "moment.centred(layer.output)"],
        ["moment.raw(layer.output)", "moment.centred(layer.output)", "mean(layer.output)"],
        [
            "moment.raw(layer.input)", "moment.centred(layer.input)", "moment.raw(layer.output)",
            "moment.centred(layer.output)",
        ],
        ["cross.raw(layer.input, layer.output_grad)", "cross.raw(layer.output, layer.output_grad)"],
        ["cross.raw(layer.input, layer.input_grad)", "cross.centred(layer.input, layer.input_grad)"],
        [
            "cross.centred(layer.output, layer.output_grad)", "cross.raw(layer.input, layer.output_grad)",
            "cross.centred(layer.input, layer.output_grad)", "mean(layer.input)", "mean(layer.output)",
        ],
        ["moment.raw(layer.input_grad)", "moment.centred(layer.input_grad)", "moment.raw(layer.output_grad)"],
    ]) func momentsOfOneAnother(_ expressions: [String]) throws {
        let fixture = try Fixture()
        var together: [String: [Double]] = [:]
        try fixture.observer.quantities(expressions, split: "train", samples: nil, store: fixture.store) {
            key, quantity in
            guard case .real(let data) = quantity.data else { return }
            together[key] = Array(UnsafeBufferPointer(start: data, count: quantity.shape.reduce(1, *)))
        }
        #expect(together.count == 2 * expressions.count)
        for layer in ["fc1", "head"] {
            for expression in expressions {
                let alone = try fixture.matrix(expression, layer)
                let own = Matrix(
                    rows: alone.rows, columns: alone.columns,
                    elements: try #require(together["\(layer)/\(expression)"]))
                expectEqual(own, alone, relative: 1e-13)
            }
        }
    }

    /// A layer whose model finds the output in another way than by the product that it declares is looked at as it is.
    @Test func anOutputThatIsNoProduct() throws {
        let plain = try Fixture()
        let network = Network(
            model: ShiftedNet(), loss: HalfSquares(), fields: plain.dataset.fields)
        let store = ParameterStore(blocks: try network.build(rows: 1).graph.blocks, precision: .f64)
        store.initialize(seed: 3)
        let observer = try Observer(
            network, store: store, tables: ["train": try DataTable(plain.dataset, split: "train")])
        let fixture = Fixture(plain, network: network, observer: observer, store: store)
        let names = ["moment.raw(layer.input)", "moment.raw(layer.output)"]
        var found: [String: [Double]] = [:]
        try observer.quantities(names, split: "train", samples: nil, store: store) { key, quantity in
            guard case .real(let data) = quantity.data else { return }
            found[key] = Array(UnsafeBufferPointer(start: data, count: quantity.shape.reduce(1, *)))
        }
        let alone = try fixture.matrix("moment.raw(layer.output)", "head"),
            w = try fixture.matrix("layer.weight", "head")
        let own = Matrix(rows: 3, columns: 3, elements: try #require(found["head/moment.raw(layer.output)"]))
        expectEqual(own, alone, relative: 1e-14)
        let h = try fixture.matrix("moment.raw(layer.input)", "head")
        #expect((own - w * h * w.transposed).frobeniusNorm > 0.1 * own.frobeniusNorm)
    }

    /// The gradient at the head's output is f − y for ½‖f − y‖², not divided by the number of rows.
    @Test func gradientsArePerSample() throws {
        let fixture = try Fixture()
        let g = try fixture.matrix("layer.output_grad", "head", samples: 7)
        let f = try fixture.matrix("model.output", "", samples: 7)
        let y = try fixture.matrix("targets", "", samples: 7)
        expectEqual(g, f - y, relative: 1e-14)
        let w = try fixture.matrix("layer.weight", "head")
        expectEqual(try fixture.matrix("layer.input_grad", "head", samples: 7), g * w, relative: 1e-14)
    }

    /// ∂(mean loss)/∂w against central differences.
    @Test func parameterGradientIsThatOfTheMeanLoss() throws {
        let fixture = try Fixture()
        let gradient = try fixture.matrix("parameter.grad", "fc1.weight")
        func loss(_ shift: Double, at i: Int) throws -> Double {
            let original = fixture.store.copy(block: 0)
            defer { fixture.store.set(block: 0, original) }
            var moved = original
            moved[i] += shift
            fixture.store.set(block: 0, moved)
            let losses = try fixture.matrix("sample.loss", "").elements
            return losses.reduce(0, +) / Double(losses.count)
        }
        for i in [0, 7, 19] {
            let difference = (try loss(1e-5, at: i) - loss(-1e-5, at: i)) / 2e-5
            #expect(abs(difference - gradient.elements[i]) < 1e-8 * max(1, abs(difference)))
        }
    }

    /// ∂(mean loss)/∂W = mean of g_b h_aᵀ: gradients at the outputs of hidden layers, over several passes.
    @Test(arguments: ["fc1", "head"]) func weightGradientIsTheCrossMoment(layer: String) throws {
        let fixture = try Fixture()
        let gradient = try fixture.matrix("parameter.grad", "\(layer).weight").elements
        let cross = try fixture.matrix("cross.raw(layer.output_grad, layer.input)", layer)
        #expect(gradient.count == cross.elements.count)
        for (a, b) in zip(gradient, cross.elements) { #expect(abs(a - b) < 1e-14 * cross.frobeniusNorm) }
    }

    /// A loss of the whole batch has no gradient for each sample, but the forward pass is as it was.
    @Test func aLossThatCouplesSamplesLeavesTheForwardPass() throws {
        let fixture = try Fixture()
        let network = Network(
            model: TanhNet(inputs: 5, width: 4, outputs: 3), loss: BatchSquares(), fields: fixture.dataset.fields)
        let observer = try Observer(
            network, store: fixture.store, tables: ["train": try DataTable(fixture.dataset, split: "train")])
        let coupled = Fixture(fixture, network: network, observer: observer)
        for expression in ["layer.input", "moment.centred(layer.output)"] {
            #expect(try coupled.matrix(expression, "head") == fixture.matrix(expression, "head"))
        }
        #expect(throws: Undefined("loss_not_separable")) { try coupled.matrix("layer.output_grad", "head") }
        #expect(throws: Undefined("loss_not_separable")) { try coupled.matrix("sample.loss", "") }
        #expect(throws: Undefined("loss_not_separable")) { try coupled.matrix("parameter.grad", "head.weight") }
        // A probe that wants both gets each as it is.
        let probe = Reader(["moment.raw(layer.input)", "moment.raw(layer.input_grad)"])
        try observer.observe(
            step: 0, store: fixture.store, due: [ScheduledProbe(key: "both", probe: probe, steps: [0])],
            record: { _ in })
        #expect(probe.seen["head/moment.raw(layer.input)"] == "4 × 4")
        #expect(probe.seen["head/moment.raw(layer.input_grad)"] == "loss_not_separable")
    }

    @Test func initialWeightsAreKept() throws {
        let fixture = try Fixture()
        let before = try fixture.matrix("layer.weight", "fc1")
        fixture.store.set(block: 0, before.elements.map { $0 + 1 })
        expectEqual(try fixture.matrix("layer.weight_initial", "fc1"), before, relative: 0)
        let w = try fixture.matrix("layer.weight", "fc1")
        #expect(w != before)
        expectEqual(try fixture.matrix("wtw(layer.weight)", "fc1"), w.transposed * w, relative: 1e-14)
        expectEqual(try fixture.matrix("wwt(layer.weight)", "fc1"), w * w.transposed, relative: 1e-14)
    }

    /// An f32 network is observed in f64 at exactly its weights.
    @Test func singlePrecisionNetworksAreObservedInDouble() throws {
        let single = try Fixture(precision: .f32)
        let double = try Fixture()
        for index in double.store.blocks.indices { double.store.set(block: index, single.store.copy(block: index)) }
        #expect(try single.matrix("layer.output_grad", "fc1") == double.matrix("layer.output_grad", "fc1"))
    }

    @Test func centredMomentSurvivesALargeMean() throws {
        let rows = 600
        let data = (0..<rows).flatMap { [1e8 + Double($0 % 3), 1e8 + Double($0 % 7)] }
        let source = RecordedQuantities(["a/layer.input": .init(shape: [rows, 2], data: data)])
        let quantity = try #require(try source.quantity("moment.centred(layer.input)", layer: "a"))
        guard case .real(let moment) = quantity.data else { return }
        // Variance of 0, 1, 2 repeated is 2/3; Σxxᵀ/n − x̄x̄ᵀ would have an error of order 1.
        #expect(abs(moment[0] - 2.0 / 3) < 1e-9)
    }

    /// What cannot fit memory is refused before it is asked for.
    @Test(arguments: ["moment.raw(layer.input)", "moment.normalized(layer.input)", "wtw(layer.weight)"])
    func largeMatricesAreRefused(expression: String) throws {
        let width = 1 << 20,
            row = RecordedQuantities.Array(shape: [1, width], data: .init(repeating: 1, count: width))
        let source = RecordedQuantities(["a/layer.input": row, "a/layer.weight": row])
        var sentence = "no error"
        do { _ = try source.quantity(expression, layer: "a") } catch { sentence = "\(error)" }
        #expect(sentence.hasPrefix("a/\(expression): an observation with it needs 819"), "\(sentence)")
        #expect(sentence.contains(" GiB of memory; this machine has "))
    }

    /// A row of NaN is not a row to leave out.
    @Test(arguments: [Double.nan, .infinity]) func rowsThatAreNotFiniteAreNotDropped(value: Double) throws {
        let source = RecordedQuantities(["a/layer.input": .init(shape: [3, 2], data: [1, 2, value, 0, 3, -1])])
        #expect(throws: Undefined("input_not_finite")) {
            try source.quantity("moment.normalized(layer.input)", layer: "a")
        }
    }

    /// Norms whose squares overflow or vanish; rows far below the largest are left out.
    @Test(arguments: [1e-180, 1, 1e180]) func normalizedRowsOfAnySize(scale: Double) throws {
        let rows: [[Double]] = [[3, 4], [0, -2], [-1, 0], [1e-13, 0]]
        let source = RecordedQuantities([
            "a/layer.input": .init(shape: [4, 2], data: rows.flatMap { $0.map { scale * $0 } })
        ])
        let quantity = try #require(try source.quantity("moment.normalized(layer.input)", layer: "a"))
        guard case .real(let moment) = quantity.data else { return }
        // Of (0.6, 0.8), (0, −1), (−1, 0): means −0.4/3 and −0.2/3.
        for (i, expected) in [1.36 / 3 - 0.16 / 9, 0.48 / 3 - 0.08 / 9, 0.48 / 3 - 0.08 / 9, 1.64 / 3 - 0.04 / 9]
            .enumerated()
        {
            #expect(abs(moment[i] - expected) < 1e-15)
        }
    }

    @Test func zeroRowsHaveNoNormalizedMoment() throws {
        let source = RecordedQuantities(["a/layer.input": .init(shape: [3, 2], data: [0, 0, 0, 0, 0, 0])])
        #expect(throws: Undefined("zero_rows")) { try source.quantity("moment.normalized(layer.input)", layer: "a") }
    }
}
