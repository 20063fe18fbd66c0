import Engine
import Foundation
import Manifests
import PluginHost
import PluginTesting
import Testing

private func bench(
    _ options: [String: JSON], _ values: [(name: String, shape: [Int], values: [Double])],
    _ precision: Precision = .f64
) throws -> UpdateBench {
    try UpdateBench(
        Choice(component: "sgd", options: options), kind: .optimizer, values: values, precision: precision)
}

private func wave(_ count: Int, _ phase: Double) -> [Double] { (0..<count).map { sin(Double($0) * 1.7 + phase) } }

@Suite struct SGDTests {
    @Test func theFileIsComplete() {
        #expect(OptimizerReference.variants.count == 15)
        #expect(OptimizerReference.variants(of: "sgd").count == 6)
    }

    /// f64: 100 steps of rounding on a contracting problem. f32: PyTorch fuses some products, so last bits differ.
    @Test(arguments: OptimizerReference.variants(of: "sgd"), [(Precision.f64, 1e-12), (.f32, 1e-6)])
    func followsPyTorch(variant: OptimizerReference.Variant, run: (precision: Precision, tolerance: Double)) throws {
        let error = try variant.error(run.precision)
        #expect(error <= run.tolerance)
    }

    /// The comparison above sees one option that is wrong by 0.1 %.
    @Test(arguments: OptimizerReference.variants(of: "sgd"))
    func aWrongOptionIsSeen(variant: OptimizerReference.Variant) throws {
        for (name, value) in variant.options {
            let change: JSON = value.double.map { .double(0.999 * $0) } ?? .bool(value.bool == false)
            let error = try variant.error(.f64, change: [name: change])
            #expect(error > 1e-7, "\(name)")
        }
    }

    /// On ½ a w², w ← (1 − lr a) w.
    @Test func plainDescentShrinksAQuadraticGeometrically() throws {
        let (lr, curvature) = (0.11, [0.5, 1.0, 2.0, 3.5, 7.0])
        let run = try bench(["lr": .double(lr)], [("w", [5], [1, -2, 3, -4, 5])])
        for _ in 0..<23 { try run.update([zip(curvature, run.values()).map { $0 * $1 }]) }
        for (i, w) in run.values().enumerated() {
            let expected = [1.0, -2, 3, -4, 5][i] * pow(1 - lr * curvature[i], 23)
            #expect(abs(w - expected) <= 1e-14)
        }
    }

    /// Under a constant gradient v_t = g (1 − μ^t) / (1 − μ), so w after T steps has a closed form.
    @Test(arguments: [false, true]) func momentumUnderAConstantGradient(nesterov: Bool) throws {
        let (lr, momentum, steps) = (0.07, 0.83, 29)
        let gradient = [0.9, -1.7, 0.25]
        let run = try bench(
            ["lr": .double(lr), "momentum": .double(momentum), "nesterov": .bool(nesterov)], [("w", [3], [0, 0, 0])])
        for _ in 0..<steps { try run.update([gradient]) }
        let velocities = (1...steps).map { (1 - pow(momentum, Double($0))) / (1 - momentum) }
        let distance = velocities.reduce(0) { $0 + (nesterov ? 1 + momentum * $1 : $1) }
        for (w, g) in zip(run.values(), gradient) { #expect(abs(w + lr * distance * g) <= 1e-12) }
        for (v, g) in zip(run.state("velocity/w") ?? [], gradient) {
            #expect(abs(v - g * velocities[steps - 1]) <= 1e-13)
        }
        #expect(run.state("velocity/w")?.count == 3)
    }

    /// The first velocity is the gradient; from then on dampening scales what enters.
    @Test func dampeningStartsInTheSecondStep() throws {
        let options: [String: JSON] = ["lr": .double(1), "momentum": .double(0.5), "dampening": .double(0.75)]
        let run = try bench(options, [("w", [2], [0, 0])])
        try run.update([[4, -8]])
        #expect(run.values() == [-4, 8])
        try run.update([[4, -8]])
        #expect(run.state("velocity/w") == [3, -6])  // 0.5 · 4 + 0.25 · 4
        #expect(run.values() == [-7, 14])
    }

    @Test func withoutMomentumThereIsNoVelocityToDampen() throws {
        let run = try bench(["lr": .double(0.5), "dampening": .double(0.75)], [("w", [2], [1, 2])])
        for _ in 0..<3 { try run.update([[4, -8]]) }
        #expect(run.values() == [-5, 14])
        #expect(run.state("velocity/w") == [0, 0])
    }

    /// Vector loops and their remainders give the same bits, block by block or all in one.
    @Test(arguments: [Precision.f64, .f32]) func theBitsDoNotDependOnTheShape(precision: Precision) throws {
        let options: [String: JSON] = ["lr": .double(0.03), "momentum": .double(0.9), "weight_decay": .double(0.2)]
        let sizes = [1, 2, 3, 5, 8, 13, 21]
        let total = sizes.reduce(0, +)
        let whole = try bench(options, [("w", [total], wave(total, 0.1))], precision)
        var begin = 0
        var blocks: [(name: String, shape: [Int], values: [Double])] = []
        for size in sizes {
            blocks.append(("w\(size)", [size], Array(wave(total, 0.1)[begin..<begin + size])))
            begin += size
        }
        let parts = try bench(options, blocks, precision)
        for step in 0..<11 {
            let gradient = wave(total, Double(step))
            var begin = 0
            try whole.update([gradient])
            try parts.update(
                sizes.map { size in
                    defer { begin += size }
                    return Array(gradient[begin..<begin + size])
                })
        }
        #expect(sizes.indices.flatMap { parts.values($0) } == whole.values())
        #expect(whole.values() != (precision == .f64 ? wave(total, 0.1) : wave(total, 0.1).map { Double(Float($0)) }))
    }

    @Test(arguments: [0.0, 0.9]) func withoutGradientAndDecayNothingMoves(momentum: Double) throws {
        let run = try bench(["lr": .double(0.4), "momentum": .double(momentum)], [("w", [7], wave(7, 2))])
        for _ in 0..<5 { try run.update([Array(repeating: 0, count: 7)]) }
        #expect(run.values() == wave(7, 2))
    }

    /// Decoupled decay alone: w ← (1 − lr wd) w; coupled decay with momentum 0 is the same map.
    @Test(arguments: [true, false]) func decayAlone(decoupled: Bool) throws {
        let options: [String: JSON] = [
            "lr": .double(0.2), "weight_decay": .double(0.3), "decoupled": .bool(decoupled),
        ]
        let run = try bench(options, [("w", [4], [1, 2, -3, 5])])
        for _ in 0..<13 { try run.update([[0, 0, 0, 0]]) }
        for (w, first) in zip(run.values(), [1.0, 2, -3, 5]) { #expect(abs(w - first * pow(0.94, 13)) <= 1e-14) }
    }

    @Test(arguments: [["momentum": JSON.double(0)], ["momentum": .double(0.9), "dampening": .double(0.1)]])
    func nesterovNeedsMomentumWithoutDampening(options: [String: JSON]) throws {
        let run = try bench(options.merging(["nesterov": .bool(true)]) { $1 }, [("w", [3], [1, 2, 3])])
        let error = #expect(throws: PluginError.self) { try run.update([[1, 1, 1]]) }
        #expect(
            error?.description == "plugin syzygy.sgd/sgd: failed (invalid arguments): "
                + "nesterov needs momentum > 0 and dampening = 0")
        #expect(run.values() == [1, 2, 3])
    }
}
