import Authoring
import Foundation
import Manifests
import PluginHost
import PluginTesting
import Testing

/// Headers made from manifests, as C compilers see them.
@Suite struct HeaderTests {
    @Test func aHeaderSaysWhereEveryArgumentComesFrom() throws {
        let manifest = try Fixture.manifest(
            """
            {"kind": "probe", "id": "spread", "per": "layer",
             "params": [{"id": "class", "type": "enum", "values": ["raw", "unit"], "default": "raw"},
                        {"id": "cut", "type": "float", "default": 0.5, "min": 0, "max": 1}],
             "outputs": [{"id": "rank", "dtype": "f64", "shape": ["d"]}],
             "dims": {"d": {"of": "x", "axis": 1}},
             "call": {"symbol": "spread", "returns": "status", "args": [
               {"name": "linalg", "type": "service", "from": "service", "service": "syzygy.linalg/1"},
               {"name": "x", "type": "f64*", "from": "quantity", "quantity": "layer.input"},
               {"name": "bias", "type": "f64*", "from": "quantity", "quantity": "layer.bias", "optional": true},
               {"name": "n", "type": "i64*", "from": "count", "of": "x"},
               {"name": "class", "type": "i32", "from": "param"},
               {"name": "cut", "type": "f64", "from": "param"},
               {"name": "which", "type": "char*", "from": "const", "value": "F*/"},
               {"name": "work", "type": "f32*", "from": "workspace", "elements": "3*d"},
               {"name": "rank", "type": "f64*", "from": "output"}]},
             "examples": [{"name": "one", "given": {"x": {"shape": [1, 2], "data": [1, 2]}},
                           "expect": {"rank": {"shape": [2], "data": [1, 2]}}}]}
            """)
        let text = try Header.text(of: manifest)
        let declaration = """
            /* probe spread */
            int32_t spread(
                const syzygy_linalg *linalg,  /* service syzygy.linalg/1 */
                const double *x,              /* layer.input [n, d_in] */
                const double *bias,           /* layer.bias [d_out], null if the network lacks it */
                const int64_t *n,             /* elements of x */
                int32_t class_,               /* param class: 0 raw, 1 unit */
                double cut,                   /* param cut >= 0 and <= 1 */
                const char *which,            /* always "F* /" */
                float *work,                  /* scratch [3*d] */
                double *rank);                /* output rank [d] */
            """
        #expect(text.contains(declaration), "\(text)")
        #expect(text.contains("#include \"syzygy.h\"\n"))
        #expect(text.contains("#ifndef SYZYGY_ORG_EXAMPLE_CASE_H\n#define SYZYGY_ORG_EXAMPLE_CASE_H\n"))
    }

    /// The header and the source of every shipped plugin in C agree, and every header is C++ too.
    @Test func shippedSourcesAgreeWithTheirManifests() throws {
        var sources = 0
        for manifest in ShippedPlugins.registry.manifests {
            try withTemporaryFolder { folder in
                let header = "\(folder)/functions.h"
                try Header.text(of: manifest).write(toFile: header, atomically: true, encoding: .utf8)
                let plain = try Fixture.compile(["clang", "-x", "c++", "-Wall", "-Werror", header])
                #expect(plain.isEmpty, "\(manifest.id): \(plain)")
                let files = try? FileManager.default.contentsOfDirectory(atPath: manifest.folder + "/Sources")
                for file in (files ?? []).sorted() where file.hasSuffix(".c") {
                    sources += 1
                    let errors = try Fixture.compile([
                        "cc", "-std=gnu17", "-Wall", "-include", header, "\(manifest.folder)/Sources/\(file)",
                    ])
                    #expect(errors.isEmpty, "\(manifest.id), \(file): \(errors)")
                }
            }
        }
        #expect(sources >= 18)
    }

    /// The manifest that binds functions of OpenBLAS agrees with its own header.
    @Test func theNormsAgreeWithCBLAS() throws {
        let manifest = try #require(ShippedPlugins.registry.manifests.first { $0.id == "syzygy.norms" })
        try withTemporaryFolder { folder in
            let text = "#include <cblas.h>\n" + (try Header.text(of: manifest))
            try text.write(toFile: "\(folder)/both.h", atomically: true, encoding: .utf8)
            let errors = try Fixture.compile(["cc", "-x", "c", "\(folder)/both.h"])
            #expect(errors.isEmpty, "\(errors)")
            try text.replacingOccurrences(of: "int32_t n,", with: "int64_t n,")
                .write(toFile: "\(folder)/both.h", atomically: true, encoding: .utf8)
            #expect(try Fixture.compile(["cc", "-x", "c", "\(folder)/both.h"]).contains("cblas_dnrm2"))
        }
    }

