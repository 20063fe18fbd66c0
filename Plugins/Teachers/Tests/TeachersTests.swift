import Foundation
import LinearAlgebra
import Manifests
import PluginHost
import PluginTesting
import Protocols
import Testing

private func teacher(_ component: String, _ options: [String: JSON], seed: UInt64 = 5) throws -> any Dataset {
    try ShippedPlugins.loader(seed: seed).dataset(Choice(component: component, options: options))
}

private func sizes(
    _ train: Int, _ test: Int, _ inputs: Int, _ outputs: Int, _ more: [String: JSON] = [:]
) -> [String: JSON] {
    more.merging(["train_rows": .int(train), "test_rows": .int(test), "d_in": .int(inputs), "d_out": .int(outputs)]) {
        $1
    }
}

private struct Rows: Equatable {
    var x: Matrix
    var y: Matrix

    init(_ dataset: any Dataset, _ split: String, _ range: Range<Int>? = nil) throws {
        let fields = try readRows(of: dataset, split, range)
        let matrices = dataset.fields.map { field in
            let values = fields[field.name] ?? []
            return Matrix(rows: values.count / field.elements, columns: field.elements, elements: values)
        }
        (x, y) = (matrices[0], matrices[1])
    }

    /// The linear map [d_in, d_out] that fits the rows best.
    func fit() throws -> Matrix {
        try Matrix.product(x, x, transposeA: true).choleskySolve(Matrix.product(x, y, transposeA: true))
    }
}

private func distance(_ a: Matrix, _ b: Matrix) -> Double { (a - b).elements.reduce(0) { max($0, abs($1)) } }

private func meanSquare(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 } / Double(values.count) }

/// One dataset of each kind, without noise and with.
private let kinds: [(component: String, options: [String: JSON])] = [
    ("linear_teacher", sizes(31, 17, 5, 3, ["rank": .int(2), "noise": .double(0.3)])),
    ("sine_teacher", sizes(31, 17, 6, 4, ["noise": .double(0.2)])),
    ("mlp_teacher", sizes(31, 17, 4, 2, ["width": .int(9), "depth": .int(3), "noise": .double(0.1)])),
]

@Suite struct TeachersTests {
    // MARK: Linear

    @Test(arguments: [(53, 7), (7, 7), (12, 11)]) func trainingInputsAreWhiteExactly(rows: Int, inputs: Int) throws {
        let data = try Rows(teacher("linear_teacher", sizes(rows, 3, inputs, 8, ["rank": .int(2)])), "train")
        let covariance = 1 / Double(rows) * Matrix.product(data.x, data.x, transposeA: true)
        #expect(distance(covariance, .identity(inputs)) <= 1e-12)
        #expect(data.x.rows == rows && data.x.columns == inputs)
    }

