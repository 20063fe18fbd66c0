import Foundation
import Manifests
import PluginHost
import Studies
import Testing

/// Two plugins that exist as manifests only: planning runs no plugin code.
enum Fixtures {
    static let toys = """
        {
          "manifest": 1, "id": "test.toys", "version": "0.1.0", "name": "Toys", "summary": "Components for tests of studies.",
          "license": "CC0-1.0", "library": "Toys",
          "components": [
            { "kind": "dataset", "id": "blobs",
              "params": [
                { "id": "rows", "type": "int", "default": 40, "min": 1 },
                { "id": "noise", "type": "float", "default": 0.5, "min": 0 },
                { "id": "standardize", "type": "bool", "default": false }],
              "outputs": [{ "id": "x", "dtype": "f64", "shape": ["rows", 5] }],
              "splits": { "train": { "param": "rows" }, "test": { "const": 7 } },
              "call": { "symbol": "blobs", "returns": "void", "args": [
                { "name": "begin", "type": "i64", "from": "index_begin" },
                { "name": "end", "type": "i64", "from": "index_end" },
                { "name": "noise", "type": "f64", "from": "param" },
                { "name": "x", "type": "f64*", "from": "output" }] },
              "examples": [{ "name": "no rows", "given": { "seed": "1", "begin": 0, "end": 1, "noise": 0 },
                "expect": { "x": { "shape": [1, 5], "data": [0, 0, 0, 0, 0] } } }] },
            { "kind": "model", "id": "net",
              "params": [
                { "id": "widths", "type": "int_list", "default": [3], "min": 1 },
                { "id": "activation", "type": "enum", "values": ["tanh", "relu"], "default": "tanh" },
                { "id": "note", "type": "string", "default": "" }],
              "outputs": [{ "id": "output" }],
              "call": { "symbol": "net", "returns": "status", "args": [
                { "name": "g", "type": "service", "from": "service", "service": "syzygy.graph/1" },
                { "name": "x", "type": "i32", "from": "input" },
                { "name": "widths", "type": "i64*", "from": "param" },
                { "name": "depth", "type": "i64", "from": "count", "of": "widths" },
                { "name": "output", "type": "i32*", "from": "output" }] },
              "examples": [{ "name": "none", "given": { "x": { "shape": [1, 1], "data": [0] } },
                "expect": { "output": { "shape": [1, 1], "data": [0] } } }] },
            { "kind": "loss", "id": "squares",
              "outputs": [{ "id": "sample_loss", "shape": ["rows"] }],
              "call": { "symbol": "squares", "returns": "status", "args": [
                { "name": "g", "type": "service", "from": "service", "service": "syzygy.graph/1" },
                { "name": "output", "type": "i32", "from": "input" },
                { "name": "y", "type": "i32", "from": "input" },
                { "name": "sample_loss", "type": "i32*", "from": "output" }] },
              "examples": [{ "name": "zero",
                "given": { "output": { "shape": [1, 1], "data": [0] }, "y": { "shape": [1, 1], "data": [0] } },
                "expect": { "sample_loss": { "shape": [1], "data": [0] } } }] },
            { "kind": "regularizer", "id": "l2",
              "params": [
                { "id": "weight_decay", "type": "float", "default": 1e-4, "min": 0 },
                { "id": "convention", "type": "enum", "values": ["half", "full"], "default": "half" },
                { "id": "only", "type": "enum_list", "values": ["weights", "biases"], "default": ["weights"] }],
              "outputs": [{ "id": "value", "dtype": "f64", "shape": [] }],
              "call": { "symbol": { "f32": "l2_f32", "f64": "l2_f64" }, "returns": { "type": "f64", "output": "value" }, "args": [
                { "name": "w", "type": "T*", "from": "quantity", "quantity": "parameter.value" },
                { "name": "g", "type": "T*", "from": "quantity", "quantity": "parameter.grad", "access": "readwrite" },
                { "name": "n", "type": "i64", "from": "count", "of": "w" },
                { "name": "weight_decay", "type": "f64", "from": "param" }] },
              "examples": [{ "name": "zero", "given": { "w": { "shape": [1], "data": [0] }, "g": { "shape": [1], "data": [0] } },
                "expect": { "value": 0 } }] },
            { "kind": "optimizer", "id": "sgd",
              "params": [
                { "id": "lr", "type": "float", "default": 0.1, "min": 0, "exclusive_min": true },
                { "id": "momentum", "type": "float", "default": 0, "min": 0, "max": 1, "exclusive_max": true }],
              "call": { "symbol": { "f32": "sgd_f32", "f64": "sgd_f64" }, "returns": "void", "args": [
                { "name": "w", "type": "T*", "from": "quantity", "quantity": "parameter.value", "access": "readwrite" },
                { "name": "g", "type": "T*", "from": "quantity", "quantity": "parameter.grad" },
                { "name": "n", "type": "i64", "from": "count", "of": "w" },
                { "name": "lr", "type": "f64", "from": "param" }] },
              "examples": [{ "name": "zero", "given": { "w": { "shape": [1], "data": [0] }, "g": { "shape": [1], "data": [0] } },
                "expect": { "w": { "shape": [1], "data": [0] } } }] },
            { "kind": "schedule", "id": "decay",
              "params": [
                { "id": "rate", "type": "float", "default": 0.5, "min": 0 },
                { "id": "at", "type": "int_list", "default": [] }],
              "outputs": [{ "id": "factor", "dtype": "f64", "shape": [] }],
              "call": { "symbol": "decay", "returns": { "type": "f64", "output": "factor" }, "args": [
                { "name": "step", "type": "i64", "from": "step" },
                { "name": "rate", "type": "f64", "from": "param" }] },
              "examples": [{ "name": "first", "given": { "step": 0 }, "expect": { "factor": 1 } }] },
            { "kind": "probe", "id": "alignment", "per": "layer",
              "params": [{ "id": "variant", "type": "enum_list", "values": ["raw", "centred"], "default": ["raw"] }],
              "outputs": [{ "id": "cos", "dtype": "f64", "shape": [], "range": [-1, 1] }],
              "call": { "symbol": "alignment", "returns": "void", "args": [
                { "name": "a", "type": "f64*", "from": "quantity" },
                { "name": "b", "type": "f64*", "from": "quantity" },
                { "name": "d", "type": "i64", "from": "dim", "of": "a", "axis": 0 },
                { "name": "cos", "type": "f64*", "from": "output" }] },
              "bindings": {
                "forward.{variant}": { "a": "moment.{variant}(layer.output)", "b": "moment.{variant}(layer.output_grad)" } },
              "examples": [{ "name": "equal", "given": { "a": { "shape": [1, 1], "data": [1] }, "b": { "shape": [1, 1], "data": [1] } },
                "expect": { "cos": 1 } }] },
            { "kind": "probe", "id": "fit", "per": "run",
              "outputs": [{ "id": "loss", "dtype": "f64", "shape": [] }],
              "call": { "symbol": "fit", "returns": "void", "args": [
                { "name": "losses", "type": "f64*", "from": "quantity", "quantity": "sample.loss" },
                { "name": "loss", "type": "f64*", "from": "output" }] },
              "examples": [{ "name": "one", "given": { "losses": { "shape": [1], "data": [2] } }, "expect": { "loss": 2 } }] }
          ]
        }
        """

