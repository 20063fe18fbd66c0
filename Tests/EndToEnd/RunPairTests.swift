import Foundation
import Testing

/// Pairs of runs in whole studies.
@Suite struct RunPairTests {
    private static let study = """
        study: pairs
        dataset: {plugin: digits, train_rows: 500, test_rows: 211, standardize: true}
        model: {plugin: mlp, widths: [14, 11], activation: relu}
        loss: {plugin: cross_entropy}
        optimizer: {plugin: sgd, lr: 0.05}
        train: {steps: 400, batch_size: 50}
        probes:
          alike: {plugin: agreement, split: test, at: {every: 200}}
          apart: {plugin: weight_distance, at: {every: 200}}
          cka: {plugin: cka_runs, of: [input, output], split: test, at: {every: 200}}
          test: {plugin: performance, split: test, at: last}
        record: {quantities: [layer.input, labels], split: test, at: {every: 200}}
        sweep:
          optimizer.lr: [0.05, 0.1]
        seeds: 0..2
        claims:
          - say: Training brings predictions together
            that: {mean: alike.agreement, at: last}
            exceeds: {mean: alike.agreement, at: first}
            by: 0.2
        """

    private func contents(_ scratch: Scratch, _ out: String) throws -> [String: String] {
        var files: [String: String] = [:]
        for name in try scratch.names("\(out)/pairs") where name.hasSuffix(".csv") {
            files[name] = try scratch.read("\(out)/pairs/\(name)")
        }
        return files
    }

    @Test func everyPairOfASetting() throws {
        let scratch = try Scratch()
        try scratch.write(Self.study, to: "s.yaml")
        let run = try Tool.run(["run", "s.yaml", "--out", "a", "--check", "--jobs", "2"], in: scratch)
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        #expect(run.output.contains("ok  Training brings predictions together") && run.output.contains("N = 6"))
        #expect(run.output.contains("alike.agreement") && run.output.contains("apart.cosine"))
        let files = try contents(scratch, "a")
        #expect(files.count == 6)
        let table = try scratch.read("a/pairs.csv").split(separator: "\n")
        #expect(table[0] == "first,second,step,probe,output,layer,index,value,reason")
        // Three steps of 2 + 2 + 3 layers × 2 numbers for each of six pairs; none is missing.
        #expect(table.count == 1 + 6 * 3 * (2 + 2 + 3 * 2) && !table.contains { $0.hasSuffix("_") })
        #expect(try scratch.read("a/table.csv").contains("alike,agreement,"))
        #expect(try scratch.read("a/report.html").contains("agreement"))
        if let python = Tool.python {
            let check = try Tool.run([Tool.root + "/Tests/References/run_pairs.py", "a"], with: python, in: scratch)
            #expect(check.status == 0, "\(check.output)\(check.errors)")
        }

        // Together, one at a time, in processes of their own: the same bits where training has the same.
        let alone = try Tool.run(["run", "s.yaml", "--out", "b", "--jobs", "1", "--isolate", "all"], in: scratch)
        #expect(alone.status == 0, "\(alone.errors)")
        #expect(try contents(scratch, "b") == files)

        // What is there stays; what is missing is measured; a lower limit measures nothing and recomputes nothing.
        let first = try #require(files.keys.sorted().first)
        try FileManager.default.removeItem(atPath: "\(scratch.path)/a/pairs/\(first)")
        let again = try Tool.run(["run", "s.yaml", "--out", "a"], in: scratch)
        #expect(again.status == 0 && again.output.contains("6 done, 0 to run"), "\(again.output)")
        #expect(try contents(scratch, "a") == files)
        let fewer = try Tool.run(
            ["run", "s.yaml", "--out", "a", "probes.alike.pairs=1", "probes.apart.pairs=1", "probes.cka.pairs=1"],
            in: scratch)
        #expect(fewer.status == 0 && fewer.output.contains("6 done, 0 to run"), "\(fewer.output)")
        #expect(try scratch.read("a/pairs.csv").split(separator: "\n").count == 1 + 2 * 3 * 10)
    }

    /// Runs that train together keep their parameters too; a run that diverges is in no pair.
    @Test func togetherAndDiverged() throws {
        let scratch = try Scratch()
        let study = Self.study.replacingOccurrences(of: "[0.05, 0.1]", with: "[0.05, 1.0e+30]")
            .replacingOccurrences(of: "batch_size: 50", with: "batch_size: 50, together: 6")
        try scratch.write(study, to: "s.yaml")
        let run = try Tool.run(["run", "s.yaml", "--out", "out"], in: scratch)
        #expect(run.status == 0, "\(run.errors)")
        #expect(try contents(scratch, "out").count == 3)
        #expect(try scratch.read("out/pairs.csv").split(separator: "\n").count == 1 + 3 * 3 * 10)
    }

    /// A probe that fails says so in the pair's values, one that ends its process costs the pair and the command's status.
    @Test func failures() throws {
        let scratch = try Scratch()
        try scratch.write(Self.source, to: "mine/odd/odd.c")
        try scratch.write(Self.manifest, to: "mine/odd/plugin.json")
        let compiled = try Tool.run(
            ["cc", "-O1", "-shared", "-fPIC", "-o", "mine/odd/libodd.so", "mine/odd/odd.c"],
            with: URL(fileURLWithPath: "/usr/bin/env"), in: scratch)
        try #require(compiled.status == 0, "\(compiled.errors)")
        try scratch.write(
            Self.study.replacingOccurrences(of: "  apart:", with: "  odd: {plugin: odd, at: last}\n  apart:")
                .replacingOccurrences(of: "seeds: 0..2", with: "seeds: 0..1"), to: "s.yaml")
        let arguments = ["run", "s.yaml", "--plugin-path", "mine"]
        let isolated = try Tool.run(arguments + ["--out", "a", "--isolate", "all"], in: scratch)
        #expect(isolated.status == 0, "\(isolated.errors)")
        #expect(try scratch.read("a/pairs.csv").contains(",400,odd,y,,,,plugin_crashed_sigsegv"))
        let crashed = try Tool.run(arguments + ["--out", "b", "--isolate", "none"], in: scratch)
        #expect(crashed.status == 1 && crashed.errors.contains("pair of "), "\(crashed.errors)")
        #expect(crashed.errors.contains("signal 11"), "\(crashed.errors)")
        #expect(try contents(scratch, "b").isEmpty)
    }

    private static let source = "double odd(const double *v) { return *(volatile double *)8 + v[0]; }\n"

    private static let manifest = """
        { "manifest": 1, "id": "org.example.odd", "version": "0.1.0", "license": "CC0-1.0", "name": "Odd",
          "summary": "Crashes.", "library": "odd", "components": [{ "kind": "probe", "id": "odd", "per": "run_pair",
          "outputs": [{ "id": "y", "dtype": "f64", "shape": [] }],
          "call": { "symbol": "odd", "returns": { "type": "f64", "output": "y" }, "args": [
            { "name": "v", "type": "f64*", "from": "quantity", "quantity": "first.parameters" }] },
          "examples": [{ "name": "one", "given": { "v": { "shape": [1], "data": [1] } }, "expect": { "y": 1 } }] }] }
        """
}
