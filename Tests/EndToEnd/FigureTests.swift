import Foundation
import Testing

/// Figures as a user gets them.
@Suite struct FigureTests {
    private static let study = """
        # Decay and modes.
        study: pictures
        title: Pictures
        dataset: {plugin: digits, train_rows: 300, test_rows: 101}
        model: {plugin: mlp, widths: [17], activation: tanh}
        loss: {plugin: cross_entropy}
        regularizers: {l2: {plugin: l2, weight_decay: 1e-3}}
        optimizer: {plugin: sgd, lr: 0.05, momentum: 0.9}
        train: {steps: 60, batch_size: 32}
        probes:
          modes: {plugin: modes, leading: 9, layers: [head], at: last}
          nc: {plugin: neural_collapse, at: {log: 5}}
          test: {plugin: performance, split: test, at: last}
        sweep:
          regularizers.l2.weight_decay: [1e-3, 1e-2]
          optimizer.lr: [0.05, 0.1, 0.02]
        seeds: 3..4
        figures:
          - {title: Accuracy, heat: test.accuracy, x: optimizer.lr, y: regularizers.l2.weight_decay}
          - {title: Power law, scatter: modes.b.h, against: modes.b.z, scale: log, fit: line, where: {optimizer.lr: 0.1, regularizers.l2.weight_decay: 1e-3}}
          - {title: No such layer, curves: modes.b.count, layers: [fc9]}
        """

    /// The slope of a figure, by NumPy from the observations of its runs.
    private static let fit = """
        import csv, glob, json, numpy as np
        z, h = [], []
        for folder in sorted(glob.glob('out/runs/*')):
            swept = json.load(open(folder + '/run.json'))['swept']
            if swept['optimizer.lr'] != 0.1 or swept['regularizers.l2.weight_decay'] != 1e-3: continue
            rows = {(r['output'], r['index']): r['value'] for r in csv.DictReader(open(folder + '/observations.csv')) if r['probe'] == 'modes'}
            for i in range(9):
                a, b = rows[('b.z', str(i))], rows[('b.h', str(i))]
                if a and b: z.append(float(a)); h.append(float(b))
        (slope, _), cov = np.polyfit(np.log10(z), np.log10(h), 1, cov=True)
        t = {16: 2.1199052992210112, 14: 2.1447866879169273, 15: 2.131449545559323}[len(z) - 2]
        print('%.6f %.6f %d' % (slope, t * cov[0, 0] ** 0.5, len(z)))
        """

    @Test func aStudyWritesThemAndTheReportShowsThem() throws {
        let scratch = try Scratch()
        try scratch.write(Self.study, to: "s.yaml")
        let run = try Tool.run(["run", "s.yaml", "--out", "out", "--quiet"], in: scratch)
        try #require(run.status == 0, "\(run.errors)")
        #expect(
            try scratch.names("out/figures") == [
                "accuracy.svg", "modes-power-laws-of-the-modes.svg", "nc-neural-collapse.svg", "power-law.svg",
            ])
        let page = try scratch.read("out/report.html")
        #expect(page.contains("Nothing to draw: there is no layer &#39;fc9&#39; (there are: head)."))
        let files = try scratch.names("out/figures").map { try scratch.read("out/figures/\($0)") }
        for file in files { #expect(page.contains(file.components(separatedBy: "?>\n")[1].dropLast())) }

        // The report comes from the folder alone, with the same bytes.
        try scratch.write("gone", to: "out/figures/accuracy.svg")
        let again = try Tool.run(["report", "out"], in: scratch)
        #expect(again.status == 0, "\(again.errors)")
        #expect(try scratch.read("out/figures/accuracy.svg") == files[0])

        // Findings show the first two.
        try scratch.write(
            "# Head\n<!-- made by `./dev studies` -->\n![Old](findings/old.svg)\n", to: "docs/findings.md")
        try scratch.write("old", to: "docs/findings/old.svg")
        try scratch.write("mine", to: "docs/findings/mine.svg")
        try FileManager.default.createDirectory(atPath: scratch.path + "/all", withIntermediateDirectories: true)
        try FileManager.default.moveItem(atPath: scratch.path + "/out", toPath: scratch.path + "/all/pictures")
        let findings = try Tool.run(
            ["findings", "s.yaml", "--results", "all", "--update", "docs/findings.md"], in: scratch)
        #expect(findings.status == 0, "\(findings.errors)")
        #expect(
            try scratch.names("docs/findings") == ["mine.svg", "pictures-accuracy.svg", "pictures-power-law.svg"])
        #expect(try scratch.read("docs/findings.md").contains("![Power law](findings/pictures-power-law.svg)"))
    }

    @Test(.enabled(if: Tool.python != nil)) func theLineIsThatOfNumPy() throws {
        let scratch = try Scratch()
        try scratch.write(Self.study, to: "s.yaml")
        let run = try Tool.run(["run", "s.yaml", "--out", "out", "--quiet"], in: scratch)
        try #require(run.status == 0, "\(run.errors)")
        try scratch.write(Self.fit, to: "fit.py")
        let python = try Tool.run(["fit.py"], with: try #require(Tool.python), in: scratch)
        try #require(python.status == 0, "\(python.errors)")
        let numbers = python.output.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        let file = try scratch.read("out/figures/power-law.svg")
        let text = try #require(file.firstMatch(of: /slope ([0-9.−]+) ± ([0-9.]+)  R² [0-9.]+  n ([0-9]+)/))
        /// With as many decimals as a text has.
        func rounded(_ value: Double, like text: String) -> String {
            let decimals = text.firstIndex(of: ".").map { text[$0...].count - 1 } ?? 0
            return String(format: "%.\(decimals)f", value)
        }
        let (slope, half) = (text.1.replacing("−", with: "-"), String(text.2))
        #expect(numbers.count == 3 && rounded(numbers[0], like: String(slope)) == String(slope))
        #expect(rounded(numbers[1], like: half) == half)
        #expect(text.3 == "\(Int(numbers[2]))")
    }

    private static let converter = ["/usr/bin/rsvg-convert", "/usr/local/bin/rsvg-convert"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    /// Where librsvg is installed (Debian: librsvg2-bin).
    @Test(.enabled(if: converter != nil)) func convertersReadThem() throws {
        let scratch = try Scratch()
        try scratch.write(Self.study, to: "s.yaml")
        let run = try Tool.run(["run", "s.yaml", "--out", "out", "--quiet"], in: scratch)
        try #require(run.status == 0, "\(run.errors)")
        let program = URL(fileURLWithPath: try #require(Self.converter))
        for name in try scratch.names("out/figures") {
            for format in ["png", "pdf"] {
                let result = try Tool.run(
                    ["-f", format, "out/figures/\(name)", "-o", "picture.\(format)"], with: program, in: scratch)
                #expect(result.status == 0 && result.errors.isEmpty, "\(name): \(result.errors)")
                let bytes = FileManager.default.contents(atPath: scratch.path + "/picture.\(format)")?.count ?? 0
                #expect(bytes > 3000, "\(name) \(format)")
            }
        }
    }
}
