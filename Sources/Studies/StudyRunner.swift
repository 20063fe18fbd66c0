import Foundation
import Manifests
import PluginHost
import Synchronization

/// Computes the runs of a plan that have no result yet in worker processes, `jobs` at a time: each run in its own, or several that
/// train together.
///
/// A run that crashes or fails is a recorded result and the others go on.
package struct StudyRunner {
    package var plan: StudyPlan
    package var folder: StudyFolder
    package var command: WorkerCommand
    package var jobs: Int
    /// Computes finished runs again.
    package var isFresh: Bool
    package var order = StudyOrder(.grid)
    /// How long workers may take to write their records when the study is interrupted.
    package var grace = Duration.seconds(5)

    package init(plan: StudyPlan, folder: StudyFolder, command: WorkerCommand, jobs: Int, isFresh: Bool = false) {
        (self.plan, self.folder, self.command) = (plan, folder, command)
        (self.jobs, self.isFresh) = (max(1, jobs), isFresh)
    }

    package struct Outcome: Sendable {
        /// One record per run of the plan, in its order.
        package var records: [RunRecord]
        package var wasInterrupted: Bool
        /// A sentence for each pair of runs that could not be measured.
        package var failedPairs: [String] = []

        package var failed: [RunRecord] { records.filter { $0.status == .failed } }
    }

    /// Set by SIGINT, SIGTERM and SIGHUP while a study runs.
    private static let interruption = Atomic<Bool>(false)

    /// Runs what has no result yet; returns when all workers have ended.
    package func run(display: any StudyDisplay) throws(StudyError) -> Outcome {
        try StudyFolder.create(folder.path)
        let lock = try FolderLock(folder.path)
        defer { withExtendedLifetime(lock) {} }
        try folder.write(plan)
        let done = isFresh ? [] : Set(plan.runs.filter(folder.isDone).map(\.name))
        let missing = plan.runs.filter { !done.contains($0.name) }
        for pair in plan.pairs where isFresh || !done.contains(pair.first.name) || !done.contains(pair.second.name) {
            try? FileManager.default.removeItem(atPath: folder.pairFile(pair.name))
        }
        try prepare(missing)
        var waiting = order.sorted(StudyPlan.groups(missing))[...]
        Self.interruption.store(false, ordering: .relaxed)
        let handlers = SignalHandlers { _ in StudyRunner.interruption.store(true, ordering: .relaxed) }
        defer { handlers.restore() }

        display.begin(plan: plan, done: done.count, jobs: jobs)
        var active: [WorkerProcess] = []
        do throws(StudyError) {
            while !active.isEmpty || !waiting.isEmpty {
                if Self.interruption.load(ordering: .relaxed) { break }
                while active.count < jobs, let runs = waiting.popFirst() {
                    active.append(try start(runs))
                }
                for worker in Self.ended(among: active, timeout: 200) {
                    active.removeAll { $0 === worker }
                    for (run, record) in try conclude(worker, interrupted: false) { display.ended(run, record) }
                }
                display.progress(
                    active.map { ($0.shown, $0.progress) }, waiting: waiting.reduce(0) { $0 + $1.count })
            }
        } catch {
            // A full disk, for instance: nobody would read what the others still compute.
            try? stop(active)
            throw error
        }
        try stop(active)
        var failedPairs: [String] = []
        if !Self.interruption.load(ordering: .relaxed) {
            failedPairs = try measurePairs(display) { Self.interruption.load(ordering: .relaxed) }
        }
        let wasInterrupted = Self.interruption.load(ordering: .relaxed)
        var records: [RunRecord] = []
        for run in plan.runs { records.append(folder.record(of: run) ?? record(run)) }
        let outcome = Outcome(records: records, wasInterrupted: wasInterrupted, failedPairs: failedPairs)
        display.end(outcome)
        return outcome
    }

    private func record(_ run: PlannedRun) -> RunRecord { RunRecord(run: run, study: plan.name, title: plan.title) }

    /// Every run has its folder and record before the first starts.
    private func prepare(_ runs: [PlannedRun]) throws(StudyError) {
        for run in runs {
            let path = folder.runFolder(run.name)
            try StudyFolder.create(path)
            var record = record(run)
            if !isFresh, let interrupted = folder.record(of: run), Checkpoint.exists(in: path) {
                record.seconds = interrupted.seconds
            } else {
                // Results of an earlier attempt must not be taken for this one's.
                for name in ["observations.csv", "checkpoint.safetensors", "arrays", "parameters", "log.txt"] {
                    try? FileManager.default.removeItem(atPath: "\(path)/\(name)")
                }
            }
            try record.write(folder: path)
        }
    }

    private func start(_ runs: [PlannedRun]) throws(StudyError) -> WorkerProcess {
        try WorkerProcess(
            runs, folders: runs.map { folder.runFolder($0.name) }, command: command,
            environment: WorkerEnvironment.variables(threads: runs[0].configuration.train.threads, jobs: jobs))
    }

    /// Waits until a worker reports or `timeout` milliseconds have passed; returns those that closed their pipe.
    static func ended(among workers: [WorkerProcess], timeout: Int32) -> [WorkerProcess] {
        var descriptors = workers.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        guard poll(&descriptors, nfds_t(descriptors.count), timeout) > 0 else { return [] }
        return zip(workers, descriptors).filter { $1.revents != 0 && !$0.readProgress() }.map(\.0)
    }

    /// The records of an ended worker's runs; where it did not live to write one, what is known of its end.
    private func conclude(
        _ worker: WorkerProcess, interrupted: Bool
    ) throws(StudyError) -> [(PlannedRun, RunRecord)] {
        let end = worker.wait()
        var records: [(PlannedRun, RunRecord)] = []
        for (run, path) in zip(worker.runs, worker.folders) {
            records.append((run, try conclude(run, path, worker, end, interrupted)))
        }
        return records
    }

    private func conclude(
        _ run: PlannedRun, _ path: String, _ worker: WorkerProcess, _ end: ProcessEnd, _ interrupted: Bool
    ) throws(StudyError) -> RunRecord {
        var record = folder.record(of: run) ?? record(run)
        guard record.status == .planned || record.status == .running else { return record }
        record.step = max(record.step, worker.progress.step)
        if interrupted {
            record.status = .interrupted
            record.message = "stopped at step \(record.step)"
        } else {
            record.status = .failed
            let last = RunLog.lastWords(of: worker.folders[0] + "/log.txt").map { ": \($0)" } ?? ""
            let place = worker.calling.map { ", while it called \($0)" } ?? ""
            record.message =
                worker.error ?? "the worker ended with \(end) after step \(record.step)\(place)\(last)"
        }
        record.ended = Timestamp.now()
        try record.write(folder: path)
        return record
    }

    /// Asks the workers to stop, waits for their records, then ends those that did not listen.
    private func stop(_ workers: [WorkerProcess]) throws(StudyError) {
        for worker in workers { worker.send(SIGTERM) }
        var active = workers
        let deadline = ContinuousClock.now + grace
        while !active.isEmpty {
            if ContinuousClock.now > deadline { for worker in active { worker.send(SIGKILL) } }
            for worker in Self.ended(among: active, timeout: 100) {
                active.removeAll { $0 === worker }
                _ = try conclude(worker, interrupted: true)
            }
        }
    }
}

