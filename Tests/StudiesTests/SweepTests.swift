import Foundation
import Manifests
import Studies
import Testing

/// `Fixtures.study` with another sweep, given as the lines below `sweep:`, and without its model if alternatives bring one.
private func study(_ sweep: String, model: String? = "{plugin: net, widths: [7, 5]}", seeds: String = "3") -> String {
    var text = Fixtures.study
        .replacingOccurrences(of: "  regularizers.l2.weight_decay: [0, 1e-4, 1e-3]", with: sweep)
        .replacingOccurrences(of: "seeds: 0..1", with: "seeds: \(seeds)")
    let line = "model: {plugin: net, widths: [7, 5]}\n"
    text = text.replacingOccurrences(of: line, with: model.map { "model: \($0)\n" } ?? "")
    return text
}

private func plan(_ sweep: String, _ overrides: [String] = [], model: String? = "{plugin: net}") throws -> StudyPlan {
    try Fixtures.plan(study(sweep, model: model), overrides)
}

/// Labels of the settings without the seed.
private func labels(_ plan: StudyPlan) -> [String] {
    plan.runs.map { $0.label.replacingOccurrences(of: "seed=3", with: "").trimmingCharacters(in: .whitespaces) }
}

/// The forms of axes, by hand.
@Suite struct SweepAxisTests {
    @Test(arguments: [
        ("optimizer.lr: {values: [0.5, 0.25]}", ["0.5", "0.25"]),
        ("optimizer.lr: {range: [0.1, 0.5, 0.1]}", ["0.1", "0.2", "0.3", "0.4", "0.5"]),
        ("optimizer.lr: {range: [0.7, 0.1, -0.3]}", ["0.7", "0.4", "0.1"]),
        // The end is not hit.
        ("optimizer.lr: {range: [1, 2, 0.4]}", ["1", "1.4", "1.8"]),
        ("train.steps: {range: [100, 500, 150]}", ["100", "250", "400"]),
        ("train.steps: {range: [10, 10, 3]}", ["10"]),
        ("optimizer.momentum: {linear: [0, 0.9, 4]}", ["0", "0.3", "0.6", "0.9"]),
        ("optimizer.momentum: {linear: [0.9, 0.1, 3]}", ["0.9", "0.5", "0.1"]),
        // Thirds have six digits; ends are as written.
        (
            "dataset.noise: {linear: [0.123456789, 1.123456789, 4]}",
            ["0.123456789", "0.45679", "0.790123", "1.123456789"]
        ),
        (
            "optimizer.lr: {log: [1e-4, 1e-1, 7]}",
            ["0.0001", "0.000316228", "0.001", "0.00316228", "0.01", "0.0316228", "0.1"]
        ),
        ("optimizer.lr: {log: [1, 0.01, 3]}", ["1", "0.1", "0.01"]),
        // Of integers, once each.
        ("dataset.rows: {log: [20, 24, 9]}", ["20", "21", "22", "23", "24"]),
        ("train.steps: {log: [1, 1000, 4]}", ["1", "10", "100", "1000"]),
        ("probes.crh.samples: {linear: [1, 4, 6]}", ["1", "2", "3", "4"]),
    ])
    func values(_ axis: String, _ expected: [String]) throws {
        let key = axis.prefix { $0 != ":" }
        let found = try #require(try plan("  \(axis)").axes[String(key)])
        #expect(found.map { SweepNames.text($0) } == expected)
    }

    /// Integers are integers: a run of 100 steps is the same as one of 1e2.
    @Test func integersAreIntegers() throws {
        #expect(try plan("  train.steps: {linear: [100, 300, 2]}").axes["train.steps"] == [.int(100), .int(300)])
        #expect(try plan("  train.steps: {range: [1e2, 3e2, 2e2]}").axes["train.steps"] == [.int(100), .int(300)])
    }

