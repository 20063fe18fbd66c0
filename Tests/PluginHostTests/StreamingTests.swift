import Manifests
import PluginHost
import Protocols
import Testing

/// Streaming probes and states of probes at the boundary.
@Suite struct StreamingTests {
    /// Sums of rows after a `begin` that says from where, the number of passes, and how many observations there were.
    private static let source = """
        #include <stdint.h>
        #include <stdio.h>
        #include <string.h>
        void begin(double *sum, int64_t d, double from) { for (int64_t j = 0; j < d; j++) sum[j] = from; }
        int32_t add(const double *x, int64_t n, int64_t d, double *sum, int64_t *passes, char *message, size_t size) {
            for (int64_t i = 0; i < n; i++)
                for (int64_t j = 0; j < d; j++) sum[j] += x[i * d + j];
            ++*passes;
            if (x[0] == 77) { snprintf(message, size, "seventy_seven"); return 4; }
            if (x[0] == 78) { snprintf(message, size, "The number 78 is too much"); return 2; }
            return 0;
        }
        void finish(const double *sum, const int64_t *passes, int64_t *seen, double *last, int64_t d, double *total,
                    double *count, double *before) {
            *before = *last + (double)*seen;
            ++*seen;
            *last = sum[0];
            *count = (double)*passes;
            memcpy(total, sum, sizeof(double) * d);
        }
        """

    private static func manifest(shape: String = #"["d"]"#) -> String {
        TemporaryPlugin.manifest(
            """
            {"kind": "probe", "id": "sums", "per": "layer",
             "params": [{"id": "from", "type": "float", "default": 10}, {"id": "many", "type": "int", "default": 30000000}],
             "dims": {"d": {"of": "x", "axis": 1}, "many": {"param": "many"}},
             "outputs": [{"id": "total", "dtype": "f64", "shape": ["d"]}, {"id": "count", "dtype": "f64", "shape": []},
                         {"id": "before", "dtype": "f64", "shape": []}],
             "accumulators": [{"id": "sum", "dtype": "f64", "shape": \(shape)}, {"id": "passes", "dtype": "i64", "shape": []}],
             "state": [{"id": "seen", "dtype": "i64", "shape": [], "init": {"kind": "ones"}},
                       {"id": "last", "shape": [1], "init": {"kind": "constant", "value": {"param": "from", "mul": 2}}}],
             "begin": {"symbol": "begin", "returns": "void", "args": [
               {"name": "sum", "type": "f64*", "from": "accumulator"},
               {"name": "d", "type": "i64", "from": "count", "of": "sum"},
               {"name": "from", "type": "f64", "from": "param"}]},
             "add": {"symbol": "add", "returns": "status", "args": [
               {"name": "x", "type": "f64*", "from": "quantity"},
               {"name": "n", "type": "i64", "from": "dim", "of": "x", "axis": 0},
               {"name": "d", "type": "i64", "from": "dim", "of": "x", "axis": 1},
               {"name": "sum", "type": "f64*", "from": "accumulator"},
               {"name": "passes", "type": "i64*", "from": "accumulator"},
               {"name": "message", "type": "char*", "from": "message"},
               {"name": "size", "type": "size", "from": "message_size"}]},
             "finish": {"symbol": "finish", "returns": "void", "args": [
               {"name": "sum", "type": "f64*", "from": "accumulator"},
               {"name": "passes", "type": "i64*", "from": "accumulator"},
               {"name": "seen", "type": "i64*", "from": "state"},
               {"name": "last", "type": "f64*", "from": "state"},
               {"name": "d", "type": "i64", "from": "count", "of": "sum"},
               {"name": "total", "type": "f64*", "from": "output"},
               {"name": "count", "type": "f64*", "from": "output"},
               {"name": "before", "type": "f64*", "from": "output"}]},
             "bindings": {"in": {"x": "layer.input"}, "out": {"x": "layer.output"}},
             "examples": [{"name": "two", "binding": "in", "given": {"x": {"shape": [2, 1], "data": [1, 2]}},
               "expect": {"total": {"shape": [1], "data": [13]}, "count": 1, "seen": 2}}]}
            """)
    }

