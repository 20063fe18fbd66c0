import Engine
import Foundation
import Manifests
import PluginTesting
import Testing

private func bench(
    _ options: [String: JSON], _ values: [Double], role: ParameterRole = .weight, _ precision: Precision = .f64
) throws -> UpdateBench {
    try UpdateBench(
        Choice(component: "l2", options: options), kind: .regularizer, values: [("w", [values.count], values)],
        precision: precision, role: role)
}

private let weights = [1.5, -0.7, 0.2, 3.1, -2.4, 0.9, -1.3, 0.05, -0.6, 2.2, 0.45]

@Suite struct L2Tests {
    /// The value is a quadratic, for which central differences have no error but rounding: about 1e-16 · value / h.
    @Test(arguments: ["half", "full"]) func theGradientIsThatOfTheValue(convention: String) throws {
        let run = try bench(["weight_decay": .double(0.3), "convention": .string(convention)], weights)
        _ = try run.penalty()
        let gradient = run.gradient()
        let h = 1e-3
        for i in weights.indices {
            let values = try [h, -h].map { shift in
                var moved = weights
                moved[i] += shift
                run.store.set(block: 0, moved)
                return try run.penalty()
            }
            #expect(abs((values[0] - values[1]) / (2 * h) - gradient[i]) <= 1e-11)
        }
    }

    @Test func halfIsPyTorchsConventionAndFullIsTwice() throws {
        let half = try bench(["weight_decay": .double(0.4)], [3, -4, 12])
        let full = try bench(["weight_decay": .double(0.4), "convention": .string("full")], [3, -4, 12])
        #expect(abs(try half.penalty() - 0.5 * 0.4 * 169) <= 1e-13)
        #expect(abs(try full.penalty() - 0.4 * 169) <= 1e-13)
        for (g, w) in zip(half.gradient(), [3.0, -4, 12]) { #expect(abs(g - 0.4 * w) <= 1e-15) }
        #expect(zip(half.gradient(), full.gradient()).allSatisfy { 2 * $0 == $1 })
    }

    @Test(arguments: ParameterRole.allCases.filter { $0 != .statistic }, ["all", "weights"])
    func onlyWeightsGoesByTheRole(role: ParameterRole, only: String) throws {
        let run = try bench(["weight_decay": .double(0.5), "only": .string(only)], [2, -6], role: role)
        let decays = only == "all" || role == .weight
        run.setGradient([0.25, 0.75])
        #expect(try run.penalty() == (decays ? 10 : 0))
        #expect(run.gradient() == (decays ? [1.25, -2.25] : [0.25, 0.75]))
    }

    @Test func aStrengthOfZeroChangesNoBit() throws {
        let run = try bench(["weight_decay": .double(0)], weights)
        run.setGradient(weights.map { $0 / 3 })
        #expect(try run.penalty() == 0)
        #expect(run.gradient() == weights.map { $0 / 3 })
    }

    /// 100 003 squares of 0.1 in f32: a sum in f32 would be off by about 1e-4.
    @Test func theValueIsSummedInDouble() throws {
        let run = try bench(["weight_decay": .double(2)], Array(repeating: 0.1, count: 100_003), .f32)
        let expected = 100_003 * Double(Float(0.1)) * Double(Float(0.1))
        let naive = Double((0..<100_003).reduce(Float(0)) { sum, _ in sum + Float(0.1) * Float(0.1) })
        #expect(abs(try run.penalty() - expected) <= 1e-12 * expected)
        #expect(abs(naive - expected) > 1e-6 * expected)
    }

    @Test func theValueIsTheSumOverAllParameters() throws {
        let run = try UpdateBench(
            Choice(component: "l2", options: ["weight_decay": .double(2)]), kind: .regularizer,
            values: [
                ("a", [2, 3], [1, 2, 3, 4, 5, 6]), ("b", [7], Array(repeating: 2, count: 7)), ("c", [1], [10]),
            ])
        #expect(try run.penalty() == 91 + 28 + 100)
        #expect(run.gradient(0) == [2, 4, 6, 8, 10, 12])
        #expect(run.gradient(2) == [20])
    }

    /// The coupled weight decay of SGD is this penalty's gradient.
    @Test func withSGDItIsCoupledWeightDecay() throws {
        let penalty = try bench(["weight_decay": .double(0.3)], weights)
        let plain = try UpdateBench(
            Choice(component: "sgd", options: ["lr": .double(0.1), "momentum": .double(0.8)]), kind: .optimizer,
            values: [("w", [11], weights)])
        let decayed = try UpdateBench(
            Choice(
                component: "sgd",
                options: [
                    "lr": .double(0.1), "momentum": .double(0.8), "weight_decay": .double(0.3),
                ]), kind: .optimizer, values: [("w", [11], weights)])
        for step in 0..<15 {
            let gradient = weights.indices.map { cos(Double($0 * step)) }
            penalty.store.set(block: 0, plain.values())
            penalty.setGradient(gradient)
            _ = try penalty.penalty()
            try plain.update([penalty.gradient()])
            try decayed.update([gradient])
        }
        for (a, b) in zip(plain.values(), decayed.values()) { #expect(abs(a - b) <= 1e-13) }
    }
}
