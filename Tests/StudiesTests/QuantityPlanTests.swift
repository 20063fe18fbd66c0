import Foundation
import Manifests
import PluginHost
import Studies
import Testing

/// Quantities of plugins in studies: those that probes ask for, and those that are recorded.
@Suite struct QuantityPlanTests {
    /// A plugin with a quantity, and one whose probes ask for it, for one that is nowhere, and for one that is not per run.
    private static let plugins = [
        "Norms": """
        {"manifest": 1, "id": "test.norms", "version": "0.3.0", "name": "Norms", "summary": "For a test.",
         "license": "CC0-1.0", "library": "Norms", "components": [
          {"kind": "quantity", "id": "norms", "params": [{"id": "p", "type": "float", "default": 2, "min": 1}],
           "outputs": [{"id": "value", "dtype": "f64", "shape": ["n"]}], "dims": {"n": {"of": "x", "axis": 0}},
           "call": {"symbol": "norms", "returns": "void", "args": [
             {"name": "x", "type": "f64*", "from": "quantity", "form": "samples"},
             {"name": "p", "type": "f64", "from": "param"},
             {"name": "value", "type": "f64*", "from": "output"}]},
           "examples": [{"name": "one", "given": {"x": {"shape": [1, 2], "data": [3, 4]}},
             "expect": {"value": {"shape": [1], "data": [5]}}}]}]}
        """,
        "Readers": """
        {"manifest": 1, "id": "test.readers", "version": "0.4.0", "name": "Readers", "summary": "For a test.",
         "license": "CC0-1.0", "library": "Readers", "components": [
          \(probe("mean_norm", "layer", "test.norms/norms(layer.output, p=1)")),
          \(probe("orphan", "layer", "test.norm/norms(layer.output)")),
          \(probe("wrong", "layer", "test.norms/norms(wwt(layer.weight))")),
          \(probe("of_run", "run", "test.norms/norms(model.output)"))]}
        """,
    ]

    private static func probe(_ id: String, _ scope: String, _ quantity: String) -> String {
        """
        {"kind": "probe", "id": "\(id)", "per": "\(scope)", "outputs": [{"id": "y", "dtype": "f64", "shape": []}],
         "call": {"symbol": "mean", "returns": {"type": "f64", "output": "y"}, "args": [
           {"name": "x", "type": "f64*", "from": "quantity", "quantity": "\(quantity)"},
           {"name": "n", "type": "i64", "from": "count", "of": "x"}]},
         "examples": [{"name": "one", "given": {"x": {"shape": [2], "data": [1, 3]}}, "expect": {"y": 2}}]}
        """
    }

    private static func plan(_ overrides: [String], library: String = "no code") throws -> StudyPlan {
        let folder = try TemporaryFolder()
        _ = try Fixtures.registry(folder)
        for (name, manifest) in plugins {
            let path = "\(folder.path)/\(name)"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            try Data(manifest.utf8).write(to: URL(fileURLWithPath: path + "/plugin.json"))
            try Data((name == "Norms" ? library : "no code").utf8).write(
                to: URL(fileURLWithPath: path + "/lib\(name).so"))
        }
        let planner = StudyPlanner(
            registry: Registry(paths: [folder.path]), schema: try Installation.schema("study.schema.json"))
        return try withExtendedLifetime(folder) {
            try planner.plan(try YAMLDocument.parse(Fixtures.study, file: "study.yaml"), overrides: overrides)
        }
    }

    private static func lines(_ overrides: [String]) -> [String] {
        do {
            _ = try plan(overrides)
            return []
        } catch {
            return "\(error)".split(separator: "\n").map(String.init)
        }
    }

    /// The plugin of a quantity is one that the run uses: its bytes decide what the run computes.
    @Test(arguments: [
        ["probes.norm.plugin=mean_norm"], ["probes.norm.plugin=of_run"],
        [#"record.quantities=["test.norms/norms(layer.input, p=3)"]"#],
    ])
    func itsPluginIsPartOfTheRun(overrides: [String]) throws {
        let run = try #require(try Self.plan(overrides).runs.first)
        #expect(run.plugins.map(\.id).contains("test.norms"))
        #expect(try #require(try Self.plan([]).runs.first).plugins.map(\.id).contains("test.norms") == false)
        let other = try #require(try Self.plan(overrides, library: "other code").runs.first)
        #expect(run.identity != other.identity)
    }

    @Test func recordedInOneForm() throws {
        let run = try #require(
            try Self.plan([#"record.quantities=["test.norms/norms( layer.input,p=3 )", "labels"]"#]).runs.first)
        #expect(run.configuration.record?.quantities == ["test.norms/norms(layer.input, p=3)", "labels"])
    }

    @Test(arguments: [
        (
            "probes.norm.plugin=orphan",
            "probes.norm: orphan needs 'test.norm/norms(layer.output)': no plugin has a quantity 'test.norm/norms' (allowed: norms)"
        ),
        (
            "probes.norm.plugin=wrong",
            "probes.norm: wrong needs 'test.norms/norms(wwt(layer.weight))': test.norms/norms takes rows of samples as 'x', got 'wwt(layer.weight)', which is a symmetric matrix"
        ),
        (
            #"record.quantities=["test.norms/norms(layer.input, p=0.5)"]"#,
            "record.quantities: test.norms/norms: p must be >= 1, got 0.5"
        ),
        (
            #"record.quantities=["test.norms/norms(first.input)"]"#,
            "record.quantities: 'test.norms/norms(first.input)' is of pairs; arrays are of single layers"
        ),
        (
            #"record.quantities=["test.readers/of_run(layer.input)"]"#,
            "record.quantities: 'test.readers/of_run' is a probe, not a quantity"
        ),
    ])
    func mistakes(_ change: String, _ sentence: String) {
        let lines = Self.lines([change])
        #expect(lines.contains { $0.hasSuffix(sentence) }, "\(lines)")
    }
}
