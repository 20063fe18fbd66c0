import ArrayFiles
import Foundation
import Manifests
import Testing

/// Losses, regularizers, models, initializers and samplers in processes of their own: the same bits as in the run's process, and a failure
/// there ends the run with a sentence, never the study.
@Suite struct IsolatedTermsTests {
    /// A regularizer with a state, a starting value, a count of its steps and two ways of being called; a loss; an initializer; a sampler.
    private static let source = """
        #include "\(Tool.root)/Sources/CSyzygy/include/syzygy.h"
        #include <signal.h>
        #include <stdlib.h>
        #include <unistd.h>
        static volatile long depth;
        static int32_t misbehave(int32_t how) {
            switch (how) {
            case 1: *(volatile int *)8 = 1; break;
            case 2: abort();
            case 3: exit(0);
            case 4: for (;;) depth++;
            case 5: raise(SIGKILL); break;
            case 6: return SYZYGY_UNSUPPORTED;
            }
            return 0;
        }
        #define PULL(T, NAME) \\
        double NAME(const T *w, T *g, T *mean, int64_t n, int64_t step, int32_t how, double strength) { \\
            double value = 0; \\
            if (step == 5 && misbehave(how)) return 0.0 / 0.0; \\
            for (int64_t i = 0; i < n; i++) { \\
                mean[i] = (T)(0.9 * mean[i] + 0.1 * w[i]); \\
                value += strength * (w[i] - mean[i]) * (w[i] - mean[i]) / 2; \\
                g[i] += (T)(strength * (w[i] - mean[i])); \\
            } \\
            return value; \\
        } \\
        int32_t NAME##_start(T *w, T *mean, int64_t n) { \\
            for (int64_t i = 0; i < n; i++) { w[i] *= 1.5f; mean[i] += w[i] / 3; } \\
            return 0; \\
        }
        PULL(float, pull_f32)
        PULL(double, pull_f64)
        int32_t apart(const syzygy_graph *g, syzygy_node f, syzygy_node y, int32_t how, syzygy_node *loss) {
            void *c = g->context;
            int64_t shape[SYZYGY_MAX_RANK];
            const int32_t rank = g->shape(c, f, shape);
            y = g->apply(c, "one_hot", &y, 1, &(syzygy_attribute){"classes", shape[rank - 1]}, 1);
            syzygy_node d = g->apply(c, "sub", (syzygy_node[]){f, y}, 2, 0, 0);
            d = g->apply(c, "square", &d, 1, 0, 0);
            const int32_t status = misbehave(how);
            if (status) { g->fail(c, "the author says no"); return status; }
            const double scale[1] = {rank == 2 ? 0.5 : 0 * shape[0]};
            const syzygy_node factor = g->tensor(c, scale, (int64_t[]){1}, 1);
            d = g->apply(c, "mul", (syzygy_node[]){d, factor}, 2, 0, 0);
            *loss = g->apply(c, "sum", &d, 1, &(syzygy_attribute){"axis", -1}, 1);
            return *loss < 0 ? SYZYGY_INVALID : SYZYGY_OK;
        }
        int32_t ramp(const syzygy_random *r, const char *name, int64_t n, const double *w, int32_t how, double *values) {
            r->normal(r->context, "ramp", 0, n, values);
            for (int64_t i = 0; i < n; i++) values[i] *= name[0] == 'f' ? 0.1 : 0.2;
            return misbehave(how);
        }
        int32_t end(const double *w, int64_t n, int64_t step, int32_t how, double *rows) {
            *rows = n + 0 * w[0];
            return step == 5 ? misbehave(how) : 0;
        }
        int32_t backwards(const int32_t *y, int64_t rows, int64_t epoch, int32_t how, int64_t *order) {
            for (int64_t i = 0; i < rows; i++) order[i] = (rows - 1 - i + epoch + (y ? y[i] : 0)) % rows;
            return misbehave(how);
        }
        """

    private static let ways = ["none", "segv", "abort", "exit", "loop", "kill", "refuse"]

