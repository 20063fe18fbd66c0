import Foundation
import Testing

/// One mistake per sweep, and the whole of what the user reads. The lines take the place of `Fixtures.study`'s sweep, from line 13 on.
struct BadSweep: Sendable, CustomTestStringConvertible {
    var sweep: String
    var overrides: [String] = []
    var lines: [String]

    init(_ sweep: String, _ overrides: [String] = [], _ lines: [String]) {
        (self.sweep, self.overrides, self.lines) = (sweep, overrides, lines)
    }

    var testDescription: String { ([sweep] + overrides).joined(separator: "; ") }

    static let all: [BadSweep] = [
        // Axes.
        .init(
            "optimizer.lr: {lgo: [1e-4, 1, 5]}", [],
            [
                "study.yaml:13:18: unknown key 'lgo' in sweep.optimizer.lr; did you mean 'log'? (allowed: values, range, linear, log, alternatives, when)"
            ]),
        .init(
            "optimizer.lr: {log: [1e-4, 1, 5], range: [1, 2, 1]}", [],
            [
                "study.yaml:13:17: the sweep of optimizer.lr has exactly one of values, range, linear, log, alternatives; found log, range"
            ]),
        .init(
            "optimizer.lr: {when: {dataset.noise: 1}}", [],
            [
                "study.yaml:13:17: the sweep of optimizer.lr has exactly one of values, range, linear, log, alternatives; found none"
            ]),
        .init(
            "optimizer.lr: {log: 5}", [],
            ["study.yaml:13:23: sweep.optimizer.lr.log must be three numbers: from, to and how many, got 5"]),
        .init(
            "optimizer.lr: {log: [1e-4, 1]}", [],
            [
                "study.yaml:13:23: the sweep of optimizer.lr: log takes three numbers, from, to and how many, such as [1e-4, 1e-1, 7]; got [0.0001,1]"
            ]),
        .init(
            "optimizer.lr: {linear: [1e-4, one, 7]}", [],
            [
                "study.yaml:13:26: the sweep of optimizer.lr: linear takes three numbers, from, to and how many, such as [0, 0.9, 4]; got [0.0001,\"one\",7]"
            ]),
        .init(
            "optimizer.lr: {log: [0, 1, 5]}", [],
            [
                "study.yaml:13:23: the sweep of optimizer.lr: log goes from and to numbers above 0, got 0; linear takes any"
            ]),
        .init(
            "optimizer.lr: {log: [1, 10, 1]}", [],
            ["study.yaml:13:23: the sweep of optimizer.lr: how many values must be an integer of at least 2, got 1"]),
        .init(
            "optimizer.lr: {linear: [1, 10, 2.5]}", [],
            ["study.yaml:13:26: the sweep of optimizer.lr: how many values must be an integer of at least 2, got 2.5"]
        ),
        .init(
            "optimizer.lr: {linear: [1, 1, 3]}", [],
            ["study.yaml:13:26: the sweep of optimizer.lr: both ends are 1; expected two numbers"]),
        .init(
            "optimizer.lr: {linear: [1, 2, 1e6]}", [],
            [
                "study.yaml:13:26: the sweep of optimizer.lr: these are more than the 100000 runs that are planned at once"
            ]),
        .init(
            "train.steps: {range: [100, 500, -100]}", [],
            ["study.yaml:13:24: the sweep of train.steps: the range never ends: a step of -100 leads away from 500"]),
        .init(
            "train.steps: {range: [100, 500, 0]}", [],
            ["study.yaml:13:24: the sweep of train.steps: the range never ends: its step is 0"]),
        .init(
            "optimizer.lr: {range: [0, 1, 1e-6]}", [],
            [
                "study.yaml:13:25: the sweep of optimizer.lr: the range has more than the 100000 runs that are planned at once"
            ]),
        .init(
            "optimizer.lr: {range: [1e-300, 1e300, 1e299]}", [],
            [
                "study.yaml:13:25: the sweep of optimizer.lr: the range has numbers of too different sizes to be added exactly; write a list"
            ]),
        .init("optimizer.lr: {range: [0, 1, 0.5]}", [], ["study.yaml:13:25: optimizer: lr must be > 0, got 0"]),
        .init(
            "optimizer.lr: {values: []}", [],
            ["study.yaml:13:26: sweep.optimizer.lr.values must have at least 1 item, got 0"]),
        .init(
            "optimizer.lr: {values: [0.5, 0.1, 5e-1]}", [],
            ["study.yaml:13:37: 0.5 appears twice in the sweep of optimizer.lr"]),
        // Alternatives.
        .init(
            "model: {alternatives: {}}", [],
            ["study.yaml:13:25: sweep.model.alternatives must have at least 1 key, got 0"]),
        .init(
            "model: {alternatives: {a b: {plugin: net}}}", [],
            ["study.yaml:13:26: the name of an alternative has letters, digits, '_', '.' and '-' only, got 'a b'"]),
        .init(
            "model: {alternatives: {a: {plugin: net}, b: {plugin: net}}}", [],
            ["study.yaml:13:47: 'b' is the same as 'a' in the sweep of model"]),
        .init(
            "model: {alternatives: {a: {plugin: net}, b: {plugin: nte, widths: [3]}}}", [],
            ["study.yaml:13:56: model.plugin: no plugin has a model 'nte'; did you mean 'net'? (allowed: net)"]),
        .init(
            "model: {alternatives: {a: {plugin: net, widths: [3, 0]}}}", [],
            ["study.yaml:13:55: model: widths[1] must be >= 1, got 0"]),
        .init(
            "model: {alternatives: {a: {plugin: net, widht: [3]}}}", [],
            ["study.yaml:13:43: unknown key 'widht' in model (net has: widths, activation, note)"]),
        .init("model: {alternatives: {a: {widths: [3]}}}", [], ["study.yaml:13:29: missing key 'plugin' in model"]),
        .init(
            "model: [{plugin: net}, {plugin: net, widths: [3]}]", [],
            [
                "study.yaml:13:3: 'model' is a whole section; its alternatives need names, such as model: {alternatives: {one: {…}, other: {…}}}"
            ]),
        .init(
            "modle: {alternatives: {a: {plugin: net}}}", [],
            ["study.yaml:13:3: swept key 'modle' is not an option of this study; did you mean 'model'?"]),
        .init("lr: [0.1, 0.2]", [], ["study.yaml:13:3: swept key 'lr' is not an option of this study"]),
        .init(
            "model: {alternatives: {a: {plugin: net}}}", ["model=b"],
            ["override 'model=b': model has no alternative 'b' (allowed: a)"]),
        // zip.
        .init(
            "zip: [{optimizer.lr: [0.1, 0.2], dataset.noise: [0.5, 1, 2]}]", [],
            [
                "study.yaml:13:10: zip advances its keys together, and optimizer.lr has 2 values where dataset.noise has 3"
            ]),
        .init(
            "zip: [{optimizer.lr: [0.1, 0.2]}]", [],
            ["study.yaml:13:9: sweep.zip[0] must have at least 2 keys, got 1"]),
        .init(
            "zip: [{optimizer.lr: [0.1, 0.2, 0.1], dataset.noise: [0.5, 1, 0.5]}]", [],
            ["study.yaml:13:35: 0.1, 0.5 appears twice in the sweep of optimizer.lr, dataset.noise"]),
        .init(
            "optimizer.lr: [0.1, 0.2]\n  zip: [{optimizer.lr: [0.1, 0.2], dataset.noise: [1, 2]}]", [],
            ["study.yaml:14:10: optimizer.lr is swept already (study.yaml:13:3); a key has one axis"]),
        .init(
            "zip: [{optimizer.lr: [0.1, 0.2], dataset.noise: [1, 2]}]", ["optimizer.lr=[0.1, 0.2, 0.3]"],
            [
                "study.yaml:13:36: zip advances its keys together, and dataset.noise has 2 values where optimizer.lr has 3"
            ]),
        // exclude and when.
        .init(
            "optimizer.lr: [0.1, 0.2]\n  exclude: [{optimizer.lr: 0.3}]", [],
            ["study.yaml:14:28: optimizer.lr has no value 0.3 (it has: 0.1, 0.2)"]),
        .init(
            "optimizer.lr: [0.1, 0.2]\n  exclude: [{optimizer.l: 0.1}]", [],
            ["study.yaml:14:14: 'optimizer.l' is not swept; did you mean 'optimizer.lr'? (swept: optimizer.lr)"]),
        .init(
            "optimizer.lr: [0.1, 0.2]\n  exclude: [{optimizer.lr: [0.1, 0.2]}]", [],
            ["study.yaml:14:14: all 2 points of the sweep are excluded"]),
        .init(
            "optimizer.lr: [0.1, 0.2]\n  exclude: [{}]", [],
            ["study.yaml:14:13: sweep.exclude[0] must have at least 1 key, got 0"]),
        .init(
            "model: {alternatives: {small: {plugin: net}, b: {plugin: net, note: b}}}\n  optimizer.lr: {values: [0.1], when: {model: smal}}",
            [], ["study.yaml:14:47: model has no value smal; did you mean 'small'? (it has: small, b)"]),
        .init(
            "optimizer.lr: {values: [0.1], when: {dataset.noise: 1}}\n  dataset.noise: [1, 2]", [],
            ["study.yaml:13:40: dataset.noise is swept here or after this key; write it before"]),
        .init(
            "optimizer.lr: {values: [0.1], when: {dataset.noise: 1}}", [],
            ["study.yaml:13:40: 'dataset.noise' is not swept (swept: optimizer.lr)"]),
        .init(
            "optimizer.lr: {values: [0.1], when: {}}", [],
            ["study.yaml:13:39: sweep.optimizer.lr.when must have at least 1 key, got 0"]),
        // include.
        .init(
            "optimizer.lr: [0.1, 0.2]\n  include: [{optimizer.lr: 0.2}]", [],
            ["study.yaml:14:14: the sweep has this point already (optimizer.lr: 0.2)"]),
        .init(
            "optimizer.lr: [0.1, 0.2]\n  include: [{optimizer.lrr: 0.3}]", [],
            [
                "study.yaml:14:29: unknown key 'lrr' in optimizer; did you mean 'lr'? (sgd has: schedules, lr, momentum)"
            ]),
        .init(
            "optimizer.lr: [0.1, 0.2]\n  include: [{optmizer.lr: 0.3}]", [],
            ["study.yaml:14:14: swept key 'optmizer.lr' is not an option of this study; did you mean 'optimizer.lr'?"]
        ),
        .init(
            "optimizer.lr: [0.1, 0.2]\n  include: [{optimizer.lr: -0.3}]", [],
            ["study.yaml:14:28: optimizer: lr must be > 0, got -0.3"]),
        .init(
            "model: {alternatives: {a: {plugin: net}}}\n  include: [{model: b}]", [],
            ["study.yaml:14:21: model has no value b (it has: a)"]),
        // Numbers of runs.
        .init(
            "optimizer.lr: {linear: [1, 2, 1000]}\n  dataset.noise: {linear: [1, 2, 1001]}\n  dataset.rows: {range: [30, 60, 1]}",
            [], ["study.yaml:13:3: the axes have more than 1000000 combinations"]),
        .init(
            "optimizer.lr: {linear: [1, 2, 500]}\n  dataset.noise: {linear: [1, 2, 300]}", [],
            ["study.yaml:13:3: 150000 settings and 2 seeds make 300000 runs; at most 100000 are planned at once"]),
        // The command line.
        .init(
            "dataset.noise: [1, 2]", ["optimizer.lr={log: [1, 2]}"],
            [
                "override 'optimizer.lr={log: [1, 2]}': the sweep of optimizer.lr: log takes three numbers, from, to and how many, such as [1e-4, 1e-1, 7]; got [1,2]"
            ]),
        .init(
            "dataset.noise: [1, 2]", ["optimizer.lr={log: [1, 2, 3], wen: {a: 1}}"],
            [
                "override 'optimizer.lr={log: [1, 2, 3], wen: {a: 1}}': unknown key 'wen' in the sweep of optimizer.lr; did you mean 'when'? (allowed: values, range, linear, log, alternatives, when)"
            ]),
    ]
}

