import Manifests
import Observing
import PluginHost
import PluginTesting
import Testing

/// The two weights of a `TanhNet` of 6 inputs, 5 units and 4 outputs.
private func weights(
    _ fixed: Int, seed: UInt64 = 5, steps: Int = 0, kappa: Double = 0.5, decay: Double = 0.1
) throws -> (fc1: [Double], head: [Double]) {
    let loader = ShippedPlugins.loader(seed: seed)
    let choice = Choice(
        component: "asymmetric", options: ["fixed": .int(fixed), "kappa": .double(kappa)])
    let rule = ParametrizationRule(
        key: "asymmetric", parameters: ParameterPattern(names: ["*.weight"]),
        parametrization: try loader.parametrization(choice))
    let session = try session(
        ArrayDataset(rows: 23, inputs: 6, outputs: 4), TanhNet(inputs: 6, width: 5, outputs: 4), [rule],
        ["lr": .double(0.05), "weight_decay": .double(decay)], seed: seed)
    for _ in 0..<steps { try session.advance() }
    return (try measured("layer.weight", "fc1", session), try measured("layer.weight", "head", session))
}

@Suite struct AsymmetricTests {
    /// The same numbers of each row stay where they are, under gradients and decay; all others move.
    @Test(arguments: [1, 3]) func fixedNumbersStay(fixed: Int) throws {
        let first = try weights(fixed), last = try weights(fixed, steps: 40)
        for (a, b, columns) in [(first.fc1, last.fc1, 6), (first.head, last.head, 5)] {
            let masks = stride(from: 0, to: a.count, by: columns).map { row in
                (0..<columns).filter { a[row + $0] == b[row + $0] }
            }
            #expect(masks.allSatisfy { $0.count == fixed })
            #expect(Set(masks).count == masks.count)
        }
    }

    /// Numbers and masks belong to the seed and the parameter.
    @Test func everyParameterHasItsOwn() throws {
        let one = try weights(2, kappa: 100), again = try weights(2, kappa: 100),
            other = try weights(2, seed: 6, kappa: 100)
        #expect(one.fc1 == again.fc1 && one.head == again.head)
        func large(_ w: [Double]) -> [Int] { w.indices.filter { abs(w[$0]) > 1 } }
        #expect(large(one.fc1) != large(other.fc1))
        #expect(large(one.fc1).prefix(6) != large(one.head).prefix(6))
    }

    /// Five rows cannot each fix all of six numbers in another way.
    @Test func thereMustBeEnoughMasks() throws {
        let error = #expect(throws: PluginError.self) { try weights(6) }
        #expect(
            error?.description.contains(
                "found no mask for row 1 of 5 that no other row has: 6 fixed numbers of 6") == true)
        let more = #expect(throws: PluginError.self) { try weights(7) }
        #expect(more?.description.contains("fixed = 7 exceeds the 6 numbers of a row") == true)
    }
}
