import Foundation
import Manifests
import Testing

private let study = """
    study: shapes
    dataset: {plugin: digits, train_rows: 120, test_rows: 50}
    loss: {plugin: cross_entropy}
    optimizer: {plugin: sgd, lr: 0.05}
    train: {steps: 4, batch_size: 30}
    probes:
      test: {plugin: performance, split: test, at: {log: 3}}
    sweep:
      model:
        alternatives:
          small: {plugin: mlp, widths: [8]}
          conv: {plugin: conv_net, channels: [3]}
      model.widths: {values: [[16], [9, 7]], when: {model: small}}
      optimizer.lr: {log: [0.01, 1, 3]}
      exclude: [{optimizer.lr: 1, model: conv}]
      include: [{optimizer.lr: 0.5, model: small}]
    seeds: 3..4
    claims:
      - say: Convolutions by their name
        that: {mean: test.accuracy, where: {model: conv}}
        at_least: 0
      - say: A key that only some settings have
        that: {mean: test.accuracy, where: {model: small, model.widths: [9, 7], optimizer.lr: 0.1}}
        at_least: 0
      - say: What the further point has without naming it
        that: {mean: test.accuracy, where: {model.widths: [8]}}
        at_least: 0
    figures:
      - {title: Accuracy, heat: test.accuracy, x: optimizer.lr, y: model}
    """

/// Alternatives, conditional keys and further points through real runs, tables, claims, figures and plans.
@Suite struct SweepStudyTests {
    @Test func alternativesAndConditionalKeys() throws {
        let scratch = try Scratch()
        try scratch.write(study, to: "s.yaml")
        func tool(_ command: String, _ more: [String] = []) throws -> String {
            let result = try Tool.run([command, "s.yaml", "--out", "out"] + more, in: scratch)
            #expect(result.status == 0, "\(result.output)\(result.errors)")
            return result.output
        }
        let before = try tool("plan")
        #expect(
            before.contains("18 runs (9 settings, 2 seeds) in out: 0 done, 18 to run\ntime: unknown"), "\(before)")
        #expect(before.contains("  model=conv lr=0.1                ·       ·       ·       2\n"), "\(before)")
        let run = try tool("run", ["--check", "--jobs", "2"])
        #expect(run.components(separatedBy: "\nok  ").count == 4, "\(run)")

        let table = try scratch.read("out/table.csv").split(separator: "\n").map { $0.prefix { $0 != "p" } }
        #expect(table[0].hasPrefix("model,model.widths,o"))
        let settings = table.dropFirst().reduce(into: [String]()) { list, line in
            let words = line.components(separatedBy: ",test,")[0]
            if list.last != words { list.append(words) }
        }
        #expect(
            settings == [
                "small,16,0.01", "small,16,0.1", "small,16,1", "small,\"9, 7\",0.01", "small,\"9, 7\",0.1",
                "small,\"9, 7\",1", "conv,,0.01", "conv,,0.1", "small,8,0.5",
            ])
        let figure = try scratch.read("out/figures/accuracy.svg")
        #expect(figure.contains(">conv<") && figure.contains(">small<"))
        let page = try scratch.read("out/report.html")
        #expect(page.contains("model=conv lr=0.1") && !page.contains("model=conv widths"))

        // Extended, in other words: what is there stays.
        try scratch.write(
            study.replacingOccurrences(of: "{log: [0.01, 1, 3]}", with: "[0.01, 0.1, 1, 0.2]"), to: "s.yaml")
        let after = try tool("plan", ["--jobs", "3"])
        #expect(after.contains("24 runs (12 settings, 2 seeds) in out: 18 done, 6 to run"), "\(after)")
        #expect(
            after.contains(/time: about \d:\d\d with 3 jobs, by 18 finished runs of other settings\n/), "\(after)")
        let runs = try tool("plan", ["--runs"])
        #expect(runs.components(separatedBy: "\n  done     ").count == 19, "\(runs)")
        // A run that is gone is estimated by the other one of its setting.
        let gone = try #require(try scratch.names("out/runs").first { $0.contains("conv-lr0.1-s4") })
        try FileManager.default.removeItem(atPath: scratch.path + "/out/runs/" + gone)
        #expect(
            try tool("plan", ["optimizer.lr=[0.01, 0.1, 1]"]).contains("with 1 job, by 17 finished runs\n"))
        let timed = try tool("plan", ["--time"])
        #expect(timed.contains(/by steps timed in 4 settings, without observations/), "\(timed)")
    }

    /// One job: the lines of ended runs have the order in which they started.
    @Test func orders() throws {
        let scratch = try Scratch()
        try scratch.write(study, to: "s.yaml")
        func order(_ options: [String]) throws -> [Substring] {
            let arguments = ["run", "s.yaml", "--out", "out", "--fresh", "--jobs", "1", "seeds=3", "train.steps=1"]
            let result = try Tool.run(arguments + options, in: scratch)
            return result.output.split(separator: "\n").filter { $0.hasPrefix("  finished") }.compactMap {
                $0.firstMatch(of: /model=.*seed=3/)?.output
            }
        }
        let grid = try order(["--order", "grid"])
        #expect(
            grid.count == 9 && grid.last?.hasPrefix("model=small widths=8") == true
                && grid[0].contains("widths=16 lr=0.01"))
        let random = try order([])
        #expect(random != grid && random.sorted() == grid.sorted())
        #expect(try order(["--sweep-seed", "0"]) == random && order(["--sweep-seed", "5"]) != random)
        let wrong = try Tool.run(["run", "s.yaml", "--order", "gird"], in: scratch)
        #expect(wrong.status == 64 && wrong.errors.contains("'gird'"), "\(wrong.errors)")
    }
}
