import Engine
import PluginTesting

/// Graphs drawn at random from every operation but those with windows, whose values stay moderate.
struct RandomGraph {
    /// Without comparisons, kinks and derivatives that are stopped: differences tell the derivatives, f32 the values.
    let isSmooth: Bool
    let graph = Graph(isTraining: true)
    var inputs: [String: [Double]] = [:]
    var shapes: [String: [Int]] = [:]
    var outputs: [Node] = []
    var parameters: [Node] = []
    var gradients: [Node] = []

    init(seed: UInt64, isSmooth: Bool = false) throws {
        self.isSmooth = isSmooth
        var random = SplitMix(seed: seed)
        let sizes = [[3, 5], [5], [3, 1], [5, 4], [3, 4], [], [2, 3, 5], [700], [1, 5]]
        var pool: [Node] = []
        for (i, shape) in sizes.enumerated() {
            pool.append(graph.input("x\(i)", shape: shape))
            inputs["x\(i)"] = random.values(elements(shape))
            shapes["x\(i)"] = shape
        }
        for shape in [[4, 5], [5], [3, 5]] {
            let parameter = try graph.parameter(
                "p\(parameters.count)", role: .weight, shape: shape, initializer: Initializer(scheme: .normal))
            parameters.append(parameter)
            pool.append(parameter)
        }
        pool.append(graph.constant(0.7))
        pool.append(graph.scalar("s"))
        for _ in 0..<36 {
            let a = pool.randomElement(using: &random) ?? pool[0]
            if let node = try draw(a, pool, &random) { pool.append(node) }
        }
        for _ in 0..<3 {
            let a = pool.randomElement(using: &random) ?? pool[0]
            if let node = try batchNorm(a, &random) { pool.append(node) }
        }
        for parameter in parameters { pool.append(parameter) }
        outputs = (0..<3).map { _ in pool.randomElement(using: &random) ?? pool[0] } + [pool[pool.count - 4]]
        // A loss that reaches all of it, and its gradients.
        var loss = graph.constant(0)
        for node in outputs + parameters {
            let mean = try graph.apply(named: "mean", [try graph.apply(named: "tanh", [node])])
            loss = try graph.apply(named: "add", [loss, mean])
        }
        gradients = try graph.gradient(of: loss, withRespectTo: parameters)
        outputs.append(loss)
        if Bool.random(using: &random) { outputs.append(gradients[1]) }
    }

    /// An operation on `a` and other nodes that fit, nil if none was found.
    func draw(_ a: Node, _ pool: [Node], _ random: inout SplitMix) throws -> Node? {
        let first = graph.nodeCount
        guard let node = try drawAny(a, pool, &random) else { return nil }
        let new = graph.ancestors([node]).filter { $0.id >= first }
        return isSmooth && new.contains(where: hasKink) ? nil : node
    }

    private func hasKink(_ node: Node) -> Bool {
        guard case .operation(let operation, _) = graph.definition(of: node) else { return false }
        if (operation.description as? Reduction)?.kind == .max { return true }
        return [
            .unary(.relu), .unary(.abs), .unary(.sign), .unary(.step), .unary(.floor), .binary(.maximum),
            .binary(.minimum), .binary(.greater), .binary(.greaterEqual), .binary(.equal), .stopGradient,
        ].contains(operation)
    }

    /// Values are kept away from poles and overflow.
    private func drawAny(_ a: Node, _ pool: [Node], _ random: inout SplitMix) throws -> Node? {
        let shape = graph.shape(of: a)
        func apply(_ name: String, _ inputs: Node..., attributes: [String: Double] = [:]) throws -> Node {
            try graph.apply(named: name, inputs, attributes: attributes)
        }
        let b = pool.randomElement(using: &random) ?? a, c = pool.randomElement(using: &random) ?? a
        switch Int.random(in: 0..<30, using: &random) {
        case 0, 1, 2:
            let names = [
                "tanh", "sigmoid", "relu", "sin", "cos", "neg", "abs", "sign", "step", "softplus", "erf",
                "normal_cdf",
                "gelu", "silu", "leaky_relu", "stop_gradient", "softsign", "mish", "hard_tanh", "gelu_tanh",
                "selu", "elu",
            ]
            return try apply(names.randomElement(using: &random) ?? "tanh", a)
        case 3: return try apply("sqrt", try apply("add", try apply("square", a), graph.constant(1)))
        case 4: return try apply("exp", try apply("tanh", a))
        case 5: return try apply("log", try apply("add", try apply("abs", a), graph.constant(0.5)))
        case 6, 7, 8:
            let names = [
                "add", "sub", "mul", "maximum", "minimum", "greater", "add", "sub", "mul", "maximum", "less_equal",
            ]
            let name = names.randomElement(using: &random) ?? "add"
            guard elements(graph.shape(of: b)) < 800, elements(shape) * elements(graph.shape(of: b)) < 40_000 else {
                return nil
            }
            guard let node = try? apply(name, try apply("tanh", a), b) else { return nil }
            return elements(graph.shape(of: node)) < 4_000 ? node : nil
        case 9:
            guard let node = try? apply("div", a, try apply("add", try apply("square", b), graph.constant(0.8)))
            else { return nil }
            return elements(graph.shape(of: node)) < 4_000 ? node : nil
        case 10:
            guard let node = try? apply("select", try apply("step", a), b, c) else { return nil }
            return elements(graph.shape(of: node)) < 4_000 ? node : nil
        case 11:
            let flags = [
                "transpose_a": Double(Int.random(in: 0...1, using: &random)),
                "transpose_b": Double(Int.random(in: 0...1, using: &random)),
            ]
            return try? apply("matmul", try apply("tanh", a), try apply("tanh", b), attributes: flags)
        case 12:
            guard !shape.isEmpty else { return nil }
            let name = ["sum", "mean", "max", "min", "var", "logsumexp"].randomElement(using: &random) ?? "sum"
            let axis = Int.random(in: 0..<shape.count, using: &random)
            return try apply(
                name, a, attributes: ["axis": Double(axis), "keep": Double(Int.random(in: 0...1, using: &random))])
        case 13:
            guard shape.count == 2 else { return try graph.reshape(a, to: [elements(shape)]) }
            return Bool.random(using: &random)
                ? try apply("transpose", a) : try graph.reshape(a, to: [shape[1], shape[0]])
        case 14:
            guard !shape.isEmpty else { return try graph.broadcast(a, to: [3, 5]) }
            return try apply(Bool.random(using: &random) ? "softmax" : "log_softmax", a)
        case 15:
            let x = try apply("tanh", a)
            return try apply(["expm1", "log1p"].randomElement(using: &random) ?? "", try apply("abs", x))
        case 16:
            let x = try apply("add", try apply("abs", a), graph.constant(0.5))
            let exponent: Double = [-1.5, 0.5, 3.0, 0.7].randomElement(using: &random) ?? 1.0
            return Bool.random(using: &random)
                ? try apply("rsqrt", x) : try apply("pow", try apply("tanh", x), graph.constant(exponent))
        case 17: return try scan(a, pool, &random)
        case 18:
            let x = try apply("mul", try apply("tanh", a), graph.constant(3))
            return try apply("floor", try apply("add", x, graph.constant(0.37)))
        default: return try drawPieces(a, b, &random)
        }
    }

