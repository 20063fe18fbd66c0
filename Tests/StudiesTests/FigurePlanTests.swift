import Foundation
import Manifests
import Studies
import Testing

@Suite("Figures of studies and of manifests are planned")
struct FigurePlanTests {
    /// Two arrays of one size and one of another, a code, and figures of its own.
    static let drawn = """
        {
          "manifest": 1, "id": "test.drawn", "version": "0.1.0", "name": "Drawn", "summary": "A probe with figures.",
          "license": "CC0-1.0", "library": "Drawn",
          "components": [
            { "kind": "probe", "id": "drawn", "per": "layer",
              "params": [{ "id": "leading", "type": "int", "default": 4, "min": 1 }],
              "dims": { "k": { "param": "leading" } },
              "outputs": [
                { "id": "z", "dtype": "f64", "shape": ["k"] },
                { "id": "h", "dtype": "f64", "shape": ["k"], "unit": "nat" },
                { "id": "pair", "dtype": "f64", "shape": [2] },
                { "id": "code", "dtype": "f64", "shape": [], "range": [0, 2], "labels": ["none", "some", "all"] }],
              "call": { "symbol": "drawn", "returns": "void", "args": [
                { "name": "w", "type": "f64*", "from": "quantity" },
                { "name": "n", "type": "i64", "from": "count", "of": "w" },
                { "name": "k", "type": "i64", "from": "dim", "of": "z", "axis": 0 },
                { "name": "z", "type": "f64*", "from": "output" },
                { "name": "h", "type": "f64*", "from": "output" },
                { "name": "pair", "type": "f64*", "from": "output" },
                { "name": "code", "type": "f64*", "from": "output" }] },
              "bindings": { "a": { "w": "layer.weight" }, "b": { "w": "layer.weight_initial" } },
              "figures": [
                { "title": "Laws", "scatter": "*.h", "against": "*.z", "scale": "log", "fit": "lines" },
                { "title": "Codes", "heat": "*.code" },
                { "title": "Over time", "curves": "a.code" }],
              "examples": [{ "name": "none", "given": { "w": { "shape": [1, 1], "data": [0] }, "leading": 1 },
                "expect": { "z": { "shape": [1], "data": [0] }, "h": { "shape": [1], "data": [0] },
                  "pair": { "shape": [2], "data": [0, 0] }, "code": 0 } }] }
          ]
        }
        """

    private func plan(_ figures: String, _ overrides: [String] = [], sweep: String = "") throws -> StudyPlan {
        let folder = try TemporaryFolder()
        let path = folder.path + "/Drawn"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Self.drawn.write(toFile: path + "/plugin.json", atomically: true, encoding: .utf8)
        try "no code".write(toFile: path + "/libDrawn.so", atomically: true, encoding: .utf8)
        let planner = StudyPlanner(
            registry: try Fixtures.registry(folder), schema: try Installation.schema("study.schema.json"))
        let text = Fixtures.study
            .replacing("samples: 20}\n", with: "samples: 20}\n  fit: {plugin: fit}\n  modes: {plugin: drawn}\n")
            .replacing("seeds: 0..1\n", with: sweep + "seeds: 0..1\n")
        return try withExtendedLifetime(folder) {
            let document = try YAMLDocument.parse(
                text + (figures.isEmpty ? "" : "figures:\n\(figures)\n"), file: "s.yaml")
            return try planner.plan(document, overrides: overrides)
        }
    }

    private func lines(_ figure: String, _ overrides: [String] = []) -> [String] {
        do {
            _ = try plan("  - " + figure, overrides)
            return ["no error"]
        } catch let error as StudyError { return error.lines } catch { return ["\(error)"] }
    }

