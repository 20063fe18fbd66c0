import Engine
import LinearAlgebra
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing

/// Gives a probe a network of known derivatives.
private struct Source: QuantitySource {
    let derivatives: (any Derivatives)?
    func quantity(_ expression: String, layer: String) -> Quantity? { nil }
}

private func ask(
    _ probe: String, _ options: [String: JSON] = [:], _ derivatives: any Derivatives, seed: UInt64 = 0
) throws -> [String: Observation.Value] {
    let probe = try ShippedPlugins.loader(seed: seed).probe(Choice(component: probe, options: options))
    var values: [String: Observation.Value] = [:]
    try probe.measure(step: 0, layer: "", quantities: Source(derivatives: derivatives)) {
        values[$0.output] = $0.value
    }
    return values
}

/// Least squares with XᵀX/n = Q diag(spectrum) Qᵀ, Q a random rotation.
private func quadratic(_ spectrum: [Double], seed: UInt64 = 1) throws -> LeastSquares {
    let n = spectrum.count
    var gaussian = Matrix(rows: n, columns: n)
    gaussian.elements.withUnsafeMutableBufferPointer { Stream(seed: seed, name: "q").normal(into: $0) }
    let q = try gaussian.qr().q
    let design = Matrix.diagonal(spectrum.map { ($0 * Double(n)).squareRoot() }) * q.transposed
    return LeastSquares(
        design: design, targets: (0..<n).map { Double($0 % 3) }, parameters: (0..<n).map { 0.1 * Double($0 % 5) })
}

@Suite struct CurvatureTests {
    @Test func knownSpectra() throws {
        // One outlier: a few steps. A dense top edge: more of them. All equal: one step.
        let outlier = try ask("sharpness", [:], quadratic((0..<60).map { $0 == 17 ? 50 : 1 + Double($0) / 60 }))
        #expect(abs(try #require(outlier["sharpness"]).number - 50) < 1e-10 && outlier["steps"]!.number < 10)
        let spectrum = (0..<60).map { Double($0) / 59 }
        let dense = try ask("sharpness", ["tolerance": .double(1e-9)], quadratic(spectrum))
        #expect(abs(dense["sharpness"]!.number - 1) < 1e-12)
        #expect((15...60).contains(dense["steps"]!.number) && dense["residual"]!.number <= 1e-9)
        let equal = try ask("sharpness", [:], quadratic([Double](repeating: 3, count: 23)))
        #expect(abs(equal["sharpness"]!.number - 3) < 1e-12 && equal["steps"]!.number == 1)
        let single = try ask("sharpness", [:], quadratic([7]))
        #expect(abs(single["sharpness"]!.number - 7) < 1e-13 && single["residual"]!.number == 0)
    }

    @Test func whatDidNotConvergeHasNoValue() throws {
        let short = try ask("sharpness", ["max_steps": .int(4)], quadratic((0..<60).map { Double($0) / 59 }))
        #expect(short["sharpness"]?.reason == "not_converged" && short["steps"]?.number == 4)
        // |H y - λ y| bounds the distance to an eigenvalue, so it is no more than the width of the spectrum.
        #expect((1e-3...1).contains(try #require(short["residual"]).number))
    }

    /// Twenty sign vectors know the trace within a few of their own standard errors; more vectors know it better.
    @Test func traces() throws {
        let spectrum = (0..<40).map { 1 / Double($0 + 1) }, exact = spectrum.reduce(0, +)
        var errors: [Double] = []
        for vectors in [20, 500] {
            for seed in 0..<5 {
                let values = try ask(
                    "hessian_trace", ["vectors": .int(vectors)], quadratic(spectrum), seed: UInt64(seed))
                let error = try #require(values["standard_error"]).number
                #expect(abs(values["trace"]!.number - exact) < 4 * error && error > 0)
                errors.append(error)
            }
        }
        #expect(errors[5...].reduce(0, +) < 0.35 * errors[..<5].reduce(0, +))
        let again = try ask("hessian_trace", [:], quadratic(spectrum))
        #expect(again == (try ask("hessian_trace", [:], quadratic(spectrum))))
    }

