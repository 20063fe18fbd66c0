import Foundation
import Manifests
import PluginHost
import PluginTesting
import Protocols
import Testing

private func digits(_ options: [String: JSON] = [:]) -> Choice { Choice(component: "digits", options: options) }

private func wrapped(
    _ component: String, _ options: [String: JSON] = [:], of source: Choice = digits()
) -> Choice {
    var choice = Choice(component: component, options: options)
    choice.of = [source]
    return choice
}

private func dataset(_ choice: Choice, seed: UInt64 = 5) throws -> any Dataset {
    try ShippedPlugins.loader(seed: seed).dataset(choice)
}

/// Rows of a split as lists: x, then the labels that there are.
private func rows(_ dataset: any Dataset, _ split: String, _ range: Range<Int>? = nil) throws -> [[Double]] {
    let fields = try readRows(of: dataset, split, range)
    let count = fields["y"]?.count ?? 0
    return (0..<count).map { row in
        dataset.fields.flatMap { field in
            fields[field.name].map { Array($0[row * field.elements..<(row + 1) * field.elements]) } ?? []
        }
    }
}

private func counts(_ labels: [Double], classes: Int) -> [Int] {
    labels.reduce(into: Array(repeating: 0, count: classes)) { $0[Int($1)] += 1 }
}

private func labels(_ dataset: any Dataset, _ split: String, _ field: String = "y") throws -> [Double] {
    try readRows(of: dataset, split)[field] ?? []
}

@Suite struct ImbalancedTests {
    /// Class k keeps n ratio^(-k/9) rows, n that of the class with the fewest; images stay with their labels.
    @Test func exponentialSizes() throws {
        let source = try dataset(digits()), imbalanced = try dataset(wrapped("imbalanced", ["ratio": .double(50)]))
        #expect(imbalanced.fields == source.fields && imbalanced.splits == ["train", "test"])
        let least = counts(try labels(source, "train"), classes: 10).min() ?? 0
        let expected = (0..<10).map { k in
            max(1, Int((Double(least) / pow(50, Double(k) / 9)).rounded(.toNearestOrAwayFromZero)))
        }
        #expect(counts(try labels(imbalanced, "train"), classes: 10) == expected && expected[9] == 3)
        // Its rows are rows of the source, each once, in the order that they have there.
        let all = try rows(source, "train")
        var place = 0
        for row in try rows(imbalanced, "train") {
            while place < all.count, all[place] != row { place += 1 }
            try #require(place < all.count)
            place += 1
        }
        // The test rows are all there.
        #expect(try rows(imbalanced, "test") == rows(source, "test"))
        let other = try dataset(
            wrapped("imbalanced", ["ratio": .double(50)], of: digits(["shuffle": .bool(false)])), seed: 6)
        let same = try dataset(
            wrapped("imbalanced", ["ratio": .double(50)], of: digits(["shuffle": .bool(false)])), seed: 5)
        #expect(try rows(other, "train") != rows(same, "train"), "which rows stay is drawn")
    }

    @Test func steps() throws {
        let options: [String: JSON] = [
            "ratio": .double(4), "profile": .string("step"), "minority": .int(3), "test": .bool(true),
        ]
        let imbalanced = try dataset(wrapped("imbalanced", options))
        for split in ["train", "test"] {
            let source = counts(try labels(try dataset(digits()), split), classes: 10)
            let most = source.min() ?? 0, few = Int((Double(most) / 4).rounded(.toNearestOrAwayFromZero))
            let found = counts(try labels(imbalanced, split), classes: 10)
            #expect(found == Array(repeating: most, count: 7) + Array(repeating: few, count: 3))
        }
        // A ratio of 1 makes all classes as large as the smallest.
        let balanced = try dataset(wrapped("imbalanced", ["ratio": .double(1)]))
        #expect(Set(counts(try labels(balanced, "train"), classes: 10)).count == 1)
    }

