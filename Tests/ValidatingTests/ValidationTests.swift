import Foundation
import Manifests
import PluginHost
import PluginTesting
import Testing
import Validating

@Suite struct ValidationTests {
    static func probe(_ body: String, head: String = "") -> (manifest: String, source: String) {
        let manifest = """
            {"manifest": 1, "id": "org.example.case", "version": "1.0.0", "name": "Case", "summary": "For a test.",
             "license": "MIT", "library": "Case", "components": [{
              "kind": "probe", "id": "case", "per": "parameter", "outputs": [{"id": "y", "dtype": "f64", "shape": []}],
              "call": {"symbol": "measure", "returns": {"type": "f64", "output": "y"}, "args": [
                {"name": "x", "type": "f64*", "from": "quantity", "quantity": "parameter.value"},
                {"name": "n", "type": "i64", "from": "count", "of": "x"}]},
              "examples": [{"name": "three", "given": {"x": {"shape": [3], "data": [1, 2, 4]}}, "expect": {"y": 7}}]}]}
            """
        let source = """
            #include <stdint.h>
            #include <stdlib.h>
            \(head)
            double measure(double *x, int64_t n) {
                double sum = 0;
                for (int64_t i = 0; i < n; i++) sum += x[i];
                \(body)
                return sum;
            }
            """
        return (manifest, source)
    }

    private func plugin(_ body: String, head: String = "") throws -> TrialPlugin {
        let (manifest, source) = Self.probe(body, head: head)
        return try TrialPlugin(manifest: manifest, source: source)
    }

    // MARK: How a process can end

    static let ends: [(body: String, test: String, sentence: String)] = [
        ("while (sum == 0) n++;", "C7", "did not return within 2.0 s, with zeros"),
        ("if (sum == 0) abort();", "C7", "crashed (SIGABRT), with zeros"),
        ("if (sum == 0) exit(0);", "C7", "ended the process with exit status 0, with zeros"),
        (
            "if (sum == 0) ((volatile double *)malloc(1ull << 46))[1ull << 36] = 1;", "C7",
            "crashed (SIGSEGV), with zeros"
        ),
        ("x[n] = sum;", "C2", "wrote at byte 24 of 'x', which has 24 bytes"),
        (
            "sum += 0 * x[-1];", "C2",
            "read 8 bytes before the begin of 'x', which has 4096 bytes (SIGSEGV), "
                + "with random numbers, 48 rows, 16 inputs, 32 outputs, 8 classes"
        ),
        (
            "x[1] = 0;", "C3",
            "wrote to 'x', which has 24 bytes and is not declared writable (SIGSEGV), with example 'three'"
        ),
    ]

    @Test(arguments: ends.indices) func anEndIsSaidInWords(index: Int) throws {
        let (body, test, sentence) = Self.ends[index]
        if sentence.contains("24 of") {
            // Bytes up to the next multiple of 64 can be written: the canaries there tell.
            let results = try plugin(body).validate(only: [test])
            #expect(results.sentences(.error).first == "C2 case: wrote behind the end of 'x', with example 'three'")
            return
        }
        let results = try plugin(body).validate(only: [test], timeLimit: 2)
        #expect(results.sentences(.error) == ["\(test) case: \(sentence)"])
        #expect(results.first?.outcome == .failed)
    }

    @Test func aStackOverflowIsACrash() throws {
        let head =
            "static double deep(int64_t n) { volatile double a[512]; a[n % 512] = n; return n < 0 ? 0 : a[n % 512] + deep(n + 1); }"
        let results = try plugin("if (sum == 0) sum = deep(1);", head: head).validate(only: ["C7"])
        #expect(results.sentences(.error) == ["C7 case: crashed (SIGSEGV), with zeros"])
    }

    @Test func aGoodPluginPasses() throws {
        let results = try plugin("").validate(.deep)
        #expect(results.sentences(.error, .warning) == [])
        #expect(results.hasPassed)
        #expect(results.contains { $0.test.id == "R3" && $0.findings.count == 1 })
    }

    @Test func quickIsAPartOfStandard() throws {
        let plugin = try plugin("")
        let quick = plugin.validate(.quick).map(\.test.id), standard = plugin.validate().map(\.test.id)
        #expect(Set(quick).isStrictSubset(of: Set(standard)))
        #expect(quick.contains("C2") && !quick.contains("C7"))
    }

    @Test func whatCannotBeOpenedIsNotTried() throws {
        let plugin = try plugin("")
        try Data("no library".utf8).write(to: URL(fileURLWithPath: plugin.folder + "/libCase.so"))
        let results = plugin.validate()
        #expect(results.ids(.error) == ["L1"])
        #expect(results.filter { $0.outcome == .skipped }.count > 10)
        #expect(!results.hasPassed)
    }