    /// A trained network of shipped plugins: against its dense Hessian and the gradients of its samples.
    @Test(arguments: ["hessian", "gauss_newton"]) func networks(matrix: String) throws {
        final class Dense: Probe {
            let scope = ProbeScope.run
            let needs: [Need] = []
            var matrix: Matrix?, gradients: Matrix?
            let quantity: ObjectiveQuantity
            init(_ quantity: ObjectiveQuantity) { self.quantity = quantity }
            func measure(
                step: Int, layer: String, quantities: any QuantitySource, memory: ProbeMemory,
                record: (Observation) -> Void
            )
                throws
            {
                let d = try #require(quantities.derivatives), p = d.parameterCount
                var rows = Matrix(rows: p, columns: p)
                try rows.elements.withUnsafeMutableBufferPointer { out in
                    for i in 0..<p {
                        let unit = (0..<p).map { $0 == i ? 1.0 : 0 }
                        try d.evaluate(quantity, at: nil, rows: .own, along: unit, into: out.baseAddress! + i * p)
                    }
                }
                var samples = Matrix(rows: try d.rowCount(.own), columns: p)
                try samples.elements.withUnsafeMutableBufferPointer {
                    try d.evaluate(.sampleGradients, at: nil, rows: .own, along: nil, into: $0.baseAddress!)
                }
                (self.matrix, gradients) = (rows, samples)
            }
        }
        let dataset = ArrayDataset(rows: 80, inputs: 5, outputs: 3)
        let network = Network(
            model: TanhNet(inputs: 5, width: 4, outputs: 3), loss: HalfSquares(), fields: dataset.fields)
        let store = ParameterStore(blocks: try network.build(rows: 1).graph.blocks, precision: .f64)
        store.initialize(seed: 5)
        let observer = try Observer(network, store: store, tables: ["train": try DataTable(dataset, split: "train")])
        let loader = ShippedPlugins.loader(seed: 2),
            dense = Dense(matrix == "hessian" ? .hessianProduct : .gaussNewtonProduct)
        let options: [String: JSON] = ["matrix": .string(matrix), "tolerance": .double(1e-9)]
        let probes: [(String, any Probe)] = try [
            ("dense", dense), ("sharpness", loader.probe(Choice(component: "sharpness", options: options))),
            (
                "trace",
                loader.probe(
                    Choice(
                        component: "hessian_trace", options: ["matrix": .string(matrix), "vectors": .int(300)]))
            ), ("noise", loader.probe(Choice(component: "gradient_noise"))),
        ]
        var values: [String: Double] = [:]
        let due = probes.map { ScheduledProbe(key: $0.0, probe: $0.1, steps: [0], samples: 67) }
        try observer.observe(step: 0, store: store, due: due) { values[$0.probe + "." + $0.output] = $0.value.number }

        let hessian = try #require(dense.matrix), gradients = try #require(dense.gradients)
        let eigenvalues = try hessian.eigh().values
        #expect(abs(values["sharpness.sharpness"]! - eigenvalues[34]) < 1e-9 * eigenvalues[34])
        let trace = (0..<35).reduce(0) { $0 + hessian[$1, $1] }
        #expect(abs(values["trace.trace"]! - trace) < 4 * values["trace.standard_error"]!)
        #expect((eigenvalues[0] < -1e-3) == (matrix == "hessian"))
        let mean = (0..<35).map { j in (0..<67).reduce(0) { $0 + gradients[$1, j] } / 67 }
        let square = mean.reduce(0) { $0 + $1 * $1 }
        let samples = gradients.elements.reduce(0) { $0 + $1 * $1 } / 67
        #expect(abs(values["noise.gradient_norm"]! - square.squareRoot()) < 1e-12)
        #expect(abs(values["noise.sample_square"]! - samples) < 1e-12 * samples)
        #expect(abs(values["noise.noise_scale"]! - (samples / square - 1)) < 1e-11 * samples / square)
    }
}
