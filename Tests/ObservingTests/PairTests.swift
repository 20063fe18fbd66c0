import Engine
import LinearAlgebra
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing

/// A network of 5 inputs, 4 hidden units and 3 outputs on 1,100 rows: three passes of the observer.
private func observer(_ loss: any Loss = HalfSquares()) throws -> (Observer, ParameterStore) {
    let dataset = ArrayDataset(rows: 1100, inputs: 5, outputs: 3)
    let network = Network(model: TanhNet(inputs: 5, width: 4, outputs: 3), loss: loss, fields: dataset.fields)
    let store = ParameterStore(blocks: try network.build(rows: 1).graph.blocks, precision: .f64)
    store.initialize(seed: 3)
    return (try Observer(network, store: store, tables: ["train": try DataTable(dataset, split: "train")]), store)
}

private func copy(_ quantity: Quantity) -> Matrix {
    guard case .real(let data) = quantity.data else { return Matrix(rows: 0, columns: 0) }
    let count = quantity.shape.reduce(1, *)
    return Matrix(
        rows: quantity.shape[0], columns: count / max(quantity.shape[0], 1),
        elements: Array(UnsafeBufferPointer(start: data, count: count)))
}

/// Keeps what it gets: quantities of pairs by pair and expression, rows pass by pass.
private final class PairReader: Probe {
    let scope: ProbeScope
    let needs, streamed: [Need]
    let isSymmetric, isConsecutive: Bool
    private(set) var found: [String: Matrix] = [:]
    private(set) var reasons: [String: String] = [:]
    private(set) var subjects: [String] = []
    private(set) var passes: [String: [Matrix]] = [:]

    init(
        _ needs: [String] = [], streamed: [String] = [], isSymmetric: Bool = false, isConsecutive: Bool = false,
        scope: ProbeScope = .layerPair
    ) {
        self.needs = needs.map { Need($0) }
        self.streamed = streamed.map { Need($0) }
        (self.isSymmetric, self.isConsecutive, self.scope) = (isSymmetric, isConsecutive, scope)
    }

    func add(layer: String, rows: any QuantitySource, memory: ProbeMemory) {
        for need in streamed {
            do {
                if let quantity = try rows.quantity(need.expression, layer: layer) {
                    passes["\(layer)/\(need.expression)", default: []].append(copy(quantity))
                }
            } catch {
                reasons["\(layer)/\(need.expression)"] = (error as? Undefined)?.reason
            }
        }
    }

    func measure(
        step: Int, layer: String, quantities: any QuantitySource, memory: ProbeMemory, record: (Observation) -> Void
    ) {
        subjects.append(layer)
        for need in needs {
            do {
                if let quantity = try quantities.quantity(need.expression, layer: layer) {
                    found["\(layer)/\(need.expression)"] = copy(quantity)
                }
            } catch {
                reasons["\(layer)/\(need.expression)"] = (error as? Undefined)?.reason
            }
        }
    }
}

@Suite struct PairTests {
    @Test func whichPairs() throws {
        let (observer, store) = try observer()
        func subjects(_ isSymmetric: Bool, layers: Set<String>? = nil) throws -> [String] {
            let probe = PairReader(isSymmetric: isSymmetric)
            let due = ScheduledProbe(key: "p", probe: probe, steps: [0], layers: layers)
            try observer.observe(step: 0, store: store, due: [due]) { _ in }
            return probe.subjects
        }
        #expect(try subjects(false) == ["fc1:fc1", "fc1:head", "head:fc1", "head:head"])
        #expect(try subjects(true) == ["fc1:fc1", "fc1:head", "head:head"])
        #expect(try subjects(false, layers: ["head"]) == ["head:head"])
        let other = ScheduledProbe(key: "p", probe: PairReader(), steps: [0], layers: ["fc2"])
        #expect(throws: UnknownLayer.self) { try observer.check([other]) }
    }

    /// Of the chosen layers, in the order of the model.
    @Test func layersThatFollowOneAnother() throws {
        let dataset = ArrayDataset(rows: 11, inputs: 5, outputs: 3)
        let network = Network(
            model: try ShippedPlugins.loader().model(
                Choice(component: "mlp", options: ["widths": .array([.int(7), .int(6), .int(4)])])),
            loss: HalfSquares(), fields: dataset.fields)
        let store = ParameterStore(blocks: try network.build(rows: 1).graph.blocks, precision: .f64)
        store.initialize(seed: 2)
        let observer = try Observer(
            network, store: store, tables: ["train": try DataTable(dataset, split: "train")])
        let needs = ["first.weight", "first.bias", "second.weight"]
        let probe = PairReader(
            needs + ["first.weight_place", "first.bias_place", "second.weight_place", "parameters"],
            isConsecutive: true)
        try observer.observe(
            step: 0, store: store, due: [ScheduledProbe(key: "p", probe: probe, steps: [0])]
        ) { _ in }
        #expect(probe.subjects == ["fc1:fc2", "fc2:fc3", "fc3:head"])
        let few = PairReader(isConsecutive: true)
        let due = ScheduledProbe(key: "p", probe: few, steps: [0], layers: ["fc1", "fc3", "head"])
        try observer.observe(step: 0, store: store, due: [due]) { _ in }
        #expect(few.subjects == ["fc1:fc3", "fc3:head"])
        // Where the numbers are.
        for pair in probe.subjects {
            let all = try #require(probe.found["\(pair)/parameters"]).elements
            #expect(all == store.copyFlat())
            for name in needs {
                let values = try #require(probe.found["\(pair)/\(name)"])
                let places = try #require(probe.found["\(pair)/\(name)_place"])
                #expect(places.rows == values.rows && places.columns == values.columns)
                #expect(places.elements.map { all[Int($0)] } == values.elements)
            }
        }
    }

