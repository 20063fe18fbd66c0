import Foundation
import OrderedCollections

/// What is known of a run while others compute it.
package struct LiveRun: Sendable {
    package let name: String
    /// Without configuration, origins, plugins and host; nil: it has not begun.
    package private(set) var record: RunRecord?
    /// Of the configuration; 0: it does not say.
    package private(set) var total = 0
    package var lease: LeaseNote?
    /// By series, those that are followed.
    package private(set) var curves: OrderedDictionary<Series, LiveCurve> = [:]
    /// Series that the last look came across.
    private(set) var seen: OrderedSet<Series> = []
    /// Why the end of its observations is not read.
    package private(set) var problem = ""
    /// Bytes of tables, logs and records that were read.
    package private(set) var bytesRead = 0

    private var stamp: (seconds: Int, nanoseconds: Int, size: Int, node: UInt64) = (0, 0, -1, 0)
    private var observations = FileTail()
    private var log = FileTail()
    private var line = 1
    /// Nothing more comes of what is followed, unless the record changes.
    private var isRead = false

    /// The loss of batches, as the log tells it.
    package static let loss = Series(probe: "", output: "loss")

    init(name: String) { self.name = name }

    package var status: RunRecord.Status {
        guard let record else { return .planned }
        if record.status.isDone || record.status == .failed { return record.status }
        return lease != nil ? .running : record.step > 0 ? .interrupted : .planned
    }

    package var step: Int { max(record?.step ?? 0, status == .running ? lease?.progress.step ?? 0 : 0) }

    /// Reads series anew from the next look on: others are followed.
    mutating func reset(observations isAll: Bool) {
        isRead = false
        guard isAll else { return }
        (curves, line, problem, observations, log) = ([:], 1, "", FileTail(), FileTail())
    }

    /// - Returns: whether anything is new.
    mutating func look(_ folder: StudyFolder, lease: LeaseNote?, following: Set<String>) throws(StudyError) -> Bool {
        seen = []
        let isNewRecord = try readRecord(folder.runFolder(name))
        // As text: a loss that is NaN does not equal itself.
        let isNewLease = lease?.token != self.lease?.token || lease?.progress.line != self.lease?.progress.line
        self.lease = lease
        if isNewRecord { isRead = false }
        guard record != nil, !isRead, !following.isEmpty else { return isNewRecord || isNewLease }
        let isNew = readObservations(folder.observationsFile(name), following)
        let isNewLoss = following.contains(Self.loss.output) && readLog(folder.runFolder(name) + "/log.txt")
        isRead = record?.status.isDone ?? false
        return isNewRecord || isNewLease || isNew || isNewLoss
    }

    private mutating func readRecord(_ path: String) throws(StudyError) -> Bool {
        var status = stat()
        guard stat(path + "/run.json", &status) == 0 else {
            defer { self = LiveRun(name: name) }
            return record != nil
        }
        let now = (
            seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec, size: Int(status.st_size),
            node: UInt64(status.st_ino)
        )
        guard now != stamp else { return false }
        var record = try RunRecord.read(folder: path)
        bytesRead += now.size
        stamp = now
        total = record.configuration["train"]?["steps"]?.int ?? 0
        // A thousand configurations take more memory than all that is drawn.
        (record.configuration, record.origins, record.plugins, record.files, record.host) = (.null, [:], [], [], [:])
        self.record = record
        return true
    }

    private mutating func readObservations(_ file: String, _ names: Set<String>) -> Bool {
        guard problem.isEmpty else { return false }
        var isNew = false
        while true {
            let news = observations.look(file, isPartial: isNew)
            let bytes: [UInt8]
            switch news {
            case .nothing: return isNew
            case .appended(let found): bytes = found
            case .anew(let found):
                (curves, line) = (curves.filter { $0.key == Self.loss }, 1)
                bytes = found
            }
            bytesRead += bytes.count
            let used = bytes.withUnsafeBufferPointer { use($0, file, names) }
            observations.use(used)
            isNew = true
            if used == 0 || used < bytes.count && bytes.count < FileTail.block { return true }
        }
    }

    /// Takes whole lines; returns how many bytes they have.
    private mutating func use(_ bytes: UnsafeBufferPointer<UInt8>, _ file: String, _ names: Set<String>) -> Int {
        var reader = ObservationLines(bytes, isBeginning: observations.offset == 0, line: line)
        // By the reader's numbers.
        var chosen: [Series?] = []
        while let item = reader.next() {
            if item.series == chosen.count {
                let series = reader.series(item.series)
                seen.append(series)
                chosen.append(Self.isFollowed(series, names) ? series : nil)
            }
            guard let series = chosen[item.series] else { continue }
            let value = reader.value(of: item)
            curves[series, default: LiveCurve()].append(
                step: item.step, value: value, reason: value.isNaN ? reader.reason(of: item) : "")
        }
        if let failure = reader.failure { problem = "\(file):\(failure.line): \(failure.sentence)" }
        line = reader.line
        return reader.used
    }

    /// Bounds of intervals are with their output.
    private static func isFollowed(_ series: Series, _ names: Set<String>) -> Bool {
        guard series.index == nil else { return false }
        let name = series.name
        return names.contains(name)
            || [".low", ".high"].contains { name.hasSuffix($0) && names.contains(String(name.dropLast($0.count))) }
    }

    /// Lines `2026-11-20T22:41:26Z step 100 loss 0.5 (9800 steps/s)`.
    private mutating func readLog(_ file: String) -> Bool {
        var isNew = false
        while true {
            let bytes: [UInt8]
            switch log.look(file, isPartial: isNew) {
            case .nothing: return isNew
            case .appended(let found): bytes = found
            case .anew(let found):
                curves[Self.loss] = nil
                bytes = found
            }
            bytesRead += bytes.count
            isNew = true
            guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else { return isNew }
            log.use(end + 1)
            for line in bytes[...end].split(separator: UInt8(ascii: "\n")) {
                let words = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
                guard words.count >= 5, words[1].elementsEqual("step".utf8), words[3].elementsEqual("loss".utf8),
                    let step = Int(String(decoding: words[2], as: UTF8.self)),
                    let loss = Double(String(decoding: words[4], as: UTF8.self))
                else { continue }
                curves[Self.loss, default: LiveCurve()].append(
                    step: step, value: loss.isFinite ? loss : .nan, reason: "not_finite")
            }
            if bytes.count < FileTail.block { return isNew }
        }
    }
}
