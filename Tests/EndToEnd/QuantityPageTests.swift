import Foundation
import Testing

/// The quantity of the manual, exactly as printed there; and one that crashes.
@Suite struct QuantityPageTests {
    private static let study = """
        {"study": "norms", "dataset": {"plugin": "noise", "train_rows": 61, "d_in": 5, "classes": 3},
         "model": {"plugin": "mlp", "widths": [4]}, "loss": {"plugin": "cross_entropy"},
         "optimizer": {"plugin": "sgd", "lr": 0.1}, "train": {"steps": 6, "batch_size": 7},
         "probes": {"p": {"plugin": "largest_row", "at": {"every": 3}}, "fit": {"plugin": "performance"}},
         "record": {"quantities": ["org.example.norms/row_norms(layer.input, p=3)"], "samples": 9},
         "claims": [{"say": "There is a gradient", "that": {"min": "p.norm"}, "at_least": 0.001}]}
        """

    /// In a process of its own it gives what it gives in that of the run.
    @Test func theQuantityOfTheManual() throws {
        let scratch = try Scratch()
        try scratch.installPlugin("norms", ofPage: "quantity")
        try scratch.write(Self.study, to: "s.json")
        var values: [String] = []
        for mode in ["none", "all"] {
            let run = try Tool.run(
                ["run", "s.json", "--plugin-path", "mine", "--out", mode, "--isolate", mode, "--check"], in: scratch)
            #expect(run.status == 0, "\(run.output)\(run.errors)")
            #expect(run.output.contains("ok  There is a gradient"))
            let name = try #require(try scratch.names("\(mode)/runs").first)
            values.append(try scratch.read("\(mode)/runs/\(name)/observations.csv"))
            let record = try scratch.read("\(mode)/runs/\(name)/run.json")
            #expect(record.contains("org.example.norms"))
            #expect(record.contains(#""org.example.norms/row_norms""#) == (mode == "all"), "\(record)")
            #expect(try scratch.names("\(mode)/runs/\(name)/arrays") == ["step-00000006.npz"])
        }
        let rows = values[0].split(separator: "\n").filter { $0.contains(",p,norm,") }
        #expect(values[0] == values[1] && rows.count == 6, "\(values[0])")
        let validation = try Tool.run(["plugin", "validate", "mine/norms", "--level", "quick"], in: scratch)
        #expect(validation.status == 0, "\(validation.output)")
    }

    /// A crash costs the values of all who ask for it, and no others.
    @Test func aCrash() throws {
        let scratch = try Scratch()
        try scratch.installPlugin("norms", ofPage: "quantity")
        let source = try scratch.read("mine/norms/norms.c")
        try scratch.write(
            source.replacingOccurrences(
                of: "value[i] = ", with: "if (p == 1) __builtin_trap();\n        value[i] = "),
            to: "mine/norms/norms.c")
        let build = try Tool.run(
            ["cc", "-O2", "-fPIC", "-shared", "-o", "mine/norms/libnorms.so", "mine/norms/norms.c", "-lm"],
            with: URL(fileURLWithPath: "/usr/bin/env"), in: scratch)
        try #require(build.status == 0, "\(build.errors)")
        try scratch.write(Self.study, to: "s.json")
        let run = try Tool.run(["run", "s.json", "--plugin-path", "mine", "--out", "out"], in: scratch)
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        let name = try #require(try scratch.names("out/runs").first)
        let rows = try scratch.read("out/runs/\(name)/observations.csv").split(separator: "\n").dropFirst()
        let norms = rows.filter { $0.contains(",p,norm,") }
        #expect(norms.count == 6 && norms.allSatisfy { $0.contains(",,plugin_") }, "\(norms)")
        #expect(rows.filter { $0.contains(",fit,") && !$0.hasSuffix(",") }.isEmpty)
        let log = try scratch.read("out/runs/\(name)/log.txt")
        #expect(log.contains("org.example.norms/row_norms") && log.contains("SIGILL"), "\(log)")
        #expect(try scratch.names("out/runs/\(name)/arrays") == ["step-00000006.npz"])
    }
}
