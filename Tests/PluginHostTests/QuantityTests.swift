import Foundation
import Manifests
import Observing
import PluginHost
import Protocols
import Testing

/// Quantities of plugins at the boundary.
@Suite struct QuantityTests {
    private static let source = """
        #include <stdint.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <math.h>
        int32_t power(const double *x, int64_t n, double exponent, int32_t mode, double *value, char *message, size_t size) {
            for (int64_t i = 0; i < n; i++) value[i] = mode == 0 ? pow(x[i], exponent) : -x[i];
            if (x[0] == 77) { snprintf(message, size, "seventy_seven"); return 4; }
            if (x[0] == 78) { snprintf(message, size, "The number 78 is too much"); return 2; }
            if (x[0] == 79) value[0] = NAN;
                return 0;
        }
        void collect(const double *x, const int32_t *y, int64_t n, int64_t d, double *sum) {
            for (int64_t i = 0; i < n; i++)
                for (int64_t j = 0; j < d; j++) sum[(int64_t)y[i] * d + j] += x[i * d + j];
        }
        void sums(const double *sum, const double *logits, int64_t k, int64_t d, double *value) {
            for (int64_t i = 0; i < k * d; i++) value[i] = sum[i];
        }
        void echo(const double *a, int64_t n, const double *b, int64_t m, double *first, double *last) {
            *first = a[0];
            *last = b[m - 1] + n;
        }
        """

    private static let manifest = TemporaryPlugin.manifest(
        """
        {"kind": "quantity", "id": "power",
         "params": [{"id": "exponent", "type": "float", "default": 2}, {"id": "mode", "type": "enum", "values": ["power", "minus"], "default": "power"}],
         "dims": {"n": {"of": "x", "axis": 0}},
         "outputs": [{"id": "value", "dtype": "f64", "shape": ["n"], "range": [-1000, 1000]}],
         "call": {"symbol": "power", "returns": "status", "args": [
           {"name": "x", "type": "f64*", "from": "quantity", "form": "vector"},
           {"name": "n", "type": "i64", "from": "dim", "of": "x", "axis": 0},
           {"name": "exponent", "type": "f64", "from": "param"},
           {"name": "mode", "type": "i32", "from": "param"},
           {"name": "value", "type": "f64*", "from": "output"},
           {"name": "message", "type": "char*", "from": "message"},
           {"name": "size", "type": "size", "from": "message_size"}]},
         "examples": [{"name": "squares", "given": {"x": {"shape": [2], "data": [3, -4]}},
           "expect": {"value": {"shape": [2], "data": [9, 16]}}}]},
        {"kind": "quantity", "id": "class_sums",
         "dims": {"k": {"of": "logits", "axis": 1}, "d": {"of": "x", "axis": 1}, "most": {"const": 3}},
         "outputs": [{"id": "value", "dtype": "f64", "shape": ["most", "d"]}],
         "accumulators": [{"id": "sum", "dtype": "f64", "shape": ["most", "d"]}],
         "add": {"symbol": "collect", "returns": "void", "args": [
           {"name": "x", "type": "f64*", "from": "quantity", "form": "samples"},
           {"name": "y", "type": "i32*", "from": "quantity", "quantity": "labels"},
           {"name": "n", "type": "i64", "from": "dim", "of": "x", "axis": 0},
           {"name": "d", "type": "i64", "from": "dim", "of": "x", "axis": 1},
           {"name": "sum", "type": "f64*", "from": "accumulator"}]},
         "finish": {"symbol": "sums", "returns": "void", "args": [
           {"name": "sum", "type": "f64*", "from": "accumulator"},
           {"name": "logits", "type": "f64*", "from": "quantity", "quantity": "model.output"},
           {"name": "k", "type": "i64", "from": "dim", "of": "logits", "axis": 1},
           {"name": "d", "type": "i64", "from": "dim", "of": "sum", "axis": 1},
           {"name": "value", "type": "f64*", "from": "output"}]},
         "examples": [{"name": "two classes",
           "given": {"x": {"shape": [3, 2], "data": [1, 2, 3, 4, 5, 6]}, "y": {"shape": [3], "data": [0, 1, 0]},
                     "logits": {"shape": [3, 3], "data": [0, 0, 0, 0, 0, 0, 0, 0, 0]}},
           "expect": {"value": {"shape": [3, 2], "data": [6, 8, 3, 4, 0, 0]}}}]},
        {"kind": "probe", "id": "echo", "per": "layer",
         "outputs": [{"id": "first", "dtype": "f64", "shape": []}, {"id": "last", "dtype": "f64", "shape": []}],
         "call": {"symbol": "echo", "returns": "void", "args": [
           {"name": "a", "type": "f64*", "from": "quantity", "quantity": "org.example.case/power(layer.bias, exponent=3)"},
           {"name": "n", "type": "i64", "from": "count", "of": "a"},
           {"name": "b", "type": "f64*", "from": "quantity",
            "quantity": "org.example.case/power(org.example.case/power(layer.bias), mode=minus)"},
           {"name": "m", "type": "i64", "from": "count", "of": "b"},
           {"name": "first", "type": "f64*", "from": "output"},
           {"name": "last", "type": "f64*", "from": "output"}]},
         "examples": [{"name": "one", "given": {"a": {"shape": [2], "data": [8, 27]}, "b": {"shape": [2], "data": [-4, -9]}},
           "expect": {"first": 8, "last": -7}}]}
        """)