    @Test func namesStandInThePlaceOfPatterns() throws {
        let plan = try plan(
            """
              - {title: Cosines, curves: ["crh.*.*.cos", crh.forward.raw.cos], layers: [fc1], width: page}
              - {title: Powers, scatter: ["modes.*.h"], against: "modes.*.z", where: {optimizer.lr: 0.2}, at: 3}
            """)
        #expect(plan.figures.map(\.title) == ["Cosines", "Powers", "Over time"])
        #expect(plan.figures[0].outputs == ["crh.forward.raw.cos", "crh.forward.centred.cos"])
        // The manifest's own figure of them is left out.
        #expect(plan.figures[1].outputs == ["modes.a.h", "modes.b.h"] && plan.figures[1].probe == nil)
        #expect(plan.figures[1].against == ["modes.a.z", "modes.b.z"])
        #expect(plan.figures[2].outputs == ["modes.a.code"] && plan.figures[2].probe == "modes")
        #expect(plan.figures[1].moment == .step(3) && plan.figures[1].settings == ["optimizer.lr": "0.2"])
        #expect(plan.outputs["modes.b.h"]?["unit"]?.string == "nat" && plan.outputs.count == 3)
        // study.json says the same.
        let read = (plan.json["figures"]?.array ?? []).compactMap { Figure($0) }
        #expect(read == plan.figures)
        #expect(plan.figures[2].slug == "modes-over-time")
    }

