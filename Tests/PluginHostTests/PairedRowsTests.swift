import Manifests
import PluginTesting
import Protocols
import Testing

/// A probe that pairs row i of one quantity with row i of another never sees different numbers of rows.
@Suite struct PairedRowsTests {
    private static let source = """
        #include <stdint.h>
        double paired(const double *x, int64_t n, const int32_t *labels, const double *mean)
        {
            double sum = mean[0];
            for (int64_t i = 0; i < n; i++) sum += x[i] * labels[i];
            return sum;
        }
        """

    private static let component = """
        {"kind": "probe", "id": "paired", "per": "layer", "outputs": [{"id": "sum", "dtype": "f64", "shape": []}],
         "call": {"symbol": "paired", "returns": {"type": "f64", "output": "sum"}, "args": [
            {"name": "x", "type": "f64*", "from": "quantity", "quantity": "layer.input"},
            {"name": "n", "type": "i64", "from": "dim", "of": "x", "axis": 0},
            {"name": "labels", "type": "i32*", "from": "quantity", "quantity": "labels"},
            {"name": "mean", "type": "f64*", "from": "quantity", "quantity": "mean(layer.input)"}]},
         "examples": [{"name": "two", "given": {"x": {"shape": [2, 1], "data": [3, 4]},
            "labels": {"shape": [2], "data": [1, 2]}, "mean": {"shape": [1], "data": [0.5]}}, "expect": {"sum": 11.5}}]}
        """

    @Test func positionsHaveNoLabels() throws {
        let plugin = try TemporaryPlugin(source: Self.source, manifest: TemporaryPlugin.manifest(Self.component))
        func sum(_ rows: Int) throws -> Observation.Value? {
            try measure(
                "paired", [:],
                arrays: [
                    "layer.input": .init(shape: [rows, 1], data: (0..<rows).map { Double($0 + 3) }),
                    "labels": .init(shape: [2], data: [1, 2]),
                ], loader: plugin.loader)["sum"]
        }
        #expect(try sum(2) == .number(14.5))
        #expect(try sum(6) == .missing(reason: "rows_differ"))
    }
}
