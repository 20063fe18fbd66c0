import ArrayFiles
import Engine
import Foundation
import Protocols

/// `checkpoint.safetensors` in a run's folder: where training stands, all it takes to go on to the same bits.
enum Checkpoint {
    typealias Tensor = (name: String, shape: [Int], values: UnsafeMutableRawPointer)

    static func file(_ folder: String) -> String { folder + "/checkpoint.safetensors" }
    static func exists(in folder: String) -> Bool { FileManager.default.fileExists(atPath: file(folder)) }

    static func write(
        _ tensors: [Tensor], _ precision: Precision, states: [(name: String, tensor: ProbeMemory.Tensor)] = [],
        step: Int, to folder: String
    ) throws {
        let arrays =
            tensors.map { NamedArray($0.name, shape: $0.shape, reading: $0.values, precision) }
            + states.map { NamedArray($0.name, $0.tensor) }
        try Safetensors.write(arrays, metadata: ["step": "\(step)"], to: file(folder))
    }

    /// The step of the checkpoint in a folder; nil if there is none.
    static func step(in folder: String) throws -> Int? {
        guard exists(in: folder) else { return nil }
        return try step(Safetensors.read(file(folder)) { _ in false }.metadata, folder)
    }

    /// Sets the tensors to the values of the checkpoint, which must have all of them and no others but states of probes: those that
    /// `state` takes.
    static func read(
        into tensors: [Tensor], _ precision: Precision, from folder: String,
        state: (String, ProbeMemory.Tensor) -> Bool = { _, _ in false }
    ) throws -> Int {
        let (arrays, metadata) = try Safetensors.read(file(folder))
        let step = try step(metadata, folder)
        let byName = Dictionary(uniqueKeysWithValues: arrays.map { ($0.name, $0) })
        for tensor in tensors {
            guard let array = byName[tensor.name] else { throw misfit(folder, "has no '\(tensor.name)'") }
            guard array.shape == tensor.shape else {
                throw misfit(folder, "'\(tensor.name)' is \(array.shape), not \(tensor.shape)")
            }
            switch (array.data, precision) {
            case (.f32(let values), .f32): copy(values, to: tensor.values)
            case (.f64(let values), .f64): copy(values, to: tensor.values)
            default: throw misfit(folder, "'\(tensor.name)' is not \(precision)")
            }
        }
        let known = Set(tensors.map(\.name))
        if let other = arrays.first(where: { array in
            !known.contains(array.name) && !(ProbeMemory.Tensor(array).map { state(array.name, $0) } ?? false)
        }) {
            throw misfit(folder, "'\(other.name)' belongs to nothing in this run")
        }
        return step
    }

    private static func copy<Value>(_ values: [Value], to pointer: UnsafeMutableRawPointer) {
        values.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress { pointer.copyMemory(from: base, byteCount: bytes.count) }
        }
    }

    private static func step(_ metadata: [String: String], _ folder: String) throws -> Int {
        guard let step = metadata["step"].flatMap({ Int($0) }), step >= 0 else {
            throw misfit(folder, "names no step")
        }
        return step
    }

    private static func misfit(_ folder: String, _ what: String) -> StudyError {
        StudyError("\(file(folder)): \(what); 'syzygy run --fresh' begins anew")
    }
}

extension ProbeMemory.Tensor {
    /// nil for other numbers than a state has.
    fileprivate convenience init?(_ array: NamedArray) {
        switch array.data {
        case .f64: self.init(shape: array.shape, isInteger: false)
        case .i64: self.init(shape: array.shape, isInteger: true)
        default: return nil
        }
        array.data.withBytes { if let base = $0.baseAddress { pointer.copyMemory(from: base, byteCount: $0.count) } }
    }
}

extension NamedArray {
    fileprivate init(_ name: String, _ tensor: ProbeMemory.Tensor) {
        let bytes = UnsafeRawBufferPointer(start: tensor.pointer, count: tensor.bytes)
        self.init(
            name, shape: tensor.shape,
            tensor.isInteger
                ? .i64(Array(bytes.bindMemory(to: Int64.self))) : .f64(Array(bytes.bindMemory(to: Double.self))))
    }

    /// A copy of numbers in memory.
    init(_ name: String, shape: [Int], reading values: UnsafeRawPointer, _ precision: Precision) {
        let bytes = UnsafeRawBufferPointer(start: values, count: shape.reduce(1, *) * precision.bytes)
        switch precision {
        case .f32: self.init(name, shape: shape, .f32(Array(bytes.bindMemory(to: Float.self))))
        case .f64: self.init(name, shape: shape, .f64(Array(bytes.bindMemory(to: Double.self))))
        }
    }
}
