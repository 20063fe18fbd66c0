import Foundation
import Manifests
import PluginHost
import PluginTesting
import Protocols
import Testing
import Validating

@Suite struct RecursiveFeatureMachineTests {
    private final class Recorded: ProcedureListener {
        var numbers: [String: [Double]] = [:]
        var arrays: [String: [[Double]]] = [:]
        var steps: [Int] = []
        let last: Int

        init(stoppingAfter last: Int = .max) { self.last = last }

        func record(_ observation: Observation) {
            numbers[observation.output, default: []].append(observation.value.number)
        }
        func record(step: Int, output: String, shape: [Int], values: [Double]) {
            arrays[output, default: []].append(values)
        }
        func progress(step: Int) -> Bool {
            steps.append(step)
            return step < last
        }
    }

    private func rows(of count: Int = 40) throws -> (ComponentLoader, any Dataset) {
        let loader = ShippedPlugins.loader(seed: 2)
        let dataset = try loader.dataset(
            Choice(
                component: "product_teacher",
                options: ["d_in": .int(5), "train_rows": .int(count), "test_rows": .int(30)]))
        return (loader, dataset)
    }

    private func run(
        _ options: [String: JSON], targets: Int = 1, rows count: Int = 40, _ listener: Recorded
    ) throws -> Bool {
        let (loader, dataset) = try self.rows(of: count)
        var rows: [String: [[Double]]] = [:]
        for split in ["train", "test"] {
            let read = try readRows(of: dataset, split)
            rows[split] = [
                read["x"] ?? [], (read["y"] ?? []).flatMap { y in (0..<targets).map { y * Double($0 + 1) } },
            ]
        }
        let procedure = try loader.procedure(Choice(component: "recursive_feature_machine", options: options))
        let fields = [Field(name: "x", shape: [5]), Field(name: "y", shape: [targets])]
        var owners: [UnsafeMutablePointer<Double>] = []
        defer { for owner in owners { owner.deallocate() } }
        let data = procedure.data.map { name, split in
            let field = fields[name == "x" ? 0 : 1], values = rows[split]?[name == "x" ? 0 : 1] ?? []
            let memory = UnsafeMutablePointer<Double>.allocate(capacity: values.count)
            memory.initialize(from: values, count: values.count)
            owners.append(memory)
            return DataField(field: field, rows: values.count / field.elements, values: memory)
        }
        return try procedure.run(data, listener)
    }

    /// The machine is linear in y up to the scale of its metric, which normalization removes: twice y beside y changes nothing.
    @Test func scaledTargetsShareTheMetric() throws {
        let one = Recorded(), two = Recorded()
        #expect(try run(["iterations": .int(3)], one))
        #expect(try run(["iterations": .int(3)], targets: 2, two))
        #expect(one.steps == [0, 1, 2, 3] && one.numbers["share"]?.count == 20)
        for (a, b) in zip(one.arrays["metric"]?.last ?? [], two.arrays["metric"]?.last ?? []) {
            #expect(abs(a - b) <= 1e-9)
        }
        for (a, b) in zip(one.numbers["r2"] ?? [], two.numbers["r2"] ?? []) { #expect(abs(a - b) <= 1e-9) }
    }

    @Test func itStopsWhenAsked() throws {
        let listener = Recorded(stoppingAfter: 2)
        #expect(try !run(["iterations": .int(9)], listener))
        #expect(listener.steps == [0, 1, 2])
    }

    /// Two rows that are one: without regularization the kernel matrix is singular.
    @Test func aSingularKernelIsSaid() throws {
        let error = #expect(throws: PluginError.self) {
            try run(
                ["regularization": .double(0), "bandwidth": .double(1e9), "kernel": .string("gauss")], Recorded())
        }
        #expect(error?.description.contains("raise 'regularization'") == true)
    }

