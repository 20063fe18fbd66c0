import Foundation
import LinearAlgebra
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing

private func gaussian(_ rows: Int, _ columns: Int, _ name: String) -> Matrix {
    var matrix = Matrix(rows: rows, columns: columns)
    matrix.elements.withUnsafeMutableBufferPointer { Stream(seed: 2, name: name).normal(into: $0) }
    return matrix
}

/// Labelled features with their classifier; logits are W h + b.
private struct Features {
    var h: Matrix
    var labels: [Int]
    var w: Matrix
    var b: [Double]?

    func collapse(
        _ options: [String: JSON] = [:], probe: String = "neural_collapse"
    ) throws -> [String: Observation.Value] {
        var logits = Matrix.product(h, w, transposeB: true)
        for i in 0..<h.rows { for c in 0..<w.rows { logits[i, c] += b?[c] ?? 0 } }
        var arrays: [String: RecordedQuantities.Array] = [
            "head.input": .init(shape: [h.rows, h.columns], data: h.elements),
            "labels": .init(shape: [h.rows], data: labels.map(Double.init)),
            "head.weight": .init(shape: [w.rows, w.columns], data: w.elements),
            "model.output": .init(shape: [h.rows, w.rows], data: logits.elements),
            "head/layer.input": .init(shape: [h.rows, h.columns], data: h.elements),
        ]
        if let b { arrays["head.bias"] = .init(shape: [w.rows], data: b) }
        let isOfLayer = probe == "layer_collapse" || probe == "variability_index"
        return try measure(probe, options, layer: isOfLayer ? "head" : "", arrays: arrays)
    }

    /// Every feature sent through h ↦ A h + c.
    func mapped(_ a: Matrix, _ c: Matrix) -> Features {
        var result = self
        result.h = h * a.transposed
        for i in 0..<h.rows { for j in 0..<c.columns { result.h[i, j] += c[0, j] } }
        return result
    }
}

/// `means` with the 2d points μ_c ± σ√d e_j in each class, so that Σ_W = σ² I exactly; labels and W = `weight` · means.
private func cross(_ means: Matrix, sigma: Double, weight: Double) -> Features {
    let (k, d) = (means.rows, means.columns)
    var h = Matrix(rows: k * 2 * d, columns: d)
    for i in 0..<h.rows {
        for column in 0..<d { h[i, column] = means[i / (2 * d), column] }
        h[i, i % (2 * d) / 2] += (i % 2 == 0 ? sigma : -sigma) * Double(d).squareRoot()
    }
    return Features(h: h, labels: (0..<h.rows).map { $0 / (2 * d) }, w: weight * means)
}

/// K unit vectors e_c − 1/K, scaled to norm `size` and turned into d dimensions.
private func simplex(_ classes: Int, _ width: Int, size: Double) throws -> Matrix {
    var frame = Matrix(rows: classes, columns: width)
    let scale = size / (1 - 1 / Double(classes)).squareRoot()
    for a in 0..<classes { for b in 0..<classes { frame[a, b] = scale * ((a == b ? 1 : 0) - 1 / Double(classes)) } }
    return frame * (try gaussian(width, width, "turn").qr().q)
}

private func usual(width d: Int = 6) -> Features {
    let (n, k) = (41, 4)
    let labels = (0..<n).map { ($0 * $0 + $0 / 3) % k }
    var h = gaussian(n, d, "h")
    let means = gaussian(k, d, "means")
    for i in 0..<n { for j in 0..<d { h[i, j] += 2 * means[labels[i], j] } }
    return Features(h: h, labels: labels, w: gaussian(k, d, "w"), b: gaussian(1, k, "b").elements)
}

