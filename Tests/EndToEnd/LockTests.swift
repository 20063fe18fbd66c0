import Foundation
import LinearAlgebra
import Manifests
import Testing

/// `syzygy.lock.json`, and what the commands say about plugins that are not what they should be.
@Suite struct LockTests {
    private static let manifest = """
        {"manifest": 1, "id": "org.example.half", "version": "0.1.0", "name": "Half", "summary": "For a test.",
         "license": "Apache-2.0", "library": "half", "components": [
         {"kind": "probe", "id": "half", "per": "layer", "outputs": [{"id": "v", "dtype": "f64", "shape": []}],
          "call": {"symbol": "half", "returns": "void", "args": [
            {"name": "b", "type": "u8*", "from": "file", "file": "b.bin"}, {"name": "v", "type": "f64*", "from": "output"}]},
          "examples": [{"name": "e", "given": {}, "expect": {"v": 0.5}}]}]}
        """

    private static let study = """
        study: locked
        dataset: {plugin: digits, train_rows: 100, test_rows: 50}
        model: {plugin: mlp, widths: [7]}
        loss: {plugin: cross_entropy}
        optimizer: {plugin: sgd, lr: 0.05}
        train: {steps: 3, batch_size: 16}
        probes:
          h: {plugin: half, at: last}
          n: {plugin: l2_norm, at: last}
        """

    /// A study in a folder of its own, with a plugin of a stranger and one without a library of its own.
    private func scratch(_ value: String = "0.5") throws -> Scratch {
        let scratch = try Scratch()
        try scratch.write(Self.manifest, to: "mine/half/plugin.json")
        try scratch.write("A", to: "mine/half/b.bin")
        try scratch.compile(
            "void half(const char *b, double *v) { *v = b[0] ? \(value) : 0; }", to: "mine/half", name: "half")
        try scratch.write(Self.study, to: "studies/s.yaml")
        return scratch
    }

    private func tool(_ words: [String], _ scratch: Scratch) throws -> Tool.Result {
        try Tool.run(words + ["--plugin-path", "mine"], in: scratch)
    }

    private func run(_ scratch: Scratch, _ words: [String] = ["--locked"]) throws -> Tool.Result {
        try tool(["run", "studies/s.yaml", "--out", "out", "--fresh"] + words, scratch)
    }

    private func lock(_ scratch: Scratch) throws -> JSON {
        try StrictJSON.read(scratch.path + "/studies/syzygy.lock.json").root
    }

    private func plugin(_ id: String, _ lock: JSON) throws -> JSON {
        try #require(lock["plugins"]?.array?.first { $0["id"]?.string == id })
    }

