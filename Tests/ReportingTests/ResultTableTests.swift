import Foundation
import Reporting
import Studies
import Testing

/// Pivots, selections, what cells say, and the four forms of a table.
@Suite struct ResultTableTests {
    /// Two swept keys, three seeds: x = lr·10 + depth + seed/8 in fc1 and 1 more in fc2; the run (0.3, 5, seed 2) diverged, and the
    /// last seed of (0.1, 5) has no y.
    private func study(_ seeds: Int = 3) throws -> StudyResults {
        var study = HandStudy()
        for lr in [0.1, 0.3] {
            for depth in [2, 5] {
                for seed in 0..<seeds {
                    let diverged = lr == 0.3 && depth == 5 && seed == 2
                    let x = lr * 10 + Double(depth) + Double(seed) / 8
                    let y = lr == 0.1 && depth == 5 && seed == 2 ? ",flat" : "\(x / 64),"
                    let end = diverged ? "" : "9,p,x,fc1,,\(x),\n9,p,x,fc2,,\(x + 1),\n9,t,y,,,\(y)\n"
                    try study.addRun(
                        status: diverged ? "diverged" : "finished", seed: seed,
                        swept: "\"optimizer.lr\": \(lr), \"model.depth\": \(depth)",
                        observations: "0,p,x,fc1,,-1,\n0,p,x,fc2,,-2,\n0,t,y,,,0.5,\n" + end)
                }
            }
        }
        let settings = [0.1, 0.3].flatMap { lr in
            [5, 2].map { #"{"optimizer.lr": \#(lr), "model.depth": \#($0)}"# }
        }
        return try study.results(
            sweep: #""optimizer.lr": [0.1, 0.3], "model.depth": [5, 2]"#,
            settings: settings.joined(separator: ", "))
    }

    private func request(_ outputs: [String] = [], _ change: (inout TableRequest) -> Void = { _ in }) -> TableRequest
    {
        var request = TableRequest()
        request.outputs = outputs
        change(&request)
        return request
    }

    private func table(_ outputs: [String] = [], _ change: (inout TableRequest) -> Void = { _ in }) throws
        -> TextTable
    {
        try ResultTable(study(), request(outputs, change)).table
    }

    private func sentence(_ outputs: [String] = [], _ change: (inout TableRequest) -> Void = { _ in }) throws
        -> String
    {
        do {
            _ = try table(outputs, change)
            return "no error"
        } catch let error as StudyError {
            return "\(error)"
        }
    }

    @Test func aSweptKeyHasColumnsAndTheOtherRows() throws {
        let table = try table(["p.x", "t.y"]) { $0.pivot = ["lr"] }
        #expect(
            table.plain() == """
                output  layer  depth  lr=0.1                0.3
                p.x     fc1    5      6.1 ± 0.3             8.00, 8.12 [N=2]
                p.x     fc1    2      3.1 ± 0.3             5.1 ± 0.3
                p.x     fc2    5      7.1 ± 0.3             9.00, 9.12 [N=2]
                p.x     fc2    2      4.1 ± 0.3             6.1 ± 0.3
                t.y            5      0.0938, 0.0957 [N=2]  0.125, 0.127 [N=2]
                t.y            2      0.049 ± 0.005         0.080 ± 0.005
                (mean ± 95 % over 3 seeds, at the last step)
                not finished: 1 diverged (lr=0.3 depth=5)

                """)
    }

