import ArrayFiles
import SyzygyKit

/// First values of a parameter `[rows, …]` of n numbers from an array of its shape, as far as a function sees it: equal first axes and counts.
@c(from_file) public func fromFile(
    _ w: UnsafePointer<Double>, _ rows: Int64, _ n: Int64, _ file: UnsafePointer<UInt8>?, _ bytes: Int64,
    _ path: UnsafePointer<CChar>, _ parameter: UnsafePointer<CChar>, _ prefix: UnsafePointer<CChar>,
    _ array: UnsafePointer<CChar>, _ value: UnsafeMutablePointer<Double>, _ message: UnsafeMutablePointer<CChar>,
    _ messageSize: Int
) -> syzygy_status {
    report(message, messageSize) {
        guard let file = GivenFile(file, bytes, path) else { throw Failure(option: "the study names no file") }
        let given = String(cString: array)
        let wanted = given.isEmpty ? String(cString: prefix) + String(cString: parameter) : given
        var names: [String] = []
        func isWanted(_ name: String) -> Bool {
            names.append(name)
            return name == wanted
        }
        // A zip archive begins with PK.
        let isArchive =
            file.bytes.count > 1 && file.bytes[0] == UInt8(ascii: "P") && file.bytes[1] == UInt8(ascii: "K")
        let arrays =
            isArchive
            ? try NPZ.read(file.bytes, path: file.path, where: isWanted)
            : try Safetensors.read(file.bytes, path: file.path, where: isWanted).arrays
        guard let found = arrays.first(where: { $0.name == wanted }) else {
            let known = names.count > 20 ? names.sorted().prefix(20) + ["…"] : names.sorted()[...]
            throw Failure("\(file.path): no array '\(wanted)' (it has: \(known.joined(separator: ", ")))")
        }
        guard found.data.count == Int(n), found.shape.first ?? 1 == Int(rows) else {
            throw Failure(
                "\(file.path): array '\(wanted)' has the shape \(found.shape); the parameter has \(n) numbers, "
                    + "\(rows) in its first axis")
        }
        if let place = found.data.firstNotFinite {
            throw Failure("\(file.path): array '\(wanted)' is infinite or NaN at element \(place)")
        }
        found.data.copy(0, into: UnsafeMutableBufferPointer(start: value, count: Int(n)))
    }
}
