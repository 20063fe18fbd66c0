import Foundation
import Manifests
import PluginHost
import PluginTesting
import Protocols
import Testing

/// Scans and fixed points built by plugins.
@Suite struct LoopTests {
    /// `memory` sums h_t = decay h_{t-1} + f_t over the columns of f; `equation` solves z = decay z + f and sums it. Modes of
    /// `memory` do what a plugin must not.
    private static let source = """
        #include <syzygy.h>
        static syzygy_node two(const syzygy_graph *g, const char *op, syzygy_node a, syzygy_node b) {
            return g->apply(g->context, op, (syzygy_node[]){a, b}, 2, 0, 0);
        }
        syzygy_status memory(const syzygy_graph *g, syzygy_node f, syzygy_node y, double decay, int32_t mode, syzygy_node *loss) {
            void *c = g->context;
            syzygy_node columns = g->apply(c, "transpose", &f, 1, 0, 0), first, x, h, last, all;
            first = g->apply(c, "sum", &f, 1, &(syzygy_attribute){"axis", 1}, 1);
            first = two(g, "sub", first, first);
            syzygy_attribute truncate = {mode == 1 ? "truncat" : "truncate", 2};
            if (mode == 2) {
                *loss = g->end_scan(c, 0, 0, 0, 0, 0, 0);
                return SYZYGY_INVALID;
            }
            if (mode == 9) g->parameter(c, "own", "weight", (int64_t[]){3}, 1, (syzygy_initializer){"normal", 1}, 0, 0);
            if (mode == 10) g->layer(c, "own", f, f, -1, f);
            g->begin_scan(c, &columns, 1, &first, 1, &truncate, mode == 1 || mode == 3, &x, &h);
            syzygy_node next = two(g, "add", two(g, "mul", h, g->constant(c, decay)), x);
            if (mode == 4) g->end_fixed_point(c, next, (syzygy_node[3]){0});
            if (mode == 8) {
                *loss = g->apply(c, "sum", &f, 1, &(syzygy_attribute){"axis", 1}, 1);
                return SYZYGY_OK;
            }
            syzygy_node wide = mode == 7 ? g->shaped(c, "reshape", next, (int64_t[]){2, 1, 1, 1, 1, 1, 1, 1}, 8) : next;
            g->end_scan(c, &next, mode == 5 ? 0 : 1, &wide, 1, &last, &all);
            *loss = g->apply(c, "sum", mode == 6 ? &next : &all, 1, &(syzygy_attribute){"axis", 0}, mode != 6);
            return *loss < 0 ? SYZYGY_INVALID : SYZYGY_OK;
        }
        syzygy_status equation(const syzygy_graph *g, syzygy_node f, syzygy_node y, double decay, syzygy_node *loss) {
            void *c = g->context;
            syzygy_attribute options[] = {{"tolerance", 1e-15}, {"maximum", 200}};
            syzygy_node results[3], z = g->begin_fixed_point(c, f, options, 2);
            g->end_fixed_point(c, two(g, "add", two(g, "mul", z, g->constant(c, decay)), f), results);
            *loss = g->apply(c, "sum", results, 1, &(syzygy_attribute){"axis", 1}, 1);
            return *loss < 0 ? SYZYGY_INVALID : SYZYGY_OK;
        }
        """

    private static func loss(_ id: String, mode: String, _ examples: String) -> String {
        """
        {"kind": "loss", "id": "\(id)",
         "params": [{"id": "decay", "type": "float", "default": 0.5}
                    \(mode.isEmpty ? "" : ", {\"id\": \"mode\", \"type\": \"int\", \"default\": 0, \"min\": 0, \"max\": 10}")],
         "outputs": [{"id": "sample_loss", "shape": ["rows"]}],
         "call": {"symbol": "\(id)", "returns": "status", "args": [
            {"name": "g", "type": "service", "from": "service", "service": "syzygy.graph/1"},
            {"name": "f", "type": "i32", "from": "input", "input": "output"}, {"name": "y", "type": "i32", "from": "input"},
            {"name": "decay", "type": "f64", "from": "param"}, \(mode)
            {"name": "loss", "type": "i32*", "from": "output", "output": "sample_loss"}]},
         "examples": [\(examples)]}
        """
    }

    private static let given = """
        "given": {"decay": 0.5, "output": {"shape": [2, 3], "data": [2, 4, 8, 1, 0, 6]}, "y": {"shape": [2, 1], "data": [0, 0]}}
        """

    private let plugin: TemporaryPlugin

    init() throws {
        let mode = "{\"name\": \"mode\", \"type\": \"i32\", \"from\": \"param\"},"
        let sums =
            "{\"name\": \"sums\", \(Self.given), \"expect\": {\"sample_loss\": {\"shape\": [2], \"data\": [17.5, 7.75]}}}"
        let solved =
            "{\"name\": \"solved\", \(Self.given), \"expect\": {\"sample_loss\": {\"shape\": [2], \"data\": [28, 14]}}, \"rtol\": 1e-14}"
        plugin = try TemporaryPlugin(
            source: Self.source,
            manifest: TemporaryPlugin.manifest(
                Self.loss("memory", mode: mode, sums) + "," + Self.loss("equation", mode: "", solved)),
            flags: ["-I\(try Installation.root)/Sources/CSyzygy/include"])
    }

    /// 2, 5, 10.5 and 1, 0.5, 6.25; 2 (2 + 4 + 8) and 2 (1 + 6).
    @Test func values() throws {
        #expect(plugin.registry.rejected.map { "\($0.error)" } == [])
        let (count, failures) = try exampleFailures(ofPlugin: "org.example.case", registry: plugin.registry)
        #expect(count == 2)
        #expect(failures == [])
    }

    @Test(arguments: [
        (1, "scan: unknown attribute 'truncat'; did you mean 'truncate'?"), (2, "end_scan: nothing was begun"),
        (4, "end_fixed_point: a scan was begun last"), (5, "scan: 0 next carries; 1 expected"),
        (7, "[3, 2, 1, 1, 1, 1, 1, 1, 1] has more than 8 axes"),
        (8, "a scan or fixed point was begun and not ended"),
        (9, "parameter 'own': only models declare parameters and layers"),
        (10, "layer 'own': only models declare parameters and layers"),
    ])
    func misuseIsNamed(_ mode: Int, _ sentence: String) throws {
        let error = #expect(throws: PluginError.self) { try evaluated(mode) }
        #expect(error?.description.hasSuffix(sentence) == true, "\(error?.description ?? "")")
    }

    /// Truncated every 2 of 3 columns: ∂Σh/∂f = 1 + decay, 1, 1.
    @Test func truncation() throws {
        #expect(try evaluated(3).gradient == [1.5, 1, 1, 1.5, 1, 1])
        #expect(try evaluated(0).gradient == [1.75, 1.5, 1, 1.75, 1.5, 1])
    }

    private func evaluated(_ mode: Int) throws -> (loss: [Double], gradient: [Double]) {
        try evaluateLoss(
            Choice(component: "memory", options: ["mode": .int(mode)]), output: ([2, 3], [2, 4, 8, 1, 0, 6]),
            targets: ["y": (Field(name: "y", shape: [1]), [0, 0])], loader: plugin.loader)
    }
}
