import Engine
import Foundation
import LinearAlgebra
import Manifests
import PluginHost
import PluginTesting
import Testing

private func penalty(
    _ options: [String: JSON], _ blocks: [(name: String, shape: [Int], values: [Double])], seed: UInt64 = 3,
    precision: Precision = .f64, fanIn: Int? = nil
) throws -> UpdateBench {
    try UpdateBench(
        Choice(component: "anchored_l2", options: options), kind: .regularizer, values: blocks, precision: precision,
        fanIn: fanIn, loader: ShippedPlugins.loader(seed: seed))
}

private func vector(_ values: [Double]) -> [(name: String, shape: [Int], values: [Double])] {
    [("w", [values.count], values)]
}

private func wave(_ count: Int, _ phase: Double) -> [Double] { (0..<count).map { sin(Double($0) * 1.1 + phase) } }

private func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

/// Against the paper's own form, and against its exact statements.
@Suite struct SyreTests {
    // MARK: The two forms agree (trajectories of θ by PyTorch)

    @Test(arguments: OptimizerReference.variants(of: "syre", "anchored_l2"), [(Precision.f64, 1e-12), (.f32, 1e-6)])
    func followsThePapersForm(variant: OptimizerReference.Variant, run: (precision: Precision, tolerance: Double))
        throws
    {
        #expect(try error(variant, run.precision) <= run.tolerance)
    }

    /// The same comparison notices an anchor, a diagonal or a strength that is off.
    @Test(arguments: OptimizerReference.variants(of: "syre", "anchored_l2"))
    func aWrongAnchorIsSeen(variant: OptimizerReference.Variant) throws {
        #expect(OptimizerReference.variants(of: "syre", "anchored_l2").count == 4)
        #expect(try error(variant, .f64, anchorScale: 0.99) > 1e-5)
        #expect(try error(variant, .f64, diagonalScale: 0.99) > 1e-5)
    }

    private func error(
        _ variant: OptimizerReference.Variant, _ precision: Precision, anchorScale: Double = 1,
        diagonalScale: Double = 1
    ) throws -> Double {
        let anchor = OptimizerReference.anchor.map { anchorScale * $0 }
        let diagonal = OptimizerReference.diagonal.map { diagonalScale * $0 }
        let start = zip(OptimizerReference.start, OptimizerReference.anchor).map { $0 + $1 }
        var options = variant.options
        let inner = options.removeValue(forKey: "with")?.string
        let decay = options["weight_decay"]
        if inner != nil { options["weight_decay"] = nil }
        let optimizer = try UpdateBench(
            Choice(component: inner ?? variant.component, options: options), kind: .optimizer, values: vector(start),
            precision: precision)
        let regularizer = try penalty(["weight_decay": decay ?? .double(0)], vector(start), precision: precision)
        for bench in [optimizer, regularizer] {
            bench.setState("anchor/w", anchor)
            bench.setState("diagonal/w", diagonal)
            bench.store.set(block: 0, start)
        }
        return try variant.error(precision, from: optimizer.values()) { gradient in
            regularizer.store.set(block: 0, optimizer.values())
            regularizer.setGradient(gradient)
            if inner != nil { _ = try regularizer.penalty() }
            try optimizer.update([regularizer.gradient()])
            return optimizer.values()
        }
    }

    // MARK: Exact statements

