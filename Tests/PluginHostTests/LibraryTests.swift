import Foundation
import Manifests
import PluginHost
import PluginTesting
import Testing

/// The sentences about libraries that cannot be used.
@Suite struct LibraryTests {
    #if arch(x86_64)
        private static let (here, there, code): (String, String, UInt8) = ("x86_64", "aarch64", 183)
    #else
        private static let (here, there, code): (String, String, UInt8) = ("aarch64", "x86_64", 62)
    #endif

    /// An ELF header of a shared library: 64 or 32 bits, little-endian, for a machine.
    private func header(machine: UInt8, bits: Int = 64) -> [UInt8] {
        [0x7f, 0x45, 0x4c, 0x46, bits == 64 ? 2 : 1, 1, 1] + Array(repeating: 0, count: 9) + [3, 0, machine, 0]
    }

    private func failure(_ path: String) -> String? {
        #expect(throws: PluginError.self) { try Library(path: path) }?.description
    }

    @Test func aMissingLibrary() throws {
        let path = try TemporaryPlugin().folder + "/libNone.so"
        #expect(failure(path) == "\(path): no such library, or not readable (was the plugin built?)")
    }

    @Test(
        arguments: [[], [0x7f, 0x45, 0x4c, 0x46], Array("#!/bin/sh\necho this is no library\n".utf8)] as [[UInt8]])
    func aFileThatIsNoLibrary(bytes: [UInt8]) throws {
        let plugin = try TemporaryPlugin()
        let path = try plugin.write(bytes, to: "libText.so")
        #expect(failure(path) == "\(path): is not a shared library (no ELF header)")
    }

    @Test func aLibraryOfAnotherMachine() throws {
        let plugin = try TemporaryPlugin()
        let other = try plugin.write(header(machine: Self.code), to: "libOther.so")
        #expect(failure(other) == "\(other): is built for \(Self.there), this is \(Self.here)")
        let unknown = try plugin.write(header(machine: 77), to: "libUnknown.so")
        #expect(failure(unknown) == "\(unknown): is built for machine 77, this is \(Self.here)")
        let old = try plugin.write(header(machine: 3, bits: 32), to: "libOld.so")
        #expect(failure(old) == "\(old): is built for i386, 32 bits, this is \(Self.here)")
    }

    /// A right header with nothing behind it, and a library that needs a function nobody has.
    @Test func aLibraryThatTheLoaderRefuses() throws {
        let plugin = try TemporaryPlugin(source: "int nowhere(void); int f(void) { return nowhere(); }")
        let short = try plugin.write(header(machine: Self.here == "x86_64" ? 62 : 183), to: "libShort.so")
        #expect(failure(short)?.hasPrefix("\(short): cannot be loaded: ") == true)
        let error = failure(plugin.library)
        #expect(error?.hasPrefix("\(plugin.library): cannot be loaded: ") == true)
        #expect(error?.contains("nowhere") == true)
    }

