import Engine
import Foundation
import Manifests
import PluginHost
import PluginTesting
import Protocols
import Testing

private typealias Blocks = [(name: String, shape: [Int], values: [Double])]

private func bench(
    _ component: String, _ options: [String: JSON], _ blocks: Blocks, seed: UInt64 = 3, precision: Precision = .f64,
    fanIn: Int? = nil
) throws -> UpdateBench {
    try UpdateBench(
        Choice(component: component, options: options), kind: component == "syre" ? .optimizer : .regularizer,
        values: blocks, precision: precision, fanIn: fanIn, loader: ShippedPlugins.loader(seed: seed))
}

private func wave(_ count: Int, _ phase: Double) -> [Double] { (0..<count).map { sin(Double($0) * 0.9 + phase) } }

private func zeros(_ name: String, _ shape: [Int]) -> (name: String, shape: [Int], values: [Double]) {
    (name, shape, Array(repeating: 0, count: shape.reduce(1, *)))
}

/// Anchor, diagonal and start, and the plugin's two components against each other.
@Suite struct SyreStateTests {
    @Test(arguments: ["anchored_l2", "syre"], Precision.allCases)
    func theStartShiftsTheInitialWeights(component: String, precision: Precision) throws {
        let graph = Graph()
        _ = try graph.parameter("w", role: .weight, shape: [3, 5], initializer: Initializer(scheme: .he_normal))
        let choice = Choice(component: component, options: ["sigma0": .double(0.5)])
        let store = ParameterStore(blocks: graph.blocks, precision: precision)
        store.initialize(seed: 4)
        let initial = store.copy(block: 0)
        let loader = ShippedPlugins.loader(seed: 4)
        let owner: any StateOwner =
            component == "syre"
            ? try loader.optimizer(choice).attach(to: store) : try loader.regularizer(choice).attach(to: store)
        let state = try #require(owner.state.first { $0.name == "anchor/w" })
        let anchor = (0..<state.count).map { i in
            precision == .f64
                ? state.buffer.load(fromByteOffset: 8 * i, as: Double.self)
                : Double(state.buffer.load(fromByteOffset: 4 * i, as: Float.self))
        }
        let shifted = store.copy(block: 0)
        #expect(anchor.count == 15)
        for i in 0..<15 {
            let sum = initial[i] + anchor[i]
            #expect(shifted[i] == (precision == .f64 ? sum : Double(Float(sum))))
            #expect(anchor[i] != 0)
        }
    }

    /// Without the shift only the penalty knows the anchor.
    @Test(arguments: ["anchored_l2", "syre"]) func theStartWithoutAShift(component: String) throws {
        let start: Blocks = [("w", [7], wave(7, 0.6))]
        let options: [String: JSON] = ["sigma0": .double(0.5), "shift": .bool(false)]
        let still = try bench(component, options, start),
            moved = try bench(component, ["sigma0": .double(0.5)], start)
        #expect(still.values() == wave(7, 0.6))
        #expect(still.state("anchor/w") == moved.state("anchor/w"))
        #expect(moved.values() == zip(wave(7, 0.6), moved.state("anchor/w") ?? []).map { $0 + $1 })
    }

    /// A new block before the others changes no other anchor; the name and the seed do.
    @Test func anchorsBelongToTheirNames() throws {
        let options: [String: JSON] = ["sigma0": .double(1), "sigma_d": .double(0.3)]
        let two = try bench("anchored_l2", options, [zeros("fc1", [4, 3]), zeros("fc2", [5])])
        let three = try bench(
            "anchored_l2", options, [zeros("new", [2, 2]), zeros("fc1", [4, 3]), zeros("fc2", [5])])
        let renamed = try bench("anchored_l2", options, [zeros("fc9", [4, 3])])
        let reseeded = try bench("anchored_l2", options, [zeros("fc1", [4, 3])], seed: 4)
        for name in ["anchor/fc1", "anchor/fc2", "diagonal/fc1", "diagonal/fc2"] {
            #expect(two.state(name) == three.state(name) && two.state(name) != nil)
        }
        #expect(two.state("anchor/fc1") != renamed.state("anchor/fc9"))
        #expect(two.state("anchor/fc1") != reseeded.state("anchor/fc1"))
        #expect(two.state("diagonal/fc1") != reseeded.state("diagonal/fc1"))
    }

    /// std σ₀/√fan_in: 4 standard errors, 4/√(2n) = 2.6 % relative at n = 12 000; the mean within 4/√n.
    @Test(arguments: [(Int?.none, 60.0), (15, 15)])
    func theAnchorHasTheDeclaredSpread(fanIn: Int?, expected: Double) throws {
        let run = try bench("anchored_l2", ["sigma0": .double(0.3)], [zeros("w", [200, 60])], fanIn: fanIn)
        let anchor = run.state("anchor/w") ?? []
        let n = Double(anchor.count)
        let mean = anchor.reduce(0, +) / n
        let deviation = (anchor.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / n).squareRoot()
        let declared = 0.3 / expected.squareRoot()
        #expect(anchor.count == 12_000)
        #expect(abs(deviation / declared - 1) < 4 / (2 * n).squareRoot())
        #expect(abs(mean) < 4 * declared / n.squareRoot())
    }

