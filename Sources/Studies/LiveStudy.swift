import Foundation
import Manifests
import OrderedCollections
import Synchronization

/// A study's folder while processes, of this machine or others, compute its runs. Each look asks for the status of files and reads what is
/// new: one `stat` for a run that is over, three for one that is not.
///
/// It keeps of each run the record without its configuration, and of each series that is followed at most `LiveCurve.limit` points
/// (12 bytes each); of other series the names.
package final class LiveStudy {
    package let folder: StudyFolder
    /// `study.json`
    package private(set) var study = JSON.null
    /// In the order of the plan.
    package private(set) var runs: [LiveRun] = []
    /// All that was seen, in order of first appearance.
    package private(set) var series: OrderedSet<Series> = []
    /// Names of outputs, and `loss`; bounds of intervals are with their output.
    package private(set) var followed: Set<String> = []
    /// Changes with everything that is read.
    package private(set) var version = 0
    private var stamp = (seconds: -1, nanoseconds: 0, node: UInt64(0))
    private var isFresh = true

    /// Who asks for one more than this many outputs drops the others.
    private static let mostFollowed = 8

    package init(_ folder: StudyFolder) { self.folder = folder }

    package var name: String { study["study"]?.string ?? URL(fileURLWithPath: folder.path).lastPathComponent }
    package var title: String { study["title"]?.string ?? "" }
    package var sweptKeys: [String] {
        study["sweep"]?.object?.keys.elements ?? runs.lazy.compactMap(\.record).first?.swept.keys.elements ?? []
    }
    package var bytesRead: Int { runs.reduce(0) { $0 + $1.bytesRead } }

    /// Reads the curves of these outputs from now on; the first time also their past.
    package func follow(_ outputs: Set<String>) {
        guard !outputs.isSubset(of: followed) else { return }
        let isTooMuch = followed.count + outputs.count > Self.mostFollowed
        let isOfObservations = isTooMuch || outputs.subtracting(followed) != [LiveRun.loss.output]
        followed = isTooMuch ? outputs : followed.union(outputs)
        for index in runs.indices { runs[index].reset(observations: isOfObservations) }
        isFresh = true
    }

    /// - Returns: whether anything changed.
    /// - Throws: where `study.json` or a record cannot be read; the next look tries again.
    @discardableResult
    package func look() throws(StudyError) -> Bool {
        var isNew = try readStudy()
        var leases: [String: LeaseNote] = [:]
        let held = folder.leaseNames
        for run in runs where held.contains(run.name) { leases[run.name] = folder.lease(of: run.name) }
        if isFresh {
            runs = try readAll(leases)
            (isFresh, isNew) = (false, true)
        } else {
            for index in runs.indices {
                let lease = leases[runs[index].name]
                if try runs[index].look(folder, lease: lease, following: followed) { isNew = true }
            }
        }
        for run in runs { series.formUnion(run.seen) }
        if isNew { version += 1 }
        return isNew
    }

    private func readStudy() throws(StudyError) -> Bool {
        var status = stat()
        let isThere = stat(folder.studyFile, &status) == 0
        let now = (
            seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec, node: UInt64(status.st_ino)
        )
        guard !isThere || now != stamp else { return false }
        study = try folder.readStudy()
        stamp = now
        let known = Dictionary(runs.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let names = OrderedSet((study["runs"]?.array ?? []).compactMap(\.string))
        isFresh = isFresh || names.contains { known[$0] == nil }
        runs = names.map { known[$0] ?? LiveRun(name: $0) }
        return true
    }

    /// By all cores.
    private func readAll(_ leases: [String: LeaseNote]) throws(StudyError) -> [LiveRun] {
        let (old, folder, followed) = (runs, folder, followed)
        let found = Mutex([Result<LiveRun, StudyError>?](repeating: nil, count: old.count))
        DispatchQueue.concurrentPerform(iterations: old.count) { index in
            let read = Result { () throws(StudyError) in
                var run = old[index]
                _ = try run.look(folder, lease: leases[run.name], following: followed)
                return run
            }
            found.withLock { $0[index] = read }
        }
        var runs: [LiveRun] = []
        for run in found.withLock({ $0 }) { if let run { runs.append(try run.get()) } }
        return runs
    }

    /// The names of scalar outputs, without bounds of intervals, in order of first appearance.
    package var outputs: OrderedSet<String> {
        let names = OrderedSet(series.filter { $0.index == nil }.map(\.name))
        return names.filter { name in
            ![".low", ".high"].contains { name.hasSuffix($0) && names.contains(String(name.dropLast($0.count))) }
        }
    }

    /// Looks into the beginning of some run's observations for names, as long as none is known.
    package func findOutputs() {
        for run in runs where series.isEmpty && run.record != nil {
            var file = FileTail()
            guard case .appended(let bytes) = file.look(folder.observationsFile(run.name)) else { continue }
            bytes.withUnsafeBufferPointer { bytes in
                var lines = ObservationLines(bytes, isBeginning: true, line: 1)
                while let item = lines.next() {
                    if item.series >= series.count { series.append(lines.series(item.series)) }
                }
            }
        }
    }
}