    static let others = """
        {
          "manifest": 1, "id": "test.others", "version": "0.2.0", "name": "Others", "summary": "A second plugin with a loss 'squares'.",
          "license": "CC0-1.0", "library": "Others",
          "components": [
            { "kind": "loss", "id": "squares",
              "outputs": [{ "id": "sample_loss", "shape": ["rows"] }],
              "call": { "symbol": "squares", "returns": "status", "args": [
                { "name": "g", "type": "service", "from": "service", "service": "syzygy.graph/1" },
                { "name": "output", "type": "i32", "from": "input" },
                { "name": "y", "type": "i32", "from": "input" },
                { "name": "sample_loss", "type": "i32*", "from": "output" }] },
              "examples": [{ "name": "zero",
                "given": { "output": { "shape": [1, 1], "data": [0] }, "y": { "shape": [1, 1], "data": [0] } },
                "expect": { "sample_loss": { "shape": [1], "data": [0] } } }] },
            { "kind": "sampler", "id": "rotated",
              "params": [{ "id": "by", "type": "int", "default": 1 }],
              "outputs": [{ "id": "order", "dtype": "i64", "shape": ["rows"] }],
              "call": { "symbol": "rotated", "returns": "void", "args": [
                { "name": "epoch", "type": "i64", "from": "field", "field": "epoch" },
                { "name": "n", "type": "i64", "from": "count", "of": "order" },
                { "name": "by", "type": "i64", "from": "param" },
                { "name": "order", "type": "i64*", "from": "output" }] },
              "examples": [{ "name": "one", "given": { "epoch": 0 }, "expect": { "order": { "shape": [1], "data": [0] } } }] },
            { "kind": "initializer", "id": "times",
              "params": [{ "id": "factor", "type": "float", "default": 1 }],
              "outputs": [{ "id": "value" }],
              "call": { "symbol": "times", "returns": "void", "args": [
                { "name": "w", "type": "f64*", "from": "quantity", "quantity": "parameter.value" },
                { "name": "n", "type": "i64", "from": "count", "of": "w" },
                { "name": "factor", "type": "f64", "from": "param" },
                { "name": "value", "type": "f64*", "from": "output" }] },
              "examples": [{ "name": "one", "given": { "w": { "shape": [1], "data": [2] } },
                "expect": { "value": { "shape": [1], "data": [2] } } }] }
          ]
        }
        """

