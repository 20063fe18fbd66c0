import Manifests
import Testing

/// Manifests of samplers, initializers and losses of activations, and edits of a good one with the whole message a user then sees.
@Suite struct SampleManifestTests {
    private static let text = """
        {
          "manifest": 1, "id": "org.example.rows", "version": "0.1.0", "license": "CC0-1.0", "name": "Rows", "summary": "Rows.",
          "library": "rows",
          "components": [{
            "kind": "sampler", "id": "sorted",
            "params": [{ "id": "by", "type": "string", "default": "y" }, { "id": "size", "type": "int", "default": 3, "min": 1 }],
            "dims": { "n": { "of": "key", "axis": 0 }, "m": { "param": "size" } },
            "outputs": [{ "id": "order", "dtype": "i64", "shape": ["m"] }],
            "call": { "symbol": "sorted", "returns": "status", "args": [
              { "name": "key", "type": "f64*", "from": "column", "column": { "param": "by" } },
              { "name": "y", "type": "i32*", "from": "column" },
              { "name": "classes", "type": "i64", "from": "dim", "of": "y", "axis": "labels" },
              { "name": "epoch", "type": "i64", "from": "field", "field": "epoch" },
              { "name": "batch", "type": "i64", "from": "field", "field": "batch_size" },
              { "name": "rows", "type": "i64", "from": "field", "field": "row_count" },
              { "name": "scratch", "type": "f64*", "from": "workspace", "elements": "2*n" },
              { "name": "order", "type": "i64*", "from": "output" }] },
            "examples": [{ "name": "three", "given": { "key": { "shape": [3], "data": [2, 0, 1] }, "y": { "shape": [3], "data": [0, 1, 1] },
              "classes": 2, "epoch": 0, "batch_size": 2, "row_count": 3 }, "expect": { "order": { "shape": [3], "data": [1, 2, 0] } } }]
          }, {
            "kind": "initializer", "id": "shrunk",
            "outputs": [{ "id": "value" }],
            "call": { "symbol": "shrunk", "returns": "void", "args": [
              { "name": "w", "type": "f64*", "from": "quantity", "quantity": "parameter.value" },
              { "name": "n", "type": "i64", "from": "count", "of": "w" },
              { "name": "columns", "type": "i64", "from": "dim", "of": "w", "axis": 1 },
              { "name": "fan_in", "type": "i64", "from": "field", "field": "fan_in" },
              { "name": "parameter", "type": "char*", "from": "field", "field": "name" },
              { "name": "value", "type": "f64*", "from": "output" }] },
            "examples": [{ "name": "one", "given": { "w": { "shape": [1, 1], "data": [4] }, "fan_in": 4 }, "expect": { "value": { "shape": [1, 1], "data": [1] } } }]
          }, {
            "kind": "loss", "id": "apart",
            "params": [{ "id": "layer", "type": "string", "default": "fc1.output" }],
            "outputs": [{ "id": "sample_loss", "shape": ["rows"] }],
            "call": { "symbol": "apart", "returns": "status", "args": [
              { "name": "g", "type": "service", "from": "service", "service": "syzygy.graph/1" },
              { "name": "a", "type": "i32", "from": "activation", "activation": { "param": "layer" } },
              { "name": "b", "type": "i32", "from": "activation", "activation": "output", "view": "x2" },
              { "name": "width", "type": "i64", "from": "dim", "of": "a", "axis": 1 },
              { "name": "loss", "type": "i32*", "from": "output", "output": "sample_loss" }] },
            "examples": [{ "name": "equal", "given": { "a": { "shape": [1, 1], "data": [2] }, "b": { "shape": [1, 1], "data": [2] } },
              "expect": { "sample_loss": { "shape": [1], "data": [0] }, "a_grad": { "shape": [1, 1], "data": [0] } } }]
          }]
        }
        """

    private func manifest(_ text: String) throws -> Manifest {
        try Manifest(try StrictJSON.parse(text, file: "plugin.json"), folder: "")
    }

