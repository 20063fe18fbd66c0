import Manifests
import PluginTesting
import Studies
import Testing

/// Studies whose dataset is made of others, of what ships.
@Suite struct WrapperPlanTests {
    private static let text = """
        study: chain
        dataset: {plugin: label_noise, share: 0.3, of: {plugin: imbalanced, of: {plugin: digits, train_rows: 900}}}
        model: {plugin: mlp}
        loss: {plugin: cross_entropy}
        optimizer: {plugin: sgd, lr: 0.1}
        train: {steps: 7, batch_size: 5}
        probes:
          test: {plugin: performance, split: test, samples: 300}
        """

    private static func plan(_ text: String = text, _ overrides: [String] = []) throws -> StudyPlan {
        try StudyPlanner(registry: ShippedPlugins.registry).plan(
            try YAMLDocument.parse(text, file: "study.yaml"), overrides: overrides)
    }

    private static func lines(_ text: String, _ overrides: [String] = []) -> [String] {
        do {
            _ = try plan(text, overrides)
            return []
        } catch {
            return (error as? StudyError)?.lines ?? ["\(error)"]
        }
    }

    @Test func theChainIsRead() throws {
        let run = try #require(try Self.plan().runs.first)
        let outer = try #require(run.configuration.dataset)
        #expect(outer.component == "syzygy.dataset-wrappers/label_noise" && outer.options["share"] == .double(0.3))
        let middle = try #require(outer.of.first), inner = try #require(middle.of.first)
        #expect(middle.component == "syzygy.dataset-wrappers/imbalanced" && middle.options["ratio"] == .double(10))
        #expect(
            inner.component == "syzygy.digits/digits" && inner.options["train_rows"] == .int(900) && inner.of.isEmpty)
        #expect(
            run.plugins.map(\.id).filter { $0.hasPrefix("syzygy.d") } == ["syzygy.dataset-wrappers", "syzygy.digits"])
        #expect(run.origins["dataset.of.of.train_rows"]?.word == "file")
        #expect(run.origins["dataset.of.ratio"]?.word == "default")
        // The configuration is itself a study that means the same.
        #expect(
            run.configuration.json["dataset"]?["of"]?["of"]?.text(pretty: false)
                == #"{"plugin":"syzygy.digits/digits","train_rows":900,"test_rows":397,"shuffle":true,"standardize":true}"#
        )
    }

    /// Every option of the chain makes another run, the order of the keys does not.
    @Test func identity() throws {
        func identity(_ text: String, _ overrides: [String] = []) throws -> String {
            try #require(try Self.plan(text, overrides).runs.first).identity
        }
        let first = try identity(Self.text)
        let others = try ["dataset.share=0.2", "dataset.of.ratio=3", "dataset.of.of.train_rows=800"].map {
            try identity(Self.text, [$0])
        }
        #expect(Set(others + [first]).count == 4)
        let turned = Self.text.replacingOccurrences(
            of: "{plugin: imbalanced, of: {plugin: digits, train_rows: 900}}",
            with: "{of: {train_rows: 900, plugin: digits}, plugin: imbalanced, ratio: 1e1}")
        #expect(try turned != Self.text && identity(turned) == first)
    }

    @Test func sweepsAndOverridesReachInside() throws {
        let swept = try Self.plan(
            Self.text + "\nsweep: {dataset.of.ratio: [2, 5], dataset.of.of.train_rows: [700, 800]}\n")
        #expect(
            swept.runs.map(\.label).prefix(2) == ["ratio=2 train_rows=700 seed=0", "ratio=2 train_rows=800 seed=0"])
        let added = try Self.plan(
            Self.text.replacingOccurrences(
                of: ", share: 0.3, of: {plugin: imbalanced, of: {plugin: digits, train_rows: 900}}", with: ""),
            ["dataset.of.plugin=digits", "dataset.of.train_rows=[800, 900]"])
        #expect(
            added.runs.count == 2 && added.runs[1].configuration.dataset?.of[0].options["train_rows"] == .int(900))
    }

    @Test(arguments: [
        (
            ", of: {plugin: digits, train_rows: 900}", "",
            "study.yaml:2:44: dataset.of: imbalanced is made of another dataset; expected one, such as of: {plugin: digits}"
        ),
        (
            "{plugin: digits, train_rows: 900}", "digits",
            "study.yaml:2:73: dataset.of: imbalanced is made of another dataset; expected one, such as of: {plugin: digits}"
        ),
        (
            "{plugin: digits, train_rows: 900}", "{plugin: digits, of: {plugin: digits}}",
            "study.yaml:2:90: unknown key 'of' in dataset.of.of (digits has: train_rows, test_rows, shuffle, standardize)"
        ),
        (
            "train_rows: 900", "train_row: 900",
            "study.yaml:2:90: unknown key 'train_row' in dataset.of.of; did you mean 'train_rows'? "
                + "(digits has: train_rows, test_rows, shuffle, standardize)"
        ),
        (
            "{plugin: digits, train_rows: 900}", "{plugin: mlp}",
            "study.yaml:2:82: dataset.of.of.plugin: 'mlp' is a model, not a dataset"
        ),
        (
            "samples: 300", "samples: 398",
            "study.yaml:8:53: probes.test.samples: 398 is more than the 397 rows of the split 'test'; "
                + "without 'samples' all are taken"
        ),
        (
            "split: test", "split: ood",
            "study.yaml:8:38: probes.test.split: the dataset has no split 'ood' (it has: train, test)"
        ),
    ])
    func mistakes(find: String, replace: String, message: String) {
        var text = Self.text
        // The rows of a split of one that keeps them all are known before anything is computed.
        if find.hasPrefix("samples") {
            text = text.replacingOccurrences(
                of: "{plugin: imbalanced, of: {plugin: digits, train_rows: 900}}", with: "{plugin: digits}")
        }
        let changed = text.replacingOccurrences(of: find, with: replace)
        #expect(changed != text && Self.lines(changed) == [message], "\(Self.lines(changed))")
    }

    @Test func fieldsAndSplitsMustBeThere() {
        let text = Self.text.replacingOccurrences(
            of: "of: {plugin: digits, train_rows: 900}",
            with: "of: {plugin: held_out_classes, of: {plugin: digits}}")
        #expect(Self.lines(text) == [])
        let split = text.replacingOccurrences(of: "split: test", with: "split: ood")
        #expect(
            Self.lines(split) == [
                "study.yaml:8:38: probes.test.split: the dataset has no split 'ood' (it has: train, test)"
            ])
    }
}
