import Foundation
import Reporting
import Testing

@Suite struct ScaleTests {
    @Test func linearPositionsAndTicks() {
        let scale = Scale(kind: .linear, low: -0.5, high: 1.5)
        #expect(scale.position(-0.5) == 0 && scale.position(0) == 0.25 && scale.position(1.5) == 1)
        #expect(scale.ticks().map(\.label) == ["-0.5", "0", "0.5", "1", "1.5"])
    }

    @Test func ticksAreRoundNumbersWithinTheAxis() {
        #expect(Scale(kind: .linear, low: 0.13, high: 0.87).ticks().map(\.label) == ["0.2", "0.4", "0.6", "0.8"])
        #expect(Scale(kind: .linear, low: 0, high: 9000).ticks().map(\.label) == ["0", "5k"])
        #expect(Scale(kind: .linear, low: -0.4, high: 3.8).ticks().map(\.label) == ["0", "1", "2", "3"])
        #expect(Scale(kind: .linear, low: 3, high: 3).ticks().map(\.label) == ["3"])
    }

    @Test func decadesAreEqualOnALogarithm() {
        let scale = Scale(kind: .log, low: 0.01, high: 100)
        #expect(abs(scale.position(1) - 0.5) < 1e-15)
        #expect(scale.position(0) == 0 && scale.position(-3) == 0)
        #expect(scale.ticks(4).map(\.label) == ["0.01", "1", "100"])
        #expect(scale.ticks(5).map(\.label) == ["0.01", "0.1", "1", "10", "100"])
    }

    @Test func shortLogarithmsShowTwoAndFive() {
        #expect(Scale(kind: .log, low: 1.5, high: 30).ticks().map(\.label) == ["2", "5", "10", "20"])
    }

    @Test func zeroHasAPlaceBeforeTheFirstStep() {
        let scale = Scale(kind: .logWithZero, low: 1, high: 1000)
        #expect(scale.position(0) == 0)
        #expect(scale.position(1) == Scale.zeroWidth && abs(scale.position(1000) - 1) < 1e-15)
        #expect(scale.ticks(5).map(\.label) == ["0", "1", "10", "100", "1k"])
    }

    @Test func symlogIsOddAboutZero() {
        let scale = Scale(kind: .symlog(threshold: 0.1), low: -100, high: 100)
        #expect(abs(scale.position(0) - 0.5) < 1e-15)
        #expect(abs(scale.position(7) + scale.position(-7) - 1) < 1e-14)
        #expect(scale.ticks().contains { $0.value == 0 })
    }

    @Test(arguments: [
        ([0, 1, 3, 9, 28, 84, 250, 1000], Scale.Kind.logWithZero), ([1, 4, 16, 64, 256], .log),
        ([0, 100, 200, 300, 400], .linear), ([0, 500], .linear),
    ])
    func theAxisOfStepsFollowsTheSchedule(steps: [Int], kind: Scale.Kind) {
        #expect(Scale.steps(steps).kind == kind)
    }

    @Test func theAxisOfValuesFollowsTheirRange() {
        #expect(Scale.values([0.02, 3, 9]).kind == .log)
        #expect(Scale.values([0.2, 3, 9]).kind == .linear)
        #expect(Scale.values([-0.2, 0.3, 0.9]).kind == .linear)
        // Accuracies and other shares keep the whole range from 0 to 1.
        let share = Scale.values([0.1, 0.97])
        #expect(share.low == 0 && share.high == 1)
        if case .symlog = Scale.values([-1e4, -1, 0, 0.01, 0.1, 1e3]).kind {
        } else {
            Issue.record("expected symlog")
        }
        let constant = Scale.values([2, 2])
        #expect(constant.low < 2 && constant.high > 2)
        #expect(Scale.values([.nan]).low == 0)
    }

    @Test func aHugeIntervalDoesNotFlattenTheCurves() {
        let scale = Scale.values([0.5, 0.6], edges: [-40, 40])
        #expect(scale.high < 2)
    }
}

@Suite struct LineChartTests {
    private let x = Scale(kind: .linear, low: 0, high: 10)
    private let y = Scale(kind: .linear, low: 0, high: 1)

    private func point(_ x: Double, _ y: Double, _ half: Double = 0) -> LineChart.Point {
        .init(x: x, y: y, low: y - half, high: y + half)
    }

    @Test func aLineIsDrawnInTenths() {
        // 170 × 108 units: the ends of the diagonal are (0, 1080) and (1700, 0).
        let chart = LineChart(
            title: "t", x: x, y: y, curves: [.init(style: 2, title: "c", points: [point(0, 0), point(10, 1)])])
        #expect(
            chart.svg.text.contains(
                #"<g class="s2" transform="scale(.1)"><title>c</title><path class="l" d="M0 1080l1700-1080"/></g>"#))
    }

    @Test func aMissingPointBreaksTheLineAndTheBand() {
        let points = [point(0, 0.5, 0.1), point(2, 0.5, 0.1), nil, point(8, 0.5, 0.1), point(10, 0.5, 0.1)]
        let svg = LineChart(title: "", x: x, y: y, curves: [.init(style: 0, title: "", points: points)]).svg.text
        #expect(svg.contains(#"<path class="l" d="M0 540l340 0M1360 540l340 0"/>"#))
        #expect(svg.contains(#"<path class="b" d="M0 432l340 0l0 216l-340 0zM1360 432l340 0l0 216l-340 0z"/>"#))
    }

    @Test func aSinglePointIsADotWithItsBar() {
        let svg = LineChart(
            title: "", x: x, y: y, curves: [.init(style: 1, title: "", points: [point(5, 0.5, 0.25)])]
        ).svg.text
        #expect(svg.contains(#"<path class="l" d="M850 810V270"/><circle cx="850" cy="540" r="32"/>"#))
    }

    @Test func nothingLeavesThePlot() {
        let svg = LineChart(
            title: "", x: x, y: y, curves: [.init(style: 0, title: "", points: [point(-5, 7), point(50, -3)])]
        ).svg.text
        #expect(svg.contains(#"d="M0 0l1700 1080""#))
    }

    @Test func namesAreEscaped() {
        let curve = LineChart.Curve(style: 0, title: "</title><script>", points: [])
        let svg = LineChart(title: "<b>&\"'", x: x, y: y, curves: [curve]).svg.text
        #expect(svg.contains("&lt;b&gt;&amp;&quot;&#39;") && svg.contains("&lt;/title&gt;&lt;script&gt;"))
        #expect(!svg.contains("<script>") && !svg.contains("<b>"))
    }
}