    /// The minimum of ½ mean (y − Xw)² + γ ‖w − θ₀‖² lies (XᵀX/n + 2γI)⁻¹ 2γθ₀ from that of plain ridge.
    @Test func theAnchorMovesTheRidgeSolution() throws {
        let (n, d, gamma) = (13, 4, 0.07)
        let x = Matrix(rows: n, columns: d, elements: wave(n * d, 0.4))
        let y = Matrix(rows: n, columns: 1, elements: wave(n, 2.2))
        let covariance = 1 / Double(n) * Matrix.product(x, x, transposeA: true)
        let right = 1 / Double(n) * Matrix.product(x, y, transposeA: true)
        func minimum(sigma: Double) throws -> (w: [Double], anchor: [Double]) {
            let bench = try penalty(["weight_decay": .double(gamma), "sigma0": .double(sigma)], vector(wave(d, 1)))
            let descent = try UpdateBench(
                Choice(component: "sgd", options: ["lr": .double(0.5)]), kind: .optimizer, values: vector(wave(d, 1)))
            for _ in 0..<1000 {
                let w = Matrix(rows: d, columns: 1, elements: descent.values())
                bench.store.set(block: 0, w.elements)
                bench.setGradient((covariance * w - right).elements)
                _ = try bench.penalty()
                try descent.update([bench.gradient()])
            }
            return (descent.values(), bench.state("anchor/w") ?? [])
        }
        let (anchored, plain) = (try minimum(sigma: 0.8), try minimum(sigma: 0))
        let system = covariance + Matrix.diagonal(Array(repeating: 2 * gamma, count: d))
        let shift = try system.choleskySolve(
            Matrix(rows: d, columns: 1, elements: anchored.anchor.map { 2 * gamma * $0 }))
        for i in 0..<d { #expect(abs(anchored.w[i] - plain.w[i] - shift[i, 0]) <= 1e-12) }
        #expect(shift.frobeniusNorm > 1e-2)
    }

    /// Two identical ReLU neurons get identical gradients without the anchor, and −2γ(θ₀₁ − θ₀₂) apart with it.
    @Test(arguments: [0.0, 0.5]) func theAnchorSeparatesIdenticalNeurons(sigma: Double) throws {
        let (rows, d, gamma) = (11, 3, 0.2)
        let graph = Graph()
        let zero = Initializer(scheme: .constant, scale: 0)
        let x = graph.input("x", shape: [rows, d])
        let y = graph.input("y", shape: [rows, 1])
        let w = try graph.parameter("w", role: .weight, shape: [2, d], initializer: zero)
        let a = try graph.parameter("a", role: .weight, shape: [1, 2], initializer: zero)
        let product = try graph.apply(named: "matmul", [x, w], attributes: ["transpose_b": 1])
        let hidden = try graph.apply(named: "relu", [product])
        let output = try graph.apply(named: "matmul", [hidden, a], attributes: ["transpose_b": 1])
        let square = try graph.apply(named: "square", [graph.apply(named: "sub", [output, y])])
        let loss = try graph.apply(named: "mean", [square])
        let store = ParameterStore(blocks: graph.blocks, precision: .f64)
        let options: [String: JSON] = ["weight_decay": .double(gamma), "sigma0": .double(sigma)]
        let choice = Choice(component: "anchored_l2", options: options)
        let regularizer = try ShippedPlugins.loader(seed: 8).regularizer(choice).attach(to: store)
        store.set(block: 0, [0.7, -0.4, 0.9, 0.7, -0.4, 0.9])
        store.set(block: 1, [1.3, 1.3])
        let gradients = try graph.gradient(of: loss, withRespectTo: [w, a])
        let program = try Program(
            graph, outputs: [loss], gradients: [(w, gradients[0]), (a, gradients[1])], precision: .f64,
            parameters: store, updates: regularizer.updates)
        program.setInput("x", wave(rows * d, 0.2))
        program.setInput("y", wave(rows, 1.9))
        try regularizer.begin(step: 0)
        program.run()
        _ = try regularizer.end()
        #expect(store.copyGradient(block: 0).allSatisfy { $0 != 0 })
        let gradient = store.copyGradient(block: 0)
        let anchor = regularizer.state.first { $0.name == "anchor/w" }
        let theta = (0..<6).map { anchor?.buffer.load(fromByteOffset: 8 * $0, as: Double.self) ?? .nan }
        for i in 0..<d {
            #expect(abs(gradient[i] - gradient[i + d] + 2 * gamma * (theta[i] - theta[i + d])) <= 1e-14)
        }
        #expect((gradient[0] == gradient[d]) == (sigma == 0))
    }

    /// Δ_P = ℓ_r(w) − ℓ_r((I − 2P) w) = −4γ wᵀPθ₀ for a loss with the reflection symmetry P, here of rank 2.
    @Test(arguments: [UInt64(1), 2, 3]) func theAsymmetryUnderAReflection(seed: UInt64) throws {
        let (d, gamma) = (7, 0.3)
        let w = wave(d, Double(seed))
        let bench = try penalty(["weight_decay": .double(gamma), "sigma0": .double(2)], vector(w), seed: seed)
        let anchor = bench.state("anchor/w") ?? []
        let basis = try Matrix(rows: d, columns: 2, elements: wave(2 * d, 5 + Double(seed))).qr().q
        let projector = Matrix.product(basis, basis, transposeB: true)
        let projected = (projector * Matrix(rows: d, columns: 1, elements: w)).elements
        func value(_ w: [Double]) throws -> Double {
            bench.store.set(block: 0, w)
            return try bench.penalty()
        }
        let asymmetry = try value(w) - value(zip(w, projected).map { $0 - 2 * $1 })
        #expect(abs(asymmetry + 4 * gamma * dot(projected, anchor)) <= 1e-12)
        #expect(abs(asymmetry) > 1e-3)
    }

    /// A rotation has uncountably many reflections: those across θ₀ survive D = I, none survives distinct D.
    @Test(arguments: [0.0, 0.6]) func distinctDecaysBreakRotations(sigmaD: Double) throws {
        let bench = try penalty(
            ["weight_decay": .double(0.5), "sigma0": .double(1), "sigma_d": .double(sigmaD)], vector([0, 0]))
        let anchor = bench.state("anchor/w") ?? [0, 0]
        let length = dot(anchor, anchor).squareRoot()
        let across = [-anchor[1] / length, anchor[0] / length]  // v ⟂ θ₀
        let w = [0.8, -1.7]
        func value(_ w: [Double]) throws -> Double {
            bench.store.set(block: 0, w)
            return try bench.penalty()
        }
        let reflected = zip(w, across).map { $0 - 2 * dot(w, across) * $1 }
        let asymmetry = try value(w) - value(reflected)
        #expect(abs(asymmetry) <= 1e-14 || sigmaD > 0)
        #expect(abs(asymmetry) > 1e-3 || sigmaD == 0)
    }
}