    /// A grid with more decades keeps the values of the smaller one.
    @Test func logGridsExtend() throws {
        let few = try plan("  optimizer.lr: {log: [1e-4, 1e-1, 10]}").runs.map(\.name)
        let more = try plan("  optimizer.lr: {log: [1e-4, 1, 13]}").runs.map(\.name)
        #expect(more.count == 13 && Array(more.prefix(10)) == few)
    }

    @Test func onTheCommandLine() throws {
        let text = Fixtures.study.replacingOccurrences(of: "seeds: 0..1", with: "seeds: 3")
        let plan = try Fixtures.plan(text, ["optimizer.lr={log: [1e-3, 1e-1, 3]}"])
        #expect(plan.axes["optimizer.lr"] == [.double(0.001), .double(0.01), .double(0.1)] && plan.runs.count == 9)
        // A swept key keeps its place, so names stay.
        let swept = try Fixtures.plan(
            text, ["optimizer.lr=[0.5]", "regularizers.l2.weight_decay={range: [0, 2, 1]}"])
        #expect(labels(swept) == ["weight_decay=0 lr=0.5", "weight_decay=1 lr=0.5", "weight_decay=2 lr=0.5"])
        // A schedule is a value.
        let schedule = try Fixtures.plan(text, ["probes.crh.at={log: 3}"])
        #expect(
            schedule.axes.count == 1 && schedule.runs[0].configuration.probes[0].sighting.steps == [0, 1, 10, 100])
    }
}

/// Products, zips, excluded and further points, conditions, alternatives.
@Suite struct SweepPointTests {
    private static let models = """
          model:
            alternatives:
              small: {plugin: net, widths: [2]}
              deep: {plugin: net, widths: [4, 3], activation: relu}

        """

