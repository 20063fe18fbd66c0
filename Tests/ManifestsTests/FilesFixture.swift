extension Fixture {
    /// A dataset that reads files of the study.
    static let filesText = #"""
        {
          "manifest": 1,
          "id": "org.example.records",
          "version": "0.3.0",
          "name": "Records",
          "summary": "Rows, axes and classes are what the files say.",
          "license": "MIT",
          "library": "Records",
          "components": [{
            "kind": "dataset", "id": "records",
            "params": [
              { "id": "batches", "type": "file_list", "min_items": 1, "help": "Records, one after the other." },
              { "id": "labels", "type": "file", "default": "" },
              { "id": "fields", "type": "string_list", "default": ["a", "b"] },
              { "id": "unit", "type": "float", "default": 1 }],
            "splits": { "train": "describe", "test": { "const": 3 } },
            "outputs": [
              { "id": "x", "dtype": "f64", "shape": ["rows", 2, "describe"] },
              { "id": "y", "dtype": "f64", "shape": ["rows"], "classes": "describe" }],
            "describe": {
              "symbol": "records_describe", "returns": "status",
              "args": [
                { "name": "batches", "type": "u8**", "from": "param" },
                { "name": "sizes", "type": "i64*", "from": "sizes", "of": "batches" },
                { "name": "train", "type": "i64*", "from": "rows", "split": "train" },
                { "name": "x", "type": "i64*", "from": "shape", "output": "x" },
                { "name": "y", "type": "i64*", "from": "classes", "output": "y" }] },
            "call": {
              "symbol": "records", "returns": "status",
              "args": [
                { "name": "batches", "type": "u8**", "from": "param" },
                { "name": "paths", "type": "char**", "from": "param", "param": "batches" },
                { "name": "sizes", "type": "i64*", "from": "sizes", "of": "batches" },
                { "name": "count", "type": "i64", "from": "count", "of": "batches" },
                { "name": "labels", "type": "u8*", "from": "param" },
                { "name": "label_bytes", "type": "i64", "from": "count", "of": "labels" },
                { "name": "label_path", "type": "char*", "from": "param", "param": "labels" },
                { "name": "fields", "type": "char**", "from": "param" },
                { "name": "begin", "type": "i64", "from": "index_begin" },
                { "name": "end", "type": "i64", "from": "index_end" },
                { "name": "columns", "type": "i64", "from": "dim", "of": "x", "axis": 5 },
                { "name": "x", "type": "f64*", "from": "output" },
                { "name": "y", "type": "f64*", "from": "output" }] },
            "examples": [{
              "name": "a row", "given": { "begin": 0, "end": 1, "batches": ["examples/one.bin", "examples/two.bin"] },
              "expect": { "x": { "shape": [1, 2, 2], "data": [1, 2, 3, 4] } } }]
          }]
        }
        """#
}
