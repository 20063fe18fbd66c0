import Manifests
import PluginHost
import PluginTesting
import Protocols
import Testing

/// Labels of 23 rows in 4 classes, of which class 2 has no rows, class 3 has two.
private let labels: [Double] = [0, 0, 1, 0, 1, 0, 0, 1, 3, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 3, 0, 0, 1]

private func orders(
    _ component: String, _ options: [String: JSON] = [:], rows: Int = 23, batchSize: Int = 7,
    columns: [String: (field: Field, data: [Double])] = [:], epochs: [Int] = [0, 1, 2], seed: UInt64 = 5
) throws -> [[Int]] {
    try sampledRows(
        Choice(component: component, options: options), rows: rows, batchSize: batchSize, columns: columns,
        epochs: epochs, loader: ShippedPlugins.loader(seed: seed))
}

private func column(_ data: [Double], classes: Int? = nil) -> (field: Field, data: [Double]) {
    (Field(name: "y", shape: [], classes: classes), data)
}

@Suite struct SamplersTests {
    /// Every batch of any size has each of the three classes with rows equally often, up to one.
    @Test(arguments: [3, 4, 7, 23]) func batchesAreBalanced(batchSize: Int) throws {
        let columns = ["y": column(labels, classes: 4)]
        let epochs = try orders("balanced", batchSize: batchSize, columns: columns)
        #expect(Set(epochs).count == 3)
        for order in epochs {
            #expect(order.count == 23)
            for begin in stride(from: 0, through: 23 - batchSize, by: batchSize) {
                let seen = order[begin..<begin + batchSize].map { labels[$0] }
                let counts = [0.0, 1, 3].map { label in seen.count { $0 == label } }
                #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1 && counts.reduce(0, +) == batchSize)
            }
            // A row is seen again when all others of its class have been: the first rows of a class are all different.
            for label in [0.0, 1, 3] {
                let own = order.filter { labels[$0] == label }, size = labels.count { $0 == label }
                #expect(Set(own.prefix(size)).count == min(size, own.count))
                let times = Dictionary(grouping: own) { $0 }.values.map(\.count)
                let least = own.count < size ? 0 : times.min() ?? 0
                #expect((times.max() ?? 0) - least <= 1)
            }
        }
        // Over 3 epochs every class begins one.
        #expect(Set(epochs.map { labels[$0[0]] }).count == 3)
    }

    /// Frequencies within five standard deviations of n p, none for a weight of 0.
    @Test func weightsAreProbabilities() throws {
        let weights = (0..<7).map { Double($0) }  // of 21
        let columns = ["y": column((0..<7).map { weights[$0] })]
        var counts = [Int](repeating: 0, count: 7)
        for order in try orders("weighted", ["field": "y"], rows: 7, columns: columns, epochs: Array(0..<1000)) {
            for row in order { counts[row] += 1 }
        }
        #expect(counts[0] == 0)
        for row in 1..<7 {
            let p = weights[row] / 21
            #expect(abs(Double(counts[row]) - 7000 * p) < 5 * (7000 * p * (1 - p)).squareRoot())
        }
    }

    @Test func rowsComeBackWithReplacement() throws {
        var counts = [Int](repeating: 0, count: 23), repeats = 0
        for order in try orders("with_replacement", epochs: Array(0..<300)) {
            for row in order { counts[row] += 1 }
            repeats += 23 - Set(order).count
        }
        for count in counts { #expect(abs(Double(count) - 300) < 5 * 300.0.squareRoot()) }
        // 23 (1 - 1/23)^23 = 8.27 rows of a bootstrap sample are missing on average.
        #expect(abs(Double(repeats) / 300 - 8.27) < 0.5)
    }

    @Test func sequentialRowsAreInOrder() throws {
        #expect(try orders("sequential", rows: 5, epochs: [0, 3]) == [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4]])
    }

    @Test func theFirstRowsAreAllThereIs() throws {
        let epochs = try orders("first", ["size": .int(9)])
        #expect(epochs.allSatisfy { $0.sorted() == Array(0..<9) } && Set(epochs).count == 3)
        #expect(
            throws: PluginError(
                "plugin syzygy.samplers/first",
                "failed (invalid arguments): size is 24, but the training split has 23 rows")
        ) { try orders("first", ["size": .int(24)]) }
    }

