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

    @Test func pieces() {
        #expect(apply("slice", [[3, 5]], ["axis": 2]) == "slice: [3, 5] has no axis 2")
        #expect(apply("slice", [[3, 5]]) == "slice: the attribute 'axis' is missing")
        #expect(
            apply("slice", [[3, 5]], ["axis": -1, "begin": 4, "end": 2])
                == "slice: 4 ..< 2 is no part of axis 1 of [3, 5], which has 5 elements")
        #expect(
            apply("slice", [[3, 5]], ["axis": 0, "begin": -4])
                == "slice: -4 ..< 3 is no part of axis 0 of [3, 5], which has 3 elements")
        #expect(
            apply("slice", [[3, 5]], ["axis": 0, "step": 0]) == "slice: step is 0; at least 1 is expected")
        #expect(apply("slice", [[2000]], ["axis": 0, "step": 0x1p63.nextDown]) == "no error")
        #expect(
            apply("pad", [[3, 5]], ["axis": 0, "before": -1])
                == "pad: -1 before and 0 after [3, 5]; at least 0 is expected")
        #expect(
            apply("concat", [[3, 5], [4, 5]], ["axis": 1])
                == "concat: [3, 5] and [4, 5] do not fit: sizes must be equal but along axis 1")
        #expect(
            apply("concat", [[3, 5], [3, 5, 1]], ["axis": 0])
                == "concat: [3, 5] and [3, 5, 1] do not fit: sizes must be equal but along axis 0")
        #expect(apply("concat", [], ["axis": 0]) == "concat: 0 inputs; at least 1 expected")
        #expect(apply("stack", [[3, 5], [5, 3]]) == "stack: [3, 5] and [5, 3] do not have the same shape")
        #expect(apply("stack", [[3]], ["axis": 3]) == "stack: [3] gets no axis 3")
        #expect(apply("gather", [[], [3]]) == "gather: [] has no rows")
        #expect(
            apply("scatter_add", [[7], [5, 3]], ["rows": 4])
                == "scatter_add: values [5, 3] do not begin with the axes of the indices, [7]")
        #expect(apply("scatter_add", [[5], [5]], ["rows": 0]) == "scatter_add: rows is 0; at least 1 is expected")
        #expect(
            apply("take_along", [[3, 5], [7]])
                == "take_along: indices [7] do not choose from the last axis of [3, 5]; [3], or with one more axis, "
                + "expected")
        #expect(apply("cumsum", [[3, 5]], ["axis": -3]) == "cumsum: [3, 5] has no axis -3")
        #expect(apply("cumprod", [[3, 5]], ["axis": 2]) == "cumprod: [3, 5] has no axis 2")
        #expect(apply("argmax", [[]]) == "argmax: [] has no axis -1")
        #expect(apply("iota", [], ["count": 0]) == "iota: [0] has a size below 1")
        #expect(apply("tri", [], ["columns": 3]) == "tri: the attribute 'rows' is missing")
    }

    @Test func functionsAndReductions() {
        let misfit = "[7, 5] and [7] do not fit: sizes must be equal or 1, compared from the last axis"
        for name in ["less", "less_equal", "greater_equal", "not_equal", "logical_and", "logical_or", "pow"] {
            #expect(apply(name, [[7, 5], [7]]) == "\(name): \(misfit)")
        }
        for name in ["min", "prod", "var", "logsumexp"] {
            #expect(apply(name, [[7, 5]], ["axis": 2]) == "\(name): [7, 5] has no axis 2")
        }
        #expect(
            apply("var", [[7, 5]], ["axis": 1, "ddof": 5]) == "var: ddof is 5; 0 to 4 is expected for n = 5")
        #expect(
            apply("clamp", [[3]], ["low": 2, "high": 1]) == "clamp: low is 2.0, high 1.0; low <= high is expected")
        #expect(apply("clamp", [[3]], ["low": 2]) == "clamp: the attribute 'high' is missing")
        #expect(
            apply("softmax", [[3, 5], [3, 1, 5]])
                == "softmax: mask [3, 1, 5] does not fit [3, 5]: sizes must be equal or 1, compared from the last axis"
        )
    }

    @Test func normalizations() {
        #expect(apply("layer_norm", [[3, 5]], ["axes": 3]) == "layer_norm: axes is 3; [3, 5] has 2")
        #expect(
            apply("layer_norm", [[3, 5], [3]])
                == "layer_norm: scale [3] does not fit [3, 5]: sizes must be equal or 1, compared from the last axis")
        #expect(
            apply("rms_norm", [[3, 5]], ["epsilon": -1]) == "rms_norm: epsilon is -1.0; at least 0 is expected")
        #expect(
            apply("group_norm", [[3, 5]], ["groups": 2])
                == "group_norm: 2 groups do not divide the channels of [3, 5], its last axis")
        #expect(
            apply("batch_norm", [[7, 3], [3], [4]])
                == "batch_norm: running variance [4] is not [3], one for each channel of [7, 3]")
        #expect(apply("batch_norm", [[3], [3], [3]]) == "batch_norm: [3] is not [rows, …, channels]")
        #expect(
            apply("batch_norm", [[7, 3], [3], [3]], ["momentum": 2])
                == "batch_norm: momentum is 2.0; 0 to 1 is expected")
        #expect(apply("batch_norm", [[7, 3], [3]]) == "batch_norm: 2 inputs; 3 to 5 expected")
    }

    @Test func lists() throws {
        let x = graph.input("y", shape: [2, 3, 5])
        func list(_ name: String, _ list: [Int]) -> String {
            message { _ = try graph.apply(named: name, x, list: list) }
        }
        #expect(list("permute", [0, 1]) == "permute: [0, 1] is no order of the 3 axes of y [2, 3, 5]")
        #expect(list("permute", [0, 1, 1]) == "permute: [0, 1, 1] is no order of the 3 axes of y [2, 3, 5]")
        #expect(list("permute", [0, 3, 1]) == "permute: [0, 3, 1] is no order of the 3 axes of y [2, 3, 5]")
        #expect(graph.shape(of: try graph.apply(named: "permute", x, list: [-1, 0, -2])) == [5, 2, 3])
        #expect(list("sum", [0, 3]) == "sum: y [2, 3, 5] has no axis 3")
        for name in ["mean", "max", "min", "prod", "var", "logsumexp"] {
            #expect(list(name, [1, -2]) == "\(name): [1, -2] names an axis of y [2, 3, 5] twice")
        }
        #expect(list("shape", [1]).hasPrefix("unknown operation on a list 'shape'"))
        #expect(
            message { _ = try graph.constant([1, 2, 3], shape: [2, 2]) } == "tensor: 3 values for [2, 2]")
    }

    @Test func windowsOfPaddingOnly() {
        let options = ["size": 2.0, "dilation": 3, "padding": 1, "stride": 1]
        for name in ["max_pool", "average_pool"] {
            // Taps -1 and 2 of 2 rows; of 3 rows the second one is inside.
            #expect(
                apply(name, [[1, 2, 5, 3]], options)
                    == "\(name): window 0 of 2 elements, 3 apart, holds padding only on [1, 2, 5, 3] with padding 1")
            #expect(apply(name, [[1, 3, 5, 3]], options) == "no error")
            #expect(
                apply(name, [[1, 3, 5, 3]], ["size": 2, "padding": 2])
                    == "\(name): padding 2 is not smaller than the window, 2: a window would hold padding only")
        }
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
            message { _ = try graph.reshape(x, to: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3]) }.contains(
                "has more than 12 axes"))
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