    private static var manifest: String {
        let how =
            #"{ "id": "how", "type": "enum", "values": [\#(ways.map { "\"\($0)\"" }.joined(separator: ", "))], "default": "none" }"#
        return """
            { "manifest": 1, "id": "org.example.terms", "version": "0.1.0", "license": "CC0-1.0", "name": "Terms",
              "summary": "Misbehaves.", "library": "terms", "components": [
              { "kind": "regularizer", "id": "pull", "per": "parameter", "elementwise": true,
                "params": [\(how), { "id": "strength", "type": "float", "default": 0.5 }],
                "state": [{ "id": "mean", "like": "parameter", "init": { "kind": "zeros" }, "mutable": true }],
                "outputs": [{ "id": "value", "dtype": "f64", "shape": [] }],
                "start": { "symbol": { "f32": "pull_f32_start", "f64": "pull_f64_start" }, "returns": "status", "args": [
                  { "name": "w", "type": "T*", "from": "quantity", "quantity": "parameter.value", "access": "readwrite" },
                  { "name": "mean", "type": "T*", "from": "state" },
                  { "name": "n", "type": "i64", "from": "count", "of": "w" }] },
                "call": { "symbol": { "f32": "pull_f32", "f64": "pull_f64" }, "returns": { "type": "f64", "output": "value" }, "args": [
                  { "name": "w", "type": "T*", "from": "quantity", "quantity": "parameter.value" },
                  { "name": "g", "type": "T*", "from": "quantity", "quantity": "parameter.grad", "access": "readwrite" },
                  { "name": "mean", "type": "T*", "from": "state" },
                  { "name": "n", "type": "i64", "from": "count", "of": "w" },
                  { "name": "step", "type": "i64", "from": "step" },
                  { "name": "how", "type": "i32", "from": "param" },
                  { "name": "strength", "type": "f64", "from": "param" }] },
                "examples": [{ "name": "one", "given": { "w": { "shape": [1], "data": [0] }, "g": { "shape": [1], "data": [2] },
                  "mean": { "shape": [1], "data": [0] }, "step": 0 }, "expect": { "value": 0 } }] },
              { "kind": "loss", "id": "apart", "params": [\(how)], "outputs": [{ "id": "sample_loss", "shape": ["rows"] }],
                "call": { "symbol": "apart", "returns": "status", "args": [
                  { "name": "g", "type": "service", "from": "service", "service": "syzygy.graph/1" },
                  { "name": "f", "type": "i32", "from": "input", "input": "output" },
                  { "name": "y", "type": "i32", "from": "input" },
                  { "name": "how", "type": "i32", "from": "param" },
                  { "name": "loss", "type": "i32*", "from": "output", "output": "sample_loss" }] },
                "examples": [{ "name": "one", "given": { "output": { "shape": [1, 2], "data": [1, 3] },
                  "y": { "shape": [1], "data": [0] }, "classes": 2 }, "expect": { "sample_loss": { "shape": [1], "data": [4.5] } } }] },
              { "kind": "initializer", "id": "ramp", "params": [\(how)],
                "outputs": [{ "id": "value" }],
                "call": { "symbol": "ramp", "returns": "status", "args": [
                  { "name": "r", "type": "service", "from": "service", "service": "syzygy.random/1" },
                  { "name": "name", "type": "char*", "from": "field", "field": "name" },
                  { "name": "n", "type": "i64", "from": "count", "of": "w" },
                  { "name": "w", "type": "f64*", "from": "quantity", "quantity": "parameter.value" },
                  { "name": "how", "type": "i32", "from": "param" },
                  { "name": "value", "type": "f64*", "from": "output" }] },
                "examples": [{ "name": "one", "given": { "w": { "shape": [1], "data": [0] } },
                  "expect": { "value": { "shape": [1], "data": [0.3] } }, "atol": 9 }] },
              { "kind": "probe", "id": "end", "per": "layer", "params": [\(how)],
                "outputs": [{ "id": "rows", "dtype": "f64", "shape": [] }],
                "call": { "symbol": "end", "returns": "status", "args": [
                  { "name": "w", "type": "f64*", "from": "quantity", "quantity": "layer.weight" },
                  { "name": "n", "type": "i64", "from": "dim", "of": "w", "axis": 0 },
                  { "name": "step", "type": "i64", "from": "step" },
                  { "name": "how", "type": "i32", "from": "param" },
                  { "name": "rows", "type": "f64*", "from": "output" }] },
                "examples": [{ "name": "one", "given": { "w": { "shape": [1, 2], "data": [3, 4] }, "step": 0 },
                  "expect": { "rows": 1 } }] },
              { "kind": "sampler", "id": "backwards", "params": [\(how)],
                "outputs": [{ "id": "order", "dtype": "i64", "shape": ["rows"] }],
                "call": { "symbol": "backwards", "returns": "status", "args": [
                  { "name": "y", "type": "i32*", "from": "column", "column": "y" },
                  { "name": "rows", "type": "i64", "from": "field", "field": "row_count" },
                  { "name": "epoch", "type": "i64", "from": "field", "field": "epoch" },
                  { "name": "how", "type": "i32", "from": "param" },
                  { "name": "order", "type": "i64*", "from": "output" }] },
                "examples": [{ "name": "one", "given": { "y": { "shape": [2], "data": [0, 0] }, "epoch": 0, "row_count": 2 },
                  "expect": { "order": { "shape": [2], "data": [1, 0] } } }] }] }
            """
    }