    /// The reader of library files meets what it is not written for.
    @Test func damagedLibrariesAreRead() throws {
        let plugin = try plugin("")
        let library = URL(fileURLWithPath: plugin.folder + "/libCase.so")
        let bytes = [UInt8](try Data(contentsOf: library))
        var random = SplitMix(seed: 5)
        var damaged = [0, 63, 64, 300, bytes.count / 2, bytes.count - 1].map { Array(bytes.prefix($0)) }
        for _ in 0..<12 {
            var copy = bytes
            // Headers, and whatever they lead to.
            for _ in 0..<8 {
                copy[Int.random(in: 0..<600, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            damaged.append(copy)
        }
        for copy in damaged {
            try Data(copy).write(to: library)
            let sentences = plugin.validate(only: ["S2", "S3", "S4"], timeLimit: 20).sentences(.error)
            #expect(sentences.filter { $0.contains("crashed") || $0.contains("return within") } == [])
        }
    }

    /// The command of a result finds the same again, and a seed gives the same numbers.
    @Test func aSeedRepeats() throws {
        let plugin = try TrialPlugin(bad: "P1")
        let first = plugin.validate(only: ["P1"], seed: 77), again = plugin.validate(only: ["P1"], seed: 77)
        #expect(first.sentences(.error) == again.sentences(.error))
        #expect(first.sentences(.error) != plugin.validate(only: ["P1"], seed: 78).sentences(.error))
        #expect(
            first[0].command == [
                "plugin", "validate", plugin.folder, "--level", "standard", "--only", "P1", "--seed", "77",
                "--component", "case",
            ])
        // The failing case has become simple: at most one number is not 0.
        let sentence = try #require(first.sentences(.error).first)
        #expect(sentence.contains("x [6] = ["), "\(sentence)")
    }

    /// What Valgrind says, without addresses.
    @Test(arguments: [
        ("R2", "R2 case: invalid read of size 8 in 'measure': 0 bytes after a block of size 24 alloc'd"),
        (
            "T2",
            "T2 case: possible data race during read of size 8 in 'apply': this conflicts with a previous write of size 8"
        ),
    ]) func watchedAccessesAreNamed(id: String, sentence: String) throws {
        let results = try TrialPlugin(bad: id).validate(only: [id])
        let sentences = results.sentences(.error)
        #expect(sentences.contains { $0.hasPrefix(sentence) }, "\(sentences)")
        #expect(sentences.allSatisfy { !$0.contains("0x") })
    }

    /// A sum that cancels is nothing but rounding errors, which are another order's other ones.
    @Test(arguments: [("", true), ("sum += 1e-9 * x[0];", false)])
    func whatCancelsHasNoRelativeTolerance(fault: String, passes: Bool) throws {
        let (manifest, source) = Self.probe(
            "double mean = sum / n; sum = 0; for (int64_t i = 0; i < n; i++) sum += x[i] - mean; \(fault)")
        let plugin = try TrialPlugin(
            manifest: manifest.replacing(
                "\"examples\"",
                with: "\"properties\": [{\"kind\": \"sample_permutation_invariant\", \"of\": [\"x\"]}], \"examples\""
            ).replacing("{\"y\": 7}", with: "{\"y\": 0}, \"atol\": 1e-8"),
            source: source)
        let results = plugin.validate(only: ["C1", "P1"])
        #expect(results.ids(.error) == (passes ? [] : ["P1"]), "\(results.sentences(.error))")
    }

    @Test func textNamesThePlaceAndTheCommand() throws {
        let plugin = try TrialPlugin(bad: "C2")
        let results = plugin.validate(only: ["C2"])
        let text = ValidationText(folder: plugin.folder)
        let lines = text.lines(try #require(results.first)).split(separator: "\n").map(String.init)
        #expect(lines[0] == "C2  FAILED case: nothing before or behind an array is touched")
        #expect(lines[1].hasPrefix("    error: read at byte"))
        #expect(lines[2].hasPrefix("        at \(plugin.folder)/plugin.json:"))
        #expect(lines[2].hasSuffix(", components[0].call.args[0]"))
        #expect(
            lines.last
                == "    again: syzygy plugin validate \(plugin.folder) --level standard --only C2 --seed 1 --component case"
        )
        let json = text.json(results, level: .standard, seed: 1)
        #expect(json["passed"]?.bool == false)
        #expect(json["tests"]?[0]?["findings"]?[0]?["severity"]?.string == "error")
        #expect((json["tests"]?[0]?["findings"]?[0]?["line"]?.int ?? 0) > 1)
    }
}

@Suite struct ValidateCommandTests {
    /// A name that means nothing must not look like a success.
    @Test(
        arguments: [
            (["--only", "Z9"], "no test 'Z9'"), (["--component", "cise"], "has no component 'cise'"),
            (["--only", "P2"], "P2 applies to no component here"), (["--level", "thorough"], "'thorough'"),
        ])
    func wrongUsageIsSaid(arguments: [String], sentence: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: TrialPlugin.executable)
        process.arguments = ["plugin", "validate", TrialPlugin.badPlugins + "/C1"] + arguments
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 64)
        #expect(text.contains(sentence), "\(text)")
    }
}