    /// Every argument of a shipped optimizer in turn gets another type: the compiler refuses each.
    @Test func everyWrongTypeIsRefused() throws {
        let shipped = try #require(ShippedPlugins.registry.manifests.first { $0.id == "syzygy.syre" })
        let text = try Header.text(of: shipped)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        try withTemporaryFolder { folder in
            var refused = 0
            for (index, line) in lines.enumerated() where line.hasPrefix("    ") {
                var changed = lines
                changed[index] = Self.withAnotherType(line)
                try #require(changed[index] != line)
                let header = "\(folder)/changed.h"
                try changed.joined(separator: "\n").write(toFile: header, atomically: true, encoding: .utf8)
                let errors = try Fixture.compile([
                    "cc", "-std=gnu17", "-include", header, "\(shipped.folder)/Sources/syre.c",
                    "\(shipped.folder)/Sources/translated.c",
                ])
                #expect(errors.contains("conflicting types"), "\(line)")
                refused += 1
            }
            #expect(refused > 30)
        }
    }

    private static func withAnotherType(_ line: String) -> String {
        for (type, other) in [
            ("const float *", "float *"), ("const double *", "double *"), ("float *", "double *"),
            ("double *", "float *"),
            ("char *", "const char *"), ("int64_t ", "int32_t "), ("uint8_t ", "int32_t "), ("size_t ", "int32_t "),
            ("double ", "float "), ("const syzygy_graph *", "syzygy_graph *"),
            ("const syzygy_random *", "syzygy_random *"), ("syzygy_node ", "int64_t "),
            ("syzygy_node *", "int64_t *"),
            ("int32_t *", "int64_t *"), ("int32_t ", "int64_t "),
        ] where line.hasPrefix("    " + type) {
            return "    " + other + line.dropFirst(4 + type.count)
        }
        return line
    }

    @Test func oneFunctionCannotHaveTwoLists() throws {
        func probe(_ id: String, _ type: String) -> String {
            """
            {"kind": "probe", "id": "\(id)", "per": "layer", "outputs": [{"id": "a", "dtype": "f64", "shape": []}],
             "call": {"symbol": "shared", "returns": "void", "args": [
               {"name": "x", "type": "f64*", "from": "quantity", "quantity": "layer.input"},
               {"name": "n", "type": "\(type)", "from": "count", "of": "x"},
               {"name": "a", "type": "f64*", "from": "output"}]},
             "examples": [{"name": "one", "given": {"x": {"shape": [1, 1], "data": [1]}}, "expect": {"a": 1}}]}
            """
        }
        let shared = try Header.text(of: try Fixture.manifest(probe("one", "i64") + "," + probe("two", "i64")))
        #expect(shared.contains("/* probe one; probe two */"))
        #expect(shared.components(separatedBy: "void shared(").count == 2)
        let manifest = try Fixture.manifest(probe("one", "i64") + "," + probe("two", "i32"))
        #expect(throws: ManifestError.self) { try Header.text(of: manifest) }
        do {
            _ = try Header.text(of: manifest)
        } catch {
            #expect(
                "\(error)".hasSuffix(
                    "the function 'shared' has other types here than for probe one; a C function has one list of types"
                ),
                "\(error)")
            #expect("\(error)".hasPrefix("plugin.json:"))
        }
    }
}

enum Fixture {
    static func manifest(_ components: String, library: String = "\"Case\"") throws -> Manifest {
        let text = """
            {"manifest": 1, "id": "org.example.case", "version": "1.0.0", "name": "Case", "summary": "For a test.",
             "license": "MIT", "library": \(library), "components": [\(components)]}
            """
        return try Manifest(try StrictJSON.parse(text, file: "plugin.json"), folder: "")
    }

    /// What a compiler says about a file; empty if it has nothing to say.
    static func compile(_ command: [String]) throws -> String {
        let root = try Installation.root
        return try run(command + ["-fsyntax-only", "-I\(root)/Sources/CSyzygy/include"]).errors
    }

    static func run(_ command: [String]) throws -> (status: Int32, errors: String) {
        let process = Process()
        let errors = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.standardOutput = FileHandle.nullDevice
        process.standardError = errors
        try process.run()
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }
}
