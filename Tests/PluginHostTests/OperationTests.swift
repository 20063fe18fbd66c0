import Engine
import Manifests
import PluginHost
import PluginTesting
import Testing

/// Operations of plugins in graphs: elementwise ones of two inputs, and others with shapes and products of their own.
@Suite struct OperationTests {
    private static let source = """
        #include <math.h>
        #include <stdint.h>
        #include <syzygy.h>
        syzygy_status far(const syzygy_graph *g, syzygy_node f, syzygy_node y, syzygy_node *loss) {
            syzygy_node both[] = {f, y}, h = g->apply(g->context, "hypotenuse(scale=2)", both, 2, 0, 0);
            *loss = g->apply(g->context, "sum", &h, 1, &(syzygy_attribute){"axis", 1}, 1);
            return *loss < 0 ? SYZYGY_INVALID : SYZYGY_OK;
        }
        void hypotenuse(const double *a, const double *b, double *y, int64_t n, double scale) {
            for (int64_t i = 0; i < n; i++) y[i] = scale * hypot(a[i], b[i]);
        }
        void leg(const double *a, const double *b, double *y, int64_t n, double scale) {
            hypotenuse(a, b, y, n, scale);
        }
        void hypotenuse_a(const double *a, const double *b, double *y, int64_t n, double scale) {
            for (int64_t i = 0; i < n; i++) y[i] = scale * a[i] / hypot(a[i], b[i]);
        }
        #define GRAM(NAME, T) \\
            void NAME(const T *x, T *y, int64_t n, int64_t d) { /* y = x x^T */ \\
                for (int64_t i = 0; i < n; i++) for (int64_t j = 0; j < n; j++) { \\
                    double sum = 0; \\
                    for (int64_t k = 0; k < d; k++) sum += (double)x[i * d + k] * x[j * d + k]; \\
                    y[i * n + j] = (T)sum; } } \\
            void NAME##_vjp(const T *x, const T *c, T *y, int64_t n, int64_t d) { /* (c + c^T) x */ \\
                for (int64_t i = 0; i < n; i++) for (int64_t k = 0; k < d; k++) { \\
                    double sum = 0; \\
                    for (int64_t j = 0; j < n; j++) sum += (double)(c[i * n + j] + c[j * n + i]) * x[j * d + k]; \\
                    y[i * d + k] = (T)sum; } } \\
            void NAME##_by_x(const T *x, const T *c, const T *b, T *y, int64_t n, int64_t d) { NAME##_vjp(b, c, y, n, d); } \\
            void NAME##_by_c(const T *x, const T *c, const T *b, T *y, int64_t n, int64_t d) { /* b x^T + x b^T */ \\
                for (int64_t i = 0; i < n; i++) for (int64_t j = 0; j < n; j++) { \\
                    double sum = 0; \\
                    for (int64_t k = 0; k < d; k++) sum += (double)b[i * d + k] * x[j * d + k] + (double)x[i * d + k] * b[j * d + k]; \\
                    y[i * n + j] = (T)sum; } }
        GRAM(gram_f32, float)
        GRAM(gram_f64, double)
        """

    private static func input(_ name: String, _ type: String) -> String {
        "{\"name\": \"\(name)\", \"type\": \"\(type)\", \"from\": \"input\"}"
    }

    private static func elementwise(_ id: String, _ derivatives: String) -> String {
        """
        {"kind": "operation", "id": "\(id)", "elementwise": true, \(derivatives)
         "params": [{"id": "scale", "type": "float", "default": 1}], "outputs": [{"id": "y"}],
         "call": {"symbol": "\(id)", "returns": "void", "args": [\(input("a", "f64*")), \(input("b", "f64*")),
            {"name": "y", "type": "f64*", "from": "output"}, {"name": "n", "type": "i64", "from": "count", "of": "a"},
            {"name": "scale", "type": "f64", "from": "param"}]},
         "examples": [{"name": "one", "given": {"a": {"shape": [1], "data": [3]}, "b": {"shape": [1], "data": [4]}},
            "expect": {"y": {"shape": [1], "data": [\(id == "hypotenuse_a" ? 0.6 : 5)]}}, "rtol": 1e-15}]}
        """
    }

    private static func gram(_ id: String, _ inputs: [String], gives: String, _ vjp: String, example: String)
        -> String
    {
        let symbols = "{\"f32\": \"gram_f32\(id.dropFirst(4))\", \"f64\": \"gram_f64\(id.dropFirst(4))\"}"
        return """
            {"kind": "operation", "id": "\(id)", "dims": {"n": {"of": "x", "axis": 0}, "d": {"of": "x", "axis": 1}}, \(vjp)
             "outputs": [{"id": "y", "shape": ["n", "\(gives)"]}],
             "call": {"symbol": \(symbols), "returns": "void", "args": [\(inputs.map { input($0, "T*") }.joined(separator: ", ")),
                {"name": "y", "type": "T*", "from": "output"},
                {"name": "n", "type": "i64", "from": "dim", "of": "x", "axis": 0},
                {"name": "d", "type": "i64", "from": "dim", "of": "x", "axis": 1}]},
             "examples": [{"name": "one", \(example)}]}
            """
    }

