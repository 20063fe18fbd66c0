import ArrayFiles
import Foundation
import Reporting
import Studies

/// What a reader of the page has chosen; it stands in the address, so each tab has its own.
struct ViewChoice: Hashable {
    /// Empty: the first output.
    var output = ""
    /// Empty: all.
    var layer = ""
    /// `key=value …`
    var conditions = ""
    /// Words that rows of the table of runs have.
    var find = ""
    var page = 0

    init(_ query: [(name: String, value: String)] = []) {
        for (name, value) in query {
            let value = String(value.prefix(200))
            switch name {
            case "output": output = value
            case "layer": layer = value
            case "where": conditions = value
            case "find": find = value
            case "page": page = min(max(0, Int(value) ?? 0), 100_000)
            default: break
            }
        }
    }
}

/// A part of the page: an element with the attributes `id` and `data-version`.
struct ViewPart {
    var id: String
    var version: String
    var html: Markup
}

/// Looks at a study's folder when somebody asks, at most twice a second for all tabs together, and draws what changed.
actor StudyViewer {
    private let study: LiveStudy
    private var problem = ""
    private var lastLook: ContinuousClock.Instant?
    /// Of the last version of the study and the report.
    private var drawn: [ViewChoice: [ViewPart]] = [:]
    private var drawnVersion: [Int] = []

    init(_ folder: StudyFolder) throws(StudyError) {
        study = LiveStudy(folder)
        try study.look()
    }

    func page(_ choice: ViewChoice) -> String {
        StudyPage.html(parts(choice), choice, title: study.title.isEmpty ? study.name : study.title)
    }

    /// The parts whose versions are not among `have`: `head:1abc,now:27`.
    func news(_ choice: ViewChoice, have: String) -> String {
        let known = Set(have.split(separator: ",").map(String.init))
        return parts(choice).filter { !known.contains("\($0.id):\($0.version)") }.map(\.html.text).joined()
    }

    private func parts(_ choice: ViewChoice) -> [ViewPart] {
        let output = study.output(named: choice.output)
        // Names become known while something is read.
        let read = output ?? study.output(named: "") ?? LiveRun.loss.output
        let isNew = !study.followed.contains(read)
        if isNew { study.follow([read]) }
        if isNew || lastLook.map({ $0.duration(to: .now) > .milliseconds(500) }) ?? true { look() }
        let version = [study.version, problem.hashValue, Self.reportTime(study.folder)]
        if version != drawnVersion || drawn.count > 16 { (drawn, drawnVersion) = ([:], version) }
        if let parts = drawn[choice] { return parts }
        let page = StudyPage(
            study: study, status: StudyStatus(study), results: StudyResults(study), choice: choice,
            output: output ?? choice.output,
            problem: problem, hasReport: version[2] != 0)
        let parts = page.parts
        drawn[choice] = parts
        return parts
    }

    private func look() {
        do throws(StudyError) {
            try study.look()
            problem = ""
        } catch {
            problem = "\(error)"
        }
        lastLook = .now
    }

    private static func reportTime(_ folder: StudyFolder) -> Int {
        var status = stat()
        return stat(folder.reportFile, &status) == 0 ? status.st_mtim.tv_sec : 0
    }

    /// The file itself: a link of this name may lead anywhere.
    static func report(in folder: StudyFolder) -> [UInt8]? {
        let descriptor = open(folder.reportFile, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        return try? FileDescriptor(handle: descriptor, path: folder.reportFile).contents(limit: 1 << 27)
    }
}

extension LiveStudy {
    /// The output of this name, or the first that has all these words in it; of no name the first scalar output of the first probe, and the loss
    /// while nothing is recorded.
    package func output(named text: String) -> String? {
        findOutputs()
        let loss = LiveRun.loss.output, known = outputs
        if text.isEmpty { return known.first { $0 != loss } ?? loss }
        if text == loss || known.contains(text) { return text }
        let words = text.lowercased().split(separator: " ")
        return known.first { name in words.allSatisfy { name.lowercased().contains($0) } }
    }
}
