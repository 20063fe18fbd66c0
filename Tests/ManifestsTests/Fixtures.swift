import Manifests

/// Good manifests, one per kind; the tests of bad ones edit them.
enum Fixture: String, CaseIterable, Sendable {
    case probe, blas, optimizer, regularizer, dataset, files, model, loss, schedule

    var text: String {
        switch self {
        case .probe: Self.probeText
        case .blas: Self.blasText
        case .optimizer: Self.optimizerText
        case .regularizer: Self.regularizerText
        case .dataset: Self.datasetText
        case .files: Self.filesText
        case .model: Self.modelText
        case .loss: Self.lossText
        case .schedule: Self.scheduleText
        }
    }

    func manifest() throws -> Manifest {
        try Manifest(try StrictJSON.parse(text, file: "plugin.json"), folder: "Plugins/\(rawValue)")
    }

    /// What a user sees after one edit of the text; nil if the manifest is good.
    func message(replacing old: String, with new: String) throws -> String? {
        let pieces = text.split(separator: old, maxSplits: 1, omittingEmptySubsequences: false)
        guard pieces.count == 2 else { throw MissingText(text: old) }
        do {
            _ = try Manifest(try StrictJSON.parse(pieces.joined(separator: new), file: "plugin.json"), folder: "")
            return nil
        } catch let error as Problem {
            return "\(error)"
        } catch let error as ManifestError {
            return "\(error)"
        }
    }

    struct MissingText: Error { var text: String }
}

