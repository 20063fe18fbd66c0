import Foundation
import Manifests
import Studies
import Testing

/// `Fixtures.study` with options that follow the step.
@Suite struct SchedulePlanTests {
    private static let study = Fixtures.study.replacingOccurrences(
        of: "optimizer: {plugin: sgd, lr: 0.2}",
        with: """
            optimizer:
              plugin: sgd
              lr: 0.2
              schedules: {lr: {plugin: decay}, momentum: {plugin: decay, rate: 0.75}}
            groups:
              head: {parameters: "head.*", lr: 0.1, schedules: {lr: {plugin: decay, rate: 2}}}
              own: {parameters: "own", optimizer: {plugin: sgd, schedules: {lr: {plugin: decay, at: [3, 4]}}}}
            """
    ).replacingOccurrences(
        of: "weight_decay: 1e-3}", with: "weight_decay: 1e-3, schedules: {weight_decay: {plugin: decay, rate: 0.25}}}"
    )

    private static func decay(_ rate: Double, at: [JSON] = []) -> Choice {
        Choice(component: "test.toys/decay", options: ["rate": .double(rate), "at": .array(at)])
    }

    /// A group has the schedules of the study's optimizer but for its own; an optimizer of its own has its own.
    @Test func everyUpdateHasItsSchedules() throws {
        let configuration = try #require(try Fixtures.plan(Self.study).runs.first).configuration
        #expect(configuration.training?.optimizer.schedules == ["lr": Self.decay(0.5), "momentum": Self.decay(0.75)])
        #expect(
            configuration.training?.groups[0].optimizer?.schedules == [
                "lr": Self.decay(2), "momentum": Self.decay(0.75),
            ])
        #expect(
            configuration.training?.groups[1].optimizer?.schedules == ["lr": Self.decay(0.5, at: [.int(3), .int(4)])])
        #expect(configuration.training?.regularizers[0].choice.schedules == ["weight_decay": Self.decay(0.25)])
        // The configuration is a study that means the same.
        var again = try #require(configuration.json.object)
        again["study"] = .string("wells")
        let text = JSON.object(again).text(pretty: true)
        #expect(try Fixtures.plan(text).runs[0].configuration == configuration)
    }

    @Test func schedulesAreSweptAndOverridden() throws {
        let plan = try Fixtures.plan(
            Self.study,
            [
                "optimizer.schedules.lr.rate=[0.1, 0.2]", "groups.own.optimizer.schedules.lr.at=[7]",
                "groups.head.schedules.momentum.rate=3", "groups.head.schedules.momentum.plugin=decay",
                "regularizers.l2.weight_decay=1", "seeds=4",
            ])
        #expect(plan.runs.count == 2 && plan.axes["optimizer.schedules.lr.rate"] == [.double(0.1), .double(0.2)])
        let run = plan.runs[1].configuration
        #expect(run.training?.optimizer.schedules["lr"] == Self.decay(0.2))
        #expect(run.training?.groups[0].optimizer?.schedules["momentum"] == Self.decay(3))
        #expect(run.training?.groups[1].optimizer?.schedules["lr"] == Self.decay(0.5, at: [.int(7)]))
        #expect(plan.runs[0].origins["optimizer.schedules.momentum.rate"] == .file)
        #expect(plan.runs[0].origins["optimizer.schedules.lr.at"] == .default)
    }

    @Test func anyOptionOfAScheduleMatters() throws {
        let usual = try Fixtures.plan(Self.study).runs.map(\.identity)
        for change in ["optimizer.schedules.lr.rate=0.4", "groups.head.schedules.lr.rate=0.4"] {
            #expect(Set(try Fixtures.plan(Self.study, [change]).runs.map(\.identity)).isDisjoint(with: usual))
        }
    }

    @Test(arguments: [
        (
            "schedules: {lr: {plugin: decay},", "schedules: {lr: {plugin: dcay},",
            "study.yaml:11:28: optimizer.schedules.lr.plugin: no plugin has a schedule 'dcay'; did you mean 'decay'? (allowed: decay)"
        ),
        (
            "schedules: {lr: {plugin: decay},", "schedules: {rl: {plugin: decay},",
            "study.yaml:11:15: optimizer.schedules: sgd has no float option 'rl'; did you mean 'lr'? (it has: lr, momentum)"
        ),
        (
            "schedules: {weight_decay:", "schedules: {convention:",
            "study.yaml:7:52: regularizers.l2.schedules: l2 has no float option 'convention' (it has: weight_decay)"
        ),
        (
            "rate: 0.75", "rat: 0.75",
            "study.yaml:11:62: unknown key 'rat' in optimizer.schedules.momentum; did you mean 'rate'? (decay has: rate, at)"
        ),
        (
            "rate: 2}", "rate: -2}", "study.yaml:13:79: groups.head.schedules.lr: rate must be >= 0, got -2"
        ),
        (
            "schedules: {lr: {plugin: decay},", "schedules: {lr: 3,",
            "study.yaml:11:19: optimizer.schedules.lr must be an object, got 3"
        ),
    ])
    func saysWhatIsWrong(old: String, new: String, line: String) {
        #expect(Self.study.contains(old))
        #expect(Fixtures.lines(Self.study.replacingOccurrences(of: old, with: new)) == [line])
    }

    @Test func aNewScheduleNeedsItsPlugin() {
        #expect(
            Fixtures.lines(Fixtures.study, ["optimizer.schedules.lr.rate=1"]) == [
                "override 'optimizer.schedules.lr.rate=1': the study has no 'optimizer.schedules.lr'; to add it, give optimizer.schedules.lr.plugin=… too"
            ])
    }
}