    @Test func theTeacherHasTheListedSingularValues() throws {
        let list: [JSON] = [0.25, 3, 0.75, 1.5].map { .double($0) }
        let data = try Rows(teacher("linear_teacher", sizes(41, 3, 9, 5, ["singular_values": .array(list)])), "train")
        let values = try data.fit().singularValues()
        for (value, expected) in zip(values, [3.0, 1.5, 0.75, 0.25, 0]) { #expect(abs(value - expected) <= 1e-12) }
        #expect(values.count == 5)
    }

    /// [d_out, d_in], row by row.
    @Test func theTeacherHasTheGivenCoefficients() throws {
        let list = [1.5, 0, -2, 0.25, 3, 0.5].map { JSON.double($0) }
        let dataset = try teacher("linear_teacher", sizes(11, 9, 3, 2, ["coefficients": .array(list)]))
        let expected = Matrix(rows: 3, columns: 2, elements: [1.5, 0.25, 0, 3, -2, 0.5])
        for split in ["train", "test"] { #expect(distance(try Rows(dataset, split).fit(), expected) <= 1e-12) }
        let wrong = try teacher("linear_teacher", sizes(11, 9, 3, 4, ["coefficients": .array(list)]))
        let error = #expect(throws: PluginError.self) { try Rows(wrong, "train") }
        #expect(
            error?.description.hasSuffix("coefficients are 6 numbers; a teacher of d_out x d_in = 4 x 3 has 12")
                == true)
    }

    @Test func otherwiseTheSingularValuesAreLogarithmicallySpaced() throws {
        let options: [String: JSON] = ["rank": .int(4), "top": .double(8), "bottom": .double(1)]
        let values = try Rows(teacher("linear_teacher", sizes(41, 3, 6, 10, options)), "train").fit().singularValues()
        for (value, expected) in zip(values, [8.0, 4, 2, 1, 0, 0]) { #expect(abs(value - expected) <= 1e-12) }
    }

    /// The same map in both splits, to rounding; no residual without noise.
    @Test func testRowsAreFreshAndOfTheSameTeacher() throws {
        let dataset = try teacher("linear_teacher", sizes(47, 4001, 6, 4, ["rank": .int(3)]))
        let (train, test) = (try Rows(dataset, "train"), try Rows(dataset, "test"))
        #expect(distance(try train.fit(), try test.fit()) <= 1e-12)
        #expect(distance(test.y, test.x * (try train.fit())) <= 1e-12)
        let covariance = 1 / 4001.0 * Matrix.product(test.x, test.x, transposeA: true)
        let error = distance(covariance, .identity(6))  // entries have deviation √(2/n) = 0.022 at most
        #expect(error > 1e-3 && error < 0.11)
    }

    @Test func testRowsDoNotDependOnTheTrainingRows() throws {
        let few = try Rows(teacher("linear_teacher", sizes(20, 13, 6, 4, ["rank": .int(3)])), "test")
        let many = try Rows(teacher("linear_teacher", sizes(90, 13, 6, 4, ["rank": .int(3)])), "test")
        #expect(few == many)
    }

    @Test func impossibleTeachersAreRefused() throws {
        func sentence(_ options: [String: JSON]) throws -> String? {
            let dataset = try teacher("linear_teacher", options)
            return #expect(throws: PluginError.self) { try readRows(of: dataset, "test", 0..<1) }?.description
        }
        let begin = "plugin syzygy.teachers/linear_teacher: failed (invalid arguments): "
        #expect(try sentence(sizes(9, 3, 6, 4, ["rank": .int(5)])) == begin + "rank 5 exceeds min(d_in, d_out) = 4")
        let list = JSON.array(Array(repeating: .double(1), count: 3))
        #expect(
            try sentence(sizes(9, 3, 2, 7, ["singular_values": list]))
                == begin + "the number of singular_values 3 exceeds min(d_in, d_out) = 2")
        #expect(
            try sentence(sizes(9, 3, 10, 10))
                == begin + "train_rows = 9 is less than d_in = 10: too few rows to whiten")
    }

    // MARK: Nonlinear

    /// For small arguments sin is the identity up to z³/6 ~ 1e-11, which shows Z in (0, scale).
    @Test func theSineTeacherIsTheSineOfALinearMap() throws {
        let options = sizes(61, 3, 5, 4, ["scale": .double(1e-4), "noise": .double(0)])
        let data = try Rows(teacher("sine_teacher", options), "train")
        let z = try data.fit()
        #expect(distance(data.y, data.x * z) <= 1e-9)
        #expect(z.elements.allSatisfy { $0 > 0 && $0 < 1e-4 })
        let scaled = options.merging(["scale": .double(2)]) { $1 }
        let wide = try Rows(teacher("sine_teacher", scaled), "train")
        let sines = (2e4 * (wide.x * z)).elements.map { sin($0) }
        #expect(zip(wide.y.elements, sines).allSatisfy { abs($0 - $1) <= 1e-4 })
    }

    /// Weights of variance a²/fan_in keep the size of the signal over depth: E y² ≈ 1 behind rectifiers. Without the
    /// gain of √2 five layers would leave 1/32.
    @Test func theRectifiedTeacherKeepsItsScale() throws {
        let options = sizes(301, 3, 50, 40, ["width": .int(120), "depth": .int(5), "activation": .string("relu")])
        let size = meanSquare(try Rows(teacher("mlp_teacher", options), "train").y.elements)
        #expect(size > 0.3 && size < 3)
    }

