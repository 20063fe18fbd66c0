import Foundation
import Reporting
import Testing

@Suite struct TableTests {
    /// Two settings of which one value needs quotes, two seeds, values 1 and 2 (mean 1.5, half-width 12.706…/2), and
    /// an array output.
    private func study() throws -> StudyResults {
        var study = HandStudy()
        for seed in 0..<2 {
            for kind in ["plain", "with, comma"] {
                let spectrum = seed == 0 ? "1e-3," : ",too_few"
                try study.addRun(
                    seed: seed, swept: "\"data.kind\": \"\(kind)\"",
                    observations: "7,p,x,fc1,,\(seed + 1),\n7,p,spectrum,fc1,0,\(spectrum)\n")
            }
        }
        return try study.results(
            sweep: #""data.kind": ["with, comma", "plain"]"#,
            settings: #"{"data.kind": "with, comma"}, {"data.kind": "plain"}"#)
    }

    @Test func theWholeFileByHand() throws {
        // The half-width t/2 to all but its last digits.
        let text = try TableWriter.csv(study()).replacing(
            /6\.35310236808734\d\d,-4\.85\d+,7\.85\d+/, with: "t/2,low,high")
        #expect(
            text == """
                data.kind,probe,output,layer,index,step,mean,half_width,low,high,median,min,max,n,failed,missing,reasons
                "with, comma",p,x,fc1,,7,1.5,t/2,low,high,1.5,1,2,2,0,0,
                "with, comma",p,spectrum,fc1,0,7,0.001,,,,0.001,0.001,0.001,1,0,1,too_few
                plain,p,x,fc1,,7,1.5,t/2,low,high,1.5,1,2,2,0,0,
                plain,p,spectrum,fc1,0,7,0.001,,,,0.001,0.001,0.001,1,0,1,too_few

                """)
    }

    /// The ends of an interval over samples are no rows; they stand behind the number where there is one seed.
    @Test func intervalsOverSamplesStandWithTheirOutput() throws {
        func table(seeds: Int) throws -> (text: String, csv: String) {
            var study = HandStudy()
            for seed in 0..<seeds {
                try study.addRun(
                    seed: seed,
                    observations: "7,p,x,fc1,,0.5,\n7,p,x.low,fc1,,0.25,\n7,p,x.high,fc1,,0.625,\n7,p,low,fc1,,3,\n")
            }
            let results = try study.results()
            return (try ResultTable(results).table.plain(), TableWriter.csv(results))
        }
        let one = try table(seeds: 1)
        #expect(one.text.contains("0.500 [0.25, 0.625]") && one.text.contains("[95 % over samples]"), "\(one.text)")
        #expect(!one.text.contains("x.low") && one.text.contains("p.low"))
        #expect(one.csv.contains("p,x.low,fc1,,7,0.25,"))
        let two = try table(seeds: 2)
        #expect(
            two.text.contains("0.500, 0.500") && !two.text.contains("[")
                && two.csv.contains("p,x.high,fc1,,7,0.625,"),
            "\(two.text)")
    }

    @Test func columnsLineUpAtTheirPoints() {
        var table = TextTable(header: ["layer", "lr=0.1"], alignments: [.left, .decimal])
        table.rows = [["fc1", "0.83 ± 0.01"], ["head", "12.5 ± 0.3"], ["x", "-1.25"], ["y", "–"]]
        table.footer = "(note)"
        #expect(
            table.plain() == """
                layer  lr=0.1
                fc1     0.83 ± 0.01
                head   12.5 ± 0.3
                x      -1.25
                y       –
                (note)

                """)
    }

    @Test func columnsThatDoNotFitFollowBelow() {
        var table = TextTable(
            header: ["layer", "first", "second", "third"], alignments: [.left, .decimal, .decimal, .decimal])
        table.rows = [["fc1", "1.0", "2.0", "3.0"]]
        table.fixed = 1
        #expect(
            table.plain(width: 20) == """
                layer  first  second
                fc1    1.0    2.0

                layer  third
                fc1    3.0

                """)
    }

    @Test func theTerminalShowsTheMainNumbers() throws {
        let folder = try StudyFixture(seeds: 3, points: 6, layers: ["fc1", "head"], diverged: (1, 0)).write()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let table = try ResultTable(StudyResults.read(folder: folder)).table
        #expect(table.header == ["output", "layer", "weight_decay=0", "1e-4", "1e-3"])
        let names = Set(table.rows.map { $0[0] })
        // The first metric of the matrix in its first variant, every metric of whole networks, and what claims name.
        #expect(
            names.contains("crh.backward_gwa.raw.alpha") && names.contains("test.accuracy")
                && names.contains("nc.nc4"))
        #expect(!names.contains("crh.forward_rga.raw.cos") && !names.contains("crh.forward_rga.normalized.alpha"))
        #expect(
            table.footer == """
                (mean ± 95 % over 3 seeds, at the last step; 2 for weight_decay=1e-4)
                not finished: 1 diverged (weight_decay=1e-4)
                """)
        let undefined = try #require(table.rows.first { $0[0] == "fact.residual_a" })
        #expect(undefined[2] == "– (no_decay ×3)")
    }

    /// A regression: what has no value anywhere takes a line below, not a row each; a setting that only diverged is named.
    @Test func rowsWithoutValuesAreOneSentence() throws {
        var study = HandStudy()
        let lines = "7,fit,loss,,,0.5,\n7,fit,accuracy,,,,no_labels\n7,fit,error,,,,no_labels\n"
        try study.addRun(seed: 3, swept: "\"optimizer.plugin\": \"org.a/adam\"", observations: lines)
        try study.addRun(status: "diverged", seed: 3, swept: "\"optimizer.plugin\": \"org.b/sgd\"", observations: "")
        let results = try study.results(sweep: #""optimizer.plugin": ["org.a/adam", "org.b/sgd"]"#)
        #expect(
            try ResultTable(results).table.plain() == """
                output    optimizer=adam  sgd
                fit.loss  0.500           – (run_diverged)
                (one seed, at the last step)
                no value for fit.accuracy, fit.error: no_labels
                not finished: 1 diverged (optimizer=sgd)

                """)
        let page = Report.html(results)
        #expect(page.contains("No value for fit.accuracy, fit.error: no_labels."))
        #expect(page.contains(">loss</th>") && !page.contains(">accuracy</th>"))
    }

    /// `fc2` of the deeper network stands before the head, though the head was seen first; widths look like a list.
    @Test func layersKeepTheOrderOfTheirNetworks() throws {
        var study = HandStudy()
        for (widths, layers) in [("[7]", ["fc1", "head"]), ("[7, 5]", ["fc1", "fc2", "head"])] {
            let lines = layers.map { "9,p,rank,\($0),,2,\n" }.joined()
            try study.addRun(seed: 3, swept: "\"model.widths\": \(widths)", observations: lines)
        }
        let table = try ResultTable(study.results(sweep: #""model.widths": [[7], [7, 5]]"#)).table
        #expect(table.header == ["output", "layer", "widths=[7]", "[7, 5]"])
        #expect(table.rows.map { $0[1] } == ["fc1", "fc2", "head"])
    }
}
