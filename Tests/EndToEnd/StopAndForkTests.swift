import ArrayFiles
import Foundation
import Manifests
import Testing

private let study = """
    study: base
    dataset: {plugin: digits, train_rows: 300, test_rows: 101}
    model: {plugin: mlp, widths: [17], activation: tanh}
    loss: {plugin: cross_entropy}
    regularizers:
      l2: {plugin: l2, weight_decay: 0.01}
    optimizer: {plugin: sgd, lr: 0.05, momentum: 0.9}
    train: {steps: 400, precision: f64, log_every: 1}
    probes:
      norms: {plugin: parameter_norm, at: {every: 1}}
      test: {plugin: performance, split: test, at: {every: 10}}
      ranks: {plugin: spectrum, at: last}
    record: {quantities: [layer.weight], at: last}
    checkpoints: {steps: [0, 130, 250]}
    sweep: {optimizer.lr: [0.05, 0.1]}
    seeds: 3..4

    """

private struct Line: Hashable {
    var step: Int
    var name: String
    var layer: String
    var index: String
    var value: Double
}

@Suite("Rules that end training, checkpoints that are kept, forks") struct StopAndForkTests {
    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
        try scratch.write(study, to: "s.yaml")
    }

    private func run(_ out: String, _ keys: [String]) throws -> Tool.Result {
        try Tool.run(["run", "s.yaml", "--out", out] + keys, in: scratch)
    }

    /// By the swept value and the seed.
    private func folders(_ out: String) throws -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: try scratch.names("\(out)/runs").map {
                ($0.drop { $0 != "-" }.dropFirst().description, "\(out)/runs/\($0)")
            })
    }

    private func lines(_ folder: String) throws -> [Line] {
        try scratch.read("\(folder)/observations.csv").split(separator: "\n").dropFirst().map { line in
            let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            return Line(
                step: try #require(Int(fields[0])), name: "\(fields[1]).\(fields[2])", layer: fields[3],
                index: fields[4], value: Double(fields[5]) ?? .nan)
        }
    }

    private func record(_ folder: String) throws -> JSON {
        try StrictJSON.read("\(scratch.path)/\(folder)/run.json").root
    }

    private func end(_ folder: String) throws -> (step: Int, message: String) {
        let record = try record(folder)
        #expect(record["status"]?.string == "finished")
        return (try #require(record["step"]?.int), try #require(record["message"]?.string))
    }

    /// The loss of each step's batch, from the log.
    private func losses(_ folder: String) throws -> [Int: Double] {
        let log = try scratch.read("\(folder)/log.txt")
        return Dictionary(
            log.matches(of: /step (\d+) loss (\S+)/).compactMap { match in
                Int(match.1).flatMap { step in Double(match.2).map { (step, $0) } }
            }, uniquingKeysWith: { $1 })
    }

    /// Each rule ends a run where the run without it first met the condition; until there nothing differs.
    @Test(arguments: [1, 4]) func rulesEndRunsWhereTheyShould(together: Int) throws {
        let common = ["train.together=\(together)"]
        #expect(try run("whole", common).status == 0)
        let whole = try folders("whole")
        #expect(whole.count == 4)
        let rules: [(rule: String, expected: ([Line], [Int: Double]) -> Int?)] = [
            ("{when: loss, below: 0.5}", { _, losses in losses.filter { $0.value < 0.5 }.keys.min() }),
            (
                "{when: gradient_norm, below: 0.3, every: 7}",
                { lines, _ in
                    // Of the step before: a step's gradient is that of the parameters it starts from.
                    let squares = Dictionary(grouping: lines.filter { $0.name == "norms.grad.norm" }, by: \.step)
                        .mapValues { $0.reduce(0) { $0 + $1.value * $1.value } }
                    return (1...399).first { $0 % 7 == 0 && (squares[$0 - 1] ?? 1).squareRoot() < 0.3 }
                }
            ),
            (
                "{when: test.accuracy, above: 0.8, from: 25}",
                { lines, _ in
                    lines.first { $0.name == "test.accuracy" && $0.value > 0.8 && $0.step >= 25 }?.step
                }
            ),
            (
                "{when: test.loss, within: 0.02, over: 3}",
                { lines, _ in
                    let losses = lines.filter { $0.name == "test.loss" }
                    return losses.indices.first { i in
                        guard i >= 2 else { return false }
                        let last = losses[(i - 2)...i].map(\.value)
                        return (last.max() ?? 1) - (last.min() ?? 0) <= 0.02
                    }.map { losses[$0].step }
                }
            ),
        ]
        // The gradient that optimizers see has the part of the regularizer; without it the probe's is the same.
        for (rule, expected) in rules {
            let keys = common + ["stop.done=\(rule)"]
            let isGradient = rule.contains("gradient_norm")
            let out = isGradient ? "plain" : "whole"
            if isGradient { #expect(try run("plain", common + ["regularizers.l2.weight_decay=0"]).status == 0) }
            let result = try run("stopped", keys + (isGradient ? ["regularizers.l2.weight_decay=0"] : []))
            #expect(result.status == 0, "\(result.errors)")
            let (reference, stopped) = (try folders(out), try folders("stopped"))
            var ends = 0
            for (name, folder) in stopped {
                let full = try lines(try #require(reference[name])), own = try lines(folder)
                let step = expected(full, try losses(try #require(reference[name])))
                let end = try end(folder)
                #expect(end.step == step ?? 400, "\(rule) \(name): \(end.message)")
                guard let step else { continue }
                ends += 1
                #expect(end.message.hasPrefix("stopped by 'done' at step \(step): "), "\(end.message)")
                let until = full.filter { $0.step <= step }
                #expect(Set(own).isSuperset(of: until))
                // What is due at the last step is measured at the end, and the arrays are written there.
                #expect(own.contains { $0.step == step && $0.name == "ranks.stable_rank" })
                #expect(own.filter { $0.step == step && $0.name == "test.accuracy" }.count == 1)
                #expect(try scratch.names("\(folder)/arrays").count == 1)
            }
            #expect(ends > 0, "\(rule) ended no run")
            try FileManager.default.removeItem(atPath: scratch.path + "/stopped")
        }
    }

    /// With nothing changed a fork repeats the rest of the run, to the bit.
    @Test(arguments: [1, 4]) func forksGoOn(together: Int) throws {
        let common = ["train.together=\(together)"]
        #expect(try run("base", common).status == 0)
        let base = try folders("base")
        for folder in base.values {
            #expect(
                try scratch.names("\(folder)/checkpoints")
                    == ["step-00000000.safetensors", "step-00000130.safetensors", "step-00000250.safetensors"])
        }
        let result = try run("same", common + ["fork.study=base", "fork.step=130"])
        #expect(result.status == 0, "\(result.errors)")
        for (name, folder) in try folders("same") {
            let whole = try lines(try #require(base[name]))
            #expect(try lines(folder) == whole.filter { $0.step >= 130 })
            #expect(
                try record(folder)["configuration"]?["fork"]?["run"]?.string
                    == base[name]?.split(separator: "/").last.map(String.init))
        }
        // Another learning rate from there on, of the runs of one setting; each seed has its own.
        let changed = try run(
            "changed",
            common + [
                "fork.study=base", "fork.where={optimizer.lr: 0.05}", "fork.step=[130, 250]", "optimizer.lr=0.01",
            ])
        #expect(changed.status == 0, "\(changed.errors)")
        let forks = try folders("changed")
        #expect(forks.count == 4)
        for (name, folder) in forks {
            let step = try #require(Int(name.prefix { $0 != "-" }.drop { !$0.isNumber }))
            let seed = try #require(name.last)
            let whole = try lines(try #require(base["lr0.05-s\(seed)"]))
            let own = try lines(folder)
            #expect(own.filter { $0.step == step } == whole.filter { $0.step == step })
            #expect(own.filter { $0.step == 400 } != whole.filter { $0.step == 400 })
        }
    }

    /// An optimizer of another kind begins with its own state.
    @Test func aForkWithAnotherOptimizer() throws {
        #expect(try run("base", ["seeds=3", "optimizer.lr=0.05"]).status == 0)
        let result = try run(
            "adam",
            [
                "seeds=5..6", "fork.study=base", "fork.step=400", "train.steps=420",
                "optimizer={plugin: adam}",
                "optimizer.lr=1e-3",
                "fork.run=\(try #require(try scratch.names("base/runs").first))",
            ])
        #expect(result.status == 0, "\(result.errors)")
        let forks = try folders("adam")
        #expect(forks.count == 2)
        let start = try lines(try #require(try folders("base").values.first)).filter {
            $0.step == 400 && $0.name.hasPrefix("norms.value")
        }
        for folder in forks.values {
            #expect(try lines(folder).filter { $0.step == 400 && $0.name.hasPrefix("norms.value") } == start)
            let log = try scratch.read("\(folder)/log.txt")
            #expect(log.contains("goes on from step 400 of ") && log.contains("begins anew: optimizer/"), "\(log)")
        }
    }

    @Test func whatForksCannotDo() throws {
        #expect(try run("base", ["seeds=3"]).status == 0)
        func errors(_ keys: [String]) throws -> String {
            let result = try run("fork", ["fork.study=base"] + keys)
            #expect(result.status == 64)
            return result.errors
        }
        let name = try #require(try scratch.names("base/runs").first { $0.contains("lr0.05") })
        #expect(
            try errors(["fork.step=131", "seeds=3"])
                == "fork.step: run \(name) has no checkpoint of step 131 (it has: 0, 130, 250, 400)\n")
        #expect(try errors(["fork.step=130"]) == "fork: no run of base has seed 4\n")
        #expect(
            try errors(["fork.step=130", "seeds=3", "optimizer.lr=0.01"])
                == "fork: 2 runs of base have seed 3; 'where' says which (they differ in optimizer.lr)\n")
        #expect(
            try errors(["fork.step=130", "seeds=3", "fork.where={optimizer.rl: 0.05}"])
                == "fork.where: the runs of base have no 'optimizer.rl'; did you mean 'optimizer.lr'?\n")
        #expect(
            try errors(["fork.step=400"])
                == "override 'fork.step=400': fork.step: 400 is not before the last step, 400\n")
        #expect(
            try errors(["fork.step=0", "fork.study=bases"])
                == "override 'fork.study=bases': fork.study: no study.json in \(scratch.path)/bases; expected the folder that 'syzygy run' wrote\n"
        )
    }
}
