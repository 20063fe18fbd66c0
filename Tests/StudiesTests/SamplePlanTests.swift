import Manifests
import Observing
import Studies
import Testing

/// `Fixtures.study` with a sampler and initializers.
@Suite struct SamplePlanTests {
    private static let sections = """
        sampler: {plugin: rotated, by: 3}
        initializers:
          stem: {plugin: times, parameters: "fc1.*", factor: 5e-1}
          rest: {plugin: times, parameters: ["*.weight"]}
        optimizer: {plugin: sgd, lr: 0.2}
        """
    private static let study = Fixtures.study.replacingOccurrences(
        of: "optimizer: {plugin: sgd, lr: 0.2}", with: sections)

    @Test func sectionsAreRead() throws {
        let configuration = try #require(try Fixtures.plan(Self.study).runs.first).configuration
        #expect(configuration.training?.sampler == Choice(component: "test.others/rotated", options: ["by": .int(3)]))
        #expect(configuration.training?.initializers.map(\.key) == ["stem", "rest"])
        #expect(configuration.training?.initializers[0].parameters == ParameterPattern(names: ["fc1.*"]))
        #expect(
            configuration.training?.initializers.map(\.choice.options) == [
                ["factor": .double(0.5)], ["factor": .double(1)],
            ])
        let json = configuration.json
        #expect(
            json["sampler"]?.text(pretty: false) == #"{"plugin":"test.others/rotated","by":3}"#
                && json["initializers"]?.text(pretty: false)
                    == #"{"stem":{"plugin":"test.others/times","parameters":["fc1.*"],"factor":0.5},"#
                    + #""rest":{"plugin":"test.others/times","parameters":["*.weight"],"factor":1.0}}"#
        )
        let plain = try #require(try Fixtures.plan().runs.first).configuration
        #expect(plain.training?.sampler == nil && plain.training?.initializers.isEmpty && plain.json["sampler"] == nil)
    }

    @Test func sweepsAndOverridesReachThem() throws {
        let plan = try Fixtures.plan(
            Self.study, ["initializers.stem.factor=[0.1, 0.3]", "regularizers.l2.weight_decay=0", "sampler.by=7"])
        #expect(plan.runs.count == 4 && plan.axes["initializers.stem.factor"] == [.double(0.1), .double(0.3)])
        #expect(plan.runs[0].configuration.training?.sampler?.options["by"] == .int(7))
        let added = try Fixtures.plan(
            Fixtures.study,
            [
                "sampler.by=2", "sampler.plugin=rotated", "initializers.a.parameters=[x.*, y]",
                "initializers.a.plugin=times",
            ])
        #expect(added.runs[0].configuration.training?.sampler?.options["by"] == .int(2))
        #expect(added.runs[0].configuration.training?.initializers[0].parameters.names == ["x.*", "y"])
    }

    /// Runs that differ in numbers of their initializers train together.
    @Test func factorsTrainTogether() throws {
        let plan = try Fixtures.plan(
            Self.study,
            ["initializers.stem.factor=[0.1, 0.3]", "regularizers.l2.weight_decay=0", "train.together=8"])
        #expect(StudyPlan.groups(plan.runs).map(\.count) == [4])
        let other = try Fixtures.plan(
            Self.study, ["sampler.by=[1, 2]", "regularizers.l2.weight_decay=0", "train.together=8"])
        #expect(StudyPlan.groups(other.runs).map(\.count) == [2, 2])
    }

    /// The first that matches wins, so their order is part of what a run is.
    @Test func theOrderOfInitializersMatters() throws {
        let lines = Self.study.components(separatedBy: "\n")
        let stem = try #require(lines.firstIndex { $0.hasPrefix("  stem:") })
        var swapped = lines
        swapped.swapAt(stem, stem + 1)
        func identities(_ lines: [String]) throws -> [String] {
            try Fixtures.plan(lines.joined(separator: "\n")).runs.map(\.identity)
        }
        #expect(try identities(lines) != identities(swapped))
        #expect(try identities(lines) == identities(lines))
    }

    @Test(arguments: [
        (
            "plugin: rotated", "plugin: roteted",
            "study.yaml:8:19: sampler.plugin: no plugin has a sampler 'roteted'; did you mean 'rotated'? (allowed: rotated)"
        ),
        (
            "plugin: rotated, by: 3", "plugin: sgd",
            "study.yaml:8:19: sampler.plugin: 'sgd' is an optimizer, not a sampler"
        ),
        (
            "by: 3", "bye: 3",
            "study.yaml:8:28: unknown key 'bye' in sampler; did you mean 'by'? (rotated has: by)"
        ),
        (
            "plugin: times, parameters: \"fc1.*\", factor: 5e-1", "plugin: times",
            "study.yaml:10:9: missing key 'parameters' in initializers.stem"
        ),
        (
            "factor: 5e-1", "factor: small",
            "study.yaml:10:54: initializers.stem: factor must be a number, got 'small'"
        ),
    ])
    func mistakesAreNamed(old: String, new: String, line: String) throws {
        try #require(Self.study.contains(old))
        #expect(Fixtures.lines(Self.study.replacingOccurrences(of: old, with: new)) == [line])
    }
}

/// Models beside the study's.
@Suite struct FurtherModelTests {
    private static let study = Fixtures.study.replacingOccurrences(
        of: "model: {plugin: net, widths: [7, 5]}",
        with: "model: {plugin: net, widths: [7, 5]}\nmodels: {teacher: {plugin: net, widths: [9]}}")

    @Test func theyAreModels() throws {
        let plan = try Fixtures.plan(Self.study, ["models.teacher.activation=relu", "models.a.plugin=net"])
        let configuration = plan.runs[0].configuration
        let others = try #require(configuration.training).others
        #expect(others.map(\.key) == ["a", "teacher"])
        #expect(others[1].choice.options["activation"] == "relu")
        #expect(others[1].choice.options["widths"] == .array([.int(9)]))
        let swept = try Fixtures.plan(Self.study, ["models.teacher.widths=[[3], [4, 4]]"])
        #expect(swept.axes["models.teacher.widths"]?.count == 2)
        #expect(
            Fixtures.lines(Self.study, ["models.teacher.plugin=sgd"]) == [
                "override 'models.teacher.plugin=sgd': models.teacher.plugin: 'sgd' is an optimizer, not a model"
            ])
    }
}