    /// Applies `hypotenuse` by name, as its manifest says or does not say.
    private static func loss(_ id: String, _ uses: String) -> String {
        """
        {"kind": "loss", "id": "\(id)", "outputs": [{"id": "sample_loss", "shape": ["rows"]}], \(uses)
         "call": {"symbol": "far", "returns": "status", "args": [
            {"name": "g", "type": "service", "from": "service", "service": "syzygy.graph/1"},
            {"name": "f", "type": "i32", "from": "input", "input": "output"}, {"name": "y", "type": "i32", "from": "input"},
            {"name": "loss", "type": "i32*", "from": "output", "output": "sample_loss"}]},
         "examples": [{"name": "one", "given": {"output": {"shape": [2, 1], "data": [3, 5]}, "y": {"shape": [2, 1], "data": [4, 12]}},
            "expect": {"sample_loss": {"shape": [2], "data": [10, 26]}}, "rtol": 1e-15}]}
        """
    }

    private static let row = "{\"shape\": [1, 2], \"data\": [3, 4]}", number = "{\"shape\": [1, 1], \"data\": [2]}"
    private static let components = [
        elementwise("hypotenuse", "\"derivatives\": {\"a\": \"hypotenuse_a\", \"b\": 0},"),
        elementwise("leg", "\"derivatives\": {\"a\": \"hypotenuse_a\"},"), elementwise("hypotenuse_a", ""),
        gram(
            "gram", ["x"], gives: "n", "\"vjp\": {\"x\": \"gram_vjp\"},",
            example: "\"given\": {\"x\": \(row)}, \"expect\": {\"y\": {\"shape\": [1, 1], \"data\": [25]}}"),
        gram(
            "gram_vjp", ["x", "c"], gives: "d", "\"vjp\": {\"x\": \"gram_by_x\", \"c\": \"gram_by_c\"},",
            example:
                "\"given\": {\"x\": \(row), \"c\": \(number)}, \"expect\": {\"y\": {\"shape\": [1, 2], \"data\": [12, 16]}}"
        ),
        gram(
            "gram_by_x", ["x", "c", "b"], gives: "d", "",
            example: "\"given\": {\"x\": \(row), \"c\": \(number), \"b\": \(row)}, "
                + "\"expect\": {\"y\": {\"shape\": [1, 2], \"data\": [12, 16]}}"),
        gram(
            "gram_by_c", ["x", "c", "b"], gives: "n", "",
            example: "\"given\": {\"x\": \(row), \"c\": \(number), \"b\": \(row)}, "
                + "\"expect\": {\"y\": {\"shape\": [1, 1], \"data\": [50]}}"),
        loss("far", "\"uses\": [\"hypotenuse\"],"), loss("undeclared", ""),
    ].joined(separator: ",\n")

    private let plugin: TemporaryPlugin

    init() throws {
        plugin = try TemporaryPlugin(
            source: Self.source, manifest: TemporaryPlugin.manifest(Self.components),
            flags: ["-I\(try Installation.root)/Sources/CSyzygy/include"])
    }

    private func operation(_ text: String) throws -> any CustomOperation {
        try plugin.loader.operation(try #require(OperationReference(text)))
    }

    private func evaluate(
        _ graph: Graph, _ nodes: [Node], _ inputs: [String: [Double]], _ precision: Precision = .f64, threads: Int = 1
    ) throws -> [[Double]] {
        let program = try Program(graph, outputs: nodes, precision: precision, parameters: nil, threads: threads)
        for (name, values) in inputs { program.setInput(name, values) }
        program.run()
        return nodes.map(program.copy)
    }

    private func agree(_ a: [[Double]], _ b: [[Double]], _ tolerance: Double) -> Bool {
        zip(a.joined(), b.joined()).allSatisfy { abs($0 - $1) <= tolerance * max(abs($1), 1) }
    }

    @Test func examplesHold() throws {
        #expect(plugin.registry.rejected.map { "\($0.error)" } == [])
        let (count, failures) = try exampleFailures(ofPlugin: "org.example.case", registry: plugin.registry)
        #expect(count == 9)
        // A graph gets the operations that the manifest names, so that a run's record names them all.
        #expect(
            failures.map { $0.prefix(68) } == ["org.example.case/undeclared, example 'one': plugin org.example.case/"]
        )
        #expect(failures.first?.contains("unknown operation 'hypotenuse'") == true, "\(failures)")
    }

