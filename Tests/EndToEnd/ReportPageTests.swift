import Foundation
import Reporting
import Studies
import Testing

/// The report in a browser, of a study that ran.
@Suite(.enabled(if: Browser.isHere), .serialized) struct ReportPageTests {
    /// 15 settings, more than are drawn at once; one alternative sweeps a key of its own; two seeds.
    private static let study = """
        study: page
        title: "Rates </script><b>bold</b>"
        dataset: {plugin: digits}
        model: {plugin: mlp, widths: [7], activation: tanh}
        loss: {plugin: cross_entropy}
        optimizer: {plugin: sgd, lr: 0.1}
        train: {steps: 6, batch_size: 32}
        probes:
          fit: {plugin: performance, at: {every: 2}, samples: 100}
          crh: {plugin: alignment, at: {steps: [0, 6]}, samples: 50}
        sweep:
          optimizer:
            alternatives:
              plain: {plugin: sgd, lr: 0.05}
              adam: {plugin: adam}
          optimizer.lr: [0.01, 0.02, 0.05, 0.1, 0.2]
          optimizer.momentum: {values: [0, 0.9], when: {optimizer: plain}}
        seeds: 0..1
        figures:
          - {title: Losses, scatter: fit.accuracy, against: fit.loss}
          - {title: Course, curves: fit.loss, where: {optimizer: adam}}
          - {title: Rates, heat: fit.accuracy, x: optimizer.lr, y: optimizer}
        """

    /// Written once for all tests.
    private static let page: Result<(Scratch, StudyResults), any Error> = Result {
        let scratch = try Scratch()
        try scratch.write(study, to: "study.yaml")
        let result = try Tool.run(["run", "study.yaml", "--out", "out"], in: scratch)
        try #require(result.status == 0, "\(result.output)\(result.errors)")
        return (scratch, try StudyResults.read(folder: scratch.path + "/out"))
    }

    private let results: StudyResults
    private let file: String
    private let browser: Browser

    init() throws {
        let (scratch, results) = try Self.page.get()
        self.results = results
        file = scratch.path + "/out/report.html"
        browser = try Browser()
        try browser.open(file: file)
    }

    private func count() throws -> String { try browser.run("return document.getElementById('count').textContent") }
    private func texts(_ selector: String) throws -> [String] {
        try browser.run(
            "return [...document.querySelectorAll(arguments[0])].filter((e) => e.getClientRects().length).map((e) => e.textContent)",
            selector)
    }
    private func check(_ facet: String, _ value: String) throws {
        try browser.run(
            "document.querySelector(`#filters input[name='${arguments[0]}'][value='${arguments[1]}']`).click(); return 0",
            facet, value, as: Int.self)
    }
    private func none(_ facet: String) throws {
        try browser.run(
            "document.querySelector(`#filters input[name='${arguments[0]}']`).closest('fieldset').querySelectorAll('button')[1].click(); return 0",
            facet, as: Int.self)
    }

    @Test func itRunsWithoutComplaintAndWithoutTheWeb() throws {
        // 5 learning rates of Adam, and with 2 momenta of plain descent.
        #expect(try count() == "15 settings (12 drawn) · 46 figures · 30 runs")
        #expect(try browser.complaints().isEmpty)
        #expect(
            try browser.run(
                "return document.querySelectorAll('b b, h1 b, main b:not(.tiles b)').length", as: Int.self) == 0)
        #expect(try browser.run("return performance.getEntriesByType('resource').length", as: Int.self) == 0)
        // A script that a page was made to hold does not run.
        #expect(
            try browser.run(
                "const s = document.createElement('script'); s.textContent = 'window.evil = 1'; document.body.append(s); return window.evil ?? 0",
                as: Int.self) == 0)
    }

    @Test func aFilterShowsCurvesOfOtherSettings() throws {
        try none("lr")
        #expect(try count() == "0 of 15 settings · 46 figures · 0 of 30 runs")
        #expect(try texts("#p0 svg.chart g[class^=s]").isEmpty && texts("svg.heat").isEmpty)
        try check("lr", "0.02")
        #expect(try count() == "3 of 15 settings · 46 figures · 6 of 30 runs")
        let names = try texts(".legend label:not(.faint) .name")
        #expect(names.count >= 3 && names.allSatisfy { $0.contains("lr=0.02") })
        #expect(try texts("#runs tbody tr").allSatisfy { $0.contains("0.02") })
        // What is drawn and written for a setting is what it measured.
        let series = try #require(results.series.firstIndex { $0.name == "fit.loss" })
        let setting = try #require(results.settings.firstIndex { $0[0] == "adam" && $0[1] == "0.02" })
        let value = try #require(results.last(series, setting: setting)?.value)
        let column = try #require(names.prefix(3).firstIndex { $0.contains("adam") })
        let cells = try texts("#numbers tbody tr:nth-child(2) td.num")
        let text = try #require(MeasuredText(value))
        #expect(cells.count == 3 && cells[column].hasPrefix(text.mean))
        try check("optimizer", "adam")
        #expect(try count() == "2 of 15 settings · 46 figures · 4 of 30 runs")
        // Marks of figures: of the map a cell for each momentum.
        #expect(try texts("#figures svg.figure g[data-s] rect").count == 2)
        try check("seed", "1")
        #expect(try count() == "2 of 15 settings · 46 figures · 2 of 30 runs")
        #expect(try browser.complaints().isEmpty)
    }

    /// The script draws as the page was written: the same settings again give the same shapes.
    @Test func theScriptDrawsTheCurvesOfThePage() throws {
        let shapes = """
            return [...document.querySelectorAll("svg.chart")].flatMap((svg) => [...svg.querySelectorAll("g[class^=s]")]
                .sort((a, b) => a.className.baseVal < b.className.baseVal ? -1 : 1)
                .flatMap((curve) => { const b = curve.getBBox(); return [b.x, b.y, b.width, b.height]; }))
            """
        // In tenths of a unit, to which points are rounded.
        func isSame(_ a: [Double], _ b: [Double]) -> Bool {
            a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= 2 }
        }
        let before = try browser.run(shapes, as: [Double].self)
        #expect(before.count > 1000)
        let heats = try texts("svg.heat g text"), numbers = try texts("#numbers td")
        try check("lr", "0.05")
        #expect(try !isSame(browser.run(shapes), before))
        try check("lr", "0.05")
        #expect(try isSame(browser.run(shapes), before))
        #expect(try texts("svg.heat g text") == heats && texts("#numbers td") == numbers)
    }

    @Test func searchFindsOutputsAndRuns() throws {
        try browser.press("/")
        try browser.press("accuracy")
        #expect(try count().contains("· 3 of 46 figures · 0 of 30 runs"))
        #expect(try texts("#numbers tbody tr td:first-of-type").count == 1)
        try browser.press("\u{E00C}")
        #expect(try count() == "15 settings (12 drawn) · 46 figures · 30 runs")
        try browser.type("lr=0.02 adam", into: "#search")
        #expect(try count().hasSuffix("· 2 of 30 runs"))
    }

    @Test func theAddressReproducesTheView() throws {
        try browser.type("fc1 alpha", into: "#search")
        try check("optimizer", "adam")
        try browser.run(
            "const t = document.getElementById('theme'); t.value = 'dark'; t.onchange(); return 0", as: Int.self)
        let fragment = try browser.run("return location.hash", as: String.self)
        let seen = try count()
        #expect(seen.hasPrefix("10 of 15 settings"))
        let other = try Browser()
        try other.open(file: file, fragment)
        #expect(try other.run("return document.getElementById('count').textContent", as: String.self) == seen)
        #expect(try other.run("return document.getElementById('search').value", as: String.self) == "fc1 alpha")
        #expect(
            try other.run("return getComputedStyle(document.body).backgroundColor", as: String.self)
                == "rgb(20, 23, 27)")
        #expect(try other.complaints().isEmpty)
        // A link of the page keeps the view.
        try other.run("document.querySelector('nav a[href=\"#runs\"]').click(); return 0", as: Int.self)
        try other.wait(until: "location.hash.startsWith('#runs?')")
        #expect(try other.run("return document.getElementById('count').textContent", as: String.self) == seen)
    }

    @Test func theThemeFollowsTheSystemUnlessItIsChosen() throws {
        let dark = try Browser(isDark: true)
        try dark.open(file: file)
        let paper = "return getComputedStyle(document.body).backgroundColor"
        #expect(try dark.run(paper, as: String.self) == "rgb(20, 23, 27)")
        #expect(try browser.run(paper, as: String.self) == "rgb(255, 255, 255)")
        #expect(
            try dark.run("return getComputedStyle(document.querySelector('svg.figure > rect')).fill", as: String.self)
                == "rgb(20, 23, 27)")
        try dark.run(
            "const t = document.getElementById('theme'); t.value = 'light'; t.onchange(); return 0", as: Int.self)
        #expect(try dark.run(paper, as: String.self) == "rgb(255, 255, 255)")
        // Kept for the next page.
        try dark.open("about:blank")
        try dark.open(file: file)
        #expect(try dark.run("return document.getElementById('theme').value", as: String.self) == "light")
    }

    @Test func valuesAreUnderThePointer() throws {
        let series = try #require(results.series.firstIndex { $0.name == "fit.loss" })
        let chart = "svg.chart[data-c='\(series)']"
        let width = try browser.run(
            "return document.querySelector(arguments[0]).getBoundingClientRect().width", chart, as: Double.self)
        // Steps 0, 2, 4, 6: a sixth to the right of the middle is step 4.
        try browser.hover(chart, x: Int(width / 6))
        try browser.wait(until: "!document.getElementById('tip').hidden")
        let tip = try texts("#tip > *")
        #expect(tip.first == "step 4" && tip.count == 14)
        let rows = try texts("#tip > div span:last-child")
        let setting = try #require(results.settings.indices.first { tip[1].contains(results.label(setting: $0)) })
        let truth = try #require(results.curve(series, setting: setting).first { $0.step == 4 }?.value)
        let written = try #require(rows.first?.split(separator: " ").first)
        let mean = try #require(Double(written))
        let expected = try #require(truth.mean)
        #expect(abs(mean - expected) < 1e-3 * mean && rows[0].hasSuffix("N=2"))
        #expect(try texts("\(chart) .cross").count == 1)
        // The keyboard goes on from there.
        try browser.run(
            "document.querySelector(arguments[0]).focus({preventScroll: true}); return 0", chart, as: Int.self)
        try browser.press("\u{E012}")
        #expect(try texts("#tip > b") == ["step 2"])
        try browser.hover("svg.heat g")
        try browser.wait(until: "document.getElementById('tip').textContent.startsWith('fc1 forward_rga: ')")
        try browser.hover("svg.figure g[data-s] circle")
        try browser.wait(
            until: "/lr=.* seed=\\d: accuracy .*, loss /.test(document.getElementById('tip').textContent)")
        // Of a panel of a declared figure, the settings that it draws.
        try browser.hover("[data-f=course] [data-box]")
        try browser.wait(until: "/^step \\d/.test(document.getElementById('tip').textContent)")
        #expect(try texts("#tip > div").count == 5 && texts("[data-f=course] .cross").count == 1)
        let adam = try #require(results.settings.firstIndex { $0[0] == "adam" && $0[1] == "0.02" })
        let step = try #require(Int(texts("#tip > b").first?.dropFirst(5) ?? ""))
        let known = try #require(results.curve(series, setting: adam).first { $0.step == step }?.value.mean)
        let lines = try texts("#tip > div")
        let row = try #require(lines.firstIndex { $0.hasPrefix("lr=0.02") })
        let told = try #require(Double(texts("#tip > div span:last-child")[row].prefix { $0 != " " }))
        #expect(abs(told - known) < 1e-3 * known, "\(lines)")
        try browser.hover("h1")
        try browser.wait(until: "document.getElementById('tip').hidden")
    }

    @Test func runsAreSorted() throws {
        let numbers =
            "return [...document.querySelectorAll('#runs tbody tr')].map((row) => Number(row.cells[1].textContent))"
        try browser.run("document.querySelectorAll('#runs th')[1].click(); return 0", as: Int.self)
        let up = try browser.run(numbers, as: [Double].self)
        #expect(up.count == 30 && up == up.sorted())
        try browser.run("document.querySelectorAll('#runs th')[1].click(); return 0", as: Int.self)
        #expect(try browser.run(numbers, as: [Double].self) == up.reversed())
    }
}