    private func prepared() throws -> Scratch {
        let scratch = try Scratch()
        try scratch.write(Self.manifest, to: "terms/plugin.json")
        try scratch.compile(Self.source, to: "terms", name: "terms")
        return scratch
    }

    private func study(_ overrides: [String: String] = [:], precision: String = "f32") -> String {
        func how(_ name: String) -> String { overrides[name] ?? "none" }
        return """
            study: terms
            dataset: {plugin: digits, train_rows: 70, test_rows: 9}
            model: {plugin: mlp, widths: [33], activation: tanh}
            loss: {plugin: apart, how: \(how("apart"))}
            initializers: {all: {plugin: ramp, parameters: "*", how: \(how("ramp"))}}
            sampler: {plugin: backwards, how: \(how("backwards"))}
            regularizers:
              first: {plugin: pull, how: \(how("pull")), strength: 0.5}
              second: {plugin: pull, strength: 0.25, parameters: "*.weight"}
            optimizer: {plugin: sgd, lr: 0.05, momentum: 0.9}
            probes:
              p: {plugin: performance, at: {every: 5}}
              e: {plugin: end, how: \(how("end")), at: {steps: [5]}}
              s: {plugin: spectrum, at: last}
            train: {steps: 15, batch_size: 16, precision: \(precision), log_every: 100}
            """
    }

    private func run(
        _ text: String, as name: String, in scratch: Scratch, _ options: [String] = []
    ) throws -> (status: Int32, errors: String, folder: String) {
        try scratch.write(text, to: "\(name).yaml")
        let result = try Tool.run(
            ["run", "\(name).yaml", "--plugin-path", "terms", "--out", name] + options, in: scratch)
        return (result.status, result.errors, "\(name)/runs/\(try #require(try scratch.names("\(name)/runs").first))")
    }

    /// Training, values of probes and the checkpoint do not depend on where the functions run. `auto` isolates this plugin, `all` also the
    /// model, the dataset and the probes.
    @Test(arguments: ["f32", "f64"]) func sameBits(_ precision: String) throws {
        let scratch = try prepared()
        let inside = try run(study(precision: precision), as: "inside", in: scratch, ["--isolate", "none"])
        #expect(inside.status == 0, "\(inside.errors)")
        let record = try scratch.read("\(inside.folder)/run.json")
        #expect(record.contains("\"status\": \"finished\""), "\(record)")
        for mode in ["auto", "all"] {
            let outside = try run(study(precision: precision), as: mode, in: scratch, ["--isolate", mode])
            #expect(outside.status == 0, "\(outside.errors)")
            for file in ["observations.csv", "checkpoint.safetensors"] {
                let expected = try Data(contentsOf: URL(fileURLWithPath: "\(scratch.path)/\(inside.folder)/\(file)"))
                let found = try Data(contentsOf: URL(fileURLWithPath: "\(scratch.path)/\(outside.folder)/\(file)"))
                #expect(expected == found && !expected.isEmpty, "\(mode): \(file)")
            }
            let isolation = try StrictJSON.parse(try scratch.read("\(outside.folder)/run.json"), file: "run.json")
                .root["host"]?["isolation"]
            let components = isolation?["components"]?.array?.compactMap(\.string) ?? []
            let own = ["backwards", "ramp", "apart", "pull"].map { "org.example.terms/\($0)" }
            #expect(Set(own).isSubset(of: components) && (mode == "all") == components.contains("syzygy.mlp/mlp"))
        }
    }