    @Test func aGoodOne() throws {
        let components = try manifest(Self.text).components
        #expect(components.map(\.kind) == [.sampler, .initializer, .loss])
        #expect(components[0].call.arguments[0].source == .column(.parameter("by")))
        #expect(components[0].call.arguments[1].source == .column(.named("y")))
        #expect(
            components[2].call.arguments[1].source == .activation(.parameter("layer"), view: nil)
                && components[2].call.arguments[2].source == .activation(.named("output"), view: .named("x2")))
        #expect(components[2].text(of: .parameter("layer"), options: [:]) == "fc1.output")
        #expect(components[2].text(of: .parameter("layer"), options: ["layer": .string("fc2.input")]) == "fc2.input")
        // A sampler and an initializer run in every precision: they see f64.
        #expect(components.allSatisfy { $0.precisions.count == 2 })
    }

    @Test(arguments: [
        (
            "\"column\": { \"param\": \"by\" }", "\"column\": { \"param\": \"bye\" }",
            "plugin.json:10:79: unknown param 'bye'; did you mean 'by'? (allowed: by, size)"
        ),
        (
            "\"column\": { \"param\": \"by\" }", "\"column\": { \"param\": \"size\" }",
            "plugin.json:10:79: a name comes from a string param, but 'size' is of type int"
        ),
        (
            "\"name\": \"key\", \"type\": \"f64*\"", "\"name\": \"key\", \"type\": \"i64*\"",
            "plugin.json:10:32: argument 'key' has type i64*, but 'column' needs i32* or f64*"
        ),
        (
            "\"m\": { \"param\": \"size\" }", "\"m\": { \"of\": \"key\", \"axis\": 0 }",
            "plugin.json:8:60: the rows of an epoch are known before there are any: \"rows\", a param or a number, not an axis"
        ),
        (
            "\"shape\": [\"m\"]", "\"shape\": [\"m\", 2]",
            "plugin.json:8:16: a sampler has one output, with the id 'order' and one axis: [\"rows\"], or a dim"
        ),
        (
            "\"field\": \"row_count\" }", "\"field\": \"fan_in\" }",
            "plugin.json:15:48: argument 'rows': 'field' is for optimizers, regularizers, parametrizations, initializers, not for a sampler"
        ),
        (
            "\"field\": \"fan_in\" }", "\"field\": \"epoch\" }",
            "plugin.json:27:50: argument 'fan_in': 'field' is for samplers, not for an initializer"
        ),
        (
            "\"quantity\": \"parameter.value\" }", "\"quantity\": \"parameter.grad\" }",
            "plugin.json:24:70: unknown quantity of initializers 'parameter.grad' (allowed: parameter.value)"
        ),
        (
            "\"quantity\": \"parameter.value\" }", "\"quantity\": \"parameter.value\", \"access\": \"readwrite\" }",
            "plugin.json:24:99: an initializer may not change the values that the model says; it writes its output"
        ),
        (
            "[{ \"id\": \"value\" }]", "[{ \"id\": \"values\" }]",
            "plugin.json:22:16: an initializer has one output, with the id 'value' and the parameter's shape, so without 'shape'"
        ),
        (
            "\"name\": \"parameter\", \"type\": \"char*\"", "\"name\": \"parameter\", \"type\": \"i64\"",
            "plugin.json:28:38: argument 'parameter' has type i64, but 'field' needs char*"
        ),
        (
            "\"activation\": { \"param\": \"layer\" }", "\"activation\": { \"param\": \"lyer\" }",
            "plugin.json:37:84: unknown param 'lyer'; did you mean 'layer'? (allowed: layer)"
        ),
        (
            "\"b\", \"type\": \"i32\", \"from\": \"activation\", \"activation\": \"output\", \"view\": \"x2\"",
            "\"b\", \"type\": \"f64*\", \"from\": \"activation\", \"activation\": \"output\", \"view\": \"x2\"",
            "plugin.json:38:30: argument 'b' has type f64*, but 'activation' needs i32"
        ),
        (
            "\"a_grad\"", "\"y_grad\"",
            "plugin.json:42:65: example 'equal' expects the unknown 'y_grad'; did you mean 'a_grad'? "
                + "(allowed: sample_loss, output_grad, a_grad, b_grad)"
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
