import Foundation
import Testing

/// `syzygy table` and `syzygy compare` on a study of two swept keys, one of whose settings diverges.
@Suite struct TableCommandTests {
    private static let study = """
        study: tables
        dataset: {plugin: digits, train_rows: 300, test_rows: 101}
        model: {plugin: mlp, widths: [11], activation: relu}
        loss: {plugin: mean_squared_error}
        optimizer: {plugin: sgd, lr: 0.05}
        train: {steps: 20, batch_size: 32}
        probes:
          test: {plugin: performance, split: test, at: {log: 3}}
          train: {plugin: performance, at: {log: 3}}
        sweep:
          optimizer.lr: [0.05, 1e6]
          optimizer.momentum: [0, 0.5]
        seeds: 3..5
        """

    @Test func tablesAndComparisonsOfAStudy() throws {
        let scratch = try Scratch()
        try scratch.write(Self.study, to: "s.yaml")
        let run = try Tool.run(["run", "s.yaml", "--out", "out"], in: scratch)
        #expect(run.status == 0, "\(run.errors)")
        let plain = try Tool.run(["table", "out"], in: scratch)
        #expect(plain.status == 0 && run.output.contains(plain.output), "\(plain.output)\(plain.errors)")
        let pivot = try Tool.run(["table", "out", "test.*", "--pivot", "lr", "--show", "n"], in: scratch)
        #expect(
            pivot.output.contains("test.loss  0         3         – (run_diverged ×3)")
                || pivot.output.contains("0 (run_diverged ×3)"), "\(pivot.output)")
        #expect(
            pivot.output.contains(
                "\nnot finished: 3 diverged (lr=1e6 momentum=0), 3 diverged (lr=1e6 momentum=0.5)\n"),
            "\(pivot.output)")
        for (format, begin) in [
            ("markdown", "| output"), ("latex", "% needs"), ("csv", "optimizer.lr,optimizer.momentum,probe,"),
        ] {
            let table = try Tool.run(
                ["table", "out", "test.loss", "--where", "lr=0.05", "--format", format], in: scratch)
            #expect(table.status == 0 && table.output.hasPrefix(begin), "\(table.output)")
        }
        let wrong = try Tool.run(["table", "out", "test.los"], in: scratch)
        #expect(
            wrong.status == 64 && wrong.errors.hasPrefix("no run has recorded 'test.los'; did you mean 'test.loss'?"))
        let nowhere = try Tool.run(["table", "nowhere"], in: scratch)
        #expect(
            nowhere.status == 64
                && nowhere.errors == "nowhere: no study.json here; expected the folder that 'syzygy run' wrote\n")
        let usage = try Tool.run(["table", "out", "--at", "end"], in: scratch)
        #expect(usage.status == 64 && usage.errors.contains("--at end: expected last, first or a step"))

        let inside = try Tool.run(
            ["compare", "out:lr=0.05,momentum=0", "out:lr=0.05,momentum=0.5", "test.loss", "--p"], in: scratch)
        #expect(
            inside.status == 0 && inside.output.contains("optimizer.momentum  0  0.5"),
            "\(inside.output)\(inside.errors)")
        #expect(inside.output.contains("runs with one seed are pairs"))
        // Another split is another definition: refused, the rest compared.
        let other = try Tool.run(
            ["run", "s.yaml", "optimizer.lr=0.05", "probes.test.split=train", "--out", "other", "--quiet"],
            in: scratch)
        #expect(other.status == 0, "\(other.errors)")
        let refused = try Tool.run(["compare", "out:lr=0.05", "other", "*.loss", "--format", "csv"], in: scratch)
        #expect(refused.status == 1, "\(refused.errors)")
        #expect(
            refused.errors
                == "not compared: the outputs of 'test' are defined differently: split: test against train\n")
        let lines = refused.output.split(separator: "\n")
        #expect(
            lines.count == 3 && lines[1].hasPrefix("0,train,loss,,,20,20,") && lines[2].hasPrefix("0.5,train,loss,"),
            "\(refused.output)")
    }
}
