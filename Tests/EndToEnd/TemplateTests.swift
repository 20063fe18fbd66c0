import Foundation
import Manifests
import PluginHost
import PluginTesting
import Testing

/// `syzygy plugin new`: every kind in every language, as an author would go on: the README's build line, check, the examples,
/// the study.
@Suite struct TemplateTests {
    static let kinds = Component.Kind.allCases.map(\.rawValue)

    @Test(arguments: kinds) func c(kind: String) throws { try follow(kind, "c") }

    @Test(arguments: kinds) func swift(kind: String) throws { try follow(kind, "swift") }

    @Test(.enabled(if: has("rustc"), "needs rustc (Debian package rustc, 270 MB)"), arguments: kinds)
    func rust(kind: String) throws { try follow(kind, "rust") }

    @Test(.enabled(if: has("gfortran"), "needs gfortran (Debian package gfortran, 40 MB)"), arguments: kinds)
    func fortran(kind: String) throws { try follow(kind, "fortran") }

    private static func has(_ compiler: String) -> Bool {
        guard let scratch = try? Scratch() else { return false }
        return (try? Tool.run([compiler, "--version"], with: URL(fileURLWithPath: "/usr/bin/env"), in: scratch))?
            .status == 0
    }

    private func follow(_ kind: String, _ language: String) throws {
        // A second word, so that names and ids differ.
        let name = "my_\(kind)", scratch = try Scratch()
        let new = try Tool.run(["plugin", "new", name, "--kind", kind, "--lang", language], in: scratch)
        try #require(new.status == 0, "\(new.errors)")
        for file in try scratch.names(name) {
            #expect(!(try scratch.read("\(name)/\(file)")).contains("newname"), "\(file)")
        }
        // The commands of the README.
        let readme = try scratch.read("\(name)/README.md")
        let commands = readme.split(separator: "\n").filter { $0.hasPrefix("    ") }.map { $0.dropFirst(4) }
        try #require(commands.count == 3 && !readme.contains("@"), "\(readme)")
        let script = """
            set -eu
            PATH=$PATH:\(Tool.executable.deletingLastPathComponent().path)
            cd \(name)
            \(commands.joined(separator: "\n"))
            """
        let result = try Tool.run(["-c", script], with: URL(fileURLWithPath: "/bin/sh"), in: scratch)
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        #expect(!result.errors.contains("warning"), "\(result.errors)")
        #expect(result.output.contains("ok  "), "\(result.output)")
        #expect(
            result.output.contains("agree with the debug information") == (language != "swift"), "\(result.output)")
        // The worked examples of the manifest.
        let registry = Registry(paths: [scratch.path] + Registry.searchPath())
        let (count, failures) = try exampleFailures(
            ofPlugin: "org.example.\(name.replacing("_", with: "-"))", registry: registry)
        #expect(count > 0 && failures.isEmpty, "\(failures.joined(separator: "\n"))")
    }

    /// A type that disagrees with the manifest does not compile, in C and in Swift.
    @Test(arguments: ["c", "swift"]) func theCompilerRefusesAnotherType(language: String) throws {
        let scratch = try Scratch()
        let new = try Tool.run(["plugin", "new", "ratio", "--kind", "probe", "--lang", language], in: scratch)
        try #require(new.status == 0, "\(new.errors)")
        let manifest = try scratch.read("ratio/plugin.json")
        try scratch.write(
            manifest.replacingOccurrences(of: "\"type\": \"i64\"", with: "\"type\": \"i32\""), to: "ratio/plugin.json"
        )
        let build = try #require(
            try scratch.read("ratio/README.md").split(separator: "\n").first { $0.hasPrefix("    ") })
        func compile() throws -> Tool.Result {
            try Tool.run(["-c", "cd ratio; \(build)"], with: URL(fileURLWithPath: "/bin/sh"), in: scratch)
        }
        #expect(try compile().status == 0)
        let check = try Tool.run(["plugin", "check", "ratio"], in: scratch)
        #expect(
            check.status == 64
                && check.errors.contains(
                    "ratio/ratio.h: made before plugin.json changed; make it again: syzygy plugin header ratio --output ratio/ratio.h"
                ), "\(check.errors)")
        let header = try Tool.run(["plugin", "header", "ratio", "--output", "ratio/ratio.h"], in: scratch)
        #expect(header.status == 0 && header.output.isEmpty, "\(header.errors)")
        #expect(try scratch.read("ratio/ratio.h").contains("int32_t n,"))
        let refused = try compile()
        #expect(refused.status != 0)
        let sentence = language == "c" ? "conflicting types for ‘ratio’" : "does not match type"
        #expect(
            refused.errors.contains(sentence) || refused.errors.contains("conflicting types for 'ratio'"),
            "\(refused.errors)")
    }

    @Test(arguments: [
        (
            ["Sparsity"],
            "'Sparsity' cannot be a plugin's name: lower-case letters, digits and '_', beginning with a letter; 'sparsity' would do"
        ),
        (
            ["my-probe"],
            "'my-probe' cannot be a plugin's name: lower-case letters, digits and '_', beginning with a letter; 'my_probe' would do"
        ),
        (["read"], "'read' is a function of the system's libraries; choose another name"),
        (["float"], "'float' is a word of the language; choose another name"),
        ([String(repeating: "a", count: 31)], "is too long for a plugin's name: 31 letters, at most 30"),
        (["good", "--kind", "prob"], "unknown kind 'prob'; did you mean 'probe'?"),
        (
            ["good", "--lang", "rst"],
            "unknown language 'rst'; did you mean 'rust'? (allowed: c, swift, rust, fortran)"
        ),
        (
            ["good", "--dir", "full"],
            "the folder 'full' holds notes.txt; nothing is overwritten: choose another with --dir"
        ),
        (["good", "--dir", "full/notes.txt"], "'full/notes.txt' is a file; choose a folder with --dir"),
    ]) func refusals(arguments: [String], sentence: String) throws {
        let scratch = try Scratch()
        try scratch.write("mine", to: "full/notes.txt")
        let kind = arguments.contains("--kind") ? [] : ["--kind", "probe"]
        let result = try Tool.run(["plugin", "new"] + arguments + kind, in: scratch)
        #expect(result.status == 64 && result.output.isEmpty)
        #expect(result.errors.contains(sentence), "\(result.errors)")
        #expect(try scratch.names("full") == ["notes.txt"])
        #expect(try scratch.read("full/notes.txt") == "mine")
    }
}
