/// One array in NumPy's `.npy` format (`numpy.lib.format`): a magic string, a Python dictionary as text, the values.
enum NPY {
    private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

    /// Everything before the values, padded to 64 bytes as NumPy does.
    static func header(of array: NamedArray) -> [UInt8] {
        let shape = array.shape.map(String.init).joined(separator: ", ") + (array.shape.count == 1 ? "," : "")
        let dictionary =
            "{'descr': '\(array.data.storage.size == 1 ? "|" : "<")\(array.data.storage.numpy ?? "")', 'fortran_order': False, 'shape': (\(shape)), }"
        let padding = 63 - (10 + dictionary.utf8.count) % 64
        let length = dictionary.utf8.count + padding + 1
        var bytes = magic + [1, 0, UInt8(length & 255), UInt8(length >> 8)]
        bytes += dictionary.utf8
        bytes += Array(repeating: UInt8(ascii: " "), count: padding)
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    /// Reads versions 1 to 3 of the format; column-major values are reordered.
    static func read(_ bytes: UnsafeRawBufferPointer, name: String, path: String) throws -> NamedArray {
        let reader = ByteReader(bytes: bytes, path: "\(path)/\(name).npy")
        guard try reader.slice(0, 6, "the magic string").elementsEqual(magic) else {
            throw reader.damaged("it does not begin with the magic string of .npy files")
        }
        let version = try reader.load(6, as: UInt8.self, "the version")
        guard 1...3 ~= version else {
            throw FileError(.unsupported, path, key: name, "version \(version) of .npy; versions 1 to 3 are read.")
        }
        let start = version == 1 ? 10 : 12
        let length =
            version == 1
            ? try reader.load(8, as: UInt16.self, "the header's length")
            : try reader.load(8, as: UInt32.self, "the header's length")
        let text = String(decoding: try reader.slice(start, length, "the header"), as: UTF8.self)
        var scanner = HeaderScanner(text)
        guard let header = scanner.header() else {
            throw FileError(
                .unsupported, path, key: name,
                "the .npy header is not that of a plain array: \(text.prefix(120).trimmingSuffix); "
                    + "structured and damaged headers are not read.")
        }
        guard let order = header.type.first, "<>|".contains(order),
            let storage = Storage.allCases.first(where: { $0.numpy == String(header.type.dropFirst()) }),
            (order == "|") == (storage.size == 1)
        else {
            let known = Storage.allCases.compactMap(\.numpy).joined(separator: " ")
            throw FileError(
                .unsupported, path, key: name,
                "NumPy type '\(header.type)' is not read, only \(known); convert it, e.g. with x.astype('<f8').")
        }
        guard let count = elementCount(of: header.shape), count <= bytes.count / storage.size else {
            throw reader.damaged("shape \(header.shape) does not fit into \(bytes.count) bytes")
        }
        let values = try reader.slice(start + length, count * storage.size, "the values")
        guard start + length + values.count == bytes.count else {
            throw reader.damaged("\(bytes.count - start - length - values.count) bytes follow the values")
        }
        guard var data = storage.decode(values, bigEndian: order == ">") else {
            throw FileError(.unsupported, path, key: name, "holds a number of 2^63 or more.")
        }
        if header.columnMajor && header.shape.count > 1 { data = data.rowMajor(header.shape) }
        return NamedArray(name, shape: header.shape, data)
    }
}

/// Reads `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`, keys in any order.
private struct HeaderScanner {
    private var rest: Substring.UTF8View

    init(_ text: String) { rest = text[...].utf8 }

    mutating func header() -> (type: String, columnMajor: Bool, shape: [Int])? {
        var type: String?
        var columnMajor: Bool?
        var shape: [Int]?
        guard accept("{") else { return nil }
        while !accept("}") {
            guard let key = quoted(), accept(":") else { return nil }
            switch key {
            case "descr": type = quoted()
            case "fortran_order": columnMajor = accept("True") ? true : accept("False") ? false : nil
            case "shape": shape = tuple()
            default: return nil
            }
            if !accept(",") {
                guard accept("}") else { return nil }
                break
            }
        }
        guard let type, let columnMajor, let shape else { return nil }
        return (type, columnMajor, shape)
    }

    private mutating func accept(_ token: String) -> Bool {
        rest = rest.drop { $0 == UInt8(ascii: " ") }
        guard rest.starts(with: token.utf8) else { return false }
        rest = rest.dropFirst(token.utf8.count)
        return true
    }

    private mutating func quoted() -> String? {
        let mark = accept("'") ? "'" : accept("\"") ? "\"" : nil
        guard let mark, let end = rest.firstIndex(of: mark.utf8.first ?? 0) else { return nil }
        let text = String(Substring(rest[..<end]))
        rest = rest[rest.index(after: end)...]
        return text
    }

    private mutating func tuple() -> [Int]? {
        guard accept("(") else { return nil }
        var sizes: [Int] = []
        while !accept(")") {
            rest = rest.drop { $0 == UInt8(ascii: " ") }
            let digits = rest.prefix { 48...57 ~= $0 }
            guard let size = Int(Substring(digits)) else { return nil }
            sizes.append(size)
            rest = rest.dropFirst(digits.count)
            if !accept(",") {
                guard accept(")") else { return nil }
                break
            }
        }
        return sizes
    }
}

extension Substring {
    /// Without the padding of a header.
    fileprivate var trimmingSuffix: Substring {
        guard let last = lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return self[...last]
    }
}

extension NamedArray.Element {
    /// Values stored with the first index running fastest, in row-major order.
    fileprivate func rowMajor(_ shape: [Int]) -> Self {
        func reorder<Value>(_ values: [Value]) -> [Value] {
            let strides = shape.indices.map { shape[..<$0].reduce(1, *) }
            var index = shape.map { _ in 0 }
            var position = 0
            return values.indices.map { _ in
                let value = values[position]
                for axis in shape.indices.reversed() {
                    index[axis] += 1
                    position += strides[axis]
                    if index[axis] < shape[axis] { break }
                    position -= strides[axis] * shape[axis]
                    index[axis] = 0
                }
                return value
            }
        }
        return switch self {
        case .f64(let values): .f64(reorder(values))
        case .f32(let values): .f32(reorder(values))
        case .i32(let values): .i32(reorder(values))
        case .i64(let values): .i64(reorder(values))
        case .u8(let values): .u8(reorder(values))
        }
    }
}
