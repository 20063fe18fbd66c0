extension Fixture {
    static let scheduleText = #"""
        {
          "manifest": 1,
          "id": "syzygy.falls",
          "version": "0.1.0",
          "name": "Falls",
          "summary": "Falls of a factor.",
          "license": "Apache-2.0",
          "library": "Falls",
          "components": [{
            "kind": "schedule", "id": "falls",
            "params": [
              { "id": "gamma", "type": "float", "default": 0.1, "min": 0 },
              { "id": "at", "type": "int_list", "default": [] }],
            "outputs": [{ "id": "factor", "dtype": "f64", "shape": [] }],
            "call": {
              "symbol": "falls", "returns": { "type": "f64", "output": "factor" },
              "args": [
                { "name": "t", "type": "i64", "from": "step" },
                { "name": "total", "type": "i64", "from": "steps" },
                { "name": "gamma", "type": "f64", "from": "param" },
                { "name": "at", "type": "i64*", "from": "param" },
                { "name": "n", "type": "i64", "from": "count", "of": "at" }] },
            "examples": [{ "name": "one fall", "given": { "step": 5, "steps": 9, "at": [3] }, "expect": { "factor": 0.1 } }]
          }]
        }
        """#
}