    /// The run fails with the component, what happened and how to repeat it; the other run of the study goes on.
    @Test(arguments: [
        ("pull", "segv", ": its process ended with signal 11 (SIGSEGV)"),
        ("pull", "abort", ": its process ended with signal 6 (SIGABRT)"),
        ("pull", "exit", ": its process ended with exit status 0"),
        ("pull", "loop", ": no answer within 1 s"),
        ("apart", "segv", ": its process ended with signal 11 (SIGSEGV)"),
        ("apart", "exit", ": its process ended with exit status 0"),
        ("apart", "loop", ": no answer within 1 s"),
        ("ramp", "kill", ": its process ended with signal 9 (SIGKILL"),
        ("backwards", "abort", ": its process ended with signal 6 (SIGABRT)"),
    ])
    func aFailureEndsItsRunOnly(_ component: String, _ how: String, _ words: String) throws {
        let scratch = try prepared()
        let key = ["pull": "regularizers.first", "apart": "loss", "ramp": "initializers.all", "backwards": "sampler"]
        let text = study() + "\nsweep: {\(key[component] ?? "").how: [none, \(how)]}"
        let ended = try run(text, as: "failed", in: scratch, ["--deadline", "1"])
        #expect(ended.status == 1)
        let folders = try scratch.names("failed/runs")
        let records = try folders.map { try scratch.read("failed/runs/\($0)/run.json") }
        #expect(records.count == 2 && records.filter { $0.contains("\"status\": \"finished\"") }.count == 1)
        let failed = try #require(records.firstIndex { $0.contains("\"status\": \"failed\"") })
        let message = try StrictJSON.parse(records[failed], file: "run.json").root["message"]?.string ?? ""
        #expect(message.contains("plugin org.example.terms/\(component): ") && message.contains(words), "\(message)")
        let place = ["pull": "'pull_f32' at step 5, ", "ramp": ".weight: 'ramp'"][component] ?? "'\(component)'"
        #expect(message.contains(place), "\(message)")
        let replay = try #require(message.firstMatch(of: /syzygy plugin replay (\S+\.replay)/)?.1, "\(message)")
        guard how != "loop" else { return }
        // It fails again in the same way.
        let again = try Tool.run(["plugin", "replay", String(replay)], in: scratch)
        #expect(
            how == "exit" ? !again.output.contains("returned") : again.status != 0, "\(again.output)\(again.errors)")
        #expect(!again.errors.contains("asks for the network"), "\(again.errors)")
    }

    /// A status that says no is the same sentence here and there.
    @Test func aRefusalIsTheSame() throws {
        let scratch = try prepared()
        for component in ["apart", "ramp", "backwards"] {
            let sentences = try ["none", "auto"].map { mode in
                try run(study([component: "refuse"]), as: "\(component)-\(mode)", in: scratch, ["--isolate", mode])
                    .errors.replacing("\(component)-\(mode)", with: "x")
            }
            #expect(sentences[0].contains("plugin org.example.terms/\(component): "), "\(sentences[0])")
            #expect(sentences[0] == sentences[1])
        }
    }

    /// A probe of the same plugin ends the process that has the regularizers' parameters: the next one is told them, and training goes on with
    /// the same bits.
    @Test(arguments: ["segv", "exit"]) func anotherComponentEndsTheProcess(_ how: String) throws {
        let scratch = try prepared()
        let clean = try run(study(), as: "clean", in: scratch, ["--isolate", "none"])
        let ended = try run(study(["end": how]), as: "ended", in: scratch)
        #expect(ended.status == 0, "\(ended.errors)")
        func values(_ folder: String) throws -> [Substring] {
            try scratch.read("\(folder)/observations.csv").split(separator: "\n").filter { !$0.hasPrefix("5,e,") }
        }
        #expect(try values(clean.folder) == values(ended.folder))
        // The observations differ, and with them what the checkpoint says of them.
        let states = try [clean, ended].map {
            try Safetensors.read("\(scratch.path)/\($0.folder)/checkpoint.safetensors").arrays
        }
        #expect(states[0] == states[1])
        #expect(try scratch.read("\(ended.folder)/observations.csv").contains("5,e,rows,head,,,plugin_"))
    }
}
