import Foundation
import Testing

/// The README's probe in ten lines of C, exactly as printed there, outside the repository.
@Suite struct ReadmeTests {
    private func block(_ language: String) throws -> String {
        let readme = try String(contentsOfFile: Tool.root + "/README.md", encoding: .utf8)
        let parts = readme.components(separatedBy: "```\(language)\n")
        return try #require(parts.count > 1 ? parts[1].components(separatedBy: "```").first : nil)
    }

    @Test func theProbeOfTheReadmeIsMeasured() throws {
        let scratch = try Scratch()
        try scratch.compile(try block("c"), to: "mine/sparsity", name: "sparsity")
        try scratch.write(try block("json"), to: "mine/sparsity/plugin.json")
        let check = try Tool.run(["plugin", "check", "mine/sparsity"], in: scratch)
        #expect(check.status == 0, "\(check.errors)")
        #expect(check.output.contains("probe sparsity"))
        let run = try Tool.run(
            [
                "run", Tool.root + "/Plugins/Alignment/studies/crh-digits.yaml", "--plugin-path", "mine",
                "probes.sparse.plugin=sparsity", "train.steps=20", "seeds=7", "model.activation=relu",
                "regularizers.l2.weight_decay=0.001", "--out", "out",
            ], in: scratch)
        #expect(run.status == 0, "\(run.errors)")
        let name = try #require(try scratch.names("out/runs").first)
        let rows = try scratch.read("out/runs/\(name)/observations.csv").split(separator: "\n").filter { $0.contains(",sparse,fraction,") }
        // fc1, fc2 and head at the last step.
        #expect(rows.count == 3)
        let values = rows.compactMap { Double($0.split(separator: ",", omittingEmptySubsequences: false)[5]) }
        #expect(values.count == rows.count && values.allSatisfy { $0 >= 0 && $0 <= 1 })
        // Half the inputs of relu's successors are zero; the standardized digits have constant pixels.
        #expect(values.contains { $0 > 0.2 })
    }
}