    /// A heat map where two keys are swept, curves where there are steps or settings.
    @Test func figuresOfManifestsAreThoseThatSaySomething() throws {
        #expect(try plan("").figures.map(\.title) == ["Laws", "Over time"])
        let two = try plan("", ["optimizer.lr=[0.1, 0.2]"])
        #expect(two.figures.map(\.title) == ["Laws", "Codes", "Over time"])
        #expect(two.figures[1].y == "regularizers.l2.weight_decay" && two.figures[1].x == "optimizer.lr")
        #expect(two.outputs["modes.a.code"]?["labels"]?.array?.count == 3)
        #expect(try plan("", ["regularizers.l2.weight_decay=0"]).figures.map(\.title) == ["Laws"])
        #expect(
            try plan("", ["regularizers.l2.weight_decay=0", "probes.modes.at={every: 50}"]).figures.map(\.title)
                == ["Laws", "Over time"])
    }

    /// The command line may end a sweep; then a map has one row.
    @Test func anOverrideMayTakeASweptKey() throws {
        let heat = "{title: H, heat: fit.loss, x: optimizer.lr, y: regularizers.l2.weight_decay}"
        #expect(lines(heat) == ["s.yaml:22:35: 'optimizer.lr' is not swept (swept: regularizers.l2.weight_decay)"])
        #expect(lines(heat, ["optimizer.lr=[0.1, 0.2]"]) == ["no error"])
        #expect(lines(heat, ["optimizer.lr=[0.1, 0.2]", "regularizers.l2.weight_decay=0"]) == ["no error"])
    }

    @Test func figuresAreNoPartOfARun() throws {
        let with = try plan("  - {title: C, curves: fit.loss}")
        #expect(try with.runs.map(\.identity) == plan("").runs.map(\.identity))
    }

    @Test(arguments: [
        (
            "{title: T}",
            "s.yaml:22:5: a figure has exactly one of curves, heat, matrix, scatter, spectrum; found none"
        ),
        (
            "{title: T, curves: fit.loss, heat: fit.loss}",
            "s.yaml:22:5: a figure has exactly one of curves, heat, matrix, scatter, spectrum; found curves, heat"
        ),
        (
            "{title: T, curves: fit.los}",
            "s.yaml:22:24: probe 'fit' has no output 'los'; did you mean 'fit.loss'? (it has: loss)"
        ),
        (
            "{title: T, curves: [fit.loss, fat.loss]}",
            "s.yaml:22:35: the study has no probe 'fat'; did you mean 'fit'? (probes: crh, fit, modes)"
        ),
        (
            "{title: T, curves: \"crh.*.cos\"}",
            "s.yaml:22:24: no output matches 'crh.*.cos' (there are: crh.forward.raw.cos, crh.forward.centred.cos)"
        ),
        (
            "{title: T, curves: loss}",
            "s.yaml:22:24: figures[0].curves must be probe.output, such as test.accuracy or 'crh.*.raw.alpha', got 'loss'"
        ),
        ("{title: T, curves: modes.a.z}", "s.yaml:22:24: 'modes.a.z' is an array; spectrum and scatter draw those"),
        (
            "{title: T, spectrum: modes.a.code}",
            "s.yaml:22:26: 'modes.a.code' is a single number; a spectrum draws arrays"
        ),
        (
            "{title: T, curves: fit.loss, layers: [fc1]}",
            "s.yaml:22:34: 'fit.loss' is measured for the whole network, so it has no layer"
        ),
        (
            "{title: T, curves: fit.loss, fit: line}",
            "s.yaml:22:34: 'fit' has no meaning for curves (it takes: layers, where, scale, colour, width)"
        ),
        (
            "{title: T, curves: fit.loss, kolour: layer}",
            "s.yaml:22:34: unknown key 'kolour' in figures[0]; did you mean 'colour'? (allowed: title, curves, heat, matrix, scatter, spectrum, against, x, y, layers, where, at, scale, colour, fit, width)"
        ),
        (
            "{title: T, spectrum: modes.a.z, scale: symlog}",
            "s.yaml:22:44: symlog is for curves; spectrum are linear or log"
        ),
        (
            "{title: T, curves: fit.loss, where: {optimizer.lrr: 1}}",
            "s.yaml:22:42: the study has no 'optimizer.lrr'; did you mean 'optimizer.lr'?"
        ),
        (
            "{title: T, scatter: modes.a.h}",
            "s.yaml:22:5: a scatter needs 'against', the output that is drawn to the right"
        ),
        (
            "{title: T, scatter: modes.a.h, against: modes.a.zz}",
            "s.yaml:22:45: probe 'modes' has no output 'a.zz'; did you mean 'modes.a.z'? (it has: a.z, a.h, a.pair, a.code, b.z, b.h, b.pair, b.code)"
        ),
        (
            "{title: T, scatter: modes.a.h, against: fit.loss}",
            "s.yaml:22:45: 'modes.a.h' is an array and 'fit.loss' a single number; a scatter needs two alike"
        ),
        (
            "{title: T, scatter: modes.a.h, against: modes.a.pair}",
            "s.yaml:22:45: 'modes.a.h' and 'modes.a.pair' are arrays of different probes or sizes; their elements do not pair"
        ),
        (
            "{title: T, heat: fit.loss}",
            "s.yaml:22:5: a heat map needs 'x', a swept key (swept: regularizers.l2.weight_decay)\ns.yaml:22:5: a heat map needs 'y', a swept key (swept: regularizers.l2.weight_decay)"
        ),
        (
            "{title: T, heat: fit.loss, x: regularizers.l2.weight_deccay, y: regularizers.l2.weight_decay}",
            "s.yaml:22:35: 'regularizers.l2.weight_deccay' is not swept; did you mean 'regularizers.l2.weight_decay'? (swept: regularizers.l2.weight_decay)"
        ),
        (
            "{title: T, heat: fit.loss, x: regularizers.l2.weight_decay, y: regularizers.l2.weight_decay}",
            "s.yaml:22:68: 'regularizers.l2.weight_decay' is x already; a heat map has two keys"
        ),
        (
            "{title: T, curves: fit.loss}\n  - {title: T, curves: fit.loss}",
            "s.yaml:23:13: two figures have this title, t.svg; titles tell figures apart"
        ),
        (
            "{title: A b, curves: fit.loss}\n  - {title: a-B, curves: fit.loss}",
            "s.yaml:23:13: this title and 'A b' give one file name, a-b.svg; titles tell figures apart"
        ),
    ]) func whatIsWrong(figure: String, sentence: String) {
        #expect(lines(figure).joined(separator: "\n") == sentence)
    }

    @Test func figuresCannotBeOverridden() {
        #expect(
            Fixtures.lines(Fixtures.study, ["figures=[]"])
                == ["override 'figures=[]': figures belong to the study file and cannot be overridden"])
    }

    @Test func starsMatchWithinWords() {
        func match(_ pattern: String, _ name: String) -> [String]? { OutputPattern(pattern).match(name) }
        #expect(match("crh.*.raw.alpha", "crh.forward_rga.raw.alpha") == ["forward_rga"])
        #expect(match("crh.*.alpha", "crh.forward_rga.raw.alpha") == nil)
        #expect(match("nc.nc2_*", "nc.nc2_angle") == ["angle"] && match("nc.nc2_*", "nc.nc1") == nil)
        #expect(match("*.a*b*c", "p.aXbYbZc") == ["p", "X", "YbZ"])
        #expect(match("a.b", "a.b") == [] && match("a.b", "a.c") == nil && match("a.*", "a") == nil)
        #expect(OutputPattern("modes.*.z").filled(with: ["b"]) == "modes.b.z")
    }
}
