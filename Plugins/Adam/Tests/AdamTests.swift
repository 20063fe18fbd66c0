import Engine
import Foundation
import Manifests
import PluginHost
import PluginTesting
import Testing

private func bench(
    _ component: String, _ options: [String: JSON], _ values: [Double], _ precision: Precision = .f64
) throws -> UpdateBench {
    try UpdateBench(
        Choice(component: component, options: options), kind: .optimizer, values: [("w", [values.count], values)],
        precision: precision)
}

private func wave(_ count: Int, _ phase: Double) -> [Double] { (0..<count).map { sin(Double($0) * 1.3 + phase) } }

@Suite struct AdamTests {
    @Test func theFileHasAllVariants() {
        #expect(OptimizerReference.variants(of: "adam").count == 3)
        #expect(OptimizerReference.variants(of: "adamw").count == 2)
    }

    @Test(arguments: OptimizerReference.variants(of: "adam", "adamw"), [(Precision.f64, 1e-12), (.f32, 1e-6)])
    func followsPyTorch(variant: OptimizerReference.Variant, run: (precision: Precision, tolerance: Double)) throws {
        let error = try variant.error(run.precision)
        #expect(error <= run.tolerance)
    }

    /// The comparison above sees one option that is wrong by 0.1 %.
    @Test(arguments: OptimizerReference.variants(of: "adam", "adamw"))
    func aWrongOptionIsSeen(variant: OptimizerReference.Variant) throws {
        for (name, value) in variant.options {
            let change: JSON = value.double.map { .double(0.999 * $0) } ?? .bool(value.bool == false)
            let error = try variant.error(.f64, change: [name: change])
            #expect(error > 1e-8, "\(name)")
        }
    }

    /// With eps = 0 and a constant gradient both moments are exact after correction: every step is lr · sign(g).
    @Test(arguments: ["adam", "adamw"], [false, true])
    func aConstantGradientMovesByTheRate(component: String, amsgrad: Bool) throws {
        let options: [String: JSON] = [
            "lr": .double(0.02), "eps": .double(0), "weight_decay": .double(0), "amsgrad": .bool(amsgrad),
        ]
        let gradient = [3.0, -0.004, 250, -1e-7, 0.6]
        let run = try bench(component, options, [1, 2, 3, 4, 5])
        for _ in 0..<17 { try run.update([gradient]) }
        for (i, w) in run.values().enumerated() {
            let expected = Double(i + 1) - 17 * 0.02 * (gradient[i] > 0 ? 1 : -1)
            #expect(abs(w - expected) <= 1e-12)
        }
    }

    /// With eps = 0 the steps do not see the scale of the gradient; a power of two changes no bit.
    @Test(arguments: [Precision.f64, .f32]) func theScaleOfTheGradientDoesNotMatter(precision: Precision) throws {
        let options: [String: JSON] = ["lr": .double(0.05), "eps": .double(0)]
        let plain = try bench("adam", options, wave(11, 0), precision)
        let scaled = try bench("adam", options, wave(11, 0), precision)
        let withEps = try bench("adam", ["lr": .double(0.05), "eps": .double(0.1)], wave(11, 0), precision)
        for step in 0..<9 {
            let gradient = wave(11, 0.7 + Double(step)).map { Double(Float($0)) }
            try plain.update([gradient])
            try scaled.update([gradient.map { $0 * 1024 }])
            try withEps.update([gradient])
        }
        #expect(plain.values() == scaled.values())
        #expect(plain.values() != withEps.values())
    }

    @Test(arguments: [Precision.f64, .f32]) func adamwWithoutDecayIsAdam(precision: Precision) throws {
        let adam = try bench("adam", ["lr": .double(0.03)], wave(13, 1), precision)
        let adamw = try bench("adamw", ["lr": .double(0.03), "weight_decay": .double(0)], wave(13, 1), precision)
        let decayed = try bench("adamw", ["lr": .double(0.03)], wave(13, 1), precision)
        for step in 0..<7 {
            for run in [adam, adamw, decayed] { try run.update([wave(13, Double(step))]) }
        }
        #expect(adam.values() == adamw.values())
        #expect(adam.values() != decayed.values())
    }

    /// Without a gradient AdamW only shrinks; Adam follows the gradient of the decay, one rate per step.
    @Test func decayAlone() throws {
        let options: [String: JSON] = ["lr": .double(0.1), "weight_decay": .double(0.4)]
        let decoupled = try bench("adamw", options, [2, -3, 5])
        let coupled = try bench("adam", options, [2, -3, 5])
        for _ in 0..<6 {
            try decoupled.update([[0, 0, 0]])
            try coupled.update([[0, 0, 0]])
        }
        for (w, first) in zip(decoupled.values(), [2.0, -3, 5]) { #expect(abs(w - first * pow(0.96, 6)) <= 1e-14) }
        for (w, first) in zip(coupled.values(), [2.0, -3, 5]) {
            let moved = abs(first) - abs(w)
            #expect(moved > 0.5 && moved < 0.601)
        }
    }

    /// After one large gradient AMSGrad keeps the large denominator, Adam forgets it.
    @Test func amsgradRemembersTheLargestMoment() throws {
        let options: [String: JSON] = ["lr": .double(0.01), "beta2": .double(0.5)]
        let adam = try bench("adam", options, [0, 0])
        let amsgrad = try bench("adam", options.merging(["amsgrad": .bool(true)]) { $1 }, [0, 0])
        var largest = [0.0, 0]
        for step in 0..<19 {
            let gradient = step == 3 ? [50.0, 1] : [1, -0.5]
            try adam.update([gradient])
            try amsgrad.update([gradient])
            let (v, known) = (amsgrad.state("v/w") ?? [], amsgrad.state("v_max/w") ?? [])
            largest = zip(largest, v).map { max($0, $1) }
            #expect(known == largest)
        }
        #expect(adam.state("v_max/w") == [0, 0])
        #expect(abs(amsgrad.values()[0]) < 0.5 * abs(adam.values()[0]))
    }

    /// Vector loops and their remainders give the same bits.
    @Test(arguments: [Precision.f64, .f32], [false, true])
    func theBitsDoNotDependOnTheSize(precision: Precision, amsgrad: Bool) throws {
        let options: [String: JSON] = [
            "lr": .double(0.03), "weight_decay": .double(0.1), "amsgrad": .bool(amsgrad),
        ]
        let whole = try bench("adam", options, wave(19, 3), precision)
        for step in 0..<5 { try whole.update([wave(19, Double(step))]) }
        for i in [0, 4, 16, 18] {
            let single = try bench("adam", options, [wave(19, 3)[i]], precision)
            for step in 0..<5 { try single.update([[wave(19, Double(step))[i]]]) }
            #expect(single.values() == [whole.values()[i]])
        }
    }
}
