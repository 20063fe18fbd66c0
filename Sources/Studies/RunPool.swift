import Foundation
import Glibc
import PluginHost

/// The runs of a study on their way through this process: takes leases, starts workers, concludes records.
final class RunPool {
    let work: StudyRunner.Work
    /// What has no result yet.
    let missing: [PlannedRun]
    /// A run failed and the study is to stop then.
    private(set) var mustStop = false

    private let runner: StudyRunner
    private var folder: StudyFolder { runner.folder }
    private let leases: Leases
    /// As this process found them; what has changed since is the result of another one.
    private let before: [String: RunRecord]
    private var waiting: ArraySlice<[PlannedRun]>
    private var active: [Member] = []
    /// Runs that other processes compute.
    private var elsewhere: [PlannedRun] = []
    private var lastLook = ContinuousClock.now
    private var lastRenewal = ContinuousClock.now

    private struct Member {
        var worker: WorkerProcess
        var leases: [Lease]
        /// Another process took this one for dead and has the runs.
        var isLost = false
    }

    init(_ runner: StudyRunner) {
        self.runner = runner
        leases = Leases(runner.folder, patience: runner.patience)
        let share = runner.shard?.runs(of: runner.plan) ?? runner.plan.runs
        var before: [String: RunRecord] = [:]
        for run in share { before[run.name] = runner.folder.record(of: run) }
        self.before = before
        let missing = share.filter { Self.isWanted(before[$0.name], before[$0.name], runner) }
        let kept = Set(missing.map(\.name))
        let failed = share.count { before[$0.name]?.status == .failed && !kept.contains($0.name) }
        self.missing = missing
        work = StudyRunner.Work(
            runs: share.count, done: share.count - missing.count - failed, failed: failed, shard: runner.shard)
        waiting = runner.order.sorted(StudyPlan.groups(missing))[...]
    }

    /// Whether a run is to be computed whose record is now `record` and was `earlier` when this process began.
    private static func isWanted(_ record: RunRecord?, _ earlier: RunRecord?, _ runner: StudyRunner) -> Bool {
        guard let record, record.status.isDone || record.status == .failed else { return true }
        guard record == earlier else { return false }
        if runner.isFresh || runner.retried.contains(record.status) { return true }
        return record.status.isDone && !runner.folder.isDone(record)
    }

    private func isWanted(_ run: PlannedRun) -> Bool {
        Self.isWanted(folder.record(of: run), before[run.name], runner)
    }

    /// Nothing is left that this process has to wait for.
    var isEmpty: Bool { active.isEmpty && waiting.isEmpty && elsewhere.isEmpty }

    /// Starts what fits, and waits a moment for what happens.
    func turn(_ display: any StudyDisplay) throws(StudyError) {
        while active.count < runner.jobs, let runs = waiting.popFirst() { try start(runs, display) }
        for worker in StudyRunner.ended(among: active.map(\.worker), timeout: isEmpty ? 0 : 200) {
            guard let index = active.firstIndex(where: { $0.worker === worker }) else { continue }
            try conclude(active.remove(at: index), isInterrupted: false, display)
        }
        let now = ContinuousClock.now
        if now - lastRenewal >= .seconds(1) {
            renew()
            lastRenewal = now
        }
        if active.isEmpty, waiting.isEmpty, !elsewhere.isEmpty, now - lastLook >= .milliseconds(500) {
            try look(display)
            lastLook = now
        }
        for member in active {
            for sentence in member.worker.takeNotes() { display.note(member.worker.shown, sentence) }
        }
        display.progress(
            active.map { ($0.worker.shown, $0.worker.progress) }, waiting: waiting.reduce(0) { $0 + $1.count },
            elsewhere: elsewhere.count)
    }

    // MARK: - Beginning

    private func start(_ runs: [PlannedRun], _ display: any StudyDisplay) throws(StudyError) {
        var mine: [(run: PlannedRun, lease: Lease)] = []
        do throws(StudyError) {
            for run in runs {
                guard case .taken(let lease) = try leases.take(run.name) else {
                    elsewhere.append(run)
                    continue
                }
                // Another process may have been here since this one began.
                guard isWanted(run) else {
                    lease.release()
                    if let record = folder.record(of: run) { display.ended(run, record) }
                    continue
                }
                mine.append((run, lease))
                try prepare(run)
            }
            guard let first = mine.first else { return }
            let worker = try WorkerProcess(
                mine.map(\.run), folders: mine.map { folder.runFolder($0.run.name) }, command: runner.command,
                environment: WorkerEnvironment.variables(
                    threads: first.run.configuration.train.threads, jobs: runner.jobs))
            active.append(Member(worker: worker, leases: mine.map(\.lease)))
        } catch {
            for (_, lease) in mine { lease.release() }
            throw error
        }
    }

