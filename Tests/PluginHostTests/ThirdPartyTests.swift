import Foundation
import Glibc
import Manifests
import Observing
import PluginHost
import PluginTesting
import Protocols
import Testing

/// Plugins that know nothing of us: C compiled with `cc`, found on a path, measured.
@Suite struct ThirdPartyTests {
    // MARK: Reasons

    /// `cases` does in each mode one thing a function may do, or must not.
    private static let source = """
        #include <fenv.h>
        #include <math.h>
        #include <stdint.h>
        #include <string.h>
        int32_t cases(const double *w, int64_t rows, int64_t columns, int32_t mode, double *open, double *strict,
                      double *list, char *message, size_t size)
        {
            const char *text = mode == 1 ? "no_variance" : mode == 3 ? "the matrix is not square"
                             : mode == 4 ? "too_small" : mode == 5 ? "constant_matrix" : "";
            strncpy(message, text, size - 1);
            if (mode == 1 || mode == 2) return 4;
            if (mode == 3 || mode == 4) return mode == 3 ? 2 : 7;
            if (mode == 5) { *strict = NAN; list[0] = 1; list[2] = 3; }
            if (mode == 6) { *open = INFINITY; *strict = 1.5; list[0] = list[1] = -INFINITY; list[2] = 0; }
            if (mode == 9) *strict = -INFINITY;
            if (mode == 8) fesetround(FE_UPWARD);
            if (mode != 0 && mode != 8) return 0;
            *open = 0;
            for (int64_t i = 0; i < rows * columns; i++) *open += w[i];
            *strict = 1 + 1e-12;
            for (int i = 0; i < 3; i++) list[i] = rows * 10 + i;
            return 0;
        }
        void tilted(double *w, int64_t n, double *scratch) { fesetround(FE_DOWNWARD); w[n - 1] = scratch[0]; }
        int32_t narrow(const double *w, uint32_t d, int32_t e, double *size) { *size = (double)d + e; return 0; }
        int32_t holes(int64_t begin, int64_t end, int64_t hole, double *x, int32_t *y)
        {
            for (int64_t i = begin; i < end; i++) {
                for (int k = 0; k < 2; k++) if (i != hole) x[2 * (i - begin) + k] = i;
                y[i - begin] = i == 7 ? 9 : i % 5;
            }
            return 0;
        }
        """

    private static let components = """
        {"kind": "probe", "id": "cases", "per": "run",
         "params": [{"id": "mode", "type": "int", "default": 0, "min": 0, "max": 9}],
         "outputs": [{"id": "open", "dtype": "f64", "shape": [], "nan": "undefined_value"},
            {"id": "strict", "dtype": "f64", "shape": [], "range": [-1, 1]}, {"id": "list", "dtype": "f64", "shape": [3]}],
         "call": {"symbol": "cases", "returns": "status", "args": [
            {"name": "w", "type": "f64*", "from": "quantity", "quantity": "head.weight"},
            {"name": "rows", "type": "i64", "from": "dim", "of": "w", "axis": 0},
            {"name": "columns", "type": "i64", "from": "dim", "of": "w", "axis": 1},
            {"name": "mode", "type": "i32", "from": "param"},
            {"name": "open", "type": "f64*", "from": "output"}, {"name": "strict", "type": "f64*", "from": "output"},
            {"name": "list", "type": "f64*", "from": "output"},
            {"name": "message", "type": "char*", "from": "message"},
            {"name": "size", "type": "size", "from": "message_size"}]},
         "examples": [
            {"name": "a sum", "given": {"w": {"shape": [1, 2], "data": [2, 3]}}, "expect": {"open": 5}},
            {"name": "no value", "given": {"w": {"shape": [1, 1], "data": [2]}, "mode": 1},
             "expect": {"open": {"undefined": "no_variance"}}},
            {"name": "wrong", "given": {"w": {"shape": [1, 2], "data": [2, 3]}}, "expect": {"open": 6}, "rtol": 1e-3}]},
        {"kind": "probe", "id": "narrow", "per": "run", "outputs": [{"id": "size", "dtype": "f64", "shape": []}],
         "call": {"symbol": "narrow", "returns": "status", "args": [
            {"name": "w", "type": "f64*", "from": "quantity", "quantity": "head.weight"},
            {"name": "d", "type": "u32", "from": "dim", "of": "w", "axis": 1},
            {"name": "e", "type": "i32", "from": "dim", "of": "w", "axis": 1},
            {"name": "size", "type": "f64*", "from": "output"}]},
         "examples": [{"name": "three", "given": {"w": {"shape": [1, 3], "data": [1, 2, 3]}}, "expect": {"size": 6}}]},
        {"kind": "optimizer", "id": "tilted", "dims": {"m": {"param": "m"}},
         "params": [{"id": "m", "type": "int", "default": 1, "min": 1}],
         "call": {"symbol": {"f64": "tilted"}, "returns": "void", "args": [
            {"name": "w", "type": "T*", "from": "quantity", "quantity": "parameter.value", "access": "readwrite"},
            {"name": "n", "type": "i64", "from": "count", "of": "w"},
            {"name": "scratch", "type": "f64*", "from": "workspace", "elements": "4*m*m"}]},
         "examples": [{"name": "zero", "given": {"w": {"shape": [2], "data": [1, 2]}},
            "expect": {"w": {"shape": [2], "data": [1, 0]}}}]},
        {"kind": "dataset", "id": "holes",
         "params": [{"id": "hole", "type": "int", "default": -1}],
         "outputs": [{"id": "x", "dtype": "f64", "shape": ["rows", 2]},
            {"id": "y", "dtype": "i32", "shape": ["rows"], "classes": 5}],
         "splits": {"train": {"const": 11}},
         "call": {"symbol": "holes", "returns": "status", "args": [
            {"name": "begin", "type": "i64", "from": "index_begin"}, {"name": "end", "type": "i64", "from": "index_end"},
            {"name": "hole", "type": "i64", "from": "param"}, {"name": "x", "type": "f64*", "from": "output"},
            {"name": "y", "type": "i32*", "from": "output"}]},
         "examples": [{"name": "a row", "given": {"begin": 3, "end": 4}, "expect": {"y": {"shape": [1], "data": [3]}}}]}
        """

