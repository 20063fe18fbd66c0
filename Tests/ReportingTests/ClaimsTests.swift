import Foundation
import Manifests
import Reporting
import Studies
import Testing

/// Two settings of `lr` with three seeds; probe.accuracy is 0.5 + lr + seed/100 at step 10 and 0 at step 0, of layers
/// `in` and `out` (`out` 0.2 higher).
private func study(_ claims: String, diverged: Bool = false) throws -> StudyResults {
    var study = HandStudy()
    for lr in [0.1, 0.2] {
        for seed in 0..<3 {
            let isLost = diverged && seed == 2
            let value = 0.5 + lr + Double(seed) / 100
            try study.addRun(
                status: isLost ? "diverged" : "finished", seed: seed, swept: "\"optimizer.lr\": \(lr)",
                observations: "0,probe,accuracy,in,,0,\n0,probe,accuracy,out,,0,\n"
                    + (isLost
                        ? ""
                        : "10,probe,accuracy,in,,\(value),\n10,probe,accuracy,out,,\(value + 0.2),\n10,probe,rank,,,,no_rank\n")
            )
        }
    }
    return try study.results(sweep: #""optimizer.lr": [0.1, 0.2]"#, claims: claims)
}

@Suite struct ClaimsTests {
    private func verdict(_ claim: String, diverged: Bool = false) throws -> Verdict {
        try #require(Claims.evaluate(study(claim, diverged: diverged)).first)
    }

    private static let accuracy =
        #""that": {"mean": "probe.accuracy", "layer": "in", "where": {"optimizer.lr": 0.1}}"#

    @Test(arguments: [
        (
            #"{"say": "C", \#(accuracy), "equals": 0.61, "within": 1e-3}"#,
            "ok  C: 0.61 ± 0.02 is 0.61 within 1e-3 (off by 0); N = 3"
        ),
        (
            #"{"say": "C", \#(accuracy), "equals": 0.6, "within": 0.005}"#,
            "FAIL  C: 0.61 ± 0.02 is not 0.6 within 5e-3 (off by 0.01); N = 3"
        ),
        (
            #"{"say": "C", \#(accuracy), "equals": 0.6, "within_relative": 0.02}"#,
            "ok  C: 0.61 ± 0.02 is 0.6 within a fraction 0.02 (off by 0.0167); N = 3"
        ),
        (
            #"{"say": "C", \#(accuracy), "equals": 0.6, "within_relative": 0.01}"#,
            "FAIL  C: 0.61 ± 0.02 is not 0.6 within a fraction 0.01 (off by 0.0167); N = 3"
        ),
        (#"{"say": "C", \#(accuracy), "at_least": 0.5}"#, "ok  C: 0.61 ± 0.02 is at least 0.5; N = 3"),
        (#"{"say": "C", \#(accuracy), "at_least": 0.7}"#, "FAIL  C: 0.61 ± 0.02 is less than 0.7; N = 3"),
        (#"{"say": "C", \#(accuracy), "at_most": 0.7}"#, "ok  C: 0.61 ± 0.02 is at most 0.7; N = 3"),
        (#"{"say": "C", \#(accuracy), "at_most": 0.5}"#, "FAIL  C: 0.61 ± 0.02 is more than 0.5; N = 3"),
        (
            #"{"say": "C", \#(accuracy), "exceeds": {"mean": "probe.accuracy", "layer": "in", "at": "first"}, "by": 0.6}"#,
            "ok  C: 0.61 ± 0.02 exceeds 0 ± 0 by 0.61 (asked: 0.6); N = 3 against N = 6"
        ),
        (
            #"{"say": "C", \#(accuracy), "exceeds": {"mean": "probe.accuracy", "layer": "out", "at": 10}}"#,
            "FAIL  C: 0.61 ± 0.02 does not exceed 0.86 ± 0.06 by 0 (difference: -0.25); N = 3 against N = 6"
        ),
        (
            #"{"say": "C", "that": {"min": "probe.accuracy"}, "at_least": 0.6}"#,
            "ok  C: min 0.600 is at least 0.6; N = 6"
        ),
        (
            #"{"say": "C", "that": {"max": "probe.accuracy"}, "at_most": 0.9}"#,
            "FAIL  C: max 0.920 is more than 0.9; N = 6"
        ),
        // 0.6, 0.61, 0.62, 0.7, 0.71, 0.72, 0.8, 0.81, 0.82, 0.9, 0.91, 0.92
        (
            #"{"say": "C", "that": {"median": "probe.accuracy"}, "equals": 0.76, "within": 1e-9}"#,
            "ok  C: median 0.760 is 0.76 within 1e-9 (off by 0); N = 12"
        ),
    ])
    func claimsSayWhatTheyCompared(claim: String, line: String) throws {
        // The last bit of sums such as 0.6 + 0.2 shows as "off by 1.11e-16".
        let found = try verdict(claim).line.replacing(/off by \d(\.\d+)?e-1[67]/, with: "off by 0")
        #expect(found == line)
    }

    @Test(arguments: [
        (#"{"mean": "probe.acuracy"}"#, "no output 'probe.acuracy' was recorded; did you mean 'probe.accuracy'?"),
        (#"{"mean": "probe.accuracy", "layer": "fc1"}"#, "'probe.accuracy' has no layer 'fc1' (has: in, out)"),
        (
            #"{"mean": "probe.rank", "layer": "in"}"#,
            "'probe.rank' has no layer 'in' (it is recorded for the whole network)"
        ),
        (#"{"mean": "probe.rank"}"#, "'probe.rank' has no values (no_rank ×6)"),
        (#"{"mean": "probe.accuracy", "at": 7}"#, "'probe.accuracy' was not recorded at step 7; nearest: step 10"),
        (
            #"{"mean": "probe.accuracy", "where": {"optimizer.lr": 0.3}}"#,
            "no run has optimizer.lr = 0.3 (there are: 0.1, 0.2)"
        ),
        (
            #"{"mean": "probe.accuracy", "where": {"batch_size": 4}}"#,
            "no run has a 'batch_size' (swept: optimizer.lr)"
        ),
        (
            #"{"mean": "probe.accuracy", "where": {"train.precision": "f32"}}"#,
            "no run has train.precision = f32 (there are: f64)"
        ),
        (
            #"{"mean": "probe.first.layers.accuracy"}"#,
            "no output 'probe.first.layers.accuracy' was recorded (there is, for instance: probe.accuracy, probe.rank)"
        ),
    ])
    func undecidableClaimsSayWhatThereIs(that: String, reason: String) throws {
        let verdict = try verdict(#"{"say": "C", "that": \#(that), "at_least": -1}"#)
        #expect(verdict.outcome == .undecided(reason))
        #expect(!verdict.holds)
        #expect(verdict.line == "FAIL  C: cannot be decided: \(reason)")
    }

    @Test func aLostRunIsCountedInTheVerdict() throws {
        let verdict = try verdict(
            #"{"say": "C", "that": {"min": "probe.accuracy", "layer": "in"}, "at_least": 0}"#, diverged: true)
        #expect(verdict.holds && verdict.note == "N = 4, missing: run_diverged ×2")
    }

    @Test func roundingNeverHidesTheVerdict() throws {
        var study = HandStudy()
        try study.addRun(seed: 0, observations: "1,p,x,,,0.9396,\n")
        try study.addRun(seed: 1, observations: "1,p,x,,,0.9596,\n")
        let results = try study.results(
            claims: #"""
                {"say": "min", "that": {"min": "p.x"}, "at_least": 0.94}, {"say": "mean", "that": {"mean": "p.x"}, "at_least": 0.95},
                {"say": "asked", "that": {"max": "p.x"}, "at_most": 0.960004}
                """#)
        #expect(
            Claims.evaluate(results).map(\.line) == [
                "FAIL  min: min 0.9396 is less than 0.94; N = 2", "FAIL  mean: 0.9496 ± 0.1 is less than 0.95; N = 2",
                "ok  asked: max 0.960 is at most 0.960004; N = 2",
            ])
    }

    /// The page of findings: the words at the head of the file, and each claim with what was measured.
    @Test func findings() throws {
        let results = try study(
            #"""
            {"say": "one | two", \#(Self.accuracy), "at_least": 0.5}, {"say": "C", "that": {"mean": "probe.rank"}, "at_least": 1}
            """#)
        let text = Findings.text([
            Findings.Study(file: "a.yaml", text: "# What it\n# is about.\nstudy: a\n# not this\n", results: results)
        ])
        #expect(text.hasPrefix("1 of 2 claims of 1 studies hold. "))
        #expect(text.contains("`a.yaml`\n\nWhat it\nis about.\n\n| | claim"))
        #expect(text.contains("| holds | one \\| two | 0.61 ± 0.02 is at least 0.5 | N = 3 |"))
        #expect(text.contains("| **fails** | C | undecided: 'probe.rank' has no values (no_rank ×6) |"))
        #expect(!text.contains("not this"))
    }

    @Test func oneElementOfAnArrayCanBeClaimed() throws {
        var study = HandStudy()
        try study.addRun(seed: 0, observations: "1,p,s,fc1,0,4,\n1,p,s,fc1,1,2,\n1,p,x,,,7,\n")
        let results = try study.results(
            claims: #"""
                {"say": "second", "that": {"mean": "p.s", "layer": "fc1", "index": 1}, "equals": 2, "within": 0},
                {"say": "beyond", "that": {"mean": "p.s", "index": 2}, "at_least": 0},
                {"say": "none", "that": {"mean": "p.x", "index": 0}, "at_least": 0}
                """#)
        #expect(
            Claims.evaluate(results).map(\.outcome) == [
                .holds, .undecided("'p.s' has no element 2 (it has elements 0 to 1)"),
                .undecided("'p.x' has no element 0 (it is a single number)"),
            ])
    }

    /// Whatever a study may say of a measured side, its report understands.
    @Test func everyKeyOfTheSchemaIsRead() throws {
        let schema = try StrictJSON.read("\(Installation.root)/Schemas/study.schema.json").root["$defs"]
        for key in try #require(schema?["measured"]?["properties"]?.object).keys
        where !["mean", "min", "max", "median"].contains(key) {
            let value = ["layer": #""in""#, "index": "0", "at": #""last""#, "where": #"{"optimizer.lr": 0.1}"#][key]
            let given = try #require(value, "no value for '\(key)'")
            _ = try study(#"{"say": "C", "that": {"mean": "probe.accuracy", "\#(key)": \#(given)}, "at_least": 0}"#)
        }
    }

    @Test func equalSidesDoNotExceedEachOther() throws {
        let side = #"{"mean": "probe.accuracy", "layer": "in"}"#
        #expect(try verdict(#"{"say": "C", "that": \#(side), "exceeds": \#(side), "by": 0}"#).outcome == .fails)
    }

    @Test(arguments: [
        (#"{"say": "C", "at_least": 1}"#, "study.json: claims[0]: expected 'that', the measured side"),
        (#"{"that": {"mean": "a.b"}, "at_leest": 1}"#, "study.json: claims[0]: unknown key 'at_leest'"),
        (
            #"{"that": {"mean": "a.b"}}"#,
            "study.json: claims[0]: expected exactly one of equals, at_least, at_most, exceeds"
        ),
        (#"{"that": {"mean": "a.b"}, "equals": 1}"#, "study.json: claims[0].within: expected a number"),
        (#"{"that": {"average": "a.b"}, "at_most": 1}"#, "study.json: claims[0].that: unknown key 'average'"),
        (
            #"{"that": {"layer": "x"}, "at_most": 1}"#,
            "study.json: claims[0].that: expected one of mean, min, max, median"
        ),
        (
            #"{"that": {"mean": "a.b", "at": "end"}, "at_most": 1}"#,
            "study.json: claims[0].that.at: expected last, first or a step"
        ),
    ])
    func brokenClaimsAreNamed(claim: String, message: String) throws {
        let error = try #require(throws: StudyError.self) { try study(claim) }
        #expect(error.description.contains(message))
    }
}
