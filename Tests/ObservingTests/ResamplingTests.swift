import Engine
import LinearAlgebra
import Observing
import PluginTesting
import Protocols
import Testing

/// Intervals by the bootstrap over samples.
@Suite struct ResamplingTests {
    private let store: ParameterStore
    private let observer: Observer

    /// 5 inputs, 4 hidden units, 3 outputs, 530 rows: two chunks.
    init() throws {
        let dataset = ArrayDataset(rows: 530, inputs: 5, outputs: 3)
        let network = Network(
            model: TanhNet(inputs: 5, width: 4, outputs: 3), loss: HalfSquares(), fields: dataset.fields)
        store = ParameterStore(blocks: try network.build(rows: 1).graph.blocks, precision: .f64)
        store.initialize(seed: 3)
        observer = try Observer(network, store: store, tables: ["train": try DataTable(dataset, split: "train")])
    }

    /// Does something with each call's quantities; the first call is that of the observation itself.
    private final class Caller: Probe {
        let scope = ProbeScope.layer
        let needs: [Need]
        let streamed: [Need]
        private let call: (any QuantitySource, String, ProbeMemory) throws -> Double?

        init(
            _ needs: [String], streamed: [String] = [],
            _ call: @escaping (any QuantitySource, String, ProbeMemory) throws -> Double?
        ) {
            (self.needs, self.streamed) = (needs.map { Need($0) }, streamed.map { Need($0) })
            self.call = call
        }

        func add(layer: String, rows: any QuantitySource, memory: ProbeMemory) {
            guard let values = try? numbers(rows, streamed[0].expression, layer) else { return }
            let sum = memory.accumulators["sum"] ?? ProbeMemory.Tensor(shape: [1], isInteger: false)
            memory.accumulators["sum"] = sum
            sum.set([sum.numbers[0] + values.reduce(0, +)])
        }

        func measure(
            step: Int, layer: String, quantities: any QuantitySource, memory: ProbeMemory,
            record: (Observation) -> Void
        ) throws {
            let value = try call(quantities, layer, memory)
            record(
                Observation(
                    step: step, probe: "", output: "y", layer: layer,
                    value: value.map { .number($0) } ?? .missing(reason: "nothing_there")))
        }
    }

    private func observe(
        _ probe: Caller, replicates: Int, layers: Set<String>? = ["fc1"]
    ) throws -> [String: Observation.Value] {
        var values: [String: Observation.Value] = [:]
        let due = ScheduledProbe(key: "p", probe: probe, steps: [0], layers: layers, replicates: replicates)
        try observer.observe(step: 0, store: store, due: [due]) { values["\($0.layer).\($0.output)"] = $0.value }
        return values
    }

    private func number(_ value: Observation.Value?) throws -> Double {
        guard case .number(let number) = value else { throw Undefined("no_number") }
        return number
    }

