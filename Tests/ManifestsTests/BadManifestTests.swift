import Foundation
import Manifests
import Testing

/// Edits of good manifests, each with the whole message a user then sees.
@Suite struct BadManifestTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var fixture: Fixture
        var old: String
        var new: String
        var message: String

        var testDescription: String { "\(fixture): \(new)" }

        init?(_ record: String) {
            let lines = record.split(separator: "\n", omittingEmptySubsequences: false)
            guard let fixture = lines.first.flatMap({ Fixture(rawValue: String($0)) }) else { return nil }
            func text(_ mark: String) -> String {
                lines.filter { $0.hasPrefix(mark) }.map { $0.dropFirst(2) }.joined(separator: "\n")
            }
            self.fixture = fixture
            (old, new) = (text("- "), text("+ "))
            message = lines.dropFirst().filter { !$0.hasPrefix("- ") && !$0.hasPrefix("+ ") }.joined(separator: "\n")
        }
    }

    @Test(arguments: cases) func saysWhatIsWrong(_ bad: Case) throws {
        let message = try bad.fixture.message(replacing: bad.old, with: bad.new)
        #expect(message == bad.message)
    }

    @Test func everyRecordIsACase() {
        #expect(Self.cases.count == 168)
    }

    static let cases = records.components(separatedBy: "\n\n").compactMap(Case.init)

    /// The name of a fixture, the text that is replaced (-), its replacement (+), the message.
    private static let records = #"""
        probe
        - "symbol": "alignment"
        + "symbl": "alignment"
        plugin.json:20:7: unknown key 'symbl' in components[0].call; did you mean 'symbol'? (allowed: symbol, returns, args)

        probe
        - "manifest": 1
        + "manifest": 2
        plugin.json:2:15: manifest must be 1, got 2

        probe
        - "id": "syzygy.crh"
        + "id": "CRH"
        plugin.json:3:9: id must be a reverse-dotted id such as org.example.rank, got 'CRH'

        probe
        - "version": "0.1.0"
        + "version": "1.0"
        plugin.json:4:14: version must be a semantic version such as 1.4.0, got '1.0'

        probe
        - "license": "Apache-2.0",
        + "licence": "Apache-2.0",
        plugin.json:7:3: unknown key 'licence' at the top level; did you mean 'license'? (allowed: $schema, manifest, id, version, name, summary, license, authors, references, library, components)

        probe
        - "summary": "Correlation of two second-moment matrices of one layer; one C function, bound several times."
        + "summary": ""
        plugin.json:6:14: summary must not be empty

        probe
        - "kind": "probe"
        + "kind": "prob"
        plugin.json:11:13: unknown kind 'prob' in components[0]; did you mean 'probe'? (allowed: dataset, sampler, model, initializer, parametrization, activation, operation, loss, regularizer, optimizer, schedule, probe, quantity, rule, procedure)

        probe
        - "kind": "probe", 
        + 
        plugin.json:10:18: missing key 'kind' in components[0]

        probe
        - "per": "layer"
        + "per": "layers"
        plugin.json:11:42: unknown per 'layers' in components[0]; did you mean 'layer'? (allowed: run, layer, parameter, layer_pair, run_pair)

        probe
        - "library": "Alignment"
        + "library": 3
        plugin.json:9:14: library must be a library's name without 'lib' and '.so' or an object with the key 'system', got 3

        probe
        - "library": "Alignment"
        + "library": "libAlignment.so"
        plugin.json:9:14: library must be a library's name without 'lib' and '.so', got 'libAlignment.so'

        blas
        - { "system": "libopenblas.so.0" }
        + { "system": "/usr/lib/libopenblas.so.0" }
        plugin.json:8:26: library.system must be a file name such as libopenblas.so.0, got '/usr/lib/libopenblas.so.0'

        blas
        - { "system": "libopenblas.so.0" }
        + { "file": "libopenblas.so.0" }
        plugin.json:8:14: missing key 'system' in library
        plugin.json:8:16: unknown key 'file' in library (allowed: system)

        probe
        - "arxiv": "2410.03006"
        + "arxiv": "arXiv:2410.03006"
        plugin.json:8:89: references[0].arxiv must be an arXiv number such as 2410.03006, got 'arXiv:2410.03006'

        probe
        - "dtype": "f64", "shape": [], "range": [-1, 1], "nan": "undefined_value" },
        + "dtype": "f32", "shape": [], "range": [-1, 1] },
        plugin.json:16:33: components[0].outputs[0].dtype must be 'f64', got 'f32'

        probe
        - "range": [-1, 1]
        + "range": [-1]
        plugin.json:16:62: components[0].outputs[0].range must have at least 2 items, got 1

        probe
        - "range": [-1, 1]
        + "range": [1, -1]
        plugin.json:16:62: the range of output 'alpha' ends at -1.0, below its begin 1.0

        probe
        - "returns": "status"
        + "returns": "int"
        plugin.json:20:41: unknown returns 'int' in components[0].call (allowed: void, status)

        probe
        - "type": "f64*", "from": "quantity"
        + "type": "double*", "from": "quantity"
        plugin.json:22:32: unknown type 'double*' in components[0].call.args[0] (allowed: i8, u8, i16, u16, i32, u32, i64, u64, f32, f64, T, size, i8*, u8*, i16*, u16*, i32*, u32*, i64*, u64*, f32*, f64*, T*, size*, char*, u8**, char**, service)

        probe
        - "from": "dim"
        + "from": "dims"
        plugin.json:24:47: unknown from 'dims' in components[0].call.args[2]; did you mean 'dim'? (allowed: quantity, input, source_row, data, activation, column, output, state, accumulator, variable, param, dim, count, sizes, rows, shape, classes, field, const, workspace, file, service, seed, step, steps, split, index_begin, index_end, message, message_size)

        probe
        - "of": "a", "axis": 1
        + "of": "a"
        plugin.json:24:9: missing key 'axis' in components[0].call.args[2]

        probe
        - "axis": 1
        + "axis": 1, "optional": true
        plugin.json:24:76: unknown key 'optional' in components[0].call.args[2] (allowed: name, type, from, of, axis)

        probe
        - "elements": "2*d*d"
        + "elements": "2*d+d"
        plugin.json:26:79: components[0].call.args[4].elements must be a product such as 4*d*n, got '2*d+d'

        probe
        - "forward_rga.{variant}":
        + "Forward RGA":
        plugin.json:32:7: key 'Forward RGA' in components[0].bindings must be a name of lower-case letters, digits, '_', '.' and '{param}'

        probe
        - { "kind": "symmetric", "swap": ["a", "b"] }
        + { "kind": "symmetric", "of": ["a", "b"] }
        plugin.json:34:20: missing key 'swap' in components[0].properties[0]
        plugin.json:34:43: unknown key 'of' in components[0].properties[0] (allowed: kind, swap, rtol)

        blas
        - "examples": [{ "name": "3-4-5", "given": { "x": { "shape": [2], "data": [3, 4] } }, "expect": { "norm": 5 }, "atol": 1e-15 }]
        + "examples": []
        plugin.json:19:17: components[0].examples must have at least 1 item, got 0

        dataset
        - "file": "data/table.bin"
        + "file": "../table.bin"
        plugin.json:38:67: components[0].call.args[11].file must be a path inside the plugin's folder, without '..', got '../table.bin'

        dataset
        - "test": { "const": 397 }
        + "test": 397
        plugin.json:20:55: components[0].splits.test must be {"param": id} or {"const": number} or "describe" or {"of": split}, got 397

        dataset
        - "test": { "const": 397 }
        + "test": { "const": 0 }
        plugin.json:20:66: components[0].splits.test.const must be >= 1, got 0

        optimizer
        - "like": "parameter", "init": { "kind": "zeros" }
        + "like": "parameter", "init": { "kind": "zero" }
        plugin.json:22:66: unknown kind 'zero' in components[0].state[2].init; did you mean 'zeros'? (allowed: zeros, ones, copy_of_parameter, constant, normal, uniform)

        optimizer
        - { "kind": "normal", "mean": 0, "std"
        + { "kind": "normal", "sd"
        plugin.json:19:17: missing key 'mean' in components[0].state[0].init
        plugin.json:19:37: unknown key 'sd' in components[0].state[0].init; did you mean 'std'? (allowed: kind, mean, std)

        model
        - "service": "syzygy.graph/1"
        + "service": "syzygy.graf/1"
        plugin.json:19:73: unknown service 'syzygy.graf/1' in components[0].call.args[0]; did you mean 'syzygy.graph/1'? (allowed: syzygy.graph/1, syzygy.random/1, syzygy.linalg/1, syzygy.objective/1, syzygy.jacobian/1, syzygy.record/1)

        loss
        - "kind": "loss", "id": "mse",
        + "kind": "loss", "id": "mse", "state": [],
        plugin.json:10:34: unknown key 'state' in components[0] (allowed: kind, id, name, summary, references, params, outputs, dims, uses, call, properties, examples)

        probe
        - "from": "dim", "of": "a"
        + "from": "dim", "of": "aa"
        plugin.json:24:60: unknown argument 'aa'; did you mean 'a'? (allowed: a, b, alpha, cosine)

        probe
        - "output": "cos"
        + "output": "cosine"
        plugin.json:28:73: unknown output 'cosine' (allowed: alpha, cos)

        optimizer
        - "param": "weight_decay" }
        + "param": "wieght_decay" }
        plugin.json:33:66: unknown param 'wieght_decay'; did you mean 'weight_decay'? (allowed: lr, weight_decay, std, spread)

        optimizer
        - "name": "velocity", "type": "T*"
        + "name": "velocty", "type": "T*"
        plugin.json:30:9: unknown state 'velocty'; did you mean 'velocity'? (allowed: anchor, decay, velocity)

        probe
        - "elements": "2*d*d"
        + "elements": "2*n*d"
        plugin.json:26:79: unknown dim 'n' (allowed: d)

        probe
        - { "id": "cos", "dtype": "f64", "shape": []
        + { "id": "cos", "dtype": "f64", "shape": ["k"]
        plugin.json:17:48: unknown dim 'k' (allowed: d)

        model
        - "of": "widths"
        + "of": "activation"
        plugin.json:24:66: argument 'activation' has no elements to count (those that have: widths)

        optimizer
        - "std": { "param": "std", 
        + "std": { "param": "sdt", 
        plugin.json:19:66: unknown param 'sdt'; did you mean 'std'? (allowed: lr, weight_decay, std, spread)

        dataset
        - { "param": "rows" }
        + { "param": "standardize" }
        plugin.json:20:37: a size must be an int param, but 'standardize' is of type bool

        probe
        - "of": ["a"] }]
        + "of": ["c"] }]
        plugin.json:34:101: unknown argument from a quantity 'c' (allowed: a, b)

        optimizer
        - "with": { "std": 0,
        + "with": { "momentum": 0,
        plugin.json:36:97: unknown param 'momentum' (allowed: lr, weight_decay, std, spread)

        optimizer
        - "with": { "std": 0,
        + "with": { "std": -1,
        plugin.json:36:92: std must be >= 0, got -1

        probe
        - { "id": "cos", "dtype"
        + { "id": "alpha", "dtype"
        plugin.json:17:15: two outputs have the name 'alpha'

        probe
        - "name": "b", "type"
        + "name": "a", "type"
        plugin.json:23:19: two arguments have the name 'a'

        optimizer
        - "id": "std", "type"
        + "id": "lr", "type"
        plugin.json:15:15: two params have the name 'lr'

        optimizer
        - "id": "velocity", "like"
        + "id": "decay", "like"
        plugin.json:22:15: two states have the name 'decay'

        probe
        - "from": "output", "output": "cos" }
        + "from": "output", "output": "alpha" }
        plugin.json:17:7: output 'cos' is written by no argument and is not the result
        plugin.json:28:9: output 'alpha' is written twice, by 'alpha' and 'cosine'

        blas
        - "returns": { "type": "f64", "output": "norm" }
        + "returns": "void"
        plugin.json:11:17: output 'norm' is written by no argument and is not the result

        blas
        - "shape": [], "range": [0, null]
        + "shape": [3], "range": [0, null]
        plugin.json:13:70: output 'norm' is returned, so its shape must be []

        probe
        - "of": "a", "axis": 1
        + "of": "a", "axis": 2
        plugin.json:24:73: axis 2 of 'a' does not exist: 'moment.raw(layer.output)' has 2 axes (0, 1)

        probe
        - "of": "a", "axis": 1
        + "of": "a", "axis": "classes"
        plugin.json:24:73: only inputs have the axis "classes", and 'a' is none

        probe
        - "of": "a", "axis": 1
        + "of": "a", "axis": "labels"
        plugin.json:24:73: only inputs have the axis "labels", and 'a' is none

        probe
        - "of": "a", "axis": 1
        + "of": "alpha", "axis": 0
        plugin.json:24:77: axis 0 of 'alpha' does not exist: output 'alpha' is a single number

        blas
        - "from": "count", "of": "x"
        + "from": "dim", "of": "x", "axis": 1
        plugin.json:15:73: axis 1 of 'x' does not exist: 'parameter.value' has 1 axis (0)

        blas
        - "quantity": "parameter.value"
        + "quantity": "parameter.value", "access": "readwrite"
        plugin.json:16:101: a probe may not change 'x'; only optimizers and regularizers write

        regularizer
        - "quantity": "parameter.value"
        + "quantity": "parameter.value", "access": "readwrite"
        plugin.json:20:99: a regularizer's call may only change parameter.grad

        regularizer
        - , "access": "readwrite"
        + 
        plugin.json:19:15: a regularizer needs an argument from quantity parameter.grad with access readwrite

        optimizer
        - "per": "parameter"
        + "per": "run"
        plugin.json:35:50: argument 'role': an optimizer per run has many parameters, so no 'field'

        optimizer
        - , "access": "readwrite"
        + 
        plugin.json:25:15: an optimizer needs an argument from quantity parameter.value with access readwrite

        optimizer
        - "symbol": { "f32": "syre_step_f32", "f64": "syre_step_f64" }
        + "symbol": "syre_step"
        plugin.json:26:32: argument 'w' has type T*, but 'symbol' is one function; give one symbol per precision: {"f32": …, "f64": …}

        blas
        - "symbol": "cblas_dnrm2"
        + "symbol": { "f64": "cblas_dnrm2" }
        plugin.json:13:17: only optimizers, regularizers and operations have one symbol per precision; a probe has one symbol

        blas
        - "type": "f64*", "from": "quantity"
        + "type": "T*", "from": "quantity"
        plugin.json:16:32: argument 'x' has type T*, but 'symbol' is one function; quantities of a probe are always f64

        blas
        - "type": "f64*", "from": "quantity"
        + "type": "f32*", "from": "quantity"
        plugin.json:16:32: argument 'x' has type f32*, but quantity 'parameter.value' needs f64*

        regularizer
        - "symbol": { "f64": "l2_start_f64" }
        + "symbol": { "f64": "l2_start_f64", "f32": "l2_start_f32" }
        plugin.json:15:17: 'start' must have symbols for the same precisions as 'call'

        optimizer
        - "name": "lr", "type": "f64"
        + "name": "lr", "type": "f32"
        plugin.json:32:33: argument 'lr' has type f32, but param 'lr' of type float needs f64

        dataset
        - "type": "f32*", "from": "output"
        + "type": "f64*", "from": "output"
        plugin.json:27:32: argument 'x' has type f64*, but output 'x' needs f32*

        dataset
        - "name": "standardize", "type": "u8"
        + "name": "standardize", "type": "i32"
        plugin.json:36:42: argument 'standardize' has type i32, but param 'standardize' of type bool needs u8

        dataset
        - "max": 65536
        + "max": 6553600000
        plugin.json:32:35: argument 'd_in' has type i32, but param 'd_in' has no min and max inside 32 bits

        dataset
        - "name": "seed", "type": "u64"
        + "name": "seed", "type": "i64"
        plugin.json:40:35: argument 'seed' has type i64, but 'seed' needs u64

        blas
        - "value": 1 }
        + "value": 1.5 }
        plugin.json:17:67: 1.5 is no value of type i32

        blas
        - "type": "i32", "from": "const", "value": 1 }
        + "type": "i8", "from": "const", "value": 200 }
        plugin.json:17:66: 200 is no value of type i8

        probe
        - "type": "size", "from": "message_size"
        + "type": "i64", "from": "message_size"
        plugin.json:30:42: argument 'reason_size' has type i64, but 'message_size' needs size

        probe
        - ,
        -         { "name": "reason_size", "type": "size", "from": "message_size" }] },
        + ] },
        plugin.json:21:15: an argument from 'message' needs one from 'message_size'

        blas
        - "from": "const", "value": 1
        + "from": "index_begin"
        plugin.json:17:49: argument 'inc': 'index_begin' is for datasets, not for a probe

        blas
        - "type": "i32", "from": "const", "value": 1
        + "type": "service", "from": "service", "service": "syzygy.graph/1"
        plugin.json:17:75: syzygy.graph/1 is for models, parametrizations, losses and rules, not for a probe

        optimizer
        - "name": "t", "type": "i64", "from": "step"
        + "name": "t", "type": "service", "from": "service", "service": "syzygy.objective/1"
        plugin.json:34:73: syzygy.objective/1 is for quantities, for probes of one run, and for optimizers per run

        probe
        - "per": "layer"
        + "per": "layer", "consecutive": true
        plugin.json:11:51: only layers follow one another: per layer_pair

        model
        - "name": "g", "type": "service", "from": "service", "service": "syzygy.graph/1"
        + "name": "g", "type": "service", "from": "service", "service": "syzygy.linalg/1"
        plugin.json:18:15: a model needs an argument from service syzygy.graph/1

        dataset
        - 
        -         { "name": "end", "type": "i64", "from": "index_end" },
        + 
        plugin.json:26:15: a dataset needs arguments from index_begin and index_end

        dataset
        - "shape": ["rows", "d"]
        + "shape": ["d"]
        plugin.json:22:45: the shape of dataset output 'x' must begin with "rows"

        dataset
        - "shape": ["rows", "d"]
        + "shape": ["rows", "rows"]
        plugin.json:22:54: 'rows' can only be the first axis, of a dataset, sampler, model or loss

        dataset
        - "dtype": "i32", "shape"
        + "dtype": "u8", "shape"
        plugin.json:23:29: labels ('classes') have dtype i32, but 'y' is u8

        model
        - "id": "output", "shape"
        + "id": "logits", "shape"
        plugin.json:14:16: a model needs an output with the id 'output'

        loss
        - "id": "sample_loss", "shape": ["rows"]
        + "id": "loss", "shape": ["rows"]
        plugin.json:11:25: the output of a loss must have the id 'sample_loss', got 'loss'

        loss
        - "id": "sample_loss", "shape": ["rows"]
        + "id": "sample_loss", "shape": ["rows", 2]
        plugin.json:11:49: sample_loss must have shape ["rows"] (the host takes the mean) or []

        regularizer
        - "id": "value", "dtype"
        + "id": "penalty", "dtype"
        plugin.json:12:17: the output of a regularizer must have the id 'value' and shape []

        optimizer
        - "default": 0.1,
        + "default": -0.1,
        plugin.json:13:49: default: lr must be > 0, got -0.1

        optimizer
        - "default": 0.1,
        + "default": 0,
        plugin.json:13:49: default: lr must be > 0, got 0

        optimizer
        - "default": 0.1,
        + "default": "0.1",
        plugin.json:13:49: default: lr must be a number, got '0.1'

        optimizer
        - "max": 1, "exclusive_max": true
        + "max": -1, "exclusive_max": true
        plugin.json:16:73: max -1 of param 'spread' is below its min 0

        model
        - "default": "relu"
        + "default": "rleu"
        plugin.json:13:96: default: unknown activation 'rleu'; did you mean 'relu'? (allowed: identity, relu, tanh)

        model
        - "default": [64, 64]
        + "default": [64, 0]
        plugin.json:12:61: default: widths[1] must be >= 1 and <= 65536, got 0

        model
        - "default": [64, 64]
        + "default": 64
        plugin.json:12:56: default: widths must be a list of integers, got 64; write [64]

        model
        - "values": ["identity", "relu", "tanh"], 
        + 
        plugin.json:13:7: param 'activation' of type enum needs 'values'

        optimizer
        - "default": 0.0001, "min": 0
        + "default": 0.0001, "exclusive_min": true
        plugin.json:14:67: 'exclusive_min' of param 'weight_decay' has no meaning without 'min'

        dataset
        - "type": "bool", "default": false
        + "type": "bool", "default": false, "min": 0
        plugin.json:16:64: 'min' of param 'standardize' has no meaning for type bool

        probe
        - "id": "eps", "type": "float"
        + "id": "samples", "type": "float"
        plugin.json:14:15: param 'samples' has the name of a key that studies give a meaning

        blas
        - "quantity": "parameter.value"
        + "quantity": "parameter.valeu"
        plugin.json:16:72: unknown quantity 'parameter.valeu'; did you mean 'parameter.value'? (allowed: layer.input, layer.output, layer.output_grad, layer.input_grad, layer.output_jacobian, layer.input_jacobian, layer.weight, layer.weight_initial, layer.weight_change, layer.bias, layer.weight_place, layer.bias_place, head.input, head.output, head.output_grad, head.input_grad, head.output_jacobian, head.input_jacobian, head.weight, head.weight_initial, head.weight_change, head.bias, head.weight_place, head.bias_place, model.output, targets, sample.loss, labels, parameter.value, parameter.grad, parameters)

        blas
        - "quantity": "parameter.value"
        + "quantity": "layer.input"
        plugin.json:16:72: 'layer.input' exists per layer, but this probe is per parameter

        probe
        - "b": "wwt(layer.weight)"
        + "b": "wwt(layer.wieght)"
        plugin.json:33:78: wwt takes a weight, got 'layer.wieght'; did you mean 'layer.weight'? (allowed: layer.weight, layer.weight_initial, layer.weight_change, head.weight, head.weight_initial, head.weight_change)

        probe
        - "b": "wwt(layer.weight)"
        + "b": "moment(layer.input)"
        plugin.json:33:78: unknown function 'moment' in 'moment(layer.input)' (allowed: moment.raw, moment.centred, moment.normalized, cross.raw, cross.centred, mean, agop.raw, agop.centred, wtw, wwt)

        probe
        - "b": "wwt(layer.weight)"
        + "b": "moment.raw(layer.bias)"
        plugin.json:33:78: moment.raw takes a quantity with a row per sample, got 'layer.bias' (allowed: layer.input, layer.output, layer.output_grad, layer.input_grad, head.input, head.output, head.output_grad, head.input_grad, model.output, targets)

        probe
        - "b": "wwt(layer.weight)"
        + "b": "cross.raw(layer.input)"
        plugin.json:33:78: cross.raw takes 2 quantities, got 1 in 'cross.raw(layer.input)'

        probe
        - "b": "wwt(layer.weight)"
        + "b": "labels"
        plugin.json:23:9: the bindings give argument 'b' labels (i32*) as well as real quantities (f64*)

        probe
        - "a": "moment.{variant}(layer.output)", "b": "wwt(layer.weight)"
        + "a": "moment.{variant}(layer.output)"
        plugin.json:33:32: binding 'forward_rwa.{variant}' does not give the quantity of argument 'b'

        probe
        - "b": "wwt(layer.weight)"
        + "b": "wwt(layer.weight)", "c": "labels"
        plugin.json:33:99: unknown argument 'c' in binding 'forward_rwa.{variant}' (open: a, b)

        probe
        - moment.{variant}(layer.output_grad)
        + moment.{varaint}(layer.output_grad)
        plugin.json:32:78: unknown param 'varaint' in 'moment.{varaint}(layer.output_grad)'; did you mean 'variant'? (enums: variant)

        probe
        - moment.{variant}(layer.output_grad)
        + moment.{eps}(layer.output_grad)
        plugin.json:32:78: '{eps}' must be an enum or enum_list param, but 'eps' is of type float

        probe
        - "forward_rwa.{variant}"
        + "forward_rwa"
        plugin.json:33:7: binding 'forward_rwa' has one name for several values; write the {param} into the name

        probe
        - "forward_rwa.{variant}"
        + "forward_rga.raw"
        plugin.json:33:7: two bindings give the name 'forward_rga.raw'

        blas
        - , "quantity": "parameter.value"
        + 
        plugin.json:16:9: argument 'x' has no quantity, and there are no bindings to give it

        optimizer
        - "quantity": "parameter.grad"
        + "quantity": "layer.input"
        plugin.json:27:70: unknown quantity of optimizers 'layer.input' (allowed: parameter.value, parameter.grad)

        probe
        - "binding": "forward_rga.raw"
        + "binding": "forward_rga.row"
        plugin.json:38:39: unknown binding 'forward_rga.row'; did you mean 'forward_rga.raw'? (allowed: forward_rga.raw, forward_rga.centred, forward_rga.normalized, forward_rwa.raw, forward_rwa.centred, forward_rwa.normalized)

        probe
        - "eps": 0.5
        + "esp": 0.5
        plugin.json:39:96: example 'nothing' gives the unknown 'esp'; did you mean 'eps'? (allowed: a, b, variant, eps)

        probe
        - "eps": 0.5
        + "eps": -0.5
        plugin.json:39:103: eps must be >= 0, got -0.5

        probe
        - "a": { "shape": [1, 1], "data": [0] }, 
        + 
        plugin.json:39:16: example 'nothing' does not give 'a'

        probe
        - "shape": [1, 1], "data": [0]
        + "shape": [1, 1], "data": [0, 1]
        plugin.json:39:50: data has 2 numbers, but shape [1, 1] needs 1

        probe
        - "shape": [1, 1], "data": [0]
        + "shape": [1], "data": [0]
        plugin.json:39:34: 'a' has 2 axes, got shape [1]

        blas
        - "expect": { "norm": 5 }
        + "expect": { "norm": "undefined" }
        plugin.json:19:109: 'norm' cannot be undefined; an output that can says "nan": "undefined_value"

        blas
        - "expect": { "norm": 5 }
        + "expect": { "nrom": 5 }
        plugin.json:19:101: example '3-4-5' expects the unknown 'nrom'; did you mean 'norm'? (allowed: norm)

        blas
        - "expect": { "norm": 5 }
        + "expect": { "norm": { "shape": [1], "data": [5] } }
        plugin.json:19:109: 'norm' is a single number, got shape [1]

        dataset
        - "split": "test"
        + "split": "tset"
        plugin.json:44:54: unknown split 'tset'; did you mean 'test'? (allowed: train, test)

        dataset
        - "seed": "1"
        + "seed": 1
        plugin.json:45:26: seed must be a decimal number in quotes, below 2^64, got 1

        dataset
        - "begin": 5
        + "begin": 6
        plugin.json:46:35: 'x' has 2 rows, but the example asks for rows 6 ..< 7
        plugin.json:46:89: 'y' has 2 rows, but the example asks for rows 6 ..< 7

        regularizer
        - "name": "two weights",
        + "name": "two weights", "dtype": "f32",
        plugin.json:26:39: example 'two weights' runs in f32, but 'l2' has functions for f64 only

        optimizer
        - "anchor": { "shape": [2], "data": [0.25, -1] }, 
        + 
        plugin.json:40:16: example 'one step by hand' does not give 'anchor'

        loss
        - "output": { "shape": [2, 1], "data": [1, 2] }, 
        + 
        plugin.json:21:16: example 'two samples' does not give 'output'

        files
        - "type": "file_list", "min_items": 1,
        + "type": "file_list", "min_items": 1, "default": ["one.bin"],
        plugin.json:12:74: param 'batches': only [], no file, can be the default of files; data that the plugin ships are bound with "from": "file"

        files
        - "type": "file", "default": ""
        + "type": "file", "default": "labels.bin"
        plugin.json:13:52: param 'labels': only "", no file, can be the default of files; data that the plugin ships are bound with "from": "file"

        files
        - "type": "file", "default": ""
        + "type": "file", "default": 0
        plugin.json:13:52: default: labels must be the path of a file, got 0

        files
        - "name": "labels", "type": "u8*"
        + "name": "labels", "type": "i8*"
        plugin.json:35:37: argument 'labels' has type i8*, but param 'labels' of type file needs u8* or char*

        files
        - "name": "fields", "type": "char**"
        + "name": "fields", "type": "char*"
        plugin.json:38:37: argument 'fields' has type char*, but param 'fields' of type string_list needs char**

        files
        - "from": "sizes", "of": "batches" },
        -         { "name": "count"
        + "from": "sizes", "of": "labels" },
        +         { "name": "count"
        plugin.json:33:67: argument 'labels' has no list of files (those that have: batches, paths)

        files
        - "train": "describe"
        + "train": "described"
        plugin.json:16:26: components[0].splits.train must be 'describe', got 'described'

        files
        - ["rows", 2, "describe"]
        + ["rows", "describe", 2]
        plugin.json:18:54: 'describe' can only be the end of a shape

        files
        - ["rows", 2, "describe"]
        + ["rows", 2]
        plugin.json:41:79: axis 5 of 'x' does not exist: output 'x' has 2 axes (0, 1)

        files
        - { "name": "train", "type": "i64*", "from": "rows", "split": "train" },
        + 
        plugin.json:16:26: the number of rows of split 'train' is said by 'describe', but none of its arguments writes it

        files
        - "from": "rows", "split": "train"
        + "from": "rows", "split": "test"
        plugin.json:16:26: the number of rows of split 'train' is said by 'describe', but none of its arguments writes it
        plugin.json:25:9: argument 'train' writes the number of rows of split 'test', which does not say "describe"

        files
        - "from": "rows", "split": "train"
        + "from": "rows", "split": "tain"
        plugin.json:25:69: unknown split 'tain'; did you mean 'train'? (allowed: train, test)

        files
        - "name": "y", "type": "i64*", "from": "classes", "output": "y" }]
        + "name": "y", "type": "i64*", "from": "classes", "output": "y" }, { "name": "z", "type": "i64*", "from": "classes", "output": "y" }]
        plugin.json:27:76: the number of classes of output 'y' is written twice, by 'y' and 'z'

        files
        - "name": "y", "type": "i64*", "from": "classes"
        + "name": "y", "type": "i32*", "from": "classes"
        plugin.json:27:32: argument 'y' has type i32*, but 'classes' needs i64*

        files
        - "from": "shape", "output": "x"
        + "from": "output"
        plugin.json:26:48: argument 'x': 'output' has no meaning here; 'describe' runs before any row is asked for

        files
        - "name": "begin", "type": "i64", "from": "index_begin"
        + "name": "begin", "type": "i64*", "from": "rows", "split": "train"
        plugin.json:39:52: argument 'begin': 'rows' has no meaning here; 'describe' is the one that writes sizes

        files
        - "dtype": "f64", "shape": ["rows"]
        + "dtype": "f32", "shape": ["rows"]
        plugin.json:19:29: labels ('classes') have dtype i32, but 'y' is f32

        files
        - "describe": {
        + "describ": {
        plugin.json:20:5: unknown key 'describ' in components[0]; did you mean 'describe'? (allowed: kind, id, name, summary, references, params, outputs, dims, splits, describe, call, properties, examples)

        files
        - "describe": {
        + "x-describe": {
        plugin.json:16:26: "describe" stands for a size that the function 'describe' writes, but there is none
        plugin.json:18:57: "describe" stands for a size that the function 'describe' writes, but there is none
        plugin.json:19:66: "describe" stands for a size that the function 'describe' writes, but there is none

        files
        - "returns": "status",
        -       "args": [
        -         { "name": "batches"
        + "returns": { "type": "f64", "output": "y" },
        +       "args": [
        +         { "name": "batches"
        plugin.json:21:48: 'describe' returns "status" or "void"

        files
        - "batches": ["examples/one.bin", "examples/two.bin"]
        + "unit": 2
        plugin.json:45:33: example 'a row' does not give 'batches'

        dataset
        - "dims": { "d": { "param": "d_in" } },
        + "dims": { "d": { "param": "d_in" }, "describe": { "const": 3 } },
        plugin.json:19:41: 'describe' stands for the axes that it writes and cannot be a dim

        schedule
        - "returns": { "type": "f64", "output": "factor" }
        + "returns": "void"
        plugin.json:14:17: output 'factor' is written by no argument and is not the result
        plugin.json:16:37: a schedule returns {"type": "f64", "output": "factor"}

        schedule
        - { "name": "n", "type": "i64", "from": "count", "of": "at" }] }
        + { "name": "factor", "type": "f64*", "from": "output" }] }
        plugin.json:22:9: output 'factor' is written twice, by the result and 'factor'

        schedule
        - "returns": { "type": "f64", "output": "factor" },
        -       "args": [
        + "returns": "void",
        +       "args": [
        +         { "name": "factor", "type": "f64*", "from": "output" },
        plugin.json:16:37: a schedule returns {"type": "f64", "output": "factor"}

        schedule
        - { "id": "factor", "dtype": "f64", "shape": [] }
        + { "id": "value", "dtype": "f64", "shape": [] }
        plugin.json:14:17: the output of a schedule must have the id 'factor' and shape []

        schedule
        - { "name": "t", "type": "i64", "from": "step" },
        + 
        plugin.json:17:15: a schedule needs an argument from step

        schedule
        - "type": "i64", "from": "steps"
        + "type": "i32", "from": "steps"
        plugin.json:19:36: argument 'total' has type i32, but 'steps' needs i64

        schedule
        - "step": 5, "steps": 9
        + "step": 5
        plugin.json:23:49: example 'one fall' does not give 'steps'

        schedule
        - "from": "param" },
        -         { "name": "at"
        + "from": "state" },
        +         { "name": "at"
        plugin.json:20:51: argument 'gamma': 'state' is for optimizers, regularizers, probes, rules, not for a schedule

        optimizer
        - "from": "step" }
        + "from": "steps" }
        plugin.json:34:47: argument 't': 'steps' is for schedules, not for an optimizer

        probe
        - "properties": [
        + "figures": [{ "title": "T" }], "properties": [
        plugin.json:34:17: a figure has exactly one of curves, heat, matrix, scatter, spectrum; found none

        probe
        - "properties": [
        + "figures": [{ "title": "T", "curves": "*.raw.alfa" }], "properties": [
        plugin.json:34:43: no output is called '*.raw.alfa' (allowed: forward_rga.raw.alpha, forward_rga.raw.cos, forward_rga.centred.alpha, forward_rga.centred.cos, forward_rga.normalized.alpha, forward_rga.normalized.cos, forward_rwa.raw.alpha, forward_rwa.raw.cos, forward_rwa.centred.alpha, forward_rwa.centred.cos, forward_rwa.normalized.alpha, forward_rwa.normalized.cos)

        probe
        - "properties": [
        + "figures": [{ "title": "T", "matrix": ["*.raw.alpha"], "fit": "line" }], "properties": [
        plugin.json:34:60: 'fit' has no meaning for matrix (it takes: layers, where, at, width)

        probe
        - "properties": [
        + "figures": [{ "title": "T", "matrix": "*.raw.alpha", "layers": ["fc1"] }], "properties": [
        plugin.json:34:58: unknown key 'layers' in components[0].figures[0] (allowed: title, curves, heat, matrix, scatter, spectrum, against, at, scale, colour, fit, width)

        probe
        - "properties": [
        + "figures": [{ "title": "T", "curves": "*.raw.cos" }, { "title": "T", "curves": "*.raw.alpha" }], "properties": [
        plugin.json:34:69: two figures have the name 'T'

        probe
        - "shape": [], "range": [-1, 1], "nan": "undefined_value" },
        + "shape": [], "range": [-1, 1], "nan": "undefined_value", "labels": ["a", "b"] },
        plugin.json:16:107: 2 labels stand for 0 to 1, so the range of output 'alpha' must be [0, 1]

        blas
        - "shape": [], "range": [0, null] }
        + "shape": [3], "range": [0, 1], "labels": ["a", "b"] }
        plugin.json:11:80: output 'norm' is an array; labels are of single numbers
        plugin.json:13:70: output 'norm' is returned, so its shape must be []
        """#
}
