import Testing
import Validating

/// One sound plugin of a kind, and faults of its function. Each is found by the tests named, and by no others.
private struct Kind: Sendable {
    var component: String
    /// The C function; `FAULT` stands where a fault is put.
    var source: String
    var faults: [Fault]

    struct Fault: Sendable {
        var name: String
        var code: String
        var tests: Set<String>
        /// Part of one of the sentences.
        var sentence: String
    }

    func plugin(_ fault: String) throws -> TrialPlugin {
        try TrialPlugin(
            manifest: """
                {"manifest": 1, "id": "org.example.kind", "version": "1.0.0", "license": "CC0-1.0", "name": "Kind",
                 "summary": "For a test.", "library": "Case", "components": [\(component)]}
                """,
            source: "#include <stdlib.h>\n#include <syzygy.h>\n" + source.replacing("FAULT", with: fault))
    }
}

private let kinds: [String: Kind] = [
    "sampler": Kind(
        component: """
            {"kind": "sampler", "id": "case", "outputs": [{"id": "order", "dtype": "i64", "shape": ["rows"]}],
             "call": {"symbol": "turn", "returns": "void", "args": [
              {"name": "n", "type": "i64", "from": "field", "field": "row_count"},
              {"name": "epoch", "type": "i64", "from": "field", "field": "epoch"},
              {"name": "m", "type": "i64", "from": "count", "of": "order"},
              {"name": "order", "type": "i64*", "from": "output"}]},
             "examples": [{"name": "four", "given": {"row_count": 4, "epoch": 1},
              "expect": {"order": {"shape": [4], "data": [1, 2, 3, 0]}}}]}
            """,
        source: """
            void turn(int64_t n, int64_t epoch, int64_t m, int64_t *order) {
                for (int64_t i = 0; i < m; i++) order[i] = (i + epoch) % n;
                FAULT
            }
            """,
        faults: [
            .init(
                name: "a row that many rows do not have", code: "if (n > 20) order[3] = n;", tests: ["C5", "P4"],
                sentence: "place 3 of the epoch has the row 41 of 0 ..< 41"),
            .init(
                name: "a row below 0 in a later epoch", code: "if (epoch > 2) order[0] = -1;", tests: ["P4"],
                sentence: "epoch 3: writes the row -1 at place 0"),
            .init(
                name: "a place that is left", code: "if (m % 2) order[m - 1] = INT64_MIN;", tests: ["C5", "P4"],
                sentence: "leaves place 28 unwritten"),
            .init(
                name: "an epoch that knows the others",
                code: "static int64_t last; if (epoch > last) last = epoch; for (int64_t i = 0; i < m; i++) "
                    + "order[i] = (i + last) % n;", tests: ["D1", "P4"],
                sentence: "depend on the epochs that were asked for before"),
            .init(
                name: "numbers that no seed gives", code: "if (n > 8) order[0] = rand() % n;",
                tests: ["D1", "D2", "P4"], sentence: "results differ between processes"),
            .init(
                name: "one place too many", code: "if (m % 16 == 0) order[m] = 0;", tests: ["C2"],
                sentence: "wrote at byte 384 of 'order', which has 384 bytes"),
        ]),
    "initializer": Kind(
        component: """
            {"kind": "initializer", "id": "case", "outputs": [{"id": "value"}],
             "call": {"symbol": "first", "returns": "void", "args": [
              {"name": "w", "type": "f64*", "from": "quantity", "quantity": "parameter.value"},
              {"name": "rows", "type": "i64", "from": "dim", "of": "w", "axis": 0},
              {"name": "n", "type": "i64", "from": "count", "of": "w"},
              {"name": "value", "type": "f64*", "from": "output"}]},
             "examples": [{"name": "two by three", "given": {"w": {"shape": [2, 3], "data": [1, 2, 3, 4, 5, 6]}},
              "expect": {"value": {"shape": [2, 3], "data": [2, 4, 6, 8, 10, 12]}}}]}
            """,
        source: """
            void first(double *w, int64_t rows, int64_t n, double *value) {
                for (int64_t i = 0; i < n; i++) value[i] = 2 * w[i];
                FAULT
            }
            """,
        faults: [
            .init(
                name: "no number for one row", code: "value[0] *= (double)(rows - 1) / (double)(rows - 1);",
                tests: ["C5"], sentence: "'value'[0] is "),
            .init(
                name: "writes what it was given", code: "w[n - 1] = 0;", tests: ["C3"],
                sentence: "wrote to 'w', which has 48 bytes and is not declared writable"),
            .init(
                name: "one number too many", code: "if (n % 16 == 0) value[n] = 0;", tests: ["C2"],
                sentence: "of 'value', which has 4096 bytes"),
            .init(
                name: "another one at every call",
                code: "static int64_t calls; if (calls++) value[0] += 1e-9 * (double)calls;", tests: ["D1"],
                sentence: "another call with the same arguments gives another result"),
        ]),
    "rule": Kind(
        component: """
            {"kind": "rule", "id": "case", "per": "layer",
             "params": [{"id": "limit", "type": "float", "default": 0.5, "min": 0, "max": 100}],
             "outputs": [{"id": "input_grad"}],
             "call": {"symbol": "back", "returns": "status", "args": [
              {"name": "g", "type": "service", "from": "service", "service": "syzygy.graph/1"},
              {"name": "x", "type": "i32", "from": "quantity", "quantity": "layer.input"},
              {"name": "limit", "type": "f64", "from": "param"},
              {"name": "back", "type": "i32*", "from": "output", "output": "input_grad"}]},
             "examples": [{"name": "two rows", "given": {"x": {"shape": [2, 3], "data": [1, -2, 0.25, 0, 3, -0.5]}},
              "expect": {"input_grad": {"shape": [2, 3], "data": [0.5, -2, 0.25, 0, 0.5, -0.5]}}}]}
            """,
        source: """
            syzygy_status back(const syzygy_graph *g, syzygy_node x, double limit, syzygy_node *back) {
                int64_t shape[SYZYGY_MAX_RANK];
                const int32_t rank = g->shape(g->context, x, shape);
                if (rank < 0) return SYZYGY_INVALID;
                FAULT
                syzygy_node nodes[] = {x, g->constant(g->context, limit)};
                *back = g->apply(g->context, "minimum", nodes, 2, 0, 0);
                return *back < 0 ? SYZYGY_INVALID : SYZYGY_OK;
            }
            """,
        faults: [
            .init(
                name: "keeps what it counts", code: "static int calls; limit += 1e-9 * calls++;", tests: ["D1"],
                sentence: "another call with the same arguments gives another result"),
            .init(
                name: "fits the rows of the example only",
                code: "int64_t fixed[] = {2, shape[1]}; x = g->shaped(g->context, \"reshape\", x, fixed, 2);",
                tests: ["C5"], sentence: "reshape"),
            .init(
                name: "ends the program for some options", code: "if (limit > 2) abort();", tests: ["C8", "C9"],
                sentence: "crashed (SIGABRT)"),
        ]),
    "procedure": Kind(
        component: """
            {"kind": "procedure", "id": "case", "outputs": [{"id": "sum", "dtype": "f64", "shape": []}],
             "call": {"symbol": "add", "returns": "status", "args": [
              {"name": "x", "type": "f64*", "from": "data", "field": "x"},
              {"name": "n", "type": "i64", "from": "count", "of": "x"},
              {"name": "record", "type": "service", "from": "service", "service": "syzygy.record/1"}]},
             "examples": [{"name": "eight", "given": {"x": {"shape": [8, 1], "data": [1, 2, 3, 4, 5, 6, 7, 8]}},
              "expect": {"sum": 36}}]}
            """,
        source: """
            syzygy_status add(double *x, int64_t n, const syzygy_record *record) {
                double sum = 0;
                for (int64_t i = 0; i < n; i++) sum += x[i];
                FAULT
                record->values(record->context, 0, "sum", &sum, 1);
                return record->progress(record->context, 0) ? SYZYGY_CANCELLED : SYZYGY_OK;
            }
            """,
        faults: [
            .init(
                name: "reads a row that is not there", code: "const volatile double *next = x; (void)next[n];",
                tests: ["C2"], sentence: "read at byte 64 of 'x', which has 64 bytes"),
            .init(
                name: "writes the data", code: "x[0] = 0;", tests: ["C3"],
                sentence: "wrote to 'x', which has 64 bytes and is not declared writable"),
            .init(
                name: "keeps a sum", code: "static int calls; if (calls++) sum += 1e-9;", tests: ["D1"],
                sentence: "another call with the same arguments gives another result"),
        ]),
    "optimizer per run": Kind(
        component: """
            {"kind": "optimizer", "id": "case", "per": "run",
             "params": [{"id": "lr", "type": "float", "default": 0.5, "min": 0, "max": 8}],
             "call": {"symbol": {"f64": "step"}, "returns": "void", "args": [
              {"name": "w", "type": "T*", "from": "quantity", "quantity": "parameter.value", "access": "readwrite"},
              {"name": "g", "type": "T*", "from": "quantity", "quantity": "parameter.grad"},
              {"name": "n", "type": "i64", "from": "count", "of": "w"},
              {"name": "lr", "type": "f64", "from": "param"}]},
             "examples": [{"name": "three", "given": {"w": {"shape": [3], "data": [1, 2, 3]},
              "g": {"shape": [3], "data": [2, -4, 6]}}, "expect": {"w": {"shape": [3], "data": [0, 4, 0]}}}]}
            """,
        source: """
            void step(double *w, double *g, int64_t n, double lr) {
                for (int64_t i = 0; i < n; i++) w[i] -= lr * g[i];
                FAULT
            }
            """,
        faults: [
            .init(
                name: "a velocity of its own",
                code: "static double v; v = 1e-9 * g[0] + 0.5 * v; if (n > 3) w[0] -= v;", tests: ["D1", "T1", "X1"],
                sentence: "a resumed run differs"),
            .init(
                name: "no number for one parameter", code: "w[0] += 0 / (double)(n - 1);", tests: ["C5"],
                sentence: "'w'[0] is "),
            .init(
                name: "clears the gradient", code: "g[0] = 0;", tests: ["C3"], sentence: "wrote to 'g'"),
            .init(
                name: "reads one gradient too many",
                code: "const volatile double *next = g; if (n % 16 == 0) (void)next[n];", tests: ["C2"],
                sentence: "of 'g', which has 4096 bytes"),
        ]),
]

@Suite struct BadKindTests {
    private static let cases = kinds.sorted { $0.key < $1.key }.flatMap { kind, value in
        value.faults.indices.map { (kind, $0) }
    }

    @Test(arguments: kinds.keys.sorted()) func isSoundWithoutAFault(kind: String) throws {
        let results = try #require(kinds[kind]).plugin("").validate()
        #expect(results.sentences(.error, .warning) == [])
        #expect(results.hasPassed)
    }

    @Test(arguments: cases) func isCaught(kind: String, index: Int) throws {
        let fault = try #require(kinds[kind]).faults[index]
        let results = try #require(kinds[kind]).plugin(fault.code).validate()
        let sentences = results.sentences(.error)
        #expect(results.ids(.error) == fault.tests, "\(kind), \(fault.name): \(sentences)")
        #expect(sentences.contains { $0.contains(fault.sentence) }, "\(kind), \(fault.name): \(sentences)")
    }
}