    @Test func refusals() throws {
        let options: [String: JSON] = ["profile": .string("step"), "minority": .int(10)]
        var error = #expect(throws: PluginError.self) { try dataset(wrapped("imbalanced", options)) }
        #expect(
            error?.description == "plugin syzygy.dataset-wrappers/imbalanced: failed (invalid arguments): "
                + "minority is 10 of 10 classes; at least one must keep its rows")
        // Some digit is not among five images.
        error = #expect(throws: PluginError.self) {
            try dataset(wrapped("imbalanced", of: digits(["train_rows": .int(5)])))
        }
        #expect(error?.sentence.hasSuffix("has no rows in the split train") == true, "\(error?.sentence ?? "")")
        error = #expect(throws: PluginError.self) {
            try dataset(wrapped("imbalanced", of: Choice(component: "sine_teacher")))
        }
        #expect(
            error?.sentence
                == "asks for labels, but the field 'y' of the dataset it is made of holds real numbers")
        error = #expect(throws: PluginError.self) { try dataset(Choice(component: "imbalanced")) }
        #expect(error?.sentence == "is made of another dataset, and there is none")
    }
}

@Suite struct LabelNoiseTests {
    @Test func symmetricNoise() throws {
        let source = try dataset(digits()), noisy = try dataset(wrapped("label_noise", ["share": .double(0.3)]))
        #expect(noisy.fields.map(\.name) == ["x", "y", "y_clean"] && noisy.fields[2].classes == 10)
        let clean = try labels(source, "train"), found = try labels(noisy, "train")
        #expect(try labels(noisy, "train", "y_clean") == clean)
        #expect(try readRows(of: noisy, "train")["x"] == readRows(of: source, "train")["x"])
        let wrong = zip(found, clean).filter { $0 != $1 }
        // Five standard deviations of a binomial with n = 1400.
        let deviation: Double = (1400 * 0.3 * 0.7).squareRoot()
        #expect(abs(Double(wrong.count) - 420) < 5 * deviation)
        // Each of the nine others is equally probable.
        let distances = counts(wrong.map { Double((Int($0) - Int($1) + 10) % 10) }, classes: 10)
        let mean = Double(wrong.count) / 9
        let deviations = distances.dropFirst().map { abs(Double($0) - mean) }
        #expect(distances[0] == 0 && (deviations.max() ?? 0) < 5 * mean.squareRoot())
        #expect(try labels(noisy, "test") == labels(source, "test"))
    }

    @Test func edges() throws {
        let clean = try labels(try dataset(digits()), "train")
        let none = try dataset(wrapped("label_noise", ["share": .double(0)]))
        #expect(try labels(none, "train") == clean)
        let all = try dataset(wrapped("label_noise", ["share": .double(1)]))
        #expect(zip(try labels(all, "train"), clean).allSatisfy { $0 != $1 })
        let next = try dataset(wrapped("label_noise", ["share": .double(1), "noise": .string("next")]))
        let following = clean.map { Double((Int($0) + 1) % 10) }
        #expect(try labels(next, "train") == following)
        let pair: [String: JSON] = ["share": .double(1), "noise": .string("pair"), "from": .int(7), "to": .int(2)]
        #expect(try labels(try dataset(wrapped("label_noise", pair)), "train") == clean.map { $0 == 7 ? 2 : $0 })
        let bad = pair.merging(["to": .int(12)]) { $1 }
        let error = #expect(throws: PluginError.self) {
            try labels(try dataset(wrapped("label_noise", bad)), "train")
        }
        #expect(
            error?.sentence.contains("10 classes; expected at least two, and 'from' and 'to' two of them") == true)
    }

    /// One inside the other: the outer one draws its own numbers, and keeps what the inner one made as its clean labels.
    @Test func twice() throws {
        let half: [String: JSON] = ["share": .double(0.5)]
        let inner = wrapped("label_noise", half), outer = wrapped("label_noise", half, of: inner)
        let once = try labels(try dataset(inner), "train"), twice = try dataset(outer)
        #expect(try labels(twice, "train", "y_clean") == once)
        let clean = try labels(try dataset(digits()), "train")
        let flips = zip(once, clean).map { $0 != $1 }, again = zip(try labels(twice, "train"), once).map { $0 != $1 }
        let both = zip(flips, again).filter { $0 && $1 }.count
        #expect(abs(both - 350) < 80, "independent: a quarter of 1400")
    }
}

