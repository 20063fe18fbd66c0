import Foundation
import Manifests
import OrderedCollections
import Protocols
import Studies
import Testing

@Suite("Plans: sweeps, seeds, overrides, origins, references")
struct PlanTests {
    @Test func productOfSweepAndSeeds() throws {
        let plan = try Fixtures.plan()
        let decay = "regularizers.l2.weight_decay"
        #expect(plan.runs.map(\.seed) == [0, 1, 0, 1, 0, 1])
        #expect(plan.runs.map { $0.swept[decay] } == [0, 0, 1e-4, 1e-4, 1e-3, 1e-3].map { JSON.double($0) })
        #expect(plan.axes == [decay: [.double(0), .double(1e-4), .double(1e-3)]])
        let run = plan.runs[3]
        #expect(run.label == "weight_decay=0.0001 seed=1")
        #expect(run.name == "\(run.identity.prefix(10))-weight_decay0.0001-s1")
        #expect(Set(plan.runs.map(\.identity)).count == 6)
    }

    @Test func lastKeyRunsFastest() throws {
        let plan = try Fixtures.plan(Fixtures.study, ["model.widths=[[3, 2], [9]]", "seeds=5"])
        #expect(
            plan.runs.map(\.label) == [
                "weight_decay=0 widths=3x2 seed=5", "weight_decay=0 widths=9 seed=5",
                "weight_decay=0.0001 widths=3x2 seed=5", "weight_decay=0.0001 widths=9 seed=5",
                "weight_decay=0.001 widths=3x2 seed=5", "weight_decay=0.001 widths=9 seed=5",
            ])
    }

    /// Runs of one program differ in seeds and real numbers of the optimizer, regularizers and model.
    @Test func groupsThatTrainTogether() throws {
        func groups(_ overrides: [String]) throws -> [[String]] {
            StudyPlan.groups(try Fixtures.plan(Fixtures.study, overrides).runs).map { $0.map(\.label) }
        }
        #expect(try groups([]).map(\.count) == [1, 1, 1, 1, 1, 1])
        #expect(try groups(["train.together=4"]).map(\.count) == [4, 2])
        #expect(
            try groups(["train.together=100", "model.widths=[[3, 2], [9]]", "seeds=0..2"]).map(\.count) == [9, 9])
        let widths = try groups(["train.together=5", "model.widths=[[3, 2], [9]]", "seeds=5"])
        #expect(
            widths[0] == ["", "0001", "001"].map { "weight_decay=0\($0.isEmpty ? "" : ".\($0)") widths=3x2 seed=5" })
        // Data of other noise are other data: such runs stay apart.
        #expect(try groups(["train.together=9", "dataset.noise=[0.5, 0.25]", "seeds=5"]).map(\.count) == [3, 3])
    }

    @Test func configurationHoldsEveryValue() throws {
        let configuration = try Fixtures.plan().runs[0].configuration
        #expect(
            configuration.training?.model
                == Choice(
                    component: "test.toys/net",
                    options: [
                        "widths": .array([.int(7), .int(5)]), "activation": .string("tanh"), "note": .string(""),
                    ]))
        #expect(configuration.training?.optimizer.options == ["lr": .double(0.2), "momentum": .double(0)])
        #expect(configuration.training?.regularizers[0].choice.options["weight_decay"] == .double(0))
        #expect(
            configuration.train.batchSize == 10 && configuration.train.precision == .f32
                && configuration.train.threads == 1)
        let probe = configuration.probes[0]
        #expect(probe.key == "crh" && probe.sighting.samples == 20 && probe.sighting.split == "train")
        // round(100^(i/3)), i = 0…3: 1, 4.64, 21.5, 100; with 0.
        #expect(probe.sighting.steps == [0, 1, 5, 22, 100])
    }

    @Test(arguments: [
        ("{every: 30}", [0, 30, 60, 90, 100]), ("{every: 50}", [0, 50, 100]), ("first", [0]), ("last", [100]),
        ("{steps: [7, 0, 7, 3]}", [0, 3, 7]), ("{log: 2}", [0, 1, 100]), ("{log: 5}", [0, 1, 3, 10, 32, 100]),
    ])
    func schedule(_ at: String, _ steps: [Int]) throws {
        let plan = try Fixtures.plan(Fixtures.study, ["probes.crh.at=\(at)"])
        #expect(plan.runs[0].configuration.probes[0].sighting.steps == steps)
    }

    @Test func runOfNoSteps() throws {
        let plan = try Fixtures.plan(Fixtures.study, ["train.steps=0"])
        #expect(plan.runs[0].configuration.probes[0].sighting.steps == [0])
    }

    @Test func origins() throws {
        let run = try Fixtures.plan(Fixtures.study, ["optimizer.momentum=0.9"]).runs[2]
        #expect(run.origins["optimizer.lr"] == .file)
        #expect(run.origins["optimizer.momentum"] == .override("optimizer.momentum=0.9"))
        #expect(run.origins["regularizers.l2.convention"] == .default)
        #expect(run.origins["regularizers.l2.weight_decay"]?.description == "sweep study.yaml:13:37")
        #expect(run.origins["probes.crh.at"] == .file && run.origins["train.threads"] == .default)
        // Nothing but values of the configuration, and all of them.
        #expect(run.origins.count == 27)
    }

    @Test func overrideReplacesTheSweep() throws {
        let plan = try Fixtures.plan(Fixtures.study, ["regularizers.l2.weight_decay=0.5", "seeds=0..2"])
        #expect(plan.axes.isEmpty && plan.seeds == [0, 1, 2] && plan.runs.count == 3)
        #expect(plan.runs[0].configuration.training?.regularizers[0].choice.options["weight_decay"] == .double(0.5))
        #expect(plan.runs[0].name == "\(plan.runs[0].identity.prefix(10))-s0")
    }

    @Test func listForAListIsAValue() throws {
        let plan = try Fixtures.plan(Fixtures.study, ["model.widths=[4, 6, 8]"])
        #expect(plan.axes.count == 1)
        #expect(plan.runs[0].configuration.training?.model.options["widths"] == .array([.int(4), .int(6), .int(8)]))
    }

    @Test func listForAScalarIsSwept() throws {
        let plan = try Fixtures.plan(Fixtures.study, ["train.batch_size=[10, full]"])
        #expect(plan.axes["train.batch_size"] == [.int(10), .string("full")])
        #expect(
            plan.runs.map(\.configuration.train.batchSize) == [10, 10, nil, nil, 10, 10, nil, nil, 10, 10, nil, nil])
    }

    @Test func overridesCanAddAProbe() throws {
        let plan = try Fixtures.plan(Fixtures.study, ["probes.more.samples=3", "probes.more.plugin=alignment"])
        #expect(plan.runs[0].configuration.probes.map(\.key) == ["crh", "more"])
        #expect(plan.runs[0].configuration.probes[1].sighting.samples == 3)
    }

    @Test func sweptPlugin() throws {
        let text = Fixtures.study.replacingOccurrences(
            of: "regularizers.l2.weight_decay: [0, 1e-4, 1e-3]",
            with: "loss.plugin: [test.toys/squares, test.others/squares]")
        let plan = try Fixtures.plan(text)
        #expect(
            plan.runs.map(\.configuration.training?.loss.component) == [
                "test.toys/squares", "test.toys/squares", "test.others/squares", "test.others/squares",
            ])
        #expect(plan.runs[0].plugins.map(\.id) == ["test.toys"])
        #expect(plan.runs[2].plugins.map(\.id) == ["test.others", "test.toys"])
    }

    @Test func referencesFollowTheSweep() throws {
        let text = Fixtures.study
            .replacingOccurrences(of: "lr: 0.2", with: "lr: 0.2, momentum: '${regularizers.l2.weight_decay}'")
            .replacingOccurrences(
                of: "widths: [7, 5]", with: "widths: ['${probes.crh.samples}', 5], note: 'm=${optimizer.momentum}'")
        let runs = try Fixtures.plan(text).runs
        #expect(
            runs.map { $0.configuration.training?.optimizer.options["momentum"] }
                == [0, 0, 1e-4, 1e-4, 1e-3, 1e-3].map { JSON.double($0) })
        #expect(runs[4].configuration.training?.model.options["widths"] == .array([.int(20), .int(5)]))
        #expect(runs[4].configuration.training?.model.options["note"] == .string("m=0.001"))
    }

    @Test func referencesReachDefaults() throws {
        let text = Fixtures.study.replacingOccurrences(of: "lr: 0.2", with: "lr: '${dataset.noise}'")
        #expect(try Fixtures.plan(text).runs[0].configuration.training?.optimizer.options["lr"] == .double(0.5))
    }
}

