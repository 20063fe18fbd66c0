import Foundation
import Reporting
import Testing

@Suite struct TableTests {
    /// Two settings of which one value needs quotes, two seeds, values 1 and 2 (mean 1.5, half-width 12.706…/2), and an array output.
    private func study() throws -> StudyResults {
        let folder = StudyFixture.temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for seed in 0..<2 {
            for (name, kind) in [("a", "plain"), ("b", "with, comma")] {
                let path = "\(folder)/runs/\(name)\(seed)"
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
                try #"{"status": "finished", "seed": \#(seed), "swept": {"data.kind": "\#(kind)"}}"#
                    .write(toFile: path + "/run.json", atomically: true, encoding: .utf8)
                let reason = seed == 0 ? "1e-3," : ",too_few"
                try """
                step,probe,output,layer,index,value,reason
                7,p,x,fc1,,\(seed + 1),
                7,p,spectrum,fc1,0,\(reason)

                """.write(toFile: path + "/observations.csv", atomically: true, encoding: .utf8)
            }
        }
        try #"{"study": "t", "sweep": {"data.kind": ["with, comma", "plain"]}}"#
            .write(toFile: folder + "/study.json", atomically: true, encoding: .utf8)
        return try StudyResults.read(folder: folder)
    }

    @Test func theWholeFileByHand() throws {
        #expect(try TableWriter.csv(study()) == """
            data.kind,probe,output,layer,index,step,mean,half_width,median,min,max,n,missing,reasons
            "with, comma",p,x,fc1,,7,1.5,6.353102368087348,1.5,1,2,2,0,
            "with, comma",p,spectrum,fc1,0,7,0.001,,0.001,0.001,0.001,1,1,too_few
            plain,p,x,fc1,,7,1.5,6.353102368087348,1.5,1,2,2,0,
            plain,p,spectrum,fc1,0,7,0.001,,0.001,0.001,0.001,1,1,too_few

            """)
    }

    @Test func columnsLineUpAtTheirPoints() {
        var table = TextTable(header: ["layer", "lr=0.1"], alignments: [.left, .decimal])
        table.rows = [["fc1", "0.83 ± 0.01"], ["head", "12.5 ± 0.3"], ["x", "-1.25"], ["y", "–"]]
        table.footer = "(note)"
        #expect(table.plain() == """
            layer  lr=0.1
            fc1     0.83 ± 0.01
            head   12.5 ± 0.3
            x      -1.25
            y       –
            (note)

            """)
    }

    @Test func columnsThatDoNotFitFollowBelow() {
        var table = TextTable(header: ["layer", "first", "second", "third"], alignments: [.left, .decimal, .decimal, .decimal])
        table.rows = [["fc1", "1.0", "2.0", "3.0"]]
        #expect(table.plain(width: 20, fixed: 1) == """
            layer  first  second
            fc1    1.0    2.0

            layer  third
            fc1    3.0

            """)
    }

    @Test func theTerminalShowsTheMainNumbers() throws {
        let folder = try StudyFixture(seeds: 3, points: 6, layers: ["fc1", "head"], diverged: (1, 0)).write()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let table = try TextTable(StudyResults.read(folder: folder))
        #expect(table.header == ["output", "layer", "weight_decay=0", "1e-4", "1e-3"])
        let names = Set(table.rows.map { $0[0] })
        // The first metric of the matrix in its first variant, every metric of whole networks, and what claims name.
        #expect(names.contains("crh.backward_gwa.raw.alpha") && names.contains("test.accuracy") && names.contains("nc.nc4"))
        #expect(!names.contains("crh.forward_rga.raw.cos") && !names.contains("crh.forward_rga.normalized.alpha"))
        #expect(table.footer == "(mean ± 95 % over 3 seeds; 2 for 1e-4, at the last step)")
        let undefined = try #require(table.rows.first { $0[0] == "fact.residual_a" })
        #expect(undefined[2] == "– (no_decay ×3)")
    }
}