    private final class Rows: QuantitySource {
        let memory: [String: (UnsafeMutablePointer<Double>, shape: [Int])]

        init(_ arrays: [String: (shape: [Int], data: [Double])]) {
            memory = arrays.mapValues { shape, data in
                let pointer = UnsafeMutablePointer<Double>.allocate(capacity: max(data.count, 1))
                pointer.initialize(from: data, count: data.count)
                return (pointer, shape)
            }
        }

        deinit { for (pointer, _) in memory.values { pointer.deallocate() } }

        func quantity(_ expression: String, layer: String) -> Quantity? {
            memory[expression].map { Quantity(data: .real(UnsafePointer($0.0)), shape: $0.shape) }
        }
    }

    /// Values by output after passes that begin with these numbers, three rows wide 2 each.
    private static func observe(
        _ probe: any Probe, _ firsts: [Double], memory: ProbeMemory
    ) throws -> [String: String] {
        for first in firsts {
            let rows = Rows([
                "layer.input": ([3, 2], [first, 1, 0, 1, 0, 1]), "layer.output": ([3, 1], [first, first, first]),
            ])
            probe.add(layer: "fc1", rows: rows, memory: memory)
        }
        var values: [String: String] = [:]
        try probe.measure(step: 0, layer: "fc1", quantities: Rows([:]), memory: memory) { observation in
            let name = observation.output + (observation.index.map { "\($0)" } ?? "")
            switch observation.value {
            case .number(let value): values[name] = "\(value)"
            case .missing(let reason): values[name] = reason
            }
        }
        memory.endObservation()
        return values
    }

    @Test func passesAndStates() throws {
        let plugin = try TemporaryPlugin(source: Self.source, manifest: Self.manifest())
        let probe = try plugin.loader.probe(Choice(component: "sums"))
        #expect(probe.hasState && probe.streamed.map(\.expression).sorted() == ["layer.input", "layer.output"])
        let memory = ProbeMemory()
        #expect(
            try Self.observe(probe, [1, 2], memory: memory) == [
                "in.total0": "13.0", "in.total1": "16.0", "in.count": "2.0", "in.before": "21.0",
                "out.total0": "19.0", "out.count": "2.0", "out.before": "21.0",
            ])
        // Accumulators begin anew, states do not.
        #expect(try Self.observe(probe, [5], memory: memory)["in.before"] == "15.0")
        #expect(memory.states["in:seen"]?.numbers == [3] && memory.states["out:last"]?.numbers == [25])
        #expect(memory.accumulators.isEmpty)
    }

    /// A pass that fails costs the values of the binding, says why once, and leaves states alone.
    @Test func failures() throws {
        let plugin = try TemporaryPlugin(source: Self.source, manifest: Self.manifest())
        var notes: [String] = []
        let loader = ComponentLoader(registry: plugin.registry, seed: 9) { notes.append($0) }
        let probe = try loader.probe(Choice(component: "sums"))
        let memory = ProbeMemory()
        #expect(Set(try Self.observe(probe, [1, 77, 3], memory: memory).values) == ["seventy_seven"])
        #expect(Set(try Self.observe(probe, [78, 78], memory: memory).values) == ["failed_status_2"])
        #expect(notes.count == 2 && notes[0].contains("add of plugin org.example.case/sums failed: The number 78"))
        #expect(Set(try Self.observe(probe, [], memory: memory).values) == ["no_samples"])
        #expect(Set(try Self.observe(probe, [.nan], memory: memory).values) == ["input_not_finite"])
        #expect(memory.states.isEmpty)
        #expect(try Self.observe(probe, [1], memory: memory)["in.before"] == "21.0")
    }

    @Test func tooLargeAnAccumulator() throws {
        let plugin = try TemporaryPlugin(source: Self.source, manifest: Self.manifest(shape: #"["many"]"#))
        var notes: [String] = []
        let loader = ComponentLoader(registry: plugin.registry, seed: 9) { notes.append($0) }
        let probe = try loader.probe(Choice(component: "sums"))
        #expect(Set(try Self.observe(probe, [1], memory: ProbeMemory()).values) == ["cannot_be_called"])
        #expect(notes.first?.contains("accumulator 'sum' of shape [30000000] has more than 2^24 numbers") == true)
    }
}