    private let plugin: TemporaryPlugin

    init() throws {
        plugin = try TemporaryPlugin(source: Self.source, manifest: TemporaryPlugin.manifest(Self.components))
    }

    private func measured(_ mode: Int, _ data: [Double] = [1, 2, 3, 4, 5, 6]) throws -> [String: Observation.Value] {
        try measure(
            "cases", ["mode": .int(mode)], arrays: ["head.weight": .init(shape: [2, 3], data: data)],
            loader: plugin.loader)
    }

    private static func all(_ reason: String) -> [String: Observation.Value] {
        ["open": .missing(reason: reason), "strict": .missing(reason: reason), "list": .missing(reason: reason)]
    }

    @Test func theManifestIsAccepted() throws {
        let registry = plugin.registry
        #expect(registry.rejected.map { "\($0.error)" } == [])
        #expect(registry.manifests.map(\.id) == ["org.example.case"])
    }

    /// The range [-1, 1] leaves room for rounding.
    @Test func valuesAreMeasured() throws {
        let values = try measured(0)
        #expect(
            values == [
                "open": .number(21), "strict": .number(1 + 1e-12), "list[0]": .number(20), "list[1]": .number(21),
                "list[2]": .number(22),
            ])
    }

    @Test(arguments: [
        (1, "no_variance"), (2, "undefined_value"), (3, "failed_status_2"), (4, "failed_too_small"),
        (8, "changed_float_mode"),
    ])
    func aStatusIsAReason(mode: Int, reason: String) throws {
        #expect(try measured(mode) == Self.all(reason))
    }

    /// NaN is a value that is missing only where the manifest says so; elements left unwritten are found.
    @Test func missingElementsHaveAReason() throws {
        #expect(
            try measured(5) == [
                "open": .missing(reason: "constant_matrix"), "strict": .missing(reason: "nan_result"),
                "list[0]": .number(1),
                "list[1]": .missing(reason: "nan_result"), "list[2]": .number(3),
            ])
        #expect(
            try measured(7) == [
                "open": .missing(reason: "undefined_value"), "strict": .missing(reason: "nan_result"),
                "list[0]": .missing(reason: "nan_result"), "list[1]": .missing(reason: "nan_result"),
                "list[2]": .missing(reason: "nan_result"),
            ])
    }

    @Test func impossibleValuesHaveAReason() throws {
        #expect(
            try measured(6) == [
                "open": .missing(reason: "infinite_result"), "strict": .missing(reason: "out_of_range"),
                "list[0]": .missing(reason: "infinite_result"), "list[1]": .missing(reason: "infinite_result"),
                "list[2]": .number(0),
            ])
    }

    /// Infinity is its own reason, also where a range would leave it out.
    @Test func infinityOutsideARange() throws {
        #expect(try measured(9)["strict"] == .missing(reason: "infinite_result"))
    }

    @Test(arguments: [Double.nan, .infinity]) func functionsNeverSeeInputThatIsNotFinite(value: Double) throws {
        #expect(try measured(0, [1, 2, 3, 4, 5, value]) == Self.all("input_not_finite"))
    }

    @Test func aQuantityThatTheNetworkLacks() throws {
        let values = try measure("cases", arrays: ["labels": .init(shape: [2], data: [0, 1])], loader: plugin.loader)
        #expect(values == Self.all("no_head_weight"))
    }

    private func tilted(m: Int) throws -> UpdateBench {
        try UpdateBench(
            Choice(component: "tilted", options: ["m": .int(m)]), kind: .optimizer, values: [("w", [3], [1, 2, 3])],
            loader: plugin.loader)
    }

    @Test func anOptimizerThatChangesTheFloatModeStopsTheRun() throws {
        let bench = try tilted(m: 5)
        let error = #expect(throws: PluginError.self) { try bench.update([[0, 0, 0]]) }
        #expect(
            error?.description == "plugin org.example.case/tilted: changed the floating-point mode "
                + "(rounding or flush-to-zero); it must leave it as it finds it")
        #expect(fegetround() == FE_TONEAREST)
    }

    @Test(arguments: [1_000_000, Int.max / 2]) func aWorkspaceThatNoMachineHasIsRefused(m: Int) {
        let error = #expect(throws: PluginError.self) { try tilted(m: m) }
        #expect(
            error?.description == "plugin org.example.case/tilted: asks for a workspace of 4*m*m elements, "
                + "more than 2^40 here")
    }

    /// Of the three examples of `cases` the wrong one fails, and that of `tilted`, which breaks its duties.
    @Test func aWrongExampleFails() throws {
        let (count, failures) = try exampleFailures(ofPlugin: "org.example.case", registry: plugin.registry)
        #expect(count == 6)
        #expect(failures.count == 2)
        let wrong = "org.example.case/cases, example 'wrong': open[0] is number(5.0), expected 6.0 within 0.006"
        #expect(failures.first == wrong)
        #expect(failures.last?.hasPrefix("org.example.case/tilted, example 'zero': plugin org.example.case/") == true)
    }

    // MARK: Sizes

    /// A quantity of a given shape without elements, so that large sizes need no memory.
    private struct Empty: QuantitySource {
        var columns: Int
        let element = UnsafeMutablePointer<Double>.allocate(capacity: 1)

        func quantity(_ expression: String, layer: String) -> Quantity? {
            Quantity(data: .real(UnsafePointer(element)), shape: [0, columns])
        }
    }

    @Test(
        arguments: [
            (1 << 31 - 1, nil), (1 << 31, "argument 'e' is i32 and cannot hold 2147483648"),
            (1 << 32, "argument 'd' is u32 and cannot hold 4294967296"),
        ] as [(Int, String?)])
    func aSizeThatDoesNotFitItsTypeIsRefused(columns: Int, sentence: String?) throws {
        var error: String?
        let loader = ComponentLoader(registry: plugin.registry, seed: 0) { error = $0 }
        let probe = try loader.probe(Choice(component: "narrow"))
        let empty = Empty(columns: columns)
        defer { empty.element.deallocate() }
        var values: [Observation.Value] = []
        try probe.measure(step: 7, layer: "fc1", quantities: empty) { values.append($0.value) }
        #expect(error == sentence.map { "step 7, fc1: plugin org.example.case/narrow: \($0)" })
        #expect(values == [sentence == nil ? .number(2 * Double(columns)) : .missing(reason: "cannot_be_called")])
    }

    // MARK: Rows

    @Test func rowsLeftUnwrittenAreFound() throws {
        let holes = try plugin.loader.dataset(Choice(component: "holes", options: ["hole": .int(3)]))
        #expect(try readRows(of: holes, "train", 4..<7)["x"] == [4, 4, 5, 5, 6, 6])
        let error = #expect(throws: PluginError.self) { try readRows(of: holes, "train", 2..<5) }
        #expect(
            error?.description == "plugin org.example.case/holes: 'x' of row 3 of 'train' is nan or was not written")
    }

    @Test func labelsOutsideTheClassesAreFound() throws {
        let holes = try plugin.loader.dataset(Choice(component: "holes"))
        let error = #expect(throws: PluginError.self) { try readRows(of: holes, "train", 5..<9) }
        #expect(error?.description == "plugin org.example.case/holes: label 9 in row 7 of 'train' is outside 0..<5")
    }
}
