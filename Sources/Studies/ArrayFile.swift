import ArrayFiles
import Foundation
import Manifests
import Observing

/// A file of arrays of one step, `.npz` or `.safetensors`.
struct ArrayFile {
    var path: String
    var step: Int

    /// - Parameter steps: of the files; nil: the last number in each name, 0 for a single file without one.
    /// - Returns: in the order of the steps.
    static func all(_ paths: [String], steps: [Int]?) throws(StudyError) -> [ArrayFile] {
        if let steps, steps.count != paths.count {
            throw StudyError(
                "--steps: \(Words.count(steps.count, "step")) for \(Words.count(paths.count, "file")); give each one")
        }
        var files: [ArrayFile] = []
        for (index, path) in paths.enumerated() {
            let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
            let number = name.split { !($0.isASCII && $0.isNumber) }.last.flatMap { Int($0) }
            guard let step = steps?[index] ?? number ?? (paths.count == 1 ? 0 : nil) else {
                throw StudyError("\(path): its name has no number, which would be the step; give --steps 0,10,…")
            }
            if let other = files.first(where: { $0.step == step }) {
                throw StudyError("\(path): is of step \(step), as is \(other.path); give --steps 0,10,…")
            }
            files.append(ArrayFile(path: path, step: step))
        }
        return files.sorted { $0.step < $1.step }
    }

    /// The arrays that have names of quantities, and those that are given one.
    ///
    /// The file, its arrays and they in f64 are in memory together.
    func arrays(_ map: ArrayNames) throws -> [RecordedArray] {
        var names: [String] = []
        func isWanted(_ name: String) -> Bool {
            names.append(name)
            return map.isUsed(name)
        }
        let read: [NamedArray]
        if path.hasSuffix(".npz") {
            read = try NPZ.read(path, where: isWanted)
        } else if path.hasSuffix(".safetensors") {
            read = try Safetensors.read(path, where: isWanted).arrays
        } else {
            throw StudyError("\(path): expected a file of arrays, .npz or .safetensors")
        }
        try map.check(names, path)
        return read.flatMap { array in
            map.names(of: array.name).map { name in
                RecordedArray(
                    name, shape: array.shape, place: "\(path): array '\(array.name)'", fill: array.data.write)
            }
        }
    }
}

/// Which arrays are which quantities, where their names do not say it.
struct ArrayNames {
    /// The name of an array by that of a quantity, in the order given.
    private var given: [(quantity: String, array: String)] = []

    private static let short = QuantityExpression.Basic.allCases.map(\.rawValue).filter { $0.hasPrefix("layer.") }
        .map { String($0.dropFirst("layer.".count)) }

    /// - Parameter words: `input=R,weight=W` of one layer, which is called `layer`; `fc1/input=R1`; `labels=y`; behind `@` a split.
    init(_ words: [String]) throws(StudyError) {
        for word in words.flatMap({ $0.split(separator: ",") }) {
            guard let equals = word.firstIndex(of: "="), equals != word.startIndex else {
                throw StudyError("--map \(word): expected quantity=array, such as input=R or fc1/weight=W1")
            }
            let quantity = try Self.name(String(word[..<equals]))
            if given.contains(where: { $0.quantity == quantity }) {
                throw StudyError("--map \(word): '\(quantity)' has an array already")
            }
            given.append((quantity, String(word[word.index(after: equals)...])))
        }
    }

    /// `fc1/layer.input` for `fc1/input`.
    private static func name(_ text: String) throws(StudyError) -> String {
        if RecordedArray.isQuantity(text) { return text }
        let split = text.lastIndex(of: "@").map { text[$0...] } ?? ""
        let whole = text.dropLast(split.count), slash = whole.lastIndex(of: "/")
        let own = slash.map { whole[whole.index(after: $0)...] } ?? whole
        let layer = slash.map { whole[..<$0] } ?? "layer"
        let name = "\(layer)/\(own.hasPrefix("layer.") ? "" : "layer.")\(own)\(split)"
        guard RecordedArray.isQuantity(name) else {
            let others = ["labels", "targets", "model.output", "sample.loss"]
            throw StudyError(
                "--map \(text)=…: unknown quantity '\(own)'" + Nearest.hint(for: String(own), among: short + others))
        }
        return name
    }

    func isUsed(_ array: String) -> Bool { !names(of: array).isEmpty }

    /// The quantities that an array is.
    func names(of array: String) -> [String] {
        let mapped = given.filter { $0.array == array }.map(\.quantity)
        let hasOwn = RecordedArray.isQuantity(array) && !given.contains { $0.quantity == array }
        return mapped + (hasOwn && !mapped.contains(array) ? [array] : [])
    }

    /// - Parameter there: the names of all arrays of a file.
    func check(_ there: [String], _ path: String) throws(StudyError) {
        for (quantity, array) in given where !there.contains(array) {
            throw StudyError(
                "\(path): no array '\(array)', which --map makes '\(quantity)'"
                    + Nearest.hint(for: array, among: Array(there.prefix(40)), label: "it has"))
        }
        guard !there.contains(where: isUsed) else { return }
        let example = "such as 'fc1/layer.input'; --map input=\(there.first ?? "R") says what an array is"
        throw StudyError(
            "\(path): no array has the name of a quantity, \(example)"
                + (there.isEmpty ? " (it has none)" : " (it has: \(there.prefix(40).joined(separator: ", ")))"))
    }
}

extension NamedArray.Element {
    fileprivate func write(to target: UnsafeMutableBufferPointer<Double>) {
        func copy(_ count: Int, _ value: (Int) -> Double) { for i in 0..<count { target[i] = value(i) } }
        switch self {
        case .f64(let values): copy(values.count) { values[$0] }
        case .f32(let values): copy(values.count) { Double(values[$0]) }
        case .i32(let values): copy(values.count) { Double(values[$0]) }
        case .i64(let values): copy(values.count) { Double(values[$0]) }
        case .u8(let values): copy(values.count) { Double(values[$0]) }
        }
    }
}
