import Foundation
import Manifests
import Protocols
import Testing

@Suite struct JSONTests {
    @Test func writes() throws {
        let value = JSON.object([
            "z": .int(-7), "a": .double(0.1), "text": .string("a\"\\\n\u{1}é😀"), "none": .null,
            "list": .array([.int(1), .bool(true)]),
            "empty": .array([]), "nothing": .object([:]), "nested": .array([.object(["k": .double(1e-7)])]),
            "nan": .double(.nan),
        ])
        #expect(
            value.text(pretty: false)
                == #"{"z":-7,"a":0.1,"text":"a\"\\\n\u0001é😀","none":null,"list":[1,true],"empty":[],"nothing":{},"#
                + #""nested":[{"k":1e-07}],"nan":null}"#)
        #expect(
            value.text(pretty: true) == #"""
                {
                  "z": -7,
                  "a": 0.1,
                  "text": "a\"\\\n\u0001é😀",
                  "none": null,
                  "list": [1, true],
                  "empty": [],
                  "nothing": {},
                  "nested": [
                    {
                      "k": 1e-07
                    }
                  ],
                  "nan": null
                }
                """#)
    }

    /// Reading what was written gives the same value, to the last bit.
    @Test(arguments: [true, false]) func roundTrips(pretty: Bool) throws {
        for fixture in Fixture.allCases {
            let root = try StrictJSON.parse(fixture.text, file: "f").root
            #expect(try StrictJSON.parse(root.text(pretty: pretty), file: "f").root == root)
        }
        for double in [
            0.1, -0.0, Double.leastNonzeroMagnitude, 1e16, 123456789.125, .greatestFiniteMagnitude, 1 / 3, 1e22,
            2.5e-300,
        ] {
            let text = JSON.object(["x": .double(double)]).text(pretty: pretty)
            let back = try #require(try StrictJSON.parse(text, file: "f").root["x"]?.double)
            #expect(back.bitPattern == double.bitPattern)
        }
    }

    @Test func comparesMeaning() {
        let one = JSON.object(["a": .int(1), "b": .array([.double(2)])])
        let other = JSON.object(["b": .array([.int(2)]), "a": .double(1)])
        #expect(one != other && one.isEqual(to: other))
        #expect(!one.isEqual(to: .object(["a": .int(1)])))
        #expect(!JSON.int(1).isEqual(to: .bool(true)) && !JSON.null.isEqual(to: .int(0)))
        #expect(JSON.int(.max).isLess(than: .int(.min)) == false && JSON.string("a").isLess(than: .int(1)) == nil)
    }

    @Test(arguments: [
        ("", ""), ("/a", "a"), ("/components/0/call/args/3", "components[0].call.args[3]"), ("/a~1b/c~0d", "a/b.c~d"),
    ])
    func readsPointers(_ pointer: String, _ path: String) {
        #expect(Pointer.path(pointer) == path)
    }

    @Test func escapesPointers() {
        #expect(Pointer.child("/x", "a/b~c") == "/x/a~1b~0c")
        #expect(Pointer.tokens("/x/a~1b~0c") == ["x", "a/b~c"])
        #expect(Pointer.tokens("/~01") == ["~1"])
        #expect(Pointer.tokens("/") == [""])
    }

    @Test func findsTheNearestPosition() {
        let document = Document(
            file: "f", root: .null,
            positions: ["": Position(line: 1, column: 1), "/a": Position(line: 2, column: 7)],
            keyPositions: ["/a": Position(line: 2, column: 2)])
        #expect(document.position(of: "/a/b/c") == Position(line: 2, column: 7))
        #expect(document.position(of: "/b") == Position(line: 1, column: 1))
        #expect(document.problem(at: "/a", key: true, "no").description == "f:2:2: no")
        #expect(Document(file: "f", root: .null).problem(at: "/a", "no").description == "f: no")
    }
}

@Suite struct NearestTests {
    @Test(
        arguments: [
            ("symbl", ["symbol", "returns", "args"], "symbol"),
            ("wieght_decay", ["weight_decay", "convention", "only"], "weight_decay"),
            ("Momentum", ["momentum", "moment"], "momentum"),
            ("dims", ["dim", "field"], "dim"),
            ("aa", ["b", "a"], "a"),
            ("x", ["y", "z"], nil),
            ("double*", ["f64*", "i64*"], nil),
            ("lr", ["learning_rate", "momentum"], nil),
            ("", ["a"], nil),
            ("abc", [], nil),
        ] as [(String, [String], String?)]) func finds(_ name: String, _ candidates: [String], _ expected: String?)
    {
        #expect(Nearest.name(to: name, among: candidates) == expected)
    }

    @Test func hints() {
        #expect(Nearest.hint(for: "lrr", among: ["lr", "eps"]) == "; did you mean 'lr'? (allowed: lr, eps)")
        #expect(Nearest.hint(for: "zzz", among: ["lr", "eps"], label: "sgd has") == " (sgd has: lr, eps)")
        #expect(Nearest.hint(for: "zzz", among: []) == "")
    }
}

@Suite struct QuantityExpressionTests {
    @Test(arguments: [
        ("layer.input", "layer.input", 2, [ProbeScope.layer]),
        ("labels", "labels", 1, [.run, .layer, .parameter, .layerPair, .runPair]),
        ("moment.raw( layer.output )", "moment.raw(layer.output)", 2, [.layer]),
        ("mean(model.output)", "mean(model.output)", 1, [.run, .layer, .parameter, .layerPair]),
        ("cross.raw(layer.input,head.output)", "cross.raw(layer.input, head.output)", 2, [.layer]),
        ("wwt(head.weight)", "wwt(head.weight)", 2, [.run, .layer, .parameter, .layerPair]),
        ("parameter.grad", "parameter.grad", 1, [.parameter]),
        (
            "cross.centred(first.output,second.input)", "cross.centred(first.output, second.input)", 2,
            [.layerPair, .runPair]
        ),
        ("first.model.output", "first.model.output", 2, [.runPair]),
        ("cross.raw(first.input, layer.output)", "cross.raw(first.input, layer.output)", 2, []),
    ]) func reads(_ text: String, _ canonical: String, _ rank: Int, _ scopes: [ProbeScope]) throws {
        let expression = try QuantityExpression(text)
        #expect(expression.description == canonical && expression.rank == rank && expression.scopes == scopes)
        #expect(expression.isInteger == (text == "labels"))
    }

    @Test func readsQuantitiesOfPlugins() throws {
        let text =
            "org.example.my-plugin/f( moment.raw(layer.output),a.b/c_2(labels,k=7) , scale=-1e-3,mode=both,p=2.0)"
        let expression = try QuantityExpression(text), definition = try #require(expression.definition)
        #expect(
            expression.description
                == "org.example.my-plugin/f(moment.raw(layer.output), a.b/c_2(labels, k=7), scale=-0.001, mode=both, p=2)"
        )
        #expect(try QuantityExpression(expression.description) == expression)
        #expect(definition.component == "org.example.my-plugin/f" && expression.arguments == [.layerOutput, .labels])
        #expect(definition.options.map(\.json) == [.double(-1e-3), .string("both"), .int(2)])
        #expect(definition.arguments[1].definition?.options.map(\.json) == [.int(7)])
        #expect(expression.rank == nil && !expression.isOfSamples && expression.scopes == [.layer])
        #expect(try QuantityExpression("a.b/c").description == "a.b/c")
    }

    @Test(arguments: [
        "", "(", "()", "mean", "mean(", "mean()", "mean(layer.input", "mean(mean(layer.input))", "wtw(layer.input)",
        "moment.raw(labels)", "cross.raw(layer.input)", "mean(layer.input,layer.output)", "layer.input)", "{variant}",
        "a.b/", "/c", "a.b/c/d", "a.b/C", "a.b/c(", "a.b/c()", "a.b/c(labels", "a.b/c(labels))", "a.b/c(k=1, labels)",
        "a.b/c(k=1, k=2)", "a.b/c((labels)", "moment.raw(a.b/c)",
        "a.b/c(a.b/c(a.b/c(a.b/c(a.b/c(a.b/c(a.b/c(a.b/c(a.b/c(a.b/c(a.b/c))))))))))",
    ])
    func refuses(_ text: String) {
        #expect(throws: UnknownQuantity.self) { try QuantityExpression(text) }
    }
}

@Suite struct ParameterDeclarationTests {
    private func parameter(_ component: Fixture, _ id: String) throws -> ParameterDeclaration {
        try #require(try component.manifest().components.first?.parameter(id))
    }

    @Test(arguments: [
        (Fixture.optimizer, "lr", JSON.int(1), JSON.double(1)), (.dataset, "rows", .double(7), .int(7)),
        (
            .probe, "variant", .array([.string("raw"), .string("centred")]),
            .array([.string("raw"), .string("centred")])
        ),
        (.model, "widths", .array([.double(3), .int(4)]), .array([.int(3), .int(4)])),
        (.model, "widths", .array([]), .array([])),
        (.dataset, "standardize", .bool(true), .bool(true)), (.dataset, "path", .string("x"), .string("x")),
    ]) func normalizes(_ fixture: Fixture, _ id: String, _ value: JSON, _ expected: JSON) throws {
        #expect(try parameter(fixture, id).check(value) == .success(expected))
    }

    @Test(arguments: [
        (Fixture.optimizer, "lr", JSON.double(-0.1), "lr must be > 0, got -0.1", ""),
        (.optimizer, "lr", .double(.infinity), "lr must be finite, got null", ""),
        (.optimizer, "lr", .string("0.1"), "lr must be a number, got '0.1'", ""),
        (.optimizer, "spread", .int(1), "spread must be >= 0 and < 1, got 1", ""),
        (.dataset, "rows", .double(2.5), "rows must be an integer, got 2.5", ""),
        (.dataset, "standardize", .int(1), "standardize must be true or false, got 1", ""),
        (.dataset, "path", .null, "path must be a string, got null", ""),
        (
            .dataset, "law", .string("normel"),
            "unknown law 'normel'; did you mean 'normal'? (allowed: normal, uniform)", ""
        ),
        (.dataset, "law", .int(0), "law must be one of normal, uniform, got 0", ""),
        (
            .dataset, "hidden", .array(Array(repeating: .int(2), count: 9)),
            "hidden must have at most 8 items, got 9", ""
        ),
        (.model, "widths", .array([.int(5), .int(0)]), "widths[1] must be >= 1 and <= 65536, got 0", "/1"),
        (.model, "widths", .int(64), "widths must be a list of integers, got 64; write [64]", ""),
        (.model, "widths", .string("64"), "widths must be a list of integers, got '64'", ""),
        (.probe, "variant", .array([]), "variant must have at least 1 item, got 0", ""),
        (.probe, "variant", .string("raw"), "variant must be a list of names, got 'raw'; write [\"raw\"]", ""),
        (.probe, "variant", .array([.string("raw"), .string("raw")]), "variant lists 'raw' twice", "/1"),
    ]) func refuses(_ fixture: Fixture, _ id: String, _ value: JSON, _ sentence: String, _ path: String) throws {
        #expect(try parameter(fixture, id).check(value) == .failure(InvalidOption(sentence, path: path)))
    }

    @Test(arguments: [
        (Fixture.optimizer, "lr", "lr: float > 0, default 0.1, log scale. Learning rate."),
        (.model, "widths", "widths: list of integers >= 1 and <= 65536, default [64,64]"),
        (.dataset, "law", "law: one of normal, uniform, default \"normal\""),
        (.probe, "variant", "variant: list of names raw, centred, normalized, default [\"raw\"]"),
        (.dataset, "standardize", "standardize: bool, default false"),
    ]) func summarizes(_ fixture: Fixture, _ id: String, _ line: String) throws {
        #expect(try parameter(fixture, id).summary == line)
    }
}

@Suite struct InstallationTests {
    @Test func findsTheSchemas() throws {
        let files = FileManager.default
        let folder = files.temporaryDirectory.appendingPathComponent("installation-\(UUID().uuidString)").path
        defer { try? files.removeItem(atPath: folder) }
        for root in ["\(folder)/source", "\(folder)/prefix/share/syzygy"] {
            try files.createDirectory(atPath: "\(root)/Schemas", withIntermediateDirectories: true)
            try "{}".write(toFile: "\(root)/Schemas/plugin.schema.json", atomically: true, encoding: .utf8)
        }
        #expect(
            try Installation.root(above: "\(folder)/source/.build/release/syzygy", override: nil)
                == "\(folder)/source")
        #expect(
            try Installation.root(above: "\(folder)/prefix/bin/syzygy", override: "")
                == "\(folder)/prefix/share/syzygy")
        #expect(try Installation.root(above: "/bin/syzygy", override: "\(folder)/source") == "\(folder)/source")
    }

    @Test func saysWhatIsMissing() {
        #expect {
            try Installation.root(above: "/nowhere/bin/syzygy", override: "/nothing")
        } throws: { "\($0)" == "SYZYGY_ROOT is '/nothing', but '/nothing/Schemas/plugin.schema.json' does not exist" }
        #expect {
            try Installation.root(above: "/nowhere/bin/syzygy", override: nil)
        } throws: {
            "\($0)".hasPrefix("the files of this installation were not found: no folder above '/nowhere/bin/syzygy'")
        }
    }
}
