import Foundation
import Manifests
import PluginHost
import Protocols
import Studies
import Testing

@Suite("Run folders: records and observations")
struct RunFolderTests {
    @Test func recordsComeBack() throws {
        let folder = try TemporaryFolder()
        let plan = try Fixtures.plan()
        var record = RunRecord(run: plan.runs[2], study: plan.name, title: plan.title)
        record.status = .diverged
        record.message = "loss became inf at step 7"
        record.step = 7
        record.seconds = 1.25
        record.host = ["cores": .int(2)]
        try record.write(folder: folder.path)
        let document = try StrictJSON.read(folder.path + "/run.json")
        #expect(try Installation.schema("run.schema.json").problems(in: document).map(\.description) == [])
        #expect(try RunRecord.read(folder: folder.path) == record)
        #expect(record.origins["regularizers.l2.weight_decay"] == "sweep")
    }

    /// Every section of a configuration that a shipped study has is in the schema.
    @Test func recordsOfShippedStudiesFollowTheSchema() throws {
        let schema = try Installation.schema("run.schema.json"), plugins = try Installation.root + "/Plugins"
        let planner = try StudyPlanner(registry: Registry(paths: [plugins]))
        let files = try FileManager.default.subpathsOfDirectory(atPath: plugins).filter {
            $0.contains("/studies/") && $0.hasSuffix(".yaml")
        }
        let folder = try TemporaryFolder()
        var sections: Set<String> = []
        for file in files {
            let plan = try planner.plan(try YAMLDocument.read(file: plugins + "/" + file), overrides: [])
            try RunRecord(run: try #require(plan.runs.last), study: plan.name, title: plan.title)
                .write(folder: folder.path)
            let document = try StrictJSON.read(folder.path + "/run.json")
            #expect(schema.problems(in: document).map(\.description) == [], "\(file)")
            sections.formUnion(document.root["configuration"]?.object?.keys ?? [])
        }
        #expect(sections.isSuperset(of: ["procedure", "sampler", "models", "initializers", "rule", "groups"]))
    }

    @Test func seventeenDigitsReadBack() {
        for value in [0.1, 1.0 / 3, 6.02e23, -2.2250738585072014e-308] {
            #expect(Double(CSV.number(value)) == value)
        }
        #expect(CSV.number(0.1) == "0.10000000000000001")
    }

    /// A study of many runs has a file beyond the size of anything a person writes.
    @Test func longListsOfRunsComeBack() throws {
        let folder = try TemporaryFolder()
        let study = StudyFolder(folder.path)
        var plan = try Fixtures.plan()
        plan.runs = Array(repeating: plan.runs[0], count: 40_000)
        try study.write(plan)
        #expect(try FileManager.default.attributesOfItem(atPath: study.studyFile)[.size] as? Int ?? 0 > 1 << 20)
        #expect(try study.readStudy()["runs"]?.array?.count == 40_000)
    }

    /// A record's configuration is a study again, with the same runs.
    @Test func configurationIsAStudy() throws {
        let run = try Fixtures.plan().runs[2]
        var study = try #require(run.configuration.json.object)
        study["study"] = .string("again")
        let again = try Fixtures.plan(JSON.object(study).text(pretty: true), ["seeds=0"])
        #expect(again.runs.map(\.identity) == [run.identity])
    }

    @Test(arguments: ["", "[]", "{\"name\": \"x\"}", "{\"name\": "])
    func damagedRecord(_ text: String) throws {
        let folder = try TemporaryFolder()
        try Data(text.utf8).write(to: URL(fileURLWithPath: folder.path + "/run.json"))
        #expect(throws: StudyError.self) { try RunRecord.read(folder: folder.path) }
    }

    static let observations = [
        Observation(step: 0, probe: "crh", output: "forward.raw.cos", layer: "fc1", value: .number(1.0 / 3)),
        Observation(
            step: 0, probe: "crh", output: "forward.raw.cos", layer: "a,\"b\"", index: 2,
            value: .number(-.leastNonzeroMagnitude)),
        Observation(step: 10, probe: "nc", output: "nc1", value: .missing(reason: "single_class")),
        Observation(step: 10, probe: "crh", output: "forward.raw.cos", layer: "fc1", value: .number(.nan)),
        Observation(step: 10, probe: "crh", output: "forward.raw.cos", layer: "fc1", value: .number(.infinity)),
    ]

    @Test func observationsAreWrittenAsTheFormatSays() throws {
        let folder = try TemporaryFolder()
        let writer = try ObservationWriter(path: folder.path + "/o.csv")
        Self.observations.forEach(writer.append)
        try writer.flush()
        #expect(
            try String(contentsOfFile: folder.path + "/o.csv", encoding: .utf8) == """
                step,probe,output,layer,index,value,reason
                0,crh,forward.raw.cos,fc1,,0.33333333333333331,
                0,crh,forward.raw.cos,"a,""b\""",2,-4.9406564584124654e-324,
                10,nc,nc1,,,,single_class
                10,crh,forward.raw.cos,fc1,,,nan_result
                10,crh,forward.raw.cos,fc1,,,infinite_result

                """)
    }

    @Test func everyFlushLeavesWholeLines() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/o.csv"
        let writer = try ObservationWriter(path: file)
        for (index, observation) in Self.observations.enumerated() {
            writer.append(observation)
            #expect(writer.hasUnwritten)
            try writer.flush()
            #expect(!writer.hasUnwritten)
            let text = try String(contentsOfFile: file, encoding: .utf8)
            #expect(text.hasSuffix("\n") && text.split(separator: "\n").count == index + 2)
        }
    }
}
