import Foundation
import LinearAlgebra
import Manifests
import Observing
import PluginHost
import PluginTesting
import Protocols
import Testing
import Training

/// The minimum of (1/2N) ‖W H − Y‖² + (γ/2)(‖W‖² + ‖H‖²) over free features H [d, N] and a classifier W [K, d] for n samples of each
/// of K classes, N = K n: with s = √n − N γ and P with orthonormal columns, W = √s Pᵀ and H = √s P Y/√n.
@Suite struct UnconstrainedOptimumTests {
    private static let (classes, each, width, gamma) = (4, 10, 8, 5e-3)
    private static let s = Double(each).squareRoot() - Double(classes * each) * gamma

    /// A network at the minimum, its classifier times `stretch`; numbers by `probe/output`.
    private func session(stretch: Double = 1) throws -> Session {
        let loader = ShippedPlugins.loader(seed: 1), (k, d) = (Self.classes, Self.width), rows = k * Self.each
        let dataset = try loader.dataset(
            Choice(component: "one_hot_samples", options: ["rows": .int(rows), "classes": .int(k)]))
        let probes = [
            ("crh", Choice(component: "alignment")), ("nc", Choice(component: "neural_collapse")),
            ("balance", Choice(component: "fact", options: ["weight_decay": .double(Self.gamma)])),
            ("fit", Choice(component: "performance")),
        ]
        let session = try freeFeatures(loader, dataset, width: d, gamma: Self.gamma, probes)
        var start = Matrix(rows: d, columns: k)
        start.elements.withUnsafeMutableBufferPointer { Stream(seed: 3, name: "p").normal(into: $0) }
        let p = Self.s.squareRoot() * (try start.qr().q)
        var h = Matrix(rows: d, columns: rows)
        for i in 0..<d { for j in 0..<rows { h[i, j] = p[i, j % k] / Double(Self.each).squareRoot() } }
        session.store.set(block: 0, h.elements)
        session.store.set(block: 1, (stretch * p.transposed).elements)
        return session
    }

    private func observe(_ session: Session) throws -> [String: Double] {
        var values: [String: Double] = [:]
        try session.observe { if $0.layer != "fc1" { values["\($0.probe)/\($0.output)"] = $0.value.number } }
        return values
    }

    @Test func everythingIsKnown() throws {
        let session = try session(), values = try observe(session), (k, n) = (Double(Self.classes), Double(Self.each))
        #expect(abs(Self.s - 2.9622776602) < 1e-10)
        // The whole loss is that of the closed form; the network's own is its first part.
        let error = (n.squareRoot() - Self.s) * (n.squareRoot() - Self.s) / (2 * n)
        #expect(abs(error + k * Self.s * Self.gamma - 0.0612455532) < 1e-10)
        #expect(abs(try #require(values["fit/loss"]) - error) < 1e-14)
        for relation in ["forward_rga", "forward_rwa", "forward_gwa", "backward_rga", "backward_rwa", "backward_gwa"]
        {
            #expect(abs(try #require(values["crh/\(relation).raw.alpha"]) - 1) < 1e-9, "\(relation)")
        }
        for side in ["a", "b"] { #expect(try #require(values["balance/residual_\(side)"]) < 1e-12) }
        for output in ["nc1_quotient", "nc2_angle_means", "nc2_etf_means", "nc3_centred_w", "nc4"] {
            #expect(try #require(values["nc/\(output)"]) < 1e-12, "\(output)")
        }
        #expect(abs(try #require(values["nc/nc3"]) - (2 - 2 * (1 - 1 / k).squareRoot())) < 1e-12)
        // A step of size 1 is the gradient of everything.
        let before = [session.store.copy(block: 0), session.store.copy(block: 1)]
        try session.advance()
        for block in 0..<2 {
            for (a, b) in zip(before[block], session.store.copy(block: block)) { #expect(abs(a - b) < 2e-15) }
        }
    }

    /// A classifier that is 1 % too large keeps its alignments, and neither balance nor gradient.
    @Test func aStretchedClassifierIsNone() throws {
        let session = try session(stretch: 1.01), values = try observe(session)
        #expect(abs(try #require(values["crh/forward_rwa.raw.alpha"]) - 1) < 1e-9)
        for side in ["a", "b"] { #expect(try #require(values["balance/residual_\(side)"]) > 0.1) }
        let before = session.store.copy(block: 1)
        try session.advance()
        #expect(zip(before, session.store.copy(block: 1)).contains { abs($0 - $1) > 1e-4 })
    }
}

/// A linear network without biases over samples that are unit vectors, whose first weight is free features, with squared loss and decay.
func freeFeatures(
    _ loader: ComponentLoader, _ dataset: any Dataset, width d: Int, gamma: Double, _ probes: [(String, Choice)]
) throws -> Session {
    let model = try loader.model(
        Choice(
            component: "mlp",
            options: ["widths": .array([.int(d)]), "activation": .string("identity"), "bias": .bool(false)]))
    let l2 = try loader.regularizer(Choice(component: "l2", options: ["weight_decay": .double(gamma)]))
    return try Session(
        TrainingPlan(
            network: Network(
                model: model, loss: try loader.loss(Choice(component: "mean_squared_error")),
                fields: dataset.fields),
            dataset: dataset, regularizers: [RegularizerTerm(key: "l2", regularizer: l2)],
            optimizer: try loader.optimizer(Choice(component: "sgd", options: ["lr": .double(1)])),
            probes: try probes.map { ScheduledProbe(key: $0.0, probe: try loader.probe($0.1), steps: [0]) },
            steps: 1, precision: .f64, seed: 1, definitions: loader))
}
