import Engine
import Glibc
import LinearAlgebra

/// The meaning of a graph, as plainly as possible: every node has its own array, one element at a time, in f64.
/// Shares nothing with the planner, the kernels or the libraries.
struct Interpreter {
    let graph: Graph
    var inputs: [String: [Double]] = [:]
    var scalars: [String: Double] = [:]
    var parameters: [[Double]] = []
    /// For random numbers.
    var seed: UInt64 = 0
    var step: UInt64 = 0

    func values(of nodes: [Node]) -> [[Double]] {
        var all: [[Double]] = []
        for id in 0...(nodes.map(\.id).max() ?? 0) { all.append(value(Node(id: id), all)) }
        return nodes.map { all[$0.id] }
    }

    private func value(_ node: Node, _ all: [[Double]]) -> [Double] {
        let shape = graph.shape(of: node)
        switch graph.definition(of: node) {
        case .input(let name): return inputs[name] ?? [Double](repeating: 0, count: elements(shape))
        case .scalar(let name): return [scalars[name] ?? 0]
        case .constant(let bits): return [Double(bitPattern: bits)]
        case .iota(let count): return (0..<count).map(Double.init)
        case .table(let bits): return bits.map(Double.init(bitPattern:))
        case .parameter(let index): return parameters[index]
        case .operation(let operation, let nodes):
            return apply(operation, nodes.map { (all[$0.id], graph.shape(of: $0)) }, shape)
        }
    }

    private func apply(_ operation: Operation, _ x: [(values: [Double], shape: [Int])], _ shape: [Int]) -> [Double] {
        switch operation.description {
        case let unary as Unary: return x[0].values.map { Interpreter.unary(unary, $0) }
        case let binary as Binary:
            return zip(spread(x[0], shape), spread(x[1], shape)).map { Interpreter.binary(binary, $0, $1) }
        case is Select:
            let (a, b, c) = (spread(x[0], shape), spread(x[1], shape), spread(x[2], shape))
            return a.indices.map { a[$0] != 0 ? b[$0] : c[$0] }
        case let rule as MatMul:
            let a = Array(x[0].shape.suffix(2)), b = Array(x[1].shape.suffix(2))
            let k = rule.transposeA ? a[0] : a[1]
            return indices(shape).map { index in
                let (i, j) = (index[index.count - 2], index[index.count - 1])
                let batch = zip(index, shape).dropLast(2).reduce(0) { $0 * $1.1 + $1.0 }
                let x0 = x[0].shape.count > 2 ? batch * a[0] * a[1] : 0
                let x1 = x[1].shape.count > 2 ? batch * b[0] * b[1] : 0
                return (0..<k).reduce(0) { sum, p in
                    let left = x[0].values[x0 + (rule.transposeA ? p * a[1] + i : i * a[1] + p)]
                    let right = x[1].values[x1 + (rule.transposeB ? j * b[1] + p : p * b[1] + j)]
                    return sum + left * right
                }
            }
        case let reduction as Reduction:
            let axes = Set((reduction.axes ?? Array(x[0].shape.indices)).map { $0 < 0 ? $0 + x[0].shape.count : $0 })
            var groups = [[Double]](repeating: [], count: elements(shape))
            for (i, index) in indices(x[0].shape).enumerated() {
                let rest = index.indices.filter { !axes.contains($0) }
                let flat = rest.reduce(0) { $0 * x[0].shape[$1] + index[$1] }
                groups[flat].append(x[0].values[i])
            }
            return groups.map { group in
                switch reduction.kind {
                case .sum: group.reduce(0, +)
                case .mean: group.reduce(0, +) / Double(group.count)
                case .max: group.contains(where: \.isNaN) ? .nan : group.max() ?? .nan
                }
            }
        case let rule as Softmax:
            let n = shape[shape.count - 1]
            return stride(from: 0, to: x[0].values.count, by: n).flatMap { start -> [Double] in
                let row = x[0].values[start..<start + n]
                let top = row.max() ?? 0
                let total = row.reduce(0) { $0 + exp($1 - top) }
                return row.map { rule.isLog ? $0 - top - log(total) : exp($0 - top) / total }
            }
        case is Reshape, is StopGradient: return x[0].values
        case is Broadcast: return spread(x[0], shape)
        case let permute as Permute:
            let axes = permute.axes ?? [1, 0]
            return indices(shape).map { index in
                var source = index
                for (i, axis) in axes.enumerated() { source[axis] = index[i] }
                return x[0].values[zip(source, x[0].shape).reduce(0) { $0 * $1.1 + $1.0 }]
            }
        case let scan as Scan: return repeated(scan, x)
        default: return move(operation, x, shape)
        }
    }

    /// Step after step, each interpreted.
    private func repeated(_ scan: Scan, _ x: [(values: [Double], shape: [Int])]) -> [Double] {
        guard let body = try? scan.body.graph() else { preconditionFailure("a body can be built again") }
        var carries = x.prefix(scan.carryCount).map(\.values)
        var steps = [[[Double]]](repeating: [], count: scan.length)
        for i in 0..<scan.length {
            let step = scan.isReverse ? scan.length - 1 - i : i
            var inside = Interpreter(graph: body.graph)
            for (k, (values, shape)) in x.enumerated() {
                let size = elements(shape) / scan.length
                let isElement = k >= scan.carryCount && k < scan.carryCount + scan.elementCount
                inside.inputs["\(k)"] =
                    k < scan.carryCount
                    ? carries[k] : isElement ? Array(values[step * size..<(step + 1) * size]) : values
            }
            steps[step] = inside.values(of: body.results)
            carries = Array(steps[step].prefix(scan.carryCount))
        }
        return body.results.indices.flatMap { k in steps.flatMap { $0[k] } }
    }

