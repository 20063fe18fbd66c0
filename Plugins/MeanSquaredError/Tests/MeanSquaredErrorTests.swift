import Manifests
import PluginTesting
import Protocols
import Testing

private let outputs = [0.3, -1.2, 0.8, 2.1, 0.4, -0.7]
private let targets = [1.1, 0.5, -0.4, 0.2, 0.9, -1.6]

private func loss(_ f: [Double], _ options: [String: JSON] = [:]) throws -> (loss: [Double], gradient: [Double]) {
    try evaluateLoss(
        Choice(component: "mean_squared_error", options: options), output: ([2, 3], f),
        targets: ["y": (Field(name: "y", shape: [3]), targets)])
}

@Suite struct MeanSquaredErrorTests {
    /// The four conventions differ by factors only.
    @Test(arguments: [(true, "sum", 0.5), (true, "mean", 1 / 6.0), (false, "sum", 1), (false, "mean", 1 / 3.0)])
    func conventions(half: Bool, over: String, factor: Double) throws {
        let values = try loss(outputs, ["half": .bool(half), "over": .string(over)])
        for i in 0..<2 {
            let squares = (0..<3).reduce(0) {
                let difference = outputs[3 * i + $1] - targets[3 * i + $1]
                return $0 + difference * difference
            }
            #expect(abs(values.loss[i] - factor * squares) < 1e-14)
        }
        for k in outputs.indices {
            #expect(abs(values.gradient[k] - 2 * factor * (outputs[k] - targets[k])) < 1e-14)
        }
    }

    @Test func perfectPredictionsCostNothing() throws {
        let values = try loss(targets)
        #expect(values.loss == [0, 0])
        #expect(values.gradient.allSatisfy { $0 == 0 })
    }
}
