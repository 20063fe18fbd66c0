import Foundation
import PluginTesting
import Reporting
import Studies
import Testing

/// Differing keys, partners, paired and unpaired differences, and definitions that differ.
@Suite struct ComparisonTests {
    /// A study of runs (seed, swept, x) with a configuration.
    private func side(
        _ name: String, sweep: String = "",
        probes: String = #""p": {"plugin": "org.a/p", "at": "last", "split": "test"}"#,
        digest: String = "aa", origins: String = "",
        _ runs: [(seed: Int, swept: String, x: String)], _ conditions: [String] = []
    ) throws -> ComparedRuns {
        var study = HandStudy()
        for run in runs {
            let lr = run.swept.isEmpty ? "0.1" : run.swept
            try study.addRun(
                status: run.x.isEmpty ? "diverged" : "finished", seed: run.seed,
                swept: run.swept.isEmpty ? "" : "\"optimizer.lr\": \(lr)",
                observations: run.x.isEmpty ? "0,p,x,fc1,,5,\n" : "0,p,x,fc1,,5,\n9,p,x,fc1,,\(run.x)\n",
                configuration: "\"optimizer\": {\"lr\": \(lr)}, \"probes\": {\(probes)}, \"name\": \"\(name)\"",
                plugins:
                    #"{"id": "org.a", "version": "1", "manifest_sha256": "\#(digest)bbccddeeff", "library_sha256": "00112233445566"}"#,
                origins: origins)
        }
        return try ComparedRuns(name: name, study.results(sweep: sweep), where: conditions)
    }

    private func compare(_ a: ComparedRuns, _ b: ComparedRuns, _ outputs: [String] = ["p.x"]) throws -> Comparison {
        var request = TableRequest()
        request.outputs = outputs
        return try Comparison(a, b, request)
    }

    private func sentence(_ body: () throws -> Comparison) -> String {
        do {
            _ = try body()
            return "no error"
        } catch { return "\(error)" }
    }

