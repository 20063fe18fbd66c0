import Engine
import LinearAlgebra
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing

@Suite struct AgreementTests {
    @Test func examples() throws {
        let (count, failures) = try exampleFailures(ofPlugin: "syzygy.agreement")
        #expect(count == 4 && failures.isEmpty, "\(failures)")
    }

    /// Two networks in memory: values of each layer, of the outputs, and of all parameters.
    @Test func twoNetworks() throws {
        let dataset = ArrayDataset(rows: 700, inputs: 5, outputs: 3)
        let network = Network(
            model: TanhNet(inputs: 5, width: 4, outputs: 3), loss: HalfSquares(), fields: dataset.fields)
        let tables = ["train": try DataTable(dataset, split: "train")]
        let stores = try [3, 8].map { seed in
            let store = ParameterStore(blocks: try network.build(rows: 1).graph.blocks, precision: .f64)
            store.initialize(seed: UInt64(seed))
            return store
        }
        let observers = try stores.map { try Observer(network, store: $0, tables: tables) }
        let pair = RunPairObserver(first: observers[0], second: observers[1])
        func measure(_ component: String, layers: Set<String>? = nil, samples: Int? = 601) throws -> [String: Double]
        {
            let probe = try ShippedPlugins.loader().probe(Choice(component: component))
            var values: [String: Double] = [:]
            try pair.measure(
                ScheduledProbe(key: "p", probe: probe, steps: [7], samples: samples, layers: layers), step: 7, stores
            ) {
                #expect($0.step == 7 && $0.probe == "p")
                values["\($0.layer)/\($0.output)"] = $0.value.number
            }
            return values
        }
        var arrays: [[String: Matrix]] = [[:], [:]]
        for (i, observer) in observers.enumerated() {
            try observer.quantities(
                ["layer.output", "model.output"], split: "train", samples: 601, store: stores[i]
            ) { name, quantity in
                guard case .real(let pointer) = quantity.data else { return }
                arrays[i][name] = Matrix(
                    rows: quantity.shape[0], columns: quantity.shape[1],
                    elements: (0..<quantity.shape[0] * quantity.shape[1]).map { pointer[$0] })
            }
        }
        let cka = try measure("cka_runs")
        #expect(cka.keys.sorted() == ["fc1/output.cka", "head/output.cka"])
        for layer in ["fc1", "head"] {
            let x = arrays[0]["\(layer)/layer.output"]!, y = arrays[1]["\(layer)/layer.output"]!
            let expected = try PluginTesting.measure(
                "cka", layer: "a:b",
                arrays: [
                    "a:b/first.output": .init(shape: [x.rows, x.columns], data: x.elements),
                    "a:b/second.output": .init(shape: [y.rows, y.columns], data: y.elements),
                ])["output.cka"]
            #expect(abs(cka["\(layer)/output.cka"]! - (expected?.number ?? .nan)) < 1e-13)
            #expect((0.001...0.999).contains(cka["\(layer)/output.cka"]!))
        }
        #expect(try measure("cka_runs", layers: ["head"]).count == 1)

        let (p, q) = (arrays[0]["model.output"]!, arrays[1]["model.output"]!)
        func largest(_ m: Matrix, _ i: Int) -> Int { (0..<3).max { m[i, $0] < m[i, $1] } ?? 0 }
        let equal = (0..<601).filter { largest(p, $0) == largest(q, $0) }.count
        let agreement = try measure("agreement")
        #expect(agreement["/agreement"] == Double(equal) / 601 && equal > 60 && equal < 550)
        // Real targets have no labels.
        #expect(agreement["/both_wrong"]?.isNaN == true)

        let weights = stores.map { store in store.blocks.indices.flatMap(store.copy(block:)) }
        let distance = zip(weights[0], weights[1]).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
        #expect(abs(try measure("weight_distance")["/distance"]! - distance) < 1e-13)
        #expect(try RunPairObserver(first: observers[0], second: observers[0]).distance(stores[0]) == 0)
    }
}

extension RunPairObserver {
    fileprivate func distance(_ store: ParameterStore) throws -> Double {
        let probe = try ShippedPlugins.loader().probe(Choice(component: "weight_distance"))
        var found = Double.nan
        try measure(ScheduledProbe(key: "p", probe: probe, steps: [0]), step: 0, [store, store]) {
            if $0.output == "distance" { found = $0.value.number }
        }
        return found
    }
}
