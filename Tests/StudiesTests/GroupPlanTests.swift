import Engine
import Foundation
import Manifests
import Observing
import Studies
import Testing

/// `Fixtures.study` with groups of parameters.
@Suite struct GroupPlanTests {
    private static let groups = """
        optimizer: {plugin: sgd, lr: 0.2}
        groups:
          stem: {parameters: ["fc1.*", "fc2.*"], frozen: true}
          head: {parameters: "head.*", lr: 5e-2}
          norms: {parameters: {role: scale}, optimizer: {plugin: sgd, momentum: 0.5}}
        """
    private static let study = Fixtures.study.replacingOccurrences(
        of: "optimizer: {plugin: sgd, lr: 0.2}", with: groups)

    @Test func groupsOverrideTheOptimizer() throws {
        let configuration = try #require(try Fixtures.plan(Self.study).runs.first).configuration
        let sgd = "test.toys/sgd"
        #expect(configuration.training?.groups.map(\.key) == ["stem", "head", "norms"])
        #expect(configuration.training?.groups[0].optimizer == nil)
        #expect(configuration.training?.groups[0].parameters == ParameterPattern(names: ["fc1.*", "fc2.*"]))
        #expect(
            configuration.training?.groups[1].optimizer
                == Choice(component: sgd, options: ["lr": .double(0.05), "momentum": .double(0)]))
        // An optimizer of its own begins with its own defaults.
        #expect(
            configuration.training?.groups[2].optimizer
                == Choice(component: sgd, options: ["lr": .double(0.1), "momentum": .double(0.5)]))
        #expect(configuration.training?.groups[2].parameters == ParameterPattern(roles: [.scale]))
        let json = try #require(configuration.json["groups"])
        #expect(
            json.text(pretty: false)
                == #"{"stem":{"parameters":["fc1.*","fc2.*"],"frozen":true},"head":{"parameters":["head.*"],"lr":0.05},"#
                + #""norms":{"parameters":{"role":["scale"]},"optimizer":{"plugin":"test.toys/sgd","lr":0.1,"momentum":0.5}}}"#
        )
    }

    @Test func groupsAreSweptAndOverridden() throws {
        let plan = try Fixtures.plan(Self.study, ["groups.head.lr=[0.1, 0.3]", "regularizers.l2.weight_decay=0"])
        #expect(plan.runs.count == 4 && plan.axes["groups.head.lr"] == [.double(0.1), .double(0.3)])
        #expect(plan.runs[2].configuration.training?.groups[1].optimizer?.options["lr"] == .double(0.3))
        #expect(plan.runs[2].name.hasSuffix("-lr0.3-s0"))
        let added = try Fixtures.plan(
            Self.study,
            ["groups.late.momentum=0.25", "groups.late.parameters=[late.*, l?]", "groups.norms.optimizer.lr=2"])
        #expect(added.runs[0].configuration.training?.groups.map(\.key) == ["stem", "head", "norms", "late"])
        #expect(added.runs[0].configuration.training?.groups[3].parameters.names == ["late.*", "l?"])
        #expect(added.runs[0].configuration.training?.groups[3].optimizer?.options["lr"] == .double(0.2))
        #expect(added.runs[0].configuration.training?.groups[2].optimizer?.options["lr"] == .double(2))
    }

    /// The first group that matches wins, so their order is part of what a run is; other orders are not.
    @Test func theOrderOfGroupsMatters() throws {
        let lines = Self.groups.components(separatedBy: "\n")
        let swapped = (lines[..<2] + [lines[3], lines[2], lines[4]]).joined(separator: "\n")
        func identities(_ text: String) throws -> [String] { try Fixtures.plan(text).runs.map(\.identity) }
        let usual = try identities(Self.study)
        let other = try identities(Self.study.replacingOccurrences(of: Self.groups, with: swapped))
        #expect(Set(usual).isDisjoint(with: other))
        let reworded = try identities(
            Self.study.replacingOccurrences(of: "\"head.*\", lr: 5e-2", with: "[head.*], lr: 0.05"))
        #expect(reworded == usual)
    }

    @Test func regularizersTakeParameters() throws {
        let plan = try Fixtures.plan(Self.study, ["regularizers.l2.parameters=[head.*]"])
        #expect(
            plan.runs[0].configuration.training?.regularizers[0].parameters == ParameterPattern(names: ["head.*"]))
        #expect(plan.axes.count == 1)
        #expect(try Fixtures.plan(Self.study).runs[0].configuration.training?.regularizers[0].parameters == nil)
    }

    @Test(arguments: [
        (
            "lr: 5e-2", "rl: 5e-2",
            "study.yaml:11:32: unknown key 'rl' in groups.head; did you mean 'lr'? (a group under sgd has: parameters, frozen, optimizer, schedules, lr, momentum)"
        ),
        ("lr: 5e-2", "lr: -1", "study.yaml:11:36: groups.head: lr must be > 0, got -1"),
        ("frozen: true", "frozen: true, lr: 1", "study.yaml:10:56: groups.stem.lr: a frozen group has no options"),
        (
            "frozen: true", "frozen: true, optimizer: {plugin: sgd}",
            "study.yaml:10:56: groups.stem.optimizer: a frozen group has no options"
        ),
        (
            "frozen: true", "frozen: perhaps",
            "study.yaml:10:50: groups.stem.frozen must be true or false, got 'perhaps'"
        ),
        (
            "{role: scale}", "{role: scale}, lr: 1",
            "study.yaml:12:38: groups.norms.lr: the group has its own optimizer; write groups.norms.optimizer.lr"
        ),
        (
            "{role: scale}", "{role: scales}",
            "study.yaml:12:30: unknown role 'scales' in groups.norms.parameters; did you mean 'scale'? (allowed: weight, bias, scale, other)"
        ),
        ("parameters: \"head.*\", ", "", "study.yaml:11:9: missing key 'parameters' in groups.head"),
        (
            "parameters: \"head.*\"", "parameters: 3",
            "study.yaml:11:22: groups.head.parameters must be a name such as 'head.*', a list of names, or {names: …, role: …}, got 3"
        ),
        (
            "{plugin: sgd, momentum: 0.5}", "{plugin: sdg}",
            "study.yaml:12:58: groups.norms.optimizer.plugin: no plugin has an optimizer 'sdg'; did you mean 'sgd'? (allowed: sgd)"
        ),
        (
            "{plugin: sgd, momentum: 0.5}", "{plugin: sgd, moment: 0.5}",
            "study.yaml:12:63: unknown key 'moment' in groups.norms.optimizer; did you mean 'momentum'? (sgd has: schedules, lr, momentum)"
        ),
        (
            "  regularizers.l2.weight_decay: [", "  groups.haed.lr: [",
            "study.yaml:17:3: swept key 'groups.haed.lr' is not an option of this study; did you mean 'groups.head.lr'?"
        ),
    ])
    func saysWhatIsWrong(old: String, new: String, line: String) {
        #expect(Self.study.contains(old))
        #expect(Fixtures.lines(Self.study.replacingOccurrences(of: old, with: new)) == [line])
    }

    @Test(arguments: [
        (
            "groups.classifier.lr=1",
            "override 'groups.classifier.lr=1': the study has no 'groups.classifier'; to add it, give groups.classifier.parameters=… too"
        ),
        (
            "groups.haed.lr=1",
            "override 'groups.haed.lr=1': the study has no 'groups.haed'; did you mean 'groups.head.lr'?"
        ),
    ])
    func saysWhatIsWrongWithAnOverride(override: String, line: String) {
        #expect(Fixtures.lines(Self.study, [override]) == [line])
    }
}