    /// Differences 1, 2, 4: mean 7/3, s = √(7/3), half-width 4.302652729749464 √(7/9).
    @Test func runsOfOneSeedArePairs() throws {
        let a = try side("one", [(3, "", "1,"), (4, "", "5,"), (5, "", "2,"), (8, "", "7,")])
        let b = try side("two", [(5, "", "6,"), (3, "", "2,"), (4, "", "7,"), (1, "", "9,"), (2, "", "9,")])
        let comparison = try compare(a, b)
        #expect(
            comparison.table(showsP: false).plain() == """
                output  layer  A          B          B − A      N
                p.x     fc1    2.7 ± 5.2  5.0 ± 6.6  2.3 ± 3.8  3
                (mean ± 95 %; runs with one seed are pairs, N of them)
                left out: A alone has the seeds 8
                left out: B alone has the seeds 1, 2

                """, "\(comparison.table(showsP: false).plain())")
        let line = try #require(comparison.csv(showsP: true).split(separator: "\n").last).split(
            separator: ",", omittingEmptySubsequences: false)
        let numbers = line.map { Double($0) ?? .nan }
        #expect(line[..<6] == ["p", "x", "fc1", "", "9", "9"] && line[12...14] == ["3", "3", "3"])
        #expect(abs(numbers[6] - 8.0 / 3) < 1e-15 && numbers[7] == 5 && abs(numbers[8] - 7.0 / 3) < 1e-15)
        #expect(abs(numbers[9] - 4.302652729749464 * (7.0 / 9).squareRoot()) < 1e-14)
        #expect(comparison.facts == [["name", "one", "two"]])
    }

    @Test func settingsAreMatchedByTheKeysThatVary() throws {
        let sweep = #""optimizer.lr": [0.1, 0.3]"#
        let a = try side("a", sweep: sweep, [(0, "0.1", "1,"), (1, "0.1", "2,"), (0, "0.3", "3,"), (1, "0.3", "4,")])
        let b = try side("b", sweep: sweep, [(0, "0.3", "13,"), (1, "0.3", "24,")])
        let comparison = try compare(a, b)
        let table = comparison.table(showsP: true)
        #expect(table.header == ["output", "layer", "lr", "A", "B", "B − A", "N", "p"])
        #expect(table.rows == [["p.x", "fc1", "0.3", "3.00, 4.00", "13.0, 24.0", "10.0, 20.0", "2", "0.20"]])
        #expect(table.footer.hasSuffix("\nleft out: A alone has lr=0.1"))
        #expect(comparison.facts.contains(["optimizer.lr", "0.1, 0.3", "0.3"]))
        // Of one study two settings: nothing else varies.
        let other = try side(
            "a", sweep: sweep, [(0, "0.1", "1,"), (1, "0.1", "2,"), (0, "0.3", "3,"), (1, "0.3", "4,")], ["lr=0.1"])
        #expect(
            try compare(other, b).table(showsP: false).rows == [
                ["p.x", "fc1", "1.00, 2.00", "13.0, 24.0", "12.0, 22.0", "2"]
            ])
        #expect(
            sentence {
                try compare(
                    side("a", sweep: sweep, [(0, "0.1", "1,")]),
                    side("b", sweep: sweep, [(0, "0.1", "1,"), (0, "0.3", "1,")]))
            } == "no error")
        #expect(
            sentence {
                try compare(
                    side("a", sweep: #""optimizer.lr": [0.5]"#, [(0, "0.5", "1,")]),
                    side("b", sweep: sweep, [(0, "0.1", "1,"), (0, "0.3", "1,")]))
            }
                == "no setting of a is one of b: optimizer.lr is 0.5 in A, 0.1, 0.3 in B; choose runs of a side with OUT:key=value"
        )
    }

    @Test func otherSeedsHaveWelchsInterval() throws {
        let a = try side("a", [(0, "", "1,"), (1, "", "2,")])
        let b = try side("b", [(2, "", "3,"), (3, "", "7,"), (4, "", "5,")])
        let comparison = try compare(a, b)
        let table = comparison.table(showsP: false)
        #expect(table.rows[0][2...] == ["1.00, 2.00", "5.0 ± 5.0", "3.5 ± 4.3", "2, 3"], "\(table.rows)")
        #expect(table.footer == "(mean ± 95 %; no seeds in common: Welch's interval, N values of each side)")
    }

    @Test func valuesThatAreMissingAreCounted() throws {
        let a = try side("a", [(0, "", "1,"), (1, "", "2,"), (2, "", ",flat")])
        let b = try side("b", [(0, "", "4,"), (1, "", ""), (2, "", "3,")])
        let comparison = try compare(a, b)
        #expect(
            comparison.table(showsP: false).rows == [
                ["p.x", "fc1", "1.00", "4.00", "3.00", "1 (flat; run_diverged)"]
            ])
        #expect(comparison.table(showsP: false).footer.hasSuffix("\nB: not finished: 1 diverged"))
        let none = try compare(side("a", [(0, "", ",flat")]), side("b", [(0, "", "1,")]))
        #expect(none.table(showsP: false).rows == [["p.x", "fc1", "–", "–", "– (flat)", "0 (flat)"]])
    }

    @Test(arguments: [
        (#""p": {"plugin": "org.a/p", "at": "last", "split": "train"}"#, "aa", "split: test against train"),
        (#""p": {"plugin": "org.a/p", "at": "last", "split": "test", "samples": 70}"#, "aa", "samples: – against 70"),
        (#""p": {"plugin": "org.a/q", "at": "last", "split": "test"}"#, "aa", "plugin: org.a/p against org.a/q"),
        (
            #""p": {"plugin": "org.a/p", "at": "last", "split": "test"}"#, "ff",
            "plugin org.a: 1, manifest aabbccdd, library 00112233 against 1, manifest ffbbccdd, library 00112233"
        ),
    ])
    func otherDefinitionsAreNotCompared(probes: String, digest: String, what: String) throws {
        let a = try side("a", [(0, "", "1,")]), b = try side("b", probes: probes, digest: digest, [(0, "", "2,")])
        let comparison = try compare(a, b)
        #expect(comparison.refused == ["the outputs of 'p' are defined differently: \(what)"])
        #expect(comparison.table(showsP: false).rows.isEmpty)
    }

    @Test func whenAProbeMeasuresDoesNotMatter() throws {
        let b = try side(
            "b", probes: #""p": {"plugin": "org.a/p", "at": {"log": 3}, "layers": ["fc1"], "split": "test"}"#,
            [(0, "", "2,")])
        let comparison = try compare(side("a", [(0, "", "1,")]), b)
        #expect(comparison.refused.isEmpty && comparison.table(showsP: false).rows.count == 1)
    }

    /// An option that varies and is not swept is `${optimizer.lr}`: the same by definition. A swept one is not.
    @Test(arguments: [("file", true), ("sweep", false)])
    func optionsThatFollowOthersAreOneDefinition(origin: String, isOne: Bool) throws {
        var study = HandStudy()
        for lr in ["0.1", "0.3"] {
            for seed in [0, 1] {
                try study.addRun(
                    seed: seed, swept: "\"optimizer.lr\": \(lr)", observations: "9,p,x,fc1,,\(seed),\n",
                    configuration:
                        "\"optimizer\": {\"lr\": \(lr)}, \"probes\": {\"p\": {\"plugin\": \"org.a/p\", \"rate\": \(lr)}}",
                    origins: "\"probes.p.rate\": \"\(origin)\"")
            }
        }
        let results = try study.results(sweep: #""optimizer.lr": [0.1, 0.3]"#)
        let comparison = try compare(
            ComparedRuns(name: "a", results, where: ["lr=0.1"]), ComparedRuns(name: "b", results, where: ["lr=0.3"]))
        #expect(comparison.refused.isEmpty == isOne && comparison.table(showsP: false).rows.isEmpty != isOne)
    }

    @Test func foldersOfStudiesPartsAndRuns() throws {
        let folder = try StudyFixture(seeds: 4, points: 4, diverged: nil).write()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let parts = try ["0", "0.001"].map { try ComparedRuns(reading: "\(folder):weight_decay=\($0),seed=1,seed=3") }
        let comparison = try compare(parts[0], parts[1], ["test.*"])
        #expect(comparison.table(showsP: false).rows.map { $0[0] } == ["test.loss", "test.accuracy"])
        #expect(comparison.facts == [["regularizers.l2.weight_decay", "0", "1e-3"]])
        let runs = try FileManager.default.contentsOfDirectory(atPath: folder + "/runs").sorted().map {
            "\(folder)/runs/\($0)"
        }
        let run = try ComparedRuns(reading: runs[0])
        let same = try compare(run, run, ["test.loss"])
        #expect(same.table(showsP: false).rows[0][3] == "0.00" && same.facts.isEmpty)
        #expect(same.factTable.plain() == "(A and B differ in nothing that is recorded)\n")
        #expect(
            sentence { try compare(run, parts[0], ["test.los"]) }.hasPrefix(
                "\(run.name): no run has recorded 'test.los'; did you mean 'test.loss'?"))
        #expect(
            sentence { try compare(ComparedRuns(reading: folder + ":lr=3"), run) }.hasPrefix(
                "\(folder):lr=3: no run has a 'lr'"))
        #expect(
            sentence { try compare(ComparedRuns(reading: folder + "x"), run) }
                == "\(folder)x: no study.json here; expected the folder that 'syzygy run' wrote")
    }

    @Test func outputsOfOneSideAloneAreNamed() throws {
        var study = HandStudy()
        try study.addRun(seed: 0, observations: "9,p,x,fc1,,1,\n9,q,y,,,1,\n")
        let a = try ComparedRuns(name: "a", study.results()), b = try side("b", [(0, "", "1,")])
        #expect(try compare(a, b, []).table(showsP: false).footer.hasSuffix("\nleft out: A alone has q.y"))
        #expect(try compare(b, a, ["*.*"]).table(showsP: false).footer.hasSuffix("\nleft out: B alone has q.y"))
        #expect(sentence { try compare(a, b, ["q.y"]) }.hasPrefix("b: no run has recorded 'q.y'"))
    }

    @Test func oneSeedTwiceAsksForAChoice() throws {
        // A key that the other side does not have cannot match runs.
        var study = HandStudy()
        for depth in [2, 5] {
            try study.addRun(seed: 6, swept: "\"model.depth\": \(depth)", observations: "9,p,x,fc1,,1,\n")
        }
        let a = try ComparedRuns(name: "a", study.results(sweep: #""model.depth": [2, 5]"#))
        #expect(
            sentence { try compare(a, side("b", [(6, "", "1,")])) }
                == "a: several runs have the seed 6; choose by model.depth, such as a:model.depth=5")
    }
}
