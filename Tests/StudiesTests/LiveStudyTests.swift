import Foundation
import Manifests
import Studies
import Testing

/// A study of six runs, three settings with two seeds each, whose files the tests write.
@Suite("Looking at a study while it runs") struct LiveStudyTests {
    private let temporary: TemporaryFolder
    private let folder: StudyFolder
    private let plan: StudyPlan
    private let live: LiveStudy
    private static let output = "crh.forward.raw.cos"
    private static let header = ObservationWriter.header + "\n"

    init() throws {
        temporary = try TemporaryFolder()
        folder = StudyFolder(temporary.path + "/out")
        plan = try Fixtures.plan()
        try folder.write(plan)
        live = LiveStudy(folder)
    }

    private func write(_ run: Int, _ status: RunRecord.Status, step: Int = 0, message: String = "") throws {
        var record = RunRecord(run: plan.runs[run], study: plan.name, title: plan.title)
        (record.status, record.step, record.message) = (status, step, message)
        if status.isDone { record.seconds = 8 }
        let path = folder.runFolder(plan.runs[run].name)
        try StudyFolder.create(path)
        try record.write(folder: path)
    }

    private func file(_ run: Int) -> String { folder.observationsFile(plan.runs[run].name) }

    private func append(_ text: String, to file: String) throws {
        if !FileManager.default.fileExists(atPath: file) {
            try #require(FileManager.default.createFile(atPath: file, contents: nil))
        }
        let handle = try #require(FileHandle(forWritingAtPath: file))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
    }

    private func line(_ step: Int, _ value: String, layer: String = "fc1", output: String = "forward.raw.cos")
        -> String
    {
        "\(step),crh,\(output),\(layer),,\(value),\n"
    }

    private func curve(_ run: Int, _ layer: String = "fc1", _ output: String = "forward.raw.cos") -> LiveCurve? {
        live.runs[run].curves[Series(probe: "crh", output: output, layer: layer)]
    }

    /// The bytes that a look reads.
    private func bytes(_ body: () throws -> Bool) throws -> Int {
        let before = live.bytesRead
        let isNew = try body()
        #expect(isNew == (live.bytesRead > before))
        return live.bytesRead - before
    }

    @Test func onlyWhatIsNewIsRead() throws {
        try write(0, .running)
        try write(3, .running)
        try append(Self.header + line(0, "0.5") + line(0, "0.25", layer: "head"), to: file(0))
        live.follow([Self.output])
        #expect(try live.look())
        #expect(curve(0)?.values == [0.5] && curve(0, "head")?.values == [0.25] && curve(3) == nil)
        #expect(try bytes { try live.look() } == 0)

        let more = line(7, "0.75") + "7,crh,forward.raw.cos,head,,,zero_variance\n"
        try append(more, to: file(0))
        try append(Self.header + line(0, "-0.5"), to: file(3))
        #expect(try bytes { try live.look() } == (more + Self.header + line(0, "-0.5")).utf8.count)
        #expect(curve(0)?.steps == [0, 7] && curve(0)?.values == [0.5, 0.75] && curve(3)?.values == [-0.5])
        #expect(curve(0, "head")?.values.last?.isNaN == true && curve(0, "head")?.reason == "zero_variance")
        #expect(Array(live.outputs) == [Self.output])
    }

    @Test func halfALineWaits() throws {
        try write(0, .running)
        try append(Self.header + line(0, "0.5") + "12,crh,forward.raw.c", to: file(0))
        live.follow([Self.output])
        try live.look()
        #expect(curve(0)?.steps == [0])
        #expect(try bytes { try live.look() } == 0)
        try append("os,fc1,,0.125,\n", to: file(0))
        try live.look()
        #expect(curve(0)?.steps == [0, 12] && curve(0)?.values == [0.5, 0.125])
        #expect(live.runs[0].problem.isEmpty)
    }

    /// Half of the header, too.
    @Test func aFileBegins() throws {
        try write(0, .running)
        try append("step,pro", to: file(0))
        live.follow([Self.output])
        try live.look()
        #expect(live.runs[0].problem.isEmpty)
        try append(Self.header.dropFirst(8) + line(3, "1"), to: file(0))
        try live.look()
        #expect(curve(0)?.values == [1])
    }

