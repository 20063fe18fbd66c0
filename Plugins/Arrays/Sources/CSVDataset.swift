import ArrayFiles
import SyzygyKit

/// One column of a table: numbers, or texts as indices into their distinct values.
private final class Column {
    let name: String
    /// Values of a column of x become one-hot columns, so there must not be many.
    let mostTexts: Int
    private(set) var isNumber: Bool?
    private(set) var numbers: [Double] = []
    private var texts: [String: Int] = [:]

    init(_ name: String, isNumber: Bool? = nil, mostTexts: Int = 1000) {
        (self.name, self.isNumber, self.mostTexts) = (name, isNumber, mostTexts)
    }

    private static let missing: Set<String> = [
        "", "NA", "N/A", "n/a", "<NA>", "#N/A", "NaN", "nan", "NAN", "-nan", "null", "NULL", "Null", "None", "?",
    ]
    private static let infinities: Set<String> = ["inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"]

    /// The first value decides whether the column holds numbers.
    func append(_ field: CSVReader.Field, _ reader: CSVReader) throws {
        let number = isNumber == false ? nil : decimalNumber(field.bytes)
        if let number, number.isFinite {
            isNumber = true
            return numbers.append(number)
        }
        let text = field.text
        if Self.missing.contains(text) {
            throw reader.failure("column '\(name)' has no value ('\(text)'); fill it in or leave the row out")
        }
        if number != nil || isNumber != false && Self.infinities.contains(text.lowercased()) {
            throw reader.failure("column '\(name)': '\(text.prefix(40))' is not a finite number of 64 bits")
        }
        if isNumber == true {
            throw reader.failure(
                "column '\(name)': '\(text.prefix(40))' is not a number, which the column holds before")
        }
        isNumber = false
        let code = texts[text] ?? texts.count
        texts[text] = code
        guard texts.count <= mostTexts else {
            throw reader.failure(
                "column '\(name)' has more than \(mostTexts) different texts; leave it out of 'columns'")
        }
        numbers.append(Double(code))
    }

    /// The number of classes or one-hot columns; 0 for numbers.
    var classes: Int { texts.count }

    /// Numbers the texts by their order: that of the numbers if all are numbers, else of their UTF-8 bytes.
    func sortTexts() {
        guard isNumber == false else { return }
        var keys = texts.keys.map { text in (text, text.utf8.withContiguousStorageIfAvailable(Self.number) ?? nil) }
        if keys.allSatisfy({ $0.1 != nil }) {
            keys.sort { ($0.1 ?? 0, $0.0) < ($1.1 ?? 0, $1.0) }
        } else {
            keys.sort { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }
        }
        var place = [Double](repeating: 0, count: keys.count)
        for (i, key) in keys.enumerated() { place[texts[key.0] ?? 0] = Double(i) }
        for i in numbers.indices { numbers[i] = place[Int(numbers[i])] }
    }

    private static func number(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
        decimalNumber(UnsafeRawBufferPointer(bytes))
    }
}

/// What a study says about a table.
private struct TableOptions {
    var target: String
    var columns: [String]
    var hasHeader: Bool
    var separator: UInt8
    var kind: TargetKind

    func contents(_ file: GivenFile?, _ testFile: GivenFile?) throws -> Contents {
        guard let file else { throw Failure(option: "the study names no file") }
        if columns.contains(target) { throw Failure(option: "columns: '\(target)' is the target") }
        var table: [Column] = []
        let trainRows = try read(file, &table)
        let testRows = try testFile.map { try read($0, &table) }
        for column in table { column.sortTexts() }
        guard let target = table.first(where: { $0.name == self.target }) else { throw Failure("no target") }
        let inputs =
            columns.isEmpty
            ? table.filter { $0 !== target } : columns.compactMap { name in table.first { $0.name == name } }
        let width = inputs.reduce(0) { $0 + max($1.classes, 1) }
        guard width > 0 else {
            throw Failure("\(file.path): no column is left for x beside the target '\(target.name)'")
        }
        func samples(_ rows: Range<Int>) -> Samples {
            var x = [Double](repeating: 0, count: rows.count * width)
            var place = 0
            for column in inputs {
                for (i, row) in rows.enumerated() {
                    let value = column.numbers[row]
                    x[i * width + place + (column.classes > 0 ? Int(value) : 0)] = column.classes > 0 ? 1 : value
                }
                place += max(column.classes, 1)
            }
            return Samples(rows: rows.count, x: .f64(x), y: .f64(Array(target.numbers[rows])))
        }
        return Contents(
            train: samples(0..<trainRows), test: testRows.map { samples(trainRows..<trainRows + $0) },
            xShape: [width], yShape: target.classes > 0 ? [] : [1], classes: target.classes)
    }

