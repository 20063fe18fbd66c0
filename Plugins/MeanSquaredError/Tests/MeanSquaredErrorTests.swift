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

    /// Outputs [1, 2, 3]: the mean over two positions.
    @Test(arguments: ["sum", "mean"]) func positionsAreAveraged(over: String) throws {
        let options: [String: JSON] = ["over": .string(over)]
        let each = try loss(outputs, options)
        let together = try evaluateLoss(
            Choice(component: "mean_squared_error", options: options), output: ([1, 2, 3], outputs),
            targets: ["y": (Field(name: "y", shape: [2, 3]), targets)])
        #expect(abs(together.loss[0] - (each.loss[0] + each.loss[1]) / 2) < 1e-14)
        for (a, b) in zip(together.gradient, each.gradient) { #expect(abs(a - b / 2) < 1e-14) }
    }

    /// Numbers are never taken for classes, though there be as many of them as outputs.
    @Test func realTargetsAreNoClasses() throws {
        let y = Field(name: "y", shape: [3])
        let error = #expect(throws: (any Error).self) {
            try evaluateLoss(
                Choice(component: "mean_squared_error"), output: ([2, 3, 3], Array(repeating: 0.5, count: 18)),
                targets: ["y": (y, targets)])
        }
        #expect(error.map { "\($0)" }?.contains("outputs [rows, 3]") ?? false)
        let values = try evaluateLoss(
            Choice(component: "mean_squared_error"), output: ([2, 3, 1], outputs), targets: ["y": (y, targets)])
        #expect(abs(values.loss[0] - (0.64 + 2.89 + 1.44) / 6) < 1e-14)
    }

    @Test func outputsThatDoNotFitAreNamed() throws {
        let error = #expect(throws: (any Error).self) {
            try evaluateLoss(
                Choice(component: "mean_squared_error"), output: ([2, 3], outputs),
                targets: ["y": (Field(name: "y", shape: [5]), Array(repeating: 1, count: 10))])
        }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains("outputs [rows, 5]") && text.contains("[2, 3]"), "\(text)")
    }
}
