import Engine
import Glibc

/// The meaning of a graph, as plainly as possible: every node has its own array, one element at a time, in f64.
/// Shares nothing with the planner, the kernels or the libraries.
struct Interpreter {
    let graph: Graph
    var inputs: [String: [Double]] = [:]
    var scalars: [String: Double] = [:]
    var parameters: [[Double]] = []

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
        case .parameter(let index): return parameters[index]
        case .operation(let operation, let nodes):
            return apply(operation, nodes.map { (all[$0.id], graph.shape(of: $0)) }, shape)
        }
    }

    private func apply(_ operation: Operation, _ x: [(values: [Double], shape: [Int])], _ shape: [Int]) -> [Double] {
        switch operation {
        case .unary(let unary): return x[0].values.map { Interpreter.unary(unary, $0) }
        case .binary(let binary):
            return zip(spread(x[0], shape), spread(x[1], shape)).map { Interpreter.binary(binary, $0, $1) }
        case .select:
            let (a, b, c) = (spread(x[0], shape), spread(x[1], shape), spread(x[2], shape))
            return a.indices.map { a[$0] != 0 ? b[$0] : c[$0] }
        case .matmul(let rule):
            let k = rule.transposeA ? x[0].shape[0] : x[0].shape[1]
            return indices(shape).map { i in
                (0..<k).reduce(0) { sum, p in
                    let a = rule.transposeA ? x[0].values[p * shape[0] + i[0]] : x[0].values[i[0] * k + p]
                    let b = rule.transposeB ? x[1].values[i[1] * k + p] : x[1].values[p * shape[1] + i[1]]
                    return sum + a * b
                }
            }
        case .reduce(let reduction):
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
        case .softmax(let rule):
            let n = shape[shape.count - 1]
            return stride(from: 0, to: x[0].values.count, by: n).flatMap { start -> [Double] in
                let row = x[0].values[start..<start + n]
                let top = row.max() ?? 0
                let total = row.reduce(0) { $0 + exp($1 - top) }
                return row.map { rule.isLog ? $0 - top - log(total) : exp($0 - top) / total }
            }
        case .reshape, .stopGradient: return x[0].values
        case .broadcast: return spread(x[0], shape)
        case .transpose: return indices(shape).map { x[0].values[$0[1] * shape[0] + $0[0]] }
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
        case .sqrt: x.squareRoot()
        case .reciprocal: 1 / x
        case .square: x * x
        case .abs: abs(x)
        case .sign: x > 0 ? 1 : (x < 0 ? -1 : x)
        case .tanh: tanh(x)
        case .sigmoid: x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x))
        case .relu: x.isNaN ? x : max(x, 0)
        case .step: x > 0 ? 1 : 0
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
        case .equal: x == y ? 1 : 0
        }
    }
}