    @Test func settingsAreTheColumnsUnlessOthersAreAskedFor() throws {
        let table = try table(["t.*"])
        #expect(table.header == ["output", "lr=0.1 depth=5", "lr=0.1 depth=2", "lr=0.3 depth=5", "lr=0.3 depth=2"])
        #expect(
            table.footer.hasPrefix(
                "(mean ± 95 % over 3 seeds, at the last step; 2 for lr=0.1 depth=5; 2 for lr=0.3 depth=5)"))
    }

    @Test func seedsOutputsAndLayersCanHaveColumns() throws {
        let seeds = try table(["p.x"]) {
            $0.pivot = ["seed"]
            $0.layers = ["fc2"]
            $0.conditions = ["lr=0.3"]
        }
        #expect(seeds.header == ["output", "layer", "depth", "seed=0", "1", "2"])
        #expect(
            seeds.rows == [
                ["p.x", "fc2", "5", "9.00", "9.12", "– (run_diverged)"], ["p.x", "fc2", "2", "6.00", "6.12", "6.25"],
            ])
        #expect(seeds.footer == "(single runs, at the last step, lr=0.3)\nnot finished: 1 diverged (lr=0.3 depth=5)")
        let layers = try table(["p.x"]) {
            $0.pivot = ["layer", "output"]
            $0.conditions = ["depth=2", "lr=0.1"]
        }
        #expect(layers.header == ["p.x fc1", "p.x fc2"] && layers.rows == [["3.1 ± 0.3", "4.1 ± 0.3"]])
    }

    @Test(arguments: [
        ("median", "3.12 [3.00, 3.25]"), ("values", "3.00, 3.12, 3.25"), ("n", "3"),
        ("all", "3.1 ± 0.3; 3.12 [3.00, 3.25]; N=3"),
    ])
    func whatCellsShow(show: String, text: String) throws {
        let table = try table(["p.x"]) {
            $0.show = TableRequest.Show(rawValue: show) ?? .mean
            $0.layers = ["fc1"]
        }
        #expect(table.rows[0][3] == text)
        let failed = [
            "median": "8.06 [8.00, 8.12]", "values": "8.00, 8.12", "n": "2 (run_diverged)",
            "all": "8.00, 8.12; N=2 (run_diverged)",
        ]
        #expect(table.rows[0][4] == failed[show])
    }

    @Test func twoSeedsShowBothValues() throws {
        let table = try ResultTable(study(2), request(["t.y"])).table
        #expect(table.rows[0][1] == "0.0938, 0.0957")
        #expect(table.footer == "(values of 2 seeds, at the last step)")
        let one = try ResultTable(study(1), request(["t.y"])).table
        #expect(one.rows[0][1] == "0.0938" && one.footer == "(one seed, at the last step)")
    }

    @Test func conditionsChooseSettingsAndSeeds() throws {
        let results = try study()
        #expect(try Selection(results, where: ["model.depth=2", "lr=0.10"]).settings == [1])
        #expect(try Selection(results, where: ["lr=0.1", "lr=0.3", "depth=5"]).settings == [0, 2])
        #expect(try Selection(results, where: ["seed=2", "seed=0"]).seeds == [0, 2])
        #expect(try Selection(results, where: ["train.precision=f64"]).settings.count == 4)
    }

    @Test func theFirstStepAndOthers() throws {
        #expect(try table(["t.y"]) { $0.moment = .first }.rows[0][1] == "0.5 ± 0")
        #expect(try table(["t.y"]) { $0.moment = .step(9) }.rows == table(["t.y"]).rows)
        #expect(
            try sentence(["t.y"]) { $0.moment = .step(7) }
                == "no run has recorded t.y at step 7; nearest: step 9 (steps: 0, 9)")
    }

    @Test func mistakesAreNamed() throws {
        #expect(try sentence(["p.z"]) == "no run has recorded 'p.z'; did you mean 'p.x'? (there are: p.x, t.y)")
        #expect(try sentence(["*.z"]) == "no output matches '*.z' (there are: p.x, t.y)")
        #expect(
            try sentence { $0.layers = ["fc3"] }
                == "no output has the layer 'fc3'; did you mean 'fc1'? (there are: fc1, fc2)")
        #expect(
            try sentence(["t.y"]) { $0.layers = ["fc1"] }
                == "no output has the layer 'fc1' (these outputs are of the whole network)")
        #expect(
            try sentence { $0.conditions = ["lr"] }
                == "'lr' chooses no runs; expected key=value, such as optimizer.lr=0.1")
        #expect(
            try sentence { $0.conditions = ["dept=5"] }
                == "no run has a 'dept'; did you mean 'depth'? (swept: optimizer.lr, model.depth)")
        #expect(try sentence { $0.conditions = ["lr=0.2"] } == "no run has optimizer.lr = 0.2 (there are: 0.1, 0.3)")
        #expect(try sentence { $0.conditions = ["seed=7"] } == "no run has the seed 7 (there are: 0, 1, 2)")
        #expect(
            try sentence { $0.pivot = ["dept"] }
                == "'dept' is not swept; did you mean 'depth'? (columns can be: optimizer.lr, model.depth, seed, output, layer)"
        )
    }

    @Test func aShortNameOfTwoKeysIsAmbiguous() throws {
        var study = HandStudy()
        try study.addRun(seed: 0, swept: "\"a.rate\": 1, \"b.rate\": 2", observations: "0,p,x,,,1,\n")
        let results = try study.results(sweep: #""a.rate": [1], "b.rate": [2]"#)
        for change in [{ $0.pivot = ["rate"] }, { $0.conditions = ["rate=1"] }] as [(inout TableRequest) -> Void] {
            #expect {
                try ResultTable(results, request(["p.x"], change))
            } throws: {
                "\($0)" == "'rate' may be a.rate or b.rate; give the whole name"
            }
        }
    }

    @Test func anEmptyStudyIsNoError() throws {
        let results = try HandStudy().withFolder().results()
        #expect(try ResultTable(results).table.plain() == "no finished run has recorded a number\n")
        #expect {
            try ResultTable(results, request(["p.x"]))
        } throws: {
            "\($0)" == "hand: no run has recorded anything"
        }
    }

    @Test func runsWithoutARecordAreCounted() throws {
        let folder = try StudyFixture(seeds: 3, points: 4, diverged: nil).write()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/runs")
        let name = try #require(names.first)
        try FileManager.default.removeItem(atPath: "\(folder)/runs/\(name)")
        let table = try ResultTable(StudyResults.read(folder: folder)).table
        #expect(table.footer.hasSuffix("\n1 planned run without a record"))
    }

    /// The last and the first points alone give the tables that all points give.
    @Test func tablesNeedOnePointOfEachCurve() throws {
        let folder = try StudyFixture(seeds: 3, points: 9, diverged: (2, 1)).write()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let all = try StudyResults.read(folder: folder)
        for (moment, steps) in [(Claim.Moment.last, 1), (.first, 1)] {
            var request = request(["*.*.*.*", "*.*"])
            request.moment = moment
            let few = try StudyResults.read(folder: folder, request.kept)
            let series = few.series.indices.filter { !few.runs[0].curves.range($0).isEmpty }
            #expect(
                series.count == few.series.count && series.allSatisfy { few.runs[0].curves.range($0).count == steps })
            let (some, whole) = try (ResultTable(few, request), ResultTable(all, request))
            #expect(some.table.rows == whole.table.rows && some.table.footer == whole.table.footer)
            #expect(TableWriter.csv(few, some) == TableWriter.csv(all, whole))
        }
    }

    @Test func everyNumberOfATableAsCSV() throws {
        let results = try study()
        let table = try ResultTable(
            results,
            request(["t.y"]) {
                $0.conditions = ["depth=5"]
                $0.show = .n
            })
        let lines = TableWriter.csv(results, table).split(separator: "\n")
        #expect(lines.count == 3)
        #expect(
            lines[1].hasPrefix("0.1,5,t,y,,,9,0.0947265625,") && lines[1].hasSuffix(",0.09375,0.095703125,2,0,1,flat")
        )
        #expect(
            lines[2].hasPrefix("0.3,5,t,y,,,9,0.1259765625,")
                && lines[2].hasSuffix(",0.125,0.126953125,2,1,1,run_diverged"))
        let seeds = try ResultTable(results, request(["t.y"]) { $0.pivot = ["seed"] })
        let single = TableWriter.csv(results, seeds).split(separator: "\n")
        #expect(single.count == 13 && single[0].hasPrefix("optimizer.lr,model.depth,seed,probe,"))
        #expect(single[3] == "0.1,5,2,t,y,,,9,,,,,,,,0,0,1,flat")
    }
}

