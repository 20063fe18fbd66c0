import Engine
import LinearAlgebra
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing

/// The trace of a matrix, the column sums of rows as they come, or twice a vector: what plugins could define, with what was done.
private final class Definitions: QuantityDefinitions {
    private(set) var evaluations: [String: Int] = [:]
    private var made: [String: Defined] = [:]

    final class Defined: DefinedQuantity {
        let needs, streamed: [Need]
        private let minus: String?
        private let value: (any QuantitySource, String, ProbeMemory) throws -> [Double]

        init(
            needs: [String] = [], streamed: [String] = [], minus: String? = nil,
            _ value: @escaping (any QuantitySource, String, ProbeMemory) throws -> [Double]
        ) {
            (self.needs, self.streamed) = (needs.map { Need($0) }, streamed.map { Need($0) })
            (self.minus, self.value) = (minus, value)
        }

        func add(layer: String, rows: any QuantitySource, memory: ProbeMemory) {
            guard let expression = streamed.first?.expression,
                let quantity = try? rows.quantity(expression, layer: layer), case .real(let data) = quantity.data
            else { return }
            let width = quantity.shape[1]
            var centre = [Double](repeating: 0, count: width)
            if let minus {
                do {
                    guard let vector = try rows.quantity(minus, layer: layer) else { return }
                    centre = copy(vector).elements
                } catch {
                    memory.failures[""] = (error as? Undefined)?.reason
                    return
                }
            }
            let sum = memory.accumulators["sum"] ?? ProbeMemory.Tensor(shape: [width], isInteger: false)
            memory.accumulators["sum"] = sum
            var sums = sum.numbers
            for i in 0..<quantity.shape[0] {
                for j in 0..<width { sums[j] += data[i * width + j] - centre[j % centre.count] }
            }
            sum.set(sums)
        }

        func value(
            step: Int, layer: String, quantities: any QuantitySource, memory: ProbeMemory
        ) throws -> (value: Quantity, owner: AnyObject) {
            let numbers = try value(quantities, layer, memory)
            let tensor = ProbeMemory.Tensor(shape: [numbers.count], isInteger: false)
            tensor.set(numbers)
            let data = UnsafePointer(tensor.pointer.assumingMemoryBound(to: Double.self))
            return (Quantity(data: .real(data), shape: [numbers.count]), tensor)
        }
    }

