import ArrayFiles
import SyzygyKit

/// The arrays of a study in `.npz` or safetensors files: which is which, and what they may be.
private struct ArrayNames {
    var isSafetensors: Bool
    var train: GivenFile?
    var x: String
    var y: String
    var testFile: GivenFile?
    var testX: String
    var testY: String

    /// - Parameters:
    ///   - given: the number of classes; 0: by the labels.
    ///   - vocabulary: the number of tokens of x; 0: x are real numbers.
    func contents(
        _ target: TargetKind, classes given: Int64, vocabulary: Int64, flatten: Bool
    ) throws -> Contents {
        guard let train else { throw Failure(option: "the study names no file") }
        let (x, y) = try pair(train, x, y)
        var own: (x: NamedArray, y: NamedArray)?
        if testFile != nil || !testX.isEmpty || !testY.isEmpty {
            if testFile == nil, testX.isEmpty || testY.isEmpty {
                throw Failure(option: "test_x and test_y, names of arrays in one file, must be given both")
            }
            let pair = try pair(
                testFile ?? train, testX.isEmpty ? self.x : testX, testY.isEmpty ? self.y : testY)
            for (one, other) in [(x, pair.x), (y, pair.y)] where one.shape.dropFirst() != other.shape.dropFirst() {
                throw Failure(
                    "array '\(other.name)' of test has the shape \(other.shape), '\(one.name)' of train \(one.shape)")
            }
            own = pair
        }
        let isClass: Bool
        switch target {
        case .auto: isClass = y.shape.count == 1 && !y.data.isReal && own?.y.data.isReal != true
        case .number: isClass = false
        case .class: isClass = true
        }
        var highest = -1.0
        for array in isClass ? [y, own?.y].compactMap(\.self) : [] {
            highest = max(highest, try highestLabel(array, "label", below: given > 0 ? Int(given) : mostClasses))
        }
        for array in vocabulary > 0 ? [x, own?.x].compactMap(\.self) : [] {
            _ = try highestLabel(array, "token", below: Int(vocabulary))
        }
        let classes = isClass ? (given > 0 ? Int(given) : Int(highest) + 1) : 0
        func row(_ array: NamedArray) -> [Int] { array.shape.count == 1 ? [1] : Array(array.shape.dropFirst()) }
        return Contents(
            train: Samples(rows: x.shape[0], x: x.data, y: y.data),
            test: own.map { Samples(rows: $0.x.shape[0], x: $0.x.data, y: $0.y.data) },
            xShape: flatten ? [row(x).reduce(1, *)] : row(x),
            yShape: isClass ? Array(y.shape.dropFirst()) : row(y), classes: classes)
    }

    /// Inputs and targets of one file, with as many rows.
    private func pair(_ file: GivenFile, _ x: String, _ y: String) throws -> (x: NamedArray, y: NamedArray) {
        var names: [String] = []
        func isWanted(_ name: String) -> Bool {
            names.append(name)
            return name == x || name == y
        }
        let arrays =
            isSafetensors
            ? try Safetensors.read(file.bytes, path: file.path, where: isWanted).arrays
            : try NPZ.read(file.bytes, path: file.path, where: isWanted)
        func array(_ name: String) throws -> NamedArray {
            guard let array = arrays.first(where: { $0.name == name }) else {
                throw Failure("\(file.path): no array '\(name)' (it has: \(names.sorted().joined(separator: ", ")))")
            }
            guard (1...9).contains(array.shape.count), !array.shape.contains(0) else {
                throw Failure(
                    "\(file.path): array '\(name)' has the shape \(array.shape); expected rows and at most 8 axes, none of size 0"
                )
            }
            if let place = array.data.firstNotFinite {
                let size = array.data.count / array.shape[0]
                throw Failure(
                    "\(file.path): array '\(name)' is infinite or NaN in row \(place / size)"
                        + (size > 1 ? ", element \(place % size) of \(size)" : ""))
            }
            return array
        }
        let (inputs, targets) = (try array(x), try array(y))
        guard inputs.shape[0] == targets.shape[0] else {
            throw Failure(
                "\(file.path): array '\(x)' has \(inputs.shape[0]) rows, but '\(y)' has \(targets.shape[0])")
        }
        return (inputs, targets)
    }

