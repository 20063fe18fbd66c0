import Foundation
import Testing

/// One mistake per study, and the whole of what the user reads. `edits` change `Fixtures.study`.
struct BadStudy: Sendable, CustomTestStringConvertible {
    var name: String
    var edits: [(String, String)] = []
    var overrides: [String] = []
    var lines: [String]

    var testDescription: String { name }

    static let all: [BadStudy] = [
        .init(
            name: "the key of a section", edits: [("optimizer:", "optimzer:")],
            lines: [
                "study.yaml:8:1: unknown key 'optimzer' at the top level; did you mean 'optimizer'? (allowed: study, title, dataset, procedure, sampler, model, models, initializers, parametrizations, loss, rule, optimizer, regularizers, groups, train, stop, probes, record, checkpoints, fork, sweep, seeds, claims, figures)",
                "study.yaml:1:1: missing key 'optimizer' at the top level",
            ]),
        .init(
            name: "no such option", edits: [("weight_decay: 1e-3", "wieght_decay: 1e-3")],
            lines: [
                "study.yaml:7:20: unknown key 'wieght_decay' in regularizers.l2; did you mean 'weight_decay'? (l2 has: parameters, schedules, weight_decay, convention, only)"
            ]),
        .init(
            name: "no such component", edits: [("plugin: blobs", "plugin: blob")],
            lines: [
                "study.yaml:3:19: dataset.plugin: no plugin has a dataset 'blob'; did you mean 'blobs'? (allowed: blobs)"
            ]),
        .init(
            name: "component of another kind", edits: [("plugin: blobs", "plugin: net")],
            lines: [
                "study.yaml:3:19: dataset.plugin: 'net' is a model, not a dataset"
            ]),
        .init(
            name: "component in two plugins", edits: [("plugin: test.toys/squares", "plugin: squares")],
            lines: [
                "study.yaml:5:16: loss.plugin: several plugins have it; write one of test.others/squares, test.toys/squares"
            ]),
        .init(
            name: "full id of nothing", edits: [("test.toys/squares", "test.toy/squares")],
            lines: [
                "study.yaml:5:16: loss.plugin: no plugin has a loss 'test.toy/squares' (allowed: squares, squares)"
            ]),
        .init(
            name: "section without plugin", edits: [("{plugin: net, widths: [7, 5]}", "{widths: [7, 5]}")],
            lines: [
                "study.yaml:4:8: missing key 'plugin' in model"
            ]),
        .init(
            name: "missing section", edits: [("train: {steps: 100, batch_size: 10}\n", "")],
            lines: [
                "study.yaml:1:1: missing key 'train' at the top level"
            ]),
        .init(
            name: "missing steps", edits: [("steps: 100, ", "")],
            lines: [
                "study.yaml:9:8: missing key 'steps' in train"
            ]),
        .init(
            name: "steps are text", edits: [("steps: 100", "steps: many")],
            lines: [
                "study.yaml:9:16: train.steps must be an integer, got 'many'"
            ]),
        .init(
            name: "negative steps", edits: [("steps: 100", "steps: -1")],
            lines: [
                "study.yaml:9:16: train.steps must be >= 0, got -1"
            ]),
        .init(
            name: "unknown key of train", edits: [("batch_size", "batchsize")],
            lines: [
                "study.yaml:9:21: unknown key 'batchsize' in train; did you mean 'batch_size'? (allowed: steps, batch_size, precision, threads, together, log_every)"
            ]),
        .init(
            name: "batch size neither number nor full", edits: [("batch_size: 10", "batch_size: half")],
            lines: [
                "study.yaml:9:33: train.batch_size must be a number of rows or 'full', got 'half'"
            ]),
        .init(
            name: "precision", edits: [("batch_size: 10", "batch_size: 10, precision: f46")],
            lines: [
                "study.yaml:9:48: unknown precision 'f46' in train; did you mean 'f64'? (allowed: f32, f64)"
            ]),
        .init(
            name: "yes is text", edits: [("rows: 30", "rows: 30, standardize: yes")],
            lines: [
                "study.yaml:3:49: dataset: standardize must be true or false, got 'yes'"
            ]),
        .init(
            name: "number out of bounds", edits: [("lr: 0.2", "lr: -0.1")],
            lines: [
                "study.yaml:8:30: optimizer: lr must be > 0, got -0.1"
            ]),
        .init(
            name: "text for a number", edits: [("lr: 0.2", "lr: fast")],
            lines: [
                "study.yaml:8:30: optimizer: lr must be a number, got 'fast'"
            ]),
        .init(
            name: "fraction for an integer", edits: [("rows: 30", "rows: 30.5")],
            lines: [
                "study.yaml:3:32: dataset: rows must be an integer, got 30.5"
            ]),
        .init(
            name: "enum", edits: [("widths: [7, 5]", "widths: [7, 5], activation: tahn")],
            lines: [
                "study.yaml:4:50: model: unknown activation 'tahn'; did you mean 'tanh'? (allowed: tanh, relu)"
            ]),
        .init(
            name: "item of a list", edits: [("widths: [7, 5]", "widths: [7, 0]")],
            lines: [
                "study.yaml:4:34: model: widths[1] must be >= 1, got 0"
            ]),
        .init(
            name: "one number for a list", edits: [("widths: [7, 5]", "widths: 7")],
            lines: [
                "study.yaml:4:30: model: widths must be a list of integers, got 7; write [7]"
            ]),
        .init(
            name: "item of an enum list", edits: [("[raw, centred]", "[raw, centered]")],
            lines: [
                "study.yaml:11:43: probes.crh: unknown variant 'centered'; did you mean 'centred'? (allowed: raw, centred)"
            ]),
        .init(
            name: "duplicate key in a block", edits: [("seeds: 0..1\n", "seeds: 0..1\nstudy: again\n")],
            lines: [
                "study.yaml:15:1: key 'study' appears twice (first in line 1)"
            ]),
        .init(
            name: "duplicate key in a flow", edits: [("lr: 0.2", "lr: 0.2, lr: 0.3")],
            lines: [
                "study.yaml:8:35: key 'lr' appears twice (first in line 8)"
            ]),
        .init(
            name: "not YAML", edits: [("{plugin: sgd, lr: 0.2}", "{plugin: sgd, lr: 0.2")],
            lines: [
                "study.yaml:9:6: not valid YAML: did not find expected ',' or '}' (while parsing a flow mapping)"
            ]),
        .init(
            name: "tab as indentation", edits: [("  l2: {plugin", "\tl2: {plugin")],
            lines: [
                "study.yaml:7:1: not valid YAML: found character that cannot start any token (while scanning for the next token)"
            ]),
        .init(
            name: "tag", edits: [("lr: 0.2", "lr: !!float 0.2")],
            lines: [
                "study.yaml:8:30: tag 'tag:yaml.org,2002:float' is not supported; write the value without it"
            ]),
        .init(
            name: "number beyond double", edits: [("lr: 0.2", "lr: 1e999")],
            lines: [
                "study.yaml:8:30: number 1e999 is out of range"
            ]),
        .init(
            name: "undefined alias", edits: [("lr: 0.2", "lr: *fast")],
            lines: [
                "study.yaml:8:30: not valid YAML: found undefined alias"
            ]),
        .init(
            name: "name of the study", edits: [("study: wells", "study: Wells 1")],
            lines: [
                "study.yaml:1:8: study must be a name of lower-case letters, digits and hyphens, got 'Wells 1'"
            ]),
        .init(
            name: "schedule word", edits: [("at: {log: 4}", "at: lats")],
            lines: [
                "study.yaml:11:57: probes.crh.at must be first, last, {every: k}, {log: m} or {steps: [..]}, got 'lats'"
            ]),
        .init(
            name: "schedule key", edits: [("at: {log: 4}", "at: {logs: 4}")],
            lines: [
                "study.yaml:11:58: unknown key 'logs' in probes.crh.at; did you mean 'log'? (allowed: every, log, steps)"
            ]),
        .init(
            name: "two schedules", edits: [("at: {log: 4}", "at: {log: 4, every: 10}")],
            lines: [
                "study.yaml:11:57: probes.crh.at must have at most 1 key, got 2"
            ]),
        .init(
            name: "more measurements than anyone reads", edits: [("at: {log: 4}", "at: {log: 1000001}")],
            lines: [
                "study.yaml:11:57: probes.crh.at: 1000003 observations of a run are too many; at most 1000000 are expected"
            ]),
        .init(
            name: "step beyond the end", edits: [("at: {log: 4}", "at: {steps: [0, 101]}")],
            lines: [
                "study.yaml:11:57: probes.crh.at: step 101 lies beyond the last step, 100"
            ]),
        .init(
            name: "too many observations",
            edits: [("at: {log: 4}", "at: {every: 5}"), ("steps: 100,", "steps: 1000000000000,")],
            lines: [
                "study.yaml:11:57: probes.crh.at: 200000000002 observations of a run are too many; at most 1000000 are expected"
            ]),
        .init(
            name: "split", edits: [("samples: 20", "samples: 20, split: tests")],
            lines: [
                "study.yaml:11:87: probes.crh.split: the dataset has no split 'tests'; did you mean 'test'? (it has: train, test)"
            ]),
        .init(
            name: "probe option", edits: [("samples: 20", "sampels: 20")],
            lines: [
                "study.yaml:11:67: unknown key 'sampels' in probes.crh; did you mean 'samples'? (alignment has: at, samples, split, layers, cotangents, bootstrap, variant)"
            ]),
        .init(
            name: "seeds backwards", edits: [("seeds: 0..1", "seeds: 4..1")],
            lines: [
                "study.yaml:14:8: seeds '4..1' is not a range from low to high, such as 0..4"
            ]),
        .init(
            name: "seeds as text", edits: [("seeds: 0..1", "seeds: all")],
            lines: [
                "study.yaml:14:8: seeds must be a range such as 0..4, a list of seeds, or one seed, got 'all'"
            ]),
        .init(
            name: "seed twice", edits: [("seeds: 0..1", "seeds: [3, 5, 3]")],
            lines: [
                "study.yaml:14:15: seed 3 appears twice"
            ]),
        .init(
            name: "sweep of nothing", edits: [("regularizers.l2.weight_decay: [", "regularizers.l3.weight_decay: [")],
            lines: [
                "study.yaml:13:3: swept key 'regularizers.l3.weight_decay' is not an option of this study; did you mean 'regularizers.l2.weight_decay'?"
            ]),
        .init(
            name: "sweep of an unknown option",
            edits: [("regularizers.l2.weight_decay: [", "regularizers.l2.decay: [")],
            lines: [
                "study.yaml:13:3: unknown key 'decay' in regularizers.l2 (l2 has: parameters, schedules, weight_decay, convention, only)"
            ]),
        .init(
            name: "sweep value out of bounds", edits: [("[0, 1e-4, 1e-3]", "[0, -1e-4, 1e-3]")],
            lines: [
                "study.yaml:13:37: regularizers.l2: weight_decay must be >= 0, got -0.0001"
            ]),
        .init(
            name: "sweep without a list", edits: [("[0, 1e-4, 1e-3]", "0.1")],
            lines: [
                "study.yaml:13:33: sweep.regularizers.l2.weight_decay must be a list of values or a mapping with one of values, range, linear, log, alternatives, got 0.1"
            ]),
        .init(
            name: "sweep value twice", edits: [("[0, 1e-4, 1e-3]", "[0.001, 1e-4, 1e-3]")],
            lines: [
                "study.yaml:13:47: 0.001 appears twice in the sweep of regularizers.l2.weight_decay"
            ]),
        .init(
            name: "sweep of train",
            edits: [("regularizers.l2.weight_decay: [0, 1e-4, 1e-3]", "train.precision: [f32, f16]")],
            lines: [
                "study.yaml:13:26: unknown precision 'f16' in train (allowed: f32, f64)"
            ]),
        .init(
            name: "reference to nothing", edits: [("rows: 30", "rows: '${train.step}'")],
            lines: [
                "study.yaml:3:32: '${train.step}' names nothing in this study; did you mean '${train.steps}'?"
            ]),
        .init(
            name: "reference to itself",
            edits: [("rows: 30", "rows: '${train.steps}'"), ("steps: 100", "steps: '${dataset.rows}'")],
            lines: [
                "study.yaml:3:32: '${train.steps}' leads back to itself (train.steps → dataset.rows → train.steps)",
                "study.yaml:9:16: '${dataset.rows}' leads back to itself (dataset.rows → train.steps → dataset.rows)",
            ]),
        .init(
            name: "reference of the wrong type", edits: [("rows: 30", "rows: '${loss.plugin}'")],
            lines: [
                "study.yaml:3:32: dataset: rows must be an integer, got 'test.toys/squares'"
            ]),
        .init(
            name: "reference without its end", edits: [("rows: 30", "rows: '${train.steps'")],
            lines: [
                "study.yaml:3:32: '${train.steps' has a '${' without its '}'"
            ]),
        .init(
            name: "recorded quantity", edits: [("seeds:", "record: {quantities: [wtw(layer.input)]}\nseeds:")],
            lines: [
                "study.yaml:14:23: record.quantities: wtw takes a weight, got 'layer.input' (allowed: layer.weight, layer.weight_initial, layer.weight_change, head.weight, head.weight_initial, head.weight_change)"
            ]),
        .init(
            name: "claim without relation", edits: [("    at_least: 0.5\n", "")],
            lines: [
                "study.yaml:16:5: a claim has exactly one of equals, at_least, at_most, exceeds; found none"
            ]),
        .init(
            name: "claim with two statistics", edits: [("{mean: crh", "{max: crh.forward.raw.cos, mean: crh")],
            lines: [
                "study.yaml:17:11: expected exactly one of mean, min, max, median; found mean, max"
            ]),
        .init(
            name: "claim without tolerance", edits: [("at_least: 0.5", "equals: 0.5")],
            lines: [
                "study.yaml:16:5: equals goes with one of within, within_relative; found none"
            ]),
        .init(
            name: "claim about an unknown probe", edits: [("mean: crh.", "mean: chr.")],
            lines: [
                "study.yaml:17:18: the study has no probe 'chr'; did you mean 'crh'? (probes: crh)"
            ]),
        .init(
            name: "claim about an unknown output", edits: [("forward.raw.cos", "forward.row.cos")],
            lines: [
                "study.yaml:17:18: probe 'crh' has no output 'forward.row.cos'; did you mean 'crh.forward.raw.cos'? (it has: forward.raw.cos, forward.centred.cos)"
            ]),
        .init(
            name: "claim where",
            edits: [("at: last}\n    at_least", "at: last, where: {optimizer.l: 0.2}}\n    at_least")],
            lines: [
                "study.yaml:17:69: the study has no 'optimizer.l'; did you mean 'optimizer.lr'?"
            ]),
        .init(
            name: "override without value", overrides: ["optimizer.lr"],
            lines: [
                "override 'optimizer.lr': expected key=value, such as optimizer.lr=0.1"
            ]),
        .init(
            name: "override of an unknown option", overrides: ["optimizer.lrr=0.1"],
            lines: [
                "override 'optimizer.lrr=0.1': unknown key 'lrr' in optimizer; did you mean 'lr'? (sgd has: schedules, lr, momentum)"
            ]),
        .init(
            name: "override of an unknown section", overrides: ["optimzer.lr=0.1"],
            lines: [
                "override 'optimzer.lr=0.1': the study has no 'optimzer'; did you mean 'optimizer.lr'?"
            ]),
        .init(
            name: "override of an unknown probe", overrides: ["probes.chr.samples=3"],
            lines: [
                "override 'probes.chr.samples=3': the study has no 'probes.chr'; did you mean 'probes.crh.samples'?"
            ]),
        .init(
            name: "override of a probe without its plugin", overrides: ["probes.spectrum.at=last"],
            lines: [
                "override 'probes.spectrum.at=last': the study has no 'probes.spectrum'; to add it, give probes.spectrum.plugin=… too"
            ]),
        .init(
            name: "override below a value", overrides: ["optimizer.lr.x=3"],
            lines: [
                "override 'optimizer.lr.x=3': optimizer.lr is a value, which has no 'x'"
            ]),
        .init(
            name: "override of claims", overrides: ["claims=[]"],
            lines: [
                "override 'claims=[]': claims belong to the study file and cannot be overridden"
            ]),
        .init(
            name: "too many seeds", overrides: ["seeds=0..100000"],
            lines: [
                "override 'seeds=0..100000': seeds '0..100000' are more than the 100000 runs that are planned at once"
            ]),
        .init(
            name: "too many runs", overrides: ["seeds=0..49999"],
            lines: [
                "study.yaml:13:3: 3 settings and 50000 seeds make 150000 runs; at most 100000 are planned at once"
            ]),
        .init(
            name: "more samples than rows", edits: [("samples: 20", "samples: 31")],
            lines: [
                "study.yaml:11:76: probes.crh.samples: 31 is more than the 30 rows of the split 'train'; without 'samples' all are taken"
            ]),
        .init(
            name: "more samples than rows of another split", edits: [("samples: 20", "samples: 8, split: test")],
            lines: [
                "study.yaml:11:76: probes.crh.samples: 8 is more than the 7 rows of the split 'test'; without 'samples' all are taken"
            ]),
        .init(
            name: "a batch larger than a swept number of rows",
            overrides: ["dataset.rows=[30, 20, 9]", "probes.crh.samples=9"],
            lines: [
                "study.yaml:9:33: train.batch_size: 10 is more than the 9 rows of the split 'train'; 'full' takes all"
            ]),
        .init(
            name: "layers of a probe of whole networks", overrides: ["probes.fit={plugin: fit, layers: [fc1]}"],
            lines: [
                "override 'probes.fit={plugin: fit, layers: [fc1]}': probes.fit.layers: test.toys/fit measures the whole network, so it takes no layers"
            ]),
        .init(
            name: "claim about a layer of a whole network",
            edits: [
                ("probes:\n", "probes:\n  fit: {plugin: fit}\n"), ("mean: crh.forward.raw.cos", "mean: fit.loss"),
            ],
            lines: [
                "study.yaml:18:28: 'fit.loss' is measured for the whole network, so it has no layer"
            ]),
        .init(
            name: "override out of bounds", overrides: ["optimizer.momentum=1"],
            lines: [
                "override 'optimizer.momentum=1': optimizer: momentum must be >= 0 and < 1, got 1"
            ]),
        .init(
            name: "override that is not YAML", overrides: ["optimizer.lr=[1"],
            lines: [
                "override 'optimizer.lr=[1': not valid YAML: did not find expected ',' or ']' (while parsing a flow sequence)"
            ]),
        .init(
            name: "override of the sweep", overrides: ["sweep.optimizer.lr=[1, 2]"],
            lines: [
                "override 'sweep.optimizer.lr=[1, 2]': sweep cannot be overridden; give the option itself, such as optimizer.lr=[0.1, 0.2]"
            ]),
        .init(
            name: "override by an empty list", overrides: ["optimizer.lr=[]"],
            lines: [
                "override 'optimizer.lr=[]': an empty list of values"
            ]),
        .init(
            name: "override of the sweep's value", overrides: ["optimizer.lr=[0.1, 0]"],
            lines: [
                "override 'optimizer.lr=[0.1, 0]': optimizer: lr must be > 0, got 0"
            ]),
        .init(
            name: "override of train", overrides: ["train.steps=ten"],
            lines: [
                "override 'train.steps=ten': train.steps must be an integer, got 'ten'"
            ]),
        .init(
            name: "rules that say too little or too much",
            edits: [
                (
                    "probes:",
                    "stop:\n  a: {when: loss}\n  b: {when: loss, below: 1, above: 2}\n  c: {when: loss, within: 1}\n  d: {when: loss, below: 1, layer: fc1}\nprobes:"
                )
            ],
            lines: [
                "study.yaml:11:3: stop.a: a rule has exactly one of below, above, within; found none",
                "study.yaml:12:3: stop.b: a rule has exactly one of below, above, within; found below, above",
                "study.yaml:13:3: stop.c: 'within' goes with 'over', the number of values that are compared",
                "study.yaml:14:29: stop.d.layer: the loss is of the whole network",
            ]),
        .init(
            name: "rules about what is not measured",
            edits: [
                (
                    "probes:",
                    "stop:\n  a: {when: loses, below: 1}\n  b: {when: crh.forward.raw.cosine, above: 1}\n  c: {when: crh.forward.raw.cos, above: 1, every: 2}\nprobes:"
                )
            ],
            lines: [
                "study.yaml:11:13: stop.a.when: 'loses' is neither the loss nor an output; did you mean 'loss'? (there are: loss, gradient_norm, crh.…)",
                "study.yaml:13:44: stop.c.every: outputs are looked at when they are measured; 'at' of the probe says when",
                "study.yaml:12:13: stop.b.when: probe 'crh' has no output 'forward.raw.cosine'; did you mean 'crh.forward.raw.cos'? (it has: forward.raw.cos, forward.centred.cos)",
            ]),
        .init(
            name: "checkpoints beyond the end", edits: [("seeds:", "checkpoints: {steps: [5, 101]}\nseeds:")],
            lines: ["study.yaml:14:14: checkpoints: step 101 lies beyond the last step, 100"]),
        .init(
            name: "a fork of nothing", edits: [("seeds:", "fork: {study: /no/such/folder, step: 100}\nseeds:")],
            lines: [
                "study.yaml:14:38: fork.step: 100 is not before the last step, 100",
                "study.yaml:14:15: fork.study: no study.json in /no/such/folder; expected the folder that 'syzygy run' wrote",
            ]),
    ]
}

@Suite("What is wrong with a study is said in one line, with its place")
struct BadStudyTests {
    @Test(arguments: BadStudy.all) func message(_ bad: BadStudy) {
        var text = Fixtures.study
        for (old, new) in bad.edits {
            #expect(text.contains(old), "the edit applies")
            text = text.replacingOccurrences(of: old, with: new)
        }
        #expect(Fixtures.lines(text, bad.overrides) == bad.lines)
    }

    @Test func emptyFile() {
        #expect(Fixtures.lines("") == ["study.yaml:1:1: expected keys and values, such as 'study: my-study'"])
    }

    /// Whatever is cut off, the answer is a plan or a sentence.
    @Test func everyPrefixIsSafe() {
        let bytes = Array(Fixtures.study.utf8)
        for end in stride(from: 0, to: bytes.count, by: 7) {
            let lines = Fixtures.lines(String(decoding: bytes[..<end], as: UTF8.self))
            #expect(!lines.isEmpty && lines.allSatisfy { $0 == "no error" || $0.hasPrefix("study.yaml:") })
        }
    }
}