    func definition(of expression: String) throws -> any DefinedQuantity {
        if let known = made[expression] { return known }
        let definition = try #require(try QuantityExpression(expression).definition)
        let given = definition.arguments.map(\.description)
        let defined: Defined =
            switch definition.component {
            case "t/trace":
                Defined(needs: given) { [unowned self] quantities, layer, _ in
                    evaluations["\(layer)/\(expression)", default: 0] += 1
                    let a = copy(try #require(try quantities.quantity(given[0], layer: layer)))
                    if a.rows == 4 { throw Undefined("four_is_too_few") }
                    return [(0..<a.rows).reduce(0) { $0 + a[$1, $1] }]
                }
            case "t/sums":
                // Beside what it is given, the labels or outputs that it takes by itself.
                Defined(needs: ["model.output"], streamed: given) { [unowned self] quantities, layer, memory in
                    evaluations["\(layer)/\(expression)", default: 0] += 1
                    _ = try #require(try quantities.quantity("model.output", layer: layer))
                    return memory.accumulators["sum"]?.numbers ?? []
                }
            case "t/around":
                // Sums of rows minus a finished vector, which the pass must have.
                Defined(streamed: given, minus: given[1]) { [unowned self] _, layer, memory in
                    evaluations["\(layer)/\(expression)", default: 0] += 1
                    if let reason = memory.failures[""] { throw Undefined(reason) }
                    return memory.accumulators["sum"]?.numbers ?? []
                }
            case "t/first":
                Defined(needs: ["first.output"]) { _, _, _ in [1] }
            default:
                Defined(needs: given) { [unowned self] quantities, layer, _ in
                    evaluations["\(layer)/\(expression)", default: 0] += 1
                    return copy(try #require(try quantities.quantity(given[0], layer: layer))).elements.map { 2 * $0 }
                }
            }
        made[expression] = defined
        return defined
    }
}

private func copy(_ quantity: Quantity) -> Matrix {
    guard case .real(let data) = quantity.data else { return Matrix(rows: 0, columns: 0) }
    let count = quantity.shape.reduce(1, *)
    return Matrix(
        rows: quantity.shape[0], columns: count / max(quantity.shape[0], 1),
        elements: Array(UnsafeBufferPointer(start: data, count: count)))
}

private final class Reader: Probe {
    let scope: ProbeScope
    let needs: [Need]
    private(set) var found: [String: [Double]] = [:]
    private(set) var reasons: [String: String] = [:]

    init(_ scope: ProbeScope, _ needs: [String]) { (self.scope, self.needs) = (scope, needs.map { Need($0) }) }

    func measure(
        step: Int, layer: String, quantities: any QuantitySource, memory: ProbeMemory, record: (Observation) -> Void
    ) {
        for need in needs {
            do {
                guard let quantity = try quantities.quantity(need.expression, layer: layer) else { continue }
                found["\(layer)/\(need.expression)"] = copy(quantity).elements
            } catch {
                reasons["\(layer)/\(need.expression)"] = (error as? Undefined)?.reason
            }
        }
    }
}

@Suite struct DefinedQuantityTests {
    private let definitions = Definitions()
    private let observer: Observer
    private let store: ParameterStore

    /// 5 inputs, 4 hidden units, 3 outputs, 1,100 rows: three passes.
    init() throws {
        let dataset = ArrayDataset(rows: 1100, inputs: 5, outputs: 3)
        let network = Network(
            model: TanhNet(inputs: 5, width: 4, outputs: 3), loss: HalfSquares(), fields: dataset.fields)
        store = ParameterStore(blocks: try network.build(rows: 1).graph.blocks, precision: .f64)
        store.initialize(seed: 3)
        observer = try Observer(
            network, store: store, tables: ["train": try DataTable(dataset, split: "train")], definitions: definitions
        )
    }

    private func observe(_ probes: [any Probe]) throws {
        let due = probes.enumerated().map { ScheduledProbe(key: "p\($0)", probe: $1, steps: [0]) }
        try observer.observe(step: 0, store: store, due: due) { _ in }
    }

    private func own(_ names: [String]) throws -> [String: [Double]] {
        var arrays: [String: [Double]] = [:]
        try observer.quantities(names, split: "train", samples: nil, store: store) { arrays[$0] = copy($1).elements }
        return arrays
    }

    /// Whoever asks, for a layer, a pair or the run, and within others: one evaluation.
    @Test func eachIsFormedOnce() throws {
        let trace = "t/trace(moment.raw(layer.input))", sums = "t/sums(layer.output)",
            run = "t/double(mean(model.output))"
        let layers = [Reader(.layer, [trace, sums, run]), Reader(.layer, [trace, "t/double(\(sums))"])]
        let pairs = Reader(
            .layerPair, ["t/sums(second.output)", "t/double(t/sums(first.output))", run, "t/first"])
        let whole = Reader(.run, [run])
        try observe(layers + [pairs, whole])
        #expect(
            definitions.evaluations == [
                "fc1/\(trace)": 1, "head/\(trace)": 1, "fc1/\(sums)": 1, "head/\(sums)": 1,
                "fc1/t/double(\(sums))": 1, "head/t/double(\(sums))": 1, "/\(run)": 1,
            ])
        let arrays = try own(["moment.raw(layer.input)", "mean(layer.output)", "mean(model.output)"])
        let moment = try #require(arrays["fc1/moment.raw(layer.input)"])
        #expect(layers[0].found["fc1/\(trace)"] == [(0..<5).reduce(0) { $0 + moment[6 * $1] }])
        #expect(layers[1].reasons["head/\(trace)"] == "four_is_too_few" && layers[1].found["head/\(trace)"] == nil)
        for (layer, others) in [("fc1", ["fc1", "head"]), ("head", ["fc1", "head"])] {
            let mean = try #require(arrays["\(layer)/mean(layer.output)"])
            let sum = try #require(layers[0].found["\(layer)/\(sums)"])
            for (a, b) in zip(sum, mean) { #expect(abs(a - 1100 * b) < 1e-9) }
            for other in others {
                #expect(pairs.found["\(other):\(layer)/t/sums(second.output)"] == sum)
                #expect(pairs.found["\(layer):\(other)/t/double(t/sums(first.output))"] == sum.map { 2 * $0 })
                #expect(pairs.found["\(layer):\(other)/t/first"] == [1])
            }
        }
        #expect(whole.found["/\(run)"] == arrays["mean(model.output)"]?.map { 2 * $0 })
        #expect(pairs.found["fc1:head/\(run)"] == whole.found["/\(run)"])
    }

    /// What is asked of the head is that of the last layer, unless a plugin names the head itself.
    @Test func theHeadIsALayer() throws {
        let whole = Reader(.run, ["t/sums(head.output)", "head.weight"])
        let layers = Reader(.layer, ["t/sums(layer.output)", "t/sums(head.output)", "layer.weight"])
        try observe([whole, layers])
        #expect(definitions.evaluations == ["fc1/t/sums(layer.output)": 1, "head/t/sums(layer.output)": 1])
        let sums = try #require(layers.found["head/t/sums(layer.output)"])
        #expect(whole.found["/t/sums(head.output)"] == sums && layers.found["fc1/t/sums(head.output)"] == sums)
        #expect(whole.found["/head.weight"] == layers.found["head/layer.weight"])
    }

    /// What a pass takes beside rows was finished by passes before: a mean, and again what comes of that.
    @Test func passesAfterPasses() throws {
        let (mean, twice) = ("mean(layer.output)", "t/double(mean(layer.output))")
        let zero = "t/around(layer.output, \(mean))", minus = "t/around(layer.output, \(twice))"
        let third = "t/around(layer.output, \(zero))"
        let probe = Reader(.layer, [third, minus, zero, mean])
        try observe([probe])
        for layer in ["fc1", "head"] {
            let mean = try #require(probe.found["\(layer)/\(mean)"])
            let values = try [zero, minus, third].map { try #require(probe.found["\(layer)/\($0)"]) }
            for (j, mean) in mean.enumerated() {
                #expect(abs(values[0][j]) < 1e-9 && abs(mean) > 1e-6)
                #expect(abs(values[1][j] + 1100 * mean) < 1e-9)
                #expect(abs(values[2][j] - 1100 * mean) < 1e-9)
            }
        }
        #expect(definitions.evaluations["fc1/\(zero)"] == 1)
    }

    /// A second pass reads kept rows as far as there are any, here 2,045 of 2,300 since the first pass went by 409 (it takes five
    /// cotangents too), and the network's for the rest; its own chunks have 512 rows.
    @Test func aSecondPassOverMoreRowsThanAreKept() throws {
        let dataset = ArrayDataset(rows: 2300, inputs: 5, outputs: 5)
        let network = Network(
            model: TanhNet(inputs: 5, width: 4096, outputs: 5), loss: HalfSquares(), fields: dataset.fields)
        let store = ParameterStore(blocks: try network.build(rows: 1).graph.blocks, precision: .f64)
        store.initialize(seed: 3)
        let observer = try Observer(
            network, store: store, tables: ["train": try DataTable(dataset, split: "train")], definitions: definitions
        )
        let (sums, zero) = ("t/sums(head.input)", "t/around(head.input, mean(head.input))")
        let probe = Reader(.run, [sums, zero, "mean(head.input)", "agop.raw(head.output_jacobian)"])
        try observer.observe(step: 0, store: store, due: [ScheduledProbe(key: "p", probe: probe, steps: [0])]) { _ in
        }
        let found = try ["/\(sums)", "/\(zero)", "/mean(head.input)"].map { try #require(probe.found[$0]) }
        #expect(found[1].count == 4096 && found[1].allSatisfy { abs($0) < 1e-9 })
        for (sum, mean) in zip(found[0], found[2]) { #expect(abs(sum - 2300 * mean) < 1e-9) }
        let identity = try #require(probe.found["/agop.raw(head.output_jacobian)"])
        for i in 0..<25 { #expect(abs(identity[i] - (i % 6 == 0 ? 1 : 0)) < 1e-12) }
    }

    /// A finished value that there is not: no pass gets it.
    @Test func aPassWithoutItsValue() throws {
        let probe = Reader(.layer, ["t/around(layer.input, t/trace(moment.raw(layer.input)))"])
        try observe([probe])
        #expect(probe.reasons["head/\(probe.needs[0].expression)"] == "four_is_too_few")
    }

    /// The next observation looks at the new values.
    @Test func nothingIsKept() throws {
        let probe = Reader(.layer, ["t/double(layer.weight)", "t/sums(layer.output)"])
        try observe([probe])
        let before = probe.found
        store.set(block: 0, [Double](repeating: 0.5, count: store.blocks[0].count))
        try observe([probe])
        #expect(before["fc1/t/sums(layer.output)"] != probe.found["fc1/t/sums(layer.output)"])
        #expect(definitions.evaluations["fc1/t/sums(layer.output)"] == 2)
    }

    @Test func recorded() throws {
        var reasons: [String: String] = [:]
        var names: [String] = []
        try observer.quantities(
            ["t/trace(moment.raw(layer.input))", "t/double(mean(model.output))", "t/double(parameter.value)"],
            split: "train", samples: 7, store: store, undefined: { reasons[$0] = $1.reason }
        ) { name, _ in names.append(name) }
        #expect(reasons == ["head/t/trace(moment.raw(layer.input))": "four_is_too_few"])
        #expect(
            names == [
                "fc1/t/trace(moment.raw(layer.input))", "t/double(mean(model.output))",
            ] + store.blocks.map { "\($0.name)/t/double(parameter.value)" })
    }

    /// From arrays they are what they are in a run, up to the order of sums.
    @Test func fromArrays() throws {
        let probe = Reader(.layer, ["t/sums(layer.output)", "t/trace(moment.raw(layer.input))"])
        try observe([probe])
        let arrays = try own(["layer.output", "layer.input", "model.output"])
        let recorded = RecordedQuantities(
            [
                "fc1/layer.output": .init(shape: [1100, 4], data: try #require(arrays["fc1/layer.output"])),
                "fc1/layer.input": .init(shape: [1100, 5], data: try #require(arrays["fc1/layer.input"])),
                "model.output": .init(shape: [1100, 3], data: try #require(arrays["model.output"])),
            ], definitions: definitions)
        for need in probe.needs {
            let found = copy(try #require(try recorded.quantity(need.expression, layer: "fc1"))).elements
            for (a, b) in zip(found, try #require(probe.found["fc1/\(need.expression)"])) {
                #expect(abs(a - b) <= 1e-10 * max(1, abs(b)))
            }
        }
        #expect(try RecordedQuantities([:]).quantity("t/double(labels)", layer: "") == nil)
    }

    @Test func withoutPlugins() throws {
        let dataset = ArrayDataset(rows: 7, inputs: 5, outputs: 3)
        let network = Network(
            model: TanhNet(inputs: 5, width: 4, outputs: 3), loss: HalfSquares(), fields: dataset.fields)
        let alone = try Observer(network, store: store, tables: ["train": try DataTable(dataset, split: "train")])
        let due = ScheduledProbe(key: "p", probe: Reader(.layer, ["t/double(layer.weight)"]), steps: [0])
        let error = #expect(throws: UnknownQuantity.self) {
            try alone.observe(step: 0, store: store, due: [due]) { _ in }
        }
        #expect(error?.sentence == "'t/double(layer.weight)' is of a plugin, and there are no plugins here")
    }
}
