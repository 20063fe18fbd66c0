import Manifests
import Testing

/// Manifests of activations and operations, and edits of a good one with the whole message a user then sees.
@Suite struct OperationManifestTests {
    private static let text = """
        {
          "manifest": 1, "id": "org.example.gram", "version": "0.1.0", "license": "CC0-1.0", "name": "Gram", "summary": "Products.",
          "library": "gram",
          "components": [{
            "kind": "activation", "id": "cube", "outputs": [{ "id": "y" }], "derivatives": { "x": "slope" },
            "call": { "symbol": { "f32": "cube_f32", "f64": "cube_f64" }, "returns": "void", "args": [
              { "name": "x", "type": "T*", "from": "input" },
              { "name": "y", "type": "T*", "from": "output" },
              { "name": "n", "type": "i64", "from": "count", "of": "x" }] },
            "examples": [{ "name": "one", "given": { "x": { "shape": [1], "data": [2] } }, "expect": { "y": { "shape": [1], "data": [8] } } }]
          }, {
            "kind": "activation", "id": "slope", "outputs": [{ "id": "y" }], "derivatives": { "x": 0 },
            "call": { "symbol": "slope", "returns": "void", "args": [
              { "name": "in", "type": "f64*", "from": "input", "input": "x" },
              { "name": "y", "type": "f64*", "from": "output" },
              { "name": "n", "type": "i64", "from": "count", "of": "in" }] },
            "examples": [{ "name": "one", "given": { "x": { "shape": [1], "data": [2] } }, "expect": { "y": { "shape": [1], "data": [12] } } }]
          }, {
            "kind": "operation", "id": "gram", "dims": { "n": { "of": "x", "axis": 0 } },
            "outputs": [{ "id": "y", "shape": ["n", "n"] }], "vjp": { "x": "back" },
            "call": { "symbol": "gram", "returns": "void", "args": [
              { "name": "x", "type": "f64*", "from": "input" },
              { "name": "y", "type": "f64*", "from": "output" },
              { "name": "rows", "type": "i64", "from": "dim", "of": "x", "axis": 0 }] },
            "examples": [{ "name": "one", "given": { "x": { "shape": [1, 1], "data": [2] } }, "expect": { "y": { "shape": [1, 1], "data": [4] } } }]
          }, {
            "kind": "operation", "id": "back", "dims": { "n": { "of": "x", "axis": 0 } },
            "outputs": [{ "id": "y", "shape": ["n"] }],
            "call": { "symbol": "back", "returns": "void", "args": [
              { "name": "x", "type": "f64*", "from": "input" },
              { "name": "c", "type": "f64*", "from": "input" },
              { "name": "y", "type": "f64*", "from": "output" }] },
            "examples": [{ "name": "one", "given": { "x": { "shape": [1], "data": [2] }, "c": { "shape": [1], "data": [2] } },
              "expect": { "y": { "shape": [1], "data": [4] } } }]
          }]
        }
        """

    private func manifest(_ text: String) throws -> Manifest {
        try Manifest(try StrictJSON.parse(text, file: "plugin.json"), folder: "")
    }

    @Test func aGoodOne() throws {
        let components = try manifest(Self.text).components
        #expect(components.map(\.isElementwise) == [true, true, false, false])
        #expect(components.map(\.inputs) == [["x"], ["x"], ["x"], ["x", "c"]])
        #expect(components.map { $0.precisions.count } == [2, 1, 1, 1])
        #expect(
            components.map { $0.derivatives.map(\.operation) } == [
                [.component("slope")], [.zero], [.component("back")], [],
            ])
    }

    @Test(arguments: [
        (
            "\"derivatives\": { \"x\": \"slope\" }", "\"derivatives\": { \"x\": \"slop\" }",
            "plugin.json:5:91: unknown operation 'slop'; did you mean 'slope'? (allowed: cube, slope, gram, back)"
        ),
        (
            "\"derivatives\": { \"x\": \"slope\" }", "\"derivatives\": { \"z\": \"slope\" }",
            "plugin.json:5:91: unknown input 'z' (allowed: x)"
        ),
        (
            "\"derivatives\": { \"x\": \"slope\" }", "\"derivatives\": { \"x\": \"gram\" }",
            "plugin.json:5:91: 'gram' is not elementwise, but 'cube' is"
        ),
        (
            "\"vjp\": { \"x\": \"back\" }", "\"vjp\": { \"x\": \"gram\" }",
            "plugin.json:20:68: 'gram' has 1 inputs; a derivative of 'gram' takes the inputs and the cotangent, 2"
        ),
        (
            "{ \"id\": \"y\", \"shape\": [\"n\"] }", "{ \"id\": \"y\" }",
            "plugin.json:28:17: output 'y' needs a shape, since 'back' is not elementwise"
        ),
        (
            "\"symbol\": \"slope\", \"returns\": \"void\"", "\"symbol\": \"slope\", \"returns\": \"status\"",
            "plugin.json:13:45: the function of an activation returns \"void\""
        ),
        (
            "\"from\": \"dim\", \"of\": \"x\", \"axis\": 0 }]", "\"from\": \"seed\" }]",
            "plugin.json:24:33: argument 'rows' has type i64, but 'seed' needs u64"
        ),
        (
            "{ \"name\": \"rows\", \"type\": \"i64\", \"from\": \"dim\", \"of\": \"x\", \"axis\": 0 }]",
            "{ \"name\": \"rows\", \"type\": \"u64\", \"from\": \"seed\" }]",
            "plugin.json:24:7: 'seed' is not for operations: their value depends on inputs and params only"
        ),
    ])
    func saysWhatIsWrong(_ old: String, _ new: String, _ message: String) throws {
        try #require(Self.text.contains(old))
        let edited = Self.text.replacing(old, with: new, maxReplacements: 1)
        var sentence = "good"
        do {
            _ = try manifest(edited)
        } catch {
            sentence = "\(error)"
        }
        #expect(sentence == message)
    }
}