    @Test func aLockedStudyRunsAndItsRecordHasTheLockedBytes() throws {
        let scratch = try scratch()
        let written = try tool(["lock", "studies/s.yaml"], scratch)
        #expect(written.status == 0, "\(written.errors)")
        #expect(written.output == "studies/syzygy.lock.json: 6 plugins\n")
        let document = try StrictJSON.read(scratch.path + "/studies/syzygy.lock.json")
        #expect(try Installation.schema("lock.schema.json").problems(in: document).isEmpty)
        let first = try scratch.read("studies/syzygy.lock.json")
        #expect(try tool(["lock", "studies/s.yaml"], scratch).status == 0)
        #expect(try scratch.read("studies/syzygy.lock.json") == first, "the same bytes")

        let run = try run(scratch)
        #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
        let name = try #require(try scratch.names("out/runs").first)
        let record = try StrictJSON.read(scratch.path + "/out/runs/\(name)/run.json")
        #expect(try Installation.schema("run.schema.json").problems(in: record).isEmpty)
        let libraries = try #require(record.root["host"]?["libraries"]?.array)
        let ids = libraries.compactMap { $0["plugin"]?.string }
        #expect(
            Set(ids).isSuperset(of: ["org.example.half", "syzygy.digits", "syzygy.mlp", "syzygy.norms", "syzygy.sgd"])
        )
        for library in libraries {
            let path = try #require(library["path"]?.string), bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            #expect(library["bytes"]?.int == bytes.count)
            #expect(library["sha256"]?.string == SHA256.hex(of: Array(bytes)))
            let locked = try plugin(library["plugin"]?.string ?? "", document.root)["library_sha256"]?.object?.values
                .first
            #expect(locked?.string == library["sha256"]?.string, "\(path)")
        }
        #expect(
            libraries.contains { $0["path"]?.string == scratch.path + "/mine/half/libhalf.so" },
            "from another process")
    }

    /// One byte each: of the lock, of the library, of a data file, of the manifest.
    @Test(arguments: ["lock", "library", "file", "manifest", "version"])
    func whatDiffersIsRefusedWithBothDigests(_ what: String) throws {
        let scratch = try scratch()
        #expect(try tool(["lock", "studies/s.yaml"], scratch).status == 0)
        let lock = try lock(scratch), half = try plugin("org.example.half", lock)
        let machine = try #require(half["library_sha256"]?.object?.keys.first)
        func digest(_ name: String) throws -> String { try SHA256.hex(ofFile: scratch.path + "/mine/half/" + name) }
        var expected = "", found = "", place = ""
        switch what {
        case "lock":
            found = try #require(half["library_sha256"]?[machine]?.string)
            expected = (found.hasPrefix("0") ? "1" : "0") + found.dropFirst()
            let text = try scratch.read("studies/syzygy.lock.json").replacingOccurrences(of: found, with: expected)
            try scratch.write(text, to: "studies/syzygy.lock.json")
            place = "library"
        case "library":
            expected = try digest("libhalf.so")
            let file = try #require(FileHandle(forUpdatingAtPath: scratch.path + "/mine/half/libhalf.so"))
            try file.seekToEnd()
            try file.write(contentsOf: Data([0]))
            (found, place) = (try digest("libhalf.so"), "library")
        case "file":
            expected = try digest("b.bin")
            try scratch.write("B", to: "mine/half/b.bin")
            (found, place) = (try digest("b.bin"), "file 'b.bin'")
        default:
            expected = try digest("plugin.json")
            let text =
                what == "version"
                ? Self.manifest.replacingOccurrences(of: "0.1.0", with: "0.1.1") : Self.manifest + " "
            try scratch.write(text, to: "mine/half/plugin.json")
            (found, place) = (try digest("plugin.json"), "plugin.json")
        }
        let refused = try run(scratch)
        #expect(refused.status == 64 && refused.output.isEmpty)
        let line = "\(scratch.path)/studies/syzygy.lock.json: plugin org.example.half: "
        let sentence = line + "\(place): expected SHA-256 \(expected), found \(found)\n"
        let version = line + "version: expected 0.1.0, found 0.1.1\n"
        #expect(refused.errors == (what == "version" ? version : "") + sentence)
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/out"))
        // Without --locked the study runs, and says it.
        let warned = try run(scratch, ["--quiet"])
        #expect(warned.status == 0)
        #expect(warned.errors.contains("warning: " + sentence))
        // A new lock is at peace with it.
        #expect(try tool(["lock", "studies/s.yaml"], scratch).status == 0)
        #expect(try run(scratch).status == 0)
    }

    @Test func aLockThatLacksSomethingIsNamed() throws {
        let scratch = try scratch()
        let none = try run(scratch)
        #expect(none.status == 64)
        #expect(
            none.errors == "\(scratch.path)/studies/syzygy.lock.json: no such file; 'syzygy lock STUDY' writes it\n")
        #expect(try tool(["lock", "studies/s.yaml"], scratch).status == 0)
        let path = "studies/syzygy.lock.json", text = try scratch.read(path)
        let half = try plugin("org.example.half", try lock(scratch))
        let machine = try #require(half["library_sha256"]?.object?.keys.first)

        try scratch.write(text.replacingOccurrences(of: "org.example.half", with: "org.example.other"), to: path)
        #expect(try run(scratch).errors == "\(scratch.path)/\(path): plugin org.example.half is not in the lock\n")
        try scratch.write(text.replacingOccurrences(of: machine, with: "vax-linux-gnu"), to: path)
        let other = try run(scratch)
        #expect(other.status == 64)
        #expect(
            other.errors.contains(
                "plugin org.example.half: the lock has libraries for vax-linux-gnu, none for \(machine)\n"))
        // Locking here adds this machine and keeps the other.
        #expect(try tool(["lock", "studies/s.yaml"], scratch).status == 0)
        let both = try plugin("org.example.half", try lock(scratch))["library_sha256"]?.object
        #expect(both.map { Array($0.keys) } == ["vax-linux-gnu", machine])
        try scratch.write(text.replacingOccurrences(of: "\"lock\": 1", with: "\"lock\": 2"), to: path)
        #expect(try run(scratch).errors.contains("lock must be 1, got 2"))
        try scratch.write(text.replacingOccurrences(of: "\"syzygy\": \"", with: "\"syzygy\": \"9"), to: path)
        #expect(try run(scratch).errors.contains("syzygy: expected version 9"))
    }

    /// Start-up code of the library would leave a file; a run shows that it does.
    @Test func commandsOpenNoLibrary() throws {
        let scratch = try scratch()
        let source = """
            #include <fcntl.h>
            __attribute__((constructor)) static void start(void) { open("\(scratch.path)/opened", O_CREAT | O_WRONLY, 0600); }
            void half(const char *b, double *v) { *v = 0.5; }
            """
        try scratch.compile(source, to: "mine/half", name: "half")
        for words in [
            ["plugin", "list"], ["plugin", "show", "half"], ["doctor"], ["plan", "studies/s.yaml"],
            ["lock", "studies/s.yaml"],
        ] {
            #expect(try tool(words, scratch).status == 0, "\(words)")
        }
        for words in [["plugin", "check", "mine/half"], ["plugin", "header", "mine/half"]] {
            #expect(try Tool.run(words, in: scratch).status == 0, "\(words)")
        }
        let opened = scratch.path + "/opened"
        #expect(!FileManager.default.fileExists(atPath: opened))
        #expect(try run(scratch, ["--isolate", "none"]).status == 0)
        #expect(FileManager.default.fileExists(atPath: opened))
    }

    // MARK: What the commands say of plugins that cannot be trusted

    @Test func aPluginThatEveryoneCanWriteIsNotUsed() throws {
        let scratch = try scratch()
        let folder = scratch.path + "/mine/half"
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: folder)
        for words in [["doctor"], ["plugin", "list"]] {
            let result = try tool(words, scratch)
            #expect(result.status != 0)
            #expect(
                (result.output + result.errors).contains("mine/half: can be written by everyone (mode 777, owner "))
        }
        let run = try run(scratch, [])
        #expect(run.status == 64)
        #expect(run.errors.contains("so anyone could change what runs here: chmod o-w "))
        #expect(run.errors.contains("no plugin has a probe 'half'"))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder)
        #expect(try self.run(scratch, []).status == 0)
    }

    @Test(.enabled(if: geteuid() == 0, "only root gives files away"))
    func aPluginOfAnotherUserIsUsedIfThatUserIsTrusted() throws {
        let scratch = try scratch()
        let program = URL(fileURLWithPath: "/usr/bin/env")
        let given = try Tool.run(["chown", "-R", "54321", "mine/half"], with: program, in: scratch)
        try #require(given.status == 0, "\(given.errors)")
        let list = [Tool.executable.path, "plugin", "list", "--plugin-path", "mine"]
        let refused = try Tool.run(list, with: program, in: scratch)
        #expect(refused.status == 64)
        #expect(
            refused.errors.contains(
                "mine/half: belongs to another user (mode 755, owner 54321), who could change what root runs"))
        #expect(refused.errors.contains("or SYZYGY_TRUSTED_OWNERS=54321 if you trust that user"))
        for owners in ["54321", "nobody,54321"] {
            let trusted = try Tool.run(["SYZYGY_TRUSTED_OWNERS=\(owners)"] + list, with: program, in: scratch)
            #expect(trusted.status == 0 && trusted.output.contains("org.example.half"), "\(trusted.errors)")
        }
    }

    @Test func doctorNamesWhatPluginsShare() throws {
        let scratch = try scratch()
        let source = """
            int shared_state; __asm__(".type shared_state, @gnu_unique_object");
            void half(const char *b, double *v) { *v = shared_state + 0.5; }
            """
        for name in ["half", "third"] {
            try scratch.write(
                Self.manifest.replacingOccurrences(of: "org.example.half", with: "org.example.\(name)"),
                to: "mine/\(name)/plugin.json")
            try scratch.write("A", to: "mine/\(name)/b.bin")
            try scratch.compile(source, to: "mine/\(name)", name: "half")
        }
        let doctor = try tool(["doctor"], scratch)
        #expect(doctor.status == 1)
        #expect(
            doctor.output.contains(
                "plugins org.example.half and org.example.third both export 'half'; each uses its own"))
        #expect(doctor.output.contains("both define the unique symbol 'shared_state', of which a process has one"))
        let study =
            Self.study.replacingOccurrences(of: "plugin: half", with: "plugin: org.example.half/half")
            + "\n  t: {plugin: org.example.third/half, at: last}"
        try scratch.write(study, to: "studies/s.yaml")
        #expect(try run(scratch, ["--isolate", "none"]).status == 0)
        let name = try #require(try scratch.names("out/runs").first)
        let record = try StrictJSON.read(scratch.path + "/out/runs/\(name)/run.json")
        #expect(try Installation.schema("run.schema.json").problems(in: record).isEmpty)
        #expect(record.root["host"]?["collisions"]?.array?.compactMap(\.string).count == 1)
        #expect(try scratch.read("out/runs/\(name)/log.txt").contains("both define the unique symbol 'shared_state'"))
    }

    /// As linking with -ffast-math adds it; in the run's own process and in one of its own.
    @Test func fastMathIsNamedAndRecorded() throws {
        let scratch = try scratch()
        #if arch(x86_64)
            let code = """
                __attribute__((constructor)) static void set_fast_math(void) {
                    unsigned mode; __asm__ volatile("stmxcsr %0" : "=m"(mode)); mode |= 0x8040; __asm__ volatile("ldmxcsr %0" :: "m"(mode));
                }
                """
        #else
            let code = """
                __attribute__((constructor)) static void set_fast_math(void) {
                    unsigned long mode = 0x1000000; __asm__ volatile("msr fpcr, %0" :: "r"(mode));
                }
                """
        #endif
        try scratch.compile(
            code + "\nvoid half(const char *b, double *v) { *v = 0.5; }", to: "mine/half", name: "half")
        let doctor = try tool(["doctor"], scratch)
        #expect(doctor.status == 1)
        #expect(
            doctor.output.contains(
                "plugin org.example.half: mine/half/libhalf.so turns on flush-to-zero when it is loaded"))
        let check = try Tool.run(["plugin", "check", "mine/half"], in: scratch)
        #expect(check.output.contains("warning  mine/half/libhalf.so turns on flush-to-zero"))
        for mode in ["none", "all"] {
            #expect(try run(scratch, ["--isolate", mode]).status == 0)
            let name = try #require(try scratch.names("out/runs").first)
            let record = try StrictJSON.read(scratch.path + "/out/runs/\(name)/run.json").root
            let library = record["host"]?["libraries"]?.array?.first { $0["plugin"]?.string == "org.example.half" }
            #expect(library?["floating_point_mode"]?.string == "restored", "\(mode)")
            #expect(
                try scratch.read("out/runs/\(name)/log.txt").contains(
                    "changed the floating-point mode (flush-to-zero), which was restored"))
        }
    }
}