    /// What is combined from groups is what the rows that were drawn give by themselves.
    @Test func replicatesAreOfTheirRows() throws {
        let rows = ["layer.output", "layer.output_grad", "layer.input_jacobian"]
        let derived = [
            "moment.raw(layer.output)", "moment.centred(layer.output)", "moment.normalized(layer.output_grad)",
            "cross.raw(layer.output, layer.output_grad)", "cross.centred(layer.output, layer.output_grad)",
            "mean(layer.output)", "agop.raw(layer.input_jacobian)", "agop.centred(layer.input_jacobian)",
        ]
        var calls = 0, distinct: Set<[Double]> = []
        let probe = Caller(rows + derived + ["layer.weight"]) { quantities, layer, _ in
            calls += 1
            var arrays: [String: RecordedQuantities.Array] = [:]
            for name in rows + ["layer.weight"] {
                let quantity = try #require(try quantities.quantity(name, layer: layer))
                arrays["\(layer)/\(name)"] = .init(shape: quantity.shape, data: try numbers(quantities, name, layer))
            }
            let alone = RecordedQuantities(arrays)
            for name in derived {
                let (own, expected) = (try numbers(quantities, name, layer), try numbers(alone, name, layer))
                let scale = expected.reduce(0) { max($0, abs($1)) }
                #expect(own.count == expected.count && scale > 0)
                for (a, b) in zip(own, expected) { #expect(abs(a - b) <= 1e-13 * scale, "\(name) in call \(calls)") }
            }
            distinct.insert(try numbers(quantities, "mean(layer.output)", layer))
            return 1
        }
        _ = try observe(probe, replicates: 20)
        #expect(calls == 21 && distinct.count == 21)
    }

    /// The mean of 530 numbers: the interval that the central limit theorem gives, to the precision of 2000 replicates of 32 groups.
    @Test func intervalOfAMean() throws {
        let probe = Caller(["layer.output", "mean(layer.output)"]) { quantities, layer, _ in
            try numbers(quantities, "mean(layer.output)", layer)[2]
        }
        let values = try observe(probe, replicates: 2000)
        let rows = try column("layer.output", 2, of: 4)
        let mean = rows.reduce(0, +) / 530
        let error = (rows.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 530 / 530).squareRoot()
        let (low, high) = (try number(values["fc1.y.low"]), try number(values["fc1.y.high"]))
        #expect(low < mean && mean < high)
        #expect(abs((high - low) / (2 * 1.96 * error) - 1) < 0.3)
    }

    private func column(_ name: String, _ j: Int, of width: Int) throws -> [Double] {
        var column: [Double] = []
        try observer.quantities([name], split: "train", samples: nil, store: store) { key, quantity in
            guard key == "fc1/\(name)", case .real(let data) = quantity.data else { return }
            column = (0..<quantity.shape[0]).map { data[$0 * width + j] }
        }
        return column
    }

    /// What takes rows as they come takes each as often as it was drawn.
    @Test func streams() throws {
        let probe = Caller(["layer.output"], streamed: ["layer.output"]) { quantities, layer, memory in
            let sum = try #require(memory.accumulators["sum"]).numbers[0]
            let expected = try numbers(quantities, "layer.output", layer).reduce(0, +)
            #expect(abs(sum - expected) < 1e-10 * 530)
            return sum
        }
        let values = try observe(probe, replicates: 25)
        #expect(try number(values["fc1.y.low"]) < number(values["fc1.y.high"]))
    }

    /// What does not depend on samples has an interval of no length.
    @Test func weightsAreFixed() throws {
        let probe = Caller(["wwt(layer.weight)"]) { quantities, layer, _ in
            try numbers(quantities, "wwt(layer.weight)", layer)[1]
        }
        let values = try observe(probe, replicates: 20)
        #expect(values["fc1.y.low"] == values["fc1.y"] && values["fc1.y.high"] == values["fc1.y"])
    }

    /// A probe's value does not depend on whether it has an interval, and without one there are no bounds.
    @Test func valuesStay() throws {
        let probe = Caller(["moment.centred(layer.output)"]) { quantities, layer, _ in
            try numbers(quantities, "moment.centred(layer.output)", layer)[3]
        }
        let (plain, bounded) = (try observe(probe, replicates: 0), try observe(probe, replicates: 20, layers: nil))
        #expect(plain.keys.sorted() == ["fc1.y"] && plain["fc1.y"] == bounded["fc1.y"] && bounded.count == 6)
        #expect(bounded["fc1.y.low"] == (try observe(probe, replicates: 20))["fc1.y.low"])
    }

    /// Replicates without values are not left out in silence.
    @Test func undefinedReplicates() throws {
        var calls = 0
        let some = Caller(["mean(layer.output)"]) { _, _, _ in
            calls += 1
            return calls % 2 == 0 ? nil : 1
        }
        let values = try observe(some, replicates: 20)
        #expect(try number(values["fc1.y"]) == 1)
        #expect(values["fc1.y.low"] == .missing(reason: "replicates_undefined"))
        let none = try observe(Caller(["mean(layer.output)"]) { _, _, _ in nil }, replicates: 20)
        #expect(none["fc1.y.high"] == .missing(reason: "nothing_there"))
    }
}

private func numbers(_ source: any QuantitySource, _ name: String, _ layer: String) throws -> [Double] {
    let quantity = try #require(try source.quantity(name, layer: layer), "\(name)")
    guard case .real(let data) = quantity.data else { return [] }
    return Array(UnsafeBufferPointer(start: data, count: quantity.shape.reduce(1, *)))
}
