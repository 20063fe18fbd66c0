import Foundation
import Manifests
import Testing

private let study = """
    study: rules
    dataset: {plugin: digits, train_rows: 120, test_rows: 50}
    model: {plugin: mlp, widths: [8]}
    loss: {plugin: cross_entropy}
    train: {steps: 4, batch_size: 30}
    probes:
      test: {plugin: performance, split: test, at: {log: 3}}
    sweep:
      optimizer:
        alternatives:
          plain: {plugin: sgd, lr: 0.05}
          adam: {plugin: adam, lr: 1e-3}
      optimizer.momentum: {values: [0.5, 0.9], when: {optimizer: plain}}
      train.batch_size: {log: [10, 40, 3]}
      exclude: [{train.batch_size: 40, optimizer: adam}]
      include: [{train.batch_size: 25, optimizer: plain}]
    seeds: 3..4
    claims:
      - say: A section by its name
        that: {mean: test.accuracy, where: {optimizer: adam}}
        at_least: 0
      - say: A key that only some settings have
        that: {mean: test.accuracy, where: {optimizer: plain, optimizer.momentum: 0.9, train.batch_size: 20}}
        at_least: 0
      - say: What the further point has without naming it
        that: {mean: test.accuracy, where: {optimizer.momentum: 0}}
        at_least: 0
    figures:
      - {title: Accuracy, heat: test.accuracy, x: train.batch_size, y: optimizer}
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
        #expect(before.contains(/optimizer=adam batch_size=10 +· +· +· +2\n/), "\(before)")
        let run = try tool("run", ["--check", "--jobs", "2"])
        #expect(run.components(separatedBy: "\nok  ").count == 4, "\(run)")

        let table = try scratch.read("out/table.csv").split(separator: "\n")
        #expect(table[0].hasPrefix("optimizer,o"))
        let settings = table.dropFirst().reduce(into: [String]()) { list, line in
            let words = line.components(separatedBy: ",test,")[0]
            if list.last != words { list.append(words) }
        }
        #expect(
            settings == [
                "plain,0.5,10", "plain,0.5,20", "plain,0.5,40", "plain,0.9,10", "plain,0.9,20", "plain,0.9,40",
                "adam,,10", "adam,,20", "plain,0,25",
            ])
        let figure = try scratch.read("out/figures/accuracy.svg")
        #expect(figure.contains(">adam<") && figure.contains(">plain<"))
        let page = try scratch.read("out/report.html")
        #expect(page.contains("optimizer=adam batch_size=10") && !page.contains("optimizer=adam momentum"))

        // Extended, in other words: what is there stays.
        try scratch.write(
            study.replacingOccurrences(of: "{log: [10, 40, 3]}", with: "[10, 20, 40, 15]"), to: "s.yaml")
        let after = try tool("plan", ["--jobs", "3"])
        #expect(after.contains("24 runs (12 settings, 2 seeds) in out: 18 done, 6 to run"), "\(after)")
        #expect(
            after.contains(/time: about \d:\d\d with 3 jobs, by 18 finished runs of other settings\n/), "\(after)")
        let runs = try tool("plan", ["--runs"])
        #expect(runs.components(separatedBy: "\n  done     ").count == 19, "\(runs)")
        // A run that is gone is estimated by the other one of its setting.
        let gone = try #require(try scratch.names("out/runs").first { $0.contains("adam-batch_size20-s4") })
        try FileManager.default.removeItem(atPath: scratch.path + "/out/runs/" + gone)
        #expect(
            try tool("plan", ["train.batch_size=[10, 20, 40]"]).contains("with 1 job, by 17 finished runs\n"))
        let timed = try tool("plan", ["--time"])
        #expect(timed.contains(/by steps timed in 4 settings, without observations/), "\(timed)")
    }

    /// One job: the lines of ended runs have the order in which they started.
    /// What is swept is part of a run's name and not of its identity: sweeping one more key computes only the new values.
    @Test func oneMoreSweptKeyReusesWhatIsThere() throws {
        let scratch = try Scratch()
        let sections = try #require(study.components(separatedBy: "sweep:\n").first)
        try scratch.write(sections + "optimizer: {plugin: sgd, lr: 0.01}\nseeds: 3..4\n", to: "s.yaml")
        func tool(_ command: String, _ more: [String] = []) throws -> String {
            let result = try Tool.run([command, "s.yaml", "--out", "out"] + more, in: scratch)
            #expect(result.status == 0, "\(result.output)\(result.errors)")
            return result.output
        }
        _ = try tool("run")
        func observations() throws -> [String: String] {
            Dictionary(
                uniqueKeysWithValues: try scratch.names("out/runs").map {
                    ($0, try scratch.read("out/runs/\($0)/observations.csv"))
                })
        }
        let first = try observations()
        let swept = ["optimizer.lr=[0.01, 0.2]", "optimizer.momentum=[0, 0.3]"]
        #expect(try tool("plan", swept).contains("8 runs (4 settings, 2 seeds) in out: 2 done, 6 to run"))
        #expect(try observations() == first, "a plan changes nothing")
        #expect(try tool("run", swept).contains("plan: 2 done, 6 to run"))
        let second = try observations()
        #expect(second.count == 8)
        for (name, text) in first {
            let identity = name.prefix(10)
            let now = try #require(second.keys.first { $0.hasPrefix(identity) })
            #expect(now.contains("lr0.01-momentum0-s") && second[now] == text, "\(now)")
            let record = try StrictJSON.read("\(scratch.path)/out/runs/\(now)/run.json").root
            #expect(record["name"]?.string == now && record["swept"]?["optimizer.momentum"]?.double == 0)
        }
        #expect(try scratch.read("out/table.csv").contains("\n0.01,0,test,accuracy,"))
        // And back.
        #expect(try tool("run").contains("plan: 2 done, 0 to run"))
        #expect(try scratch.names("out/runs").filter { first[$0] != nil }.count == 2)
        // What has a result under another name is not submitted.
        #expect(try tool("submit", ["--slurm"] + swept) == "all 8 runs have results\n")
    }

    @Test func orders() throws {
        let scratch = try Scratch()
        try scratch.write(study, to: "s.yaml")
        func order(_ options: [String]) throws -> [Substring] {
            let arguments = ["run", "s.yaml", "--out", "out", "--fresh", "--jobs", "1", "seeds=3", "train.steps=1"]
            let result = try Tool.run(arguments + options, in: scratch)
            return result.output.split(separator: "\n").filter { $0.hasPrefix("  finished") }.compactMap {
                $0.firstMatch(of: /optimizer=.*seed=3/)?.output
            }
        }
        let grid = try order(["--order", "grid"])
        #expect(
            grid.count == 9 && grid.last?.hasPrefix("optimizer=plain momentum=0 ") == true
                && grid[0].contains("momentum=0.5 batch_size=10"))
        let random = try order([])
        #expect(random != grid && random.sorted() == grid.sorted())
        #expect(try order(["--sweep-seed", "0"]) == random && order(["--sweep-seed", "5"]) != random)
        let wrong = try Tool.run(["run", "s.yaml", "--order", "gird"], in: scratch)
        #expect(wrong.status == 64 && wrong.errors.contains("'gird'"), "\(wrong.errors)")
    }
}
