import Foundation
import LinearAlgebra
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing
import Training

/// Free features of classes of n_c samples under squared loss and weight decay γ (N samples in all): class c has its own direction p_c, with
/// s_c = max(√n_c − N γ, 0), w_c = √s_c p_c and features √(s_c/n_c) p_c. A class with √n_c ≤ N γ disappears, features and classifier.
@Suite struct ImbalancedOptimumTests {
    private static let (counts, width, gamma) = ([16, 9, 4, 1], 8, 0.05)
    private static let s = [2.5, 1.5, 0.5, 0]

    /// Row i is e_i.
    private final class OneHot: Dataset {
        let splits = ["train"]
        let fields: [Field]
        private let labels: [Int]

        init(_ counts: [Int]) {
            labels = counts.enumerated().flatMap { Array(repeating: $0, count: $1) }
            fields = [Field(name: "x", shape: [labels.count]), Field(name: "y", shape: [], classes: counts.count)]
        }

        func rows(in split: String) -> Int { labels.count }

        func read(_ split: String, _ range: Range<Int>, into buffers: [UnsafeMutableBufferPointer<Double>]) {
            for (place, row) in range.enumerated() {
                for j in labels.indices { buffers[0][place * labels.count + j] = j == row ? 1 : 0 }
                buffers[1][place] = Double(labels[row])
            }
        }
    }

    @Test func smallClassesDisappear() throws {
        let loader = ShippedPlugins.loader(seed: 1), dataset = OneHot(Self.counts)
        let (k, d, rows) = (Self.counts.count, Self.width, Self.counts.reduce(0, +))
        for (n, s) in zip(Self.counts, Self.s) {
            #expect(abs(max(Double(n).squareRoot() - Double(rows) * Self.gamma, 0) - s) < 1e-12)
        }
        let probes = [
            ("crh", Choice(component: "alignment")), ("ranks", Choice(component: "spectrum")),
            ("nc", Choice(component: "neural_collapse", options: ["min_count": .int(1)])),
            ("even", Choice(component: "uniformity", options: ["min_count": .int(2)])),
            ("balance", Choice(component: "fact", options: ["weight_decay": .double(Self.gamma)])),
        ]
        let session = try freeFeatures(loader, dataset, width: d, gamma: Self.gamma, probes)
        var start = Matrix(rows: d, columns: k)
        start.elements.withUnsafeMutableBufferPointer { Stream(seed: 3, name: "p").normal(into: $0) }
        let w = try start.qr().q * .diagonal(Self.s.map { $0.squareRoot() })
        let labels = Self.counts.enumerated().flatMap { Array(repeating: $0, count: $1) }
        var h = Matrix(rows: d, columns: rows)
        for i in 0..<d {
            for (j, c) in labels.enumerated() { h[i, j] = w[i, c] / Double(Self.counts[c]).squareRoot() }
        }
        session.store.set(block: 0, h.elements)
        session.store.set(block: 1, w.transposed.elements)
        var values: [String: Observation.Value] = [:]
        try session.observe { observation in
            guard observation.layer != "fc1" else { return }
            let index = observation.index.map { "[\($0)]" } ?? ""
            values["\(observation.probe)/\(observation.output)\(index)"] = observation.value
        }
        func value(_ name: String) -> Double { values[name]?.number ?? .nan }

        for (c, s) in Self.s.enumerated() {
            #expect(abs(value("ranks/singular_values[\(c)]") - s.squareRoot()) < 1e-7)
        }
        #expect(value("nc/nc1_quotient") < 1e-12 && value("nc/nc2_equinorm_weights") > 0.5)
        // w_c · μ_c is s_c/√n_c; around the mean μ_G of three classes without the last it is 2/3 of that.
        let products = zip(Self.s, Self.counts).prefix(3).map { $0 / Double($1).squareRoot() * 2 / 3 }
        let mean = products.reduce(0, +) / 3
        let variance = products.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 3
        #expect(abs(value("even/unc3") - variance) < 1e-12 && value("even/left_out") == 1)
        // H_a = Z_a/N and G_a = N γ² Z_a whatever the sizes, but H_b = Z_b²/N: backward alignment stays, forward does not.
        for relation in ["rga", "rwa", "gwa"] {
            #expect(abs(value("crh/backward_\(relation).raw.alpha") - 1) < 1e-9, "\(relation)")
        }
        #expect(value("crh/forward_rwa.raw.alpha") < 0.98 && value("crh/forward_gwa.raw.alpha") < 0.9)
        for side in ["a", "b"] { #expect(value("balance/residual_\(side)") < 1e-12) }
        // A step of size 1 is the whole gradient.
        let before = [session.store.copy(block: 0), session.store.copy(block: 1)]
        try session.advance()
        for block in 0..<2 {
            for (a, b) in zip(before[block], session.store.copy(block: block)) { #expect(abs(a - b) < 2e-15) }
        }
    }
}
