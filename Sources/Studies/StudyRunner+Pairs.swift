import Foundation

extension StudyRunner {
    /// Measures the pairs of finished runs that have no values yet and that no other process measures, `jobs` at a time; a sentence for
    /// each that failed.
    func measurePairs(_ display: any StudyDisplay, isInterrupted: () -> Bool) throws(StudyError) -> [String] {
        let pairs = plan.pairs
        guard !pairs.isEmpty else { return [] }
        try StudyFolder.create(folder.pairsFolder)
        let manager = FileManager.default
        var waiting = pairs.filter { pair in
            !manager.fileExists(atPath: folder.pairFile(pair.name))
                && [pair.first, pair.second].allSatisfy { folder.record(of: $0)?.status == .finished }
        }[...]
        var failures: [String] = [], measured = 0
        let total = waiting.count
        let leases = Leases(folder, patience: patience)
        var active: [(process: WorkerProcess, pair: RunPair, lease: Lease)] = []
        var renewed = ContinuousClock.now
        while !active.isEmpty || !waiting.isEmpty {
            if isInterrupted() {
                for worker in active { worker.process.send(SIGKILL) }
                waiting = []
            }
            while active.count < jobs, let pair = waiting.popFirst() {
                guard case .taken(let lease) = try leases.take("pair-\(pair.name)") else { continue }
                if manager.fileExists(atPath: folder.pairFile(pair.name)) {
                    lease.release()
                } else {
                    active.append((try start(pair), pair, lease))
                }
            }
            if ContinuousClock.now - renewed >= .seconds(1) {
                for worker in active { _ = worker.lease.renew(worker.process.progress) }
                renewed = .now
            }
            for ended in Self.ended(among: active.map(\.process), timeout: 200) {
                guard let index = active.firstIndex(where: { $0.process === ended }) else { continue }
                let (_, pair, lease) = active.remove(at: index)
                let end = ended.wait()
                lease.release()
                if end == .exit(0) {
                    measured += 1
                    display.measured(pairs: measured, of: total)
                }
                guard end != .exit(0), !isInterrupted() else { continue }
                failures.append(
                    "pair of \(pair.first.name) and \(pair.second.name) failed: "
                        + (ended.error ?? "its worker ended with \(end.description)"
                            + (RunLog.lastWords(of: log(of: pair)).map { ": \($0)" } ?? "")))
            }
        }
        try folder.writePairs(plan)
        return failures
    }

    private func log(of pair: RunPair) -> String { "\(folder.pairsFolder)/\(pair.name).txt" }

    private func start(_ pair: RunPair) throws(StudyError) -> WorkerProcess {
        var command = command
        command.arguments = command.pairArguments + [folder.pairFile(pair.name)]
        return try WorkerProcess(
            [pair.first, pair.second], folders: [pair.first, pair.second].map { folder.runFolder($0.name) },
            command: command,
            environment: WorkerEnvironment.variables(
                threads: pair.first.configuration.train.threads, jobs: jobs),
            log: log(of: pair))
    }
}
