import Foundation
import Manifests
import Testing

/// Code of plugins in processes of its own: whatever it does, the study ends, all other values are those of a clean study, and
/// the record names the cause.
@Suite struct IsolationTests {
    /// A probe and a dataset that do something forbidden at step 5, or in row 3.
    private static let source = """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <signal.h>
        #include <stdint.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/socket.h>
        #include <unistd.h>
        static volatile long depth;
        static long dig(long n) { char b[4096]; b[n % 4096] = 1; depth = n; return n < 0 ? 0 : dig(n + 1) + b[1]; }
        static int32_t misbehave(int32_t how, const double *input, double *output) {
            switch (how) {
            case 1: raise(SIGKILL); break;
            case 2: *(volatile int *)8 = 1; break;
            case 3: abort();
            case 4: for (;;) depth++;
            case 5: exit(0);
            case 6: return (int32_t)dig(1);
            case 7: {
                volatile char *p = malloc(64ull << 30);
                if (!p) return 5;
                for (size_t i = 0; i < 64ull << 30; i += 4096) p[i] = 1;
                break;
            }
            case 8: for (int i = 0; i < 128; i++) close(i); break;
            case 9: ((double *)input)[0] = 7; break;
            case 10: memset(output, 1, 1u << 28); break;
            case 11: {
                const int refused = socket(AF_INET, SOCK_STREAM, 0) < 0 && fork() < 0
                                    && open("escaped", O_CREAT | O_WRONLY, 0600) < 0 && kill(getppid(), 0) < 0;
                *output = refused ? -1 : 1;
                break;
            }
            }
            return 0;
        }
        int32_t odd(const double *w, int64_t n, int64_t step, int32_t how, double *norm) {
            *norm = 0;
            for (int64_t i = 0; i < n; i++) *norm += w[i] * w[i];
            return step == 5 ? misbehave(how, w, norm) : 0;
        }
        int32_t rows(int64_t begin, int64_t end, int32_t how, double *x, double *y) {
            for (int64_t i = begin; i < end; i++, x += 3) {
                x[0] = i % 5, x[1] = i % 7 - 3, x[2] = 1;
                *y++ = i % 3;
                if (i == 3) { const int32_t status = misbehave(how, x, x); if (status) return status; }
            }
            return 0;
        }
        """

    private static let ways = [
        "none", "kill", "segv", "abort", "loop", "exit", "stack", "hog", "close", "input", "past", "escape",
    ]

    private static var manifest: String {
        let values = ways.map { "\"\($0)\"" }.joined(separator: ", ")
        return """
            { "manifest": 1, "id": "org.example.odd", "version": "0.1.0", "license": "CC0-1.0", "name": "Odd",
              "summary": "Misbehaves.", "library": "odd", "components": [
              { "kind": "probe", "id": "odd", "per": "layer",
                "params": [{ "id": "how", "type": "enum", "values": [\(values)], "default": "none" }],
                "outputs": [{ "id": "norm", "dtype": "f64", "shape": [] }],
                "call": { "symbol": "odd", "returns": "status", "args": [
                  { "name": "w", "type": "f64*", "from": "quantity", "quantity": "layer.weight" },
                  { "name": "n", "type": "i64", "from": "count", "of": "w" },
                  { "name": "step", "type": "i64", "from": "step" },
                  { "name": "how", "type": "i32", "from": "param" },
                  { "name": "norm", "type": "f64*", "from": "output" }] },
                "examples": [{ "name": "five", "given": { "w": { "shape": [1, 2], "data": [3, 4] }, "step": 0 },
                  "expect": { "norm": 25 } }] },
              { "kind": "dataset", "id": "odd_rows",
                "params": [{ "id": "how", "type": "enum", "values": [\(values)], "default": "none" }],
                "splits": { "train": { "const": 40 }, "test": { "const": 4 } },
                "outputs": [{ "id": "x", "dtype": "f64", "shape": ["rows", 3] },
                            { "id": "y", "dtype": "f64", "shape": ["rows", 1] }],
                "call": { "symbol": "rows", "returns": "status", "args": [
                  { "name": "begin", "type": "i64", "from": "index_begin" },
                  { "name": "end", "type": "i64", "from": "index_end" },
                  { "name": "how", "type": "i32", "from": "param" },
                  { "name": "x", "type": "f64*", "from": "output" },
                  { "name": "y", "type": "f64*", "from": "output" }] },
                "examples": [{ "name": "one", "given": { "begin": 1, "end": 2 },
                  "expect": { "y": { "shape": [1, 1], "data": [1] } } }] }] }
            """
    }

    private func prepared() throws -> Scratch {
        let scratch = try Scratch()
        try scratch.write(Self.manifest, to: "odd/plugin.json")
        try scratch.compile(Self.source, to: "odd", name: "odd")
        return scratch
    }

    private func study(probe: String = "none", rows: String = "none") -> String {
        """
        study: odd
        dataset: {plugin: odd_rows, how: \(rows)}
        model: {plugin: mlp, widths: [5], activation: tanh}
        loss: {plugin: mean_squared_error}
        optimizer: {plugin: sgd, lr: 0.01}
        probes:
          clean: {plugin: odd, at: {every: 5}}
          odd: {plugin: odd, how: \(probe), at: {every: 5}}
          trace: {plugin: hessian_trace, at: {every: 5}}
        train: {steps: 15, batch_size: 8, log_every: 100}
        """
    }

