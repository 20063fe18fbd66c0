import Engine
import Glibc
import PluginTesting
import Testing

/// How a scan is compiled: its body again and again, or written out.
private let forms = [0, Int.max]

@Suite struct ScanTests {
    // MARK: By hand

    /// h_t = 2 h_{t-1} + x_t from h = 1, outputs h_{t-1} x_t; forwards and backwards.
    @Test(arguments: forms)
    func linearRecurrence(_ limit: Int) throws {
        let graph = Graph()
        let x = graph.input("x", shape: [3]), h0 = graph.input("h", shape: [])
        func scan(isReverse: Bool) throws -> Graph.ScanResult {
            try graph.scan(over: [x], initial: [h0], isReverse: isReverse) { h, x in
                let next = try graph.apply(
                    .binary(.add), [try graph.apply(.binary(.mul), [graph.constant(2), h[0]]), x[0]])
                return ([next], [try graph.apply(.binary(.mul), [h[0], x[0]])])
            }
        }
        let (forward, backward) = (try scan(isReverse: false), try scan(isReverse: true))
        let total = try graph.apply(.sum(), [forward.outputs[0]])
        let gradients = try graph.gradient(of: total, withRespectTo: [x, h0])
        let values = try evaluate(
            graph, forward.last + forward.outputs + backward.last + backward.outputs + gradients,
            ["x": [3, 5, 7], "h": [1]], limit: limit)
        #expect(values[0] == [37])  // 5, 15, 37
        #expect(values[1] == [3, 25, 105])
        #expect(values[2] == [49])  // 9, 23, 49
        #expect(values[3] == [69, 45, 7])
        // Σ = x1 h0 + x2 (2 h0 + x1) + x3 (4 h0 + 2 x1 + x2)
        #expect(values[4] == [20, 12, 15])
        #expect(values[5] == [41])
    }

    // MARK: Against PyTorch