@Suite struct HeldOutTests {
    @Test func classesLeave() throws {
        let source = try dataset(digits())
        let seen = try dataset(wrapped("held_out_classes", ["count": .int(3)]))
        #expect(seen.splits == ["train", "test", "ood"] && seen.fields[1].classes == 7)
        for split in ["train", "test"] {
            #expect(try rows(seen, split) == rows(source, split).filter { $0[64] < 7 })
        }
        let left = try rows(source, "test").filter { $0[64] >= 7 }.map { row in
            row.indices.map { $0 == 64 ? row[$0] - 7 : row[$0] }
        }
        #expect(try rows(seen, "ood") == left && !left.isEmpty)
        let error = #expect(throws: PluginError.self) {
            try dataset(wrapped("held_out_classes", ["count": .int(6)]))
        }
        #expect(error?.sentence.hasSuffix("count is 6 of 10 classes; at most half of them can leave") == true)
    }
}

@Suite struct PermutedFeaturesTests {
    @Test func tasks() throws {
        let source = try rows(try dataset(digits()), "train"), tests = try rows(try dataset(digits()), "test")
        let permuted = try dataset(wrapped("permuted_features", ["tasks": .int(3)]))
        #expect(permuted.fields.map(\.name) == ["x", "y", "task"] && permuted.fields[2].classes == 3)
        let all = try rows(permuted, "train")
        #expect(all.count == 3 * 1400)
        #expect(all.prefix(1400).map { Array($0.dropLast()) } == source, "task 0 is as it was")
        // One order for all rows of a task and all splits.
        for task in 1..<3 {
            let first = all[task * 1400], values = Array(source[0].prefix(64))
            #expect(first.prefix(64).sorted() == values.sorted() && Array(first.prefix(64)) != values)
            let split = try rows(permuted, "task_\(task)")
            #expect(split.count == 397 && split.allSatisfy { $0[65] == Double(task) })
            // Column j of a task is the same column of the source in train and test.
            for column in [0, 20, 43] {
                let train = all[task * 1400..<(task + 1) * 1400].map { $0[column] }
                let places = (0..<64).filter { place in zip(train, source).allSatisfy { $0 == $1[place] } }
                #expect(!places.isEmpty)
                #expect(places.contains { place in zip(split, tests).allSatisfy { $0[column] == $1[place] } })
            }
            #expect(split.map { $0[64] } == tests.map { $0[64] }, "labels are as they were")
        }
        #expect(try permuted.rows(in: "task_2") == 397 && permuted.rows(in: "task_3") == 0)
        #expect(try permuted.rows(in: "test") == 3 * 397)
    }

    /// Images keep their axes.
    @Test func axes() throws {
        let images = Choice(component: "noise_images", options: ["train_rows": .int(7), "test_rows": .int(3)])
        let source = try dataset(images), permuted = try dataset(wrapped("permuted_features", of: images))
        #expect(permuted.fields[0] == source.fields[0] && source.fields[0].shape.count == 3)
        #expect(try permuted.rows(in: "train") == 70)
    }
}

@Suite struct ChainTests {
    private static let chain = wrapped(
        "label_noise", ["share": .double(0.2)],
        of: wrapped("imbalanced", ["ratio": .double(5)], of: wrapped("held_out_classes")))

    /// Three deep, in pieces, and again after everything was read.
    @Test func allTheSame() throws {
        let here = try dataset(Self.chain), again = try dataset(Self.chain)
        #expect(here.isSeeded)
        for split in here.splits {
            let whole = try rows(here, split)
            #expect(try rows(here, split) == whole)
            let middle = whole.count / 3
            #expect(try rows(again, split, middle..<middle + 5) == Array(whole[middle..<middle + 5]))
            #expect(try rows(here, split, middle..<middle + 5) == Array(whole[middle..<middle + 5]))
        }
        #expect(here.fields.map(\.name) == ["x", "y", "y_clean"] && here.fields[1].classes == 8)
    }

    @Test func otherFieldsComeAlong() throws {
        let pairs = Choice(component: "noisy_pairs", options: ["train_rows": .int(9), "test_rows": .int(4)])
        let source = try dataset(pairs)
        let permuted = try dataset(wrapped("permuted_features", ["tasks": .int(2)], of: pairs))
        #expect(permuted.fields.map(\.name) == source.fields.map(\.name) + ["task"])
        let one = try readRows(of: source, "train")["x2"] ?? []
        #expect(try readRows(of: permuted, "train")["x2"] == one + one)
    }
}
