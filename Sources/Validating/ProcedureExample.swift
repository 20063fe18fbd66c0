import PluginHost
import Protocols

extension ExampleRun {
    /// The last values that were recorded.
    func procedure() throws -> [String: [Observation.Value]] {
        let recorded = Recorded()
        _ = try procedure(recorded)
        return recorded.values
    }

    /// Runs the procedure to its end. Returns false if it was told to end and did.
    /// - Parameter place: puts the numbers of an argument somewhere and keeps them; by default into memory of their own.
    func procedure(
        _ listener: any ProcedureListener, place: ((String, [Double]) throws -> UnsafeMutableRawPointer)? = nil
    ) throws -> Bool {
        let procedure = try loader().procedure(choice)
        var owned: [UnsafeMutableRawPointer] = []
        defer { for memory in owned { memory.deallocate() } }
        let data = try component.call.arguments.compactMap { argument -> DataField? in
            guard case .data(let name, _) = argument.source, let given = array(argument.name) else { return nil }
            let memory: UnsafeMutableRawPointer
            if let place {
                memory = try place(argument.name, given.data)
            } else {
                memory = .allocate(byteCount: max(8 * given.data.count, 8), alignment: 64)
                memory.copyMemory(from: given.data, byteCount: 8 * given.data.count)
                owned.append(memory)
            }
            let values = memory.bindMemory(to: Double.self, capacity: max(given.data.count, 1))
            return DataField(field: field(name, given), rows: given.shape.first ?? 1, values: UnsafePointer(values))
        }
        return try procedure.run(data, listener)
    }

    private final class Recorded: ProcedureListener {
        var values: [String: [Observation.Value]] = [:]
        private var steps: [String: Int] = [:]

        func record(_ observation: Observation) {
            if steps[observation.output] != observation.step { values[observation.output] = [] }
            steps[observation.output] = observation.step
            values[observation.output, default: []].append(observation.value)
        }

        func record(step: Int, output: String, shape: [Int], values: [Double]) {
            self.values[output] = values.map { .number($0) }
        }

        func progress(step: Int) -> Bool { true }
    }
}
