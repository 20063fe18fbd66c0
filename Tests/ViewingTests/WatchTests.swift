import Foundation
import Studies
import Testing
import Viewing

@Suite("What syzygy watch draws") struct WatchTests {
    private static func plain(_ line: String) -> String { line.replacing(/\u{1B}\[[0-9;]*m/, with: "") }

    private func screen(
        _ folder: LiveFolder, width: Int = 80, height: Int = 24, colours: Bool = false, pattern: String = ""
    ) throws -> [String] {
        let study = LiveStudy(folder.folder)
        let screen = WatchScreen(width: width, height: height, hasColours: colours, pattern: pattern)
        try screen.look(at: study)
        return screen.lines(study)
    }

    @Test func statusAndCurvesOfTheFirstOutput() throws {
        let lines = try screen(LiveFolder())
        #expect(lines[0].trimmingCharacters(in: .whitespaces) == "rates: Two rates")
        // (1 + ½ + ½) of six runs.
        #expect(lines[1].contains(" 33 %  1 finished, 5 to run") && lines[1].hasPrefix("██████░"))
        #expect(lines.contains { $0.hasPrefix("no process computes runs") })
        #expect(lines.contains { $0.trimmingCharacters(in: .whitespaces) == "test.loss" })
        #expect(lines.last == "a lr=0.1 0.25   b lr=0.3 0.4")
        // The steps, below their places: 0 at the axis, 40 at the right end.
        let axis = try #require(lines.dropLast().last)
        #expect(axis.contains("0") && axis.hasSuffix("40"))
        // Without colours curves are letters, from their first point at the top left.
        let first = try #require(lines.firstIndex { $0.contains("│a") || $0.contains("┤a") })
        #expect(lines[first...].contains { $0.contains("b") })
        #expect(!lines.joined().contains("\u{1B}"))
    }

    @Test func coloursAreThoseOfThePageAndLettersAreDots() throws {
        let lines = try screen(LiveFolder(), colours: true)
        let text = lines.joined(separator: "\n")
        #expect(
            text.contains("\u{1B}[38;5;") && text.unicodeScalars.contains { (0x2801...0x28FF).contains($0.value) })
        #expect(Set(text.matches(of: /38;5;(\d+)m━━/).map(\.1)).count == 2)
    }

    @Test(arguments: [(80, 24), (20, 6), (41, 13), (200, 60), (120, 9)]) func itFits(_ width: Int, _ height: Int)
        throws
    {
        let folder = try LiveFolder(title: String(repeating: "long ", count: 60))
        try folder.write(1, 2, .failed, step: 3, message: String(repeating: "no ", count: 100))
        for pattern in ["", "crh.*", "*.*", "nothing"] {
            let lines = try screen(folder, width: width, height: height, colours: true, pattern: pattern)
            #expect(lines.count <= height)
            #expect(lines.allSatisfy { Self.plain($0).count < width })
        }
    }

    @Test func layersStandBesideEachOther() throws {
        let lines = try screen(LiveFolder(), width: 120, height: 30, pattern: "crh.alpha")
        #expect(lines.contains { $0.contains("crh.alpha  fc1") && $0.contains("crh.alpha  head") })
        // Both have one scale: 3 is the greatest value of head.
        #expect(
            lines.filter { $0.contains("2 ┤") }.allSatisfy {
                $0.split(separator: "2 ┤").count == 3 || $0.hasPrefix("2 ┤")
            })
        #expect(try screen(LiveFolder(), pattern: "test.*").contains { $0.hasPrefix("test.loss") })
    }

    @Test func aPatternThatMatchesNothingSaysWhatThereIs() throws {
        #expect(
            try screen(LiveFolder(), width: 120, pattern: "test.los").last?.trimmingCharacters(in: .whitespaces)
                == "no output matches 'test.los' (there are: test.loss, crh.alpha, …)")
    }

    @Test func whatHasNoValueSaysWhy() throws {
        let folder = try LiveFolder()
        let file = folder.folder.observationsFile(LiveFolder.name(1, 0))
        let text = try String(contentsOfFile: file, encoding: .utf8) + "40,flat,slope,,,,zero_variance\n"
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        #expect(
            try screen(folder, pattern: "flat.slope").last?.hasPrefix("flat.slope: No value: zero_variance.") == true)
    }

    /// A message of a plugin does not move the cursor.
    @Test func controlCharactersAreSpaces() throws {
        let folder = try LiveFolder(title: "A\u{1B}[2Jb\rc")
        try folder.write(1, 2, .failed, step: 3, message: "no\u{1B}[31m memory\u{7}")
        let lines = try screen(folder)
        #expect(lines[0].hasPrefix("rates: A [2Jb c "))
        #expect(lines.contains { $0.hasPrefix("failed  lr=0.3 seed=2  no [31m memory ") })
    }

    @Test func linesWhereNoTerminalIs() throws {
        let folder = try LiveFolder()
        let study = LiveStudy(folder.folder)
        try study.look()
        var log = WatchLog()
        #expect(
            log.lines(study) == ["rates: Two rates", "6 runs: 1 finished, 5 to run", "30 %: 1 finished, 5 to run"])
        #expect(log.lines(study).isEmpty)
        try folder.write(1, 0, .finished, step: 40)
        try folder.write(1, 1, .failed, step: 4, message: "no memory")
        try study.look()
        #expect(
            log.lines(study) == [
                "  finished  lr=0.3 seed=0", "  failed  lr=0.3 seed=1  no memory",
                "50 %: 2 finished, 1 failed, 3 to run",
            ])
        #expect(log.lines(study).isEmpty)
    }
}
