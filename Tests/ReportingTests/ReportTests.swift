import Foundation
import Reporting
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// Collects what an XML parser sees in a page.
final class PageReader: NSObject, XMLParserDelegate {
    var elements: [String: Int] = [:]
    var attributes: [(element: String, name: String, value: String)] = []
    var text = ""

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        elements[name, default: 0] += 1
        for (key, value) in attributes { self.attributes.append((name, key, value)) }
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }

    /// Nil if the page is not well-formed.
    static func read(_ page: String) -> PageReader? {
        let reader = PageReader()
        let parser = XMLParser(data: Data(page.utf8))
        parser.delegate = reader
        return parser.parse() ? reader : nil
    }
}

@Suite struct ReportTests {
    private func report(_ fixture: StudyFixture) throws -> String {
        let folder = try fixture.write()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try Report.html(StudyResults.read(folder: folder))
    }

    @Test func thePageIsWellFormedAndComplete() throws {
        let page = try report(StudyFixture(seeds: 5, points: 8))
        let reader = try #require(PageReader.read(page))
        // Six bindings × three layers of alpha, cos and cos_dev in two variants: 108 charts; 3 × 2 fact; 4 × 3 × 2
        // exponents; 7 nc; 4.
        let charts = reader.attributes.filter { $0.element == "svg" && $0.name == "class" && $0.value == "chart" }
        #expect(charts.count == 108 + 6 + 24 + 7 + 4)
        let maps = reader.attributes.filter { $0.element == "svg" && $0.value == "heat" }
        // One for each of three settings: three metrics in two variants, slope and r_squared.
        #expect(maps.count == 3 * (6 + 2))
        for text in [
            "Later layers align better", "forward_rga", "nc2_equiangular", "diverged", "4f0d9ac24f0d9ac2",
            "OpenBLAS 0.3.21",
        ] {
            #expect(reader.text.contains(text), "the page lacks \(text)")
        }
    }

    @Test func thePageNeedsNothingFromOutside() throws {
        let page = try report(StudyFixture(seeds: 2, points: 5))
        let reader = try #require(PageReader.read(page))
        // The data and the script, both in the page.
        #expect(reader.elements["script"] == 2 && reader.elements["link"] == nil && reader.elements["img"] == nil)
        #expect(reader.attributes.allSatisfy { $0.name != "src" && !($0.name == "href" && !$0.value.hasPrefix("#")) })
        #expect(
            !page.contains("http:") && !page.contains("https:") && !page.contains("url(") && !page.contains("@import")
        )
    }

    @Test func baselinesAreDrawnInTheChartOfTheirMetricOnly() throws {
        let reader = try #require(PageReader.read(report(StudyFixture(seeds: 2, points: 5))))
        let baselines = reader.attributes.filter { $0.element == "path" && $0.name == "class" && $0.value == "n" }
        // cos alone has a cos_null: 6 bindings × 3 layers × 2 variants.
        #expect(baselines.count == 36)
        #expect(!reader.text.contains("cos_null"))
    }

    @Test func evilNamesAreHarmless() throws {
        let evil = "<script>alert(1)</script>"
        let fixture = StudyFixture(
            title: evil + " & 'quotes'", seeds: 2, points: 4, layers: [evil, "a&b"], diverged: nil,
            claims: #"{"say": "\#(evil)", "that": {"mean": "\#(evil)"}, "at_least": 0}"#)
        let page = try report(fixture)
        let reader = try #require(PageReader.read(page))
        #expect(reader.elements["script"] == 2)
        #expect(
            page.components(separatedBy: "<script").count == 3 && page.components(separatedBy: "</script").count == 3)
        #expect(reader.text.contains(evil))
    }

    @Test func controlCharactersDoNotBreakThePage() throws {
        let page = try report(StudyFixture(title: "a\\u0001b\\u0008c", seeds: 2, points: 4))
        #expect(PageReader.read(page) != nil)
    }

    @Test func sameInputSameBytes() throws {
        let fixture = StudyFixture(seeds: 3, points: 6)
        #expect(try report(fixture) == report(fixture))
    }

    @Test func theDemoIsSmall() throws {
        #expect(try report(StudyFixture()).utf8.count < 1_500_000)
    }

    @Test func bandsSayWhatTheyAre() throws {
        #expect(try report(StudyFixture(seeds: 5, points: 5)).contains("Bands: 95 % interval of the mean."))
        #expect(try report(StudyFixture(seeds: 3, points: 5)).contains("Bands: least to greatest value."))
        #expect(
            try report(StudyFixture(seeds: 1, points: 5, diverged: nil)).contains("Lines: one run for each setting."))
    }

    @Test func aStudyWithoutFinishedRunsStillHasAPage() throws {
        let page = try report(StudyFixture(weightDecays: [0], seeds: 1, points: 9, diverged: (0, 0)))
        let reader = try #require(PageReader.read(page))
        #expect(reader.text.contains("No finished run has recorded a number."))
        #expect(reader.text.contains("loss became inf at step 212"))
        let shown = try #require(page.components(separatedBy: "<script").first)
        #expect(!shown.contains("NaN") && !shown.contains("nan"))
    }

    @Test func aLastOnlyProbeIsDrawnBySetting() throws {
        let page = try report(StudyFixture(seeds: 2, diverged: nil, lastOnly: true))
        let reader = try #require(PageReader.read(page))
        let marks = reader.attributes.filter { $0.element == "circle" && $0.name == "r" && $0.value == "32" }
        // A dot for each setting in each of the 149 charts, but for fact's six without decay.
        #expect(marks.count == 3 * 149 - 6)
        #expect(!page.contains(">training step<"))
    }

    @Test func ofManySettingsSomeAreDrawnAndAllAreInThePage() throws {
        let fixture = StudyFixture(
            weightDecays: (0..<45).map { 1e-4 * Double($0) }, seeds: 1, points: 4, layers: ["fc1"], diverged: nil)
        let page = try report(fixture)
        let reader = try #require(PageReader.read(page))
        #expect(page.contains("12 of 45 settings, spread over the sweep."))
        let keys = reader.attributes.filter { $0.element == "label" && $0.name == "data-slot" }.map(\.value)
        #expect(Set(keys) == Set((0..<12).map(String.init)))
        let data = try PageData(page)
        // The first, the last, and every fourth between.
        #expect(data.shown == [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44])
        #expect(data.kept == Array(0..<45) && data.values == [fixture.weightDecays.map { NumberText.label($0) }])
    }
}