    /// Operands broadcast; the derivative by b is declared as 0, that by a is right.
    @Test func elementwise() throws {
        let graph = Graph()
        let a = graph.input("a", shape: [3, 1]), b = graph.input("b", shape: [2])
        let y = try graph.apply(try operation("hypotenuse(scale=2)"), [a, b])
        #expect(graph.shape(of: y) == [3, 2])
        let gradients = try graph.gradient(of: try graph.apply(.sum(), [y]), withRespectTo: [a, b])
        let values = try evaluate(graph, [y] + gradients, ["a": [3, 5, 8], "b": [4, 12]])
        let h = [[3.0, 4], [3, 12], [5, 4], [5, 12], [8, 4], [8, 12]].map {
            ($0[0] * $0[0] + $0[1] * $0[1]).squareRoot()
        }
        #expect(agree([values[0]], [h.map { 2 * $0 }], 1e-15))
        let slopes = [6 / h[0] + 6 / h[1], 10 / h[2] + 10 / h[3], 16 / h[4] + 16 / h[5]]
        #expect(agree([values[1]], [slopes], 1e-15) && values[2] == [0, 0])
    }

    /// Only derivatives that a computation needs must be named.
    @Test func derivativesThatNothingNeeds() throws {
        let graph = Graph()
        let a = graph.input("a", shape: [2]), b = graph.input("b", shape: [2])
        let total = try graph.apply(.sum(), [try graph.apply(try operation("leg"), [a, b])])
        let gradient = try graph.gradient(of: total, withRespectTo: [a])
        #expect(agree(try evaluate(graph, gradient, ["a": [3, 5], "b": [4, 12]]), [[0.6, 5.0 / 13]], 1e-15))
        let error = #expect(throws: PluginError.self) { try graph.gradient(of: total, withRespectTo: [a, b]) }
        #expect(error?.description.contains("has no derivative by 'b', which this computation needs") == true)
    }

    /// Values, gradients and gradients of gradients are those of the engine's product; copies too.
    @Test(arguments: Precision.allCases, [1, 3])
    func wholeTensors(_ precision: Precision, _ threads: Int) throws {
        var random = SplitMix(seed: 3)
        let inputs = [
            "x": random.values(20), "w": random.values(25), "v": random.values(20), "all": random.values(60),
        ]
        func nodes(_ gram: (Graph, Node) throws -> Node) throws -> (Graph, [Node]) {
            let graph = Graph()
            let x = graph.input("x", shape: [5, 4])
            let y = try gram(graph, x)
            let product = try graph.apply(.binary(.mul), [y, graph.input("w", shape: [5, 5])])
            let loss = try graph.apply(.sum(), [try graph.apply(.unary(.sin), [product])])
            let first = try graph.gradient(of: loss, withRespectTo: [x])[0]
            let along = try graph.apply(.binary(.mul), [first, graph.input("v", shape: [5, 4])])
            let second = try graph.gradient(of: try graph.apply(.sum(), [along]), withRespectTo: [x])[0]
            let copies = try graph.batched(
                [y, first], copies: 3, replacing: [x: graph.input("all", shape: [3, 5, 4])])
            return (graph, [y, first, second] + copies)
        }
        let gram = try operation("gram")
        let (own, ours) = try nodes { try $0.apply(gram, [$1]) }
        let (plain, theirs) = try nodes { try $0.apply(.matmul(transposeB: true), [$1, $1]) }
        let found = try evaluate(own, ours, inputs, precision, threads: threads)
        let expected = try evaluate(plain, theirs, inputs)
        #expect(agree(found, expected, precision == .f64 ? 1e-12 : 1e-3))
    }

    @Test func errors() throws {
        func sentence(_ body: () throws -> Void) -> String {
            do {
                try body()
                return "no error"
            } catch {
                return "\(error)"
            }
        }
        let graph = Graph()
        let x = graph.input("x", shape: [5, 4])
        let y = try graph.apply(try operation("hypotenuse"), [x, x])
        let flat = graph.input("z", shape: [3])
        #expect(
            sentence { _ = try evaluate(graph, [y], [:], .f32) }
                == "plugin org.example.case/hypotenuse: has functions for f64 only, not for f32")
        let slope = try graph.gradient(of: try graph.apply(.sum(), [y]), withRespectTo: [x])[0]
        #expect(
            sentence { _ = try graph.gradient(of: try graph.apply(.sum(), [slope]), withRespectTo: [x]) }
                == "plugin org.example.case/hypotenuse_a: has no derivative by 'a', which this computation needs; its manifest "
                + "can name one under 'derivatives'")
        #expect(
            sentence { _ = try graph.apply(try operation("gram"), [flat]) }
                == "plugin org.example.case/gram: asks for axis 1 of 'x', which has 1 axes here")
        #expect(
            sentence { _ = try operation("gramm") }
                == "operation 'gramm': no plugin has an activation or operation 'gramm'; did you mean 'gram'? (allowed: "
                + "hypotenuse, leg, hypotenuse_a, gram, gram_vjp, gram_by_x, gram_by_c)")
    }
}
