import Foundation
import Testing

/// What a user sees when a plugin or a study is broken, and what is left of the study.
@Suite struct FailureTests {
    /// Sums of products over one unit were turned around without end.
    @Test func aRecurrentNetworkOfOneUnit() throws {
        let scratch = try Scratch()
        try scratch.write(
            """
            study: one-unit
            dataset: {plugin: modular_arithmetic, p: 5}
            model: {plugin: recurrent_net, hidden: 1}
            loss: {plugin: cross_entropy}
            optimizer: {plugin: sgd}
            train: {steps: 2}
            probes: {noise: {plugin: gradient_noise}}
            """, to: "s.yaml")
        let run = try Tool.run(["run", "s.yaml", "--out", "out"], in: scratch)
        #expect(run.status == 0, "\(run.output)\(run.errors)")
    }

    private static func study(_ model: String = "mlp, widths: [7]", probe: String = "performance") -> String {
        """
        study: broken
        dataset: {plugin: digits, train_rows: 200, test_rows: 50}
        model: {plugin: \(model)}
        loss: {plugin: cross_entropy}
        optimizer: {plugin: sgd, lr: 0.05}
        train: {steps: 30, batch_size: 16}
        probes:
          p: {plugin: \(probe), at: last}
        seeds: [1]
        """
    }

    private static func manifest(_ id: String, library: String? = nil) -> String {
        """
        {"manifest": 1, "id": "org.example.\(id)", "version": "0.1.0", "name": "n", "summary": "s", "license": "CC0-1.0",
         "library": "\(library ?? id)",
         "components": [{"kind": "probe", "id": "\(id)", "per": "layer",
          "outputs": [{"id": "v", "dtype": "f64", "shape": []}],
          "call": {"symbol": "\(id)", "returns": "status", "args": [
            {"name": "x", "type": "f64*", "from": "quantity", "quantity": "layer.input"},
            {"name": "v", "type": "f64*", "from": "output"}]},
          "examples": [{"name": "e", "given": {"x": {"shape": [2, 3], "data": [1, 2, 3, 4, 5, 6]}}, "expect": {"v": 0.5}}]}]}
        """
    }

    private func run(_ scratch: Scratch, _ arguments: [String] = []) throws -> Tool.Result {
        let plugins = FileManager.default.fileExists(atPath: scratch.path + "/mine") ? ["--plugin-path", "mine"] : []
        return try Tool.run(["run", "s.yaml", "--out", "out"] + plugins + arguments, in: scratch)
    }

    /// A run of the same study with a good probe, before the broken one: must be there afterwards.
    private func withEarlierRun() throws -> (Scratch, String) {
        let scratch = try Scratch()
        try scratch.write(Self.study(), to: "s.yaml")
        let first = try run(scratch)
        #expect(first.status == 0, "\(first.errors)")
        return (scratch, try #require(try scratch.names("out/runs").first))
    }

    private func expectKept(_ scratch: Scratch, _ name: String) throws {
        #expect(try scratch.read("out/runs/\(name)/run.json").contains("\"status\": \"finished\""))
        #expect(try scratch.read("out/runs/\(name)/observations.csv").split(separator: "\n").count == 4)
    }

    @Test func aMissingLibrary() throws {
        let (scratch, earlier) = try withEarlierRun()
        try scratch.write(Self.manifest("gone"), to: "mine/gone/plugin.json")
        try scratch.write(Self.study(probe: "gone"), to: "s.yaml")
        let result = try run(scratch)
        #expect(result.status == 64)
        #expect(
            result.errors.contains("mine/gone/plugin.json: library 'libgone.so' not found in mine/gone or "),
            "\(result.errors)")
        try expectKept(scratch, earlier)
    }

