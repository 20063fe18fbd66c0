import Foundation
import Manifests
import PluginHost
import PluginTesting
import Testing

/// What plugins of before were compiled with and written against works as it did. `Tests/Compatibility` keeps every header and schema
/// that was ever on the main branch.
@Suite struct CompatibilityTests {
    private static let folder = Tool.root + "/Tests/Compatibility"
    private static let minors = numbers("headers") { $0.hasPrefix("1.") ? Int($0.dropFirst(2)) : nil }
    private static let states = numbers("manifests") { Int($0) }

    private static func numbers(_ name: String, _ number: (String) -> Int?) -> [Int] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(name)")) ?? []).compactMap(number)
            .sorted()
    }

    private static func pastHeader(_ minor: Int) -> String { "\(folder)/headers/1.\(minor)" }
    private static let header = Tool.root + "/Sources/CSyzygy/include"

    private static func read(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    // MARK: The header

    /// The header without comments, directives and assertions.
    private static func declarations(_ text: String) -> String {
        text.replacing(/\/\*(?:.|\n)*?\*\//, with: " ").replacing(/(?m)^#.*$/, with: " ")
            .replacing(/(_Static_assert|SYZYGY_SIZE|SYZYGY_AT)\s*\((?:.|\n)*?\);/, with: " ")
            .split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    /// A change of the header is a new minor, whose text is kept.
    @Test func thePresentHeaderIsTheLastOneKept() throws {
        let last = try #require(Self.minors.last)
        #expect(Self.minors == Array(0...last))
        let present = try Self.read(Self.header + "/syzygy.h")
        #expect(present.contains("#define SYZYGY_MINOR \(last)\n"))
        #expect(
            try Self.declarations(present) == Self.declarations(Self.read(Self.pastHeader(last) + "/syzygy.h")),
            "syzygy.h changed: raise SYZYGY_MINOR and keep the text as Tests/Compatibility/headers/1.\(last + 1)/syzygy.h"
        )
    }

    /// The members of all structs, and the constants.
    private static func members(_ header: String) -> (
        structs: [(name: String, members: [String])], constants: [String]
    ) {
        let text = header.replacing(/\/\*(?:.|\n)*?\*\//, with: " ")
        let structs = text.matches(of: /typedef struct \{((?:.|\n)*?)\}\s*(\w+);/).map { match in
            let members = match.1.split(separator: ";").compactMap { declaration -> String? in
                let name = declaration.firstMatch(of: /\(\*(\w+)\)/)?.1 ?? declaration.firstMatch(of: /(\w+)\s*$/)?.1
                return name.map(String.init)
            }
            return (String(match.2), members)
        }
        return (structs, text.matches(of: /(SYZYGY_\w+) = \d+/).map { String($0.1) })
    }

    /// Compiled with a past header and with the present one, the places are the same: structs only grow, at their ends, and those
    /// that arrays are made of do not.
    @Test(arguments: minors) func everythingIsWhereItWas(_ minor: Int) throws {
        let scratch = try Scratch()
        let (structs, constants) = Self.members(try Self.read(Self.pastHeader(minor) + "/syzygy.h"))
        #expect(structs.count >= 5 && constants.count == 8)
        #expect(structs.allSatisfy { $0.members.count >= 2 })
        var lines = constants.map { "printf(\"\($0) %d\\n\", \($0));" }
        for (name, members) in structs {
            lines += members.map {
                "printf(\"\(name).\($0) %zu %zu\\n\", offsetof(\(name), \($0)), sizeof(((\(name) *)0)->\($0)));"
            }
            if members[0] != "struct_size" { lines.append("printf(\"\(name) %zu\\n\", sizeof(\(name)));") }
        }
        try scratch.write(
            "#include <stdio.h>\n#include \"syzygy.h\"\nint main(void) {\n\(lines.joined(separator: "\n"))\n}\n",
            to: "p.c")
        let outputs = try [Self.pastHeader(minor), Self.header].map { include in
            let built = try Tool.run(
                ["cc", "-I", include, "-o", "p", "p.c"], with: URL(fileURLWithPath: "/usr/bin/env"), in: scratch)
            try #require(built.status == 0, "\(built.errors)")
            return try Tool.run([], with: URL(fileURLWithPath: scratch.path + "/p"), in: scratch).output
        }
        #expect(outputs[0].split(separator: "\n").count == lines.count)
        #expect(outputs[0] == outputs[1])
    }

    private static func components(_ minor: Int) -> String {
        let slope = """
            , {"kind": "probe", "id": "past_slope", "per": "run", "outputs": [{"id": "sum", "dtype": "f64", "shape": []}],
             "call": {"symbol": "past_slope", "returns": "status", "args": [
              {"name": "o", "type": "service", "from": "service", "service": "syzygy.objective/1"},
              {"name": "j", "type": "service", "from": "service", "service": "syzygy.jacobian/1"},
              {"name": "sum", "type": "f64*", "from": "output"}]}, \(examples)}
            """
        return """
            {"kind": "dataset", "id": "past_points", "splits": {"train": {"const": 40}, "test": {"const": 20}},
             "outputs": [{"id": "x", "dtype": "f64", "shape": ["rows", 4]}, {"id": "y", "dtype": "i32", "shape": ["rows"], "classes": 3}],
             "call": {"symbol": "past_points", "returns": "void", "args": [
              {"name": "r", "type": "service", "from": "service", "service": "syzygy.random/1"},
              {"name": "split", "type": "i32", "from": "split"},
              {"name": "begin", "type": "i64", "from": "index_begin"}, {"name": "end", "type": "i64", "from": "index_end"},
              {"name": "x", "type": "f64*", "from": "output"}, {"name": "y", "type": "i32*", "from": "output"}]},
             "examples": [{"name": "not looked at", "given": {"begin": 0, "end": 1},
              "expect": {"x": {"shape": [1, 4], "data": [0, 0, 0, 0]}, "y": {"shape": [1], "data": [0]}}}]},
            {"kind": "model", "id": "past_net", "outputs": [{"id": "output"}],
             "call": {"symbol": "past_net", "returns": "status", "args": [
              {"name": "g", "type": "service", "from": "service", "service": "syzygy.graph/1"},
              {"name": "x", "type": "i32", "from": "input"}, {"name": "d_in", "type": "i64", "from": "dim", "of": "x", "axis": 1},
              {"name": "d_out", "type": "i64", "from": "dim", "of": "y", "axis": "classes"},
              {"name": "output", "type": "i32*", "from": "output"}]},
             "examples": [{"name": "not looked at", "given": {"x": {"shape": [1, 4], "data": [0, 0, 0, 0]}, "classes": 3},
              "expect": {"output": {"shape": [1, 3], "data": [0, 0, 0]}}}]},
            {"kind": "probe", "id": "past_spectrum", "per": "layer",
             "outputs": [{"id": "largest", "dtype": "f64", "shape": []}, {"id": "trace", "dtype": "f64", "shape": []}],
             "call": {"symbol": "past_spectrum", "returns": "status", "args": [
              {"name": "l", "type": "service", "from": "service", "service": "syzygy.linalg/1"},
              {"name": "w", "type": "f64*", "from": "quantity", "quantity": "layer.weight"},
              {"name": "m", "type": "i64", "from": "dim", "of": "w", "axis": 0}, {"name": "n", "type": "i64", "from": "dim", "of": "w", "axis": 1},
              {"name": "largest", "type": "f64*", "from": "output"}, {"name": "trace", "type": "f64*", "from": "output"}]},
             "examples": [{"name": "not looked at", "given": {"w": {"shape": [1, 1], "data": [1]}},
              "expect": {"largest": 1, "trace": 1.5}}]}\(minor >= 1 ? slope : "")
            """
    }

    private static let examples = """
        "examples": [{"name": "not looked at", "given": {"x": {"shape": [1, 1], "data": [0]}, "y": {"shape": [1], "data": [0]},
          "parameters": {"shape": [1], "data": [0]}}, "expect": {"sum": 0}}]
        """

    /// What the study measures with a plugin of a minor, compiled with a header.
    private static func observations(_ minor: Int, header: String) throws -> String {
        let scratch = try Scratch()
        try scratch.write(
            """
            {"manifest": 1, "id": "org.example.past", "version": "0.1.0", "name": "Past", "summary": "For a test.",
             "license": "Apache-2.0", "library": "past", "components": [\(components(minor))]}
            """, to: "mine/past/plugin.json")
        let built = try Tool.run(
            [
                "cc", "-O1", "-shared", "-fPIC", "-DMINOR=\(minor)", "-I", header, "-o", "mine/past/libpast.so",
                folder + "/headers/past.c", "-lm",
            ], with: URL(fileURLWithPath: "/usr/bin/env"), in: scratch)
        try #require(built.status == 0, "\(built.errors)")
        try scratch.write(
            """
            study: past
            dataset: {plugin: past_points}
            model: {plugin: past_net}
            loss: {plugin: cross_entropy}
            optimizer: {plugin: sgd, lr: 0.1}
            train: {steps: 7, batch_size: 11, precision: f64}
            probes:
              p: {plugin: performance, at: {steps: [0, 7]}}
              s: {plugin: past_spectrum, at: {steps: [0, 7]}}
            \(minor >= 1 ? "  d: {plugin: past_slope, at: {steps: [0, 7]}}" : "")
            seeds: [3]
            """, to: "s.yaml")
        let run = try Tool.run(["run", "s.yaml", "--out", "out", "--plugin-path", "mine"], in: scratch)
        try #require(run.status == 0, "\(run.errors)")
        let name = try #require(try scratch.names("out/runs").first)
        return try scratch.read("out/runs/\(name)/observations.csv")
    }

    /// A library compiled when the header was younger gives the bits that it gives compiled today.
    @Test(arguments: minors) func aPluginOfAPastHeaderRuns(_ minor: Int) throws {
        let past = try Self.observations(minor, header: Self.pastHeader(minor))
        let present = try Self.observations(minor, header: Self.header)
        #expect(past.split(separator: "\n").count == (minor >= 1 ? 17 : 15))
        let values = past.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false)[5] }
        #expect(!values.contains(""), "\(past)")
        #expect(past == present)
    }

    // MARK: Manifests

    private static func manifest(_ state: Int) -> String {
        folder + "/manifests/" + (state < 10 ? "0\(state)" : "\(state)")
    }

    /// States that only refuse more than those before.
    private static let narrower: Set<Int> = [2]

    /// Each manifest is one of its time: its schema accepts it, the one before does not.
    @Test(arguments: states) func aKeptManifestIsOfItsTime(_ state: Int) throws {
        let document = try StrictJSON.read(Self.manifest(state) + "/plugin.json")
        func problems(_ state: Int) throws -> [String] {
            try Schema(path: Self.manifest(state) + "/schema.json").problems(in: document).map(\.description)
        }
        #expect(try problems(state) == [])
        if state > 1, !Self.narrower.contains(state) { #expect(try problems(state - 1) != []) }
        for later in Self.states where later > state { #expect(try problems(later) == [], "refused by \(later)") }
    }

    /// And today's host loads it, and its functions do what its examples say.
    @Test(arguments: states) func aKeptManifestLoadsAndRuns(_ state: Int) throws {
        let scratch = try Scratch()
        try scratch.write(try Self.read(Self.manifest(state) + "/plugin.json"), to: "plugin/plugin.json")
        try scratch.write(try Self.read(Self.folder + "/manifests/past.c"), to: "past.c")
        let built = try Tool.run(
            ["cc", "-O1", "-shared", "-fPIC", "-I", Self.header, "-o", "plugin/libpast.so", "past.c", "-lm"],
            with: URL(fileURLWithPath: "/usr/bin/env"), in: scratch)
        try #require(built.status == 0, "\(built.errors)")
        let registry = Registry(paths: [scratch.path])
        #expect(registry.rejected.map { "\($0.error)" } == [])
        let manifest = try #require(registry.manifests.first)
        let (count, failures) = try exampleFailures(ofPlugin: manifest.id, registry: registry)
        #expect(count == manifest.components.flatMap(\.examples).count && count > 0)
        #expect(failures == [])
    }

    /// What a schema asks, without what it only says: words, defaults, and properties of which nothing is asked.
    private static func meaning(_ schema: JSON, isMapOfNames: Bool = false) -> JSON {
        if let items = schema.array { return .array(items.map { meaning($0) }) }
        guard let members = schema.object else { return schema }
        var kept: [(String, JSON)] = []
        for (key, value) in members {
            if !isMapOfNames, ["description", "title", "default", "examples", "$comment", "$id"].contains(key) {
                continue
            }
            let isMap =
                !isMapOfNames && ["properties", "patternProperties", "$defs", "dependentSchemas"].contains(key)
            var value = meaning(value, isMapOfNames: isMap)
            if key == "properties", !isMapOfNames, members["additionalProperties"] == nil {
                value = .object(.init(uniqueKeysWithValues: (value.object ?? [:]).filter { $1 != .object([:]) }))
                if value == .object([:]) { continue }
            }
            kept.append((key, value))
        }
        return .object(.init(uniqueKeysWithValues: kept))
    }

    /// Where two values differ first; nil if nowhere.
    private static func difference(_ a: JSON, _ b: JSON, at pointer: String = "") -> String? {
        if let a = a.object, let b = b.object {
            for key in Array(a.keys) + Array(b.keys) {
                let here = "\(pointer)/\(key)"
                guard let one = a[key], let other = b[key] else { return here }
                if let found = difference(one, other, at: here) { return found }
            }
            return nil
        }
        if let a = a.array, let b = b.array, a.count == b.count {
            return zip(a, b).enumerated().lazy.compactMap { difference($1.0, $1.1, at: "\(pointer)/\($0)") }.first
        }
        return a.isEqual(to: b) ? nil : pointer
    }

    /// A change of what the schema asks is a new state, which is kept with a manifest of its time.
    @Test func thePresentSchemaIsTheLastOneKept() throws {
        let last = try #require(Self.states.last)
        let kept = try StrictJSON.read(Self.manifest(last) + "/schema.json").root
        let present = try StrictJSON.read(Tool.root + "/Schemas/plugin.schema.json").root
        let difference = Self.difference(Self.meaning(kept), Self.meaning(present))
        #expect(
            difference == nil,
            """
            plugin.schema.json asks something else at \(difference ?? ""): keep it as \(Self.manifest(last + 1))/schema.json, with a \
            plugin.json that uses what is new
            """)
        // The comparison sees a keyword, and a name.
        for change in ["\"maxItems\": 64", "\"per\""] {
            let text = try Self.read(Tool.root + "/Schemas/plugin.schema.json")
            try #require(text.contains(change))
            let changed = text.replacing(change, with: change == "\"per\"" ? "\"pur\"" : "\"maxItems\": 65")
            let root = try StrictJSON.parse(changed, file: "changed").root
            #expect(Self.difference(Self.meaning(present), Self.meaning(root)) != nil)
        }
    }

    @Test func noStateIsLeftOut() { #expect(Self.states == Array(1...max(1, Self.states.count))) }
}
