import ArrayFiles
import Engine
import Foundation
import LinearAlgebra
import Protocols
import Training

/// `checkpoint.safetensors` in a run's folder: where training stands, all it takes to go on to the same bits.
enum Checkpoint {
    typealias Tensor = (name: String, shape: [Int], values: UnsafeMutableRawPointer)

    static func file(_ folder: String) -> String { folder + "/checkpoint.safetensors" }
    /// `step-00001000.safetensors`, in `checkpoints/` of the run's folder.
    static func name(step: Int) -> String { StudyFolder.name(step: step) + ".safetensors" }

    /// Those of `checkpoints/`, ascending.
    static func steps(in folder: String) -> [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder + "/checkpoints")) ?? []
        return names.compactMap { $0.wholeMatch(of: /step-(\d+)\.safetensors/).flatMap { Int($0.1) } }.sorted()
    }

    static func exists(in folder: String) -> Bool { FileManager.default.fileExists(atPath: file(folder)) }

    /// - Parameters:
    ///   - observations: those up to the step, which are on disk.
    ///   - end: of a run that does not go on from here, though it has steps left.
    static func write(
        _ tensors: [Tensor], _ precision: Precision, states: [(name: String, tensor: ProbeMemory.Tensor)] = [],
        step: Int, observations: ObservationWriter.Position, end: Outcome? = nil, to file: String
    ) throws {
        let arrays =
            tensors.map { NamedArray($0.name, shape: $0.shape, reading: $0.values, precision) }
            + states.map { NamedArray($0.name, $0.tensor) }
        var metadata = [
            "step": "\(step)", "sha256": digest(of: arrays), "observations_bytes": "\(observations.bytes)",
            "observations_sha256": observations.sha256,
        ]
        switch end {
        case .ended(_, let why): metadata["ended"] = why
        case .diverged(_, let what): metadata["diverged"] = what
        case .finished, .stopped, nil: break
        }
        try Safetensors.write(arrays, metadata: metadata, to: file)
    }

    /// Of names and values, in the order of the names.
    private static func digest(of arrays: [NamedArray]) -> String {
        var running = SHA256.Running()
        for array in arrays.sorted(by: { $0.name < $1.name }) {
            Array(array.name.utf8).withUnsafeBytes { running.add($0) }
            array.data.withBytes { running.add($0) }
        }
        return running.hex
    }

    /// A checkpoint as it was read, its digest verified.
    struct Content {
        var step: Int
        var observations: ObservationWriter.Position
        /// A rule or a number that is not finite ended the run here, and whoever computed it was killed before the record said so.
        var end: Outcome?
        fileprivate var arrays: [NamedArray]
        fileprivate var file: String

        /// Sets the tensors to the values of the checkpoint, which must have all of them and no others but states of probes: those
        /// that `state` takes.
        func set(
            _ tensors: [Tensor], _ precision: Precision,
            state: (String, ProbeMemory.Tensor) -> Bool = { _, _ in false }
        ) throws {
            let byName = Dictionary(uniqueKeysWithValues: arrays.map { ($0.name, $0) })
            for tensor in tensors {
                guard let array = byName[tensor.name] else { throw misfit("has no '\(tensor.name)'") }
                guard array.shape == tensor.shape else {
                    throw misfit("'\(tensor.name)' is \(array.shape), not \(tensor.shape)")
                }
                switch (array.data, precision) {
                case (.f32(let values), .f32): copy(values, to: tensor.values)
                case (.f64(let values), .f64): copy(values, to: tensor.values)
                default: throw misfit("'\(tensor.name)' is not \(precision)")
                }
            }
            let known = Set(tensors.map(\.name))
            if let other = arrays.first(where: { array in
                !known.contains(array.name) && !(ProbeMemory.Tensor(array).map { state(array.name, $0) } ?? false)
            }) {
                throw misfit("'\(other.name)' belongs to nothing in this run")
            }
        }

        /// Sets what there is of the tensors of another run; parameters must all be there. Returns the names of the others that begin
        /// anew.
        func fork(_ tensors: [Tensor], _ precision: Precision) throws -> [String] {
            let isParameter = { (name: String) in name.hasPrefix("parameter/") }
            let fitting = tensors.filter { tensor in
                isParameter(tensor.name)
                    || arrays.contains {
                        $0.name == tensor.name && $0.shape == tensor.shape && $0.data.precision == precision
                    }
            }
            let names = Set(fitting.map(\.name))
            var wanted = self
            wanted.arrays = arrays.filter { names.contains($0.name) || isParameter($0.name) }
            try wanted.set(fitting, precision)
            return tensors.map(\.name).filter { !names.contains($0) }
        }

        private func misfit(_ what: String) -> StudyError {
            StudyError("\(file): \(what); 'syzygy run --fresh' begins anew")
        }
    }

    /// nil if there is none. Throws, in a sentence, what is damaged: the file, or the observations that belong to it.
    static func read(from folder: String) throws(StudyError) -> Content? {
        guard exists(in: folder) else { return nil }
        let content = try read(file(folder))
        let table = folder + "/observations.csv"
        guard content.observations.isBeginning(of: table) else {
            throw StudyError(
                "\(table): does not begin with the \(content.observations.bytes) bytes of the checkpoint at step \(content.step)"
            )
        }
        return content
    }

    /// The same without the observations.
    static func read(_ file: String) throws(StudyError) -> Content {
        let (arrays, metadata): ([NamedArray], [String: String])
        do { (arrays, metadata) = try Safetensors.read(file) } catch { throw StudyError("\(error)") }
        guard let step = metadata["step"].flatMap({ Int($0) }), step >= 0,
            let bytes = metadata["observations_bytes"].flatMap({ Int($0) }), bytes >= 0,
            let observations = metadata["observations_sha256"]
        else { throw StudyError("\(file): does not say its step and observations") }
        guard metadata["sha256"] == digest(of: arrays) else {
            throw StudyError("\(file): the values are not those whose digest it has")
        }
        let position = ObservationWriter.Position(bytes: bytes, sha256: observations)
        let end: Outcome? =
            metadata["ended"].map { .ended(step: step, why: $0) }
            ?? metadata["diverged"].map { .diverged(step: step, what: $0) }
        return Content(step: step, observations: position, end: end, arrays: arrays, file: file)
    }

    private static func copy<Value>(_ values: [Value], to pointer: UnsafeMutableRawPointer) {
        values.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress { pointer.copyMemory(from: base, byteCount: bytes.count) }
        }
    }
}

extension NamedArray.Element {
    /// nil for integers.
    fileprivate var precision: Precision? {
        switch self {
        case .f32: .f32
        case .f64: .f64
        default: nil
        }
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