    /// A study that uses everything.
    static let study = """
        study: wells
        title: Decay in wells
        dataset: {plugin: blobs, rows: 30}
        model: {plugin: net, widths: [7, 5]}
        loss: {plugin: test.toys/squares}
        regularizers:
          l2: {plugin: l2, weight_decay: 1e-3}
        optimizer: {plugin: sgd, lr: 0.2}
        train: {steps: 100, batch_size: 10}
        probes:
          crh: {plugin: alignment, variant: [raw, centred], at: {log: 4}, samples: 20}
        sweep:
          regularizers.l2.weight_decay: [0, 1e-4, 1e-3]
        seeds: 0..1
        claims:
          - say: Aligned
            that: {mean: crh.forward.raw.cos, layer: fc1, at: last}
            at_least: 0.5

        """

    /// A registry over folders with these manifests and, in place of libraries, a few bytes.
    static func registry(_ folder: TemporaryFolder, library: String = "no code") throws -> Registry {
        for (name, manifest) in [("Toys", toys), ("Others", others)] {
            let path = "\(folder.path)/\(name)"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            try Data(manifest.utf8).write(to: URL(fileURLWithPath: path + "/plugin.json"))
            try Data(library.utf8).write(to: URL(fileURLWithPath: path + "/lib\(name).so"))
        }
        return Registry(paths: [folder.path])
    }

    static func plan(_ text: String = study, _ overrides: [String] = [], library: String = "no code") throws
        -> StudyPlan
    {
        let folder = try TemporaryFolder()
        let planner = StudyPlanner(
            registry: try registry(folder, library: library), schema: try Installation.schema("study.schema.json"))
        return try withExtendedLifetime(folder) {
            try planner.plan(try YAMLDocument.parse(text, file: "study.yaml"), overrides: overrides)
        }
    }

    /// The lines of the error that planning throws.
    static func lines(_ text: String, _ overrides: [String] = []) -> [String] {
        do {
            _ = try plan(text, overrides)
            return ["no error"]
        } catch let error as StudyError {
            return error.lines
        } catch {
            return ["\(error)"]
        }
    }
}

/// A folder that goes away with the test.
final class TemporaryFolder {
    let path = NSTemporaryDirectory() + "syzygy-studies-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }
}
