import Manifests
import Protocols
import Testing

/// Components that define quantities: what their manifests must say, and who may ask for them.
@Suite struct QuantityManifestTests {
    private static let text = #"""
        {"manifest": 1, "id": "org.example.q", "version": "1.0.0", "name": "Q", "summary": "For a test.",
         "license": "MIT", "library": "Case", "components": [{
          "kind": "quantity", "id": "gram", "params": [{"id": "k", "type": "int", "default": 3, "min": 1}],
          "outputs": [{"id": "value", "dtype": "f64", "shape": ["n", "n"], "form": "symmetric"}],
          "dims": {"n": {"of": "x", "axis": 0}, "d": {"of": "x", "axis": 1}},
          "call": {"symbol": "gram", "returns": "void", "args": [
            {"name": "x", "type": "f64*", "from": "quantity", "form": "samples"},
            {"name": "y", "type": "i32*", "from": "quantity", "quantity": "labels"},
            {"name": "k", "type": "i64", "from": "param"},
            {"name": "value", "type": "f64*", "from": "output"}]},
          "examples": [{"name": "one", "given": {"x": {"shape": [1, 2], "data": [3, 4]}, "y": {"shape": [1], "data": [0]}},
            "expect": {"value": {"shape": [1, 1], "data": [25]}}}]
         }, {
          "kind": "quantity", "id": "spread",
          "outputs": [{"id": "value", "dtype": "f64", "shape": ["d"]}],
          "dims": {"d": {"of": "x", "axis": 1}},
          "accumulators": [{"id": "sum", "dtype": "f64", "shape": ["d"]}],
          "add": {"symbol": "add", "returns": "void", "args": [
            {"name": "x", "type": "f64*", "from": "quantity", "form": "samples"},
            {"name": "sum", "type": "f64*", "from": "accumulator"}]},
          "finish": {"symbol": "finish", "returns": "void", "args": [
            {"name": "m", "type": "f64*", "from": "quantity", "form": "matrix"},
            {"name": "sum", "type": "f64*", "from": "accumulator"},
            {"name": "value", "type": "f64*", "from": "output"}]},
          "examples": [{"name": "one",
            "given": {"x": {"shape": [1, 2], "data": [3, 4]}, "m": {"shape": [1, 1], "data": [5]}},
            "expect": {"value": {"shape": [2], "data": [3, 4]}}}]
         }, {
          "kind": "probe", "id": "top", "per": "layer",
          "outputs": [{"id": "y", "dtype": "f64", "shape": []}],
          "call": {"symbol": "top", "returns": {"type": "f64", "output": "y"}, "args": [
            {"name": "a", "type": "f64*", "from": "quantity", "quantity": "org.example.q/gram(layer.output, k=5)"},
            {"name": "n", "type": "i64", "from": "dim", "of": "a", "axis": 1},
            {"name": "b", "type": "f64*", "from": "quantity", "quantity": "org.other/vector(wtw(layer.weight))"}]},
          "examples": [{"name": "one",
            "given": {"a": {"shape": [1, 1], "data": [25]}, "b": {"shape": [4], "data": [1, 2, 3, 4]}}, "expect": {"y": 25}}]
         }]}
        """#

    private static func manifest(_ text: String = text) throws -> Manifest {
        try Manifest(try StrictJSON.parse(text, file: "plugin.json"), folder: "")
    }

    @Test func whatIsRead() throws {
        let manifest = try Self.manifest(), gram = manifest.components[0], spread = manifest.components[1]
        #expect(gram.kind == .quantity && gram.openArguments.map(\.name) == ["x"] && gram.scope == nil)
        #expect(gram.outputs[0].quantityForm == .symmetric && spread.outputs[0].quantityForm == .vector)
        // Those of passes come first.
        #expect(spread.openArguments.map(\.form) == [.samples, .matrix])
        #expect(gram.binding(given: ["x": "layer.input"]).quantities == ["y": "labels", "x": "layer.input"])
        #expect(
            manifest.components[2].expandedBindings()[0].quantities["a"] == "org.example.q/gram(layer.output, k=5)")
    }

    @Test(arguments: [
        (
            #""id": "value", "dtype": "f64", "shape": ["n", "n"], "form""#,
            #""id": "value", "dtype": "f64", "shape": ["n", "n", "n"], "form""#,
            "plugin.json:4:14: a quantity has one output, with the id 'value', the dtype f64 and 1 or 2 axes"
        ),
        (
            #""shape": ["d"]}],"#, #""shape": ["d"], "form": "weight"}],"#,
            "plugin.json:15:71: a weight has 2 axes, got 1"
        ),
        (
            #""from": "quantity", "form": "samples"},"#, #""from": "quantity"},"#,
            "plugin.json:7:5: argument 'x' needs a 'quantity' of its own or, if expressions give it, a 'form'"
        ),
        (
            #""quantity": "labels"}"#, #""quantity": "labels", "form": "vector"}"#,
            "plugin.json:8:5: argument 'y' needs a 'quantity' of its own or, if expressions give it, a 'form'; it has both"
        ),
        (
            #""axis": 1},\#n    {"name": "b""#, #""axis": 2},\#n    {"name": "b""#,
            "plugin.json:33:68: axis 2 of 'a' does not exist: 'org.example.q/gram(layer.output, k=5)' has 2 axes (0, 1)"
        ),
        (
            #""of": "x", "axis": 0}, "d""#, #""of": "x", "axis": 2}, "d""#,
            "plugin.json:5:37: axis 2 of 'x' does not exist: 'x', rows of samples, has 2 axes (0, 1)"
        ),
        (
            "org.example.q/gram(layer.output, k=5)", "org.example.q/gramm(layer.output)",
            "plugin.json:32:67: this plugin has no quantity 'org.example.q/gramm'; did you mean 'org.example.q/gram'? (allowed: org.example.q/gram, org.example.q/spread)"
        ),
        (
            "org.example.q/gram(layer.output, k=5)", "org.example.q/gram(layer.output, k=0)",
            "plugin.json:32:67: org.example.q/gram: k must be >= 1, got 0"
        ),
        (
            "org.example.q/gram(layer.output, k=5)", "org.example.q/gram(layer.output, j=5)",
            "plugin.json:32:67: org.example.q/gram has no option 'j' (it has: k)"
        ),
        (
            "org.example.q/gram(layer.output, k=5)", "org.example.q/gram(layer.weight)",
            "plugin.json:32:67: org.example.q/gram takes rows of samples as 'x', got 'layer.weight', which is a weight"
        ),
        (
            "org.example.q/gram(layer.output, k=5)", "org.example.q/gram(labels)",
            "plugin.json:32:67: org.example.q/gram takes rows of samples as 'x', of type f64*, got 'labels'"
        ),
        (
            "org.example.q/gram(layer.output, k=5)", "org.example.q/gram",
            "plugin.json:32:67: org.example.q/gram takes 1 quantity (x, rows of samples), got 0"
        ),
        (
            "org.example.q/gram(layer.output, k=5)", "org.example.q/gram(parameter.grad)",
            "plugin.json:32:67: 'org.example.q/gram(parameter.grad)' exists per parameter, but this probe is per layer"
        ),
        (
            "org.example.q/gram(layer.output, k=5)",
            "org.example.q/spread(org.other/rows(layer.output), layer.weight)",
            "plugin.json:32:67: org.example.q/spread takes rows of samples as 'x', pass by pass, so only rows of the network itself will do, got 'org.other/rows(layer.output)'"
        ),
        (
            "\"y\", \"type\": \"i32*\", \"from\": \"quantity\", \"quantity\": \"labels\"",
            "\"y\", \"type\": \"f64*\", \"from\": \"quantity\", \"quantity\": \"org.example.q/gram(layer.output)\"",
            "plugin.json:8:67: 'org.example.q/gram' is defined by itself: org.example.q/gram > org.example.q/gram"
        ),
        (
            #""name": "x", "type": "f64*", "from": "quantity", "form": "samples"},\#n    {"name": "sum""#,
            #""name": "x", "type": "f64*", "from": "quantity", "form": "weight"},\#n    {"name": "sum""#,
            "plugin.json:18:55: 'add' needs a quantity with a row for each sample"
        ),
        (
            #""quantity": "org.other/vector(wtw(layer.weight))""#, #""quantity": "layer.bias", "form": "vector""#,
            "plugin.json:34:81: 'form' is for arguments of quantities"
        ),
    ])
    func mistakes(_ original: String, _ replacement: String, _ sentence: String) throws {
        let text = Self.text.replacing(original, with: replacement, maxReplacements: 1)
        try #require(text != Self.text)
        let error = #expect(throws: ManifestError.self) { try Self.manifest(text) }
        #expect(error.map { "\($0)".split(separator: "\n").contains(Substring(sentence)) } == true, "\(error!)")
    }

    /// With all plugins at hand: scopes are those of everything that it is made of.
    @Test func resolution() throws {
        let components = try Self.manifest().components
        let resolver = QuantityResolver { name throws(UnknownQuantity) in
            components.first { $0.fullID == name }
        }
        let gram = try resolver.resolve(QuantityExpression("org.example.q/gram(layer.output)"))
        #expect(gram.form == .symmetric && gram.scopes == [.layer] && gram.basics == [.layerOutput, .labels])
        let nested = try resolver.resolve(
            QuantityExpression("org.example.q/spread(head.input, org.example.q/gram(model.output))"))
        #expect(nested.scopes == [.run, .layer, .parameter, .layerPair])
        #expect(nested.components.map(\.id) == ["spread", "gram"] && nested.form == .vector)
        let mixed = try resolver.resolve(
            QuantityExpression("org.example.q/spread(layer.input, org.other/any(parameter.grad))"))
        #expect(mixed.scopes == [])
    }
}
