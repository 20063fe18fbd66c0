import CShims
import Foundation
import LinearAlgebra
import Manifests
import PluginHost
import PluginTesting
import Protocols
import Testing

/// What was digested is what is loaded, and what libraries do to each other.
@Suite struct TrustTests {
    private static let probe = """
        {"kind": "probe", "id": "answer", "per": "run", "outputs": [{"id": "v", "dtype": "f64", "shape": []}],
         "call": {"symbol": "answer", "returns": "void", "args": [{"name": "v", "type": "f64*", "from": "output"}]},
         "examples": [{"name": "e", "given": {}, "expect": {"v": 42}}]}
        """

    private func plugin(_ answer: String = "42", flags: [String] = []) throws -> TemporaryPlugin {
        try TemporaryPlugin(
            source: "void answer(double *v) { *v = \(answer); }", manifest: TemporaryPlugin.manifest(Self.probe),
            flags: flags)
    }

    private func answer(_ loader: ComponentLoader) throws -> [String: Observation.Value] {
        try measure("answer", arrays: [:], loader: loader)
    }

    private func failure(_ body: () throws -> Void) -> String {
        (#expect(throws: PluginError.self) { try body() })?.description ?? ""
    }

    // MARK: Digests

    @Test func theRecordHasTheDigestOfTheLoadedBytes() throws {
        let plugin = try plugin()
        let library = try Library(path: plugin.library)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: plugin.library))
        #expect(library.loaded.map(\.path) == [plugin.library])
        #expect(library.loaded[0].content == .digest(SHA256.hex(of: Array(bytes)), bytes: bytes.count))
        #expect(!library.changesFloatMode)
        #expect(LoadedFile(library.loaded[0].json) == library.loaded[0])
    }

    /// Another file is put in the library's place after it was digested, before the dynamic linker opens it.
    @Test func aLibraryExchangedBetweenDigestAndLoadIsRefused() throws {
        let plugin = try plugin(), other = try self.plugin("41")
        let path = plugin.library
        let error = failure {
            _ = try Library(path: path) {
                #expect(rename(other.library, path) == 0)
            }
        }
        #expect(error == "\(path): was exchanged or changed while it was opened; start again")
    }

    /// One byte of the same file is written instead.
    @Test func aLibraryChangedBetweenDigestAndLoadIsRefused() throws {
        let plugin = try plugin()
        let path = plugin.library
        let error = failure {
            _ = try Library(path: path) {
                let file = try #require(FileHandle(forUpdatingAtPath: path))
                try file.seekToEnd()
                try file.write(contentsOf: Data([0]))
                try file.close()
            }
        }
        #expect(error == "\(path): was exchanged or changed while it was opened; start again")
    }

    /// A process keeps the first version of a file; a second one must not be taken for it.
    @Test func aLibraryChangedAfterItWasLoadedIsRefused() throws {
        let plugin = try plugin()
        _ = try Library(path: plugin.library)
        _ = try Library(path: plugin.library)
        let file = try #require(FileHandle(forUpdatingAtPath: plugin.library))
        try file.seekToEnd()
        try file.write(contentsOf: Data([0]))
        try file.close()
        #expect(
            failure { _ = try Library(path: plugin.library) }.hasSuffix(
                "was exchanged or changed while it was opened; start again"))
    }

    /// What a run was planned with, by one digest after the other.
    @Test(arguments: ["library", "manifest", "file"])
    func whatDiffersFromThePlanIsNotLoaded(_ what: String) throws {
        let components = Self.probe.replacingOccurrences(
            of: "\"args\": [",
            with: "\"args\": [{\"name\": \"b\", \"type\": \"u8*\", \"from\": \"file\", \"file\": \"b.bin\"}, ")
        let plugin = try TemporaryPlugin(
            source: "void answer(const char *b, double *v) { *v = b[0]; }",
            manifest: TemporaryPlugin.manifest(components))
        _ = try plugin.write([42], to: "b.bin")
        let manifest = try Manifest.load(folder: plugin.folder)
        var expected = try ComponentLoader.digests(of: manifest)
        var notes: [String] = []
        func loader() -> ComponentLoader {
            ComponentLoader(registry: plugin.registry, seed: 1, expected: [expected], note: { notes.append($0) })
        }
        #expect(try answer(loader()) == ["v": .number(42)])
        let zeros = String(repeating: "0", count: 64)
        switch what {
        case "library": expected.libraryDigest = zeros
        case "manifest": expected.manifestDigest = zeros
        default: expected.fileDigests["b.bin"] = zeros
        }
        let found = try ComponentLoader.digests(of: manifest)
        let changed = "changed since the run was planned: expected SHA-256 \(zeros), found "
        switch what {
        case "library":
            #expect(failure { _ = try answer(loader()) } == "\(plugin.library): \(changed)\(found.libraryDigest)")
        case "manifest":
            #expect(
                failure { _ = try answer(loader()) }
                    == "\(plugin.folder)/plugin.json: \(changed)\(found.manifestDigest)")
        default:  // found when the probe is called, which costs its value
            #expect(try answer(loader()) == ["v": .missing(reason: "cannot_be_called")])
            #expect(
                notes == [
                    "step 0: plugin org.example.case/answer: 'b.bin' \(changed)\(found.fileDigests["b.bin"] ?? "")"
                ])
        }
    }

    @Test func aLibraryOfTheSystemHasPathSizeAndDigest() throws {
        let library = try Library(system: "libopenblas.so.0")
        let file = try #require(library.loaded.first)
        #expect(file.path.hasPrefix("/") && file.path.contains("libopenblas"))
        let path = try #require(SystemLibrary.locate("libopenblas.so.0"))
        #expect(
            file.content
                == .digest(
                    try SHA256.hex(ofFile: path), bytes: try Data(contentsOf: URL(fileURLWithPath: path)).count))
        let zeros = String(repeating: "0", count: 64)
        let error = failure { _ = try Library(system: "libopenblas.so.0", expected: zeros) }
        #expect(error.contains("is not the one of the lock: expected SHA-256 \(zeros), found "))
    }

    /// By the linker's cache, for a library that this process does not have.
    @Test func aLibraryOfTheSystemIsFoundWithoutOpeningIt() throws {
        #expect(SystemLibrary.locate("libsurelynotthere.so.9") == nil)
        let path = try #require(SystemLibrary.locate("libc.so.6"))
        #expect(FileManager.default.fileExists(atPath: path))
    }

    @Test func aReceiptOfASystemLibraryIsVoidWhenThatChanges() throws {
        let components = Self.probe.replacingOccurrences(
            of: "\"symbol\": \"answer\"", with: "\"symbol\": \"cblas_dnrm2\"")
        let plugin = try TemporaryPlugin(
            manifest: TemporaryPlugin.manifest(library: "{\"system\": \"libopenblas.so.0\"}", components))
        let manifest = try Manifest.load(folder: plugin.folder)
        #expect(try ComponentLoader.digests(of: manifest).libraryDigest == "")
        let digests = try ComponentLoader.digests(of: manifest, locatesSystem: true)
        let path = try #require(SystemLibrary.locate("libopenblas.so.0"))
        #expect(digests.libraryDigest == (try SHA256.hex(ofFile: path)))
        let folder = ReceiptFolder(path: plugin.folder + "/receipts")
        var other = digests
        other.libraryDigest = String(repeating: "0", count: 64)
        for digests in [other, digests] {
            #expect(folder.receipt(of: manifest) == nil)
            _ = try folder.write(
                Receipt(
                    digests: digests, level: "standard", seed: 1, hasPassed: true, counts: [:], findings: [],
                    host: [:]))
        }
        #expect(folder.receipt(of: manifest)?.covers(level: "standard") == true)
    }

    // MARK: Paths

    @Test func aLibraryBehindALinkOutOfTheFolderIsRefused() throws {
        let plugin = try plugin()
        let outside = plugin.path + "/libCase.so"
        #expect(rename(plugin.library, outside) == 0)
        try FileManager.default.createSymbolicLink(atPath: plugin.library, withDestinationPath: outside)
        let error = failure { _ = try answer(plugin.loader) }
        #expect(error.hasPrefix("\(plugin.library): leads out of the plugin's folder ('\(outside)')"))
        try FileManager.default.removeItem(atPath: plugin.library)
        #expect(rename(outside, plugin.folder + "/libOther.so") == 0)
        try FileManager.default.createSymbolicLink(atPath: plugin.library, withDestinationPath: "libOther.so")
        #expect(try answer(plugin.loader) == ["v": .number(42)])
    }

    @Test func aLibraryThatEveryoneCanWriteIsRefused() throws {
        let plugin = try plugin()
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: plugin.library)
        let error = failure { _ = try answer(plugin.loader) }
        #expect(error.hasPrefix("\(plugin.library): can be written by everyone (mode 777, owner "))
        #expect(error.hasSuffix("chmod o-w '\(plugin.library)'"))
    }

    // MARK: Floating-point mode

    /// What linking with -ffast-math adds (GCC's crtfastmath.o): code that runs on loading.
    @Test func fastMathIsFoundUndoneAndSaid() throws {
        let finder = Process(), pipe = Pipe()
        finder.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        finder.arguments = ["cc", "-print-file-name=crtfastmath.o"]
        finder.standardOutput = pipe
        try finder.run()
        let object = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        try #require(object.hasPrefix("/"), "cc has no crtfastmath.o")
        let plugin = try plugin(flags: [object]), slow = try self.plugin()
        #expect(try ELFFile(path: plugin.library).hasFastMath)
        #expect(try !ELFFile(path: slow.library).hasFastMath)
        let mode = sz_float_mode()
        var notes: [String] = [], files: [LoadedFile] = []
        for _ in 1...2 {  // the second time nothing is loaded, but it is the same library
            let loader = ComponentLoader(
                registry: plugin.registry, seed: 1, note: { notes.append($0) }, opened: { files.append($0) })
            #expect(try answer(loader) == ["v": .number(42)])
        }
        #expect(sz_float_mode() == mode)
        #expect(Double.leastNonzeroMagnitude * Double(notes.count) != 0, "subnormal numbers are back")
        #expect(files.map(\.changesFloatMode) == [true, true])
        #expect(files[0].json["floating_point_mode"]?.string == "restored")
        #expect(
            notes
                == Array(
                    repeating: "plugin org.example.case: loading \(plugin.library) changed the floating-point mode "
                        + "(flush-to-zero), which was restored; link it without -ffast-math and -Ofast", count: 2))
    }

    // MARK: Collisions

    /// What `f` of a library returns.
    private func call(_ plugin: TemporaryPlugin) throws -> Int32 {
        let symbol = try Library(path: plugin.library).symbol("f")
        return unsafeBitCast(symbol, to: (@convention(c) () -> Int32).self)()
    }

    private func manifest(_ id: String, _ plugin: TemporaryPlugin) throws -> Manifest {
        let text = TemporaryPlugin.manifest(Self.probe).replacingOccurrences(
            of: "org.example.case", with: "org.example.\(id)")
        _ = try plugin.write(Array(text.utf8), to: "plugin.json")
        return try Manifest.load(folder: plugin.folder)
    }

    /// The danger measured: a plain name, also one of the host's OpenBLAS, is each library's own.
    @Test func plainNamesAreEachLibrarysOwn() throws {
        func source(_ value: Int) -> String {
            "int helper(void) { return \(value); } double cblas_dnrm2(void) { return \(value); }"
                + "int f(void) { return 10 * helper() + (int)cblas_dnrm2(); }"
        }
        let one = try TemporaryPlugin(source: source(1)), two = try TemporaryPlugin(source: source(2))
        #expect(try [call(one), call(two), call(one)] == [11, 22, 11])
        let found = Collisions.among([try manifest("b", one), try manifest("a", two)])
        #expect(found.map(\.kind) == [.name("cblas_dnrm2"), .name("f"), .name("helper")])
        #expect(
            found[2].description == "plugins org.example.a and org.example.b both export 'helper'; each uses its own")
        #expect(found.allSatisfy { !$0.isHarmful })
    }

    /// Unique symbols, which GCC makes of variables of inline functions in C++, are one in the process.
    @Test func uniqueSymbolsAreShared() throws {
        func source(_ value: Int) -> String {
            "int shared_state = \(value); __asm__(\".type shared_state, @gnu_unique_object\");"
                + "int f(void) { return shared_state; }"
        }
        let one = try TemporaryPlugin(source: source(1)), two = try TemporaryPlugin(source: source(2))
        #expect(try [call(one), call(two)] == [1, 1], "the second gets the first one's")
        let found = Collisions.among([try manifest("a", one), try manifest("b", two)]).filter(\.isHarmful)
        #expect(found.map(\.kind) == [.unique("shared_state")])
        #expect(
            found[0].description.hasPrefix("plugins org.example.a and org.example.b both define the unique symbol"))
    }

    /// Two plugins with different libraries of one name beside them.
    @Test func neededLibrariesOfOneNameAreShared() throws {
        let name = "libhelp-\(UUID().uuidString).so"
        func make(_ value: Int) throws -> TemporaryPlugin {
            let helper = try TemporaryPlugin(
                source: "int help(void) { return \(value); }", flags: ["-Wl,-soname,\(name)"])
            return try TemporaryPlugin(
                source: "int help(void); int f(void) { return help(); }",
                flags: ["-Wl,-rpath,$ORIGIN", "-Wl,--no-as-needed", helper.library]
            ).adding(helper.library, as: name)
        }
        let one = try make(1), two = try make(2)
        #expect(try [call(one), call(two)] == [1, 1], "the second gets the first one's")
        let found = Collisions.among([try manifest("a", one), try manifest("b", two)]).filter(\.isHarmful)
        #expect(found.map(\.kind) == [.needed(name)])
        let loaded = try Library(path: one.library).loaded
        #expect(loaded.map(\.path) == [one.library, one.folder + "/" + name], "what came with it has its digest too")
    }

    @Test func shippedPluginsShareNothing() {
        #expect(Collisions.among(ShippedPlugins.registry.manifests).filter(\.isHarmful) == [])
    }
}

extension TemporaryPlugin {
    fileprivate func adding(_ file: String, as name: String) throws -> TemporaryPlugin {
        try FileManager.default.copyItem(atPath: file, toPath: folder + "/" + name)
        return self
    }
}
