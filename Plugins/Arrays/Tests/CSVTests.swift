import Foundation
import Manifests
import PluginTesting
import Protocols
import Testing

private let houses = """
    area,town,price,heating
    70.5,Ulm,210000,gas
    -3,"Aalen, Ost",1.5e5,heat pump
    120,Ulm,399000.25,gas
    64,Köln,0,oil
    """

private let plain: [String: JSON] = ["path": "t.csv", "shuffle": .bool(false)]

@Suite struct CSVTests {
    private func open(_ text: String, _ options: [String: JSON], test: String? = nil) throws -> any Dataset {
        try withTemporaryFolder { folder in
            try write(Array(text.utf8), to: folder + "/t.csv")
            if let test { try write(Array(test.utf8), to: folder + "/test.csv") }
            // The file is mapped before the folder goes.
            let dataset = try dataset("csv", in: folder, plain.merging(options) { $1 })
            _ = try readRows(of: dataset, "train", 0..<1)
            return dataset
        }
    }

    private func rows(_ text: String, _ options: [String: JSON], _ split: String = "train", test: String? = nil)
        throws
        -> [String: [Double]]
    {
        try readRows(of: open(text, options, test: test), split)
    }

    /// Towns by their bytes: Aalen, Köln, Ulm.
    @Test func numbersAndTexts() throws {
        let dataset = try open(houses, ["target": "price"])
        #expect(dataset.fields == [Field(name: "x", shape: [1 + 3 + 3]), Field(name: "y", shape: [1])])
        let found = try readRows(of: dataset, "train")
        #expect(
            found["x"] == [
                70.5, 0, 0, 1, 1, 0, 0, -3, 1, 0, 0, 0, 1, 0, 120, 0, 0, 1, 1, 0, 0, 64, 0, 1, 0, 0, 0, 1,
            ])
        #expect(found["y"] == [210_000, 150_000, 399_000.25, 0])
    }

    @Test func classTargets() throws {
        let dataset = try open(houses, ["target": "heating", "columns": .array(["price", "area"])])
        #expect(dataset.fields == [Field(name: "x", shape: [2]), Field(name: "y", shape: [], classes: 3)])
        let found = try readRows(of: dataset, "train")
        #expect(found["y"] == [0, 1, 0, 2])
        #expect(found["x"] == [210_000, 70.5, 150_000, -3, 399_000.25, 120, 0, 64])
        // Numbers as classes are in the order of the numbers.
        let numbers = try open("a,b\n1,10\n2,9\n3,10\n4,-1\n", ["target": "b", "target_type": "class"])
        #expect(numbers.fields[1].classes == 3)
        #expect(try readRows(of: numbers, "train")["y"] == [2, 1, 2, 0])
    }

    /// Texts of both files are one list of classes; the test rows keep their order.
    @Test func ownTestFile() throws {
        let test = "heating,area,remark\nwood,1,x\ngas,2,y\n"
        let options: [String: JSON] = ["target": "heating", "columns": .array(["area"]), "test_path": "test.csv"]
        let dataset = try open(houses, options, test: test)
        #expect(dataset.fields[1].classes == 4)
        #expect(try readRows(of: dataset, "test") == ["x": [1, 2], "y": [3, 0]])
        #expect(try dataset.rows(in: "train") == 4)
    }

    @Test func formsOfFiles() throws {
        let expected: [String: [Double]] = ["x": [1, 2, 3, 4], "y": [5, 6]]
        let named: [String: JSON] = ["target": "c"]
        for text in [
            "a,b,c\n1,2,5\n3,4,6\n", "a,b,c\r\n1,2,5\r\n3,4,6", "\u{FEFF}a,b,c\n1,2,5\n3,4,6\n\n\r\n",
            " a , b\t, c\n 1 ,\t2,5\n+3,4e0,  .06e2 \n", "\"a\",\"b\",c\n\"1\",2,\"5\" \n3 ,\"4\",6\n",
        ] { #expect(try rows(text, named) == expected, "\(text)") }
        #expect(
            try rows("1;2;5\n3;4;6\n", ["target": "3", "header": .bool(false), "separator": "semicolon"]) == expected)
        #expect(try rows("a\tb\tc\n1\t2\t5\n3\t4\t6\n", ["target": "c", "separator": "tab"]) == expected)
        #expect(
            try open("n,t\n1,\"two\nlines \"\"x\"\"\"\n2,one\n3,\"two\nlines \"\"x\"\"\"\n", ["target": "t"]).fields[
                1
            ]
            .classes == 2)
    }

    /// Decimal numbers are read to the last bit: against Foundation's reading of the same text.
    @Test func numbersAreExact() throws {
        var generator = SplitMix(seed: 31)
        var texts = [
            "0.1", "-0", "9007199254740993", "1e23", "8.5e-324", "123456789012345678901234567890", "4.35", "1e22",
        ]
        for _ in 0..<400 {
            let bits = Double(bitPattern: generator.next())
            if bits.isFinite { texts.append("\(bits)") }
            texts.append(
                "\(Int.random(in: -999_999...999_999, using: &generator)).\(Int.random(in: 0...99_999, using: &generator))"
            )
        }
        let found = try rows("a,b\n" + texts.map { "\($0),0\n" }.joined(), ["target": "b"])["x"] ?? []
        #expect(found.map(\.bitPattern) == texts.map { Double($0)?.bitPattern })
    }

    /// NumPy reads the same numbers from the same file.
    @Test(.enabled(if: hasNumPy, "needs python3 with NumPy"))
    func agreesWithNumPy() throws {
        let script = """
            import sys, numpy as np
            rng = np.random.default_rng(3)
            x = rng.standard_normal((11, 4)) * 10.0 ** rng.integers(-8, 9, (11, 4))
            np.savetxt(sys.argv[1], x, delimiter=";", header="a;b;c;d", comments="", fmt="%.17g")
            print(*np.loadtxt(sys.argv[1], delimiter=";", skiprows=1)[:, :3].ravel().tolist())
            """
        try withTemporaryFolder { folder in
            let printed = try #require(python(script, folder + "/t.csv"))
            let dataset = try dataset(
                "csv", in: folder, plain.merging(["target": "d", "separator": "semicolon"]) { $1 })
            #expect(
                try readRows(of: dataset, "train")["x"] == printed.split(separator: " ").map { Double($0) ?? .nan })
        }
    }

    @Test func sentences() throws {
        let cases: [(String, [String: JSON], String)] = [
            ("", [:], "t.csv: is empty"),
            ("a,b\n", [:], "t.csv: has no rows"),
            ("a,b\n1,2\n3\n", [:], "t.csv, line 3: 1 fields, expected 2 as in the first line"),
            ("a,b\n1,2,3\n", [:], "t.csv, line 2: 3 fields, expected 2 as in the first line"),
            ("a,b\n1,2\n\n3,4\n", [:], "t.csv, line 3: is empty; every line holds a record"),
            ("a,b\n1,2\n,4\n", [:], "t.csv, line 3: column 'a' has no value (''); fill it in or leave the row out"),
            (
                "a,b\n1,2\nNA,4\n", [:],
                "t.csv, line 3: column 'a' has no value ('NA'); fill it in or leave the row out"
            ),
            ("a,b\n?,4\n", [:], "t.csv, line 2: column 'a' has no value ('?'); fill it in or leave the row out"),
            (
                "a,b\n1,2\nx1,4\n", [:],
                "t.csv, line 3: column 'a': 'x1' is not a number, which the column holds before"
            ),
            (
                "a,b\n1,2\n1e999,4\n", [:],
                "t.csv, line 3: column 'a': '1e999' is not a finite number of 64 bits"
            ),
            ("a,b\n-1e999,2\n", [:], "t.csv, line 2: column 'a': '-1e999' is not a finite number of 64 bits"),
            ("a,b\n-Inf,2\n3,4\n", [:], "t.csv, line 2: column 'a': '-Inf' is not a finite number of 64 bits"),
            ("a,b\n3,inf\n", [:], "t.csv, line 2: column 'b': 'inf' is not a finite number of 64 bits"),
            (
                "a,b\n<NA>,2\n3,4\n", [:],
                "t.csv, line 2: column 'a' has no value ('<NA>'); fill it in or leave the row out"
            ),
            (
                "a,b\n1,2\n0x10,4\n", [:],
                "t.csv, line 3: column 'a': '0x10' is not a number, which the column holds before"
            ),
            (
                "a,b\n\"x\ny\",2\n\"3,4\n", [:],
                "t.csv, line 4: the file ends inside a quoted field; its closing quote is missing"
            ),
            ("a,b\n\"1\"2,3\n", [:], "t.csv, line 2: text follows the closing quote of a field"),
            (
                "a,b\n1\"2,3\n", [:],
                "t.csv, line 2: a quote inside an unquoted field; a field with quotes is written \"like \"\"this\"\"\""
            ),
            ("a,b\n1\u{0}2,3\n", [:], "t.csv, line 2: a zero byte; expected text in UTF-8"),
            ("a,a\n1,2\n", [:], "t.csv, line 1: two columns are called 'a'"),
            ("a,c\n1,2\n", [:], "t.csv: no column 'b' (it has: a, c)"),
            ("b\n1\n", [:], "t.csv: no column is left for x beside the target 'b'"),
            ("a,b\n1,2\n", ["columns": .array(["d"])], "t.csv: no column 'd' (it has: a, b)"),
            (
                "a,b\n1,red\n", ["target_type": "number"],
                "t.csv, line 2: column 'b': 'red' is not a number, which the column holds before"
            ),
            (
                "a,b\n" + (0...1000).map { "t\($0),1\n" }.joined(), [:],
                "t.csv, line 1002: column 'a' has more than 1000 different texts; leave it out of 'columns'"
            ),
        ]
        for (text, options, expected) in cases {
            let found = sentence { _ = try open(text, ["target": "b"].merging(options) { $1 }) }
            #expect(found == "failed (input/output error): \(expected)")
        }
        let target = sentence { _ = try open("a,b\n1,2\n", ["target": "b", "columns": .array(["b"])]) }
        #expect(target == "failed (invalid arguments): columns: 'b' is the target")
        let other = sentence {
            _ = try open("a,b\n1,2\n", ["target": "b", "test_path": "test.csv"], test: "a,c\n1,2\n")
        }
        #expect(other == "failed (input/output error): test.csv: no column 'b' (it has: a, c)")
    }

    @Test func damagedFiles() throws {
        var generator = SplitMix(seed: 77)
        let whole = Array(houses.utf8)
        let marks = Array("\",;\n\r\0 1.e-".utf8)
        try withTemporaryFolder { folder in
            var refused = 0
            for round in 0..<800 {
                var bytes = whole
                if round % 4 == 0 { bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &generator))) }
                for _ in 0..<Int.random(in: 1...3, using: &generator) where !bytes.isEmpty {
                    let byte =
                        round % 2 == 0
                        ? marks.randomElement(using: &generator) ?? 0 : UInt8.random(in: 0...255, using: &generator)
                    let place = Int.random(in: 0..<bytes.count, using: &generator)
                    if round % 3 == 0 { bytes.insert(byte, at: place) } else { bytes[place] = byte }
                }
                try write(bytes, to: folder + "/t.csv")
                do {
                    let dataset = try dataset(
                        "csv", in: folder, ["path": "t.csv", "target": "town", "test_rows": .int(1)])
                    _ = try readRows(of: dataset, "train")
                    _ = try readRows(of: dataset, "test")
                } catch {
                    refused += 1
                }
            }
            #expect((200..<800).contains(refused))
        }
    }
}
