import Foundation
import LinearAlgebra
import Manifests
import PluginHost
import PluginTesting
import Protocols
import Testing

private struct Source: QuantitySource {
    let derivatives: (any Derivatives)?
    func quantity(_ expression: String, layer: String) -> Quantity? { nil }
}

/// The tables of C functions, right and wrong uses of them.
@Suite struct DerivativesServiceTests {
    private static let source = """
        #include <math.h>
        #include <string.h>
        #include "syzygy.h"
        int32_t ask(const syzygy_objective *f, const syzygy_jacobian *j, int32_t mode, double *out)
        {
            void *c = f->context;
            int64_t p = f->parameter_count(c);
            double v[4] = {1, -1, 2, 0}, w[64];
            int64_t list[2] = {1, 0};
            syzygy_rows other = {"test", list, 0, 2}, negative = {0, list, 0, -5};
            switch (mode) {
            case 0: out[0] = p; out[1] = f->row_count(c, 0); return f->parameters(c, out + 2, p);
            case 1: return f->value(c, 0, 0, out) + f->gradient(c, v, 0, out + 1, p);
            case 2: return f->hessian_product(c, 0, 0, v, out, p) + f->gauss_newton_product(c, 0, 0, v, out + 3, p);
            case 3: return f->sample_squared_norms(c, 0, 0, out, 5);
            case 4: out[0] = j->width(j->context, "output");
                    return j->jvp(j->context, "output", "parameters", 0, 0, v, p, out + 1, 5);
            case 5: f->sample_gradients(c, 0, 0, w, 15); memcpy(out, w + 9, 3 * sizeof *w);
                    return j->vjp(j->context, "output", "parameters", 0, 0, w, 5, out + 3, p);
            case 10: return f->gradient(c, 0, 0, out, p + 1);
            case 11: return f->gradient(c, 0, 0, 0, p);
            case 12: return f->hessian_product(c, 0, 0, 0, out, p);
            case 13: return f->value(c, 0, &negative, out);
            case 14: return j->jvp(j->context, "output", "parameters", 0, 0, v, 2, out, 5);
            case 15: return f->sample_gradients(c, 0, &other, w, 64);   /* undefined here */
            case 16: f->gradient(c, 0, 0, out, 1); f->gradient(c, 0, 0, out, 2); return 0;
            case 17: return f->gradient(0, 0, 0, out, p);
            default: return 7;
            }
        }
        """

    private static let plugin = Result {
        try TemporaryPlugin(
            source: source,
            manifest: TemporaryPlugin.manifest(
                """
                {"kind": "probe", "id": "ask", "per": "run",
                 "params": [{"id": "mode", "type": "int", "default": 0, "min": 0, "max": 99}],
                 "outputs": [{"id": "out", "dtype": "f64", "shape": [8], "nan": "undefined_value"}],
                 "call": {"symbol": "ask", "returns": "status", "args": [
                    {"name": "f", "type": "service", "from": "service", "service": "syzygy.objective/1"},
                    {"name": "j", "type": "service", "from": "service", "service": "syzygy.jacobian/1"},
                    {"name": "mode", "type": "i32", "from": "param"},
                    {"name": "out", "type": "f64*", "from": "output"}]},
                 "examples": [{"name": "count", "given": {"x": {"shape": [1, 1], "data": [1]},
                    "y": {"shape": [1], "data": [0]}, "parameters": {"shape": [1], "data": [0]}},
                    "expect": {"out": {"undefined": "undefined_value"}}}]}
                """),
            flags: ["-I", try Installation.root + "/Sources/CSyzygy/include"])
    }

    /// 5 rows of 3 columns.
    private let network = LeastSquares(
        design: Matrix([[1, 0, 2], [0, 1, -1], [2, 2, 0], [1, -1, 1], [0, 3, 0.5]]), targets: [1, 0, -1, 2, 0.5],
        parameters: [0.5, -1, 0.25])

    private func ask(_ mode: Int, network: (any Derivatives)? = nil) throws -> (
        values: [Double], reasons: Set<String>, notes: [String]
    ) {
        final class Notes { var all: [String] = [] }
        let notes = Notes()
        let loader = ComponentLoader(registry: try Self.plugin.get().registry, seed: 0) { notes.all.append($0) }
        let probe = try loader.probe(Choice(component: "ask", options: ["mode": .int(mode)]))
        var values: [Double] = [], reasons: Set<String> = []
        try probe.measure(step: 3, layer: "", quantities: Source(derivatives: network)) { observation in
            values.append(observation.value.number)
            observation.value.reason.map { _ = reasons.insert($0) }
        }
        return (values, reasons, notes.all)
    }

    @Test func answers() throws {
        #expect(try ask(0, network: network).values.prefix(5) == [3, 5, 0.5, -1, 0.25])
        // By hand at θ = (1, -1, 2): errors 4, -3, 1, 2, -2.5; f at the current θ: errors 0, -1.25, 0, -0.25, -3.375.
        let first = try ask(1, network: network)
        #expect(abs(first.values[0] - (1.5625 + 0.0625 + 11.390625) / 10) < 1e-15)
        #expect(zip(first.values[1...3], [8, -10.5, 11.75]).allSatisfy { abs($0 - $1 / 5) < 1e-14 })
        let products = try ask(2, network: network)
        #expect(zip(products.values[0..<3], [9, -13, 16]).allSatisfy { abs($0 - $1 / 5) < 1e-14 })
        #expect(products.values[0..<3] == products.values[3..<6])
        #expect(try ask(3, network: network).values.prefix(4) == [0, 3.125, 0, 0.1875])
        #expect(try ask(4, network: network).values.prefix(6) == [1, 5, -3, 0, 4, -2])
        let samples = try ask(5, network: network)
        #expect(samples.values[0..<3] == [-0.25, 0.25, -0.25])
        // The plugin took the first five of the gradients of samples as u.
        #expect(samples.values[3..<6] == [0, -3.75, -0.625])
        for mode in 0...5 { #expect(try ask(mode, network: network).notes == []) }
    }

    /// No crash; a status for the plugin, a sentence for the user, a reason for the record.
    @Test func mistakes() throws {
        let place = "step 3: plugin org.example.case/ask: "
        for (mode, sentence) in [
            (10, "gradient: the result has 3 numbers, its place 4"),
            (11, "gradient: the place for the result is a null pointer"),
            (12, "hessian_product: the vector is a null pointer"),
            (13, "value: a list of -5 rows"),
            (14, "jvp: the vector has 2 numbers; 3 expected"),
        ] {
            let answer = try ask(mode, network: network)
            #expect(answer.notes == [place + sentence] && answer.reasons == ["failed_status_2"], "\(answer)")
        }
        // The first of two mistakes, although the function returned success.
        #expect(try ask(16, network: network).notes == [place + "gradient: the result has 3 numbers, its place 1"])
        // What does not exist has the network's reason.
        let missing = try ask(15, network: network)
        #expect(missing.reasons == ["only_own_rows"] && missing.notes == [])
        #expect(try ask(17, network: network).reasons == ["failed_status_2"])
        // Recorded arrays have no network.
        #expect(try ask(0).reasons == ["no_network"])
    }
}
