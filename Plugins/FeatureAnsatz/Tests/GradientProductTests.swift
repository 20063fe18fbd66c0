import LinearAlgebra
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing
import Training

private func gaussian(_ rows: Int, _ columns: Int, _ name: String) -> Matrix {
    var matrix = Matrix(rows: rows, columns: columns)
    matrix.elements.withUnsafeMutableBufferPointer { Stream(seed: 5, name: name).normal(into: $0) }
    return matrix
}

/// Quantities of layer `fc1` of a network x ↦ V φ(W x) without biases, at these weights.
private func quantities(
    _ names: [String], dataset: Choice, activation: String, _ w: Matrix, _ v: Matrix
) throws -> [String: Matrix] {
    let loader = ShippedPlugins.loader(seed: 4), rows = try loader.dataset(dataset)
    let model = try loader.model(
        Choice(
            component: "mlp",
            options: [
                "widths": .array([.int(w.rows)]), "activation": .string(activation), "bias": .bool(false),
            ]))
    let loss = try loader.loss(Choice(component: "mean_squared_error"))
    let session = try Session(
        TrainingPlan(
            network: Network(model: model, loss: loss, fields: rows.fields), dataset: rows,
            optimizer: try loader.optimizer(Choice(component: "sgd")), steps: 0, precision: .f64, seed: 4,
            definitions: loader))
    session.store.set(block: 0, w.elements)
    session.store.set(block: 1, v.elements)
    var found: [String: Matrix] = [:]
    try session.observer.quantities(names, split: "train", samples: nil, store: session.store) { key, quantity in
        guard key.hasPrefix("fc1/"), case .real(let data) = quantity.data else { return }
        let (m, n) = (quantity.shape[0], quantity.shape[1])
        found[String(key.dropFirst(4))] = Matrix(
            rows: m, columns: n, elements: Array(UnsafeBufferPointer(start: data, count: m * n)))
    }
    return found
}

private func distance(_ a: Matrix?, _ b: Matrix) throws -> Double {
    (try #require(a) - b).frobeniusNorm / b.frobeniusNorm
}

/// Average gradient outer products of networks whose gradients are known.
@Suite struct GradientProductTests {
    private static let agop = "agop.raw(layer.input_jacobian)"

    /// f = vᵀ W x has one gradient, Wᵀ v, wherever x is.
    @Test func ofALinearFunction() throws {
        let (w, v) = (gaussian(6, 7, "w"), gaussian(1, 6, "v"))
        let dataset = Choice(component: "product_teacher", options: ["d_in": .int(7), "train_rows": .int(31)])
        let found = try quantities([Self.agop], dataset: dataset, activation: "identity", w, v)
        #expect(try distance(found[Self.agop], w.transposed * (v.transposed * v) * w) < 1e-13)
        #expect(try distance(found[Self.agop], w.transposed * w) > 0.1)
    }

    /// f = Σ_k v_k (w_k x)² = xᵀ A x with A = Wᵀ diag(v) W has the gradient 2 A x, whose outer product is 4 A² on average over
    /// x ~ N(0, 1). With n = 100,000 rows in d = 7 dimensions it is off by about √((d + 1)/n), 0.9 %.
    @Test func ofAQuadraticForm() throws {
        let (w, v) = (gaussian(5, 7, "w"), gaussian(1, 5, "v"))
        let dataset = Choice(
            component: "product_teacher",
            options: ["d_in": .int(7), "train_rows": .int(100_000), "test_rows": .int(0)])
        let found = try quantities([Self.agop], dataset: dataset, activation: "square", w, v)
        let a = w.transposed * .diagonal(v.elements) * w
        let off = try distance(found[Self.agop], 4 * (a * a))
        #expect(off < 0.02 && off > 1e-4)
        // Of the signs in diag(v) nothing is left in the diagonal alone: |v| would be another form.
        let other = w.transposed * .diagonal(v.elements.map(abs)) * w
        #expect(try distance(found[Self.agop], 4 * (other * other)) > 0.05)
    }

    /// Two balanced linear layers with singular values t at the stationary point of squared loss with weight decay γ, reached for
    /// singular values t² + γ of the teacher: G_a = γ² AGOP, since the errors of the kept modes are γ and white.
    @Test func ofTwoLinearLayers() throws {
        let (inputs, width, outputs, gamma) = (6, 5, 4, 0.1), t = [0.7, 1.1, 1.6]
        let q = try [inputs, width, outputs].map { try gaussian($0, 3, "q\($0)").qr().q }
        let teacher = q[2] * .diagonal(t.map { $0 * $0 + gamma }) * q[0].transposed
        let dataset = Choice(
            component: "linear_teacher",
            options: [
                "d_in": .int(inputs), "d_out": .int(outputs), "train_rows": .int(29), "test_rows": .int(1),
                "coefficients": .array(teacher.elements.map { .double($0) }),
            ])
        let (w, v) = (q[1] * .diagonal(t) * q[0].transposed, q[2] * .diagonal(t) * q[1].transposed)
        let names = [Self.agop, "moment.raw(layer.input_grad)"]
        let found = try quantities(names, dataset: dataset, activation: "identity", w, v)
        let agop = try #require(found[Self.agop])
        #expect(try distance(found[names[1]], gamma * gamma * agop) < 1e-10)
        #expect(try distance(agop, w.transposed * w * w.transposed * w) < 1e-10)
        // Off the stationary point they part.
        let moved = try quantities(names, dataset: dataset, activation: "identity", 1.01 * w, v)
        #expect(try distance(moved[names[1]], gamma * gamma * (try #require(moved[Self.agop]))) > 0.01)
    }
}