    @Test(arguments: RecurrenceReference.Cell.allCases, [nil, 3])
    func gradientsEqualPyTorch(_ cell: RecurrenceReference.Cell, _ truncate: Int?) throws {
        let reference = try RecurrenceReference(cell, truncate: truncate)
        for limit in forms {
            for precision in Precision.allCases {
                let values = try evaluate(
                    reference.graph, [reference.loss] + reference.gradients + reference.seconds, reference.inputs,
                    precision: precision, limit: limit)
                let count = reference.gradients.count
                let found = [
                    " loss": values[0], "": Array(values[1...count].joined()),
                    " second": Array(values[(count + 1)...].joined()),
                ]
                for (suffix, numbers) in found {
                    let expected = try #require(RecurrenceReference.values[reference.name + suffix])
                    let relative = precision == .f64 ? 1e-10 : 1e-5
                    #expect(
                        agree(numbers, expected, relative: relative, floor: expected.map(abs).max() ?? 1),
                        "\(reference.name)\(suffix), \(precision), limit \(limit)")
                }
            }
        }
        // Truncation changes the gradient, not the loss.
        let whole = try #require(RecurrenceReference.values[cell.rawValue])
        let cut = try #require(RecurrenceReference.values[cell.rawValue + " truncated"])
        #expect(!agree(whole, cut, relative: 1e-3))
    }

    // MARK: Against differences and loops written out by hand

    /// But for truncated gradients, which are no derivatives.
    @Test(arguments: ScanCase.all.filter { !$0.name.hasPrefix("truncated") })
    func derivativesEqualDifferences(_ test: ScanCase) throws {
        var random = SplitMix(seed: 23)
        let values = test.shapes.map { random.values(elements($0), in: -1...1) }
        let checker = DerivativeChecker(shapes: test.shapes, values: values) { graph, x in
            try ScanCase.joined(graph, try test.build(graph, x, .scan))
        }
        let errors = try checker.errors(seed: 5)
        #expect(errors.first <= DerivativeChecker.tolerance, "first derivative of \(test)")
        #expect(errors.second <= DerivativeChecker.tolerance, "second derivative of \(test)")
        #expect(errors.forward <= 1e-10, "tangents of \(test)")
        #expect(errors.firstScale > 1e-3)
    }

    /// Tangents go forward: nothing of the backward pass that they are made from is left.
    @Test(arguments: ScanCase.all)
    func tangentsNeedNoCotangents(_ test: ScanCase) throws {
        let graph = Graph()
        let x = test.shapes.enumerated().map { graph.input("x\($0)", shape: $1) }
        let y = try ScanCase.joined(graph, try test.build(graph, x, .scan))
        let tangents = x.enumerated().map { ($1, graph.input("v\($0)", shape: graph.shape(of: $1))) }
        let forward = try graph.jvp(of: [y], along: tangents)
        #expect(graph.names(forward).filter { $0.hasPrefix("cotangent") } == [])
    }

    /// Values, gradients and gradients of gradients of a scan in both forms and of the same steps without it, on one thread and
    /// on several, in both precisions.
    @Test(arguments: ScanCase.all)
    func scansEqualTheirSteps(_ test: ScanCase) throws {
        var random = SplitMix(seed: 29)
        var inputs: [String: [Double]] = [:]
        for (i, shape) in test.shapes.enumerated() { inputs["x\(i)"] = random.values(elements(shape), in: -1...1) }
        func derivatives(_ form: ScanCase.Form) throws -> (graph: Graph, nodes: [Node]) {
            let graph = Graph()
            let x = test.shapes.enumerated().map { graph.input("x\($0)", shape: $1) }
            let y = try ScanCase.joined(graph, try test.build(graph, x, form))
            let total = try graph.apply(.sum(), [try graph.apply(.unary(.sin), [y])])
            let first = try graph.gradient(of: total, withRespectTo: x)
            let norm = try ScanCase.joined(graph, first)
            let square = try graph.apply(.sum(), [try graph.apply(.unary(.square), [norm])])
            return (graph, [y] + first + (try graph.gradient(of: square, withRespectTo: x)))
        }
        let (graph, nodes) = try derivatives(.scan)
        let (plain, steps) = try derivatives(.steps)
        let expected = try evaluate(plain, steps, inputs)
        for limit in forms {
            let alone = try evaluate(graph, nodes, inputs, threads: 1, limit: limit)
            for (a, b) in zip(alone, expected) { #expect(agree(a, b, relative: 1e-11), "\(test), limit \(limit)") }
            let together = try evaluate(graph, nodes, inputs, threads: 3, limit: limit)
            #expect(alone == together, "\(test), limit \(limit), 3 threads")
            let single = try evaluate(graph, nodes, inputs, precision: .f32, threads: 1, limit: limit)
            for (a, b) in zip(single, expected) {
                #expect(agree(a, b, relative: 1e-4, floor: max(1, b.map(abs).max() ?? 1)), "\(test), f32")
            }
        }
    }

    /// Copies with their own carries, elements and shared values, or some of them, against one evaluation for each.
    @Test(arguments: ScanCase.all, [1, 2, 3])
    func copiesAreIndependent(_ test: ScanCase, _ pattern: Int) throws {
        let graph = Graph(), copies = 3
        var random = SplitMix(seed: 31)
        let x = test.shapes.enumerated().map { graph.input("x\($0)", shape: $1) }
        let y = try ScanCase.joined(graph, try test.build(graph, x, .scan))
        let gradient = try graph.gradient(of: try graph.apply(.sum(), [y]), withRespectTo: x)
        var replaced: [Node: Node] = [:], inputs: [String: [Double]] = [:], own: Set<Int> = []
        for (i, shape) in test.shapes.enumerated() {
            let isOwn = pattern == 3 || i % 2 == pattern - 1
            inputs["x\(i)"] = random.values((isOwn ? copies : 1) * elements(shape), in: -1...1)
            guard isOwn else { continue }
            own.insert(i)
            replaced[x[i]] = graph.input("all\(i)", shape: [copies] + shape)
            inputs["all\(i)"] = inputs["x\(i)"]
        }
        let all = try graph.batched([y] + gradient, copies: copies, replacing: replaced)
        for limit in forms {
            let together = try evaluate(graph, all, inputs, limit: limit)
            for copy in 0..<copies {
                var mine: [String: [Double]] = [:]
                for i in x.indices {
                    let values = inputs["x\(i)"] ?? [], size = elements(test.shapes[i])
                    mine["x\(i)"] = own.contains(i) ? Array(values[copy * size..<(copy + 1) * size]) : values
                }
                let alone = try evaluate(graph, [y] + gradient, mine)
                for (a, b) in zip(together, alone) {
                    let part = Array(a[copy * b.count..<(copy + 1) * b.count])
                    #expect(agree(part, b, relative: 1e-11), "\(test), copy \(copy), limit \(limit)")
                }
            }
        }
    }

    // MARK: Cost

    /// A long scan is one step of the program however long it is, and its body is compiled once.
    @Test func longScansAreOneStep() throws {
        func steps(_ length: Int) throws -> (steps: Int, nodes: Int) {
            let graph = Graph()
            let x = graph.input("x", shape: [length, 2, 3]), w = graph.input("w", shape: [3, 3])
            let h0 = try graph.broadcast(graph.constant(0), to: [2, 3])
            let h = try graph.scan(over: [x], initial: [h0]) { h, x in
                let z = try graph.apply(.binary(.add), [try graph.apply(.matmul(), [h[0], w]), x[0]])
                return ([try graph.apply(.unary(.tanh), [z])], [])
            }.last[0]
            let loss = try graph.apply(.sum(), [h])
            let gradient = try graph.gradient(of: loss, withRespectTo: [w])
            let program = try Program(graph, outputs: gradient, precision: .f64, parameters: nil)
            return (program.steps.count, graph.nodeCount)
        }
        let (short, long) = (try steps(10_000), try steps(40_000))
        #expect(short.steps == long.steps && short.nodes == long.nodes)
    }

    /// Only what is short with all that is inside is written out: 64 steps of 64 steps are not.
    @Test func scansOfScansAreCountedWhole() throws {
        let graph = Graph()
        let x = graph.input("x", shape: [64, 64]), h0 = graph.input("h", shape: [])
        let h = try graph.scan(over: [x], initial: [h0]) { h, row in
            let inner = try graph.scan(over: [row[0]], initial: h) { h, x in
                ([try graph.apply(.unary(.sin), [try graph.apply(.binary(.add), [h[0], x[0]])])], [])
            }
            return (inner.last, [])
        }.last[0]
        let program = try Program(graph, outputs: [h], precision: .f64, parameters: nil)
        #expect(program.steps.count < 10)
        var random = SplitMix(seed: 3)
        let values = random.values(64 * 64)
        program.setInput("x", values)
        program.setInput("h", [0.5])
        program.run()
        #expect(agree(program.copy(h), [values.reduce(0.5) { sin($0 + $1) }], relative: 1e-9))
    }

    // MARK: Errors

    /// Axes that steps of steps add up to too many are an error of the outermost scan, not a crash.
    @Test func tooManyAxes() throws {
        let graph = Graph()
        func nested(_ depth: Int) throws -> Node {
            let shape = [Int](repeating: 1, count: 8)
            let start = graph.input("h\(depth)", shape: shape)
            return try graph.scan(initial: [start], length: 2) { h, _ in
                let value = try graph.apply(.unary(.tanh), h)
                return ([value], [depth == 1 ? value : try graph.apply(.binary(.mul), [nested(depth - 1), value])])
            }.outputs[0]
        }
        #expect(graph.shape(of: try nested(4)).count == 12)
        #expect(
            message { _ = try nested(5) }
                == "2 copies of mul: [2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1] has more than 12 axes")
    }

    @Test func errors() throws {
        let graph = Graph()
        let x = graph.input("x", shape: [4, 3]), y = graph.input("y", shape: [5, 3]), h = graph.input("h", shape: [3])
        func scan(_ sequences: [Node], length: Int? = nil, truncate: Int? = nil, next: Node? = nil) -> String {
            message {
                _ = try graph.scan(over: sequences, initial: [h], length: length, truncate: truncate) { h, _ in
                    ([next ?? h[0]], [])
                }
            }
        }
        #expect(scan([x, y]) == "scan: x [4, 3] and y [5, 3] do not fit: 4 steps against 5")
        #expect(scan([]) == "scan: no sequences and no length; the number of steps is expected")
        #expect(scan([], length: 0) == "scan: no sequences and no length; the number of steps is expected")
        #expect(scan([x], length: 3) == "scan: x [4, 3] has 4 steps; the length is 3")
        #expect(scan([graph.constant(1)]) == "scan: [] has no axis of steps")
        #expect(scan([x], truncate: 0) == "scan: truncate is 0; at least 1 is expected")
        #expect(scan([x], next: x) == "scan: carry 0 becomes x [4, 3]; it began as h [3]")
        #expect(
            message { _ = try graph.scan(over: [x], initial: [h]) { _, _ in ([], []) } }
                == "scan: 0 next carries; 1 expected")

        var stray = h
        _ = try graph.scan(over: [x], initial: [h]) { carries, _ in
            stray = try graph.apply(.unary(.exp), carries)
            return (carries, [])
        }
        #expect(
            message { _ = try evaluate(graph, [stray], [:]) }
                == "program: something outside a scan or fixed point reads a value from inside; make it a result")

        let w = graph.input("w", shape: [3, 3]), z = graph.input("z", shape: [4, 2, 3]),
            h2 = graph.input("h2", shape: [2, 3])
        #expect(
            message {
                _ = try graph.scan(over: [z], initial: [h2]) { h, _ in
                    let z = try graph.apply(.matmul(transposeB: true), [h[0], w])
                    try graph.layer("hidden", input: h[0], weight: w, bias: nil, output: z)
                    return ([z], [])
                }
            }.hasPrefix("layer hidden: is inside a scan, where it has no value of its own"))
    }
}