    /// An operation that moves, chooses or normalizes elements.
    private func drawPieces(_ a: Node, _ b: Node, _ random: inout SplitMix) throws -> Node? {
        let shape = graph.shape(of: a)
        guard !shape.isEmpty else {
            return try graph.stack([a, a, b].filter { graph.shape(of: $0).isEmpty }, axis: 0)
        }
        let axis = Int.random(in: 0..<shape.count, using: &random), size = shape[axis], last = shape[shape.count - 1]
        func apply(_ name: String, _ inputs: Node..., attributes: [String: Double] = [:]) throws -> Node {
            try graph.apply(named: name, inputs, attributes: attributes)
        }
        func numbers(_ shape: [Int], below n: Int) throws -> Node {
            let values = (0..<elements(shape)).map { _ in Double(Int.random(in: 0..<n, using: &random)) }
            return try graph.constant(values, shape: shape)
        }
        let isFlagged = Bool.random(using: &random), isSmall = elements(shape) < 300
        switch Int.random(in: 0..<13, using: &random) {
        case 0:
            let begin = Int.random(in: 0..<size, using: &random), step = Int.random(in: 1...3, using: &random)
            return try graph.slice(a, axis: axis, begin: begin, step: step)
        case 1:
            guard isSmall else { return nil }
            return try graph.pad(a, axis: axis, before: isFlagged ? 2 : 0, after: 1)
        case 2:
            guard isSmall, let joined = try? graph.concat(isFlagged ? [a, b] : [b, a, a], axis: axis) else {
                return isSmall ? try graph.concat([a, a], axis: axis) : nil
            }
            return elements(graph.shape(of: joined)) < 2000 ? joined : nil
        case 3:
            let chosen = try numbers(isFlagged ? [4] : [2, 2], below: shape[0])
            return shape.count < 4 && isSmall ? try graph.gather(a, chosen) : nil
        case 4:
            let leading = Array(shape.dropLast())
            return try graph.takeAlong(a, try numbers(isFlagged ? leading : leading + [3], below: last))
        case 5:
            return try graph.scatterAdd(try numbers([shape[0]], below: 4), a, rows: 4)
        case 6 where Bool.random(using: &random):
            let name = isFlagged ? "cumprod" : "prod"
            return size < 10 ? try apply(name, try apply("tanh", a), attributes: ["axis": Double(axis)]) : nil
        case 6:
            return try graph.cumulativeSum(
                try apply("tanh", a), axis: axis, isExclusive: isFlagged, isReverse: Bool.random(using: &random))
        case 7:
            let rows = shape.count > 1 ? shape[shape.count - 2] : 1
            let offset = Int.random(in: -1...2, using: &random)
            let mask = try graph.lowerTriangle(rows: rows, columns: last, offset: offset)
            return try apply("softmax", a, shape.count > 1 ? mask : try graph.reshape(mask, to: [last]))
        case 8:
            return try apply(isFlagged ? "layer_norm" : "rms_norm", a, attributes: ["epsilon": 0.1])
        case 9:
            return try graph.apply(.permute(shape.indices.shuffled(using: &random)), [a])
        case 10: return try apply("argmax", a, attributes: ["axis": Double(axis)])
        case 11:
            guard shape.count > 1 else { return nil }
            let groups = (1...last).filter { last % $0 == 0 }.randomElement(using: &random) ?? 1
            return try apply("group_norm", a, attributes: ["groups": Double(groups), "epsilon": 0.1])
        default:
            return try graph.dropout(a, rate: isFlagged ? 0.3 : 0.7, stream: "test")
        }
    }
}
