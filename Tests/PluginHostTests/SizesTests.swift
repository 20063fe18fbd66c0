import Manifests
import PluginHost
import PluginTesting
import Protocols
import Testing

/// Sizes that options of a study give: a plugin's author who sets no bounds gets a sentence for the study, not a crash.
@Suite struct SizesTests {
    private static let source = """
        #include <stdint.h>
        void rows(int64_t begin, int64_t end, int64_t bad, double *x, int32_t *y)
        {
            for (int64_t i = begin; i < end; i++) {
                *x++ = i;
                for (int k = 0; k < 3; k++) *y++ = i == bad && k == 2 ? 9 : k;
            }
        }
        void fill(double *out, int64_t n) { for (int64_t i = 0; i < n; i++) out[i] = 7; }
        """

    private static let components = """
        {"kind": "dataset", "id": "tokens",
         "params": [{"id": "n", "type": "int", "default": 11}, {"id": "size", "type": "int", "default": 1},
            {"id": "bad", "type": "int", "default": -1}],
         "dims": {"k": {"param": "size"}}, "splits": {"train": {"param": "n"}},
         "outputs": [{"id": "x", "dtype": "f64", "shape": ["rows", "k", "k"]},
            {"id": "y", "dtype": "i32", "shape": ["rows", 3], "classes": 5}],
         "call": {"symbol": "rows", "returns": "void", "args": [
            {"name": "begin", "type": "i64", "from": "index_begin"}, {"name": "end", "type": "i64", "from": "index_end"},
            {"name": "bad", "type": "i64", "from": "param"},
            {"name": "x", "type": "f64*", "from": "output"}, {"name": "y", "type": "i32*", "from": "output"}]},
         "examples": [{"name": "a row", "given": {"begin": 3, "end": 4}, "expect": {"x": {"shape": [1, 1, 1], "data": [3]}}}]},
        {"kind": "probe", "id": "list", "per": "run", "params": [{"id": "size", "type": "int", "default": 2}],
         "dims": {"k": {"param": "size"}}, "outputs": [{"id": "list", "dtype": "f64", "shape": ["k", "k", "k"]}],
         "call": {"symbol": "fill", "returns": "void", "args": [
            {"name": "list", "type": "f64*", "from": "output"}, {"name": "n", "type": "i64", "from": "count", "of": "list"}]},
         "examples": [{"name": "one", "given": {"size": 1}, "expect": {"list": {"shape": [1, 1, 1], "data": [7]}}}]}
        """

    private let plugin: TemporaryPlugin

    init() throws {
        plugin = try TemporaryPlugin(source: Self.source, manifest: TemporaryPlugin.manifest(Self.components))
    }

    private func dataset(_ options: [String: JSON]) throws -> any Dataset {
        try plugin.loader.dataset(Choice(component: "tokens", options: options))
    }

    @Test(
        arguments: [
            (["n": .int(-5)], "'n' is -5, but as a size it must be at least 0"),
            (["size": .int(-1)], "'size' is -1, but as a size it must be at least 0"),
            (
                ["size": .int(0)],
                "a row of 'x' has the shape [0, 0]; expected sizes of at least 1, at most 2^40 elements"
            ),
            (["size": .int(.max)], "asks for an array of shape [\(Int.max), \(Int.max)], more than 2^40 elements"),
        ] as [([String: JSON], String)])
    func rowsOfImpossibleSizes(options: [String: JSON], sentence: String) throws {
        let error = #expect(throws: PluginError.self) { _ = try dataset(options).rows(in: "train") }
        #expect(error?.description == "plugin org.example.case/tokens: \(sentence)")
    }

    /// A row of several labels is still one row.
    @Test func theRowOfABadLabel() throws {
        let tokens = try dataset(["bad": .int(6)])
        #expect(try readRows(of: tokens, "train", 4..<6)["y"] == [0, 1, 2, 0, 1, 2])
        let error = #expect(throws: PluginError.self) { try readRows(of: tokens, "train", 4..<9) }
        #expect(error?.description == "plugin org.example.case/tokens: label 9 in row 6 of 'train' is outside 0..<5")
    }

    @Test(
        arguments: [
            (2, nil), (-2, "'size' is -2, but as a size it must be at least 0"),
            (257, "output 'list' of shape [257, 257, 257] has more than 2^24 numbers"),
            (Int.max, "asks for an array of shape [\(Int.max), \(Int.max), \(Int.max)], more than 2^40 elements"),
        ] as [(Int, String?)])
    func outputsOfImpossibleSizes(size: Int, sentence: String?) throws {
        var error: String?
        let loader = ComponentLoader(registry: plugin.registry, seed: 0) { error = $0 }
        let probe = try loader.probe(Choice(component: "list", options: ["size": .int(size)]))
        var values: [Observation.Value] = []
        try probe.measure(step: 4, layer: "", quantities: Nothing()) { values.append($0.value) }
        #expect(error == sentence.map { "step 4: plugin org.example.case/list: \($0)" })
        let expected: [Observation.Value] =
            sentence == nil ? Array(repeating: .number(7), count: 8) : [.missing(reason: "cannot_be_called")]
        #expect(values == expected)
    }

    private struct Nothing: QuantitySource {
        func quantity(_ expression: String, layer: String) -> Quantity? { nil }
    }
}
