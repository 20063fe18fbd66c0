import Engine
import Manifests
import PluginHost
import Protocols

/// P4: rows of datasets, of models' outputs and of samplers' epochs, and what depends on the seed.
enum RowTest {
    static func run(_ examination: Examination, _ subject: Subject) throws {
        let component = subject.component
        if component.kind == .dataset { try chunks(examination, subject) }
        if component.kind == .model { try rows(examination, subject) }
        if component.kind == .sampler { try epochs(examination, subject) }
        for property in component.properties where property.kind == .seedSensitive {
            try seeds(examination, subject, property)
        }
    }

    /// All sets of options that the examples have, and the defaults.
    private static func optionSets(_ subject: Subject) throws -> [[String: JSON]] {
        try [subject.usualOptions()] + subject.component.examples.map { try $0.options(of: subject.component) }
    }

    private static func chunks(_ examination: Examination, _ subject: Subject) throws {
        for options in try optionSets(subject) {
            let dataset = try subject.dataset(options, seed: examination.seed)
            for split in dataset.splits {
                let count = min(try dataset.rows(in: split), 67)
                guard count > 1 else { continue }
                examination.begin("rows 0 ..< \(count) of '\(split)'")
                let whole = try readRows(of: dataset, split, 0..<count)
                for pieces in [[count / 2], Array(stride(from: 1, to: min(count, 9), by: 3))] {
                    let bounds = [0] + pieces + [count]
                    var together: [String: [Double]] = [:]
                    // The last piece first: no row may need those before it.
                    for (begin, end) in zip(bounds, bounds.dropFirst()).reversed() where begin < end {
                        for (name, values) in try readRows(of: dataset, split, begin..<end) {
                            together[name] = values + (together[name] ?? [])
                        }
                    }
                    for field in dataset.fields {
                        let a = whole[field.name] ?? [], b = together[field.name] ?? []
                        guard
                            let i = a.indices.first(where: { $0 >= b.count || a[$0].bitPattern != b[$0].bitPattern })
                        else { continue }
                        return examination.report(
                            .error, at: subject.component.call.pointer,
                            "row \(i / max(field.elements, 1)) of '\(field.name)' in '\(split)' depends on the range it "
                                + "is asked in (asked at \(bounds))",
                            advice: "compute row i from i, the seed and the options; draw from a stream at index i")
                    }
                }
            }
        }
    }

    /// A row of a model's output, and its parameters, must not depend on how many other rows there are.
    private static func rows(_ examination: Examination, _ subject: Subject) throws {
        let component = subject.component
        for example in component.examples {
            let options = try example.options(of: component)
            func evaluate(_ rows: Int) throws -> [String: [Double]] {
                // The same numbers come first, whatever the number of rows.
                var draw = examination.draw(example.name)
                let input = try subject.random(TrialSizes(rows: rows), options: options, draw: &draw).first
                guard let given = input?.example else { return [:] }
                return try ExampleRun(component, given, subject.registry).results().mapValues { $0.map(\.number) }
            }
            examination.begin("example '\(example.name)' with 3 and 7 rows")
            guard let few = try? evaluate(3), let many = try? evaluate(7) else { continue }
            for (name, values) in few.sorted(by: { $0.key < $1.key }) {
                let other = (many[name] ?? []).prefix(values.count)
                let closeness = Closeness(input: TrialInput(label: "", options: [:]), rtol: 1e-9)
                guard let i = closeness.difference(Array(other), values) else { continue }
                return examination.report(
                    .error, at: component.call.pointer,
                    "'\(name)'[\(i)] is \(values[i]) in a batch of 3 rows and "
                        + "\(i < other.count ? String(other[i]) : "missing") in one of 7, in an evaluation",
                    advice: "let rows meet in training only (docs/plugins/graph.md, \"is_training\")")
            }
        }
    }

    /// An epoch must not depend on those that were asked for before, and have no row that does not exist.
    private static func epochs(_ examination: Examination, _ subject: Subject) throws {
        for options in try optionSets(subject) {
            examination.begin("epochs 0 ..< 5")
            let forward: [[Int]], backward: [[Int]]
            do {
                forward = try orders(subject, options, seed: examination.seed, Array(0..<5))
                backward = try orders(subject, options, seed: examination.seed, Array((0..<5).reversed()))
            } catch let error as PluginError where error.sentence.hasPrefix("epoch ") {
                return examination.report(
                    .error, at: subject.component.call.pointer, error.sentence,
                    advice: "write every place, with a row of the training split")
            } catch {
                continue  // options that do not suit 29 rows
            }
            guard let epoch = (0..<5).first(where: { forward[$0] != backward[4 - $0] }) else { continue }
            return examination.report(
                .error, at: subject.component.call.pointer,
                "the rows of epoch \(epoch) depend on the epochs that were asked for before",
                advice: "compute an epoch from its number, the seed and the columns; keep nothing between calls")
        }
    }

    /// Of 29 rows in 3 classes.
    private static func orders(
        _ subject: Subject, _ options: [String: JSON], seed: UInt64, _ epochs: [Int]
    ) throws -> [[Int]] {
        let component = subject.component
        var draw = Draw(seed: 7, name: "columns")
        let columns = ExampleRun.columns(of: component, options: options, classes: 3) { name in
            let isLabels = component.call.argument(name)?.type == .pointer(.i32)
            return ([29], isLabels ? draw.permutation(29).map { Double($0 % 3) } : draw.normal(29).map { abs($0) })
        }
        return try sampledRows(
            subject.choice(options), rows: 29, batchSize: 6, columns: columns, epochs: epochs,
            loader: subject.loader(seed: seed))
    }

    private static func seeds(_ examination: Examination, _ subject: Subject, _ property: Property) throws {
        func values(_ seed: UInt64, _ options: [String: JSON]) throws -> [String: [Double]] {
            if subject.component.kind == .dataset {
                let dataset = try subject.dataset(options, seed: seed)
                let split = dataset.splits.first ?? "train"
                return try readRows(of: dataset, split, 0..<min(try dataset.rows(in: split), 29))
            }
            if subject.component.kind == .sampler {
                return ["order": try orders(subject, options, seed: seed, [0])[0].map { Double($0) }]
            }
            if subject.component.kind == .initializer {
                let values = (0..<35).map { 0.1 * Double($0) - 1.5 }
                return [
                    "value": try initialValues(
                        subject.choice(options), shape: [5, 7], values: values, loader: subject.loader(seed: seed))
                ]
            }
            let bench = try UpdateBench(
                subject.choice(options), kind: subject.component.kind,
                values: [("p", [29], Array(repeating: 1, count: 29))],
                precision: subject.component.precisions.contains(.f64) ? .f64 : .f32,
                loader: subject.loader(seed: seed))
            return Dictionary(
                uniqueKeysWithValues: subject.component.state.map { ($0.id, bench.state("\($0.id)/p") ?? []) })
        }
        // Some options take the randomness away; under some others it must show.
        let options = try optionSets(subject)
        for name in property.names {
            let isSensitive = options.contains { options in
                guard let one = try? values(1, options), let other = try? values(2, options) else { return false }
                return one[name] != other[name]
            }
            if !isSensitive {
                examination.report(
                    .error, at: property.pointer, "'\(name)' is the same under seeds 1 and 2",
                    advice: "draw from syzygy.random/1 or bind \"from\": \"seed\"; or leave out the property")
            }
        }
    }
}