    @Test func aFileThatShrankIsReadAnew() throws {
        try write(0, .running)
        try append(Self.header + line(0, "0.5") + line(1, "0.25") + line(2, "0.75"), to: file(0))
        live.follow([Self.output])
        try live.look()
        try #require(truncate(file(0), off_t((Self.header + line(0, "0.5")).utf8.count)) == 0)
        #expect(try live.look())
        #expect(curve(0)?.steps == [0])
        try append(line(1, "-1"), to: file(0))
        try live.look()
        #expect(curve(0)?.values == [0.5, -1])
    }

    /// Of the same length.
    @Test func aFileThatWasReplacedIsReadAnew() throws {
        try write(0, .running)
        try append(Self.header + line(0, "0.5"), to: file(0))
        live.follow([Self.output])
        try live.look()
        try append(Self.header + line(0, "0.7"), to: file(0) + ".new")
        try #require(rename(file(0) + ".new", file(0)) == 0)
        #expect(try live.look())
        #expect(curve(0)?.values == [0.7])
        try FileManager.default.removeItem(atPath: file(0))
        #expect(try live.look())
        #expect(curve(0) == nil)
    }

    @Test func recordsAndRunsComeAndGo() throws {
        try live.look()
        #expect(live.runs.map(\.status) == Array(repeating: .planned, count: 6))
        try write(1, .finished, step: 100)
        try append(Self.header + line(0, "0.5"), to: file(1))
        live.follow([Self.output])
        #expect(try live.look())
        #expect(live.runs[1].status == .finished && curve(1)?.values == [0.5])
        // What is over is looked at no more, until its record changes.
        try append(line(9, "2"), to: file(1))
        #expect(try bytes { try live.look() } == 0)
        try write(1, .interrupted, step: 61)
        #expect(try live.look())
        #expect(live.runs[1].status == .interrupted && curve(1)?.steps == [0, 9])

        var wider = plan
        wider.runs.removeFirst()
        try folder.write(wider)
        #expect(try live.look())
        #expect(live.runs.count == 5 && curve(0)?.steps == [0, 9])
        try folder.write(plan)
        try FileManager.default.removeItem(atPath: folder.runFolder(plan.runs[1].name))
        #expect(try live.look())
        #expect(live.runs.count == 6 && live.runs[1].status == .planned)
    }

    @Test func whoComputesARunShows() throws {
        try write(2, .running)
        guard case .taken(let lease) = try Leases(folder).take(plan.runs[2].name) else {
            Issue.record("the lease is taken")
            return
        }
        try live.look()
        #expect(live.runs[2].status == .running)
        #expect(try !live.look())
        #expect(lease.renew(RunProgress(step: 25, total: 100, stepsPerSecond: 5, loss: 0.5)))
        #expect(try live.look())
        let status = StudyStatus(live)
        #expect(live.runs[2].step == 25 && status.share == 0.25 / 6 && status.active[0].steps == "25/100")
        // No run has finished: by the rate, and as many steps for runs that have not begun.
        #expect(status.remaining == Double(75 + 5 * 100) / 5)
        lease.release()
        #expect(try live.look())
        #expect(live.runs[2].status == .planned && StudyStatus(live).active.isEmpty)
    }

    @Test func damageIsNamedAndOthersGoOn() throws {
        for run in 0..<2 { try write(run, .running) }
        try append(Self.header + line(0, "0.5") + "1,crh\n" + line(2, "0.5"), to: file(0))
        try append(Self.header + line(0, "0.5"), to: file(1))
        live.follow([Self.output])
        try live.look()
        #expect(live.runs[0].problem == "\(file(0)):3: expected 7 fields, found 2")
        try append(line(4, "x"), to: file(1))
        try live.look()
        #expect(live.runs[1].problem == "\(file(1)):3: 'x' is not a number")
        #expect(curve(0)?.steps == [0])
        try StudyFolder.create(folder.runFolder(plan.runs[2].name))
        try Data("{".utf8).write(to: URL(fileURLWithPath: folder.runFolder(plan.runs[2].name) + "/run.json"))
        #expect(throws: StudyError.self) { try live.look() }
        try write(2, .running)
        #expect(try live.look())
    }