    @Test func zipAdvancesKeysTogether() throws {
        let found = try plan(
            "  dataset.noise: [0.5, 0.25]\n  zip: [{optimizer.lr: [0.1, 0.2, 0.4], train.batch_size: {range: [5, 9, 2]}}]"
        )
        #expect(
            labels(found) == [
                "noise=0.5 lr=0.1 batch_size=5", "noise=0.5 lr=0.2 batch_size=7", "noise=0.5 lr=0.4 batch_size=9",
                "noise=0.25 lr=0.1 batch_size=5", "noise=0.25 lr=0.2 batch_size=7", "noise=0.25 lr=0.4 batch_size=9",
            ])
    }

    /// The number of a product is the product of numbers, for sizes that are all different.
    @Test(arguments: [[1], [2, 3], [5, 1, 3], [2, 3, 4, 5]]) func productSize(_ sizes: [Int]) throws {
        let keys = ["optimizer.lr", "dataset.noise", "dataset.rows", "optimizer.momentum"]
        let axes = zip(keys, sizes).map { key, size in
            let values = (1...size).map { key == "dataset.rows" ? "\(29 + $0)" : "\(Double($0) / 8)" }
            return "  \(key): [\(values.joined(separator: ", "))]"
        }
        let text = axes.joined(separator: "\n")
        let found = try plan(text)
        let size = sizes.reduce(1, *)
        #expect(found.runs.count == size && Set(found.runs.map(\.identity)).count == size)
        // An excluded value takes a slice away; with one value that is all, and only the further point is left.
        let less = try plan(text + "\n  exclude: [{optimizer.lr: 0.125}]\n  include: [{optimizer.lr: 0.75}]")
        #expect(less.runs.count == size - size / sizes[0] + 1)
    }

    @Test func excludedAndFurtherPoints() throws {
        let found = try plan(
            """
              optimizer.lr: [0.1, 0.2]
              dataset.noise: [0.5, 0.25, 1]
              exclude: [{optimizer.lr: 0.1, dataset.noise: [0.25, 1.0]}]
              include: [{dataset.noise: 0.125}, {optimizer.lr: 0.3, optimizer.momentum: 0.9}]
            """)
        #expect(
            labels(found) == [
                "lr=0.1 noise=0.5", "lr=0.2 noise=0.5", "lr=0.2 noise=0.25", "lr=0.2 noise=1",
                // What a point does not name is that of the study, where lr is 0.2 and noise 0.5.
                "lr=0.2 noise=0.125", "lr=0.3 noise=0.5 momentum=0.9",
            ])
        #expect(found.axes.keys == ["optimizer.lr", "dataset.noise", "optimizer.momentum"])
    }

    /// A study may list its points.
    @Test func pointsAlone() throws {
        let found = try plan("  include: [{optimizer.lr: 0.1, train.steps: 7}, {optimizer.lr: 0.3, train.steps: 5}]")
        #expect(labels(found) == ["lr=0.1 steps=7", "lr=0.3 steps=5"])
    }

    @Test func alternativesAreWholeSections() throws {
        let found = try plan(Self.models + "  optimizer.lr: [0.1, 0.2]", model: nil)
        #expect(labels(found) == ["small", "deep"].flatMap { ["model=\($0) lr=0.1", "model=\($0) lr=0.2"] })
        let options = found.runs[2].configuration.training?.model.options
        #expect(options?["widths"] == .array([.int(4), .int(3)]) && options?["activation"] == .string("relu"))
        #expect(found.axes["model"] == [.string("small"), .string("deep")])
        #expect(found.runs[0].name.hasSuffix("-modelsmall-lr0.1-s3"))
        #expect(found.runs[2].origins["model.activation"]?.word == "sweep")
        #expect(found.runs[2].origins["model.note"] == .default)
        // The section of the study is another one; nothing of it is left.
        let other = try plan(Self.models, model: "{plugin: net, note: mine}")
        #expect(other.runs.allSatisfy { $0.configuration.training?.model.options["note"] == .string("") })
    }

    /// Any key may have named values.
    @Test func alternativesOfOptionsAndSections() throws {
        let found = try plan(
            """
              model.widths: {alternatives: {narrow: [2, 2], wide: [9]}}
              regularizers: {alternatives: {none: {}, l2: {l2: {plugin: l2, weight_decay: 0.5}}}}
              probes.crh.at: {alternatives: {once: last, often: {log: 5}}}
            """)
        #expect(found.runs.count == 8)
        #expect(labels(found)[5] == "widths=wide regularizers=none at=often")
        #expect(found.runs.map { $0.configuration.training?.regularizers.count } == [0, 0, 1, 1, 0, 0, 1, 1])
        #expect(found.runs[7].configuration.training?.model.options["widths"] == .array([.int(9)]))
    }

    /// Sections that the study does not have, in some points only.
    @Test func sectionsOfSomePoints() throws {
        let text = study(
            """
              optimizer.lr: [0.1, 0.2]
              sampler: {alternatives: {one: {plugin: rotated}, two: {plugin: rotated, by: 2}}, when: {optimizer.lr: 0.2}}
              include: [{optimizer.lr: 0.4}]
            """)
        let found = try Fixtures.plan(text)
        #expect(labels(found) == ["lr=0.1", "lr=0.2 sampler=one", "lr=0.2 sampler=two", "lr=0.4"])
        #expect(
            found.runs.map { $0.configuration.training?.sampler?.options["by"] } == [nil, .int(1), .int(2), nil])
    }

    @Test func conditionalKeys() throws {
        let found = try plan(
            Self.models
                + """
                  model.activation: {values: [relu, tanh], when: {model: small}}
                  optimizer.lr: [0.1, 0.2]
                  dataset.noise: {values: [0.5, 0.25, 1], when: {optimizer.lr: [0.2], model: [small, deep]}}
                """, model: nil)
        let noise = ["lr=0.1", "lr=0.2 noise=0.5", "lr=0.2 noise=0.25", "lr=0.2 noise=1"]
        #expect(
            labels(found)
                == (noise.map { "model=small activation=relu \($0)" }
                    + noise.map { "model=small activation=tanh \($0)" }
                    + noise.map { "model=deep \($0)" }))
        #expect(found.runs[0].swept.count == 3 && found.runs[8].swept.count == 2)
        #expect(found.json["settings"]?.array?.count == 12)
    }

    /// Many conditional keys: their product is far beyond what is planned, their points are not.
    @Test func conditionalKeysDoNotMultiply() throws {
        let names = (0..<6).map { "a\($0)" }
        let values = (1...20).map { "[\($0)]" }.joined(separator: ", ")
        let models = names.enumerated().map { "\($1): {plugin: net, widths: [\(50 + $0)]}" }.joined(separator: ", ")
        let tails = ["model.widths", "dataset.noise", "dataset.rows", "optimizer.lr", "optimizer.momentum"]
        var lines = ["  model: {alternatives: {\(models)}}"]
        for (name, key) in zip(names, tails) {
            let axis =
                key == "model.widths"
                ? "values: [\(values)]" : key == "dataset.rows" ? "range: [20, 39, 1]" : "linear: [0.25, 0.75, 20]"
            lines.append("  \(key): {\(axis), when: {model: \(name)}}")
        }
        #expect(try plan(lines.joined(separator: "\n"), model: nil).runs.count == 5 * 20 + 1)
    }

    @Test func referencesSeeThePoint() throws {
        let text = study(Self.models, model: nil)
            .replacingOccurrences(of: "rows: 30", with: "rows: 30, noise: '${optimizer.lr}'")
            .replacingOccurrences(of: "lr: 0.2", with: "lr: '${model.widths.0}'")
        let runs = try Fixtures.plan(text).runs
        #expect(runs.map { $0.configuration.dataset?.options["noise"] } == [.double(2), .double(4)])
    }

    // MARK: - The command line

    @Test func namesChooseAmongAlternatives() throws {
        #expect(labels(try plan(Self.models, ["model=deep"], model: nil)) == [""])
        let deep = try plan(Self.models, ["model=deep", "model.widths=[8, 8, 8]"], model: nil)
        #expect(deep.runs[0].configuration.training?.model.options["widths"]?.array?.count == 3)
        #expect(deep.runs[0].configuration.training?.model.options["activation"] == .string("relu"))
        #expect(try plan(Self.models, ["model.widths=[8, 8, 8]", "model=deep"], model: nil).runs == deep.runs)
        #expect(labels(try plan(Self.models, ["model=[deep]"], model: nil)) == ["model=deep"])
        let own = try plan(Self.models, ["model={plugin: net, widths: [6]}"], model: nil)
        #expect(own.axes.isEmpty && own.runs[0].configuration.training?.model.options["widths"] == .array([.int(6)]))
    }

    /// A value for a key of a section goes into all its alternatives.
    @Test func overridesReachAlternatives() throws {
        let found = try plan(Self.models, ["model.note=all", "model.widths=[[5], [6, 6]]"], model: nil)
        #expect(
            found.runs.map { $0.configuration.training?.model.options["note"] }
                == Array(repeating: .string("all"), count: 4))
        #expect(
            found.runs.map { $0.configuration.training?.model.options["activation"] }
                == ["tanh", "tanh", "relu", "relu"].map { .string($0) })
        #expect(labels(found) == ["small", "deep"].flatMap { ["model=\($0) widths=5", "model=\($0) widths=6x6"] })
        #expect(found.runs[3].origins["model.note"] == .override("model.note=all"))
    }

    /// One value ends the sweep of a key, and conditions go on to see it.
    @Test func aFixedKeyKeepsItsConditions() throws {
        let sweep = """
              optimizer.lr: [0.1, 0.2]
              dataset.noise: {values: [0.5, 0.25], when: {optimizer.lr: 0.1}}
              exclude: [{optimizer.lr: 0.1, dataset.noise: 0.25}]
              include: [{optimizer.lr: 0.4, dataset.noise: 0.125}]
            """
        #expect(labels(try plan(sweep)) == ["lr=0.1 noise=0.5", "lr=0.2", "lr=0.4 noise=0.125"])
        #expect(labels(try plan(sweep, ["optimizer.lr=0.1"])) == ["noise=0.5", "noise=0.125"])
        #expect(labels(try plan(sweep, ["optimizer.lr=0.2"])) == ["", "noise=0.125"])
        #expect(labels(try plan(sweep, ["dataset.noise=0.5"])) == ["lr=0.1", "lr=0.2", "lr=0.4"])
    }

    /// Points that the command line makes equal are one.
    @Test func pointsThatCoincideAreOne() throws {
        let zipped = "  zip: [{optimizer.lr: [0.1, 0.2, 0.2], dataset.noise: [0.5, 0.25, 1]}]"
        #expect(try plan(zipped).runs.count == 3)
        #expect(labels(try plan(zipped, ["dataset.noise=0.75"])) == ["lr=0.1", "lr=0.2"])
    }
}

