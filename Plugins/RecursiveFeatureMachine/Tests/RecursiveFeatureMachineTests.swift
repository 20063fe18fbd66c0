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

    private func run(_ options: [String: JSON], targets: Int = 1, _ listener: Recorded) throws -> Bool {
        let loader = ShippedPlugins.loader(seed: 2)
        let dataset = try loader.dataset(
            Choice(
                component: "product_teacher",
                options: ["d_in": .int(5), "train_rows": .int(40), "test_rows": .int(30)]))
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
}
