import Manifests
import PluginHost
import PluginTesting
import Protocols
import Testing

/// A dataset made of another one by a plugin that does what its options say, also wrong.
@Suite struct WrapperTests {
    private static let source = """
        #include <stdint.h>
        void rows(const int32_t *y, int64_t n, int64_t mistake, int64_t begin, int64_t end, int32_t *z, int64_t *source) {
            for (int64_t i = begin; i < end; i++) {
                z[i - begin] = mistake == 3 ? 7 : y[i];
                if (mistake != 2 || i != 4) source[i - begin] = mistake == 1 ? n + i : i;
            }
        }
        """
    private static let components = """
        {"kind": "dataset", "id": "same", "params": [{"id": "mistake", "type": "int", "default": 0}],
         "splits": {"train": {"of": "train"}, "more": {"of": "test"}}, "outputs": [{"id": "z", "dtype": "i32", "like": "y"}],
         "call": {"symbol": "rows", "returns": "void", "args": [
          {"name": "y", "type": "i32*", "from": "data", "field": "y"}, {"name": "n", "type": "i64", "from": "count", "of": "y"},
          {"name": "mistake", "type": "i64", "from": "param"}, {"name": "begin", "type": "i64", "from": "index_begin"},
          {"name": "end", "type": "i64", "from": "index_end"}, {"name": "z", "type": "i32*", "from": "output"},
          {"name": "source", "type": "i64*", "from": "source_row"}]},
         "examples": [{"name": "e", "given": {"y": {"shape": [2], "data": [1, 0]}, "begin": 0, "end": 2},
          "expect": {"z": {"shape": [2], "data": [1, 0]}, "y": {"shape": [2], "data": [1, 0]}}}]}
        """

    /// Seven training rows and three others, x and y.
    private final class Seven: Dataset {
        var fields = [Field(name: "x", shape: [2]), Field(name: "y", shape: [], classes: 5)]
        var splits = ["train", "test"]
        /// Of the second row.
        var label = 1.0
        var reads: [String] = []
        func rows(in split: String) -> Int { split == "train" ? 7 : 3 }
        func read(_ split: String, _ range: Range<Int>, into buffers: [UnsafeMutableBufferPointer<Double>]) {
            reads.append(split)
            for (i, row) in range.enumerated() {
                buffers[0][2 * i] = Double(row)
                buffers[0][2 * i + 1] = split == "train" ? 0 : 10
                buffers[1][i] = row == 1 ? label : Double(row % 5)
            }
        }
    }

    private static let plugin = Result {
        try TemporaryPlugin(source: source, manifest: TemporaryPlugin.manifest(components))
    }

    private func same(_ mistake: Int = 0, of source: Seven = Seven()) throws -> any Dataset {
        let plugin = try Self.plugin.get()
        return try plugin.loader.dataset(Choice(component: "same", options: ["mistake": .int(mistake)]), of: source)
    }

    @Test func everythingComesAlong() throws {
        let dataset = try same()
        #expect(dataset.fields.map(\.name) == ["x", "y", "z"] && dataset.fields[2].classes == 5)
        let train = try readRows(of: dataset, "train", 2..<6)
        #expect(train["x"] == [2, 0, 3, 0, 4, 0, 5, 0] && train["y"] == [2, 3, 4, 0] && train["z"] == train["y"])
        #expect(try dataset.rows(in: "more") == 3 && readRows(of: dataset, "more")["x"] == [0, 10, 1, 10, 2, 10])
    }

    @Test(arguments: [
        (1, "row 0 of 'train' comes from row 7 of 'train', which has the rows 0 ..< 7"),
        (2, "row 4 of 'train' comes from no row of 'train', which has the rows 0 ..< 7"),
        (3, "label 7 in row 0 of 'train' is outside 0..<5"),
    ])
    func mistakes(mistake: Int, sentence: String) throws {
        let error = #expect(throws: PluginError.self) { try readRows(of: try same(mistake), "train") }
        #expect(error?.description == "plugin org.example.case/same: \(sentence)")
    }

    /// Labels that no dataset of ours would give, as an example of a manifest may.
    @Test(arguments: [5.0, -1, .nan, 1e20]) func labelsThatAreNone(label: Double) throws {
        let wrong = Seven()
        wrong.label = label
        let error = #expect(throws: PluginError.self) { try same(of: wrong) }
        #expect(
            error?.sentence == "is made of a dataset whose labels 'y' of 'train' are not all in 0..<5",
            "\(error?.sentence ?? "")")
    }

    /// The rows of the source are asked for once, and again only after all splits were read to their ends.
    @Test func theSourceIsReadOnce() throws {
        let source = Seven()
        let dataset = try same(of: source)
        _ = try readRows(of: dataset, "train", 0..<5)
        _ = try readRows(of: dataset, "train")
        _ = try readRows(of: dataset, "more", 0..<2)
        #expect(source.reads == ["train", "test"])
        _ = try readRows(of: dataset, "more")
        _ = try readRows(of: dataset, "more", 1..<2)
        #expect(source.reads == ["train", "test", "train", "test"])
    }

    @Test func whatIsNotThere() throws {
        let real = Seven()
        real.fields[1].classes = nil
        var error = #expect(throws: PluginError.self) { try same(of: real) }
        #expect(error?.sentence.contains("holds real numbers") == true)
        let other = Seven()
        other.fields[1].name = "yy"
        error = #expect(throws: PluginError.self) { try same(of: other) }
        #expect(error?.sentence == "is made of a dataset that has no field 'y'; did you mean 'yy'? (it has: x, yy)")
        let short = Seven()
        short.splits = ["valid"]
        error = #expect(throws: PluginError.self) { try same(of: short) }
        #expect(error?.sentence == "is made of a dataset that has no split 'train' (it has: valid)")
    }
}