/// What a run is depends on its configuration, not on how the sweep was written.
@Suite struct SweepIdentityTests {
    @Test func everyFormGivesTheSameRuns() throws {
        let forms = [
            "  optimizer.lr: [0.1, 0.2, 0.3]",
            "  optimizer.lr: {values: [1e-1, 2e-1, 3e-1]}",
            "  optimizer.lr: {range: [0.1, 0.3, 0.1]}",
            "  optimizer.lr: {linear: [0.1, 0.3, 3]}",
            "  zip: [{optimizer.lr: [0.1, 0.2, 0.3], train.steps: [100, 100, 100]}]",
            "  include: [{optimizer.lr: 0.1}, {optimizer.lr: 0.2}, {optimizer.lr: 0.3}]",
            "  optimizer.lr: [0.1, 0.3]\n  include: [{optimizer.lr: 0.2}]",
            "  optimizer.lr: [0.1, 0.2, 0.3, 0.4]\n  exclude: [{optimizer.lr: 0.4}]",
            "  optimizer: {alternatives: {a: {plugin: sgd, lr: 0.1}, b: {plugin: sgd, lr: 0.2}, c: {plugin: sgd, lr: 0.3}}}",
            "  dataset.noise: [0.5]\n  optimizer.lr: {values: [0.1, 0.2, 0.3], when: {dataset.noise: 0.5}}",
        ]
        let identities = try forms.map { Set(try plan($0).runs.map(\.identity)) }
        #expect(identities[0].count == 3)
        for (form, found) in zip(forms, identities) { #expect(found == identities[0], "\(form)") }
        // Names too, where the same keys are swept.
        let names = try [0, 1, 2, 3, 5, 6, 7].map { Set(try plan(forms[$0]).runs.map(\.name)) }
        #expect(Set(names).count == 1)
    }

    @Test func furtherPointsKeepNames() throws {
        let few = try plan("  optimizer.lr: [0.1, 0.2]\n  dataset.noise: [0.5, 1]")
        let more = try plan(
            "  optimizer.lr: [0.1, 0.2, 0.4]\n  dataset.noise: [0.25, 0.5, 1]\n  include: [{train.steps: 7}]")
        #expect(Set(few.runs.map(\.name)).isSubset(of: more.runs.map(\.name)) && more.runs.count == 10)
    }

    @Test func orders() throws {
        let groups = StudyPlan.groups(try plan("  optimizer.lr: {range: [1, 12, 1]}").runs)
        func names(_ order: StudyOrder, _ groups: [[PlannedRun]]) -> [String] {
            order.sorted(groups).map { $0[0].name }
        }
        let all = groups.map { $0[0].name }
        #expect(names(StudyOrder(.grid), groups) == all)
        let random = names(StudyOrder(.random), groups)
        #expect(random != all && random.sorted() == all.sorted())
        #expect(names(StudyOrder(.random, sweepSeed: 0), groups.reversed()) == random)
        #expect(names(StudyOrder(.random, sweepSeed: 1), groups) != random)
        // A part of a grid has the order that it has in the whole.
        let part = names(StudyOrder(.random), Array(groups[3..<9]))
        #expect(part == random.filter(part.contains))
    }
}
