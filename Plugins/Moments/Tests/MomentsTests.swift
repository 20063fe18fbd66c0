import LinearAlgebra
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing

private func normal(_ count: Int, _ name: String) -> [Double] {
    var values = [Double](repeating: 0, count: count)
    values.withUnsafeMutableBufferPointer { Stream(seed: 7, name: name).normal(into: $0) }
    return values
}

/// Some rows of one array.
private struct Rows: QuantitySource {
    var pointer: UnsafePointer<Double>
    var rows: Int, columns: Int
    func quantity(_ expression: String, layer: String) -> Quantity? {
        Quantity(data: .real(pointer), shape: [rows, columns])
    }
}

/// What the probe says of rows that come in passes.
private func kurtosis(_ data: [Double], columns: Int, passes: [Int]) throws -> [String: Observation.Value] {
    let probe = try ShippedPlugins.loader().probe(Choice(component: "kurtosis"))
    let memory = ProbeMemory()
    var values: [String: Observation.Value] = [:]
    try data.withUnsafeBufferPointer { buffer in
        var next = try #require(buffer.baseAddress)
        for rows in passes {
            probe.add(layer: "fc1", rows: Rows(pointer: next, rows: rows, columns: columns), memory: memory)
            next += rows * columns
        }
        try probe.measure(
            step: 0, layer: "fc1", quantities: Rows(pointer: next, rows: 0, columns: columns), memory: memory
        ) { values[$0.output] = $0.value }
    }
    return values
}

@Suite struct MomentsTests {
    @Test func theDefinition() throws {
        let (n, d) = (211, 3)
        // Cubes of normal numbers, far from 0, of other sizes.
        let data = normal(n * d, "x").enumerated().map { i, x in 40 + (i % d == 0 ? x : 1e-3 * x * x * x) }
        func standardized(_ k: Int) -> Double {
            (0..<d).reduce(0) { total, j in
                let x = (0..<n).map { data[$0 * d + j] }, mean = x.reduce(0, +) / Double(n)
                func moment(_ m: Int) -> Double { x.reduce(0) { $0 + power($1 - mean, m) } / Double(n) }
                return total + moment(k) / power(moment(2).squareRoot(), k) / Double(d)
            }
        }
        let whole = try kurtosis(data, columns: d, passes: [n])
        #expect(abs(whole["output.kurtosis"]!.number - standardized(4)) < 1e-11)
        #expect(abs(whole["output.skewness"]!.number - standardized(3)) < 1e-11)
        #expect(whole["output.constant"]!.number == 0)
        for passes in [[1, 210], [100, 100, 11], Array(repeating: 1, count: n), [0, 50, 0, 161]] {
            let parts = try kurtosis(data, columns: d, passes: passes)
            for (name, value) in whole {
                #expect(abs(parts[name]!.number - value.number) < 1e-10, "\(name) of \(passes.prefix(4))")
            }
        }
    }

    /// Neither a scale nor a shift of the neurons matters.
    @Test func invariances() throws {
        let data = normal(80, "y").map { $0 * $0 * $0 }
        let plain = try kurtosis(data, columns: 2, passes: [25, 15])
        let changed = try kurtosis(data.map { 13 - 0.3 * $0 }, columns: 2, passes: [25, 15])
        #expect(abs(plain["output.kurtosis"]!.number - changed["output.kurtosis"]!.number) < 1e-11)
        #expect(abs(plain["output.skewness"]!.number + changed["output.skewness"]!.number) < 1e-11)
    }

    @Test func withoutValue() throws {
        let dead = try kurtosis([0, 2, 0, 2, 0, 2], columns: 2, passes: [2, 1])
        #expect(dead["output.kurtosis"]?.reason == "constant_layer" && dead["output.constant"]?.number == 1)
        #expect(try kurtosis([], columns: 2, passes: []).values.allSatisfy { $0.reason == "no_samples" })
        // A pass that is not finite costs the values of the observation.
        let infinite = try kurtosis([1, .infinity, 3], columns: 1, passes: [1, 1, 1])
        #expect(infinite.values.allSatisfy { $0.reason == "input_not_finite" })
    }

    @Test func examples() throws {
        let (count, failures) = try exampleFailures(ofPlugin: "syzygy.moments")
        #expect(count == 3 && failures.isEmpty, "\(failures)")
    }
}

private func power(_ x: Double, _ k: Int) -> Double { (0..<k).reduce(1) { product, _ in product * x } }