extension Fixture {
    private static let probeText = #"""
        {
          "manifest": 1,
          "id": "syzygy.crh",
          "version": "0.1.0",
          "name": "The six alignments of the Canonical Representation Hypothesis",
          "summary": "Correlation of two second-moment matrices of one layer; one C function, bound several times.",
          "license": "Apache-2.0",
          "references": [{ "title": "Formation of Representations in Neural Networks", "arxiv": "2410.03006" }],
          "library": "Alignment",
          "components": [{
            "kind": "probe", "id": "crh", "per": "layer",
            "params": [
              { "id": "variant", "type": "enum_list", "values": ["raw", "centred", "normalized"], "default": ["raw"] },
              { "id": "eps", "type": "float", "default": 1e-30, "min": 0, "help": "Smallest norm that counts." }],
            "outputs": [
              { "id": "alpha", "dtype": "f64", "shape": [], "range": [-1, 1], "nan": "undefined_value" },
              { "id": "cos", "dtype": "f64", "shape": [], "range": [-1, 1], "nan": "undefined_value" }],
            "dims": { "d": { "of": "a", "axis": 0 } },
            "call": {
              "symbol": "alignment", "returns": "status",
              "args": [
                { "name": "a", "type": "f64*", "from": "quantity" },
                { "name": "b", "type": "f64*", "from": "quantity" },
                { "name": "d", "type": "i64", "from": "dim", "of": "a", "axis": 1 },
                { "name": "eps", "type": "f64", "from": "param" },
                { "name": "scratch", "type": "f64*", "from": "workspace", "elements": "2*d*d" },
                { "name": "alpha", "type": "f64*", "from": "output" },
                { "name": "cosine", "type": "f64*", "from": "output", "output": "cos" },
                { "name": "reason", "type": "char*", "from": "message" },
                { "name": "reason_size", "type": "size", "from": "message_size" }] },
            "bindings": {
              "forward_rga.{variant}": { "a": "moment.{variant}(layer.output)", "b": "moment.{variant}(layer.output_grad)" },
              "forward_rwa.{variant}": { "a": "moment.{variant}(layer.output)", "b": "wwt(layer.weight)" } },
            "properties": [{ "kind": "symmetric", "swap": ["a", "b"] }, { "kind": "scale_invariant", "of": ["a"] }],
            "examples": [{ "name": "diag(1,2,3) against diag(3,2,1)",
              "given": { "a": { "shape": [3, 3], "data": [1,0,0, 0,2,0, 0,0,3] }, "b": { "shape": [3, 3], "data": [3,0,0, 0,2,0, 0,0,1] } },
              "expect": { "alpha": 0.6, "cos": 0.7142857142857143 }, "atol": 1e-14 },
              { "name": "nothing", "binding": "forward_rga.raw",
              "given": { "a": { "shape": [1, 1], "data": [0] }, "b": { "shape": [1, 1], "data": [1] }, "eps": 0.5 },
              "expect": { "alpha": { "undefined": "zero_norm" }, "cos": "undefined" } }]
          }]
        }
        """#

    private static let blasText = #"""
        {
          "manifest": 1,
          "id": "org.example.blas-norm",
          "version": "0.1.0",
          "name": "Euclidean norm of each parameter, by the system BLAS",
          "summary": "No compiled code of its own: the manifest alone adds a probe.",
          "license": "CC0-1.0",
          "library": { "system": "libopenblas.so.0" },
          "components": [{
            "kind": "probe", "id": "norm", "per": "parameter",
            "outputs": [{ "id": "norm", "dtype": "f64", "shape": [], "range": [0, null] }],
            "call": {
              "symbol": "cblas_dnrm2", "returns": { "type": "f64", "output": "norm" },
              "args": [
                { "name": "n", "type": "i32", "from": "count", "of": "x" },
                { "name": "x", "type": "f64*", "from": "quantity", "quantity": "parameter.value" },
                { "name": "inc", "type": "i32", "from": "const", "value": 1 }] },
            "properties": [{ "kind": "scale_equivariant", "of": ["x"], "degree": 1 }],
            "examples": [{ "name": "3-4-5", "given": { "x": { "shape": [2], "data": [3, 4] } }, "expect": { "norm": 5 }, "atol": 1e-15 }]
          }]
        }
        """#

    private static let optimizerText = #"""
        {
          "manifest": 1,
          "id": "syzygy.syre",
          "version": "0.1.0",
          "name": "syre",
          "summary": "SGD whose weight decay pulls towards a fixed random point.",
          "license": "Apache-2.0",
          "references": [{ "title": "Remove Symmetries to Control Model Expressivity and Improve Optimization", "arxiv": "2408.15495" }],
          "library": "Syre",
          "components": [{
            "kind": "optimizer", "id": "syre", "per": "parameter",
            "params": [
              { "id": "lr", "type": "float", "default": 0.1, "min": 0, "exclusive_min": true, "scale": "log", "help": "Learning rate." },
              { "id": "weight_decay", "type": "float", "default": 0.0001, "min": 0 },
              { "id": "std", "type": "float", "default": 0.01, "min": 0 },
              { "id": "spread", "type": "float", "default": 0, "min": 0, "max": 1, "exclusive_max": true }],
            "state": [
              { "id": "anchor", "like": "parameter", "mutable": false,
                "init": { "kind": "normal", "mean": 0, "std": { "param": "std", "over_sqrt": "fan_in" } } },
              { "id": "decay", "like": "parameter", "mutable": false,
                "init": { "kind": "uniform", "low": { "param": "spread", "mul": -1, "add": 1 }, "high": { "param": "spread", "add": 1 } } },
              { "id": "velocity", "like": "parameter", "init": { "kind": "zeros" } }],
            "call": {
              "symbol": { "f32": "syre_step_f32", "f64": "syre_step_f64" }, "returns": "void",
              "args": [
                { "name": "w", "type": "T*", "from": "quantity", "quantity": "parameter.value", "access": "readwrite" },
                { "name": "g", "type": "T*", "from": "quantity", "quantity": "parameter.grad" },
                { "name": "anchor", "type": "T*", "from": "state" },
                { "name": "decay", "type": "T*", "from": "state" },
                { "name": "velocity", "type": "T*", "from": "state" },
                { "name": "n", "type": "i64", "from": "count", "of": "w" },
                { "name": "lr", "type": "f64", "from": "param" },
                { "name": "wd", "type": "f64", "from": "param", "param": "weight_decay" },
                { "name": "t", "type": "i64", "from": "step" },
                { "name": "role", "type": "i32", "from": "field", "field": "role" }] },
            "properties": [{ "kind": "reduces_to", "component": "syzygy.sgd/sgd", "with": { "std": 0, "spread": 0 } },
              { "kind": "seed_sensitive", "of": ["anchor"] }],
            "examples": [{
              "name": "one step by hand",
              "given": {
                "w": { "shape": [2], "data": [1, -2] }, "g": { "shape": [2], "data": [0.5, 0.25] },
                "anchor": { "shape": [2], "data": [0.25, -1] }, "decay": { "shape": [2], "data": [1, 2] },
                "lr": 0.5, "weight_decay": 0.25, "role": 0, "step": 3 },
              "expect": { "w": { "shape": [2], "data": [0.65625, -1.875] } } }]
          }]
        }
        """#

    private static let regularizerText = #"""
        {
          "manifest": 1,
          "id": "syzygy.l2",
          "version": "1.0.0",
          "name": "Weight decay as a loss term",
          "summary": "weight_decay/2 · ‖w‖² of every weight.",
          "license": "Apache-2.0",
          "library": "L2",
          "components": [{
            "kind": "regularizer", "id": "l2",
            "params": [{ "id": "weight_decay", "type": "float", "default": 0.001, "min": 0 }],
            "outputs": [{ "id": "value", "dtype": "f64", "shape": [] }],
            "state": [{ "id": "first", "like": "parameter", "mutable": false, "init": { "kind": "copy_of_parameter" } }],
            "start": {
              "symbol": { "f64": "l2_start_f64" }, "returns": "status",
              "args": [{ "name": "first", "type": "T*", "from": "state" }] },
            "call": {
              "symbol": { "f64": "l2_f64" }, "returns": { "type": "f64", "output": "value" },
              "args": [
                { "name": "w", "type": "T*", "from": "quantity", "quantity": "parameter.value" },
                { "name": "grad", "type": "T*", "from": "quantity", "quantity": "parameter.grad", "access": "readwrite" },
                { "name": "n", "type": "size", "from": "count", "of": "w" },
                { "name": "weight_decay", "type": "f64", "from": "param" }] },
            "properties": [{ "kind": "gradient_matches_finite_difference", "rtol": 1e-6 }],
            "examples": [{
              "name": "two weights",
              "given": { "w": { "shape": [2], "data": [3, 4] }, "grad": { "shape": [2], "data": [0, 1] }, "weight_decay": 2 },
              "expect": { "value": 25, "grad": { "shape": [2], "data": [6, 9] } } }]
          }]
        }
        """#

    private static let datasetText = #"""
        {
          "manifest": 1,
          "id": "org.example.teacher",
          "version": "0.1.0-rc.1",
          "name": "Linear teacher with Gaussian inputs",
          "summary": "Targets are a fixed random map of the inputs. Row i depends on the seed and on i only.",
          "license": "Apache-2.0",
          "library": "Teacher",
          "components": [{
            "kind": "dataset", "id": "teacher",
            "params": [
              { "id": "rows", "type": "int", "default": 1024, "min": 1, "max": 100000000, "scale": "log" },
              { "id": "d_in", "type": "int", "default": 32, "min": 1, "max": 65536 },
              { "id": "classes", "type": "int", "default": 4, "min": 2, "max": 1000 },
              { "id": "hidden", "type": "int_list", "default": [16], "min": 1, "max_items": 8 },
              { "id": "standardize", "type": "bool", "default": false },
              { "id": "law", "type": "enum", "values": ["normal", "uniform"], "default": "normal" },
              { "id": "path", "type": "string", "default": "", "x-note": "unused" }],
            "dims": { "d": { "param": "d_in" } },
            "splits": { "train": { "param": "rows" }, "test": { "const": 397 } },
            "outputs": [
              { "id": "x", "dtype": "f32", "shape": ["rows", "d"] },
              { "id": "y", "dtype": "i32", "shape": ["rows"], "classes": { "param": "classes" } }],
            "call": {
              "symbol": "teacher_rows", "returns": "status",
              "args": [
                { "name": "x", "type": "f32*", "from": "output" },
                { "name": "y", "type": "i32*", "from": "output" },
                { "name": "split", "type": "i32", "from": "split" },
                { "name": "begin", "type": "i64", "from": "index_begin" },
                { "name": "end", "type": "i64", "from": "index_end" },
                { "name": "d_in", "type": "i32", "from": "param" },
                { "name": "classes", "type": "i64", "from": "param" },
                { "name": "hidden", "type": "i64*", "from": "param" },
                { "name": "depth", "type": "i64", "from": "count", "of": "hidden" },
                { "name": "standardize", "type": "u8", "from": "param" },
                { "name": "law", "type": "i32", "from": "param" },
                { "name": "table", "type": "u8*", "from": "file", "file": "data/table.bin" },
                { "name": "bytes", "type": "u64", "from": "count", "of": "table" },
                { "name": "seed", "type": "u64", "from": "seed" },
                { "name": "random", "type": "service", "from": "service", "service": "syzygy.random/1" }] },
            "properties": [{ "kind": "chunk_invariant" }, { "kind": "seed_sensitive", "of": ["x", "y"] }],
            "examples": [{
              "name": "two rows of the test split", "split": "test",
              "given": { "seed": "1", "begin": 5, "end": 7, "d_in": 3, "hidden": [2] },
              "expect": { "x": { "shape": [2, 3], "data": [1, 2, 3, 4, 5, 6] }, "y": { "shape": [2], "data": [0, 3] } },
              "rtol": 1e-5 }]
          }]
        }
        """#

    private static let modelText = #"""
        {
          "manifest": 1,
          "id": "syzygy.mlp",
          "version": "0.2.0",
          "name": "Fully connected networks",
          "summary": "The plugin describes the graph; the host runs and differentiates it.",
          "license": "Apache-2.0",
          "library": "MLP",
          "components": [{
            "kind": "model", "id": "mlp",
            "params": [
              { "id": "widths", "type": "int_list", "default": [64, 64], "min": 1, "max": 65536, "max_items": 64 },
              { "id": "activation", "type": "enum", "values": ["identity", "relu", "tanh"], "default": "relu" }],
            "outputs": [{ "id": "output", "shape": ["rows", "classes"] }],
            "dims": { "classes": { "of": "y", "axis": "classes" } },
            "call": {
              "symbol": "mlp", "returns": "status",
              "args": [
                { "name": "g", "type": "service", "from": "service", "service": "syzygy.graph/1" },
                { "name": "x", "type": "i32", "from": "input" },
                { "name": "y", "type": "i32", "from": "input" },
                { "name": "classes", "type": "i64", "from": "dim", "of": "y", "axis": "classes" },
                { "name": "widths", "type": "i64*", "from": "param" },
                { "name": "depth", "type": "i64", "from": "count", "of": "widths" },
                { "name": "activation", "type": "i32", "from": "param" },
                { "name": "output", "type": "i32*", "from": "output" }] },
            "examples": [{
              "name": "one linear layer",
              "given": { "x": { "shape": [1, 2], "data": [1, 2] }, "y": { "shape": [1], "data": [0] }, "classes": 3, "widths": [],
                "head.weight": { "shape": [3, 2], "data": [1, 0, 0, 1, 1, 1] }, "head.bias": { "shape": [3], "data": [0, 0, 1] } },
              "expect": { "output": { "shape": [1, 3], "data": [1, 2, 4] } } }]
          }]
        }
        """#

    private static let lossText = #"""
        {
          "manifest": 1,
          "id": "syzygy.mse",
          "version": "0.1.0",
          "name": "Squared error",
          "summary": "½ ‖f − y‖² of each sample.",
          "license": "Apache-2.0",
          "library": "MSE",
          "components": [{
            "kind": "loss", "id": "mse",
            "outputs": [{ "id": "sample_loss", "shape": ["rows"] }],
            "call": {
              "symbol": "mse", "returns": "status",
              "args": [
                { "name": "g", "type": "service", "from": "service", "service": "syzygy.graph/1" },
                { "name": "prediction", "type": "i32", "from": "input", "input": "output" },
                { "name": "y", "type": "i32", "from": "input" },
                { "name": "loss", "type": "i32*", "from": "output", "output": "sample_loss" }] },
            "examples": [{
              "name": "two samples",
              "given": { "output": { "shape": [2, 1], "data": [1, 2] }, "y": { "shape": [2, 1], "data": [0, 2] } },
              "expect": { "sample_loss": { "shape": [2], "data": [0.5, 0] }, "output_grad": { "shape": [2, 1], "data": [1, 0] } } }]
          }]
        }
        """#
}
