import Foundation
import LinearAlgebra
import Manifests
import Observing
import PluginTesting
import Protocols
import Testing
import Training

/// Deep linear networks set to their balanced stationary point: W_l = Q_l diag(t) Q_{l−1}ᵀ with targets
/// Q_L diag(t^L + γ t^(2−L)) Q_0ᵀ x on whitened inputs. Then layer l has H_a ~ Z^(l−1), H_b ~ Z^l, G_b = γ² Z^(2−l) and
/// G_a ~ Z^(3−l), whatever the depth; layer 1 aligns forward and layer 2 backward.
@Suite struct DeepLinearTests {
    private static let gamma = 0.1
    private static let t = [0.6, 0.8, 1.0, 1.2, 1.4]

    @Test(arguments: [2, 3, 4]) func exponentsFollowTheDepth(depth: Int) throws {
        let (values, names) = try observe(depth: depth)
        func value(_ probe: String, _ layer: String, _ output: String) -> Double {
            values["\(probe)/\(layer)/\(output)"]?.number ?? .nan
        }
        for (index, name) in names.enumerated() {
            let l = Double(index + 1)
            for (matrix, exponent) in [("h_a", l - 1), ("h_b", l), ("g_b", 2 - l), ("g_a", 3 - l)] {
                #expect(abs(value("pah", name, "\(matrix).raw.slope") - exponent) < 1e-9, "\(name) \(matrix)")
                #expect(value("pah", name, "\(matrix).raw.points") == 5)
            }
            // G_b = γ² Z^(2−l), with its factor.
            #expect(abs(value("pah", name, "g_b.raw.intercept") - 2 * log10(Self.gamma)) < 1e-9)
            #expect(value("balance", name, "residual_b") < 1e-12)
            #expect(value("balance", name, "residual_a") < 1e-12)
        }
        for relation in ["rga", "rwa", "gwa"] {
            #expect(abs(value("crh", names[0], "forward_\(relation).raw.alpha") - 1) < 1e-12)
            #expect(abs(value("crh", names[1], "backward_\(relation).raw.alpha") - 1) < 1e-12)
        }
        #expect(value("crh", names[0], "backward_gwa.raw.alpha") < 0.97)
    }

    /// A weight 1 % off the stationary point is seen by all three probes.
    @Test func leavingTheStationaryPointIsSeen() throws {
        let (values, names) = try observe(depth: 3, stretch: 1.01)
        #expect(values["balance/\(names[1])/residual_b"]!.number > 1e-2)
        #expect(abs(values["pah/\(names[1])/g_b.raw.slope"]!.number) > 1e-3)
        #expect(values["crh/\(names[1])/backward_rga.raw.alpha"]!.number < 1 - 1e-6)
    }

    /// Values by `probe/layer/output`, and the names of the layers. `stretch` scales the largest mode of the last weight.
    private func observe(depth: Int, stretch: Double = 1) throws -> ([String: Observation.Value], [String]) {
        let widths = [6, 7, 5, 8, 9]  // 9 outputs for every depth
        let sizes = Array(widths.prefix(depth)) + [9]
        let bases = try sizes.enumerated().map { index, size in try gaussian(size, 5, "q\(index)").qr().q }
        let (t, gamma, power) = (Self.t, Self.gamma, Double(depth))
        let targets =
            bases[depth] * .diagonal(t.map { pow($0, power) + gamma * pow($0, 2 - power) }) * bases[0].transposed

        let dataset = WhitenedRows(map: targets, rows: 600)
        let loader = ShippedPlugins.loader(seed: 3)
        let model = try loader.model(
            Choice(
                component: "mlp",
                options: [
                    "widths": .array(sizes[1..<depth].map { .int($0) }), "activation": .string("identity"),
                    "bias": .bool(false),
                ]))
        let loss = try loader.loss(Choice(component: "mean_squared_error"))
        let probes = [
            ("crh", Choice(component: "alignment")), ("pah", Choice(component: "exponents")),
            ("balance", Choice(component: "fact", options: ["weight_decay": .double(gamma)])),
        ]
        let session = try Session(
            TrainingPlan(
                network: Network(model: model, loss: loss, fields: dataset.fields), dataset: dataset,
                optimizer: try loader.optimizer(Choice(component: "sgd")),
                probes: try probes.map { ScheduledProbe(key: $0.0, probe: try loader.probe($0.1), steps: [0]) },
                steps: 0, precision: .f64, seed: 3, definitions: loader))
        for index in 0..<depth {
            var modes = t
            if index == depth - 1 { modes[4] *= stretch }
            session.store.set(block: index, (bases[index + 1] * .diagonal(modes) * bases[index].transposed).elements)
        }
        var values: [String: Observation.Value] = [:]
        try session.observe { values["\($0.probe)/\($0.layer)/\($0.output)"] = $0.value }
        return (values, session.observer.layers)
    }
}

private func gaussian(_ rows: Int, _ columns: Int, _ name: String) -> Matrix {
    var matrix = Matrix(rows: rows, columns: columns)
    matrix.elements.withUnsafeMutableBufferPointer { Stream(seed: 12, name: name).normal(into: $0) }
    return matrix
}

/// Rows x with XᵀX/n = I exactly, and y = A x.
private final class WhitenedRows: Dataset {
    let fields: [Field]
    let splits = ["train"]
    private let x: Matrix
    private let y: Matrix

    init(map: Matrix, rows: Int) {
        fields = [Field(name: "x", shape: [map.columns]), Field(name: "y", shape: [map.rows])]
        let q = (try? gaussian(rows, map.columns, "x").qr().q) ?? Matrix(rows: rows, columns: map.columns)
        x = Double(rows).squareRoot() * q
        y = x * map.transposed
    }

    func rows(in split: String) -> Int { x.rows }

    func read(_ split: String, _ range: Range<Int>, into buffers: [UnsafeMutableBufferPointer<Double>]) {
        for (matrix, buffer) in zip([x, y], buffers) {
            for (k, i) in (range.lowerBound * matrix.columns..<range.upperBound * matrix.columns).enumerated() {
                buffer[k] = matrix.elements[i]
            }
        }
    }
}
