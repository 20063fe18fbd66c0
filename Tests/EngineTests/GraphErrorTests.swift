import Engine
import Testing

@Suite struct GraphErrorTests {
    private let graph = Graph()
    private let initializer = Initializer(scheme: .constant)

    private func apply(_ name: String, _ shapes: [[Int]], _ attributes: [String: Double] = [:]) -> String {
        message {
            let inputs = try shapes.map { try graph.broadcast(graph.constant(0), to: $0) }
            _ = try graph.apply(named: name, inputs, attributes: attributes)
        }
    }

    @Test func operations() {
        #expect(
            apply("matmul", [[32, 64], [63, 10]])
                == "matmul: [32, 64] and [63, 10] do not fit: 64 columns against 63 rows")
        #expect(
            apply("matmul", [[32, 64], [10, 63]], ["transpose_b": 1])
                == "matmul: [32, 64] and [10, 63] transposed do not fit: 64 columns against 63 rows")
        #expect(apply("matmul", [[32, 64], [64]]) == "matmul: [64] is not a matrix")
        #expect(
            apply("add", [[7, 5], [7]])
                == "add: [7, 5] and [7] do not fit: sizes must be equal or 1, compared from the last axis")
        #expect(
            apply("select", [[3], [3], [4]])
                == "select: [3] and [3] and [4] do not fit: sizes must be equal or 1, compared from the last axis")
        #expect(apply("sum", [[7, 5]], ["axis": 2]) == "sum: [7, 5] has no axis 2")
        #expect(apply("sum", [[7, 5]], ["axis": 0.5]) == "sum: axis is 0.5; an integer is expected")
        #expect(apply("max", [[7, 5]], ["keep": 2]) == "max: keep is 2.0; 0 or 1 is expected")
        #expect(apply("softmax", [[]]) == "softmax: [] has no axis")
        #expect(
            apply("matmul", [[2, 3, 4], [5, 4, 3]])
                == "matmul: [2, 3, 4] and [5, 4, 3] do not fit: leading axes [2] against [5]; "
                + "sizes must be equal or 1, compared from the last axis")
        #expect(apply("transpose", [[3]]) == "transpose: [3] is not a matrix")
        #expect(apply("one_hot", [[3]]) == "one_hot: the attribute 'classes' is missing")
        #expect(apply("one_hot", [[3]], ["classes": 0]) == "one_hot: classes is 0; at least 1 is expected")
        #expect(
            apply("leaky_relu", [[3]], ["slope": .nan]) == "leaky_relu: slope is nan; a finite number is expected")
    }

    @Test func namesAndAttributes() {
        #expect(apply("tahn", [[3]]) == "unknown operation 'tahn'; did you mean 'tanh'?")
        #expect(apply("convolution2d", [[3]]).hasPrefix("unknown operation 'convolution2d'; known: abs, add, "))
        #expect(
            apply("matmul", [[3, 4], [4, 5]], ["transposeb": 1])
                == "matmul: unknown attribute 'transposeb'; did you mean 'transpose_b'?")
        #expect(apply("tanh", [[3]], ["slope": 1]) == "tanh: has no attribute 'slope'; it takes none")
        #expect(apply("add", [[3]]) == "add: 1 inputs; 2 expected")
        #expect(
            message { _ = try graph.apply(named: "exp", [Node(id: -1)]) }
                == "exp: node -1 does not exist; the graph has \(graph.nodeCount) nodes")
    }

    @Test func shaping() throws {
        let x = graph.input("x", shape: [2, 3])
        #expect(message { _ = try graph.reshape(x, to: [4, 2]) } == "reshape: x [2, 3] has 6 elements, [4, 2] 8")
        #expect(message { _ = try graph.reshape(x, to: [-6, -1]) } == "reshape: [-6, -1] has a size below 1")
        #expect(
            message { _ = try graph.broadcast(x, to: [3, 2]) }
                == "broadcast: x [2, 3] does not fit [3, 2]: sizes must be equal or 1, compared from the last axis")
        #expect(
            message { _ = try graph.broadcast(graph.constant(1), to: [1 << 40, 2]) }
                == "broadcast: [1099511627776, 2] has more than 2^40 elements")
        #expect(
            message { _ = try graph.reshape(x, to: [1, 1, 1, 1, 1, 1, 1, 2, 3]) }.contains("has more than 8 axes"))
        #expect(
            message { _ = try graph.apply(.sum(axes: [0, -2]), [x]) }
                == "sum: [0, -2] names an axis of x [2, 3] twice")
    }

    @Test func parametersAndLayers() throws {
        let x = graph.input("x", shape: [32, 64])
        let w = try graph.parameter("fc1.weight", role: .weight, shape: [10, 63], initializer: initializer)
        let v = try graph.parameter("fc2.weight", role: .weight, shape: [10, 64], initializer: initializer)
        #expect(
            message { _ = try graph.apply(.matmul(transposeB: true), [x, w]) }
                == "matmul: x [32, 64] and fc1.weight [10, 63] transposed do not fit: 64 columns against 63 rows")
        #expect(
            message { _ = try graph.parameter("fc1.weight", role: .weight, shape: [2], initializer: initializer) }
                == "parameter: 'fc1.weight' is declared twice")
        #expect(
            message { _ = try graph.parameter("b", role: .bias, shape: [0], initializer: initializer) }
                == "parameter b: [0] has a size below 1")
        #expect(
            message { _ = try graph.parameter("b", role: .bias, shape: [3], initializer: initializer, fanIn: 0) }
                == "parameter b: fan_in is 0; at least 1 is expected")
        #expect(
            message {
                _ = try graph.parameter(
                    "b", role: .bias, shape: [3], initializer: Initializer(scheme: .normal, scale: .nan))
            }
                == "parameter b: the initializer's scale is nan; a finite number is expected")
        #expect(
            message {
                _ = try graph.parameter("b", role: .weight, shape: [1 << 20, 1 << 20], initializer: initializer)
            }
            .hasPrefix("parameter b: values and gradients up to it need 8193 GiB of memory; this machine has "))
        let y = try graph.apply(.matmul(transposeB: true), [x, v])
        #expect(
            message { try graph.layer("fc", input: x, weight: w, bias: nil, output: y) }
                == "layer fc: input x [32, 64] and weight fc1.weight [10, 63] do not fit: 64 features against 63")
        #expect(
            message { try graph.layer("fc", input: x, weight: v, bias: nil, output: x) }
                == "layer fc: output x [32, 64] is not [32, 10], input times weight transposed")
        #expect(
            message { try graph.layer("fc", input: x, weight: v, bias: w, output: y) }
                == "layer fc: bias fc1.weight [10, 63] is not [10]")
        try graph.layer("fc", input: x, weight: v, bias: nil, output: y)
        #expect(
            message { try graph.layer("fc", input: x, weight: v, bias: nil, output: y) }
                == "layer: 'fc' is declared twice")
        #expect(
            message { _ = try graph.reshape(y, to: [7]) } == "reshape: fc.output [32, 10] has 320 elements, [7] 7")
        #expect(
            message { _ = try graph.gradient(of: y, withRespectTo: [w]) }
                == "gradient: fc.output [32, 10] is not a single number; reduce it first, or use vjp")
        #expect(
            message { _ = try graph.vjp(of: y, cotangent: x, withRespectTo: [w]) }
                == "vjp: cotangent x [32, 64] does not have the shape of fc.output [32, 10]")
    }

    @Test func programs() throws {
        let w = try graph.parameter("w", role: .weight, shape: [3, 5], initializer: initializer)
        let x = graph.input("x", shape: [5, 3])
        let y = try graph.apply(.unary(.exp), [w])
        let store = ParameterStore(blocks: graph.blocks, precision: .f32)
        func compile(
            _ store: ParameterStore?, _ gradients: [(parameter: Node, gradient: Node)] = [],
            _ precision: Precision = .f32
        ) -> String {
            message {
                _ = try Program(graph, outputs: [y], gradients: gradients, precision: precision, parameters: store)
            }
        }
        #expect(compile(nil) == "program: needs a parameter store for w [3, 5]")
        #expect(compile(store, [], .f64) == "program: is f64, its parameter store f32")
        #expect(compile(store, [(w, x)]) == "program: gradient x [5, 3] does not have the shape of w [3, 5]")
        #expect(compile(store, [(x, x)]) == "program: x [5, 3] gets a gradient but is not a parameter")
        #expect(compile(store, [(w, y), (w, y)]) == "program: w [3, 5] gets two gradients")
        #expect(
            compile(ParameterStore(blocks: [], precision: .f32))
                == "program: the parameter store was made for another graph: [] against [\"w\"]")
        #expect(compile(store, [(w, y)]) == "no error")
        let huge = graph.input("huge", shape: [1 << 20, 1 << 20])
        #expect(
            message { _ = try Program(graph, outputs: [huge], precision: .f64, parameters: nil) }
                .hasPrefix("program: needs 8192 GiB of memory; this machine has "))
    }
}