    private let plugin: TemporaryPlugin
    init() throws { plugin = try TemporaryPlugin(source: Self.source, manifest: Self.manifest) }

    /// The values of the probe from a bias, and what was noted.
    private func echo(_ bias: [Double]) throws -> (values: [String: Observation.Value], notes: [String]) {
        var notes: [String] = []
        let loader = ComponentLoader(registry: plugin.registry, seed: 9) { notes.append($0) }
        let probe = try loader.probe(Choice(component: "echo"))
        let recorded = RecordedQuantities(
            ["fc1/layer.bias": .init(shape: [bias.count], data: bias)], definitions: loader)
        var values: [String: Observation.Value] = [:]
        try probe.measure(step: 3, layer: "fc1", quantities: recorded) { values[$0.output] = $0.value }
        return (values, notes)
    }

    @Test func valuesAndOptions() throws {
        let (values, notes) = try echo([2, -3])
        // 2³, and -(-3)² + 2 numbers.
        #expect(values == ["first": .number(8), "last": .number(-7)] && notes == [])
    }

    @Test(arguments: [
        (77.0, "seventy_seven", []),
        (78, "failed_status_2", ["step 0, fc1: plugin org.example.case/power failed: The number 78 is too much"]),
        (79, "nan_result", []), (11, "out_of_range", []), (.infinity, "input_not_finite", []),
    ])
    func without(_ bias: Double, _ reason: String, _ words: [String]) throws {
        let (values, notes) = try echo([bias, 1])
        #expect(values == ["first": .missing(reason: reason), "last": .missing(reason: reason)])
        #expect(notes == words)
    }

    @Test func passes() throws {
        let loader = plugin.loader
        let expression = "org.example.case/class_sums(layer.input)"
        let quantity = try loader.definition(of: expression)
        #expect(quantity.streamed.map(\.expression) == ["labels", "layer.input"])
        #expect(quantity.needs.map(\.expression) == ["model.output"])
        #expect(try loader.definition(of: expression) === quantity)
        let recorded = RecordedQuantities(
            [
                "fc1/layer.input": .init(shape: [4, 2], data: [1, 10, 2, 20, 3, 30, 4, 40]),
                "labels": .init(shape: [4], data: [2, 0, 2, 1]),
                "model.output": .init(shape: [4, 3], data: [Double](repeating: 0, count: 12)),
            ], definitions: loader)
        let value = try #require(try recorded.quantity(expression, layer: "fc1"))
        guard case .real(let data) = value.data else { return }
        #expect(value.shape == [3, 2] && !value.isOfSamples)
        #expect((0..<6).map { data[$0] } == [2, 20, 4, 40, 4, 40])
        // A network without labels.
        let lacking = RecordedQuantities(
            [
                "fc1/layer.input": .init(shape: [1, 2], data: [1, 10]),
                "model.output": .init(shape: [1, 3], data: [0, 0, 0]),
            ], definitions: loader)
        let reason = #expect(throws: Undefined.self) { try lacking.quantity(expression, layer: "fc1") }
        #expect(reason?.reason == "no_labels")
    }

    @Test func missingPlugins() throws {
        let loader = plugin.loader
        #expect(throws: PluginError.self) { try loader.definition(of: "org.example.case/powers(layer.bias)") }
        #expect(throws: PluginError.self) { try loader.definition(of: "layer.bias") }
    }
}
