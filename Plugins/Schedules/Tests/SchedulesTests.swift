import Engine
import Foundation
import Manifests
import PluginHost
import PluginTesting
import Testing

/// Factors from PyTorch (`Tests/References/schedules.py`).
private struct Reference: Sendable, CustomTestStringConvertible {
    var choice: Choice
    var factors: [Double]
    var testDescription: String { "\(choice.component) \(choice.options)" }

    static let all: [Reference] = {
        guard let root = try? Installation.root,
            let document = try? StrictJSON.read(root + "/Tests/References/schedules.json")
        else { return [] }
        return (document.root["cases"]?.array ?? []).map { json in
            let options = Dictionary(uniqueKeysWithValues: (json["options"]?.object ?? [:]).map { ($0, $1) })
            return Reference(
                choice: Choice(component: json["component"]?.string ?? "", options: options),
                factors: json["factors"]?.array?.compactMap(\.double) ?? [])
        }
    }()
}

private func factors(_ component: String, _ options: [String: JSON], steps: Int, until end: Int? = nil) throws
    -> [Double]
{
    let schedule = try ShippedPlugins.loader(steps: steps).schedule(Choice(component: component, options: options))
    return try (0..<(end ?? steps)).map(schedule.factor)
}

@Suite struct SchedulesTests {
    @Test func theFileIsComplete() { #expect(Reference.all.count == 14) }

    /// PyTorch multiplies up from step to step, hence the rounding.
    @Test(arguments: Reference.all) fileprivate func followsPyTorch(_ reference: Reference) throws {
        let found = try factors(
            reference.choice.component, reference.choice.options, steps: reference.factors.count)
        for (a, b) in zip(found, reference.factors) { #expect(abs(a - b) <= 1e-14) }
    }

    /// The comparison above sees a warmup or an option that is wrong by the least.
    @Test(arguments: Reference.all.filter { !$0.choice.options.isEmpty })
    fileprivate func aWrongOptionIsSeen(_ reference: Reference) throws {
        for (name, value) in reference.choice.options {
            let change: JSON =
                switch value {
                case .int(let value): .int(value + 1)
                case .array(let items): .array(items.map { .int(($0.int ?? 0) + 1) })
                default: .double(1.001 * (value.double ?? 0))
                }
            let options = reference.choice.options.merging([name: change]) { $1 }
            let found = try factors(reference.choice.component, options, steps: reference.factors.count)
            #expect(zip(found, reference.factors).contains { abs($0 - $1) > 1e-6 }, "\(name)")
        }
    }

    @Test(arguments: ["constant", "step", "multistep", "exponential", "cosine", "linear", "inverse_sqrt"])
    func theWarmupIsLinearAndReachesOne(component: String) throws {
        let found = try factors(component, ["warmup": .int(7)], steps: 19)
        for t in 0..<8 { #expect(found[t] == Double(t + 1) / 8) }
        let plain = try factors(component, [:], steps: 12)
        #expect(Array(found[7...]) == plain)
    }

    @Test func theLongestWarmup() throws {
        #expect(try factors("constant", ["warmup": .int(.max)], steps: 3) == [1, 2, 3].map { $0 / 0x1p63 })
    }

    /// A run that is all warmup, or goes on after its end, stays where it should.
    @Test func theEndHolds() throws {
        #expect(try factors("cosine", ["min_factor": .double(0.25)], steps: 5, until: 8)[5...] == [0.25, 0.25, 0.25])
        #expect(try factors("linear", ["end_factor": .double(0.5)], steps: 5, until: 8)[5...] == [0.5, 0.5, 0.5])
        let short = try factors("cosine", ["warmup": .int(9)], steps: 3, until: 11)
        #expect(short[2] == 0.3 && short[9...] == [0, 0])
    }

    @Test func theTransformersSchedule() throws {
        let found = try factors("inverse_sqrt", ["warmup": .int(6), "timescale": .int(7)], steps: 40)
        for t in 0..<40 {
            let n = Double(t + 1)
            #expect(abs(found[t] - min(1 / n.squareRoot(), n * pow(7, -1.5)) * 7.0.squareRoot()) <= 1e-15)
        }
    }

    /// w ← w − lr(t) g under a scheduled lr, against PyTorch's factors; weight_decay keeps its own schedule.
    @Test(arguments: [Precision.f64, .f32]) func theOptimizerGetsTheValueBeforeEachStep(precision: Precision) throws {
        let cosine = try #require(
            Reference.all.first { $0.choice.component == "cosine" && !$0.choice.options.isEmpty })
        let linear = try #require(
            Reference.all.first { $0.choice.component == "linear" && $0.choice.options.isEmpty })
        let steps = cosine.factors.count
        let choice = Choice(
            component: "sgd", options: ["lr": .double(0.5), "weight_decay": .double(0.25)],
            schedules: ["lr": cosine.choice, "weight_decay": Choice(component: "linear")])
        let bench = try UpdateBench(
            choice, kind: .optimizer, values: [("a", [2], [1, -2]), ("b", [3], [3, 4, -5])], precision: precision,
            loader: ShippedPlugins.loader(steps: steps))
        var (a, b) = ([1.0, -2], [3.0, 4, -5])
        for (t, factor) in cosine.factors.enumerated() {
            let gradients = [[0.3, 0.1 * Double(t)], [0.2, -0.4, 0.5]]
            try bench.update(gradients)
            // The decay falls linearly over the run: 1 − t/steps, as PyTorch's over 26 steps.
            let decay = 0.25 * (1 - Double(t) / Double(steps))
            func moved(_ w: [Double], _ g: [Double]) -> [Double] {
                zip(w, g).map { $0 - 0.5 * factor * ($1 + decay * $0) }
            }
            (a, b) = (moved(a, gradients[0]), moved(b, gradients[1]))
        }
        #expect(abs(linear.factors[13] - 0.5) < 1e-14)
        let tolerance = precision == .f64 ? 1e-13 : 1e-5
        for (x, y) in zip(bench.values(0) + bench.values(1), a + b) { #expect(abs(x - y) <= tolerance) }
    }

    @Test func aRegularizerIsScheduledToo() throws {
        let choice = Choice(
            component: "l2", options: ["weight_decay": .double(0.5)],
            schedules: ["weight_decay": Choice(component: "multistep", options: ["milestones": .array([.int(2)])])])
        let bench = try UpdateBench(
            choice, kind: .regularizer, values: [("w", [3], [1, 2, -2])], loader: ShippedPlugins.loader(steps: 9))
        for (step, strength) in [0.5, 0.5, 0.05, 0.05].enumerated() {
            bench.set(step: step)
            #expect(abs(try bench.penalty() - strength / 2 * 9) < 1e-15)
        }
    }

    /// A value outside the option's range, or none, stops with the option, the step and the factor.
    @Test func aValueOutOfRangeIsNamed() throws {
        func sentence(_ option: String, _ schedule: Choice, steps: Int) -> String {
            do {
                let choice = Choice(
                    component: "sgd", options: ["momentum": .double(0.9)], schedules: [option: schedule])
                let bench = try UpdateBench(
                    choice, kind: .optimizer, values: [("w", [1], [1])], loader: ShippedPlugins.loader(steps: steps))
                for _ in 0..<steps { try bench.update([[0]]) }
                return ""
            } catch { return "\(error)" }
        }
        let growing = Choice(component: "exponential", options: ["gamma": .double(1.25)])
        #expect(
            sentence("momentum", growing, steps: 5)
                == "plugin syzygy.schedules/exponential: gives the factor 1.25 at step 1: momentum = 1.125 is not >= 0 and <= 1"
        )
        let exploding = Choice(component: "exponential", options: ["gamma": .double(1e200)])
        #expect(
            sentence("lr", exploding, steps: 5)
                == "plugin syzygy.schedules/exponential: gives the factor inf at step 2: lr = inf is not finite")
        #expect(
            sentence("nesterov", growing, steps: 1)
                == "plugin syzygy.sgd/sgd: has no float option 'nesterov' that a schedule could change")
    }
}