    /// A run has its folder and record before it starts.
    private func prepare(_ run: PlannedRun) throws(StudyError) {
        let path = folder.runFolder(run.name)
        try StudyFolder.create(path)
        var record = runner.record(run)
        let earlier = folder.record(of: run)
        StudyFolder.sweep(run: path)
        if let earlier, !runner.isFresh, earlier.status != .diverged, Checkpoint.exists(in: path) {
            record.seconds = earlier.seconds
        } else {
            StudyFolder.clear(run: path)
        }
        try record.write(folder: path)
    }

    // MARK: - Meanwhile

    private func renew() {
        for index in active.indices {
            let progress = active[index].worker.progress
            // Each of them, as every file has to show it.
            let isMine = active[index].leases.map { $0.renew(progress) }
            guard isMine.contains(false), !active[index].isLost else { continue }
            active[index].isLost = true
            active[index].worker.send(SIGKILL)
        }
    }

    /// What others have finished is done; what they have left, or died over, waits here.
    private func look(_ display: any StudyDisplay) throws(StudyError) {
        var held: [PlannedRun] = []
        for run in elsewhere {
            guard case .taken(let lease) = try leases.take(run.name) else {
                held.append(run)
                continue
            }
            lease.release()
            if isWanted(run) {
                waiting.append([run])
            } else if let record = folder.record(of: run) {
                display.ended(run, record)
            }
        }
        // A shard has its own share to do, and waits only to see whether the others are alive.
        elsewhere = runner.shard != nil && held.allSatisfy { leases.isKnownAlive($0.name) } ? [] : held
    }

    // MARK: - Ending

    /// Writes the records of an ended worker's runs where it did not live to write them.
    private func conclude(
        _ member: Member, isInterrupted: Bool, _ display: (any StudyDisplay)? = nil
    ) throws(StudyError) {
        let worker = member.worker
        let end = worker.wait()
        guard !member.isLost else {
            elsewhere += worker.runs
            return
        }
        defer { for lease in member.leases { lease.release() } }
        for sentence in worker.takeNotes() { display?.note(worker.shown, sentence) }
        for (run, path) in zip(worker.runs, worker.folders) {
            let record = try conclude(run, path, worker, end, isInterrupted)
            display?.ended(run, record)
            if record.status == .failed, runner.stopsOnFailure { mustStop = true }
        }
    }

    private func conclude(
        _ run: PlannedRun, _ path: String, _ worker: WorkerProcess, _ end: ProcessEnd, _ isInterrupted: Bool
    ) throws(StudyError) -> RunRecord {
        var record = folder.record(of: run) ?? runner.record(run)
        let hasEnded = record.status != .planned && record.status != .running
        guard !hasEnded || record.status == .failed else { return record }
        let log = worker.folders[0] + "/log.txt"
        if hasEnded {
            // It says why itself.
        } else if isInterrupted {
            record.step = max(record.step, worker.progress.step)
            (record.status, record.message) = (.interrupted, "stopped at step \(record.step)")
        } else {
            record.step = max(record.step, worker.progress.step)
            let last = RunLog.lastWords(of: log).map { ": \($0)" } ?? ""
            let place = worker.calling.map { ", while it called \($0)" } ?? ""
            record.status = .failed
            record.message =
                worker.error ?? "the worker ended with \(end) after step \(record.step)\(place)\(last)"
        }
        if !hasEnded { record.ended = Timestamp.now() }
        if record.status == .failed {
            // A disk without room fails every run; none of them is to blame.
            if let problem = folder.problemWithWriting {
                (record.status, record.message) = (.interrupted, "stopped at step \(record.step): \(problem)")
                try? record.write(folder: path)
                throw StudyError(
                    "\(folder.path): nothing can be written: \(problem); finished runs are kept, the same command computes the rest"
                )
            }
            record.failure = .init(end: end.description, log: RunLog.lastLines(20, of: log))
        }
        try record.write(folder: path)
        return record
    }

    /// Asks the workers to stop, waits for their records, then ends those that did not listen.
    func stop() throws(StudyError) {
        for member in active { member.worker.send(SIGTERM) }
        let deadline = ContinuousClock.now + runner.grace
        while !active.isEmpty {
            if ContinuousClock.now > deadline || Interruption.isUrgent {
                for member in active { member.worker.send(SIGKILL) }
            }
            for worker in StudyRunner.ended(among: active.map(\.worker), timeout: 100) {
                guard let index = active.firstIndex(where: { $0.worker === worker }) else { continue }
                try conclude(active.remove(at: index), isInterrupted: true)
            }
            renew()
        }
    }
}

extension StudyFolder {
    /// Why a megabyte cannot be written here; nil if it can.
    var problemWithWriting: String? {
        let file = "\(path)/.space-\(getpid())"
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return String(cString: strerror(errno)) }
        defer {
            close(descriptor)
            unlink(file)
        }
        let block = [UInt8](repeating: 1, count: 1 << 20)
        var done = 0
        while done < block.count {
            let count = block[done...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return String(cString: strerror(errno)) }
            done += count
        }
        return nil
    }
}