    /// Difficulties 3 0 2 0 1 5 4: rows 1, 3, 4, 2, 0, 6, 5 from easy to hard, equal ones by their place.
    @Test func aCurriculumOpensFromEasyToHard() throws {
        let columns = ["y": column([3, 0, 2, 0, 1, 5, 4])]
        let options: [String: JSON] = ["begin": .double(0.25), "epochs": .int(3)]
        let epochs = try orders("curriculum", options, rows: 7, columns: columns, epochs: Array(0...4))
        // Shares 1/4, 1/2, 3/4, 1, 1 of 7: 2, 4, 6, 7, 7 rows.
        for (epoch, open) in [[1, 3], [1, 3, 4, 2], [1, 3, 4, 2, 0, 6], Array(0..<7), Array(0..<7)].enumerated() {
            #expect(Set(epochs[epoch]) == Set(open), "epoch \(epoch)")
            // Whole orders one after the other: rows are seen equally often, up to one.
            let times = open.map { row in epochs[epoch].count { $0 == row } }
            #expect((times.max() ?? 0) - (times.min() ?? 0) <= 1)
        }
        #expect(epochs[3] != epochs[4])
        let hardest = try orders(
            "curriculum", options.merging(["hardest_first": .bool(true)]) { $1 }, rows: 7, columns: columns,
            epochs: [0])
        #expect(Set(hardest[0]) == [5, 6])
    }

    @Test(arguments: ["balanced", "weighted", "with_replacement", "first", "curriculum"])
    func ordersDependOnSeedAndEpochOnly(component: String) throws {
        let columns = ["y": column(labels, classes: component == "balanced" ? 4 : nil)]
        var options: [String: JSON] = component == "first" ? ["size": .int(11)] : [:]
        if component == "weighted" { options["field"] = "y" }
        let all = try orders(component, options, columns: columns, epochs: [0, 1, 2, 3])
        #expect(try orders(component, options, columns: columns, epochs: [3, 1]) == [all[3], all[1]])
        #expect(try orders(component, options, columns: columns, epochs: [0, 1, 2, 3], seed: 6) != all)
        #expect(Set(all).count == 4)
    }

    @Test(
        arguments: [
            ("balanced", ["field": "yy"], "the dataset has no field 'yy'; did you mean 'y'? (it has: y)"),
            ("balanced", [:], "asks for labels, but the field 'y' of the dataset holds real numbers"),
            (
                "weighted", ["field": "y"],
                "failed (invalid arguments): row 2 has the weight -1; expected numbers >= 0"
            ),
        ] as [(String, [String: JSON], String)])
    func mistakesAreSaid(component: String, options: [String: JSON], sentence: String) {
        #expect(throws: PluginError("plugin syzygy.samplers/\(component)", sentence)) {
            try orders(component, options, rows: 4, columns: ["y": column([1, 2, -1, 3])])
        }
    }

    @Test func severalLabelsInARowAreRefused() {
        let columns = ["y": (Field(name: "y", shape: [2], classes: 3), [0.0, 1, 2, 0, 1, 1])]
        #expect(
            throws: PluginError(
                "plugin syzygy.samplers/balanced",
                "failed (invalid arguments): the field has 2 labels in a row, expected 1")
        ) { try orders("balanced", rows: 3, columns: columns) }
    }
}

@Suite struct TasksInOrderTests {
    /// 12 rows, tasks 2 0 1 by turns: two passes over each of them, in new orders, and again after the last.
    @Test func passes() throws {
        let tasks = (0..<12).map { Double(($0 + 2) % 3) }
        let columns = ["task": (field: Field(name: "task", shape: [], classes: 3), data: tasks)]
        let epochs = try orders(
            "tasks_in_order", ["epochs": .int(2)], rows: 12, columns: columns, epochs: Array(0..<4))
        let passes = epochs.flatMap { order in stride(from: 0, to: 12, by: 4).map { Array(order[$0..<$0 + 4]) } }
        #expect(passes.map { Set($0.map { tasks[$0] }) } == [0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2].map { [$0] })
        #expect(passes.allSatisfy { Set($0).count == 4 } && Set(passes).count > 8)
        let others = try orders(
            "tasks_in_order", ["epochs": .int(2)], rows: 12, columns: columns, epochs: Array(0..<4), seed: 6)
        #expect(others != epochs)
    }

    @Test func tasksAreOfOneSize() throws {
        let columns = ["task": (field: Field(name: "task", shape: [], classes: 3), data: [0, 1, 2, 2, 1, 1.0])]
        let error = #expect(throws: PluginError.self) {
            try orders("tasks_in_order", rows: 6, columns: columns, epochs: [0])
        }
        #expect(
            error?.sentence.hasSuffix("task 0 has 1 of 6 rows; expected as many of each of 3 tasks") == true,
            "\(error?.sentence ?? "")")
    }
}