    /// Operations that move elements or add some of them up.
    private func move(_ operation: Operation, _ x: [(values: [Double], shape: [Int])], _ shape: [Int]) -> [Double] {
        /// Element `index` of input `i`.
        func element(_ i: Int, _ index: [Int]) -> Double {
            x[i].values[zip(index, x[i].shape).reduce(0) { $0 * $1.1 + $1.0 }]
        }
        switch operation.description {
        case let slice as Slice:
            return indices(shape).map { index in
                var source = index
                source[slice.axis] = slice.begin + index[slice.axis] * slice.step
                return element(0, source)
            }
        case let pad as Pad:
            return indices(shape).map { index in
                let offset = index[pad.axis] - pad.before
                guard offset >= 0, offset % pad.step == 0, offset / pad.step < x[0].shape[pad.axis] else { return 0 }
                var source = index
                source[pad.axis] = offset / pad.step
                return element(0, source)
            }
        case let concat as Concat:
            return indices(shape).map { index in
                var source = index, part = 0
                while source[concat.axis] >= x[part].shape[concat.axis] {
                    source[concat.axis] -= x[part].shape[concat.axis]
                    part += 1
                }
                return element(part, source)
            }
        case is Gather:
            return indices(shape).map { index in
                let row = element(1, Array(index[..<2]))
                guard (0..<x[0].shape[1]).contains(where: { Double($0) == row }) else { return .nan }
                return element(0, [index[0], Int(row), index[2]])
            }
        case is ScatterAdd:
            return indices(shape).map { index in
                (0..<x[1].shape[1]).reduce(0) { sum, i in
                    element(0, [index[0], i]) == Double(index[1]) ? sum + element(1, [index[0], i, index[2]]) : sum
                }
            }
        case let rule as CumulativeSum:
            return indices(shape).map { index in
                let own = index[rule.axis]
                return (0..<shape[rule.axis]).reduce(0) { sum, i in
                    let isPassed = rule.isReverse ? i > own : i < own
                    guard isPassed || (i == own && !rule.isExclusive) else { return sum }
                    var source = index
                    source[rule.axis] = i
                    return sum + element(0, source)
                }
            }
        case is MaskedSoftmax:
            let n = shape[shape.count - 1], mask = spread(x[1], shape)
            return stride(from: 0, to: x[0].values.count, by: n).flatMap { start -> [Double] in
                let seen = (start..<start + n).filter { mask[$0] != 0 && x[0].values[$0] != -.infinity }
                let top = seen.map { x[0].values[$0] }.max() ?? 0
                let total = seen.reduce(0) { $0 + exp(x[0].values[$1] - top) }
                return (start..<start + n).map { seen.contains($0) ? exp(x[0].values[$0] - top) / total : 0 }
            }
        case let random as Random:
            let stream = Stream(seed: seed, name: random.stream), count = elements(shape)
            if case .normal = random.distribution {
                var values = [Double](repeating: 0, count: count)
                values.withUnsafeMutableBufferPointer { stream.normal(step: step, into: $0) }
                return values
            }
            return (0..<count).map { i in
                let word = stream.bits(step: step, index: i / 2) >> (i % 2 == 0 ? 0 : 32)
                let uniform = Double((word & 0xffff_ffff) >> 8) / 16_777_216
                guard case .bernoulli(let probability) = random.distribution else { return uniform }
                return uniform < probability ? 1 : 0
            }
        default: preconditionFailure("the interpreter does not know \(operation)")
        }
    }

    /// All index tuples of a shape, row-major.
    private func indices(_ shape: [Int]) -> [[Int]] {
        shape.reduce([[]]) { prefixes, size in prefixes.flatMap { prefix in (0..<size).map { prefix + [$0] } } }
    }

    private func spread(_ x: (values: [Double], shape: [Int]), _ shape: [Int]) -> [Double] {
        indices(shape).map { index in
            let own = index.suffix(x.shape.count)
            return x.values[zip(own, x.shape).reduce(0) { $0 * $1.1 + ($1.1 == 1 ? 0 : $1.0) }]
        }
    }

    static func unary(_ unary: Unary, _ x: Double) -> Double {
        switch unary {
        case .neg: -x
        case .exp: exp(x)
        case .log: log(x)
        case .log1p: log1p(x)
        case .expm1: expm1(x)
        case .sqrt: x.squareRoot()
        case .reciprocal: 1 / x
        case .square: x * x
        case .abs: abs(x)
        case .sign: x > 0 ? 1 : (x < 0 ? -1 : x)
        case .tanh: tanh(x)
        case .sigmoid: x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x))
        case .relu: x.isNaN ? x : max(x, 0)
        case .step: x > 0 ? 1 : 0
        case .floor: x.rounded(.down)
        case .softplus: max(x, 0) + log1p(exp(-abs(x)))
        case .sin: sin(x)
        case .cos: cos(x)
        case .normalCDF: 0.5 * erfc(-x / 2.0.squareRoot())
        case .erf: erf(x)
        }
    }

    static func binary(_ binary: Binary, _ x: Double, _ y: Double) -> Double {
        switch binary {
        case .add: x + y
        case .sub: x - y
        case .mul: x * y
        case .div: x / y
        case .maximum: x.isNaN || y.isNaN ? .nan : max(x, y)
        case .minimum: x.isNaN || y.isNaN ? .nan : min(x, y)
        case .greater: x > y ? 1 : 0
        case .greaterEqual: x >= y ? 1 : 0
        case .equal: x == y ? 1 : 0
        case .pow: pow(x, y)
        }
    }
}