    @Test func anotherOutputHasItsPast() throws {
        try write(0, .running)
        let other = "crh.forward.centred.cos"
        let text =
            Self.header + line(0, "0.5") + line(0, "0.1", output: "forward.centred.cos")
            + line(0, "0.0", output: "forward.centred.cos.low") + line(0, "0.3", output: "forward.centred.cos.high")
        try append(text, to: file(0))
        live.follow([Self.output])
        try live.look()
        #expect(live.runs[0].curves.count == 1 && Array(live.outputs) == [Self.output, other])
        live.follow([other])
        #expect(try bytes { try live.look() } == text.utf8.count)
        // With the bounds of its intervals.
        #expect(live.runs[0].curves.count == 4 && curve(0, "fc1", "forward.centred.cos.high")?.values == [0.3])
        live.follow([Self.output])
        #expect(try bytes { try live.look() } == 0)
    }

    @Test func theLossIsThatOfTheLog() throws {
        try write(0, .running)
        let log = folder.runFolder(plan.runs[0].name) + "/log.txt"
        try append(
            """
            2026-11-20T22:41:26Z step 0
            a plugin says: step 5 loss 3
            2026-11-20T22:41:26Z step 100 loss 0.5 (9800 steps/s)
            2026-11-20T22:41:26Z step 200 loss nan (9800 steps/s)
            2026-11-20T22:41:27Z step 300 lo
            """, to: log)
        live.follow([LiveRun.loss.output])
        try live.look()
        let curve = try #require(live.runs[0].curves[LiveRun.loss])
        #expect(curve.steps == [100, 200] && curve.values[0] == 0.5 && curve.values[1].isNaN)
        try append("ss 0.25 (9800 steps/s)\n", to: log)
        try live.look()
        #expect(live.runs[0].curves[LiveRun.loss]?.last.value == 0.25)
        // The next attempt has a log of its own.
        try Data("2026-11-20T22:41:27Z step 300 loss 0.125 (1 steps/s)\n".utf8).write(to: URL(fileURLWithPath: log))
        try live.look()
        #expect(live.runs[0].curves[LiveRun.loss]?.values == [0.125])
    }

    @Test func namesAreFoundBeforeAnythingIsFollowed() throws {
        try write(4, .running)
        try live.look()
        live.findOutputs()
        #expect(live.outputs.isEmpty)
        try append(Self.header + "0,\"c,r\",spectrum,fc1,0,1,\n0,\"c,r\",rank,\"a,\"\"b\",,4,\n", to: file(4))
        live.findOutputs()
        // Elements of arrays are not drawn.
        #expect(Array(live.outputs) == ["c,r.rank"])
        live.follow(["c,r.rank"])
        try live.look()
        #expect(live.runs[4].curves.keys.first?.layer == "a,\"b" && live.runs[4].curves.values.first?.values == [4])
    }

    @Test func longCurvesKeepEqualDistances() {
        var short = LiveCurve(), long = LiveCurve()
        for step in 0..<700 { short.append(step: step, value: Double(step)) }
        for step in 0..<5001 { long.append(step: step, value: Double(step)) }
        #expect(short.steps == stride(from: 0, to: 700, by: 2).map(Int32.init))
        #expect(long.steps == stride(from: 0, to: 5001, by: 16).map(Int32.init))
        #expect(long.steps.count <= LiveCurve.limit && Set(long.steps.filter { $0 < 700 }).isSubset(of: short.steps))
        #expect(long.points.steps.last == 5000 && long.points.values.last == 5000 && long.last.value == 5000)
        #expect(short.points.steps.suffix(2) == [698, 699])
    }

    @Test func statusCountsAndEnds() throws {
        #expect(throws: StudyError.self) { try LiveStudy(StudyFolder(temporary.path)).look() }
        for run in 0..<4 { try write(run, .finished, step: 100) }
        try write(4, .diverged, step: 31, message: "loss became NaN at step 31")
        var status = try StudyStatus(folder)
        #expect(status.words == "4 finished, 1 diverged, 1 to run" && status.exitCode == 3 && status.share == 5.0 / 6)
        try write(5, .failed, step: 7, message: "no memory")
        status = try StudyStatus(folder)
        #expect(status.isOver && status.exitCode == 1 && status.share == 1)
        #expect(
            status.lines(in: "x") == [
                "6 runs in x: 4 finished, 1 diverged, 1 failed", "  failed  weight_decay=0.001 seed=1  no memory",
            ])
        try write(5, .finished, step: 100)
        #expect(try StudyStatus(folder).exitCode == 0)
    }
}