@Suite struct NeuralCollapseTests {
    /// Class means on a simplex of norm m = 2 in d = 8 dimensions, Σ_W = σ² I with σ = 0.1.
    @Test func valuesAroundASimplex() throws {
        let features = cross(try simplex(4, 8, size: 2), sigma: 0.1, weight: 3)
        let values = try features.collapse()
        for (output, expected) in [
            ("classes", 4), ("rank", 3), ("nc1", 0.005625), ("nc1_quotient", 0.02), ("nc1_cdnv", 0.0075),
            ("nc2_equinorm_means", 0), ("nc2_equinorm_weights", 0), ("nc2_angle_means", 0), ("nc2_angle_weights", 0),
            ("nc2_etf_means", 0), ("nc2_etf_weights", 0), ("nc3", 0), ("nc3_centred_w", 0), ("nc3_structure", 0),
            ("mean_logit", 0), ("nc4", 0), ("ncc_error", 0),
        ] { #expect(abs(values[output]!.number - expected) < 1e-13, "\(output)") }
        let index = try features.collapse(probe: "variability_index")
        let lambda = 4.0 / 3
        #expect(abs(index["vci"]!.number - (1 - lambda / (lambda + 0.01))) < 1e-13)
        #expect(abs(index["vci"]!.number - 0.0074441687) < 1e-10 && index["rank"]!.number == 3)
        for (output, value) in try features.collapse(probe: "uniformity") {
            #expect(abs(value.number) < 1e-13, "\(output)")
        }
    }

    /// The same from features rounded to f32, in any basis: nothing is read out of the directions in which the means do not
    /// differ, where an inverse without a cutoff finds tens of millions, of either sign.
    @Test func roundedFeaturesGiveTheSameRatio() throws {
        for turn in 0..<20 {
            let means = try simplex(4, 8, size: 2) * (try gaussian(8, 8, "turn \(turn)").qr().q)
            var features = cross(means, sigma: 0.1, weight: 3)
            features.h.elements = features.h.elements.map { Double(Float($0)) }
            let values = try features.collapse()
            for (output, expected) in [
                ("nc1", 0.005625), ("nc1_quotient", 0.02), ("nc1_cdnv", 0.0075), ("rank", 3),
            ] { #expect(abs(values[output]!.number / expected - 1) < 1e-4, "\(output)") }
            let vci = try features.collapse(probe: "variability_index")["vci"]!.number
            #expect(abs(vci / 0.0074441687 - 1) < 1e-4)
            #expect(values["nc2_etf_means"]!.number < 1e-4 && values["nc3"]!.number < 1e-8)
        }
    }

    /// Means without any structure are far from a frame: about 0.37 for ten of them in 64 dimensions.
    @Test func randomMeansAreNoFrame() throws {
        let (k, d) = (10, 64)
        let means = gaussian(k, d, "random means")
        var h = Matrix(rows: 3 * k, columns: d)
        for i in 0..<h.rows { for j in 0..<d { h[i, j] = means[i / 3, j] } }
        let values = try Features(h: h, labels: (0..<h.rows).map { $0 / 3 }, w: gaussian(k, d, "random w")).collapse()
        #expect(abs(values["nc2_etf_means"]!.number - 0.37) < 0.1)
        #expect(values["nc1"]!.number < 1e-25)
        #expect(values["rank"]!.number == 9)
    }

    /// Where Σ_B has full rank (K − 1 = d) its pseudoinverse is an inverse, and nc1 does not change under any invertible
    /// map of the features; with more dimensions it does.
    @Test(arguments: [(3, true), (6, false)]) func invertibleMaps(width: Int, isInvariant: Bool) throws {
        let features = usual(width: width)
        let plain = try features.collapse()
        let mapped = try features.mapped(gaussian(width, width, "map"), gaussian(1, width, "shift")).collapse()
        #expect((abs(mapped["nc1"]!.number / plain["nc1"]!.number - 1) < 1e-10) == isInvariant)
        #expect(abs(mapped["nc1_quotient"]!.number / plain["nc1_quotient"]!.number - 1) > 1e-3)
        let indices = try [features, features.mapped(gaussian(width, width, "map"), gaussian(1, width, "shift"))].map
        {
            try $0.collapse(probe: "variability_index")["vci"]!.number
        }
        #expect(abs(indices[1] / indices[0] - 1) < 1e-9 && indices[0] > 0.01 && indices[0] < 0.99)
    }

    /// The measures of the means do not change under rotations, scale and shifts of the origin.
    @Test func rotationsAndShifts() throws {
        let features = usual()
        let d = features.h.columns
        let plain = try features.collapse()
        let rotation = try gaussian(d, d, "rotation").qr().q
        let turned = try features.mapped(0.7 * rotation, 5 * gaussian(1, d, "shift")).collapse()
        for output in ["nc1", "nc1_quotient", "nc1_cdnv", "nc2_equinorm_means", "nc2_angle_means", "nc2_etf_means"] {
            #expect(abs(turned[output]!.number / plain[output]!.number - 1) < 1e-11, "\(output)")
        }
        for probe in ["layer_collapse", "variability_index"] {
            let moved = try features.mapped(0.7 * rotation, 5 * gaussian(1, d, "shift")).collapse(probe: probe)
            for (output, value) in try features.collapse(probe: probe) where output != "nc4" {
                #expect(abs(moved[output]!.number - value.number) < 1e-11, "\(output)")
            }
        }
        for output in ["nc2_equinorm_weights", "nc2_angle_weights", "nc2_etf_weights"] {
            #expect(turned[output] == plain[output])
        }
        #expect(abs(turned["nc3"]!.number - plain["nc3"]!.number) > 1e-3)
    }

    /// The order of the samples matters to rounding only, the names of the classes not at all.
    @Test func orderDoesNotMatter() throws {
        let features = usual()
        let n = features.h.rows
        let k = features.w.rows
        let plain = try features.collapse()
        var shuffled = features
        var renamed = features
        for (i, from) in Stream(seed: 8, name: "order").permutation(of: n).enumerated() {
            shuffled.labels[i] = features.labels[from]
            for j in 0..<features.h.columns { shuffled.h[i, j] = features.h[from, j] }
        }
        renamed.labels = features.labels.map { ($0 + 1) % k }
        for c in 0..<k {
            for j in 0..<features.w.columns { renamed.w[(c + 1) % k, j] = features.w[c, j] }
            renamed.b?[(c + 1) % k] = features.b![c]
        }
        for other in [try shuffled.collapse(), try renamed.collapse()] {
            for (output, value) in plain {
                #expect(abs(other[output]!.number - value.number) < 1e-12 * max(1, abs(value.number)), "\(output)")
            }
        }
    }

    /// The rank decides which directions are inverted: dependent means lower it instead of blowing nc1 up.
    @Test func dependentMeansLowerTheRank() throws {
        var features = usual()
        let plain = try features.collapse()
        #expect(plain["rank"]!.number == 3)
        // Classes 2 and 3 become copies of class 1: two distinct means remain.
        for i in 0..<features.h.rows where features.labels[i] > 1 {
            for j in 0..<features.h.columns { features.h[i, j] = features.h[features.labels.firstIndex(of: 1)!, j] }
        }
        for i in 0..<features.h.rows where features.labels[i] == 1 {
            for j in 0..<features.h.columns { features.h[i, j] = features.h[features.labels.firstIndex(of: 1)!, j] }
        }
        let values = try features.collapse()
        #expect(values["rank"]!.number == 1)
        #expect(values["nc1"]!.number > 0 && values["nc1"]!.number < 100)
        #expect(values["nc1_cdnv"]!.reason == "coincident_means")
    }

    /// Bias belongs to the network's decision: without it nc4 would be another number.
    @Test func trueLogitsDecide() throws {
        var features = usual()
        features.w = 0 * features.w
        features.b = [0, 0, 3, 0]
        let values = try features.collapse()
        #expect(values["nc4"]!.number > 0.4)
        #expect(values["nc3"]!.reason == "zero_weight")
        features.b = [0, 0, 3, 3]  // a tie, which the lower index wins
        #expect(try features.collapse()["nc4"] == values["nc4"])
    }

    @Test func smallClassesAreLeftOut() throws {
        var features = usual()
        let (full, strict) = (try features.collapse(), try features.collapse(["min_count": .int(11)]))
        #expect(strict["classes"]!.number < full["classes"]!.number)
        features.labels = features.labels.map { _ in 1 }
        let values = try features.collapse()
        #expect(values["classes"]!.number == 1)
        #expect(values["nc1"]!.reason == "too_few_classes")
        #expect(values["nc4"]!.reason == "too_few_classes")
    }

    @Test func aLabelBeyondTheOutputsIsRefused() throws {
        var features = usual()
        features.labels[3] = 4
        #expect(try features.collapse()["nc1"]!.reason?.hasPrefix("failed") == true)
    }

    /// Around the head's input both probes are one computation.
    @Test func ofTheHeadsLayer() throws {
        let features = usual()
        let (run, layer) = (try features.collapse(), try features.collapse(probe: "layer_collapse"))
        for (output, value) in layer { #expect(value == run[output] ?? run[output + "_means"], "\(output)") }
    }

    /// Uneven classes: the mean of the samples is another centre.
    @Test func theCentreOfTheSamples() throws {
        let features = usual()
        let around = try ["classes", "samples"].map { try features.collapse(["global_mean": .string($0)]) }
        for output in ["nc1", "nc1_quotient", "nc2_etf_means", "mean_logit"] {
            #expect(abs(around[0][output]!.number - around[1][output]!.number) > 1e-6, "\(output)")
        }
        for output in ["nc1_cdnv", "nc4", "rank"] { #expect(around[0][output] == around[1][output], "\(output)") }
    }

    /// A class without samples, and one with a single one, which would look collapsed.
    @Test func missingClasses() throws {
        var features = usual()
        features.labels = features.labels.map { $0 == 2 ? 3 : $0 }
        var values = try features.collapse()
        #expect(values["classes"]!.number == 3 && values["rank"]!.number == 2)
        #expect(try features.collapse(probe: "uniformity")["left_out"]!.number == 1)
        features.labels[5] = 2
        values = try features.collapse()
        #expect(values["classes"]!.number == 3 && values["nc1_cdnv"]!.number > 0)
        #expect(try features.collapse(["min_count": .int(1)])["classes"]!.number == 4)
    }

    /// Five classes in two dimensions are no simplex; evenly on a circle they have two distances, each of five pairs.
    @Test func manyClassesOnACircle() throws {
        var h = Matrix(rows: 10, columns: 2)
        for i in 0..<10 {
            let angle = 2 * Double(i / 2) * .pi / 5
            h[i, 0] = 1.5 * cos(angle) + (i % 2 == 0 ? 0.01 : -0.01)
            h[i, 1] = 1.5 * sin(angle)
        }
        let features = Features(h: h, labels: (0..<10).map { $0 / 2 }, w: gaussian(5, 2, "w"))
        let values = try features.collapse(["riesz_exponent": .double(3)], probe: "uniformity")
        let (near, far) = (2 * sin(Double.pi / 5), 2 * sin(2 * Double.pi / 5))
        for (output, difference) in [
            ("gnc2_distance", near - far), ("gnc2_log", log(far / near)),
            ("gnc2_riesz", pow(near, -3) - pow(far, -3)),
        ] { #expect(abs(values[output]!.number - difference * difference / 4) < 1e-13, "\(output)") }
        #expect(abs(values["nc2_spread_means"]!.number - 5.0.squareRoot() / 4) < 1e-13)
        #expect(try features.collapse()["nc2_etf_means"]!.number > 0.5)
    }

    /// The parts of the squared loss add up, that of the best classifier has no distance, and any other has.
    @Test(arguments: [0.0, 0.05], [true, false]) func partsOfTheLoss(decay: Double, hasBias: Bool) throws {
        var features = usual()
        if !hasBias { features.b = nil }
        let parts = try features.collapse(["weight_decay": .double(decay)], probe: "central_path_loss")
            .mapValues(\.number)
        #expect(abs(parts["loss"]! - parts["nc1"]! - parts["nc23"]! - parts["distance"]!) < 1e-12 * parts["loss"]!)
        #expect(parts["nc1"]! > 0.01 && parts["nc23"]! > 0.001 && parts["distance"]! > 0.1)
        // Of these features the simplex is exact: w = M/(m² K/(K − 1) + …), and nothing is lost to NC2/3 as λ → 0.
        var exact = cross(try simplex(4, 8, size: 2), sigma: 0, weight: 1)
        exact.b = hasBias ? [0.25, 0.25, 0.25, 0.25] : nil
        exact.w = (hasBias ? 0.75 / 4 : 1) * exact.w
        let value = try exact.collapse(["weight_decay": .double(0)], probe: "central_path_loss")
        if hasBias {
            #expect(value.values.allSatisfy { abs($0.number) < 1e-13 })
        } else {
            // Means that add up to 0 miss the constant: ½ · K · (1/K)² · … = 1/(2K) of each class.
            #expect(abs(value["nc23"]!.number - 0.125) < 1e-13 && value["distance"]!.number > 1)
        }
    }

    /// Without two classes of two samples nothing is left, in every probe, with the reason.
    @Test(arguments: ["layer_collapse", "uniformity", "variability_index", "central_path_loss"])
    func tooFewClasses(probe: String) throws {
        var features = usual()
        features.labels = features.labels.map { _ in 1 }
        let values = try features.collapse(probe: probe)
        let kept = ["classes", "left_out"]
        for (output, value) in values where !kept.contains(output) {
            #expect(value.reason == "too_few_classes", "\(output)")
        }
        #expect(values.count >= 2)
    }

    /// Equal features of all classes, and dead ones that are all zero.
    @Test(arguments: [0, 1.25]) func equalFeatures(value: Double) throws {
        var features = usual()
        features.h.elements = features.h.elements.map { _ in value }
        for probe in ["neural_collapse", "layer_collapse"] {
            let values = try features.collapse(probe: probe)
            for output in ["nc1", "nc1_quotient", "nc1_cdnv"] {
                #expect(values[output]!.reason == "coincident_means", "\(output)")
            }
            #expect(values["rank"]!.number == 0)
        }
        #expect(try features.collapse(probe: "variability_index")["vci"]!.reason == "coincident_means")
    }

    /// What a quantity without samples says reaches the probe.
    @Test func noClassIsLargeEnough() throws {
        var features = usual()
        features.h = Matrix(rows: 4, columns: 3, elements: (0..<12).map { Double($0 * $0 % 7) })
        features.labels = [0, 1, 2, 3]
        features.w = gaussian(4, 3, "w")
        #expect(try features.collapse(probe: "variability_index")["vci"]!.reason == "too_few_samples")
        #expect(try features.collapse()["nc1"]!.reason == "too_few_classes")
    }
}