extension HandStudy {
    /// A folder without runs.
    fileprivate func withFolder() throws -> HandStudy {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return self
    }
}

@Suite struct TableFormatTests {
    private var table: TextTable {
        var table = TextTable(header: ["output", "lr_0=0.1", "b|c"], alignments: [.left, .decimal, .decimal])
        table.rows = [
            ["a_b", "0.83 ± 0.01", "-1.25"], ["x|y", "12.5, 13.1 [N=2]", "(1.2 ± 0.3)e-5"],
            ["50% {#}", "–", "10 ± 0"],
        ]
        table.footer = "(mean ± 95 %)\nnote_1"
        return table
    }

    @Test func markdown() {
        #expect(
            table.markdown == """
                | output  | lr_0=0.1         | b\\|c           |
                | :------ | ---------------: | -------------: |
                | a_b     |  0.83 ± 0.01     | -1.25          |
                | x\\|y    | 12.5, 13.1 [N=2] | (1.2 ± 0.3)e-5 |
                | 50% {#} |  –               | 10 ± 0         |

                (mean ± 95 %)

                note_1

                """, "\(table.markdown)")
    }

    @Test func latex() {
        #expect(
            table.latex == ##"""
                % needs \usepackage{booktabs}
                \begin{tabular}{lr@{}lr@{}l}
                \toprule
                output & \multicolumn{2}{c}{lr\_0=0.1} & \multicolumn{2}{c}{b$|$c} \\
                \midrule
                a\_b & 0&.83~$\pm$~0.01 & $-$1&.25 \\
                x$|$y & 12&.5,~13.1~[N=2] & (1&.2~$\pm$~0.3)$\times 10^{-5}$ \\
                50\% \{\#\} & \multicolumn{2}{c}{--} & 10&~$\pm$~0 \\
                \bottomrule
                \end{tabular}
                \par{\footnotesize (mean $\pm$ 95 \%)}
                \par{\footnotesize note\_1}

                """##, "\(table.latex)")
    }

    @Test func withoutRowsTheNoteAlone() {
        var table = TextTable(header: ["output"], alignments: [.left])
        table.footer = "nothing"
        #expect(table.markdown == "nothing\n" && table.plain() == "nothing\n")
        #expect(table.latex == "% needs \\usepackage{booktabs}\n\\par{\\footnotesize nothing}\n")
    }
}