    /// The folder of the only run of a study.
    private func run(
        _ text: String, as name: String, in scratch: Scratch, _ options: [String] = []
    ) throws -> (status: Int32, errors: String, folder: String) {
        try scratch.write(text, to: "\(name).yaml")
        let result = try Tool.run(
            ["run", "\(name).yaml", "--plugin-path", "odd", "--out", name] + options, with: Tool.executable,
            in: scratch)
        let runs = try FileManager.default.contentsOfDirectory(atPath: "\(scratch.path)/\(name)/runs")
        return (result.status, result.errors, "\(name)/runs/\(try #require(runs.first))")
    }

    private func lines(_ folder: String, in scratch: Scratch) throws -> [Substring] {
        try scratch.read("\(folder)/observations.csv").split(separator: "\n")
    }

    @Test(arguments: [
        ("kill", "plugin_crashed_sigkill"), ("segv", "plugin_crashed_sigsegv"), ("abort", "plugin_crashed_sigabrt"),
        ("loop", "plugin_timed_out"), ("exit", "plugin_exited"), ("stack", "plugin_crashed_sigsegv"),
        ("hog", "failed_status_5"), ("close", "plugin_exited"), ("input", "plugin_crashed_sigsegv"),
        ("past", "plugin_crashed_sigsegv"),
    ])
    func aFailureCostsItsValues(_ how: String, _ reason: String) throws {
        let scratch = try prepared()
        let clean = try run(study(), as: "clean", in: scratch)
        let failed = try run(study(probe: how), as: "failed", in: scratch, ["--deadline", "1"])
        #expect(clean.status == 0 && failed.status == 0, "\(failed.errors)")
        let expected = try lines(clean.folder, in: scratch), found = try lines(failed.folder, in: scratch)
        #expect(expected.count == 1 + 4 * (2 + 2 + 2) && found.count == expected.count)
        for (expected, found) in zip(expected, found) {
            if found.hasPrefix("5,odd,") {
                #expect(found.hasSuffix(",,,\(reason)"), "\(found)")
            } else {
                #expect(found == expected)
            }
        }
        let log = try scratch.read("\(failed.folder)/log.txt")
        if how == "hog" { return }
        #expect(log.contains("step 5, fc1: plugin org.example.odd/odd: "), "\(log)")
        // The call that failed can be repeated, and fails again.
        let replay = try #require(log.firstMatch(of: /syzygy plugin replay (\S+\.replay)/)?.1)
        guard how == "segv" else { return }
        let again = try Tool.run(["plugin", "replay", String(replay)], with: Tool.executable, in: scratch)
        #expect(again.status != 0 && !again.output.contains("returned"))
    }

    /// Three failures, and the component is not called again; another use of it is.
    @Test func threeStrikes() throws {
        let scratch = try prepared()
        let text = study(probe: "abort").replacing("at: {every: 5}}\n  trace", with: "at: {steps: [5]}}\n  trace")
            .replacing("widths: [5]", with: "widths: [5, 4, 3]")
        let ended = try run(text, as: "strikes", in: scratch)
        let reasons = try lines(ended.folder, in: scratch).filter { $0.hasPrefix("5,odd,") }.map {
            $0.split(separator: ",").last
        }
        #expect(
            reasons == [
                "plugin_crashed_sigabrt", "plugin_crashed_sigabrt", "plugin_crashed_sigabrt", "plugin_quarantined",
            ])
        #expect(
            try lines(ended.folder, in: scratch).filter { $0.hasPrefix("15,clean,") && !$0.hasSuffix("quarantined") }
                .count == 4)
    }

    /// Files, sockets, processes and signals are refused, where the kernel can.
    @Test func nothingEscapes() throws {
        let scratch = try prepared()
        let ended = try run(study(probe: "escape"), as: "escape", in: scratch)
        let record = try StrictJSON.parse(try scratch.read("\(ended.folder)/run.json"), file: "run.json").root
        let isolation = try #require(record["host"]?["isolation"])
        #expect(
            isolation["components"] == .array([.string("org.example.odd/odd_rows"), .string("org.example.odd/odd")]))
        guard isolation["sandbox"]?.array?.count == 4 else { return }
        let values = try lines(ended.folder, in: scratch).filter { $0.hasPrefix("5,odd,") }
        #expect(values.count == 2 && values.allSatisfy { $0.hasSuffix(",,-1,") }, "\(values)")
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/escaped"))
    }

    /// A run cannot do without its data: it fails with a sentence, and does not crash.
    @Test(arguments: [("segv", "SIGSEGV"), ("exit", "exit status 0"), ("loop", "no answer within 1 s")])
    func aDatasetThatFails(_ how: String, _ words: String) throws {
        let scratch = try prepared()
        let ended = try run(study(rows: how), as: "rows", in: scratch, ["--deadline", "1"])
        #expect(ended.status == 1 && ended.errors.contains(words), "\(ended.errors)")
    }

    /// The same bits in this process and in another, with probes that ask back for the network and the dataset from there.
    @Test func sameBits() throws {
        let scratch = try prepared()
        let inside = try run(study(), as: "inside", in: scratch, ["--isolate", "none"])
        let outside = try run(study(), as: "outside", in: scratch, ["--isolate", "all"])
        #expect(try lines(inside.folder, in: scratch) == (try lines(outside.folder, in: scratch)))
        #expect(try scratch.read("\(outside.folder)/run.json").contains("syzygy.curvature/hessian_trace"))
    }
}
