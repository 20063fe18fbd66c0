import Foundation
import Manifests
import Reporting
import Studies
import Testing

/// What the script of a page reads, read by other code.
struct PageData {
    struct Point {
        var step: Int
        var mean: Double
        var low: Double
        var high: Double
        var n: Int
    }

    let json: JSON

    init(_ page: String) throws {
        let parts = page.components(separatedBy: "<script type=\"application/json\" id=\"data\">")
        let text = try #require(parts.last?.components(separatedBy: "</script>").first)
        json = try #require(try? StrictJSON.parse(Array(text.utf8), file: "data", limit: 1 << 24).root)
    }

    var shown: [Int] { json["shown"]?.array?.compactMap(\.int) ?? [] }
    var kept: [Int] { json["kept"]?.array?.compactMap(\.int) ?? [] }
    var values: [[String]] { json["values"]?.array?.map { $0.array?.compactMap(\.string) ?? [] } ?? [] }

    /// The points of a chart, by the order of the settings that are kept.
    func points(_ series: Int) throws -> [[Point]] {
        try points(of: #require(json["charts"]?["\(series)"]), count: kept.count)
    }

    /// The points of a panel of a declared figure, by its curves.
    func points(figure: String, panel: Int) throws -> [(name: String, points: [Point])] {
        let own = try #require(json["panels"]?[figure]?.array)[panel]
        let names = try #require(own["names"]?.array).compactMap(\.string)
        return Array(zip(names, try points(of: own, count: names.count)))
    }

    private func points(of chart: JSON, count: Int) throws -> [[Point]] {
        let lists = try #require(json["steps"]?.array).map { $0.array?.compactMap(\.int) ?? [] }
        let own = try #require(chart["steps"]?.array).compactMap(\.int)
        let bytes = try #require(Data(base64Encoded: chart["points"]?.string ?? ""))
        let hasBands = chart["band"] == .bool(true)
        var at = 0
        func float(_ count: Int) -> Double {
            defer { at += count }
            let pattern = (0..<count).reduce(UInt32(0)) { $0 | UInt32(bytes[at + $1]) << (8 * (4 - count + $1)) }
            return Double(Float(bitPattern: pattern))
        }
        let result = (0..<count).map { i in
            lists[own.count == 1 ? own[0] : own[i]].map { step -> Point in
                let mean = float(3)
                guard hasBands else { return Point(step: step, mean: mean, low: mean, high: mean, n: 1) }
                let (low, high) = (mean - float(2), mean + float(2))
                at += 1
                return Point(step: step, mean: mean, low: low, high: high, n: Int(bytes[at - 1]))
            }
        }
        #expect(at == bytes.count)
        return result
    }
}

@Suite struct PageDataTests {
    private func read(_ fixture: StudyFixture, budget: Int? = nil) throws -> (StudyResults, PageData, page: String) {
        let folder = try fixture.write()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let results = try StudyResults.read(folder: folder)
        let page = budget.map { Report.html(results, budget: $0) } ?? Report.html(results)
        return (results, try PageData(page), page)
    }

    /// Means to four digits, ends of bands to two digits of their distance, the reason of a missing value as NaN.
    @Test(arguments: [(5, true), (3, false), (1, false)])
    func theScriptHasThePointsOfTheCurves(seeds: Int, areIntervals: Bool) throws {
        let (results, data, _) = try read(StudyFixture(seeds: seeds, points: 7, diverged: seeds > 1 ? (2, 0) : nil))
        var (count, missing) = (0, 0)
        for name in ["crh.forward_gwa.raw.alpha", "fact.residual_a", "nc.nc1"] {
            let series = try #require(
                results.series.firstIndex { $0.name == name && ["head", ""].contains($0.layer) })
            let points = try data.points(series)
            #expect(points.count == 3)
            for (setting, own) in points.enumerated() {
                let curve = results.curve(series, setting: setting)
                #expect(own.map(\.step) == curve.map(\.step))
                for (point, truth) in zip(own, curve.map(\.value)) {
                    guard let mean = truth.mean else {
                        #expect(point.mean.isNaN)
                        missing += 1
                        continue
                    }
                    #expect(point.n == truth.n && abs(point.mean - mean) <= 1.6e-5 * abs(mean))
                    let low = try #require(areIntervals ? truth.low : truth.min)
                    let high = try #require(areIntervals ? truth.high : truth.max)
                    #expect(abs(point.low - low) <= 0.005 * (mean - low) + 2e-5 * abs(mean))
                    #expect(abs(point.high - high) <= 0.005 * (high - mean) + 2e-5 * abs(mean))
                    count += 1
                }
            }
        }
        // alpha lacks step 0, the residual all steps of the setting without decay.
        #expect(count > 40 && missing > 3)
    }

