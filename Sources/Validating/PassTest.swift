import Manifests
import PluginHost
import Protocols

/// P6 and X1 of probes: what they collect over passes of rows, and what they keep over observations.
enum PassTest {
    /// One example for each binding, with random arrays.
    private static func examples(_ subject: Subject, _ sizes: TrialSizes, draw: inout Draw) throws -> [Example] {
        guard let first = subject.component.examples.first else { return [] }
        return try subject.random(sizes, draw: &draw).map { input in
            var example = first
            example.binding = input.example?.binding
            example.given = [:]
            for (name, tensor) in input.tensors {
                example.given[name] = .array(shape: tensor.shape, data: tensor.data)
            }
            return example
        }
    }

    /// Whatever it declares: the host chooses the sizes of passes.
    static func run(_ examination: Examination, _ subject: Subject) throws {
        let component = subject.component, options = try subject.usualOptions()
        let declared = component.properties.first { $0.kind == .chunkInvariant }
        var draw = examination.draw("rows")
        let random = try examples(subject, TrialSizes(rows: 29), draw: &draw)
        let given = try component.examples.map { ($0, try $0.options(of: component)) } + random.map { ($0, options) }
        for (example, options) in given {
            func values(_ rows: Int) throws -> [String: [Observation.Value]] {
                try ExampleRun(component, example, subject.registry, options: options, passRows: rows).results()
            }
            examination.begin("example '\(example.name)', one pass")
            let whole = try values(512)
            for rows in [1, 2, 7] {
                examination.begin("example '\(example.name)', passes of \(rows)")
                let parts = try values(rows)
                for (name, expected) in whole.sorted(by: { $0.key < $1.key }) {
                    let found = parts[name] ?? []
                    let closeness = Closeness(
                        input: TrialInput(label: "", options: [:]), rtol: declared?.rtol ?? 1e-8)
                    let isSameKind = zip(expected, found).allSatisfy { $0.isMissing == $1.isMissing }
                    let i = closeness.difference(found.map(\.zeroed), expected.map(\.zeroed))
                    guard i != nil || !isSameKind else { continue }
                    let index = i ?? 0
                    return examination.report(
                        .error, at: declared?.pointer ?? component.add?.pointer,
                        "'\(name)'[\(index)] is \(expected[index]) from one pass and "
                            + "\(found.indices.contains(index) ? "\(found[index])" : "missing") from passes of \(rows) rows",
                        advice: "merge what a pass gives with what the accumulators have, weighted by their rows")
                }
            }
        }
    }

    /// States copied half way give what they give without the copy.
    static func resumed(_ examination: Examination, _ subject: Subject) throws {
        let component = subject.component, half = 5
        for options in try [subject.usualOptions()] + component.examples.map({ try $0.options(of: component) }) {
            var draw = examination.draw("observations")
            let observations = try (0..<2 * half).compactMap { _ in
                try examples(subject, TrialSizes(), draw: &draw).first
            }
            func measure(_ probe: any Probe, _ range: Range<Int>, _ memory: ProbeMemory) throws -> [String] {
                try range.map { index in
                    let run = try ExampleRun(component, observations[index], subject.registry, options: options)
                    let values = try run.probe(probe, memory: memory).sorted { $0.key < $1.key }
                    memory.endObservation()
                    return "\(values.map { "\($0.key) \($0.value.map(\.bits))" })"
                }
            }
            func probe() throws -> any Probe {
                try subject.loader(seed: examination.seed).probe(subject.choice(options))
            }
            examination.begin("\(half) observations, a checkpoint, \(half) observations")
            let memory = ProbeMemory(), whole = try probe()
            _ = try measure(whole, 0..<half, memory)
            let copy = ProbeMemory()
            copy.states = memory.states.mapValues { state in
                let tensor = ProbeMemory.Tensor(shape: state.shape, isInteger: state.isInteger)
                tensor.pointer.copyMemory(from: state.pointer, byteCount: state.bytes)
                return tensor
            }
            let expected = try measure(whole, half..<2 * half, memory)
            let found = try measure(probe(), half..<2 * half, copy)
            guard let i = expected.indices.first(where: { expected[$0] != found[$0] }) else { continue }
            return examination.report(
                .error, at: component.call.pointer,
                "a resumed run differs at its observation \(i + 1): \(found[i]), and \(expected[i]) without the interruption",
                advice: "keep in \"state\" all that a later observation needs")
        }
    }
}

extension Observation.Value {
    fileprivate var isMissing: Bool { reason != nil }
    fileprivate var zeroed: Double { isMissing ? 0 : number }
    fileprivate var bits: String { reason ?? String(number.bitPattern, radix: 16) }
}