    private func highestLabel(_ array: NamedArray, _ what: String, below limit: Int) throws -> Double {
        var highest = -1.0
        var label = [0.0]
        let size = array.data.count / array.shape[0]
        for i in 0..<array.data.count {
            label.withUnsafeMutableBufferPointer { array.data.copy(i, into: $0) }
            guard label[0] >= 0, label[0] < Double(limit), label[0] == label[0].rounded() else {
                throw Failure(
                    "array '\(array.name)': \(what) \(label[0]) of row \(i / size) is not one of 0..<\(limit)")
            }
            highest = max(highest, label[0])
        }
        return highest
    }
}

@c(arrays_describe) public func arraysDescribe(
    _ isSafetensors: Int32, _ file: UnsafePointer<UInt8>?, _ bytes: Int64, _ path: UnsafePointer<CChar>,
    _ x: UnsafePointer<CChar>, _ y: UnsafePointer<CChar>, _ testFile: UnsafePointer<UInt8>?, _ testBytes: Int64,
    _ testPath: UnsafePointer<CChar>, _ testX: UnsafePointer<CChar>, _ testY: UnsafePointer<CChar>,
    _ target: Int32, _ trainRows: Int64, _ testRows: Int64, _ testFraction: Double, _ classes: Int64,
    _ vocabulary: Int64, _ flatten: UInt8, _ rowsTrain: UnsafeMutablePointer<Int64>,
    _ rowsTest: UnsafeMutablePointer<Int64>,
    _ xShape: UnsafeMutablePointer<Int64>, _ yShape: UnsafeMutablePointer<Int64>,
    _ classCount: UnsafeMutablePointer<Int64>, _ tokenCount: UnsafeMutablePointer<Int64>,
    _ message: UnsafeMutablePointer<CChar>, _ messageSize: Int
) -> syzygy_status {
    report(message, messageSize) {
        let names = ArrayNames(
            isSafetensors: isSafetensors != 0, train: GivenFile(file, bytes, path), x: String(cString: x),
            y: String(cString: y), testFile: GivenFile(testFile, testBytes, testPath),
            testX: String(cString: testX), testY: String(cString: testY))
        let contents = try names.contents(
            TargetKind(rawValue: target) ?? .auto, classes: classes, vocabulary: vocabulary, flatten: flatten != 0)
        let counts = try SplitOptions(trainRows: trainRows, testRows: testRows, testFraction: testFraction)
            .counts(contents)
        (rowsTrain.pointee, rowsTest.pointee) = (Int64(counts.train), Int64(counts.test))
        for (i, size) in contents.xShape.enumerated() { xShape[i] = Int64(size) }
        for (i, size) in contents.yShape.enumerated() { yShape[i] = Int64(size) }
        (classCount.pointee, tokenCount.pointee) = (Int64(contents.classes), vocabulary)
    }
}

@c(arrays_rows) public func arraysRows(
    _ isSafetensors: Int32, _ file: UnsafePointer<UInt8>?, _ bytes: Int64, _ path: UnsafePointer<CChar>,
    _ x: UnsafePointer<CChar>, _ y: UnsafePointer<CChar>, _ testFile: UnsafePointer<UInt8>?, _ testBytes: Int64,
    _ testPath: UnsafePointer<CChar>, _ testX: UnsafePointer<CChar>, _ testY: UnsafePointer<CChar>,
    _ target: Int32, _ trainRows: Int64, _ testRows: Int64, _ testFraction: Double, _ classes: Int64,
    _ vocabulary: Int64, _ shuffle: UInt8, _ standardize: UInt8, _ per: Int32, _ random: UnsafePointer<syzygy_random>,
    _ split: Int32, _ begin: Int64, _ end: Int64, _ xRows: UnsafeMutablePointer<Double>,
    _ yRows: UnsafeMutablePointer<Double>, _ message: UnsafeMutablePointer<CChar>, _ messageSize: Int
) -> syzygy_status {
    report(message, messageSize) {
        let names = ArrayNames(
            isSafetensors: isSafetensors != 0, train: GivenFile(file, bytes, path), x: String(cString: x),
            y: String(cString: y), testFile: GivenFile(testFile, testBytes, testPath),
            testX: String(cString: testX), testY: String(cString: testY))
        if vocabulary > 0, standardize != 0 { throw Failure(option: "tokens are not standardized") }
        let contents = try names.contents(
            TargetKind(rawValue: target) ?? .auto, classes: classes, vocabulary: vocabulary, flatten: false)
        let request = RowRequest(
            split: split, begin: begin, end: end, shuffle: shuffle != 0, standardize: standardize != 0,
            perChannel: per == 1, random: random)
        try request.fill(
            contents, SplitOptions(trainRows: trainRows, testRows: testRows, testFraction: testFraction), xRows, yRows
        )
    }
}