    /// Colours of layers in the panels of two settings, and an array at its first and last step.
    @Test func theScriptHasThePointsOfPanels() throws {
        var study = HandStudy()
        for (lr, seed) in [(1, 0), (1, 1), (2, 0)] {
            let curves = [0, 7].map { "\($0),p,x,f,,\(lr + seed + $0),\n\($0),p,x,g,,\(100 * lr + $0),\n" }
            let spectra = [0, 7].map { step in
                (0..<3).map { "\(step),p,s,,\($0),\(lr * (5 + step - $0)),\n" }.joined()
            }
            try study.addRun(seed: seed, swept: "\"lr\": \(lr)", observations: (curves + spectra).joined())
        }
        let results = try study.results(
            sweep: #""lr": [1, 2]"#,
            figures: #"""
                {"title": "C", "curves": ["p.x"], "colour": "layer"}, {"title": "S", "spectrum": ["p.s"], "scale": "linear"},
                {"title": "P", "scatter": ["p.x"], "against": ["p.s"]}, {"title": "None", "curves": ["p.none"]}
                """#)
        let page = Report.html(results, DrawnFigure.all(results))
        let data = try PageData(page)
        let first = try data.points(figure: "c", panel: 0)
        #expect(first.map(\.name) == ["f", "g"])
        #expect(first.map { $0.points.map(\.mean) } == [[1.5, 8.5], [100, 107]])
        #expect(first[0].points.map(\.low) == [1, 8] && first[0].points.map(\.n) == [2, 2])
        #expect(try data.points(figure: "c", panel: 1).map { $0.points.map(\.mean) } == [[2, 9], [200, 207]])
        let spectra = try data.points(figure: "s", panel: 0)
        #expect(spectra.map(\.name) == ["lr=1, first step", "lr=1", "lr=2, first step", "lr=2"])
        #expect(spectra.map { $0.points.map(\.step) } == Array(repeating: [1, 2, 3], count: 4))
        #expect(spectra[3].points.map(\.mean) == [24, 22, 20])
        // One place in the drawings for each of them, in their order.
        let places = page.components(separatedBy: " data-box=\"").count - 1
        let panels = try #require(data.json["panels"]?.object)
        #expect(panels.mapValues { $0.array?.count } == ["c": 2, "s": 1, "p": 0, "none": 0])
        #expect(places == 3 && data.json["panels"]?["s"]?.array?[0]["of"] == .string("index"))
    }

    @Test func stepsAreThinnedFirstAndThenSettings() throws {
        let fixture = StudyFixture(
            weightDecays: (0..<30).map { 1e-4 * Double($0) }, seeds: 1, points: 40, layers: ["fc1"], diverged: nil)
        let (results, whole, _) = try read(fixture)
        let series = try #require(results.series.firstIndex { $0.name == "nc.nc3" })
        let all = try whole.points(series)
        #expect(all.count == 30 && all[7].count > 24)
        let charts = try #require(whole.json["charts"]?.object).count
        let (_, thinned, _) = try read(fixture, budget: charts * 30 * 3 * 17)
        let some = try thinned.points(series)
        #expect(some.count == 30 && some[7].count <= 17 && some[7].count > 8)
        #expect(whole.json["limit"] == .null && thinned.json["limit"] == .int(16))
        #expect(some[7].first?.step == 0 && some[7].last?.step == 4000)
        let (_, few, _) = try read(fixture, budget: charts * 15 * 3 * 8)
        #expect(few.kept.count == 15 && few.kept.first == 0 && few.kept.last == 29)
        #expect(try few.points(series).count == 15)
    }

    /// 36 charts of 400 settings, and the numbers of the table.
    @Test func manySettingsAreAPageOfSomeMegabytes() throws {
        let fixture = StudyFixture(
            weightDecays: (0..<400).map { 1e-5 * Double($0) }, seeds: 1, points: 5, layers: ["fc1"], diverged: nil)
        let (results, data, page) = try read(fixture)
        #expect(results.settings.count == 400 && data.kept.count == 400)
        #expect(page.utf8.count < 5_000_000)
        let numbers = try #require(data.json["numbers"]?.array)
        #expect(numbers.allSatisfy { $0.array?.count == 400 })
        #expect(page.utf8.count < PageCharts.budget / 3 * 4 + 3_000_000)
    }

    @Test func valuesOfTheSweepCannotEndTheScript() throws {
        var study = HandStudy()
        let evil = "</script><b>&amp;"
        for (i, value) in [evil, "x"].enumerated() {
            try study.addRun(seed: i, swept: #""model.kind": "\#(value)""#, observations: "1,p,y,,,0.5,\n")
        }
        let page = try Report.html(study.results(sweep: #""model.kind": ["\#(evil)", "x"]"#))
        #expect(try PageData(page).values == [[evil, "x"]])
        #expect(page.components(separatedBy: "</script>").count == 3 && !page.contains("<b>&"))
    }

    @Test func aSettingWithoutAKeyHasADash() throws {
        var study = HandStudy()
        try study.addRun(seed: 3, swept: #""model": "plain""#, observations: "1,p,y,,,0.5,\n")
        try study.addRun(seed: 3, swept: #""model": "gated", "model.gate": 0.25"#, observations: "1,p,y,,,0.7,\n")
        let page = try Report.html(study.results(sweep: #""model": ["plain", "gated"], "model.gate": [0.25]"#))
        let data = try PageData(page)
        #expect(
            data.values == [["plain", "gated"], ["–", "0.25"]]
                || data.values == [["gated", "plain"], ["0.25", "–"]])
        let reader = try #require(PageReader.read(page))
        #expect(
            reader.attributes.filter { $0.element == "tr" && $0.name == "data-s" }.map(\.value).sorted() == [
                "0", "1",
            ])
    }
}