@Suite("Identity: the same configuration, seed and plugins, and nothing else")
struct IdentityTests {
    private static func identities(
        _ text: String = Fixtures.study, _ overrides: [String] = [], library: String = "no code"
    ) throws -> [String] {
        try Fixtures.plan(text, overrides, library: library).runs.map(\.identity)
    }

    @Test func orderAndNotationDoNotMatter() throws {
        var lines = Fixtures.study.split(separator: "\n").map(String.init)
        lines.swapAt(2, 4)  // loss before dataset
        let text = lines.joined(separator: "\n")
            .replacingOccurrences(
                of: "{plugin: sgd, lr: 0.2}", with: "{momentum: 0.0, lr: 2e-1, plugin: test.toys/sgd}"
            )
            .replacingOccurrences(of: "title: Decay in wells", with: "title: Another title")
            .replacingOccurrences(of: "study: wells", with: "study: another")
        #expect(try Self.identities(text) == Self.identities())
    }

    @Test func jsonIsTheSame() throws {
        let root = try YAMLDocument.parse(Fixtures.study, file: "study.yaml").root
        #expect(try Self.identities(root.text(pretty: true)) == Self.identities())
        #expect(try Self.identities(root.text(pretty: false)) == Self.identities())
    }

    @Test(arguments: [
        "optimizer.lr=0.3", "optimizer.momentum=0.1", "dataset.rows=31", "dataset.standardize=true",
        "model.widths=[7, 5, 1]",
        "loss.plugin=test.others/squares", "regularizers.l2.convention=full", "train.steps=101",
        "train.batch_size=full",
        "train.precision=f64", "train.threads=2", "probes.crh.samples=21", "probes.crh.at=last",
        "probes.crh={plugin: alignment, split: test}",
        "probes.crh.layers=[fc1]", "probes.crh.variant=[raw]", "record={quantities: [layer.input]}",
    ])
    func anyValueMatters(_ override: String) throws {
        let changed = try Self.identities(Fixtures.study, [override])
        #expect(Set(changed).isDisjoint(with: try Self.identities()))
    }

    @Test func digestsMatter() throws {
        #expect(Set(try Self.identities(library: "other code")).isDisjoint(with: try Self.identities()))
    }

    @Test func seedsMatterAndSweepsExtend() throws {
        let few = try Self.identities()
        let more = try Self.identities(
            Fixtures.study, ["seeds=0..2", "regularizers.l2.weight_decay=[0, 1e-4, 1e-3, 1e-2]"])
        #expect(Set(few).isSubset(of: more) && more.count == 12)
    }
}
