import Engine
import LinearAlgebra
import Observing
import Protocols

/// A dataset in memory; rows of `x` are normal, `y` is a fixed function of them.
package final class ArrayDataset: Dataset {
    package let fields: [Field]
    package let splits = ["train", "test"]
    private let counts: [Int]
    package let x: [[Double]]
    package let y: [[Double]]

    package init(rows: Int, testRows: Int = 3, inputs: Int, outputs: Int, seed: UInt64 = 1) {
        fields = [Field(name: "x", shape: [inputs]), Field(name: "y", shape: [outputs])]
        counts = [rows, testRows]
        var x: [[Double]] = []
        for (index, count) in [rows, testRows].enumerated() {
            var values = [Double](repeating: 0, count: count * inputs)
            values.withUnsafeMutableBufferPointer { Stream(seed: seed, name: "x\(index)").normal(into: $0) }
            x.append(values)
        }
        self.x = x
        y = zip(x, counts).map { values, count in
            (0..<count * outputs).map { k in
                let (row, column) = (k / outputs, k % outputs)
                return (0..<inputs).reduce(0.3) {
                    $0 + values[row * inputs + $1] * Double((column + 2 * $1) % 5 - 2) / 3
                }
            }
        }
    }

    package func rows(in split: String) -> Int { counts[split == "train" ? 0 : 1] }

    package func read(_ split: String, _ range: Range<Int>, into buffers: [UnsafeMutableBufferPointer<Double>]) {
        let index = split == "train" ? 0 : 1
        for (source, (field, buffer)) in zip([x[index], y[index]], zip(fields, buffers)) {
            for (i, value) in source[range.lowerBound * field.elements..<range.upperBound * field.elements]
                .enumerated()
            {
                buffer[i] = value
            }
        }
    }
}

/// x → W₁ → tanh → W₂ + b, with layers `fc1` (no bias) and `head`.
package final class TanhNet: Model {
    private let inputs: Int
    private let width: Int
    private let outputs: Int

    package init(inputs: Int, width: Int, outputs: Int) {
        (self.inputs, self.width, self.outputs) = (inputs, width, outputs)
    }

    package func build(in graph: Graph, batch: [String: BatchNode]) throws -> [String: Node] {
        guard let x = batch["x"]?.node else { throw Undefined("no_x") }
        let w1 = try graph.parameter(
            "fc1.weight", role: .weight, shape: [width, inputs],
            initializer: Initializer(scheme: .torch_linear, scale: 1))
        let w2 = try graph.parameter(
            "head.weight", role: .weight, shape: [outputs, width],
            initializer: Initializer(scheme: .torch_linear, scale: 1))
        let b2 = try graph.parameter(
            "head.bias", role: .bias, shape: [outputs], initializer: Initializer(scheme: .normal, scale: 0.5),
            fanIn: width)
        let h1 = try graph.apply(named: "matmul", [x, w1], attributes: ["transpose_b": 1])
        try graph.layer("fc1", input: x, weight: w1, bias: nil, output: h1)
        let a1 = try graph.apply(named: "tanh", [h1])
        let h2 = try graph.apply(named: "matmul", [a1, w2], attributes: ["transpose_b": 1])
        try graph.layer("head", input: a1, weight: w2, bias: b2, output: h2)
        return ["output": try graph.apply(named: "add", [h2, b2])]
    }
}

/// ½ Σ_k (f_k − y_k)² per sample.
package final class HalfSquares: Loss {
    package init() {}

    package func build(in graph: Graph, outputs: [String: Node], batch: [String: BatchNode]) throws -> Node {
        guard let f = outputs["output"], let y = batch["y"]?.node else { throw Undefined("no_y") }
        let error = try graph.apply(named: "sub", [f, y])
        let square = try graph.apply(named: "square", [error])
        let half = try graph.apply(named: "mul", [square, graph.constant(0.5)])
        return try graph.apply(named: "sum", [half], attributes: ["axis": -1])
    }
}

/// w ← w − lr · g.
package final class PlainDescent: Optimizer {
    private let lr: Double
    package init(lr: Double) { self.lr = lr }

    private final class Attached: AttachedUpdate {
        let state: [(name: String, buffer: UnsafeMutableRawPointer, count: Int)] = []
        private(set) var updates: [Update] = []

        init(_ store: ParameterStore, _ blocks: [Int], _ lr: Double) {
            let bytes = store.precision.bytes
            updates = blocks.map { index in
                let block = store.blocks[index], offset = block.offset * bytes
                return Update(
                    gradient: store.gradients + offset, count: block.count,
                    operands: [
                        Update.Operand(store.gradients + offset, bytes: block.count * bytes, isWrite: false),
                        Update.Operand(store.values + offset, bytes: block.count * bytes, isWrite: true),
                    ]
                ) {
                    let gradient = store.copyGradient(block: index)
                    store.set(block: index, zip(store.copy(block: index), gradient).map { $0 - lr * $1 })
                }
            }
        }

        func begin(step: Int) {}
        func end() -> Double { 0 }
    }

    package func attach(to parameters: ParameterStore, blocks: [Int], objective: (any Derivatives)?)
        -> any AttachedUpdate
    {
        Attached(parameters, blocks, lr)
    }
}