    /// Appends the rows of a file to the columns; the first file makes them. Returns the number of rows.
    private func read(_ file: GivenFile, _ table: inout [Column]) throws -> Int {
        var reader = CSVReader(file, separator: separator)
        var fields: [CSVReader.Field] = []
        var first = reader
        guard try first.next(&fields) else { throw Failure("\(file.path): is empty") }
        let names = hasHeader ? fields.map(\.text) : (1...fields.count).map(String.init)
        if hasHeader { reader = first }
        for (i, name) in names.enumerated() where names[..<i].contains(name) {
            throw reader.failure("two columns are called '\(name)'")
        }
        if table.isEmpty { table = try columns(names, file) }
        // The column of each field; nil for those that nobody asked for.
        let places = names.map { name in table.first { $0.name == name } }
        for column in table where !names.contains(column.name) {
            throw Failure("\(file.path): no column '\(column.name)' (it has: \(names.joined(separator: ", ")))")
        }
        var rows = 0
        while try reader.next(&fields) {
            guard fields.count == names.count else {
                throw reader.failure("\(fields.count) fields, expected \(names.count) as in the first line")
            }
            for (column, field) in zip(places, fields) { try column?.append(field, reader) }
            rows += 1
        }
        guard rows > 0 else { throw Failure("\(file.path): has no rows") }
        return rows
    }

    /// The columns that are read, in the order of the file.
    private func columns(_ names: [String], _ file: GivenFile) throws -> [Column] {
        for name in columns + [target] where !names.contains(name) {
            throw Failure("\(file.path): no column '\(name)' (it has: \(names.joined(separator: ", ")))")
        }
        return names.filter { columns.isEmpty || columns.contains($0) || $0 == target }.map { name in
            guard name == target else { return Column(name) }
            return Column(name, isNumber: kind == .auto ? nil : kind == .number, mostTexts: mostClasses)
        }
    }
}

@c(csv_describe) public func csvDescribe(
    _ file: UnsafePointer<UInt8>?, _ bytes: Int64, _ path: UnsafePointer<CChar>, _ testFile: UnsafePointer<UInt8>?,
    _ testBytes: Int64, _ testPath: UnsafePointer<CChar>, _ target: UnsafePointer<CChar>,
    _ columns: UnsafePointer<UnsafePointer<CChar>>, _ columnCount: Int64, _ header: UInt8, _ separator: Int32,
    _ kind: Int32, _ trainRows: Int64, _ testRows: Int64, _ testFraction: Double,
    _ rowsTrain: UnsafeMutablePointer<Int64>, _ rowsTest: UnsafeMutablePointer<Int64>,
    _ xShape: UnsafeMutablePointer<Int64>, _ yShape: UnsafeMutablePointer<Int64>,
    _ classCount: UnsafeMutablePointer<Int64>, _ message: UnsafeMutablePointer<CChar>, _ messageSize: Int
) -> syzygy_status {
    report(message, messageSize) {
        let options = TableOptions(target, columns, columnCount, header, separator, kind)
        let contents = try options.contents(
            GivenFile(file, bytes, path), GivenFile(testFile, testBytes, testPath))
        let counts = try SplitOptions(trainRows: trainRows, testRows: testRows, testFraction: testFraction)
            .counts(contents)
        (rowsTrain.pointee, rowsTest.pointee) = (Int64(counts.train), Int64(counts.test))
        xShape[0] = Int64(contents.xShape[0])
        if contents.classes == 0 { yShape[0] = 1 }
        classCount.pointee = Int64(contents.classes)
    }
}

@c(csv_rows) public func csvRows(
    _ file: UnsafePointer<UInt8>?, _ bytes: Int64, _ path: UnsafePointer<CChar>, _ testFile: UnsafePointer<UInt8>?,
    _ testBytes: Int64, _ testPath: UnsafePointer<CChar>, _ target: UnsafePointer<CChar>,
    _ columns: UnsafePointer<UnsafePointer<CChar>>, _ columnCount: Int64, _ header: UInt8, _ separator: Int32,
    _ kind: Int32, _ trainRows: Int64, _ testRows: Int64, _ testFraction: Double, _ shuffle: UInt8,
    _ standardize: UInt8, _ random: UnsafePointer<syzygy_random>, _ split: Int32, _ begin: Int64, _ end: Int64,
    _ x: UnsafeMutablePointer<Double>, _ y: UnsafeMutablePointer<Double>, _ message: UnsafeMutablePointer<CChar>,
    _ messageSize: Int
) -> syzygy_status {
    report(message, messageSize) {
        let options = TableOptions(target, columns, columnCount, header, separator, kind)
        let contents = try options.contents(
            GivenFile(file, bytes, path), GivenFile(testFile, testBytes, testPath))
        let request = RowRequest(
            split: split, begin: begin, end: end, shuffle: shuffle != 0, standardize: standardize != 0,
            perChannel: false, random: random)
        try request.fill(
            contents, SplitOptions(trainRows: trainRows, testRows: testRows, testFraction: testFraction), x, y)
    }
}

extension TableOptions {
    fileprivate init(
        _ target: UnsafePointer<CChar>, _ columns: UnsafePointer<UnsafePointer<CChar>>, _ columnCount: Int64,
        _ header: UInt8, _ separator: Int32, _ kind: Int32
    ) {
        self.init(
            target: String(cString: target),
            columns: (0..<Int(columnCount)).map { String(cString: columns[$0]) }, hasHeader: header != 0,
            separator: Array(",;\t".utf8)[Int(separator)], kind: TargetKind(rawValue: kind) ?? .auto)
    }
}