    @Test func aMissingSymbol() throws {
        let (scratch, earlier) = try withEarlierRun()
        try scratch.write(Self.manifest("renamed"), to: "mine/renamed/plugin.json")
        try scratch.compile("int other(void) { return 0; }", to: "mine/renamed", name: "renamed")
        try scratch.write(Self.study(probe: "renamed"), to: "s.yaml")
        let result = try run(scratch)
        #expect(result.status == 1)
        #expect(
            result.errors.contains(
                "has no function 'renamed' (is it exported with C linkage? nm -D shows the names)"),
            "\(result.errors)")
        try expectKept(scratch, earlier)
    }

    @Test func aLibraryForAnotherMachine() throws {
        let (scratch, earlier) = try withEarlierRun()
        try scratch.write(Self.manifest("foreign"), to: "mine/foreign/plugin.json")
        try scratch.compile("int foreign(void) { return 0; }", to: "mine/foreign", name: "foreign")
        let path = scratch.path + "/mine/foreign/libforeign.so"
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[18] = bytes[18] == 183 ? 62 : 183
        try bytes.write(to: URL(fileURLWithPath: path))
        try scratch.write(Self.study(probe: "foreign"), to: "s.yaml")
        let result = try run(scratch)
        #expect(result.status == 1)
        #expect(result.errors.contains("libforeign.so: is built for "), "\(result.errors)")
        try expectKept(scratch, earlier)
    }

    /// A model whose graph does not fit: both shapes and the operation are named.
    @Test func aShapeMismatchInAModel() throws {
        let (scratch, earlier) = try withEarlierRun()
        try scratch.write(
            """
            {"manifest": 1, "id": "org.example.misfit", "version": "0.1.0", "name": "n", "summary": "s", "license": "CC0-1.0",
             "library": "misfit",
             "components": [{"kind": "model", "id": "misfit", "outputs": [{"id": "output"}],
              "call": {"symbol": "misfit", "returns": "status", "args": [
                {"name": "g", "type": "service", "from": "service", "service": "syzygy.graph/1"},
                {"name": "x", "type": "i32", "from": "input"},
                {"name": "output", "type": "i32*", "from": "output"}]},
              "examples": [{"name": "e", "given": {"x": {"shape": [2, 3], "data": [1, 2, 3, 4, 5, 6]}, "classes": 10},
                "expect": {"output": 0.5}}]}]}
            """, to: "mine/misfit/plugin.json")
        let header = Tool.root + "/Sources/CSyzygy/include/syzygy.h"
        try scratch.compile(
            """
            #include "\(header)"
            int32_t misfit(const syzygy_graph *g, int32_t x, int32_t *output) {
                int64_t shape[2] = {10, 63};
                syzygy_initializer i = {"he_normal", 1};
                syzygy_node w = g->parameter(g->context, "head.weight", "weight", shape, 2, i, 0, 0);
                syzygy_node in[2] = {x, w};
                syzygy_attribute t = {"transpose_b", 1};
                *output = g->apply(g->context, "matmul", in, 2, &t, 1);
                return *output < 0 ? SYZYGY_INVALID : SYZYGY_OK;
            }
            """, to: "mine/misfit", name: "misfit")
        try scratch.write(Self.study("misfit"), to: "s.yaml")
        let result = try run(scratch)
        #expect(result.status == 1)
        #expect(result.errors.contains("plugin org.example.misfit/misfit: matmul: "), "\(result.errors)")
        #expect(result.errors.contains("[16, 64]") && result.errors.contains("[10, 63]"), "\(result.errors)")
        try expectKept(scratch, earlier)
    }

    /// A crash costs one run: it is recorded, the others finish, the command ends with 1.
    @Test func aCrashIsARecordedResult() throws {
        let scratch = try Scratch()
        try scratch.write(Self.manifest("crash"), to: "mine/crash/plugin.json")
        try scratch.compile(
            """
            int crash(const double *x, double *v) { if (x[0] != x[1]) *(volatile int *)8 = 1; *v = 0.5; return 0; }
            """, to: "mine/crash", name: "crash")
        try scratch.write(
            Self.study(probe: "crash") + "\nsweep:\n  probes.p.plugin: [performance, crash]\n", to: "s.yaml")
        let result = try run(scratch, ["--isolate", "none"])
        #expect(result.status == 1)
        let records = try scratch.names("out/runs").map { try scratch.read("out/runs/\($0)/run.json") }
        #expect(records.count == 2)
        #expect(records.filter { $0.contains("\"status\": \"finished\"") }.count == 1)
        #expect(
            records.filter {
                $0.contains("\"status\": \"failed\"") && $0.contains("(SIGSEGV) after step ")
                    && $0.contains(", while it called plugin org.example.crash/")
            }.count == 1, "\(records)")
        // Swift's runtime says where, if its backtracer is installed.
        #expect(
            records.allSatisfy {
                !$0.contains("SIGSEGV") || !$0.contains("Bad pointer") || $0.contains(", in crash of libcrash.so")
            }, "\(records)")
    }

    @Test func aDivergedRunIsDataAndTheRestGoesOn() throws {
        let scratch = try Scratch()
        try scratch.write(Self.study() + "\nsweep:\n  optimizer.lr: [0.05, 1e30]\n", to: "s.yaml")
        let result = try run(scratch)
        #expect(result.status == 0, "\(result.errors)")
        let records = try scratch.names("out/runs").map { try scratch.read("out/runs/\($0)/run.json") }
        #expect(records.filter { $0.contains("\"status\": \"diverged\"") && $0.contains("loss became") }.count == 1)
        #expect(records.filter { $0.contains("\"status\": \"finished\"") }.count == 1)
    }

    /// Ctrl-C while the second run trains: the first stays, the second is marked, the same command computes the rest.
    @Test func interruptionKeepsFinishedRuns() throws {
        let scratch = try Scratch()
        try scratch.write(
            Self.study() + "\nsweep:\n  train.steps: [30, 40000000]\n", to: "s.yaml")
        let result = try Tool.run(["run", "s.yaml", "--out", "out", "--jobs", "2"], in: scratch) { process in
            // The long run never ends by itself: wait until the short one has, then interrupt.
            while process.isRunning {
                let records = ((try? scratch.names("out/runs")) ?? []).compactMap {
                    try? scratch.read("out/runs/\($0)/run.json")
                }
                if records.contains(where: { $0.contains("\"status\": \"finished\"") })
                    && records.contains(where: { $0.contains("\"status\": \"running\"") })
                {
                    break
                }
                usleep(20_000)
            }
            process.interrupt()
        }
        #expect(result.status == 130)
        let records = try scratch.names("out/runs").map { try scratch.read("out/runs/\($0)/run.json") }
        #expect(records.filter { $0.contains("\"status\": \"finished\"") }.count == 1)
        #expect(records.filter { $0.contains("\"status\": \"interrupted\"") }.count == 1)
    }

    /// Layers are known when the model is built, which planning does not do.
    @Test(arguments: [
        ("probes.p={plugin: spectrum, layers: [fc2]}", "probes.p"),
        ("record={quantities: [layer.weight], layers: [fc2]}", "record"),
    ])
    func aLayerThatTheModelDoesNotHave(_ override: String, _ section: String) throws {
        let (scratch, earlier) = try withEarlierRun()
        let result = try run(scratch, [override])
        #expect(result.status == 1)
        #expect(
            result.errors.contains(
                "failed: \(section).layers: the model has no layer 'fc2'; did you mean 'fc1'? (it has: fc1, head"),
            "\(result.errors)")
        try expectKept(scratch, earlier)
    }

    /// The machine's fault is not a wrong study: status 1, and what is wrong with the place.
    @Test func anOutputFolderThatCannotBe() throws {
        let scratch = try Scratch()
        try scratch.write(Self.study(), to: "s.yaml")
        try scratch.write("mine", to: "out")
        let result = try Tool.run(["run", "s.yaml", "--out", "out"], in: scratch)
        #expect(result.status == 1)
        #expect(result.errors == "out: the folder cannot be created: a file of this name is in its place\n")
    }

    @Test func aPluginPathWithoutPlugins() throws {
        let scratch = try Scratch()
        try scratch.write(Self.study(), to: "s.yaml")
        let result = try Tool.run(["plan", "s.yaml", "--plugin-path", "nowhere"], in: scratch)
        #expect(result.status == 64)
        #expect(
            result.errors.contains(
                "--plugin-path nowhere: expected a folder with plugins, that is plugin.json or */plugin.json"))
    }

    @Test func wrongUsageIs64() throws {
        let scratch = try Scratch()
        try scratch.write(Self.study().replacingOccurrences(of: "lr:", with: "learning_rate:"), to: "s.yaml")
        let result = try run(scratch)
        #expect(result.status == 64)
        #expect(result.errors.hasPrefix("s.yaml:5:26: unknown key 'learning_rate' in optimizer"), "\(result.errors)")
        #expect(try Tool.run(["run", "absent.yaml"], in: scratch).status == 64)
        #expect(try Tool.run(["plan"], in: scratch).status == 64)
    }
}
