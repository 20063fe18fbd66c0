import Engine
import Manifests
import PluginHost
import PluginTesting
import Testing

/// Elementwise functions called part by part, from several threads.
@Suite struct PartedCallTests {
    /// Adds 2 w to the gradient and gives Σ w²; refuses weights of 1000 and more.
    private static let source = """
        #include <stdint.h>
        #include <stdio.h>
        double square(const double *w, double *g, int64_t n)
        {
            double sum = 0;
            for (int64_t i = 0; i < n; i++) { sum += w[i] * w[i]; g[i] += 2 * w[i]; }
            return sum;
        }
        int32_t picky(double *w, const double *g, double *count, int32_t n, double lr, int64_t step, char *message,
                      size_t size)
        {
            for (int32_t i = 0; i < n; i++) {
                if (w[i] >= 1000) {
                    snprintf(message, size, "the weight is %.0f", w[i]);
                    return 2;
                }
                w[i] -= lr * g[i] * (double)(step + 1);
                count[i] += 1;
            }
            return 0;
        }
        """
    private static let components = """
        {"kind": "regularizer", "id": "square", "elementwise": true,
         "outputs": [{"id": "value", "dtype": "f64", "shape": []}],
         "call": {"symbol": {"f64": "square"}, "returns": {"type": "f64", "output": "value"}, "args": [
            {"name": "w", "type": "T*", "from": "quantity", "quantity": "parameter.value"},
            {"name": "g", "type": "T*", "from": "quantity", "quantity": "parameter.grad", "access": "readwrite"},
            {"name": "n", "type": "i64", "from": "count", "of": "w"}]},
         "examples": [{"name": "two", "given": {"w": {"shape": [2], "data": [1, 2]}, "g": {"shape": [2], "data": [0, 0]}},
            "expect": {"value": 5}}]},
        {"kind": "optimizer", "id": "picky", "elementwise": true,
         "params": [{"id": "lr", "type": "float", "default": 0.5, "min": 0}],
         "state": [{"id": "count", "like": "parameter", "init": {"kind": "zeros"}, "mutable": true}],
         "call": {"symbol": {"f64": "picky"}, "returns": "status", "args": [
            {"name": "w", "type": "T*", "from": "quantity", "quantity": "parameter.value", "access": "readwrite"},
            {"name": "g", "type": "T*", "from": "quantity", "quantity": "parameter.grad"},
            {"name": "count", "type": "T*", "from": "state"},
            {"name": "n", "type": "i32", "from": "count", "of": "w"},
            {"name": "lr", "type": "f64", "from": "param"}, {"name": "step", "type": "i64", "from": "step"},
            {"name": "message", "type": "char*", "from": "message"},
            {"name": "message_size", "type": "size", "from": "message_size"}]},
         "examples": [{"name": "one", "given": {"w": {"shape": [1], "data": [3]}, "g": {"shape": [1], "data": [2]}},
            "expect": {"w": {"shape": [1], "data": [2]}}}]}
        """
    private static let count = 211 * 97  // ten parts
    private let plugin: TemporaryPlugin

    init() throws {
        plugin = try TemporaryPlugin(source: Self.source, manifest: TemporaryPlugin.manifest(Self.components))
    }

    private func bench(_ component: String, _ values: [Double], threads: Int) throws -> UpdateBench {
        try UpdateBench(
            Choice(component: component), kind: component == "picky" ? .optimizer : .regularizer,
            values: [("w", [211, 97], values), ("v", [3], [5, 6, 7])], loader: plugin.loader, threads: threads)
    }

    @Test func partsMakeUpTheWhole() throws {
        let values = (0..<Self.count).map { Double($0 % 13) - 6.5 }
        var penalties: Set<Double> = []
        for threads in [1, 2, 3] {
            let bench = try bench("square", values, threads: threads)
            bench.setGradient([Double](repeating: 1, count: Self.count))
            penalties.insert(try bench.penalty())
            #expect(bench.gradient() == values.map { 1 + 2 * $0 } && bench.gradient(1) == [10, 12, 14])
            let picky = try self.bench("picky", values, threads: threads)
            for _ in 0..<2 { try picky.update([[Double](repeating: 2, count: Self.count), [0, 0, 4]]) }
            #expect(picky.values() == values.map { $0 - 3 })
            #expect(picky.values(1) == [5, 6, 1])
            #expect(picky.state("count/w") == [Double](repeating: 2, count: Self.count))
        }
        let sum = values.reduce(110) { $0 + $1 * $1 }  // exact: quarters
        #expect(penalties == [sum])
    }

    /// Of two programs with the same updates, as the objective of an optimizer has them, each gives its own value: 5² + 6² + 7².
    @Test func programsTakeTurns() throws {
        let bench = try bench("square", [Double](repeating: 0, count: Self.count), threads: 1)
        let attached = try plugin.loader.regularizer(Choice(component: "square")).attach(to: bench.store, blocks: [1])
        let update = try #require(attached.updates.first),
            parts = Update.Parts(count: 3, elementsPerUnit: 1, threads: 1)
        let programs = [update.arguments(parts), update.arguments(parts)]
        for program in [0, 1, 1, 0] {
            update.kernel(programs[program], 0, 3, 0)
            #expect(try attached.end() == 110)
        }
        #expect(try attached.end() == 0)
    }

    /// The first part that fails speaks, whatever the threads; the others have done theirs, and the next run starts afresh.
    @Test(arguments: [1, 2, 3]) func theFirstFailureIsReported(threads: Int) throws {
        var values = [Double](repeating: 1, count: Self.count)
        (values[9_000], values[15_000]) = (1001, 1002)
        let bench = try bench("picky", values, threads: threads)
        let zeros = [Double](repeating: 0, count: Self.count)
        let error = #expect(throws: PluginError.self) { try bench.update([zeros, [0, 0, 0]]) }
        #expect(
            error?.description
                == "plugin org.example.case/picky: failed (invalid arguments): the weight is 1001")
        let counts = bench.state("count/w") ?? []
        #expect(counts[0] == 1 && counts[8_999] == 1 && counts[9_000] == 0 && counts[Self.count - 1] == 1)
        bench.store.set(block: 0, zeros)
        try bench.update([zeros, [0, 0, 0]])
        #expect(bench.state("count/w")?[9_000] == 1)
    }
}
