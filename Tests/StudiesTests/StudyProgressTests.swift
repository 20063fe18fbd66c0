import Manifests
import Studies
import Testing

/// What a folder has of a plan, and the time of what is missing, by hand.
@Suite struct StudyProgressTests {
    /// Two settings, 100 and 200 steps, with two seeds each.
    private static let overrides = ["train.steps=[100, 200]", "regularizers.l2.weight_decay=0", "seeds=3..4"]

    private func plan(_ more: [String] = []) throws -> StudyPlan {
        try Fixtures.plan(Fixtures.study, Self.overrides + more)
    }

    /// Writes the record of a run: its status, last step and seconds.
    private func write(
        _ run: PlannedRun, _ status: RunRecord.Status, _ step: Int, _ seconds: Double, _ folder: StudyFolder
    ) throws {
        var record = RunRecord(run: run, study: "wells", title: "")
        (record.status, record.step, record.seconds) = (status, step, seconds)
        try StudyFolder.create(folder.runFolder(run.name))
        try record.write(folder: folder.runFolder(run.name))
    }

    @Test func statesAndTimes() throws {
        let scratch = try TemporaryFolder()
        let folder = StudyFolder(scratch.path), plan = try plan(), runs = plan.runs
        #expect(StudyProgress(plan, folder).estimate(jobs: 2) == nil)
        // 0.1 s a step: 10 s of the other seed, 20 s of the two longer ones; on two jobs 25 s.
        try write(runs[0], .finished, 100, 10, folder)
        var found = StudyProgress(plan, folder)
        #expect(found.settings.map(\.done) == [1, 0] && found.settings.map(\.missing) == [1, 2] && found.done == 1)
        #expect(
            found.estimate(jobs: 2)
                == .init(seconds: 25, basis: "by 1 finished run, for 2 runs by those of other settings"))
        #expect(found.estimate(jobs: 1)?.seconds == 50)
        // A run of the longer setting has its own time, 90 s, which is the least for all.
        try write(runs[2], .finished, 200, 90, folder)
        found = StudyProgress(plan, folder)
        #expect(found.estimate(jobs: 4) == .init(seconds: 90, basis: "by 2 finished runs"))
        // An interrupted run goes on; runs at work and failed ones count as missing time.
        try write(runs[3], .interrupted, 150, 60, folder)
        try write(runs[1], .failed, 7, 1, folder)
        found = StudyProgress(plan, folder)
        #expect(found.settings.map(\.failed) == [1, 0] && found.settings.map(\.missing) == [0, 1])
        #expect(found.estimate(jobs: 1)?.seconds == 10 + 22.5)
        // At work is what a process has a lease of; the record alone may be of one that was killed.
        try write(runs[1], .running, 7, 1, folder)
        #expect(StudyProgress(plan, folder).settings.map(\.running) == [0, 0])
        let answer = try Leases(folder).take(runs[1].name)
        #expect(StudyProgress(plan, folder).settings.map(\.running) == [1, 0])
        if case .taken(let lease) = answer { lease.release() }
        // A diverged run is done and says nothing of the time.
        try write(runs[1], .diverged, 7, 1, folder)
        found = StudyProgress(plan, folder)
        #expect(found.settings.map(\.isDone) == [true, false] && found.missing.map(\.name) == [runs[3].name])
    }

    /// Runs of other plans of the folder tell the time where this one has none.
    @Test func otherRunsOfTheFolder() throws {
        let scratch = try TemporaryFolder()
        let folder = StudyFolder(scratch.path)
        try write(try plan().runs[0], .finished, 100, 10, folder)
        let other = StudyProgress(try plan(["optimizer.lr=0.5", "train.steps=50"]), folder)
        #expect(other.done == 0)
        #expect(other.estimate(jobs: 1) == .init(seconds: 10, basis: "by 1 finished run of other settings"))
    }

    /// Runs that train together take the time of their program once.
    @Test func programs() throws {
        let scratch = try TemporaryFolder()
        let folder = StudyFolder(scratch.path)
        let plan = try plan(["train.together=2"])
        try write(plan.runs[0], .finished, 100, 10, folder)
        // The other seed alone, 10 s, and two together, 20 s.
        #expect(StudyProgress(plan, folder).estimate(jobs: 1)?.seconds == 30)
        let measured = StudyProgress(plan, folder).estimate(jobs: 1, measured: [(plan.runs, 0.25)])
        #expect(measured == .init(seconds: 75, basis: "by steps timed in 1 setting, without observations"))
    }
}