    /// D is uniform in (1 − σ_D, 1 + σ_D): variance σ_D²/3 (its estimate has relative error √(0.8/n)); 1 for σ_D = 0.
    @Test func theDiagonalIsUniformAroundOne() throws {
        let spread =
            try bench("anchored_l2", ["sigma_d": .double(0.6)], [zeros("w", [9001])]).state("diagonal/w") ?? []
        let (n, mean) = (Double(spread.count), spread.reduce(0, +) / 9001)
        let variance = spread.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / n
        #expect(spread.count == 9001 && spread.allSatisfy { $0 > 0.4 && $0 < 1.6 })
        #expect(abs(mean - 1) < 4 * 0.6 / (3 * n).squareRoot())
        #expect(abs(variance / 0.12 - 1) < 4 * (0.8 / n).squareRoot())
        #expect(
            try bench("anchored_l2", [:], [zeros("w", [17])]).state("diagonal/w") == Array(repeating: 1, count: 17))
    }

    /// Central differences of a quadratic are exact but for rounding.
    @Test(arguments: [0.0, 0.7]) func theGradientIsThatOfTheValue(sigmaD: Double) throws {
        let weights = wave(10, 0.3)
        let options: [String: JSON] = [
            "weight_decay": .double(0.4), "sigma0": .double(1), "sigma_d": .double(sigmaD),
        ]
        let run = try bench("anchored_l2", options, [("w", [2, 5], weights)])
        run.store.set(block: 0, weights)
        run.setGradient(wave(10, 7))
        _ = try run.penalty()
        let gradient = zip(run.gradient(), wave(10, 7)).map { $0 - $1 }
        for i in weights.indices {
            let values = try [1e-3, -1e-3].map { shift in
                var moved = weights
                moved[i] += shift
                run.store.set(block: 0, moved)
                return try run.penalty()
            }
            #expect(abs((values[0] - values[1]) / 2e-3 - gradient[i]) <= 1e-11)
        }
    }

    /// At the anchor the penalty is 0 and so is its gradient.
    @Test func theAnchorIsTheMinimum() throws {
        let run = try bench("anchored_l2", ["weight_decay": .double(3), "sigma0": .double(1)], [zeros("w", [6])])
        #expect(run.values() == run.state("anchor/w"))  // zeros + θ₀
        #expect(try run.penalty() == 0)
        #expect(run.gradient() == Array(repeating: 0, count: 6))
    }

    /// The optimizer `syre` is SGD with the penalty `anchored_l2`; without strength and anchor it is SGD.
    @Test(arguments: [
        ["momentum": JSON.double(0)], ["momentum": .double(0.9), "dampening": .double(0.2)],
        ["momentum": .double(0.8), "nesterov": .bool(true)],
    ])
    func theOptimizerIsSGDOnThePenalty(options: [String: JSON]) throws {
        let rate = options.merging(["lr": .double(0.05)]) { $1 }
        let start: Blocks = [("w", [8], wave(8, 1))]
        let sgd = try UpdateBench(Choice(component: "sgd", options: rate), kind: .optimizer, values: start)
        let nothing: [String: JSON] = ["weight_decay": .double(0), "sigma0": .double(0)]
        let bare = try bench("syre", rate.merging(nothing) { $1 }, start)
        let decay: [String: JSON] = ["weight_decay": .double(0.3), "sigma0": .double(0.5), "sigma_d": .double(0.4)]
        let one = try bench("syre", rate.merging(decay) { $1 }, start)
        let penalty = try bench("anchored_l2", decay, start)
        let two = try UpdateBench(
            Choice(component: "sgd", options: rate), kind: .optimizer, values: [("w", [8], one.values())])
        for state in ["anchor/w", "diagonal/w"] { penalty.setState(state, one.state(state) ?? []) }
        for step in 0..<30 {
            let gradient = wave(8, Double(step))
            try sgd.update([gradient])
            try bare.update([gradient])
            try one.update([gradient])
            penalty.store.set(block: 0, two.values())
            penalty.setGradient(gradient)
            _ = try penalty.penalty()
            try two.update([penalty.gradient()])
        }
        #expect(bare.values() == sgd.values())
        for (a, b) in zip(one.values(), two.values()) { #expect(abs(a - b) <= 1e-13) }
        #expect(abs(one.values()[0] - sgd.values()[0]) > 1e-3)
    }

    @Test func theOptimizerRefusesNesterovWithDampening() throws {
        let run = try bench(
            "syre", ["momentum": .double(0.5), "dampening": .double(0.1), "nesterov": .bool(true)], [zeros("w", [2])])
        let error = #expect(throws: PluginError.self) { try run.update([[1, 1]]) }
        #expect(
            error?.description == "plugin syzygy.syre/syre: failed (invalid arguments): "
                + "nesterov needs momentum > 0 and dampening = 0")
    }
}
