import Foundation
import Studies
import Testing

@Suite("Leases: one process computes a run") struct LeaseTests {
    private let folder: TemporaryFolder
    private var study: StudyFolder { StudyFolder(folder.path) }

    init() throws { folder = try TemporaryFolder() }

    private static let dead = RunHolder(
        machine: RunHolder.this.machine, host: "here", process: RunHolder.this.process, began: 1)
    private static func far(_ process: Int) -> RunHolder {
        RunHolder(machine: "another machine", host: "node17", process: process, began: 5)
    }

    private func take(_ leases: Leases, _ name: String = "a.b-s1") throws -> Lease? {
        if case .taken(let lease) = try leases.take(name) { lease } else { nil }
    }

    private func files() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: study.leasesFolder).sorted()
    }

    @Test func aLiveProcessKeepsIt() throws {
        let lease = try #require(try take(Leases(study)))
        #expect(try take(Leases(study)) == nil)
        #expect(try take(Leases(study), "other") != nil)
        #expect(lease.renew(RunProgress(step: 7, total: 100, stepsPerSecond: 50, loss: 0.25)))
        let note = try #require(study.lease(of: "a.b-s1"))
        #expect(note.holder == .this && note.progress.step == 7 && note.progress.loss == 0.25)
        lease.release()
        #expect(study.lease(of: "a.b-s1") == nil)
        #expect(try take(Leases(study)) != nil)
    }

    @Test func theLeaseOfADeadProcessHasOneSuccessor() throws {
        let old = try #require(try take(Leases(study, holder: Self.dead)))
        #expect(study.lease(of: "a.b-s1") == nil)
        let new = try #require(try take(Leases(study)))
        #expect(try take(Leases(study)) == nil)
        #expect(study.lease(of: "a.b-s1")?.holder == .this)
        // The dead were not dead: they find out, and the new holder is not disturbed.
        #expect(!old.renew(RunProgress()) && new.renew(RunProgress()))
        #expect(try files().count == 2)
        new.release()
        #expect(try files().isEmpty)
    }

    /// Two successors die, one after the other.
    @Test func successorsOfSuccessors() throws {
        for _ in 0..<3 { #expect(try take(Leases(study, holder: Self.dead)) != nil) }
        #expect(try files().count == 3)
        try #require(try take(Leases(study))).release()
        #expect(try files().isEmpty)
    }

    @Test func anotherMachineIsBelievedAsLongAsItShowsLife() throws {
        let lease = try #require(try take(Leases(study, holder: Self.far(3))))
        let patient = Leases(study)
        #expect(try take(patient) == nil && !patient.isKnownAlive("a.b-s1"))
        #expect(lease.renew(RunProgress(step: 1)))
        #expect(try take(patient) == nil && patient.isKnownAlive("a.b-s1"))
        #expect(try take(patient) == nil)
        // Without patience: what has not changed since the last look is abandoned.
        let impatient = Leases(study, patience: .zero)
        #expect(try take(impatient) == nil)
        #expect(lease.renew(RunProgress(step: 2)))
        #expect(try take(impatient) == nil)
        #expect(try take(impatient) != nil)
        #expect(!lease.renew(RunProgress(step: 3)))
    }

    /// What processes leave that are killed: before they could release, in the middle of it, and before they had a lease.
    @Test func whatTheDeadLeaveIsSwept() throws {
        for name in ["one", "two", "two", "a.b-s1", "a.b-s1", "a.b-s1"] {
            #expect(try take(Leases(study, holder: Self.dead), name) != nil)
        }
        unlink(study.leasesFolder + "/two")
        let draft = study.leasesFolder + "/.draft"
        try FileManager.default.copyItem(atPath: study.leasesFolder + "/one", toPath: draft)
        // The living, one of them as a successor of the dead, and those of whom nobody here can tell.
        #expect(try take(Leases(study, holder: Self.dead), "mine") != nil)
        let mine = try #require(try take(Leases(study), "mine")), other = try #require(try take(Leases(study), "x"))
        let far = try #require(try take(Leases(study, holder: Self.far(3)), "far"))
        #expect(try files().count == 10)
        Leases(study).sweep()
        let kept = try files()
        #expect(kept.filter { !$0.hasPrefix("mine.") } == ["far", "mine", "x"] && kept.count == 4, "\(kept)")
        for lease in [mine, other, far] {
            #expect(lease.renew(RunProgress()))
            lease.release()
        }
        #expect(try files().isEmpty)
    }

    @Test func whatNobodyCanReadIsNotTaken() throws {
        try StudyFolder.create(study.leasesFolder)
        try Data("{".utf8).write(to: URL(fileURLWithPath: study.leasesFolder + "/a.b-s1"))
        #expect(try take(Leases(study, patience: .zero)) == nil)
        #expect(study.lease(of: "a.b-s1") == nil)
    }
}
