import Manifests
import Testing

/// Manifests of datasets that are made of others, and edits of a good one with the whole message a user then sees.
@Suite struct WrapperManifestTests {
    private static let text = """
        {
          "manifest": 1, "id": "org.example.rows", "version": "0.1.0", "license": "CC0-1.0", "name": "Rows", "summary": "Rows.",
          "library": "rows",
          "components": [{
            "kind": "dataset", "id": "some",
            "params": [{ "id": "k", "type": "int", "default": 2, "min": 1 }],
            "splits": { "train": { "of": "train", "rows": { "param": "k" } }, "ood": { "of": "test", "rows": "describe" } },
            "outputs": [
              { "id": "y", "dtype": "i32", "like": "y" }],
            "describe": { "symbol": "sizes", "returns": "void", "args": [
              { "name": "y", "type": "i32*", "from": "data", "field": "y" },
              { "name": "classes", "type": "i64", "from": "dim", "of": "y", "axis": "labels" },
              { "name": "rows", "type": "i64*", "from": "rows", "split": "ood" }] },
            "call": { "symbol": "some", "returns": "status", "args": [
              { "name": "y", "type": "i32*", "from": "data", "field": "y" },
              { "name": "x", "type": "f64*", "from": "data", "field": "x", "split": "test" },
              { "name": "begin", "type": "i64", "from": "index_begin" },
              { "name": "end", "type": "i64", "from": "index_end" },
              { "name": "source", "type": "i64*", "from": "source_row" },
              { "name": "labels", "type": "i32*", "from": "output", "output": "y" }] },
            "examples": [{ "name": "one", "given": { "y": { "shape": [3], "data": [2, 0, 1] }, "x": { "shape": [1, 2], "data": [3, 4] },
              "classes": 4, "begin": 0, "end": 1 }, "expect": { "y": { "shape": [1], "data": [1] }, "x": { "shape": [1, 2], "data": [3, 4] } } }]
          }]
        }
        """

    private func manifest(_ text: String) throws -> Manifest {
        try Manifest(try StrictJSON.parse(text, file: "plugin.json"), folder: "")
    }

    @Test func aGoodOne() throws {
        let component = try #require(try manifest(Self.text).components.first)
        #expect(component.isWrapper && component.studyKeys == ["plugin", "of"])
        #expect(component.splits.map(\.source) == ["train", "test"])
        #expect(component.splits.map(\.rows) == [.parameter("k"), .described])
        #expect(component.outputs[0].like == "y" && component.outputs[0].shape == nil)
        #expect(component.call.arguments[4].source == .sourceRow)
        // Without `rows` there are as many as there.
        let whole = Self.text.replacingOccurrences(of: ", \"rows\": { \"param\": \"k\" }", with: "")
        #expect(try manifest(whole).components[0].splits[0].rows == .source)
    }

    @Test(arguments: [
        (
            "\"train\": { \"of\": \"train\", \"rows\": { \"param\": \"k\" } }", "\"train\": { \"param\": \"k\" }",
            "plugin.json:7:26: split 'train' does not say whose rows it has, as the others do: {\"of\": \"train\"}"
        ),
        (
            "{ \"of\": \"test\", \"rows\": \"describe\" }", "{ \"of\": \"test\", \"row\": \"describe\" }",
            "plugin.json:7:94: unknown key 'row' in components[0].splits.ood; did you mean 'rows'? (allowed: of, rows)"
        ),
        (
            "\"rows\": { \"param\": \"k\" }", "\"rows\": { \"param\": \"n\" }",
            "plugin.json:7:62: unknown param 'n' (allowed: k)"
        ),
        (
            "\"like\": \"y\" }", "\"like\": \"y\", \"classes\": 3 }",
            "plugin.json:9:7: 'like' of 'y' gives its shape and classes; it has no others"
        ),
        (
            ", \"like\": \"y\" }", " }",
            "plugin.json:9:7: missing key 'shape' in components[0].outputs[0]"
        ),
        (
            "{ \"name\": \"source\", \"type\": \"i64*\", \"from\": \"source_row\" },", "",
            "plugin.json:7:26: split 'train' has a number of rows of its own, but no argument from source_row says "
                + "where each row comes from"
        ),
        (
            "{ \"name\": \"source\", \"type\": \"i64*\"", "{ \"name\": \"source\", \"type\": \"i32*\"",
            "plugin.json:19:35: argument 'source' has type i32*, but 'source_row' needs i64*"
        ),
        (
            "\"type\": \"f64*\", \"from\": \"data\"", "\"type\": \"f32*\", \"from\": \"data\"",
            "plugin.json:16:30: argument 'x' has type f32*, but 'data' needs i32* or f64*"
        ),
        (
            "{ \"name\": \"rows\", \"type\"",
            "{ \"name\": \"s\", \"type\": \"i64*\", \"from\": \"source_row\" }, { \"name\": \"rows\", \"type\"",
            "plugin.json:13:46: argument 's': 'source_row' has no meaning here; 'describe' runs before any row is asked for"
        ),
        (
            "\"sizes\", \"returns\": \"void\", \"args\": [\n      { \"name\": \"y\", \"type\": \"i32*\"",
            "\"sizes\", \"returns\": \"void\", \"args\": [\n      { \"name\": \"y\", \"type\": \"f64*\"",
            "plugin.json:11:7: 'y' of 'describe' must be an argument of 'call' too, and the same"
        ),
        (
            "\"expect\": { \"y\"", "\"expect\": { \"z\"",
            "plugin.json:22:57: example 'one' expects the unknown 'z' (allowed: y, x)"
        ),
        (
            "\"id\": \"k\"", "\"id\": \"of\"",
            "plugin.json:6:24: param 'of' has the name of a key that studies give a meaning"
        ),
    ])
    func aBadOne(find: String, replace: String, message: String) throws {
        let text = Self.text.replacingOccurrences(of: find, with: replace)
        try #require(text != Self.text)
        let error = #expect(throws: (any Error).self) { try manifest(text) }
        let lines = "\(error.map { "\($0)" } ?? "")".split(separator: "\n").map(String.init)
        #expect(lines.contains(message), "\(lines)")
    }

    /// What only a dataset made of another one has.
    @Test func rowsOfItsOwn() throws {
        let own = Self.text
            .replacingOccurrences(
                of: "{ \"of\": \"train\", \"rows\": { \"param\": \"k\" } }", with: "{ \"const\": 5 }"
            )
            .replacingOccurrences(of: "{ \"of\": \"test\", \"rows\": \"describe\" }", with: "\"describe\"")
        let error = #expect(throws: (any Error).self) { try manifest(own) }
        let text = "\(error.map { "\($0)" } ?? "")"
        let advice = "is for datasets made of another one, whose 'splits' say {\"of\": \"train\"}"
        #expect(text.contains("'data' \(advice)") && text.contains("'source_row' \(advice)"), "\(text)")
        #expect(text.contains("'like' \(advice)"), "\(text)")
    }
}
