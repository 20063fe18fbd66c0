import LinearAlgebra
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing

private func gaussian(_ rows: Int, _ columns: Int, _ name: String) -> Matrix {
    var matrix = Matrix(rows: rows, columns: columns)
    matrix.elements.withUnsafeMutableBufferPointer { Stream(seed: 9, name: name).normal(into: $0) }
    return matrix
}

@Suite struct ConditionsTests {
    /// ‖x‖² of Gaussian rows in d dimensions has the mean d and the variance 2d.
    @Test func gaussianNorms() throws {
        let loader = ShippedPlugins.loader()
        let probe = try loader.probe(Choice(component: "self_averaging"))
        let memory = ProbeMemory()
        let source = RecordedQuantities([
            "fc1/layer.input": .init(shape: [4000, 8], data: gaussian(4000, 8, "h").elements),
            "fc1/layer.output_grad": .init(shape: [4000, 50], data: gaussian(4000, 50, "g").elements),
        ])
        probe.add(layer: "fc1", rows: source, memory: memory)
        var values: [String: Double] = [:]
        try probe.measure(step: 0, layer: "fc1", quantities: source, memory: memory) {
            values[$0.output] = $0.value.number
        }
        #expect(abs(values["cv_h"]! - 0.5) < 0.02)
        #expect(abs(values["cv_g"]! - 0.2) < 0.01)
        #expect(abs(values["mean_h"]! - 8) < 0.2 && abs(values["mean_g"]! - 50) < 0.5)
    }

    /// Each matrix is compared with what it was at the observation before.
    @Test func changesFollowEachOther() throws {
        let probe = try ShippedPlugins.loader().probe(Choice(component: "stationarity"))
        let memory = ProbeMemory()
        var changes: [[String: Observation.Value]] = []
        for scale in [1.0, 1, 3] {
            let source = RecordedQuantities([
                "fc1/layer.input": .init(shape: [7, 3], data: gaussian(7, 3, "h").elements),
                "fc1/layer.output_grad": .init(shape: [7, 2], data: (scale * gaussian(7, 2, "g")).elements),
                "fc1/layer.weight": .init(shape: [2, 3], data: gaussian(2, 3, "w").elements),
            ])
            var found: [String: Observation.Value] = [:]
            try probe.measure(step: 0, layer: "fc1", quantities: source, memory: memory) {
                found[$0.output] = $0.value
            }
            changes.append(found)
        }
        #expect(changes[0].values.allSatisfy { $0.reason == "first_observation" } && changes[0].count == 4)
        #expect(changes[1].values.allSatisfy { $0.number == 0 })
        #expect(abs(changes[2]["g_b.change"]!.number - 8) < 1e-12 && changes[2]["h_a.change"]!.number == 0)
    }
}