/// Signal handlers for the time a study runs.
private struct SignalHandlers {
    private static let numbers = [SIGINT, SIGTERM, SIGHUP]
    private var previous: [(Int32, sigaction)] = []

    init(_ handler: @escaping @convention(c) (Int32) -> Void) {
        // A program that starts us from one of its worker threads may have them blocked.
        var unblocked = sigset_t()
        sigemptyset(&unblocked)
        for number in Self.numbers { sigaddset(&unblocked, number) }
        pthread_sigmask(SIG_UNBLOCK, &unblocked, nil)
        for number in Self.numbers {
            var old = sigaction()
            var new = sigaction()
            new.__sigaction_handler.sa_handler = handler
            sigaction(number, &new, &old)
            previous.append((number, old))
        }
    }

    func restore() {
        for (number, action) in previous {
            var action = action
            sigaction(number, &action, nil)
        }
    }
}

/// The environment of a worker.
package enum WorkerEnvironment {
    /// Gives this process the environment of a worker that is alone: libraries have read theirs when they were loaded, so the
    /// program starts once more unless it has the right one.
    package static func enter(threads: Int) throws(StudyError) {
        let variables = variables(threads: threads, jobs: 1)
        guard variables != ProcessInfo.processInfo.environment else { return }
        for (name, value) in variables { setenv(name, value, 1) }
        let words = CommandLine.arguments.map { strdup($0) }
        execv("/proc/self/exe", words + [nil])
        throw StudyError("this program cannot be started again: \(String(cString: strerror(errno)))")
    }

    static func variables(threads: Int, jobs: Int) -> [String: String] {
        var variables = ProcessInfo.processInfo.environment
        variables["OMP_NUM_THREADS"] = "\(threads)"
        variables["OPENBLAS_NUM_THREADS"] = "\(threads)"
        // Threads of OpenBLAS that wait spin for some microseconds, which bridges the gap to the next product; longer, they take the cores
        // of the engine's threads and of other runs.
        if variables["OMP_WAIT_POLICY"] == nil, variables["GOMP_SPINCOUNT"] == nil {
            variables["GOMP_SPINCOUNT"] = threads * jobs <= Host.cores ? "20000" : "0"
        }
        // Observations take and give back megabytes; memory that the kernel has to clear anew each time costs more than they do.
        for (name, value) in [("MALLOC_TRIM_THRESHOLD_", "1000000000"), ("MALLOC_MMAP_THRESHOLD_", "33554432")]
        where variables[name] == nil { variables[name] = value }
        // OpenBLAS 0.3.21 does not know newer AVX-512 processors and falls back to its AVX2 kernels.
        if variables["OPENBLAS_CORETYPE"] == nil, Host.hasAVX512 { variables["OPENBLAS_CORETYPE"] = "SkylakeX" }
        return variables
    }
}
