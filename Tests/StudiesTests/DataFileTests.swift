import Foundation
import Manifests
import PluginHost
import Studies
import Testing

/// Files that a study names are there, known by their bytes, and the same when a run starts.
@Suite("Data files of a study")
struct DataFileTests {
    private static let tables = """
        {"manifest": 1, "id": "test.tables", "version": "0.1.0", "name": "Tables", "summary": "A dataset of files.",
         "license": "CC0-1.0", "library": "Tables",
         "components": [{"kind": "dataset", "id": "tables",
           "params": [{"id": "path", "type": "file", "help": "The table."},
             {"id": "parts", "type": "file_list", "default": []}, {"id": "target", "type": "string"},
             {"id": "extra", "type": "file", "default": ""}],
           "outputs": [{"id": "x", "dtype": "f64", "shape": ["rows", 5]}],
           "splits": {"train": "describe"},
           "describe": {"symbol": "d", "returns": "void", "args": [
             {"name": "train", "type": "i64*", "from": "rows", "split": "train"}]},
           "call": {"symbol": "r", "returns": "void", "args": [
             {"name": "begin", "type": "i64", "from": "index_begin"}, {"name": "end", "type": "i64", "from": "index_end"},
             {"name": "x", "type": "f64*", "from": "output"}]},
           "examples": [{"name": "none", "given": {"begin": 0, "end": 1, "path": "a", "target": "t"},
             "expect": {"x": {"shape": [1, 5], "data": [0, 0, 0, 0, 0]}}}]}]}
        """

    private let folder: TemporaryFolder
    private let planner: StudyPlanner

    init() throws {
        folder = try TemporaryFolder()
        let path = folder.path + "/plugins/Tables"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Data(Self.tables.utf8).write(to: URL(fileURLWithPath: path + "/plugin.json"))
        try Data("no code".utf8).write(to: URL(fileURLWithPath: path + "/libTables.so"))
        let toys = try Fixtures.registry(folder)
        #expect(toys.rejected.isEmpty)
        planner = StudyPlanner(
            registry: Registry(paths: [folder.path, folder.path + "/plugins"]),
            schema: try Installation.schema("study.schema.json"))
        try write("1,2\n", to: "study/data/table.csv")
    }

    private func write(_ text: String, to name: String) throws {
        let url = URL(fileURLWithPath: folder.path + "/" + name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    private func plan(
        _ dataset: String = "path: data/table.csv, target: b", in study: String = "study", _ overrides: [String] = []
    ) throws -> StudyPlan {
        let text = Fixtures.study.replacingOccurrences(
            of: "plugin: blobs, rows: 30", with: "plugin: tables, \(dataset)")
        try write(text, to: "\(study)/study.yaml")
        return try planner.plan(file: "\(folder.path)/\(study)/study.yaml", overrides: overrides)
    }

    private func lines(_ dataset: String, _ overrides: [String] = []) -> [String] {
        do {
            _ = try plan(dataset, overrides)
            return []
        } catch {
            return "\(error)".replacingOccurrences(of: folder.path + "/study/", with: "~/").components(
                separatedBy: "\n")
        }
    }

    private func plan(_ dataset: String, _ overrides: [String]) throws -> StudyPlan {
        try plan(dataset, in: "study", overrides)
    }

    @Test func filesOfARun() throws {
        try write("1", to: "study/a")
        let run = try plan("path: data/table.csv, parts: [a, ./data/../a], target: b").runs[0]
        #expect(run.files.map(\.path) == ["./data/../a", "a", "data/table.csv"])
        #expect(run.files.map(\.bytes) == [1, 1, 4])
        // printf '1,2\n' | sha256sum
        #expect(run.files[2].digest == "52186c933993da4082b3cdc7c40bb4bf735b391ff54a2ef78c037dda6c38a680")
        #expect(run.folder == folder.path + "/study")
        var record = RunRecord(run: run, study: "wells", title: "")
        record.host = ["cores": .int(2)]
        try record.write(folder: folder.path)
        let document = try StrictJSON.read(folder.path + "/run.json")
        #expect(try Installation.schema("run.schema.json").problems(in: document).map(\.description) == [])
        #expect(try RunRecord.read(folder: folder.path) == record)
    }

    @Test func sentences() throws {
        #expect(
            lines("target: b") == ["~/study.yaml:3:1: dataset: tables needs 'path', a file: The table."])
        #expect(
            lines("path: data/table.csv") == ["~/study.yaml:3:1: dataset: tables needs 'target', a text"])
        #expect(
            lines("path: data/tabel.csv, target: b") == [
                "~/study.yaml:3:33: dataset.path: 'data/tabel.csv' cannot be opened: No such file or directory; "
                    + "did you mean 'table.csv'? (looked for ~/data/tabel.csv)"
            ])
        #expect(
            lines("path: data, target: b") == [
                "~/study.yaml:3:33: dataset.path: 'data' is not a regular file (looked for ~/data)"
            ])
        #expect(
            lines("path: '', target: b") == ["~/study.yaml:3:33: dataset: path must be the path of a file, got ''"])
        #expect(
            lines("path: data/table.csv, parts: [data/table.csv, nowhere], target: b") == [
                "~/study.yaml:3:73: dataset.parts: 'nowhere' cannot be opened: No such file or directory "
                    + "(looked for ~/nowhere)"
            ])
        #expect(
            lines("path: data/table.csv, target: b", ["dataset.extra=gone"]) == [
                "override 'dataset.extra=gone': dataset.extra: 'gone' cannot be opened: No such file or directory "
                    + "(looked for ~/gone)"
            ])
        try write("", to: "study/data/images.gz")
        #expect(
            lines("path: data/images, target: b").first?.contains("; did you mean 'images.gz'? (looked for ") == true)
    }

    /// The bytes and the words of the study make the identity, not where the study lies.
    @Test func identityIsOfTheBytes() throws {
        let first = try plan().runs.map(\.identity)
        try write("1,2\n", to: "elsewhere/data/table.csv")
        #expect(try plan(in: "elsewhere").runs.map(\.identity) == first)
        try write("1,3\n", to: "elsewhere/data/table.csv")
        let changed = try plan(in: "elsewhere").runs.map(\.identity)
        #expect(Set(changed).isDisjoint(with: first))
        #expect(try plan().runs.map(\.identity) == first)
    }

    @Test func pathsCanBeSwept() throws {
        try write("4,5\n", to: "study/data/other.csv")
        let plan = try plan(
            "path: data/table.csv, target: b", ["dataset.path=[data/table.csv, data/other.csv]", "seeds=0"])
        #expect(plan.runs.count == 6)
        #expect(Set(plan.runs.map(\.identity)).count == 6)
        #expect(Set(plan.runs.map { $0.files.map(\.path) }) == [["data/table.csv"], ["data/other.csv"]])
    }

    /// A worker finds the files from its record, and refuses others.
    @Test func aFileThatChangesAfterPlanning() throws {
        let run = try plan().runs[0]
        let record = RunRecord(run: run, study: "wells", title: "")
        let again = try #require(try planner.runs(of: [(record, "run.json")]).first)
        #expect(again.identity == run.identity && again.files == run.files && again.folder == run.folder)
        try write("1,4\n", to: "study/data/table.csv")
        let error = #expect(throws: StudyError.self) { try planner.runs(of: [(record, "run.json")]) }
        #expect(
            error?.description
                == "data file 'data/table.csv' changed since the run was planned; start the study again")
    }
}
