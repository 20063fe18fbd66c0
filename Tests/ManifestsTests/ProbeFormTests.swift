import Manifests
import Protocols
import Testing

/// Probes that stream, keep states, or are of pairs: what their manifests must say, and the sentences of those that do not.
@Suite struct ProbeFormTests {
    private static let streaming = #"""
        {"manifest": 1, "id": "org.example.forms", "version": "1.0.0", "name": "Forms", "summary": "For a test.",
         "license": "MIT", "library": "Case", "components": [{
          "kind": "probe", "id": "form", "per": "layer",
          "dims": {"d": {"of": "x", "axis": 1}, "n": {"of": "x", "axis": 0}},
          "outputs": [{"id": "y", "dtype": "f64", "shape": ["d"]}],
          "accumulators": [{"id": "sum", "dtype": "f64", "shape": ["d"]}, {"id": "rows", "dtype": "i64", "shape": []}],
          "state": [{"id": "last", "shape": ["d"], "init": {"kind": "zeros"}}],
          "begin": {"symbol": "begin", "returns": "void", "args": [
            {"name": "sum", "type": "f64*", "from": "accumulator"}]},
          "add": {"symbol": "add", "returns": "status", "args": [
            {"name": "x", "type": "f64*", "from": "quantity", "quantity": "layer.output"},
            {"name": "n", "type": "i64", "from": "dim", "of": "x", "axis": 0},
            {"name": "rows", "type": "i64*", "from": "accumulator"},
            {"name": "sum", "type": "f64*", "from": "accumulator"}]},
          "finish": {"symbol": "finish", "returns": "status", "args": [
            {"name": "w", "type": "f64*", "from": "quantity", "quantity": "layer.weight"},
            {"name": "rows", "type": "i64*", "from": "accumulator"},
            {"name": "sum", "type": "f64*", "from": "accumulator"},
            {"name": "last", "type": "f64*", "from": "state"},
            {"name": "y", "type": "f64*", "from": "output"}]},
          "properties": [{"kind": "chunk_invariant", "rtol": 1e-9}],
          "examples": [{"name": "two",
            "given": {"x": {"shape": [2, 1], "data": [1, 2]}, "w": {"shape": [1, 1], "data": [3]}},
            "expect": {"y": {"shape": [1], "data": [3]}, "last": {"shape": [1], "data": [3]}}}]
         }]}
        """#

    private static let pair = #"""
        {"manifest": 1, "id": "org.example.pair", "version": "1.0.0", "name": "Pair", "summary": "For a test.",
         "license": "MIT", "library": "Case", "components": [{
          "kind": "probe", "id": "pair", "per": "layer_pair",
          "outputs": [{"id": "y", "dtype": "f64", "shape": []}],
          "call": {"symbol": "pair", "returns": {"type": "f64", "output": "y"}, "args": [
            {"name": "xy", "type": "f64*", "from": "quantity", "quantity": "cross.centred(first.output, second.input)"},
            {"name": "x", "type": "f64*", "from": "quantity", "quantity": "first.weight"},
            {"name": "y", "type": "i32*", "from": "quantity", "quantity": "labels"}]},
          "properties": [{"kind": "symmetric", "swap": ["first", "second"]}, {"kind": "scale_invariant", "of": ["x"]}],
          "examples": [{"name": "one", "given": {"xy": {"shape": [1, 1], "data": [1]}, "x": {"shape": [1, 1], "data": [1]},
            "y": {"shape": [1], "data": [0]}}, "expect": {"y": 1}}]
         }]}
        """#

    private static func manifest(_ text: String) throws -> Manifest {
        try Manifest(try StrictJSON.parse(text, file: "plugin.json"), folder: "")
    }

    @Test func whatIsRead() throws {
        let form = try Self.manifest(Self.streaming).components[0]
        #expect(form.call.symbols[.f64] == "finish" && form.add?.symbols[.f64] == "add" && form.begin != nil)
        #expect(form.accumulators.map(\.id) == ["sum", "rows"] && form.accumulators[1].type == .i64)
        #expect(form.state[0].shape == [.dimension("d")] && form.state[0].type == .f64)
        #expect(form.studyKeys.contains("update") && !form.isSymmetricInPairs)
        #expect(form.expandedBindings()[0].quantities == ["x": "layer.output", "w": "layer.weight"])
        let pair = try Self.manifest(Self.pair).components[0]
        #expect(pair.scope == .layerPair && pair.isSymmetricInPairs && !pair.studyKeys.contains("update"))
    }

    @Test(arguments: [
        (
            #""finish": {"symbol": "finish""#, #""call": {"symbol": "finish""#,
            "plugin.json:6:20: 'accumulators' are for probes with 'add' and 'finish'; what outlives an observation is 'state'"
        ),
        (
            #""add": {"symbol""#, #""x-add": {"symbol""#,
            "plugin.json:2:54: 'finish' needs 'add', which is called for each pass of rows"
        ),
        (
            #"{"id": "sum", "dtype": "f64", "shape": ["d"]}, {"id": "rows", "dtype": "i64", "shape": []}"#, "",
            "plugin.json:2:54: 'add' needs 'accumulators' to collect in"
        ),
        (
            #""dtype": "f64", "shape": ["d"]}, {"id": "rows""#, #""dtype": "f64", "shape": ["n"]}, {"id": "rows""#,
            "plugin.json:6:60: 'n' is the number of rows of 'x', which differs from pass to pass"
        ),
        (
            #""shape": ["d"]}],"#, #""shape": ["n"]}],"#,
            "plugin.json:5:53: 'n' is the number of rows of 'x', which differs from pass to pass"
        ),
        (
            #""quantity": "layer.output""#, #""quantity": "moment.raw(layer.output)""#,
            "plugin.json:10:57: 'add' needs a quantity with a row for each sample"
        ),
        (
            #""type": "i64*", "from": "accumulator"},"#, #""type": "f64*", "from": "accumulator"},"#,
            "plugin.json:13:30: argument 'rows' has type f64*, but accumulator 'rows' needs i64*"
        ),
        (
            #""rows", "type": "i64*", "from": "accumulator"}"#,
            #""rows", "type": "i64*", "from": "accumulator", "accumulator": "row"}"#,
            "plugin.json:13:76: unknown accumulator 'row'; did you mean 'rows'? (allowed: sum, rows)"
        ),
        (
            #""shape": ["d"], "init": {"kind": "zeros"}"#, #""like": "parameter", "init": {"kind": "zeros"}"#,
            "plugin.json:7:36: only a probe per parameter has states like it; give a 'shape'"
        ),
        (
            #""init": {"kind": "zeros"}"#, #""init": {"kind": "normal", "mean": 0, "std": 1}"#,
            "plugin.json:7:52: a state of a probe begins with zeros, ones, a constant or a copy"
        ),
        (
            #""from": "dim", "of": "x", "axis": 0},"#,
            #""from": "dim", "of": "x", "axis": 0}, {"name": "last", "type": "f64*", "from": "state"},"#,
            "plugin.json:12:113: only 'finish' has states"
        ),
        (
            #"{"name": "sum", "type": "f64*", "from": "accumulator"}]},\#n  "add""#,
            #"{"name": "g", "type": "f64*", "from": "quantity", "quantity": "layer.bias"}]},\#n  "add""#,
            "plugin.json:9:43: 'begin' runs before the first rows; it has no quantities"
        ),
        (
            #"{"name": "rows", "type": "i64*", "from": "accumulator"},\#n    {"name": "sum", "type": "f64*", "from": "accumulator"},"#,
            #"{"name": "rows", "type": "i64*", "from": "accumulator"},"#,
            "plugin.json:6:20: accumulator 'sum' is no argument of 'finish'"
        ),
        (
            #""quantity": "layer.output""#, #""quantity": "layer.output", "split": "other""#,
            "plugin.json:11:92: 'add' takes rows of the probe's own split"
        ),
        (
            #""quantity": "layer.weight""#, #""quantity": "mean(layer.input)", "split": "other""#,
            "plugin.json:16:97: there is no param 'other' to name the split"
        ),
        (
            #""quantity": "layer.weight""#, #""quantity": "mean(layer.input)@test""#,
            "plugin.json:16:67: 'mean(layer.input)@test' names a split; datasets have others: say a param by 'split'"
        ),
        (
            #""quantity": "layer.weight""#, #""quantity": "agop.raw(layer.input)""#,
            "plugin.json:16:67: agop.raw takes a Jacobian, got 'layer.input' (allowed: layer.output_jacobian, layer.input_jacobian, head.output_jacobian, head.input_jacobian)"
        ),
        (
            #""per": "layer""#, #""per": "run_pair""#,
            "plugin.json:7:13: two runs have no state together"
        ),
    ]) func streamingProbes(old: String, new: String, message: String) throws {
        try #require(Self.streaming.contains(old))
        let text = Self.streaming.replacing(old, with: new, maxReplacements: 1)
        #expect(Self.message(text) == message)
    }

    /// A study names the split; other probes have bindings of their own.
    @Test func anotherSplit() throws {
        let text = Self.streaming.replacing(
            #""quantity": "layer.weight"},"#, with: #""quantity": "mean(layer.input)", "split": "other"},"#
        ).replacing(
            #""accumulators""#,
            with: #""params": [{"id": "other", "type": "string", "default": "test"}], "accumulators""#
        )
        .replacing(#""w": {"shape": [1, 1], "data": [3]}"#, with: #""w": {"shape": [1], "data": [3]}"#)
        let form = try Self.manifest(text).components[0]
        #expect(form.call.argument("w")?.split == "other")
        #expect(form.expandedBindings([:])[0].quantities["w"] == "mean(layer.input)@test")
        let named = form.expandedBindings(["other": .string("ood")])[0].quantities
        #expect(named["w"] == "mean(layer.input)@ood" && named["x"] == "layer.output")
    }

    /// Expressions may name a split themselves, as `record` does.
    @Test func splitsOfExpressions() throws {
        let text = "t.t/eigen(moment.raw(layer.input), k=2)@ood_2"
        let expression = try QuantityExpression(text)
        #expect(expression.split == "ood_2" && expression.description == text)
        #expect(expression.ofOwnSplit.description == "t.t/eigen(moment.raw(layer.input), k=2)")
        #expect(try QuantityExpression(" labels @ test ").description == "labels@test")
        for (wrong, sentence) in [
            ("labels@", "'labels@': behind '@' stands a split, such as test"),
            ("labels@Test", "'labels@Test': behind '@' stands a split, such as test"),
            ("labels@a@b", "'labels@a@b' names two splits"),
        ] {
            #expect(throws: UnknownQuantity(sentence: sentence)) { try QuantityExpression(wrong) }
        }
    }

    @Test(arguments: [
        (
            #""first.weight""#, #""layer.weight""#,
            "plugin.json:7:67: 'layer.weight' is not about a pair of layers, but this probe is per layer_pair; it has first.weight and second.weight"
        ),
        (
            #""first.weight""#, #""first.parameters""#,
            "plugin.json:7:67: 'first.parameters' is not about a pair of layers, but this probe is per layer_pair"
        ),
        (
            #""per": "layer_pair""#, #""per": "layer""#,
            "plugin.json:6:68: 'cross.centred(first.output, second.input)' exists per layer_pair and per run_pair, but this probe is per layer"
        ),
        (
            #""per": "layer_pair""#, #""per": "pair""#,
            "plugin.json:3:41: unknown per 'pair' in components[0] (allowed: run, layer, parameter, layer_pair, run_pair)"
        ),
        (
            #"["first", "second"]"#, #"["first", "third"]"#,
            "plugin.json:9:58: unknown argument from a quantity 'third' (allowed: xy, x, y, first, second)"
        ),
        (
            #"cross.centred(first.output, second.input)"#, #"cross.centered(first.output, second.input)"#,
            "plugin.json:6:68: unknown function 'cross.centered' in 'cross.centered(first.output, second.input)'; did you mean 'cross.centred'? (allowed: moment.raw, moment.centred, moment.normalized, cross.raw, cross.centred, mean, agop.raw, agop.centred, wtw, wwt)"
        ),
        (#""call""#, #""x-call""#, "plugin.json:2:54: a probe needs 'call', or 'add' and 'finish'"),
    ]) func pairs(old: String, new: String, message: String) throws {
        try #require(Self.pair.contains(old))
        #expect(Self.message(Self.pair.replacing(old, with: new, maxReplacements: 1)) == message)
    }

    private static func message(_ text: String) -> String? {
        do {
            _ = try manifest(text)
            return nil
        } catch {
            return "\(error)".split(separator: "\n").first.map(String.init)
        }
    }
}