@Suite struct SweepMistakeTests {
    private static func text(_ sweep: String) -> String {
        Fixtures.study.replacingOccurrences(of: "regularizers.l2.weight_decay: [0, 1e-4, 1e-3]", with: sweep)
    }

    @Test(arguments: BadSweep.all) func message(_ bad: BadSweep) {
        #expect(Fixtures.lines(Self.text(bad.sweep), bad.overrides) == bad.lines)
    }

    /// A section that stands in alternatives only is not there for a point without one.
    @Test func aPointWithoutItsAlternative() {
        let text = Self.text("model: {alternatives: {a: {plugin: net}}}\n  include: [{optimizer.lr: 0.5}]")
            .replacingOccurrences(of: "model: {plugin: net, widths: [7, 5]}\n", with: "")
        #expect(
            Fixtures.lines(text) == [
                "study.yaml:13:14: the point needs one of the alternatives of model: the study has no other"
            ])
    }

    /// Whatever is cut out or doubled, the answer is a plan or sentences with places.
    @Test func damagedSweepsAreSafe() {
        let text = Self.text(
            """
            model: {alternatives: {a: {plugin: net}, b: {plugin: net, widths: [3]}}}
              model.note: {values: [x, y], when: {model: a}}
              train.steps: {range: [1, 9, 4]}
              zip: [{optimizer.lr: {log: [1, 4, 3]}, dataset.noise: {linear: [1, 2, 3]}}]
              exclude: [{model: b, optimizer.lr: [1, 2]}]
              include: [{model: b, optimizer.lr: 8}]
            """)
        #expect(Fixtures.lines(text) == ["no error"])
        let bytes = Array(text.utf8), begin = text.utf8.count - text.split(separator: "sweep:")[1].utf8.count
        for start in stride(from: begin, to: begin + 380, by: 3) {
            for damaged in [
                bytes[..<start] + bytes[(start + 2)...], bytes[..<start] + bytes[(start - 9)...],
                bytes[..<start] + Array("0".utf8) + bytes[start...],
            ] {
                let lines = Fixtures.lines(String(decoding: damaged, as: UTF8.self))
                #expect(!lines.isEmpty && lines.allSatisfy { $0 == "no error" || $0.hasPrefix("study.yaml:") })
            }
        }
    }

    /// `where` of claims may say the name of an alternative, and keys that only some settings have.
    @Test func claimsSeeAllSettings() {
        let sweep =
            "loss: {alternatives: {a: {plugin: test.toys/squares}, b: {plugin: test.others/squares}}}\n  optimizer.lr: {values: [1, 2], when: {loss: b}}"
        for (condition, sentence) in [
            ("loss: a", "no error"), ("optimizer.lr: 2, loss: b", "no error"),
            ("loss.plugin: squares", "no error"),
            ("los: a", "study.yaml:18:69: the study has no 'los'; did you mean 'loss'?"),
        ] {
            let text = Self.text(sweep).replacingOccurrences(
                of: "at: last}\n    at_least", with: "at: last, where: {\(condition)}}\n    at_least")
            #expect(Fixtures.lines(text) == [sentence])
        }
    }
}
