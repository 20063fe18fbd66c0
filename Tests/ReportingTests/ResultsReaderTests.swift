import Foundation
import Protocols
import Reporting
import Studies
import Testing

@Suite struct ResultsReaderTests {
    @Test func theFolderIsReadAsWritten() throws {
        let fixture = StudyFixture(
            weightDecays: [1e-3, 0, 1e-4], seeds: 2, points: 7, layers: ["fc1", "head"], diverged: (0, 1))
        let folder = try fixture.write()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let results = try StudyResults.read(folder: folder)
        #expect(results.name == "crh-digits")
        #expect(results.sweptKeys == ["regularizers.l2.weight_decay"])
        #expect(results.shortKeys == ["weight_decay"])
        // The order of the sweep, not of the numbers.
        #expect(results.settings == [["0.001"], ["0"], ["0.0001"]])
        #expect(results.label(setting: 2) == "weight_decay=1e-4")
        #expect(results.runs.count == 6 && results.seeds == [0, 1])
        #expect(results.runs.map(\.setting) == [0, 0, 1, 1, 2, 2])
        #expect(
            results.runs.map(\.record.status) == [.finished, .diverged, .finished, .finished, .finished, .finished])
        #expect(results.runs[1].record.step == 212)
        // crh 6 × 2 × 4 and fact 2 and exponents 8 for each of two layers; nc 7; loss and accuracy twice.
        #expect(results.series.count == (48 + 2 + 8) * 2 + 7 + 4)
        #expect(results.claims.count == 3)
    }

    @Test func aDivergedRunIsMissingWithItsReason() throws {
        let folder = try StudyFixture(seeds: 3, points: 9, diverged: (2, 1)).write()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let results = try StudyResults.read(folder: folder)
        let accuracy = try #require(results.series.firstIndex { $0.name == "test.accuracy" })
        let whole = try #require(results.last(accuracy, setting: 0))
        #expect(whole.step == 4000 && whole.value.n == 3 && whole.value.missing.isEmpty)
        let part = try #require(results.last(accuracy, setting: 2))
        #expect(part.value.n == 2 && part.value.reasons == "run_diverged")
        // Step 0 was recorded by all three, but curves show finished runs alone.
        #expect(try #require(results.curve(accuracy, setting: 2).first).value.n == 2)
    }

    /// Lines out of order, a step that was recorded twice, names in quotes, values without number.
    @Test func theLastAndTheFirstPointsAreThoseOfAll() throws {
        let lines = #"""
            3,p,x,"a,b",,0.1,
            3,p,y,,,,flat
            9,p,x,"a,b",,0.2,
            9,p,y,,,0.3,
            9,p,x,"a,b",,0.4,
            0,p,x,"a,b",,0.5,
            0,p,x,"a,b",,0.6,
            9,p,z,,4,7,
            12,p,y,,,,"lost, ""all"""

            """#
        let file = StudyFixture.temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: file) }
        try ("step,probe,output,layer,index,value,reason\n" + lines).write(
            toFile: file, atomically: true, encoding: .utf8)
        for (kept, steps, values, reasons) in [
            (ObservationTable.Kept.last, [9, 12, 9], [0.4, .nan, 7], [-1, 0, -1]),
            (.first, [0, 3, 9], [0.6, .nan, 7], [-1, 0, -1]),
        ] as [(ObservationTable.Kept, [Int], [Double], [Int32])] {
            let table = try ObservationTable.read(file: file, kept)
            #expect(table.series.map(\.name) == ["p.x", "p.y", "p.z"] && table.series[0].layer == "a,b")
            #expect(
                table.step == steps && table.reason == reasons
                    && table.value.map(\.bitPattern) == values.map(\.bitPattern))
            #expect(table.reasons == [kept == .last ? "lost, \"all\"" : "flat"])
        }
        #expect(try ObservationTable.read(file: file).count == 9)
    }

    @Test func undefinedValuesKeepTheirReason() throws {
        let folder = try StudyFixture(seeds: 2, points: 5, diverged: nil).write()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let results = try StudyResults.read(folder: folder)
        let series = try #require(
            results.series.firstIndex(of: Series(probe: "crh", output: "forward_gwa.raw.alpha", layer: "head")))
        let curve = results.curve(series, setting: 0)
        #expect(curve[0].step == 0 && curve[0].value.mean == nil && curve[0].value.reasons == "constant_matrix ×2")
        #expect(curve[1].value.n == 2)
    }

    /// One run without a sweep whose observations are the given lines.
    private func study(_ lines: String, status: String = "finished") throws -> StudyResults {
        var study = HandStudy()
        try study.addRun(status: status, seed: 3, observations: lines)
        return try study.results()
    }

    @Test func quotesIndicesAndReasonsAreRead() throws {
        let results = try study("0,\"p,\"\"q\"\"\",a,l,2,1.5,\n0,p,b,,,,too_few\n")
        #expect(
            results.series == [
                Series(probe: "p,\"q\"", output: "a", layer: "l", index: 2), Series(probe: "p", output: "b"),
            ])
        #expect(results.settings == [[]])
        #expect(results.last(0, setting: 0)?.value.mean == 1.5)
        #expect(results.last(1, setting: 0)?.value.reasons == "too_few")
    }

    @Test func aLineCutByAKillIsLeftOut() throws {
        let results = try study("0,p,a,,,1,\n1,p,a,,,2,\n2,p,a,,,3.0")
        #expect(results.curve(0, setting: 0).map(\.step) == [0, 1])
    }

    @Test func aRepeatedStepCountsOnceAndTheLaterValueHolds() throws {
        // What a run leaves that was resumed from a checkpoint before its last line.
        let results = try study("0,p,a,,,1,\n5,p,a,,,2,\n9,p,a,,,3,\n5,p,a,,,20,\n9,p,a,,,30,\n")
        #expect(results.curve(0, setting: 0).map(\.step) == [0, 5, 9])
        #expect(results.curve(0, setting: 0).map(\.value.mean) == [1, 20, 30])
    }

    @Test func aValueWithoutNumberAndReasonIsMissing() throws {
        let results = try study("0,p,a,,,,\n1,p,a,,,,nan_result\n")
        #expect(results.curve(0, setting: 0).map(\.value.reasons) == ["no_reason", "nan_result"])
    }

    @Test(arguments: [
        ("0,p,a,,,1\n", ":2: expected 7 fields"), ("0,p,a,,,1,\nx,p,a,,,1,\n", ":3: the step is not a number"),
    ])
    func brokenLinesAreNamed(lines: String, message: String) throws {
        let error = try #require(throws: StudyError.self) { try study(lines) }
        #expect(error.description.contains("runs/run0/observations.csv" + message))
    }

    @Test func aFolderWithoutAStudyIsNamed() throws {
        let error = try #require(throws: StudyError.self) { try StudyResults.read(folder: "/nowhere/at/all") }
        #expect(
            error.description == "/nowhere/at/all: no study.json here; expected the folder that 'syzygy run' wrote")
    }
}