@Suite struct ToolTests {
    /// A machine without Valgrind can validate all the same, and says what it left out.
    @Test func whatIsNotInstalledIsSaid() throws {
        let plugin = try TrialPlugin(bad: "R2")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: TrialPlugin.executable)
        process.arguments = ["plugin", "validate", plugin.folder, "--only", "R2", "--json"]
        process.environment = ProcessInfo.processInfo.environment.merging(["PATH": "/nowhere"]) { $1 }
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let test = try #require(StrictJSON.parse(text, file: "output").root["tests"]?[0])
        #expect(test["outcome"]?.string == "skipped")
        #expect(
            test["findings"]?[0]?["sentence"]?.string
                == "not checked: valgrind is not installed (Debian: apt-get install valgrind)")
    }
}

@Suite struct ReceiptTests {
    private func digests(library: String = "a") -> PluginDigests {
        PluginDigests(
            id: "org.example.case", version: "1.2.3", manifestDigest: "m", libraryDigest: library,
            fileDigests: ["table.bin": "f"])
    }

    private func receipt(_ digests: PluginDigests, level: String = "standard", hasPassed: Bool = true) -> Receipt {
        Receipt(
            digests: digests, level: level, seed: .max, hasPassed: hasPassed, counts: ["passed": 7, "failed": 0],
            findings: [.object(["sentence": .string("a note")])], host: ["cpu": .string("x")])
    }

    @Test func isFoundAgainUnlessAByteHasChanged() throws {
        let path = FileManager.default.temporaryDirectory.path + "/syzygy-receipts-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let folder = ReceiptFolder(path: path)
        #expect(folder.receipt(for: digests()) == nil)
        let file = try folder.write(receipt(digests()))
        let found = try #require(folder.receipt(for: digests()))
        #expect(found.digests == digests())
        #expect(found.level == "standard" && found.seed == .max && found.hasPassed)
        #expect(found.counts == ["passed": 7, "failed": 0])
        #expect(found.findings == [.object(["sentence": .string("a note")])])
        #expect(folder.receipt(for: digests(library: "b")) == nil)
        // A receipt that was moved to the place of another one speaks of other bytes.
        try FileManager.default.moveItem(atPath: file, toPath: folder.file(for: digests(library: "b")))
        #expect(folder.receipt(for: digests(library: "b")) == nil)
    }

    @Test func levelsCoverLowerOnes() {
        #expect(receipt(digests()).covers(level: "quick"))
        #expect(receipt(digests()).covers(level: "standard"))
        #expect(!receipt(digests()).covers(level: "deep"))
        #expect(!receipt(digests(), hasPassed: false).covers(level: "quick"))
        #expect(!receipt(digests()).covers(level: "thorough"))
    }

    /// What a run lets into its own process.
    @Test func aReceiptDecidesWhereAPluginRuns() throws {
        let (manifest, source) = ValidationTests.probe("")
        let plugin = try TrialPlugin(manifest: manifest, source: source)
        let found = try #require(Registry(paths: [plugin.folder]).manifests.first)
        var isolation = Isolation(mode: .auto)
        isolation.receipts = ReceiptFolder(path: plugin.folder + "/receipts")
        #expect(isolation.isolates(found, .probe))
        let digests = try ComponentLoader.digests(of: found)
        _ = try isolation.receipts.write(receipt(digests, level: "quick"))
        #expect(isolation.isolates(found, .probe))
        _ = try isolation.receipts.write(receipt(digests))
        #expect(!isolation.isolates(found, .probe))
        isolation.mode = .all
        #expect(isolation.isolates(found, .probe))
        isolation.mode = .auto
        try (manifest + "\n").write(toFile: plugin.folder + "/plugin.json", atomically: true, encoding: .utf8)
        #expect(isolation.isolates(found, .probe), "another byte")
        let shipped = try #require(ShippedPlugins.registry.manifests.first)
        #expect(!isolation.isolates(shipped, .probe))
    }

    /// By the command, with the files of a plugin.
    @Test func theCommandWritesOneThatAChangedLibraryVoids() throws {
        let plugin = try TrialPlugin(bad: "S3")
        let state = plugin.folder + "/state"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: TrialPlugin.executable)
        process.arguments = ["plugin", "validate", plugin.folder, "--level", "quick", "--json"]
        process.environment = ProcessInfo.processInfo.environment.merging(["XDG_STATE_HOME": state]) { $1 }
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 1)
        #expect(try StrictJSON.parse(text, file: "output").root["counts"]?["failed"]?.int == 1)

        let folder = ReceiptFolder(path: state + "/syzygy/receipts")
        let manifest = try Manifest.load(folder: plugin.folder)
        let receipt = try #require(folder.receipt(of: manifest))
        #expect(!receipt.hasPassed && receipt.level == "quick" && !receipt.covers(level: "quick"))
        #expect(receipt.findings.contains { $0["test"]?.string == "S3" })
        #expect(receipt.host["cpu"] != nil)
        let library = URL(fileURLWithPath: plugin.folder + "/libCase.so")
        try (Data(contentsOf: library) + [0]).write(to: library)
        #expect(folder.receipt(of: manifest) == nil)
    }
}
