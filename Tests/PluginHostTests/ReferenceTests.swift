import Engine
import Foundation
import Manifests
import PluginHost
import PluginTesting
import Protocols
import Testing

/// Numbers by reference and texts as constants: what routines of Fortran take.
@Suite struct ReferenceTests {
    private static let measure = """
        #include <stdint.h>
        #include <string.h>
        void gather(const double *x, const int64_t *n, const int32_t *rows, const uint16_t *seven, const float *half,
                    const uint8_t *flag, const int64_t *k, const double *rate, const char *word, double *out) {
            out[0] = (double)*n; out[1] = *rows; out[2] = *seven; out[3] = *half; out[4] = *flag; out[5] = (double)*k;
            out[6] = *rate; out[7] = (double)strlen(word) + word[0];
        }
        """

    private static func probe(_ change: (String) -> String = { $0 }) -> String {
        TemporaryPlugin.manifest(
            change(
                """
                {"kind": "probe", "id": "gather", "per": "run",
                 "params": [{"id": "flag", "type": "bool", "default": true}, {"id": "k", "type": "int", "default": -9},
                            {"id": "rate", "type": "float", "default": 0.375}],
                 "outputs": [{"id": "out", "dtype": "f64", "shape": [8]}],
                 "call": {"symbol": "gather", "returns": "void", "args": [
                   {"name": "x", "type": "f64*", "from": "quantity", "quantity": "head.input"},
                   {"name": "n", "type": "i64*", "from": "count", "of": "x"},
                   {"name": "rows", "type": "i32*", "from": "dim", "of": "x", "axis": 0},
                   {"name": "seven", "type": "u16*", "from": "const", "value": 7},
                   {"name": "half", "type": "f32*", "from": "const", "value": 0.5},
                   {"name": "flag", "type": "u8*", "from": "param"},
                   {"name": "k", "type": "i64*", "from": "param"},
                   {"name": "rate", "type": "f64*", "from": "param"},
                   {"name": "word", "type": "char*", "from": "const", "value": "Frobenius"},
                   {"name": "out", "type": "f64*", "from": "output"}]},
                 "examples": [{"name": "one", "given": {"x": {"shape": [5, 3], "data": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]}},
                   "expect": {"out": {"shape": [8], "data": [15, 5, 7, 0.5, 1, -9, 0.375, 79]}}}]}
                """))
    }

    @Test func everyNumberArrives() throws {
        let plugin = try TemporaryPlugin(source: Self.measure, manifest: Self.probe())
        let (count, failures) = try exampleFailures(ofPlugin: "org.example.case", registry: plugin.registry)
        #expect(count == 1 && failures.isEmpty, "\(failures)")
    }

    @Test(arguments: [
        (
            "\"u16*\", \"from\": \"const\", \"value\": 7", "\"u16*\", \"from\": \"const\", \"value\": 65536",
            "65536 is no value of type u16"
        ),
        ("\"char*\", \"from\": \"const\"", "\"i32*\", \"from\": \"const\"", "'Frobenius' is no value of type i32"),
        ("\"value\": \"Frobenius\"", "\"value\": 4", "4 is no value of type char*"),
        (
            "\"f64*\", \"from\": \"param\"", "\"i64*\", \"from\": \"param\"",
            "argument 'rate' has type i64*, but param 'rate' of type float needs f64"
        ),
        (
            "\"i64*\", \"from\": \"count\"", "\"f32*\", \"from\": \"count\"",
            "argument 'n' has type f32*, but 'count' needs i32 or i64"
        ),
        ("\"k\", \"type\": \"i64*\"", "\"k\", \"type\": \"i32*\"", "param 'k' has no min and max inside 32 bits"),
    ]) func wrongTypesAreNamed(text: String, other: String, sentence: String) throws {
        let manifest = Self.probe { $0.replacingOccurrences(of: text, with: other) }
        try #require(manifest != Self.probe())
        let plugin = try TemporaryPlugin(manifest: manifest)
        let rejected = try #require(plugin.registry.rejected.first)
        #expect("\(rejected.error)".contains(sentence), "\(rejected.error)")
    }

    private static func optimizer(elementwise: Bool, count: String) -> String {
        TemporaryPlugin.manifest(
            """
            {"kind": "optimizer", "id": "descent", "per": "parameter", "elementwise": \(elementwise),
             "params": [{"id": "lr", "type": "float", "default": 0.5}],
             "call": {"symbol": {"f32": "descent_f32", "f64": "descent_f64"}, "returns": "void", "args": [
               {"name": "w", "type": "T*", "from": "quantity", "quantity": "parameter.value", "access": "readwrite"},
               {"name": "g", "type": "T*", "from": "quantity", "quantity": "parameter.grad"},
               {"name": "n", "type": "\(count)", "from": "count", "of": "w"},
               {"name": "two", "type": "T*", "from": "const", "value": 2},
               {"name": "lr", "type": "f64*", "from": "param"}]},
             "examples": [{"name": "one", "given": {"w": {"shape": [2], "data": [3, 5]}, "g": {"shape": [2], "data": [1, -2]}},
               "expect": {"w": {"shape": [2], "data": [2, 7]}}}]}
            """)
    }

    private static let descent = """
        #include <stdint.h>
        void descent_f32(float *w, const float *g, const int64_t *n, const float *two, const double *lr) {
            for (int64_t i = 0; i < *n; i++) w[i] -= *two * (float)*lr * g[i];
        }
        void descent_f64(double *w, const double *g, const int64_t *n, const double *two, const double *lr) {
            for (int64_t i = 0; i < *n; i++) w[i] -= *two * *lr * g[i];
        }
        """

    /// In both precisions, and with a schedule, which changes the number behind the pointer in every step.
    @Test(arguments: [Precision.f32, .f64]) func schedulesReachNumbersByReference(precision: Precision) throws {
        let plugin = try TemporaryPlugin(
            source: Self.descent, manifest: Self.optimizer(elementwise: false, count: "i64*"))
        let registry = Registry(paths: [plugin.path] + Registry.searchPath())
        let choice = Choice(
            component: "org.example.case/descent", options: ["lr": .double(0.5)],
            schedules: [
                "lr": Choice(
                    component: "syzygy.schedules/step",
                    options: [
                        "size": .int(1), "gamma": .double(0.5), "warmup": .int(0),
                    ])
            ])
        let bench = try UpdateBench(
            choice, kind: .optimizer, values: [("p", [3], [1, 2, 3])], precision: precision,
            loader: ComponentLoader(registry: registry, seed: 0, steps: 4))
        try bench.update([[1, 1, -1]])  // lr 0.5, times 2
        #expect(bench.values() == [0, 1, 4])
        bench.set(step: 1)
        try bench.update([[1, 1, -1]])  // lr 0.25, times 2
        #expect(bench.values() == [-0.5, 0.5, 4.5])
    }

    /// Functions that are called on parts have their counts by value.
    @Test func partsHaveTheirCountsByValue() throws {
        let plugin = try TemporaryPlugin(manifest: Self.optimizer(elementwise: true, count: "i64*"))
        let rejected = try #require(plugin.registry.rejected.first)
        #expect(
            "\(rejected.error)".contains("argument 'n' has type i64*, but 'count' needs i32 or i64"),
            "\(rejected.error)")
        let byValue = try TemporaryPlugin(manifest: Self.optimizer(elementwise: true, count: "i64"))
        #expect(byValue.registry.rejected.isEmpty)
    }
}
