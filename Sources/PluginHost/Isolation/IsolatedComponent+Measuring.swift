import Manifests
import Protocols

/// Calls of components that take quantities.
extension IsolatedComponent {
    /// Gives rows to `add`, whose accumulators come back into `memory`.
    func add(
        _ expressions: [String], of rows: any QuantitySource, layer: String, _ memory: ProbeMemory,
        note: (String) -> Void
    ) throws {
        var answer = try call(what: Self.pass(of: layer)) { message in
            try message.put(false)
            try message.put(layer)
            try message.put(memory)
            try message.put(expressions, of: rows, layer: layer)
        }
        try answer.memory(into: memory)
        for _ in 0..<(try answer.integer()) { note(try answer.text()) }
    }

    /// Calls the function that measures; the answer is the kind's.
    func measure(
        _ expressions: [String], of quantities: any QuantitySource, step: Int, layer: String, _ memory: ProbeMemory
    ) throws -> MessageReader {
        try call(
            what: Self.place(step, layer),
            network: { request, answer in
                guard let network = quantities.derivatives else { throw Channel.Broken.malformed }
                try network.answer(&request, &answer)
            }
        ) { message in
            try message.put(true)
            try message.put(layer)
            try message.put(memory)
            try message.put(expressions, of: quantities, layer: layer)
            try message.put(step)
        }
    }

    /// What goes wrong costs values, each with this reason, and not the run.
    static func reason(_ error: any Error, _ place: String, note: (String) -> Void) -> String {
        if let failure = error as? SandboxFailure { return failure.reason }
        note("\(place): \(error)")
        return "cannot_be_called"
    }

    static func pass(of layer: String) -> String { layer.isEmpty ? "a pass" : "a pass of \(layer)" }
    static func place(_ step: Int, _ layer: String) -> String { "step \(step)\(layer.isEmpty ? "" : ", \(layer)")" }
}