    /// The metric after one step is the mean outer product of the fit's gradients, here by central differences; 277 rows are more than are
    /// looked at together.
    @Test(arguments: ["laplace", "gauss"], [40, 277]) func gradientsAreThoseOfTheFit(kernel: String, count: Int)
        throws
    {
        let width = 3.0, ridge = 0.01, d = 5
        let listener = Recorded()
        #expect(
            try run(
                [
                    "kernel": .string(kernel), "bandwidth": .double(width), "regularization": .double(ridge),
                    "iterations": .int(1), "centring": .bool(false), "normalize": .bool(false),
                ], rows: count, listener))
        let fields = try readRows(of: try rows(of: count).1, "train")
        let x = fields["x"] ?? [], y = fields["y"] ?? []
        func value(_ a: [Double], _ row: Int) -> Double {
            let square = (0..<d).reduce(0.0) { $0 + (a[$1] - x[row * d + $1]) * (a[$1] - x[row * d + $1]) }
            return kernel == "gauss" ? exp(-square / (2 * width * width)) : exp(-square.squareRoot() / width)
        }
        func point(_ row: Int) -> [Double] { Array(x[row * d..<(row + 1) * d]) }
        var matrix = (0..<count).map { i in (0..<count).map { value(point(i), $0) + (i == $0 ? ridge : 0) } }
        var alpha = y
        for pivot in 0..<count {
            for row in pivot + 1..<max(count, pivot + 1) {
                let factor = matrix[row][pivot] / matrix[pivot][pivot]
                for column in pivot..<count { matrix[row][column] -= factor * matrix[pivot][column] }
                alpha[row] -= factor * alpha[pivot]
            }
        }
        for row in (0..<count).reversed() {
            for column in row + 1..<max(count, row + 1) { alpha[row] -= matrix[row][column] * alpha[column] }
            alpha[row] /= matrix[row][row]
        }
        // The row itself has no slope of its own: the Laplace kernel has a kink there, whose two sides cancel in a central difference.
        func fit(_ a: [Double]) -> Double { (0..<count).reduce(0) { $0 + alpha[$1] * value(a, $1) } }
        var expected = Array(repeating: 0.0, count: d * d)
        for row in 0..<count {
            let gradient = (0..<d).map { axis -> Double in
                var up = point(row), down = up
                up[axis] += 1e-5
                down[axis] -= 1e-5
                return (fit(up) - fit(down)) / 2e-5
            }
            for k in expected.indices { expected[k] += gradient[k / d] * gradient[k % d] / Double(count) }
        }
        let metric = try #require(listener.arrays["metric"]?.last)
        let largest = expected.map(abs).max() ?? 0
        for k in metric.indices {
            #expect(abs(metric[k] - expected[k]) <= 1e-5 * largest)
            #expect(metric[k] == metric[k % d * d + k / d])
        }
        let shares = listener.numbers["share"]?.suffix(d) ?? []
        #expect(abs(shares.reduce(0, +) - 1) < 1e-12)
        // A symmetric positive semidefinite matrix: no share and no eigenvalue is below 0, and the largest is at least the mean.
        #expect(shares.allSatisfy { $0 >= 0 } && (listener.numbers["top_share"]?.last ?? 0) >= 0.2)
    }

    /// Of the target x0 x1: the diagonal of the metric finds both inputs, and what is known of the target is recorded.
    @Test func whatIsRelevant() throws {
        let listener = Recorded()
        let options: [String: JSON] = [
            "iterations": .int(3), "diagonal": .bool(true), "relevant": .array([.int(0), .int(1)]),
            "direction": .array([.double(0), .double(2)]),
        ]
        #expect(try run(options, rows: 300, listener))
        let metric = listener.arrays["metric"]?.last ?? []
        #expect(metric.indices.allSatisfy { $0 % 6 == 0 || metric[$0] == 0 } && metric.count == 25)
        #expect((listener.numbers["relevant_share"]?.last ?? 0) > 0.95)
        // The first eigenvector of a diagonal matrix is an axis.
        let overlap = listener.numbers["overlap"]?.last ?? .nan
        #expect(overlap == 0 || overlap == 1)
        let error = #expect(throws: PluginError.self) {
            try run(["relevant": .array([.int(5)])], Recorded())
        }
        #expect(error?.sentence.hasSuffix("relevant: there is no input 5, x has 5") == true)
        let long = #expect(throws: PluginError.self) {
            try run(["direction": .array(Array(repeating: .double(1), count: 6))], Recorded())
        }
        #expect(long?.sentence.hasSuffix("direction has 6 numbers, x has 5 inputs") == true)
    }
}
