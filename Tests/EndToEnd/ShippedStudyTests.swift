import Foundation
import Testing

/// The studies of plugins and manual, exactly as they stand there.
@Suite struct ShippedStudyTests {
    private static let files: [String] = {
        let plugins =
            FileManager.default.enumerator(atPath: Tool.root + "/Plugins")?.compactMap { $0 as? String } ?? []
        return plugins.filter { $0.contains("/studies/") && $0.hasSuffix(".yaml") }.sorted()
    }()

    @Test(arguments: files) func everyStudyIsPlanned(file: String) throws {
        let scratch = try Scratch()
        let plan = try Tool.run(["plan", "\(Tool.root)/Plugins/\(file)"], in: scratch)
        #expect(plan.status == 0, "\(plan.errors)")
    }

    @Test func theyAreFound() { #expect(Self.files.count >= 9) }

    /// The YAML of docs/study.md: the first block is a whole study, the others are parts of one.
    @Test func theStudyOfTheManualIsPlanned() throws {
        let scratch = try Scratch()
        let text = try String(contentsOfFile: Tool.root + "/docs/study.md", encoding: .utf8)
        let blocks = text.components(separatedBy: "```yaml\n").dropFirst().compactMap {
            $0.components(separatedBy: "```").first
        }
        try #require(blocks.count == 9)
        let rest = """
            study: part
            dataset: {plugin: digits}
            model: {plugin: mlp}
            loss: {plugin: cross_entropy}
            train: {steps: 7}

            """
        for (i, block) in blocks.enumerated() {
            let hasOptimizer = block.contains("optimizer: {plugin: sgd")
            let study = i == 0 ? block : rest + (hasOptimizer ? "" : "optimizer: {plugin: sgd}\n") + block
            try scratch.write(study, to: "\(i).yaml")
            let plan = try Tool.run(["plan", "\(i).yaml"], in: scratch)
            #expect(plan.status == 0, "\(plan.errors)")
        }
    }

    /// Closed forms of linear networks, and a product that a network learns.
    @Test(arguments: [
        ("Alignment", "linear-balance"), ("FeatureAnsatz", "three-layers"), ("FeatureAnsatz", "product"),
    ])
    func claimsHold(plugin: String, study: String) throws {
        let scratch = try Scratch()
        let file = "\(Tool.root)/Plugins/\(plugin)/studies/\(study).yaml"
        let run = try Tool.run(["run", file, "--check", "--out", "out"], in: scratch)
        #expect(run.status == 0 && run.output.contains("ok  "), "\(run.output)\(run.errors)")
    }

    /// Schedules, groups and parametrizations together: weight decay of factors thresholds their product.
    @Test func softThresholding() throws {
        let scratch = try Scratch()
        let study = Tool.root + "/Plugins/Reparametrization/studies/soft-threshold.yaml"
        let run = try Tool.run(["run", study, "--check", "--out", "out"], in: scratch)
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        #expect(run.output.components(separatedBy: "\nok  ").count == 5, "\(run.output)")
        // Decay of the product itself shrinks it and never ends it.
        let plain = try String(contentsOfFile: study, encoding: .utf8)
            .replacingOccurrences(
                of: "parametrizations:\n  product: {plugin: spred, parameters: \"*.weight\"}\n", with: ""
            )
            .replacingOccurrences(of: "\"*.weight.?\"", with: "\"*.weight\"")
        try scratch.write(plain, to: "plain.yaml")
        let fails = try Tool.run(["run", "plain.yaml", "--check", "--out", "plain"], in: scratch)
        #expect(
            fails.status == 1 && fails.output.contains("FAIL  A decay of 2 leaves nothing of it"), "\(fails.output)")
    }
}
