import Foundation
import Manifests
import Reporting
import Testing

@Suite struct FigureTests {
    /// Two settings of a, three of b; `runs` gives the observations.
    private func study(
        a: [String] = ["1", "2"], b: [String] = ["0.1", "0.3", "0.2"], seeds: Int = 3, figures: String,
        outputs: String = "", status: String = "finished", _ observations: (String, String, Int) -> String
    ) throws -> [DrawnFigure] {
        DrawnFigure.all(
            try results(
                a: a, b: b, seeds: seeds, figures: figures, outputs: outputs, status: status, observations))
    }

    private func results(
        a: [String], b: [String], seeds: Int, figures: String, outputs: String = "", status: String = "finished",
        _ observations: (String, String, Int) -> String
    ) throws -> StudyResults {
        var study = HandStudy()
        for x in a {
            for y in b {
                for seed in 0..<seeds {
                    try study.addRun(
                        status: status, seed: seed, swept: "\"m.a\": \(x), \"o.b\": \(y)",
                        observations: observations(x, y, seed))
                }
            }
        }
        let sweep = "\"m.a\": [\(a.joined(separator: ", "))], \"o.b\": [\(b.joined(separator: ", "))]"
        return try study.results(sweep: sweep, figures: figures, outputs: outputs)
    }

    /// What an XML parser sees in the file, which no converter may have to guess at.
    private func read(_ figure: DrawnFigure) throws -> PageReader {
        let file = try #require(figure.file, "\(figure.note)")
        for word in ["var(", "<style", "foreignObject", "url(", "href", "nan", "inf\""] {
            #expect(!file.contains(word), "\(word)")
        }
        return try #require(PageReader.read(file))
    }

    private func count(_ reader: PageReader, _ element: String, _ name: String, _ value: String) -> Int {
        reader.attributes.count { $0.element == element && $0.name == name && $0.value == value }
    }

    @Test func curvesHaveALineAndABandForEachSettingInEachPanel() throws {
        let figures = try study(
            b: ["0.1"], figures: #"{"title": "Curves", "curves": ["p.loss", "p.error"]}"#
        ) { a, _, seed in
            [0, 10, 20].map { "\($0),p,loss,,,\(a)\(seed)\($0),\n\($0),p,error,,,0.\(seed)5,\n" }.joined()
        }
        let reader = try read(figures[0])
        #expect(count(reader, "path", "fill", "none") == 2 * 2)
        #expect(count(reader, "path", "fill-opacity", ".18") == 2 * 2)
        #expect(reader.text.contains("loss") && reader.text.contains("error") && reader.text.contains("a=1"))
        #expect(reader.text.components(separatedBy: "training step").count == 3)
        #expect(figures[0].note.hasPrefix("Lines: mean over the finished runs"))
        #expect(count(reader, "svg", "width", "504pt") == 1)
    }

    @Test func coloursMayBeLayersOrOutputs() throws {
        func panels(_ colour: String) throws -> Int {
            let figures = try study(
                b: ["0.1"], seeds: 1,
                figures: #"{"title": "C", "curves": ["p.x", "p.y", "p.z"], "colour": "\#(colour)"}"#
            ) { _, _, _ in
                ["x", "y", "z"].map { o in ["f", "g"].map { "0,p,\(o),\($0),,1,\n9,p,\(o),\($0),,2,\n" }.joined() }
                    .joined()
            }
            let reader = try read(figures[0])
            #expect(count(reader, "path", "fill", "none") == 2 * 3 * 2)
            return count(reader, "text", "font-weight", "bold")
        }
        #expect(try panels("setting") == 3 * 2)
        #expect(try panels("layer") == 3 * 2)
        #expect(try panels("output") == 2 * 2)
    }