    /// Quantities of one of the two are those of that layer; moments between the two follow their definition.
    @Test func quantitiesOfPairs() throws {
        let (observer, store) = try observer()
        let probe = PairReader([
            "first.output", "second.weight", "moment.centred(second.input)",
            "cross.centred(first.output, second.input)",
            "cross.raw(second.output, first.output_grad)", "mean(first.input)", "head.bias", "model.output",
        ])
        try observer.observe(
            step: 0, store: store, due: [ScheduledProbe(key: "p", probe: probe, steps: [0], samples: 1093)]
        ) { _ in }
        #expect(probe.reasons.isEmpty && probe.found.count == 4 * 8)
        var layers: [String: Matrix] = [:]
        try observer.quantities(
            ["layer.input", "layer.output", "layer.output_grad", "layer.weight"], split: "train", samples: 1093,
            store: store
        ) { layers[$0] = copy($1) }
        func centred(_ a: Matrix) -> Matrix {
            var a = a
            for j in 0..<a.columns {
                let mean = (0..<a.rows).reduce(0) { $0 + a[$1, j] } / Double(a.rows)
                for i in 0..<a.rows { a[i, j] -= mean }
            }
            return a
        }
        for first in ["fc1", "head"] {
            for second in ["fc1", "head"] {
                func expect(_ expression: String, _ expected: Matrix) throws {
                    let found = try #require(probe.found["\(first):\(second)/\(expression)"])
                    #expect(
                        found.rows == expected.rows
                            && (found - expected).frobeniusNorm <= 1e-12 * expected.frobeniusNorm,
                        "\(first):\(second) \(expression)")
                }
                let x = layers["\(first)/layer.output"]!, y = layers["\(second)/layer.input"]!
                try expect("first.output", x)
                try expect("second.weight", layers["\(second)/layer.weight"]!)
                try expect("moment.centred(second.input)", (1 / 1093) * (centred(y).transposed * centred(y)))
                try expect(
                    "cross.centred(first.output, second.input)", (1 / 1093) * (centred(x).transposed * centred(y)))
                let g = layers["\(first)/layer.output_grad"]!, h = layers["\(second)/layer.output"]!
                try expect("cross.raw(second.output, first.output_grad)", (1 / 1093) * (h.transposed * g))
            }
        }
    }

    /// The passes of a streaming probe are the rows, each once and in order, as wide as they are.
    @Test func passesAreTheRows() throws {
        let (observer, store) = try observer()
        let probe = PairReader(
            streamed: ["first.output", "second.input_grad", "sample.loss", "targets", "labels", "model.output"])
        try observer.observe(
            step: 0, store: store, due: [ScheduledProbe(key: "p", probe: probe, steps: [0], samples: 1093)]
        ) { _ in }
        var layers: [String: Matrix] = [:]
        try observer.quantities(
            ["layer.output", "layer.input_grad", "sample.loss", "targets", "model.output"], split: "train",
            samples: 1093, store: store
        ) { layers[$0] = copy($1) }
        for (expression, whole) in [
            ("first.output", "fc1/layer.output"), ("second.input_grad", "head/layer.input_grad"),
            ("sample.loss", "sample.loss"), ("targets", "targets"), ("model.output", "model.output"),
        ] {
            let passes = try #require(probe.passes["fc1:head/\(expression)"])
            #expect(passes.map(\.rows) == [512, 512, 69])
            #expect(passes.flatMap(\.elements) == layers[whole]!.elements, "\(expression)")
        }
        // There are no classes, so no labels.
        #expect(probe.passes["fc1:head/labels"] == nil && probe.passes.count == 4 * 5)
        // Labels alone need the passes all the same; a probe of a layer has its own.
        let labels = PairReader(streamed: ["labels"], scope: .layer)
        try observer.observe(step: 0, store: store, due: [ScheduledProbe(key: "l", probe: labels, steps: [0])]) { _ in
        }
        #expect(labels.subjects == ["fc1", "head"])
    }

    private final class BatchSquares: Loss {
        func build(in graph: Graph, outputs: [String: Node], batch: [String: BatchNode]) throws -> Node {
            try graph.apply(
                named: "sum", [try HalfSquares().build(in: graph, outputs: outputs, batch: batch)], attributes: [:])
        }
    }

    @Test func aLossOfTheBatchHasNoRows() throws {
        let (observer, store) = try observer(BatchSquares())
        let probe = PairReader(["cross.raw(first.output, second.output_grad)"], streamed: ["first.output_grad"])
        try observer.observe(step: 0, store: store, due: [ScheduledProbe(key: "p", probe: probe, steps: [0])]) { _ in
        }
        #expect(Set(probe.reasons.values) == ["loss_not_separable"] && probe.reasons.count == 8)
    }

    /// Pairs of runs are nobody's while a run goes on.
    @Test func pairsOfRunsWait() throws {
        let (observer, store) = try observer()
        let probe = PairReader(scope: .runPair)
        try observer.observe(step: 0, store: store, due: [ScheduledProbe(key: "p", probe: probe, steps: [0])]) { _ in
        }
        #expect(probe.subjects.isEmpty)
    }

    @Test func allParameters() throws {
        let (observer, store) = try observer()
        let probe = PairReader(["parameters"], scope: .run)
        try observer.observe(step: 0, store: store, due: [ScheduledProbe(key: "p", probe: probe, steps: [0])]) { _ in
        }
        #expect(probe.found["/parameters"]?.elements == store.blocks.indices.flatMap(store.copy(block:)))
    }
}
