import Manifests
import Protocols

/// What calling a plugin costs, measured with `Tests/Benchmarks/plugin`: a probe of eight arguments that does next to nothing.
package enum HostBenchmark {
    /// Seconds by name; of the calls, the fastest of many blocks.
    package static func run(folder: String) throws -> JSON {
        let first = try bind(folder)
        let binds = try (0..<50).map { _ in try bind(folder) }.sorted()
        let calls = try callTimes(folder)
        let small = try roundTrips(folder, rows: 1, columns: 8, calls: 2000)
        let large = try roundTrips(folder, rows: 4096, columns: 2048, calls: 12)
        let bytes = 4096.0 * 2048 * 8
        return .object([
            "direct_call": .double(calls.direct), "bound_call": .double(calls.bound), "first_bind": .double(first),
            "bind": .double(binds[binds.count / 2]), "round_trip": .double(small.isolated),
            "in_process": .double(small.here), "copied_bytes": .double(bytes),
            "copying": .double(large.isolated - large.here),
        ])
    }

    private static let choice = Choice(component: "syzygy.bench/eight")

    private static func seconds(_ body: () throws -> Void) rethrows -> Double {
        let elapsed = try ContinuousClock().measure(body)
        return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
    }

    /// From a manifest that has been read to a function that can be called; the first time the library is opened.
    private static func bind(_ folder: String) throws -> Double {
        let registry = Registry(paths: [folder])
        if let rejected = registry.rejected.first { throw rejected.error }
        return try seconds { _ = try frame(ComponentLoader(registry: registry, seed: 1)) }
    }

    private static func frame(_ loader: ComponentLoader) throws -> (CallFrame, LoadedComponent) {
        let loaded = try loader.component(choice, .probe)
        return (try loaded.frame(), loaded)
    }

    private typealias Eight =
        @convention(c) (
            UnsafePointer<Double>, Int64, Int64, Double, Int32, UInt64, Int64, UnsafeMutablePointer<Double>
        ) -> Void

    /// One call of the function as the host makes it and as C does.
    private static func callTimes(_ folder: String) throws -> (bound: Double, direct: Double) {
        let (frame, _) = try frame(ComponentLoader(registry: Registry(paths: [folder]), seed: 1))
        var numbers = [3.0, 0]
        return try numbers.withUnsafeMutableBufferPointer { numbers in
            guard let x = numbers.baseAddress else { return (0, 0) }
            try frame.bind(["x": Operand(.memory(x), shape: [1, 1]), "out": Operand(.memory(x + 1), shape: [])])
            let prepared = frame.prepared, function = unsafeBitCast(prepared.address, to: Eight.self)
            let block = 5000
            var bound = Double.infinity, direct = Double.infinity
            for _ in 0..<400 {
                direct = min(direct, seconds { for i in 0..<block { function(x, 1, 1, 2, 1, 1, Int64(i), x + 1) } })
                var failed: Int32 = 0
                bound = min(
                    bound,
                    seconds {
                        for i in 0..<block {
                            prepared.set(step: i)
                            failed |= prepared.call()
                        }
                    })
                guard failed == 0 else { throw PluginError(folder, "the call failed") }
            }
            return (bound / Double(block), direct / Double(block))
        }
    }

    private struct Input: QuantitySource {
        let input: Quantity

        func quantity(_ expression: String, layer: String) throws -> Quantity? { input }
    }

    /// A measurement in this process and in another one, in turns: the medians.
    private static func roundTrips(
        _ folder: String, rows: Int, columns: Int, calls: Int
    ) throws -> (isolated: Double, here: Double) {
        let values = UnsafeMutablePointer<Double>.allocate(capacity: rows * columns)
        values.initialize(repeating: 1, count: rows * columns)
        defer { values.deallocate() }
        let source = Input(input: Quantity(data: .real(values), shape: [rows, columns]))
        func probe(_ mode: Isolation.Mode) throws -> any Probe {
            let registry = Registry(paths: [folder])
            return try ComponentLoader(registry: registry, seed: 1, isolation: Isolation(mode: mode)).probe(choice)
        }
        let probes = [try probe(.all), try probe(.none)]
        var times: [[Double]] = [[], []]
        for _ in 0..<calls {
            for (i, probe) in probes.enumerated() {
                var wrong = false
                times[i].append(
                    try seconds {
                        try probe.measure(step: 4, layer: "fc1", quantities: source) { observation in
                            if case .missing = observation.value { wrong = true }
                        }
                    })
                if wrong { throw PluginError(folder, "a measurement gave no value") }
            }
        }
        let medians = times.map { $0.sorted()[calls / 2] }
        return (medians[0], medians[1])
    }
}