    /// Against the same network built here from the same streams: W_1, W_2 and the head, φ in between.
    @Test(arguments: ["tanh", "relu"]) func theNetworkIsThatOfItsStreams(activation: String) throws {
        func layer(_ name: String, _ rows: Int, _ columns: Int, _ gain: Double) -> Matrix {
            var values = [Double](repeating: 0, count: rows * columns)
            let stream = Stream(seed: 5, name: "syzygy.teachers/mlp_teacher/teacher.\(name)")
            values.withUnsafeMutableBufferPointer { stream.normal(into: $0) }
            return gain / Double(rows).squareRoot() * Matrix(rows: rows, columns: columns, elements: values)
        }
        let options = sizes(23, 3, 7, 2, ["width": .int(11), "depth": .int(2), "activation": .string(activation)])
        let data = try Rows(teacher("mlp_teacher", options), "train")
        let gain = activation == "relu" ? 2.0.squareRoot() : 1
        var output = data.x
        for weight in [layer("1", 7, 11, gain), layer("2", 11, 11, gain)] {
            output = output * weight
            output.elements = output.elements.map { activation == "relu" ? max($0, 0) : tanh($0) }
        }
        #expect(distance(data.y, output * layer("head", 11, 2, 1)) <= 1e-14)
    }

    // MARK: All

    @Test(arguments: kinds, ["train", "test"])
    func rowsDoNotDependOnTheChunk(kind: (component: String, options: [String: JSON]), split: String) throws {
        let dataset = try teacher(kind.component, kind.options)
        let whole = try Rows(dataset, split)
        for size in [1, 4, 13] {
            var (x, y): ([Double], [Double]) = ([], [])
            for begin in stride(from: 0, to: whole.x.rows, by: size) {
                let part = try Rows(dataset, split, begin..<min(begin + size, whole.x.rows))
                x += part.x.elements
                y += part.y.elements
            }
            #expect(x == whole.x.elements && y == whole.y.elements)
        }
    }

    /// Inputs of the two splits are independent: their correlation is below 4/√n.
    @Test(arguments: kinds) func theSplitsHaveRowsOfTheirOwn(kind: (component: String, options: [String: JSON]))
        throws
    {
        let rows: [String: JSON] = ["train_rows": .int(211), "test_rows": .int(211)]
        let dataset = try teacher(kind.component, kind.options.merging(rows) { $1 })
        let (train, test) = (try Rows(dataset, "train").x.elements, try Rows(dataset, "test").x.elements)
        let product = zip(train, test).reduce(0) { $0 + $1.0 * $1.1 } / Double(train.count)
        #expect(abs(product) < 4 / Double(train.count).squareRoot())
        #expect(meanSquare(train) > 0.8 && meanSquare(test) > 0.8)
    }

    @Test(arguments: kinds) func theSeedDecidesEverything(kind: (component: String, options: [String: JSON])) throws {
        let first = try Rows(teacher(kind.component, kind.options, seed: 21), "train")
        let other = try Rows(teacher(kind.component, kind.options, seed: 22), "train")
        #expect(try Rows(teacher(kind.component, kind.options, seed: 21), "train") == first)
        #expect(distance(first.x, other.x) > 0.1 && distance(first.y, other.y) > 0.1)
    }

    /// The noise has its deviation within 4/√(2n), and adds to the same noiseless problem; splits have their own.
    @Test(arguments: kinds) func theNoiseIsAddedToTheTarget(kind: (component: String, options: [String: JSON])) throws
    {
        func data(_ noise: Double, _ split: String) throws -> Rows {
            let rows: [String: JSON] = ["train_rows": .int(701), "test_rows": .int(701), "noise": .double(noise)]
            return try Rows(teacher(kind.component, kind.options.merging(rows) { $1 }), split)
        }
        let (clean, noisy, double) = (try data(0, "train"), try data(0.4, "train"), try data(0.8, "train"))
        let residual = (noisy.y - clean.y).elements
        #expect(clean.x.elements == noisy.x.elements)
        #expect(abs((meanSquare(residual).squareRoot() / 0.4) - 1) < 4 / (2 * Double(residual.count)).squareRoot())
        #expect(distance(double.y - clean.y, 2 * (noisy.y - clean.y)) <= 1e-13)
        let other = (try data(0.4, "test").y - data(0, "test").y).elements
        let product = zip(residual, other).reduce(0) { $0 + $1.0 * $1.1 } / Double(residual.count)
        #expect(abs(product) < 4 * 0.16 / Double(residual.count).squareRoot())
    }
}
