import ArrayFiles
import SyzygyKit

/// What goes wrong, in one line for the host.
struct Failure: Error {
    var status = Status.io
    var text: String

    init(_ text: String) { self.text = text }
    init(option text: String) { (status, self.text) = (.invalid, text) }
}

/// Runs the body of a function of the manifest; what it throws becomes the status and the message.
func report(_ message: UnsafeMutablePointer<CChar>, _ size: Int, _ body: () throws -> Void) -> syzygy_status {
    do {
        try body()
        return Status.ok.rawValue
    } catch {
        let failure = error as? Failure ?? Failure("\(error)")
        Message(message, size: size).write(failure.text)
        return failure.status.rawValue
    }
}

/// A file as the host gives it.
struct GivenFile {
    let bytes: UnsafeRawBufferPointer
    /// As the study says it.
    let path: String

    /// nil if the study names no file.
    init?(_ start: UnsafePointer<UInt8>?, _ count: Int64, _ path: UnsafePointer<CChar>) {
        guard let start else { return nil }
        bytes = UnsafeRawBufferPointer(start: start, count: Int(count))
        self.path = String(cString: path)
    }
}

/// Rows of inputs and targets: the first axis of `x` and `y`.
struct Samples {
    var rows: Int
    var x: NamedArray.Element
    var y: NamedArray.Element
}

/// Everything that the files hold.
struct Contents {
    var train: Samples
    /// nil: the test rows are taken from those of `train`.
    var test: Samples?
    /// Axes of one row.
    var xShape: [Int]
    var yShape: [Int]
    /// 0: targets are real.
    var classes: Int

    var elements: Int { xShape.reduce(1, *) }
    var targets: Int { yShape.reduce(1, *) }
}

/// Which rows the splits hold.
struct SplitOptions {
    var trainRows: Int64
    var testRows: Int64
    var testFraction: Double

    /// The numbers of rows of both splits.
    func counts(_ contents: Contents) throws -> (train: Int, test: Int) {
        let all = contents.train.rows
        if contents.test != nil, testFraction > 0 {
            throw Failure(option: "test_fraction takes rows from those of train, but there are rows of test")
        }
        if testRows > 0, testFraction > 0 {
            throw Failure(option: "test_rows and test_fraction are both given; one of them is enough")
        }
        var test = Int(testRows)
        if test == 0 { test = contents.test?.rows ?? Int((testFraction * Double(all)).rounded()) }
        if test > contents.test?.rows ?? all {
            throw Failure(option: "test_rows \(test) exceeds the \(contents.test?.rows ?? all) rows there are")
        }
        let left = contents.test == nil ? all - test : all
        let train = trainRows > 0 ? Int(trainRows) : left
        if train > left {
            throw Failure(option: "train_rows \(train) exceeds the \(left) rows that are left for train")
        }
        if train == 0 { throw Failure(option: "test takes all \(all) rows; none is left for train") }
        return (train, test)
    }
}

/// Mean and reciprocal deviation (1/n) of groups of elements; the elements of a row belong to the groups in turn.
struct Scaling {
    private(set) var mean: [Double]
    private(set) var reciprocal: [Double]

    /// Over the given rows. Moments are taken about the first row, so a constant group is recognized exactly; its
    /// reciprocal is 0, which makes it 0.
    init(_ x: NamedArray.Element, elements: Int, groups: Int, rows: some Collection<Int64>) {
        var first = [Double](), sum = [Double](repeating: 0, count: groups), squares = sum
        var row = [Double](repeating: 0, count: elements)
        for index in rows {
            row.withUnsafeMutableBufferPointer { x.copy(Int(index) * elements, into: $0) }
            if first.isEmpty { first = Array(row[..<groups]) }
            var group = 0
            for value in row {
                let d = value - first[group]
                sum[group] += d
                squares[group] += d * d
                group = group + 1 == groups ? 0 : group + 1
            }
        }
        let count = Double(rows.count) * Double(elements / groups)
        (mean, reciprocal) = (first, sum)
        for group in first.indices {
            let offset = sum[group] / count
            let variance = squares[group] / count - offset * offset
            mean[group] += offset
            reciprocal[group] = variance > 0 ? 1 / variance.squareRoot() : 0
        }
    }

    func apply(to row: UnsafeMutableBufferPointer<Double>) {
        for i in row.indices { row[i] = (row[i] - mean[i % mean.count]) * reciprocal[i % mean.count] }
    }
}

/// One call for rows.
struct RowRequest {
    var split: Int32
    var begin: Int64
    var end: Int64
    var shuffle: Bool
    var standardize: Bool
    /// Elements that have a mean and deviation of their own: all of a row, or those of its last axis.
    var perChannel: Bool
    var random: UnsafePointer<syzygy_random>

    /// Fills the rows of `x` and `y`.
    func fill(
        _ contents: Contents, _ options: SplitOptions, _ x: UnsafeMutablePointer<Double>,
        _ y: UnsafeMutablePointer<Double>
    ) throws {
        let counts = try options.counts(contents)
        let isTest = split == 1
        let (from, to, elements) = (Int(begin), Int(end), contents.elements)
        guard 0 <= from, from <= to, to <= (isTest ? counts.test : counts.train) else {
            throw Failure("rows \(begin) ..< \(end) do not exist")
        }
        var order = (0..<Int64(contents.train.rows)).map(\.self)
        if shuffle {
            order.withUnsafeMutableBufferPointer {
                random.pointee.permutation(random.pointee.context, "order", Int64($0.count), $0.baseAddress)
            }
        }
        let scaling =
            standardize
            ? Scaling(
                contents.train.x, elements: elements, groups: perChannel ? contents.xShape.last ?? 1 : elements,
                rows: order[..<counts.train]) : nil
        let own = isTest ? contents.test : nil
        let samples = own ?? contents.train
        let first = isTest ? contents.train.rows - counts.test : 0
        for i in from..<to {
            let row = own == nil ? Int(order[first + i]) : i
            let target = UnsafeMutableBufferPointer(start: x + (i - from) * elements, count: elements)
            samples.x.copy(row * elements, into: target)
            scaling?.apply(to: target)
            let targets = contents.targets
            samples.y.copy(
                row * targets, into: UnsafeMutableBufferPointer(start: y + (i - from) * targets, count: targets))
        }
    }
}

extension NamedArray.Element {
    /// Elements from `start` on as f64.
    func copy(_ start: Int, into target: UnsafeMutableBufferPointer<Double>) {
        func convert<Value>(_ values: [Value], _ number: (Value) -> Double) {
            values.withUnsafeBufferPointer { for i in target.indices { target[i] = number($0[start + i]) } }
        }
        switch self {
        case .f64(let values): convert(values) { $0 }
        case .f32(let values): convert(values) { Double($0) }
        case .i32(let values): convert(values) { Double($0) }
        case .i64(let values): convert(values) { Double($0) }
        case .u8(let values): convert(values) { Double($0) }
        }
    }

    /// The first element that is infinite or NaN.
    var firstNotFinite: Int? {
        switch self {
        case .f64(let values): values.firstIndex { !$0.isFinite }
        case .f32(let values): values.firstIndex { !$0.isFinite }
        case .i32, .i64, .u8: nil
        }
    }

    var isReal: Bool {
        switch self {
        case .f64, .f32: true
        case .i32, .i64, .u8: false
        }
    }
}

/// What a study says about its targets.
enum TargetKind: Int32 { case auto, `class`, number }

let mostClasses = 1_000_000