    @Test func aHeatMapHasItsKeysInOrder() throws {
        let figures = try study(figures: #"{"title": "Heat", "heat": "p.x", "x": "o.b", "y": "m.a"}"#) { a, b, seed in
            a == "2" && b == "0.3"
                ? "9,p,x,,,,no_x\n" : "9,p,x,,,\((Double(a) ?? 0) * 10 + (Double(b) ?? 0) + Double(seed)),\n"
        }
        let reader = try read(figures[0])
        // Six cells under 21 colours of the scale and the paper.
        #expect(reader.elements["rect"] == 6 + 21 + 1)
        // From the top left: a = 2, then 1; b ascending. Means over seeds 0, 1, 2.
        let order = ["b=0.1 a=2: ", "b=0.2 a=2: ", "b=0.3 a=2: no_x ×3", "b=0.1 a=1: ", "b=0.2 a=1: ", "b=0.3 a=1: "]
        for text in ["21.1", "21.2", "11.1", "11.2", "11.3"] { #expect(reader.text.contains("N = 3)" + text)) }
        let places = order.map { reader.text.range(of: $0)?.lowerBound }
        #expect(places.allSatisfy { $0 != nil }, "\(reader.text)")
        #expect(places.compactMap(\.self) == places.compactMap(\.self).sorted())
        #expect(figures[0].note.contains("Grey: no value."))
    }

    @Test func codesShowTheirLabelsAndHowManyRunsHaveThem() throws {
        let figures = try study(
            figures: #"{"title": "Phase", "heat": "p.x", "x": "o.b", "y": "m.a"}"#,
            outputs: #""p.x": {"labels": ["none", "some", "all"]}"#
        ) { a, b, seed in "9,p,x,,,\(a == "1" ? 2 : b == "0.1" && seed > 0 ? 1 : 0),\n" }
        let reader = try read(figures[0])
        #expect(reader.text.contains("b=0.1 a=2: none 1, some 2some 2/3"))
        #expect(reader.text.contains("b=0.3 a=1: all 3all"))
        // One square for each label, no ramp.
        #expect(reader.elements["rect"] == 6 + 3 + 1)
    }

    @Test func aMatrixHasLayersByOutputsForEachSetting() throws {
        let figures = try study(b: ["0.1"], figures: #"{"title": "M", "matrix": ["p.r.u.x", "p.s.u.x", "p.t.u.x"]}"#)
        { a, _, _ in
            ["fc1", "head"].map { l in ["r", "s", "t"].map { "9,p,\($0).u.x,\(l),,-0.\(a),\n" }.joined() }.joined()
        }
        let reader = try read(figures[0])
        #expect(reader.elements["rect"] == 2 * (2 * 3) + 21 + 1)
        #expect(reader.text.contains("fc1") && reader.text.contains("p · u.x") && reader.text.contains("−0.20"))
    }

    @Test func pairsOfLayersAreAMatrixOfLayers() throws {
        let figures = try study(a: ["1"], b: ["0.1"], figures: #"{"title": "M", "matrix": "p.x"}"#) { _, _, _ in
            "9,p,x,f:g,,0.25,\n9,p,x,f:h,,0.5,\n9,p,x,g:h,,0.75,\n"
        }
        #expect(try read(figures[0]).elements["rect"] == 2 * 2 + 21 + 1)
    }

    /// y = 5 z² but for what a logarithm cannot take and what is missing.
    @Test func aScatterOfArraysHasAPointForEachElement() throws {
        let figures = try study(
            a: ["1"], b: ["0.1"], seeds: 2,
            figures: #"{"title": "S", "scatter": ["p.y"], "against": ["p.z"], "scale": "log", "fit": "lines"}"#
        ) { _, _, seed in
            (0..<5).map { i in
                let z = pow(3, Double(i + seed))
                let y = i == 2 && seed == 0 ? "0," : i == 3 && seed == 1 ? ",no_y" : "\(5 * z * z),"
                return "9,p,z,fc1,\(i),\(z),\n9,p,y,fc1,\(i),\(y)\n"
            }.joined()
        }
        let reader = try read(figures[0])
        #expect(reader.elements["circle"] == 8)
        #expect(reader.text.contains(/slope 2\.000 ± <0\.001  R² 1\.00  n 8/), "\(reader.text)")
        #expect(figures[0].note.contains("1 without a value. 1 that a logarithm cannot take is left out."))
    }

    @Test func aScatterOfNumbersHasAPointForEachRun() throws {
        let figures = try study(
            figures: #"""
                {"title": "S", "scatter": ["p.y"], "against": ["q.x"], "fit": "line"},
                {"title": "Two", "scatter": ["p.y"], "against": ["q.x"], "fit": "line", "where": {"m.a": 1, "o.b": 0.3}},
                {"title": "One", "scatter": ["p.y"], "against": ["q.one"], "fit": "line"}
                """#
        ) { a, b, seed in
            let x = (Double(a) ?? 0) + (Double(b) ?? 0) * Double(seed)
            return "9,p,y,fc1,,\(3 * x + 1),\n9,p,y,fc2,,\(x * x),\n9,q,x,,,\(x),\n9,q,one,,,1,\n"
        }
        let reader = try read(figures[0])
        #expect(reader.elements["circle"] == 2 * 2 * 3 * 3 + 6)
        #expect(reader.text.contains(/slope 3\.000 ± <0\.001  R² 1\.00  n 18/), "\(reader.text)")
        #expect(try read(figures[1]).elements["circle"] == 2 * 3)
        #expect(figures[2].note.contains("No line for 2: all at one x."))
    }

    @Test func manyPointsAreThinnedAlikeEachTime() throws {
        func draw() throws -> DrawnFigure {
            try study(
                a: ["1"], b: ["0.1"], seeds: 1,
                figures: #"{"title": "S", "scatter": ["p.y"], "against": ["p.z"], "fit": "line"}"#
            ) { _, _, _ in
                (0..<4001).map { "9,p,z,,\($0),\($0),\n9,p,y,,\($0),\($0 % 7),\n" }.joined()
            }[0]
        }
        let drawn = try draw()
        #expect(try read(drawn).elements["circle"] == 1334)
        #expect(drawn.note.contains("One point in 3 of 4,001 is drawn; lines take all."))
        #expect(try read(drawn).text.contains("n 4001"))
        #expect(try draw().file == drawn.file)
    }

    @Test func aSpectrumHasItsFirstAndItsLastStep() throws {
        let figures = try study(
            a: ["1"], b: ["0.1"], seeds: 2, figures: #"{"title": "S", "spectrum": "p.s"}"#
        ) { _, _, seed in
            (0..<4).map { "0,p,s,fc1,\($0),1,\n9,p,s,fc1,\($0),\($0 == 3 ? 0 : pow(10, -Double($0 + seed))),\n" }
                .joined()
        }
        let reader = try read(figures[0])
        #expect(count(reader, "path", "stroke-dasharray", "2.4 1.8") == 1)
        #expect(count(reader, "path", "fill", "none") == 2)
        #expect(figures[0].note.contains("1 values that a logarithm cannot take are left out."))
    }

    @Test func bandsOfOneSeedAreIntervalsOverSamples() throws {
        let figures = try study(
            a: ["1"], b: ["0.1"], seeds: 1, figures: #"{"title": "C", "curves": ["p.x"]}"#
        ) { _, _, _ in [0, 5].map { "\($0),p,x,,,2,\n\($0),p,x.low,,,1,\n\($0),p,x.high,,,4,\n" }.joined() }
        let reader = try read(figures[0])
        #expect(count(reader, "path", "fill-opacity", ".18") == 1)
        #expect(figures[0].note.contains("95 % interval over samples"))
    }

    @Test func whatCannotBeDrawnHasASentence() throws {
        let all = #"""
            {"title": "C", "curves": ["p.x"]}, {"title": "H", "heat": "p.x", "x": "o.b", "y": "m.a"},
            {"title": "M", "matrix": ["p.x"]}, {"title": "S", "scatter": ["p.x"], "against": ["p.y"], "fit": "line"},
            {"title": "P", "spectrum": "p.s"}
            """#
        let failed = try study(figures: all, status: "failed") { _, _, _ in "0,p,x,,,1,\n" }
        #expect(
            failed.map(\.note)
                == Array(repeating: "Nothing to draw: no run of these settings has finished.", count: 5))
        let other = try study(figures: all) { _, _, _ in "0,p,other,,,1,\n" }
        #expect(
            other.allSatisfy {
                $0.svg == nil && $0.note.hasPrefix("Nothing to draw: no finished run has recorded p.")
            })
        let empty = try study(figures: all) { _, _, _ in "0,p,x,,,,none\n0,p,y,,,,none\n0,p,s,,0,,none\n" }
        #expect(empty.allSatisfy { $0.svg == nil }, "\(empty.map(\.note))")
        let layer = try study(figures: #"{"title": "C", "curves": ["p.x"], "layers": ["fc1", "haed"]}"#) { _, _, _ in
            "0,p,x,head,,1,\n0,p,x,fc1,,1,\n"
        }
        #expect(
            layer[0].note == "Nothing to draw: there is no layer 'haed'; did you mean 'head'? (there are: head, fc1)."
        )
        let setting = try study(figures: #"{"title": "C", "curves": ["p.x"], "where": {"m.a": 3}}"#) { _, _, _ in
            "0,p,x,,,1,\n"
        }
        #expect(setting[0].note == "Nothing to draw: no run has m.a = 3 (there are: 1, 2).")
    }

    @Test func evilNamesAndExtremeNumbersAreHarmless() throws {
        let evil = "<b>&'"
        let figures = try study(
            figures:
                #"{"title": "\#(evil)", "curves": ["p.x"]}, {"title": "H\#(evil)", "heat": "p.x", "x": "o.b", "y": "m.a"}"#
        ) { a, _, seed in
            ["1e308", "-1e308", "5e-324"].enumerated().map {
                "\($0.offset),p,x,\(evil),,\(seed == 0 ? $0.element : "0"),\n"
            }.joined()
        }
        for figure in figures { #expect(try read(figure).text.contains(evil)) }
        #expect(figures[0].slug == "b" && figures[1].slug == "h-b")
    }

    @Test func theReportShowsFiguresOfStudyAndManifestInTheirPlaces() throws {
        var study = HandStudy()
        try study.addRun(seed: 0, observations: "0,p,x,,,1,\n5,p,x,,,2,\n5,p,s,,0,1,\n5,p,s,,1,2,\n5,q,s,,0,3,\n")
        let results = try study.results(
            figures: #"""
                {"title": "Own", "curves": ["p.x"]}, {"title": "Of the probe", "spectrum": ["p.s"], "probe": "p"},
                {"title": "Of arrays", "spectrum": ["q.s"], "probe": "q"}
                """#)
        let page = Report.html(results, DrawnFigure.all(results))
        #expect(PageReader.read(page) != nil)
        let places = ["<h2>Figures</h2>", ">Own<", "<h2>p</h2>", ">Of the probe<", ">Of arrays<"].map {
            page.range(of: $0)?.lowerBound
        }
        #expect(places.allSatisfy { $0 != nil } && places.compactMap(\.self) == places.compactMap(\.self).sorted())
        #expect(page.contains("figures/p-of-the-probe.svg") && !page.contains("array outputs are not drawn"))
    }

    @Test func aReportOfAThousandRunsIsSmall() throws {
        let results = try results(
            a: (0..<10).map(String.init), b: (0..<10).map(String.init), seeds: 10,
            figures: #"""
                {"title": "C", "curves": ["p.x", "p.y"]}, {"title": "H", "heat": "p.x", "x": "o.b", "y": "m.a"},
                {"title": "S", "scatter": ["p.x"], "against": ["p.y"], "fit": "line"},
                {"title": "A", "scatter": ["p.s"], "against": ["p.t"], "fit": "lines", "scale": "log"}
                """#
        ) { a, b, seed in
            (0..<10).map { "\($0),p,x,fc1,,\(a).\(b)\(seed),\n\($0),p,y,fc1,,\(seed).\($0),\n" }.joined()
                + (0..<20).map { "9,p,s,fc1,\($0),\($0).5,\n9,p,t,fc1,\($0),\($0).2\(seed),\n" }.joined()
        }
        let figures = DrawnFigure.all(results)
        #expect(Report.html(results, figures).utf8.count < 5_000_000)
        let bytes = figures.map { $0.file?.utf8.count ?? 0 }
        #expect(bytes.allSatisfy { $0 > 1000 } && bytes.reduce(0, +) < 1_000_000, "\(bytes)")
        #expect(figures[0].note.contains("12 of 100 settings, spread over the sweep"))
    }
}