    @Test func aMissingFunction() throws {
        let plugin = try TemporaryPlugin(
            source: "int present(void) { return 1; }\nstatic int hidden(void) { return 2; }")
        let library = try Library(path: plugin.library)
        _ = try library.symbol("present")
        let error = #expect(throws: PluginError.self) { try library.symbol("hidden") }
        #expect(
            error?.description == "\(plugin.library): has no function 'hidden' "
                + "(is it exported with C linkage? nm -D shows the names)")
    }

    @Test func aMissingLibraryOfTheSystem() {
        let error = #expect(throws: PluginError.self) { try Library(system: "libsurelynotthere.so.9") }
        #expect(error?.description.hasPrefix("libsurelynotthere.so.9: no such library on this system: ") == true)
    }

    // MARK: Through a manifest

    private static let norm = """
        {"kind": "probe", "id": "norm", "per": "run",
         "outputs": [{"id": "norm", "dtype": "f64", "shape": []}],
         "call": {"symbol": "cblas_dnrm2", "returns": {"type": "f64", "output": "norm"}, "args": [
            {"name": "n", "type": "i32", "from": "count", "of": "w"},
            {"name": "w", "type": "f64*", "from": "quantity", "quantity": "head.weight"},
            {"name": "stride", "type": "i32", "from": "const", "value": 1}]},
         "examples": [{"name": "3-4-12", "given": {"w": {"shape": [1, 3], "data": [3, 4, 12]}}, "expect": {"norm": 13},
            "rtol": 1e-15}]}
        """

    /// A function of BLAS is a probe with a manifest alone.
    @Test func aLibraryOfTheSystemNeedsNoCode() throws {
        let manifest = TemporaryPlugin.manifest(library: "{\"system\": \"libopenblas.so.0\"}", Self.norm)
        let plugin = try TemporaryPlugin(manifest: manifest)
        #expect(plugin.registry.rejected.map { "\($0.error)" } == [])
        let values = try measure(
            "norm", arrays: ["head.weight": .init(shape: [2, 2], data: [1, -1, 7, 7])], loader: plugin.loader)
        #expect(values == ["norm": .number(10)])
        #expect(try exampleFailures(ofPlugin: "org.example.case", registry: plugin.registry).failures == [])
    }

    @Test func theLibraryIsLookedForInTheFolderFirst() throws {
        let manifest = TemporaryPlugin.manifest(library: "\"NotBuilt\"", Self.norm)
        let plugin = try TemporaryPlugin(manifest: manifest)
        let error = #expect(throws: PluginError.self) { try plugin.loader.probe(Choice(component: "norm")) }
        let text = try #require(error?.description)
        #expect(
            text.hasPrefix(
                "\(plugin.folder)/plugin.json: library 'libNotBuilt.so' not found in \(plugin.folder) or /"))
        #expect(text.hasSuffix("; was the plugin built?"))
    }

    @Test func aComponentThatNobodyHas() throws {
        let plugin = try TemporaryPlugin(manifest: TemporaryPlugin.manifest(Self.norm))
        func sentence(_ body: () throws -> Void) -> String? {
            #expect(throws: PluginError.self) { try body() }?.description
        }
        #expect(
            sentence { _ = try plugin.loader.optimizer(Choice(component: "norm")) }
                == "optimizer 'norm': 'norm' is a probe, not an optimizer")
        let unknown = try #require(sentence { _ = try plugin.loader.probe(Choice(component: "nrom")) })
        #expect(unknown.hasPrefix("probe 'nrom': no plugin has a probe 'nrom'"))
        #expect(unknown.contains("did you mean 'norm'"))
    }
}

@Suite struct DigestTests {
    /// A run must not be taken for finished after the data it read have changed.
    @Test func aChangedDataFileChangesTheDigests() throws {
        let plugin = try TemporaryPlugin(
            source: "void f(const unsigned char *b, long n, double *v) { *v = n ? b[0] : 0; }",
            manifest: TemporaryPlugin.manifest(
                """
                {"kind": "probe", "id": "first", "per": "run",
                 "outputs": [{"id": "v", "dtype": "f64", "shape": []}],
                 "call": {"symbol": "f", "returns": "void", "args": [
                   {"name": "b", "type": "u8*", "from": "file", "file": "data.bin"},
                   {"name": "n", "type": "i64", "from": "count", "of": "b"},
                   {"name": "v", "type": "f64*", "from": "output"}]},
                 "examples": [{"name": "e", "given": {}, "expect": {"v": 7}}]}
                """))
        let manifest = try Manifest.load(folder: plugin.folder)
        _ = try plugin.write([7, 8, 9], to: "data.bin")
        let before = try ComponentLoader.digests(of: manifest)
        _ = try plugin.write([7, 8, 10], to: "data.bin")
        let after = try ComponentLoader.digests(of: manifest)
        #expect(Array(before.fileDigests.keys) == ["data.bin"] && before != after)
        #expect(before.libraryDigest == after.libraryDigest && before.manifestDigest == after.manifestDigest)
    }
}
