import Foundation
import Testing

/// Studies over files of the user, three steps each.
@Suite struct DataFileTests {
    private static func study(_ dataset: String, loss: String) -> String {
        """
        study: files
        dataset: {\(dataset)}
        model: {plugin: mlp, widths: [7]}
        loss: {plugin: \(loss)}
        optimizer: {plugin: sgd, lr: 0.05}
        train: {steps: 3, batch_size: 4}
        probes:
          test: {plugin: performance, split: test, at: last}
        """
    }

    private static let table =
        "size,colour,price\n" + (0..<11).map { "\($0).5,\($0 % 3 == 0 ? "red" : "blue"),\(3 * $0 - 4)\n" }.joined()

    private func run(_ scratch: Scratch, _ arguments: [String] = []) throws -> Tool.Result {
        try Tool.run(["run", "studies/s.yaml", "--out", "out"] + arguments, in: scratch)
    }

    /// The table is found from the study's folder, wherever the command runs; another table is another run.
    @Test func aTable() throws {
        let scratch = try Scratch()
        try scratch.write(Self.table, to: "data/table.csv")
        try scratch.write(
            Self.study(
                "plugin: csv, path: ../data/table.csv, target: price, test_fraction: 0.3, standardize: true",
                loss: "mean_squared_error"), to: "studies/s.yaml")
        let first = try run(scratch)
        #expect(first.status == 0, "\(first.errors)")
        let name = try #require(try scratch.names("out/runs").first)
        let record = try scratch.read("out/runs/\(name)/run.json")
        #expect(record.contains("\"status\": \"finished\""))
        #expect(record.contains("\"path\": \"../data/table.csv\",\n      \"bytes\": \(Self.table.utf8.count),"))
        #expect(try scratch.read("out/runs/\(name)/observations.csv").contains("3,test,loss,,,"))
        #expect(try run(scratch).status == 0)
        #expect(try scratch.names("out/runs") == [name])
        try scratch.write(Self.table + "30.5,red,1\n", to: "data/table.csv")
        #expect(try run(scratch).status == 0)
        #expect(try scratch.names("out/runs").count == 2)
    }

    @Test func imagesOfTheIDXFormat() throws {
        let scratch = try Scratch()
        let pixels = (0..<13 * 6).map { UInt8($0 * 3) }
        let header: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 13, 0, 0, 0, 3, 0, 0, 0, 2]
        let labels: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 13] + (0..<13).map { UInt8($0 % 5) }
        try scratch.write("", to: "studies/data/x")
        try Data(header + pixels).write(to: URL(fileURLWithPath: scratch.path + "/studies/data/x"))
        try Data(labels).write(to: URL(fileURLWithPath: scratch.path + "/studies/data/y"))
        let dataset = "plugin: idx, images: data/x, labels: data/y, test_rows: 4, flatten: true"
        try scratch.write(Self.study(dataset, loss: "cross_entropy"), to: "studies/s.yaml")
        let result = try run(scratch)
        #expect(result.status == 0, "\(result.errors)")
        let name = try #require(try scratch.names("out/runs").first)
        #expect(try scratch.read("out/runs/\(name)/observations.csv").contains("3,test,accuracy,,,"))

        // What only the files know is checked when they are read.
        let many = try run(scratch, ["train.batch_size=10"])
        #expect(many.status == 1)
        #expect(
            many.errors.contains(
                "train.batch_size: 10 is more than the 9 rows of the split 'train'; 'full' takes all"),
            "\(many.errors)")
        let samples = try run(scratch, ["probes.test.samples=5"])
        #expect(samples.errors.contains("probes.test.samples: 5 is more than the 4 rows of the split 'test'"))

        try Data((header + pixels).dropLast()).write(to: URL(fileURLWithPath: scratch.path + "/studies/data/x"))
        let cut = try run(scratch)
        #expect(cut.status == 1)
        #expect(
            cut.errors.contains(
                "failed: plugin syzygy.images/idx: failed (input/output error): x: 13 x 3 x 2 elements of 1 bytes need 78 "
                    + "bytes behind the header of 16, there are 77"), "\(cut.errors)")
    }

    /// Planning runs no code and reads no format, but the files must be there.
    @Test func aMissingFileIsAMistakeOfTheStudy() throws {
        let scratch = try Scratch()
        try scratch.write(
            Self.study("plugin: csv, path: table.csv, target: price", loss: "mean_squared_error"),
            to: "studies/s.yaml")
        let plan = try Tool.run(["plan", "studies/s.yaml"], in: scratch)
        #expect(plan.status == 64)
        #expect(
            plan.errors.contains(
                "studies/s.yaml:2:30: dataset.path: 'table.csv' cannot be opened: No such file or directory (looked for "
            ),
            "\(plan.errors)")
    }
}
